package harness

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/accuracy"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// prepareRegistry checks what the product makes of application numbers
// against facts: the number, its filing date, and what follows from both.
func (s *Service) prepareRegistry(t Task) (*plan, error) {
	raw, err := s.open(t.Dataset)
	if err != nil {
		return nil, err
	}
	table, err := readTable(raw)
	if err != nil || len(table) < 2 {
		return nil, fault.New(fault.Invalid, "eval.registry", "登记数据有误。", "The registry facts are malformed or empty.").Because(err)
	}
	at := map[string]int{}
	for i, h := range table[0] {
		at[h] = i
	}
	column := func(names ...string) (int, error) {
		for _, n := range names {
			if i, ok := at[n]; ok {
				return i, nil
			}
		}
		return 0, fault.New(fault.Invalid, "eval.registry.missing_column", "登记数据缺少列 "+names[0]+"。", "The registry facts have no column "+names[0]+".")
	}
	number, err := column("number", "app_num")
	if err != nil {
		return nil, err
	}
	filed, err := column("filing_date", "app_date")
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(table)-1)
	seen := map[string]bool{}
	type row struct {
		filed  string
		events []patent.Event
	}
	var rows []row
	for _, cells := range table[1:] {
		if id := cells[number]; !seen[id] {
			seen[id] = true
			ids = append(ids, id)
			r := row{filed: cells[filed]}
			for name, code := range eventColumns {
				if i, ok := at[name]; ok {
					if d, err := calendar.Parse(cells[i]); err == nil {
						r.events = append(r.events, patent.Event{Code: code, Effective: d})
					}
				}
			}
			rows = append(rows, r)
		}
	}
	return &plan{
		dataset: DatasetID{Name: datasetName(t.Dataset), SHA256: digest(raw)}, cases: ids,
		answer: func(_ context.Context, i int) (Sample, error) {
			x := checkNumber(ids[i], rows[i].filed)
			if len(rows[i].events) > 0 {
				x.Values["legal_state"] = legalState(rows[i].events)
				x.Loss["errors"] += 1 - x.Values["legal_state"]
			}
			return x, nil
		},
		summarise: summariseRegistry,
	}, nil
}

// eventColumns are the columns of gazette dates and the codes of what they
// date.
var eventColumns = map[string]string{
	"substantive_review": "SE01", "grant": "GR01", "app_withdraw": "WD01", "reject": "RJ01", "waive": "AV01", "terminate": "CF01", "recover": "RR01",
}

// legalState is the share of days around every event on which the state
// reduced from the events is the one their dates say: the last event that
// grants or ends the right decides. The day before an event does not know it.
func legalState(events []patent.Event) float64 {
	says := map[string]patent.Standing{"SE01": patent.Pending, "GR01": patent.Alive, "RR01": patent.Alive, "WD01": patent.Dead, "RJ01": patent.Dead, "AV01": patent.Dead, "CF01": patent.Dead}
	right, asked := 0.0, 0.0
	for _, e := range events {
		for _, day := range []calendar.Date{e.Effective.AddDays(-1), e.Effective, e.Effective.AddDays(1)} {
			want := patent.Unknown
			var last calendar.Date
			for _, f := range events {
				if !f.Effective.After(day) && !f.Effective.Before(last) {
					want, last = says[f.Code], f.Effective
				}
			}
			asked++
			if patent.Reduce(events, day).Standing == want {
				right++
			}
		}
	}
	return right / asked
}

// registryChecks, in the order of the table.
var registryChecks = []struct{ name, about string }{
	{"accepted", "the printed number is accepted"},
	{"round_trip", "its normal form is read back as the same number"},
	{"spellings", "ZL, full width, blanks and no dot give the same number"},
	{"check_digit", "the check digit recomputed from the digits is the printed one"},
	{"year", "the year in the number is that of the filing date"},
	{"term", "the term ends 20, 10 or 15 years after filing, by kind"},
	{"legal_state", "the state on the days around every gazette event follows from the events"},
	{"typo_caught", "every one-digit misprint is refused (share caught)"},
	{"swap_caught", "every swap of two neighbouring unlike digits is refused (share caught)"},
}

