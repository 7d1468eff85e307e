//go:build race

package valuation

// underRace reports whether the race detector slows the tests tenfold.
const underRace = true
