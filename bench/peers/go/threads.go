package main

import (
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
)

type record struct {
	id   int
	name string
	v    float64
}

// There and back between two threads of the system.
func pipe(n, x int) run {
	a, b := make(chan int), make(chan int)
	return timed(func() {
		runtime.LockOSThread()
		go func() {
			runtime.LockOSThread()
			for v := range a {
				b <- v
			}
		}()
		for i := 0; i < n; i++ {
			a <- i
			<-b
		}
		close(a)
	})
}

// n records through one channel, x goroutines at each end.
func crowd(n, x int) run {
	return timed(func() {
		c := make(chan record, 1000)
		share := n / x
		var all sync.WaitGroup
		all.Add(2 * x)
		for i := 0; i < x; i++ {
			go func() {
				for j := 0; j < share; j++ {
					c <- record{1, "task", 1.5}
				}
				all.Done()
			}()
			go func() {
				for j := 0; j < share; j++ {
					<-c
				}
				all.Done()
			}()
		}
		all.Wait()
	})
}

func echo(port int) {
	server, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		panic(err)
	}
	for {
		conn, err := server.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			buffer := make([]byte, 4096)
			for {
				n, err := conn.Read(buffer)
				if err == io.EOF || err != nil {
					conn.Close()
					return
				}
				conn.Write(buffer[:n])
			}
		}()
	}
}

// The other server of bench/net.lua.
func hello(port int) {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Write([]byte("Hello, world!\n"))
	})
	panic(http.ListenAndServe("127.0.0.1:"+strconv.Itoa(port), nil))
}

func init() {
	works["pipe"] = pipe
	works["queue"] = func(n, x int) run { return crowd(n, 1) }
	works["crowd"] = crowd
}
