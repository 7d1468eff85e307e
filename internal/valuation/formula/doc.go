// Package formula offers every formula of valuation by name, as `zhijia
// compute` lists them. Start at [Compute]. Money is yuan, rates are fractions
// per year; the conventions are those of the peers the names come from, year-end
// discounting and whole years, unless an input says otherwise.
package formula
