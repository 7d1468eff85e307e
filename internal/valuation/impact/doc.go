// Package impact predicts the citation percentile of a patent within its class
// and filing year from counted facts and a text vector. Start at [Fit];
// percentiles are 0 to 100.
package impact
