package main

// evalCmd measures how wrong the figures are.
type evalCmd struct {
	Stats evalStatsCmd `cmd:"" help:"Compute accuracy statistics of columns read from standard input or a file."`
}
