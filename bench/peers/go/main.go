// Goroutines, channels and timers of Go: go WORK N [X]
//
// A work is a function of n and x: it prepares, and returns a function that does
// it n times. Printed are the ns for each time, or the figure that is returned
// (if it is not 0).
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

type run func() float64
type work func(n, x int) run

var works = map[string]work{}

func number(i int) int {
	if len(os.Args) <= i {
		return 0
	}
	n, err := strconv.Atoi(os.Args[i])
	if err != nil {
		panic(err)
	}
	return n
}

func main() {
	n := number(2)
	if os.Args[1] == "echo" {
		echo(n)
	}
	if os.Args[1] == "http" {
		hello(n)
	}
	do := works[os.Args[1]](n, number(3))
	now := func() float64 { return float64(time.Now().UnixNano()) }
	if os.Getenv("CLOCK") == "processor" {
		now = processor
	}
	began := now()
	figure := do()
	if figure == 0 {
		figure = (now() - began) / float64(n)
	}
	fmt.Println(figure)
}
