package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// In one thread, as the tasks that it is compared with.
func single(w work) work {
	return func(n, x int) run {
		runtime.GOMAXPROCS(1)
		return w(n, x)
	}
}

func timed(body func()) run {
	return func() float64 {
		body()
		return 0
	}
}

// n yields by x goroutines, which have begun.
func many(n, x int) run {
	var all sync.WaitGroup
	all.Add(x)
	for i := 0; i < x; i++ {
		go func() {
			for j := 0; j <= n/x; j++ {
				runtime.Gosched()
			}
			all.Done()
		}()
	}
	runtime.Gosched()
	return timed(all.Wait)
}

func start(n, x int) run {
	return timed(func() {
		for i := 0; i < n/100; i++ {
			var all sync.WaitGroup
			all.Add(100)
			for j := 0; j < 100; j++ {
				go all.Done()
			}
			all.Wait()
		}
	})
}

func resident() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return float64(pages) * 4096
}

func processor() float64 {
	var use syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &use)
	return float64(use.Utime.Nano() + use.Stime.Nano())
}

func sleepers(memory bool) work {
	return func(n, x int) run {
		return func() float64 {
			before, began := resident(), processor()
			var all sync.WaitGroup
			all.Add(n)
			for i := 0; i < n; i++ {
				go func() {
					time.Sleep(500 * time.Millisecond)
					all.Done()
				}()
			}
			runtime.Gosched()
			size := (resident() - before) / float64(n)
			all.Wait()
			if memory {
				return size
			}
			return (processor() - began) / float64(n)
		}
	}
}

func channel(n, x int) run {
	c := make(chan int, 16)
	return timed(func() {
		for i := 0; i < n; i++ {
			c <- i
			<-c
		}
	})
}

func pingpong(n, x int) run {
	a, b := make(chan int), make(chan int)
	return timed(func() {
		go func() {
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

// A limit on all that a function does is a context, which the function asks.
func timeout(n, x int) run {
	return timed(func() {
		for i := 0; i < n; i++ {
			limit, cancel := context.WithTimeout(context.Background(), time.Second)
			done := make(chan bool, 1)
			go func() {
				runtime.Gosched()
				done <- true
			}()
			select {
			case <-done:
			case <-limit.Done():
			}
			cancel()
		}
	})
}

// Arm and disarm a timer while x others are pending.
func timers(n, x int) run {
	for i := 0; i < x; i++ {
		time.AfterFunc(time.Hour+time.Duration(i), func() {})
	}
	return timed(func() {
		for i := 0; i < n; i++ {
			time.AfterFunc(time.Second, func() {}).Stop()
		}
	})
}

func spawn(n, x int) run {
	lua := os.Getenv("LUA")
	if lua == "" {
		lua = "lua5.4"
	}
	return timed(func() {
		for i := 0; i < n; i++ {
			if err := exec.Command(lua, "-e", "").Run(); err != nil {
				panic(err)
			}
		}
	})
}

func init() {
	works["switch"] = single(func(n, x int) run { return many(n, 2) })
	works["start"] = single(start)
	works["sleepers"] = single(sleepers(false))
	works["sleepers_memory"] = single(sleepers(true))
	works["channel"] = single(channel)
	works["pingpong"] = single(pingpong)
	works["timeout"] = single(timeout)
	works["many"] = single(many)
	works["timers"] = single(timers)
	works["spawn"] = spawn
}
