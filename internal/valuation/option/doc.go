// Package option values the right to develop a product later: [BlackScholes].
// Money is yuan, rates are continuous per year, times are years.
package option