func checkNumber(printed, filed string) Sample {
	x := Sample{Status: "ok", Values: map[string]float64{}, Loss: map[string]float64{}}
	set := func(name string, ok bool) {
		x.Values[name] = 0
		if ok {
			x.Values[name] = 1
		}
	}
	n, err := patent.ParseNumber(printed)
	set("accepted", err == nil)
	if err != nil {
		x.Loss["errors"] = 1
		x.Reason = fault.Public(err).Code
		return x
	}
	again, err := patent.ParseNumber(n.String())
	set("round_trip", err == nil && again == n)
	bare := strings.TrimPrefix(strings.TrimPrefix(strings.ToUpper(printed), "CN"), "ZL")
	same := true
	for _, spelling := range []string{"ZL" + bare, " " + bare + " ", strings.ReplaceAll(bare, ".", ""), fullWidth(bare), "CN " + bare} {
		m, err := patent.ParseNumber(spelling)
		same = same && err == nil && m.Key() == n.Key()
	}
	set("spellings", same)
	digits, check, hasCheck := strings.Cut(bare, ".")
	if hasCheck {
		set("check_digit", string(patent.CheckDigit(digits)) == check)
	}
	if d, err := calendar.Parse(filed); err == nil {
		set("year", n.Year == d.Year)
		years := map[patent.Kind]int{patent.Invention: 20, patent.UtilityModel: 10, patent.Design: 15}[n.Kind]
		if n.Kind == patent.Design && d.Before(calendar.MustParse("2021-06-01")) {
			years = 10 // filed before the fourth revision of the Patent Law took effect
		}
		if d.Before(calendar.MustParse("1993-01-01")) && n.Kind != patent.Invention {
			years = 8 // five and three under the first Patent Law
		}
		set("term", patent.Expiry(n.Kind, d, 0) == d.AddYears(years))
	}
	if hasCheck {
		x.Values["typo_caught"], x.Values["swap_caught"] = misprints(digits, check)
	}
	for _, c := range registryChecks {
		if v, ok := x.Values[c.name]; ok {
			x.Loss["errors"] += 1 - v
		}
	}
	return x
}

func fullWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r == 'X' {
			return r - '!' + '！'
		}
		return r
	}, s)
}

// misprints returns the share of one-digit errors and of neighbour swaps in
// the digits before the check character that are refused. Numbers refused for
// another reason (an impossible year or kind) count: they are refused.
func misprints(digits, check string) (typo, swap float64) {
	refused := func(s string) float64 {
		if _, err := patent.ParseNumber("CN" + s + "." + check); err != nil {
			return 1
		}
		return 0
	}
	typos, swaps := 0.0, 0.0
	b := []byte(digits)
	for i, old := range b {
		for d := byte('0'); d <= '9'; d++ {
			if d != old {
				b[i] = d
				typo += refused(string(b))
				typos++
			}
		}
		b[i] = old
		if i > 0 && b[i] != b[i-1] {
			b[i], b[i-1] = b[i-1], b[i]
			swap += refused(string(b))
			swaps++
			b[i], b[i-1] = b[i-1], b[i]
		}
	}
	return typo / typos, swap / max(swaps, 1)
}

func summariseRegistry(samples []Sample, opt accuracy.Options) (*Summary, error) {
	sum := countStatuses(samples)
	table := Table{Title: "Registry facts 登记信息", Header: []string{"check", "n", "right", "wrong cases"}, Caption: "Shares with their exact 95% interval, or means of shares over numbers with a bootstrap interval."}
	for _, c := range registryChecks {
		var v []float64
		var wrong []string
		right, whole := 0, true
		for _, x := range samples {
			y, ok := x.Values[c.name]
			if !ok {
				continue
			}
			v = append(v, y)
			whole = whole && (y == 0 || y == 1)
			if y == 1 {
				right++
			} else {
				wrong = append(wrong, x.Case)
			}
		}
		if len(v) == 0 {
			continue
		}
		var f accuracy.Figure
		var err error
		if whole {
			f, err = accuracy.ClopperPearson(right, len(v), 0.95)
		} else {
			f, err = accuracy.MeanFigure(v, nil, opt)
		}
		if err != nil {
			return nil, err
		}
		sum.add("registry", c.name+"_rate", len(v), f)
		slices.SortFunc(wrong, cmp.Compare)
		list := strings.Join(wrong[:min(5, len(wrong))], ", ")
		if len(wrong) > 5 {
			list += fmt.Sprintf(" and %d more", len(wrong)-5)
		}
		table.Rows = append(table.Rows, []string{c.about, strconv.Itoa(len(v)), percent(f), cmp.Or(list, "none")})
	}
	sum.Tables = append(sum.Tables, table)
	return sum, nil
}
