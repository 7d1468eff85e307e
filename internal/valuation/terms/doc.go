// Package terms holds the words and the quantities that every theory of
// valuation shares: purposes, bases, premises, deal and owner kinds, quantities
// known exactly or as a range, the mathematics of time and money, and the nodes
// of the workings. Start at [Quantity]. Money is yuan as float64, rates are
// fractions per year, times are years.
package terms
