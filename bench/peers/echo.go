// The echo server of bench/net.lua, in Go.
package main

import (
	"fmt"
	"net"
)

func serve(conn net.Conn) {
	data := make([]byte, 65536)
	for {
		n, err := conn.Read(data)
		if err != nil {
			conn.Close()
			return
		}
		conn.Write(data[:n])
	}
}

func main() {
	server, _ := net.Listen("tcp", "127.0.0.1:0")
	fmt.Println(server.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := server.Accept()
		if err == nil {
			go serve(conn)
		}
	}
}
