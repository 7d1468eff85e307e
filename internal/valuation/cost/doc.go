// Package cost values a right by what it would cost to have it again, less
// obsolescence: information beside a value, never a ceiling. Start at [Value].
// Money is yuan at the valuation date.
package cost
