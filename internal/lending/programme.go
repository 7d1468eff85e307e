package lending

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
)

// Draw is what one borrower has drawn, or is held for it, under a programme.
type Draw struct {
	Programme  string    `json:"programme"`
	Borrower   string    `json:"borrower"`
	CreditCode string    `json:"credit_code,omitempty"`
	Amount     money.Fen `json:"amount"`
}

// ledger sums draws up while a batch is decided.
type ledger struct {
	total  map[string]money.Fen // by programme
	byCode map[[2]string]money.Fen
	byName map[[2]string]money.Fen // of draws without a code
	named  map[[2]string]money.Fen // of every draw
}

func newLedger(draws []Draw) *ledger {
	l := &ledger{map[string]money.Fen{}, map[[2]string]money.Fen{}, map[[2]string]money.Fen{}, map[[2]string]money.Fen{}}
	for _, d := range draws {
		l.add(d)
	}
	return l
}

func (l *ledger) add(d Draw) {
	name := [2]string{d.Programme, foldName(d.Borrower)}
	l.total[d.Programme] += d.Amount
	l.named[name] += d.Amount
	if d.CreditCode != "" {
		l.byCode[[2]string{d.Programme, foldName(d.CreditCode)}] += d.Amount
	} else {
		l.byName[name] += d.Amount
	}
}

// of returns what a row's borrower has drawn: by its credit code, and by its
// name where one of the two sides states no code.
func (l *ledger) of(programme string, r *Row) money.Fen {
	name := [2]string{programme, foldName(r.Borrower)}
	if r.CreditCode == "" {
		return l.named[name]
	}
	return l.byCode[[2]string{programme, foldName(r.CreditCode)}] + l.byName[name]
}

// Draws returns what the accepted contracts of a batch draw on its programmes,
// in queue order; contract is the key of each.
func (d *Decisions) Draws(batch []Valued, o *Options) (draws []Draw, contracts []string) {
	at := make(map[int]int, len(batch))
	for i := range batch {
		at[batch[i].Row.Line] = i
	}
	for i := range d.Contracts {
		c := &d.Contracts[i]
		if _, drawn := o.Programmes[c.Product]; drawn && c.Verdict == Accept {
			first := batch[at[c.Lines[0]]].Row
			for _, line := range c.Lines {
				first.CreditCode = cmp.Or(first.CreditCode, batch[at[line]].Row.CreditCode)
			}
			draws = append(draws, Draw{c.Product, first.Borrower, first.CreditCode, c.Recommended})
			contracts = append(contracts, c.Key)
		}
	}
	return draws, contracts
}

// Booked says that a patent secures a loan of the book, or is put up for
// something else, already.
type Booked struct {
	Number   string `json:"number"`
	Contract string `json:"contract,omitempty"` // empty: another institution noted an interest
	What     string `json:"what"`               // Chinese: 质押, or what is known of the other's interest
}

// booked finds patents that stand in the book under another contract: a second
// pledge is not registered, whoever offers it.
func (b *book) booked() {
	if len(b.o.Booked) == 0 {
		return
	}
	by := map[patent.Key][]Booked{}
	for _, x := range b.o.Booked {
		key := keyOf(x.Number)
		by[key] = append(by[key], x)
	}
	for i := range b.batch {
		row := &b.batch[i].Row
		if b.batch[i].Fault != nil {
			continue
		}
		for _, x := range by[b.batch[i].key()] {
			if x.Contract != "" && x.Contract == row.Contract {
				continue
			}
			evidence := x.What
			if x.Contract != "" {
				evidence = "担保合同 " + x.Contract + " 项下已登记" + x.What
				b.rows[i].Counted = false // what another institution noted is for a person to check
			}
			b.add(i, OfFile, Supplements, "D07", evidence, "核实是否已解除质押，或更换押品", "专利权质押登记办法：已质押的不再登记")
			break
		}
	}
}

// Later is an event about a row's patent that the row was not valued on.
type Later struct {
	Line int           `json:"line"`
	Code string        `json:"code"`
	Day  calendar.Date `json:"day"`
}

