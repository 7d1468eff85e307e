package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// steadyHeap spares a process most of its garbage collections until the
// returned function is called. A valuation leaves a megabyte of garbage and
// the live heap is small, so by default the collector would run every dozen
// valuations, at a third of their processor time. The ballast counts as live
// and is never touched: it moves the next collection some 100 MB further away
// and takes no memory of the machine. Unlike a higher GOGC it does not multiply
// a heap that is large already. limit is the size of the heap in bytes from
// which the collector runs as often as it must; GOMEMLIMIT wins.
func steadyHeap(limit int64) (release func()) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
	ballast := make([]byte, 96<<20)
	return func() { runtime.KeepAlive(ballast) }
}

// deskHeap keeps a file of 50,000 rows under 400 MB in every process that reads,
// works, decides or writes one. The ballast counts towards it.
const deskHeap = 340 << 20
