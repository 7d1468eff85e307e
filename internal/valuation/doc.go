// Package valuation turns evidence about a patent into an opinion of value:
// a figure with a range, the approaches it was reconciled from, the priced
// deals behind it and the workings.
//
// Start at [Assignment] (what is asked), [Evidence] (what is known before the
// valuation date), [Assumptions] (every number that can change a value) and
// [Conclude], which is pure and deterministic: same inputs, same bytes.
// The approaches are in files named after the trade: market.go, income.go,
// cost.go, option.go, rank.go and renewal.go; reconcile.go joins them,
// conformal.go makes the range honest, explain.go splits the value into its
// causes. [Compute] offers every formula by name.
//
// Money is yuan (CNY) as float64 unless a currency is stated; rates are
// fractions per year; quantities named log… are natural logarithms of yuan.
// The package reads no clock, file, network or database. Its output is a
// reference opinion (估值参考意见), never an appraisal report.
package valuation
