// The echo server of bench/net.lua, in Node.
const net = require("net");
const server = net.createServer((conn) => {
  conn.setNoDelay(true);
  conn.on("data", (data) => conn.write(data));
  conn.on("error", () => conn.destroy());
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(server.address().port);
});
