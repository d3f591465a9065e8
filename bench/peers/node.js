// Works of bench/net.lua by Node: servers at a port.
"use strict";

const works = {
  echo(port) {
    const net = require("net");
    net.createServer({ noDelay: true }, (socket) => {
      socket.on("data", (data) => socket.write(data));
      socket.on("error", () => socket.destroy());
    }).listen(port, "127.0.0.1", 4096);
  },

  http(port) {
    require("http").createServer((request, response) => {
      if (request.url !== "/") {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": 14 });
      response.end("Hello, world!\n");
    }).listen(port, "127.0.0.1", 4096);
  },
};

works[process.argv[2]](Number(process.argv[3]));
