package deal

import (
	"strings"

	"zhijia/internal/calendar"
)

// Amount is an amount of money in a text.
type Amount struct {
	Quote
	Value    float64 // in units of the currency
	Currency string
	Ranged   bool // an end of a range
}

// Day is a date in a text. Of a month alone it is the first day, and not Whole.
type Day struct {
	Quote
	Date  calendar.Date
	Whole bool
}

// Number is a patent number in a text; Sure where its check digit holds.
type Number struct {
	Quote
	Number string // as the register writes it
	Key    string // normal form; the printed digits where it is not Sure
	Sure   bool
}

// Found is what a text names, each in order, by the rules that deals are read by.
type Found struct {
	Amounts []Amount
	Days    []Day
	Numbers []Number
}

// Find finds the amounts, dates and patent numbers of a text. The digits of a
// number are no amount, nor those of a date.
func Find(text string) (f Found) {
	if len(text) > MaxText || strings.TrimSpace(text) == "" {
		return f
	}
	v := newView(text)
	body := []byte(v.s)
	for _, m := range mentions(v.s) {
		f.Numbers = append(f.Numbers, Number{v.quote(m.span), m.number, m.key, m.sure})
		mask(body, m.a, m.b)
	}
	for _, m := range moments(string(body)) {
		f.Days = append(f.Days, Day{v.quote(m.span), m.date, len(m.form) == len("2006-01-02")})
		mask(body, m.a, m.b)
	}
	for _, m := range amounts(string(body)) {
		f.Amounts = append(f.Amounts, Amount{v.quote(m.span), m.yuan, m.currency, m.ranged})
	}
	return f
}