// later says of rows that the register has moved on: no answer is older than
// the register without saying so.
func (b *book) later() {
	news := map[int][]string{}
	for _, x := range b.o.Later {
		news[x.Line] = append(news[x.Line], x.zh())
	}
	for i := range b.batch {
		if list := news[b.batch[i].Row.Line]; len(list) > 0 && b.batch[i].Fault == nil {
			b.add(i, OfFile, Supplements, "D10", strings.Join(list, "、"), "重新决定该批次，或重新提交该文件：按今日的事实估值和判断", "")
		}
		if was := b.batch[i].Before; was != nil && b.batch[i].Fault == nil {
			why := "库中记录或成交台账有变动"
			if len(was.News) > 0 {
				var list []string
				for _, x := range was.News {
					list = append(list, x.zh())
				}
				why = "新登记：" + strings.Join(list, "、")
			}
			b.add(i, OfValue, Warns, "D11", fmt.Sprintf("%s估值%s，%s估值%s；%s", was.On, wanOr(was.Status, was.Point), was.Now, wanOr(b.batch[i].Status, b.batch[i].Point), why), "", "")
		}
	}
}

func (l *Later) zh() string {
	return patent.Codes[l.Code] + "（" + l.Code + "，" + l.Day.String() + "）"
}

// wanOr words a value, or that there is none.
func wanOr(s valuation.Status, f money.Fen) string {
	if s == valuation.Abstained {
		return "未给出"
	}
	return fmt.Sprintf("%.2f万元", float64(f)/float64(money.Wan))
}

// Since says of every row of a batch that was decided before, and that comes to
// the same, since when it stands: as of which day it was valued. asOf is the
// batch's.
func (d *Decisions) Since(batch []Valued, again *Again, asOf calendar.Date) {
	if again == nil {
		return
	}
	for i := range d.Rows {
		if v := &batch[i]; v.Before == nil && v.Fault == nil && !slices.Contains(again.Changed, d.Rows[i].Line) {
			d.Rows[i].UnchangedSince = v.Stands
			if v.Stands.IsZero() {
				d.Rows[i].UnchangedSince = asOf
			}
		}
	}
}

// Outlook is the cover of a contract at its end, and when its ceiling is first
// exceeded, should nothing change but the time the patents have left. The loan
// is taken as repaid at maturity.
type Outlook struct {
	Value         money.Fen     `json:"value_at_maturity"`
	Low           money.Fen     `json:"value_low_at_maturity"`
	Cover         *float64      `json:"cover_at_maturity"` // low / loan; nil without a loan
	Breach        calendar.Date `json:"breach,omitzero"`   // first date looked at on which the loan exceeds value times ceiling; zero: never
	ExpiryUnknown int           `json:"expiry_unknown"`    // patents whose value is carried flat
	Discount      float64       `json:"discount"`
}

// CoverOf returns what [Forecast] needs to look ahead on a contract of a
// decided batch.
func CoverOf(c *Contract, batch []Valued, rows []Decision, on calendar.Date) CoverInput {
	in := CoverInput{On: on, Maturity: c.Maturity, Loan: c.Loan}
	for i := range batch {
		if v := &batch[i]; rows[i].Counted && rows[i].Contract == c.Key {
			in.Items = append(in.Items, coverItem(v, rows[i].Ceiling))
		}
	}
	return in
}

func coverItem(v *Valued, ceiling float64) CoverItem {
	point, low, _ := v.worth()
	return CoverItem{Number: v.Row.Number, Value: point, Low: low, Expiry: v.Expiry, Ceiling: &ceiling}
}

// forecastCover forecasts the contract's cover and applies P14.
func (b *book) forecastCover(c *Contract, rows []int) {
	rate := b.o.Policy.CoverDiscount
	if rate == nil || !c.Maturity.After(b.on) {
		return
	}
	in := CoverInput{On: b.on, Maturity: c.Maturity, Loan: c.Loan}
	for _, i := range rows {
		if b.rows[i].Counted {
			in.Items = append(in.Items, coverItem(&b.batch[i], b.rows[i].Ceiling))
		}
	}
	points, unknown, err := Forecast(in, rate.Value)
	if err != nil {
		return // a maturity beyond any loan: P09 and E06 say so
	}
	end := points[len(points)-1]
	c.Outlook = &Outlook{Value: end.Value, Low: end.Low, Cover: end.Cover, ExpiryUnknown: unknown, Discount: rate.Value}
	if k := slices.IndexFunc(points, func(p CoverPoint) bool { return p.Breach }); k >= 0 {
		c.Outlook.Breach = points[k].Date
		if k > 0 { // at the start L01 says so
			b.each(rows, func(i int) {
				b.policy(i, "P14", "预计"+points[k].Date.String()+"超过，当日估值"+strconv.FormatFloat(points[k].Value.Yuan()/1e4, 'f', 2, 64)+"万元", "缩短期限、分期还款或增加押品")
			})
		}
	}
}
