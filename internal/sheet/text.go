package sheet

import (
	"slices"
	"strings"
)

// Narrow folds full-width ASCII to half width and trims.
func Narrow(s string) string {
	return strings.TrimSpace(strings.Map(func(x rune) rune {
		switch {
		case x >= 0xff01 && x <= 0xff5e:
			return x - 0xfee0
		case x == 0x3000:
			return ' '
		}
		return x
	}, s))
}

// Clip cuts a text to n characters, for messages.
func Clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// Error reports whether a cell holds what a spreadsheet writes for a formula
// that failed.
func Error(s string) bool {
	return slices.Contains([]string{"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"}, strings.ToUpper(s))
}
