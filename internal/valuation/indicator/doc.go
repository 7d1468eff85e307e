// Package indicator scores a patent under a sheet of weighted indicators in the
// frame of GB/T 42748-2023. Start at [Sheet.Score]. Scores are 0 to 100; an
// unknown indicator is never 0 but widens the result.
package indicator
