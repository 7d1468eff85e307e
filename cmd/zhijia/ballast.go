package main

import "runtime"

// steadyHeap spares a long-running process most of its garbage collections
// until the returned function is called. A valuation leaves a megabyte of
// garbage and the live heap is small, so by default the collector would run
// every dozen valuations, at a third of their processor time. The ballast
// counts as live and is never touched: it moves the next collection some 100 MB
// further away and takes no memory of the machine. Unlike a higher GOGC it does
// not multiply a heap that is large already.
func steadyHeap() (release func()) {
	ballast := make([]byte, 96<<20)
	return func() { runtime.KeepAlive(ballast) }
}
