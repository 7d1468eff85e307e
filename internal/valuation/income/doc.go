// Package income values a right by the money it earns: relief from royalty,
// with the royalty by range and score, the discount rate by build-up, WACC or
// as stated, the tax amortisation benefit, and the renewal bound. Start at
// [ReliefFromRoyalty]. Money is yuan, rates are fractions per year after tax
// unless stated, times are years from the valuation date.
package income
