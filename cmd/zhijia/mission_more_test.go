package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// show runs a command whose answer may say no: the answer is read whatever the
// exit code.
func (m *mission) show(into any, args ...string) {
	m.t.Helper()
	var out, errs bytes.Buffer
	run(m.t.Context(), append([]string{"--json"}, args...), strings.NewReader(""), &out, &errs)
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		m.t.Fatalf("%v: %v\n%s%s", args, err, out.String(), errs.String())
	}
}

// example is a generated case of the program, to be changed by the draw; only
// what the reckoning uses is changed.
func (m *mission) example(args ...string) map[string]any {
	m.t.Helper()
	var v map[string]any
	if code := m.say("", &v, append(args, "example", "--seed", strconv.Itoa(1+m.r.IntN(1000)))...); code != "" {
		m.t.Fatal(code)
	}
	return v
}

func (m *mission) write(name string, v any) string { return m.file(name, encode(v)) }

func items(v map[string]any, key string) []map[string]any {
	var out []map[string]any
	for _, x := range v[key].([]any) {
		out = append(out, x.(map[string]any))
	}
	return out
}

// number draws the number of an invention with its check digit.
func (m *mission) number(year int) string {
	digits := fmt.Sprintf("%d1%07d", year, m.r.IntN(1e7))
	return digits + "." + checkDigit(digits)
}

func (m *mission) day(from time.Time, days int) time.Time { return from.AddDate(0, 0, m.r.IntN(days)) }

func fen(x float64) float64 { return math.Round(x*100) / 100 }

// weekday moves a day by so many days from Monday to Friday.
func weekday(d time.Time, n int) time.Time {
	for n > 0 {
		if d = d.AddDate(0, 0, 1); d.Weekday() != time.Saturday && d.Weekday() != time.Sunday {
			n--
		}
	}
	return d
}

func init() {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for n, reckon := range map[int]func(*mission){
		// A file of the loan desk: every wrong check digit is named with the right one,
		// an ended right is refused, and the loan to value is the loan over the value.
		1: func(m *mission) {
			text := "序号,借款人名称,专利号,专利名称,专利类型,申请日,授权公告日,专利权人,共有人及同意(Y/N),年费缴至年度,质押/保全/无效/许可状态(as-of 日期),上年产品收入(万元),拟贷金额(万元),拟到期日,担保合同号\n"
			right, wrong, ended := map[string]float64{}, map[string]string{}, map[string]bool{}
			for i := range 3 {
				firm, loan := fmt.Sprintf("第%d公司", i), 1+m.r.IntN(5)
				line := func(number string, filed time.Time) {
					text += fmt.Sprintf("%d,%s,%s,一种生成的装置,发明,%s,%s,%s,无,%d,无 %s,%d,%d,%s,DB-%s\n", i, firm, number, filed.Format(time.DateOnly), filed.AddDate(2, 0, 0).Format(time.DateOnly), firm, today.Year()-filed.Year()+1, today.Format(time.DateOnly), 1000+m.r.IntN(2000), loan, today.AddDate(2, 0, 0).Format(time.DateOnly), number)
				}
				year := today.Year() - 6 + i
				good := m.number(year)
				line(good, time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC))
				right[good] = float64(loan)
				bad := m.number(year)
				for _, c := range strings.Split("0123456789X", "") {
					if c != bad[len(bad)-1:] {
						wrong[bad[:len(bad)-1]+c] = bad
						line(bad[:len(bad)-1]+c, time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC))
						break
					}
				}
				old := m.number(2004)
				line(old, time.Date(2004, 3, 1, 0, 0, 0, 0, time.UTC))
				ended[old] = true
			}
			out := filepath.Join(m.dir, "out.csv")
			var errs bytes.Buffer
			if run(m.t.Context(), []string{"batch", "run", m.file("in.csv", text), "-o", out, "--policy", "BOCOM-HIST"}, strings.NewReader(""), &errs, &errs) != 0 {
				m.t.Fatal(errs.String())
			}
			body, err := os.ReadFile(out)
			if err != nil {
				m.t.Fatal(err)
			}
			rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))).ReadAll()
			if err != nil || len(rows) != 10 {
				m.t.Fatalf("%d rows, %v", len(rows), err)
			}
			for _, row := range rows[1:] {
				at := map[string]string{}
				for i, h := range rows[0] {
					at[h] = row[i]
				}
				number := strings.TrimPrefix(at["专利号/申请号"], "CN")
				f := func(h string) float64 { x, _ := strconv.ParseFloat(at[h], 64); return x }
				switch {
				case wrong[number] != "":
					if at["结论"] != "需补充" || at["原因代码"] != "number.check_digit" || !strings.Contains(at["原因"], wrong[number]) {
						m.t.Errorf("%s: %v", number, at)
					}
				case ended[number]:
					if at["结论"] != "不予受理" {
						m.t.Errorf("%s has ended: %v", number, at)
					}
				default:
					loan, worth := right[number], f("在用价值(万元)")
					m.near("ceiling", f("质押率上限"), .25, 0) // of an invention, BOCOM-HIST
					if worth == 0 {
						m.t.Errorf("no value: %v", at)
					}
					m.near("loan to value", f("抵质押率(P50)"), loan/worth, .0001)
					if f("建议额度(万元)") > loan {
						m.t.Errorf("more than was asked for: %v", at)
					}
				}
			}
		},
		// One mark, its term longer than the horizon: the royalties spared after tax,
		// at each year's end, and the policy's ceiling on the lower end.
		2: func(m *mission) {
			royalty, discount, ceiling := float64(10+m.r.IntN(90))/1000, float64(50+m.r.IntN(250))/1000, float64(10+m.r.IntN(60))/100
			low, high := royalty/2, royalty*2
			horizon := 1 + m.r.IntN(5)
			on := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
			registered := m.day(on.AddDate(-4, 0, 0), 700)
			var revenues []map[string]any
			var sum, least, most float64
			for i := range 3 {
				x := fen(1e6 + m.yuan(1e7))
				revenues = append(revenues, map[string]any{"year": 2023 + i, "amount": x, "source": "审计报告（生成）"})
				sum += x
				if i == 0 || x < least {
					least = x
				}
				most = max(most, x)
			}
			number := strconv.Itoa(10_000_000 + m.r.IntN(80_000_000))
			in := map[string]any{
				"on": "2026-11-28", "pledgor": "甲公司", "maturity": "2028-11-27", "loan": 1, "family_searched_on": "2026-11-28", "ltv_ceiling": ceiling, "ltv_ceiling_source": "本机构政策",
				"income": map[string]any{"royalty_low": low, "royalty": royalty, "royalty_high": high, "royalty_source": "合同", "discount": discount, "discount_source": "规定", "horizon_years": horizon},
				"marks": []any{map[string]any{
					"reg_no": number, "name": "生成", "kind": "ordinary", "classes": []string{"29"}, "registrant": "甲公司", "registered_on": registered.Format(time.DateOnly), "term_end": registered.AddDate(10, 0, -1).Format(time.DateOnly), "state": "registered",
					"non_use_pending": "no", "invalidation_pending": "no", "last_use": "2026-06-30", "pledged": "no", "preserved": "no", "exclusively_licensed": "no",
				}},
				"revenues": revenues,
			}
			var a struct {
				Verdict string
				Result  struct {
					Value    struct{ Low, Point, High float64 }
					Lendable float64
				}
			}
			m.show(&a, "mark", "check", m.write("mark.json", in))
			annuity := (1 - math.Pow(1+discount, -float64(horizon))) / discount * .75
			v := a.Result.Value
			m.near("point", v.Point, sum/3*royalty*annuity, .02)
			m.near("low", v.Low, least*low*annuity, .02)
			m.near("high", v.High, most*high*annuity, .02)
			m.near("lendable", a.Result.Lendable, v.Low*ceiling, .0101)
			if a.Verdict != "accept" {
				m.t.Errorf("%+v", a)
			}
			if code := m.say(encode(map[string]any{"kind": "trademark", "numbers": []string{number}, "product": "pledge", "state": "committed", "reference": "DB-" + number, "party": "甲公司", "beneficiary": "乙银行"}), nil, "rights", "put", "-"); code != "" {
				m.t.Fatal(code)
			}
			if m.show(&a, "mark", "check", m.write("mark.json", in)); a.Verdict != "refuse" { // pledged in the one ledger
				m.t.Errorf("pledged already: %s", a.Verdict)
			}
		},
		4: func(m *mission) {
			price, alpha, beta, cost := float64(1+m.r.IntN(50)), float64(10+m.r.IntN(80))/100, float64(10+m.r.IntN(80))/100, float64(10+m.r.IntN(80))/100
			caps, bank, left := fen(1e5+m.yuan(1e6)), fen(1e5+m.yuan(1e6)), fen(5e5+m.yuan(2e6))
			line := left
			var members, users []any
			want := map[string]float64{}
			for i := range 4 {
				name, code := fmt.Sprintf("第%d合作社", i), fmt.Sprintf("91310115%09dX", i)
				area, yield, sum := 10+m.r.IntN(200), 500+m.r.IntN(1000), m.yuan(1e6)
				best := yield + 100
				claimed := 1 + m.r.IntN(area*best)
				listed := i != 3
				if i == 2 {
					claimed = area*best + 1 // refused by G2
				}
				members = append(members, map[string]any{"seq": i + 1, "name": name, "credit_code": code, "area_mu": area, "yield_mean": yield, "yield_max": best, "claimed_kg": claimed, "insured": "yes", "sum_insured": sum, "insurer": "生成保险", "peril": "气象指数", "insured_through": "2027-05-01", "contracts": 1e6})
				if listed {
					users = append(users, map[string]any{"name": name, "credit_code": code, "announced_on": "2025-01-10", "announcement": "公告（生成）"})
				}
				if listed && i != 2 {
					output := min(float64(claimed), float64(area*yield))
					x := fen(min(alpha*output*price*(1-cost), beta*sum, caps, bank, left))
					want[name] = x
					left -= x
				}
			}
			in := map[string]any{
				"on": "2026-11-28", "gi_id": "AGI-生成", "name": "生成蜜桃", "basis": "product", "holder": "生成协会", "suspended": "no", "price_low": price, "price_mean": price + 1, "price_source": "记录", "price_date": "2026-09-01",
				"alpha": alpha, "beta": beta, "cost_share": cost, "terms_source": "方案（生成）", "scheme_cap": caps, "bank_cap": bank, "association_line": line, "members": members, "users": users,
			}
			var a struct {
				Result struct {
					Lines []struct {
						Name   string
						Factor float64
						Line   *float64
					}
				}
			}
			m.show(&a, "gi", "check", m.write("gi.json", in))
			if len(a.Result.Lines) != 4 {
				m.t.Fatalf("%+v", a)
			}
			for _, l := range a.Result.Lines {
				got := 0.0
				if l.Line != nil {
					got = *l.Line
				}
				m.near(l.Name, got, want[l.Name], .0401)
			}
		},
		// Each right once, of a family the dearest, by stake; half of the case is told
		// twice and changes nothing.
		6: func(m *mission) {
			var positions, patents []any
			stake := map[string]float64{}
			families := map[string]float64{}
			sum, count := 0.0, 0
			for i := range 1 + m.r.IntN(5) {
				id := fmt.Sprintf("P%d", i)
				stake[id] = float64(1+m.r.IntN(100)) / 100
				positions = append(positions, map[string]any{"id": id, "company": "第" + id + "公司", "stake": stake[id], "region": "生成", "stage": "A轮"})
				for k := range 1 + m.r.IntN(6) {
					value := m.yuan(1e7)
					x := map[string]any{"position": id, "number": m.number(2015 + k), "alive": "yes", "expiry": "2038-01-01", "low": fen(value / 2), "value": value, "high": value * 2, "value_date": "2026-11-01"}
					worth := fen(value * stake[id])
					if m.r.IntN(3) == 0 {
						family := "族" + id
						x["family"] = family
						if old, there := families[family]; there {
							sum, count = sum-old, count-1
							worth = max(old, worth)
						}
						families[family] = worth
					}
					sum, count = sum+worth, count+1
					patents = append(patents, x)
					if m.r.IntN(2) == 0 {
						patents = append(patents, x) // told twice
					}
				}
			}
			var a struct {
				Result struct {
					Sum     float64 `json:"sum_of_points"`
					Patents int
					Ranges  []struct {
						Name              string
						Low, Median, High float64
					}
				}
			}
			m.show(&a, "fund", "check", m.write("fund.json", map[string]any{"on": "2026-11-28", "name": "生成基金", "positions": positions, "patents": patents}))
			m.near("sum of the points", a.Result.Sum, sum, .0101*float64(count))
			m.near("distinct", float64(a.Result.Patents), float64(count), 0)
			width := map[string]float64{}
			for _, r := range a.Result.Ranges {
				width[r.Name] = r.High - r.Low
				if !(r.Low <= r.Median && r.Median <= r.High) {
					m.t.Errorf("%+v", r)
				}
			}
			if count > 1 && !(width["independent"] <= width["comonotone"]*1.05) {
				m.t.Errorf("independent is wider than together: %v", width)
			}
		},
		// Rents by the textbook, and the told rate makes the lessor's flows worth nothing.
		7: func(m *mission) {
			methods := []string{"annuity_arrears", "annuity_advance", "equal_principal", "bullet"}
			method := methods[m.r.IntN(4)]
			price, rate, n := fen(1e5+m.yuan(1e7)), float64(100+m.r.IntN(2000))/1e4, 2+m.r.IntN(40)
			every := []int{1, 3, 6, 12}[m.r.IntN(4)]
			fee := fen(price * float64(m.r.IntN(300)) / 1e4)
			i := rate * float64(every) / 12
			in := map[string]any{
				"on": "2026-11-28", "lessor": map[string]any{"name": "乙租赁", "kind": "leasing_company", "region": "上海"}, "lessee": map[string]any{"name": "甲公司"}, "form": "sale_leaseback",
				"price": price, "fee": fee, "rate": rate, "start": "2026-12-01", "periods": n, "every_months": every, "method": method, "objects": []any{map[string]any{"number": m.number(2020)}},
			}
			var a struct {
				Result struct {
					Schedule struct {
						Rents []struct{ Rent, Interest, Principal, Balance float64 }
						Total float64
					}
					Implied float64 `json:"implied_rate"`
				}
			}
			m.show(&a, "lease", "check", m.write("lease.json", in))
			s := a.Result.Schedule
			level := price * i / (1 - math.Pow(1+i, -float64(n)))
			interest, balance := 0.0, price
			flows := make([]float64, n+1)
			flows[0] = fee - price
			for k, r := range s.Rents {
				at := k + 1
				if method == "annuity_advance" {
					at = k
				}
				flows[at] += r.Rent
				want := map[string]float64{"annuity_arrears": level, "annuity_advance": level / (1 + i), "equal_principal": price/float64(n) + balance*i, "bullet": price * i}[method]
				if k == n-1 && method == "bullet" {
					want += price
				}
				within := .0151
				if k == n-1 {
					within = .02 * float64(n+1) // takes what rounding left
				}
				m.near(fmt.Sprintf("rent %d %s", k+1, method), r.Rent, want, within)
				interest, balance = interest+r.Interest, balance-r.Principal
			}
			m.near("rents", s.Total, price+interest, .001)
			m.near("last balance", balance, 0, .001)
			npv := 0.0
			for k, x := range flows {
				npv += x / math.Pow(1+a.Result.Implied*float64(every)/12, float64(k))
			}
			m.near("worth of the flows at the told rate", npv/price, 0, 1e-7)
		},
		8: func(m *mission) {
			d := m.example("pool")
			assets := items(d, "assets")
			kept := 3 + m.r.IntN(len(assets)-3)
			var list []any
			sum, most := 0.0, 0.0
			for _, a := range assets[:kept] {
				p := m.yuan(2e7)
				a["principal"] = p
				sum, most = sum+p, max(most, p)
				list = append(list, a)
			}
			d["assets"] = list
			var a struct {
				Results []struct {
					Rule, Answer string
					Measured     *float64
				}
			}
			m.show(&a, "pool", "test", m.write("deal.json", d))
			found := 0
			for _, r := range a.Results {
				pass := map[bool]string{true: "pass", false: "fail"}
				switch r.Rule {
				case "obligor_count":
					found++
					if m.near("obligors", *r.Measured, float64(kept), 0); r.Answer != pass[kept >= 10] {
						m.t.Errorf("%d obligors: %s", kept, r.Answer)
					}
				case "single_obligor":
					found++
					if m.near("largest share", *r.Measured, most/sum, 1e-9); r.Answer != pass[most/sum <= .5] {
						m.t.Errorf("the largest of %.2f%%: %s", 100*most/sum, r.Answer)
					}
				}
			}
			if found != 2 {
				m.t.Errorf("%+v", a)
			}
		},
		9: func(m *mission) {
			approved, expires := fen(1e7+m.yuan(1e8)), m.day(today, 500)
			var series []any
			type want struct {
				room            float64
				over, late, own bool
			}
			var wants []want
			room := approved
			for i := range 1 + m.r.IntN(6) {
				amount, on := m.yuan(6e7), m.day(today, 700)
				single := "0.5"
				if i > 0 && m.r.IntN(3) == 0 {
					single = "0.6"
				}
				room -= amount
				series = append(series, map[string]any{"name": fmt.Sprintf("第%d期", i+1), "date": on.Format(time.DateOnly), "amount": amount, "criteria": map[string]string{"class": "lease", "max_single": single}})
				wants = append(wants, want{room, room < -.001, on.After(expires), single == "0.5"})
			}
			var a struct {
				Room, Used float64
				Series     []struct {
					Room                 float64 `json:"room_after"`
					Conforms, Over, Late bool
				}
			}
			m.show(&a, "pool", "shelf", m.write("shelf.json", map[string]any{"approved": approved, "expires": expires.Format(time.DateOnly), "series": series}))
			m.near("room", a.Room, room, .001)
			m.near("used", a.Used, (approved-room)/approved, 1e-9)
			for i, w := range wants {
				s := a.Series[i]
				if m.near("room after", s.Room, w.room, .001); s.Over != w.over || s.Late != w.late || s.Conforms != (w.own && !w.over && !w.late) {
					m.t.Errorf("%+v, reckoned %+v", s, w)
				}
			}
		},
		// The dearest choice within the amount, against every choice there is.
		10: func(m *mission) {
			d := m.example("pool")
			assets := items(d, "assets")[:9]
			worth := map[string]float64{}
			for i, p := range items(d, "patents") {
				v := float64(1+m.r.IntN(1000)) * 1e4
				p["family"], p["value"] = fmt.Sprintf("族%d", i), map[string]any{"low": v / 2, "point": v, "high": v * 2, "level": .8, "date": d["cut_off"], "source": "生成"}
				worth[p["number"].(string)] = v
			}
			var list []any
			value, principal := make([]float64, len(assets)), make([]float64, len(assets))
			for i, a := range assets {
				principal[i] = float64(100+m.r.IntN(900)) * 1e4
				a["principal"] = principal[i]
				for _, n := range a["patents"].([]any) {
					value[i] += worth[n.(string)]
				}
				list = append(list, a)
			}
			d["assets"] = list
			limit := float64(2000 + m.r.IntN(3000)) // 万元
			best := -1.0
			for set := range 1 << len(assets) {
				if bits.OnesCount(uint(set)) < 2 {
					continue
				}
				v, p := 0.0, 0.0
				for i := range assets {
					if set>>i&1 == 1 {
						v, p = v+value[i], p+principal[i]
					}
				}
				if p <= limit*1e4 {
					best = max(best, v)
				}
			}
			var a struct {
				Value, Principal float64
				Exact            bool
			}
			m.show(&a, "pool", "build", m.write("deal.json", d), "--max-principal", strconv.Itoa(int(limit)), "--min-obligors", "2", "--max-single", "1", "--max-top-5", "1")
			if m.near("the dearest choice", a.Value, best, .01); !a.Exact || a.Principal > limit*1e4 {
				m.t.Errorf("%+v", a)
			}
		},
		// Without support the senior notes lose what they are not paid; with it, the
		// payer pays exactly that.
		12: func(m *mission) {
			file := m.write("deal.json", m.example("pool"))
			rate, recovery := float64(300+m.r.IntN(400))/1000, float64(m.r.IntN(20))/100
			type answer struct {
				Outcome struct{ Loss []float64 }
				Totals  struct {
					Support   float64
					Principal float64 `json:"note_principal"`
				}
				Tranches []struct{ Principal float64 }
				Rates    struct{ Defaulted float64 }
			}
			args := []string{"--default", fmt.Sprint(rate), "--recovery", fmt.Sprint(recovery)}
			var without, with answer
			m.show(&without, append([]string{"pool", "cashflow", file}, args...)...)
			m.show(&with, append([]string{"pool", "cashflow", file, "--support"}, args...)...)
			senior := without.Tranches[0].Principal
			m.near("defaulted", without.Rates.Defaulted, rate*105e6, 1)
			if without.Outcome.Loss[0] <= 0 {
				m.t.Errorf("a default of %g with a recovery of %g costs the senior notes nothing", rate, recovery)
			}
			m.near("loss with support", with.Outcome.Loss[0], 0, 0)
			m.near("senior principal paid", with.Totals.Principal, senior, .01)
			if without.Totals.Support != 0 || with.Totals.Support < without.Outcome.Loss[0]-.01 {
				m.t.Errorf("paid %v for a loss of %v", with.Totals.Support, without.Outcome.Loss[0])
			}
		},
		// Two trading days after an event in a month without holidays.
		14: func(m *mission) {
			file := m.write("deal.json", m.example("pool"))
			on := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, m.r.IntN(26))
			kind := []string{"litigation", "downgrade"}[m.r.IntN(2)]
			var a struct {
				Required bool
				Due      string
			}
			m.show(&a, "pool", "notice", file, "--kind", kind, "--date", on.Format(time.DateOnly))
			if want := weekday(on, 2).Format(time.DateOnly); !a.Required || a.Due != want {
				m.t.Errorf("%s on %s: %+v, reckoned %s", kind, on, a, want)
			}
		},
		// What is bought, in order, with the cash that is free.
		15: func(m *mission) {
			d := m.example("pool")
			d["structure"].(map[string]any)["revolving"] = map[string]any{"periods": 4, "term_periods": 4}
			cash, reserves, due := m.yuan(5e6), m.yuan(5e5), m.yuan(5e5)
			free := max(0, cash-reserves-due)
			left := free
			var candidates []any
			var want []bool
			for i := range 1 + m.r.IntN(5) {
				c := map[string]any{}
				for k, v := range items(d, "assets")[m.r.IntN(3)] {
					c[k] = v
				}
				p := m.yuan(2e6)
				overdue := m.r.IntN(3) / 2 * 7
				c["id"], c["contract"], c["principal"], c["start"], c["overdue_days"] = fmt.Sprintf("N%d", i), fmt.Sprintf("N%d", i), p, "2026-12-01", overdue
				bought := overdue == 0 && p <= left+.001
				if bought {
					left -= p
				}
				want, candidates = append(want, bought), append(candidates, c)
			}
			cycle := []any{map[string]any{"date": "2027-02-20", "cash": cash, "reserves": reserves, "due": due, "bad": 0, "repaid": 0, "downgrade": "no", "title_claim": "no", "servicer_removed": "no", "candidates": candidates}}
			var a []struct {
				Available, Spent float64
				Purchases        []struct{ Bought bool }
			}
			m.show(&a, "pool", "revolve", m.write("deal.json", d), "--cycles", m.write("cycles.json", cycle))
			m.near("free", a[0].Available, free, .001)
			m.near("spent", a[0].Spent, free-left, .001)
			for i, w := range want {
				if a[0].Purchases[i].Bought != w {
					m.t.Errorf("candidate %d of %v: %+v", i, candidates[i], a[0])
				}
			}
		},
		// Every due paid, paid short, paid elsewhere or not at all.
		16: func(m *mission) {
			d := m.example("pool")
			names := map[string]string{}
			for _, o := range items(d, "obligors") {
				names[o["id"].(string)] = o["name"].(string)
			}
			text := "流水号,日期,账户,对方,对方账户,方向,金额,附言\n"
			var due, received, leaked float64
			var list []any
			status := map[string]int{}
			for i, a := range items(d, "assets") {
				p := fen(1000 + m.yuan(1e6))
				on := fmt.Sprintf("2027-01-%02d", 5+i)
				a["principal"], a["amortise"], a["rate"], a["maturity"] = p, "bullet", 0, on
				list = append(list, a)
				due += p
				paid, account := p, "6222"
				switch kind := []string{"matched", "matched", "short", "missing", "elsewhere"}[m.r.IntN(5)]; kind {
				case "short":
					paid = fen(p - 1 - float64(m.r.IntN(500)))
					received += paid
					status["short"]++
				case "missing":
					status["missing"]++
					continue
				case "elsewhere":
					account = "9999"
					leaked += p
					status["missing"]++
				default:
					received += p
					status["matched"]++
				}
				text += fmt.Sprintf("L%d,%s,%s,%s,,收,%.2f,\n", i, on, account, names[a["obligor"].(string)], paid)
			}
			d["assets"] = list
			var a struct {
				Expected, Received, Open, Leaked float64
				Closed                           bool
				Matches                          []struct{ Status string }
			}
			m.show(&a, "pool", "reconcile", m.write("deal.json", d), "--bank", m.file("bank.csv", text), "--plan", "6222", "--from", "2027-01-01", "--to", "2027-01-31")
			m.near("due", a.Expected, due, .001)
			m.near("received", a.Received, received, .001)
			m.near("open", a.Open, due-received, .001)
			m.near("leaked", a.Leaked, leaked, .001)
			for _, x := range a.Matches {
				status[x.Status]--
			}
			for s, n := range status {
				if n != 0 {
					m.t.Errorf("%s: %d more or fewer than reckoned", s, n)
				}
			}
			if a.Closed != (math.Abs(due-received) < .001) {
				m.t.Errorf("closed: %v", a.Closed)
			}
		},
		// Without common factors the number of defaults is binomial.
		17: func(m *mission) {
			d := m.example("pool")
			pd, years := float64(1+m.r.IntN(150))/1000, 1+m.r.IntN(4)
			for _, o := range items(d, "obligors") {
				o["pd"] = pd
			}
			for _, a := range items(d, "assets") {
				a["maturity"] = fmt.Sprintf("%d-09-30", 2026+years)
			}
			c := d["credit"].(map[string]any)
			c["rho"], c["rho_sector"], c["rho_region"] = 0, 0, 0
			var a struct {
				Obligors int
				Count    []float64
				Range    []struct{ LGD, Mean float64 } `json:"loss_range"`
				Rate     struct{ Mean, SE float64 }    `json:"default_rate"`
			}
			m.show(&a, "pool", "simulate", m.write("deal.json", d), "-n", "2000", "--seed", strconv.Itoa(1+m.r.IntN(1e6)))
			p := 1 - math.Pow(1-pd, float64(years))
			for k, got := range a.Count {
				logs, _ := math.Lgamma(float64(a.Obligors + 1))
				x, _ := math.Lgamma(float64(k + 1))
				y, _ := math.Lgamma(float64(a.Obligors - k + 1))
				m.near(fmt.Sprintf("%d defaults", k), got, math.Exp(logs-x-y)*math.Pow(p, float64(k))*math.Pow(1-p, float64(a.Obligors-k)), 1e-9)
			}
			for _, l := range a.Range {
				m.near("expected loss", l.Mean, p*l.LGD, 1e-9)
			}
			m.near("simulated", a.Rate.Mean, p, 6*a.Rate.SE+1e-9)
		},
		// What is read of a contract is what stands there, with the words it rests on.
		21: func(m *mission) {
			amount, on, number := m.yuan(1e7), m.day(time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC), 3000), m.number(2012)
			seller, buyer := []string{"南京甲木科技有限公司", "杭州水云光电有限公司"}[m.r.IntN(2)], []string{"苏州乙火科技有限公司", "宁波丙金电子有限公司"}[m.r.IntN(2)]
			text := fmt.Sprintf("专利权转让合同\n甲方（转让方）：%s\n乙方（受让方）：%s\n甲方将其拥有的发明专利“一种锂电池隔膜”（专利号：ZL%s）转让给乙方，转让价款为人民币%.2f元。\n签订日期：%d年%d月%d日\n", seller, buyer, number, amount, on.Year(), on.Month(), on.Day())
			var a []struct {
				Numbers             []string
				Amount              float64
				Seller, Buyer, Date string
				Quotes              map[string][]struct {
					Text       string
					Start, End int
				}
			}
			m.show(&a, "deals", "read", m.file("contract.txt", text))
			if len(a) != 1 || a[0].Seller != seller || a[0].Buyer != buyer || a[0].Date != on.Format(time.DateOnly) || len(a[0].Numbers) != 1 || a[0].Numbers[0] != number {
				m.t.Fatalf("%s\n%+v", text, a)
			}
			m.near("price", a[0].Amount, amount, 0)
			if len(a[0].Quotes["amount"]) == 0 || len(a[0].Quotes["seller"]) == 0 {
				m.t.Errorf("figures without the words they rest on: %+v", a[0].Quotes)
			}
			for field, list := range a[0].Quotes {
				for _, q := range list {
					if text[q.Start:q.End] != q.Text {
						m.t.Errorf("%s: %q does not stand at %d of the text", field, q.Text, q.Start)
					}
				}
			}
		},
		// The attribute test of 2024-04-30, at and around its bounds.
		24: func(m *mission) {
			d := m.example("listing")
			around := func(bound float64, step float64) float64 { return bound + step*float64(m.r.IntN(3)-1) }
			sum := around(8e7, 1) // of the research of three years
			revenue := around(3e8, 1)
			staff, rd := 1000, int(around(100, 1))
			growth := m.r.IntN(2) == 0 // at least a quarter a year
			first := revenue / 1.5625
			if !growth {
				first = revenue / 1.5
			}
			first = math.Floor(first)
			d["years"] = []any{
				map[string]any{"year": 2023, "revenue": first, "rd": 1, "source": "审计报告"},
				map[string]any{"year": 2024, "revenue": 1e10, "rd": 1, "source": "审计报告"},
				map[string]any{"year": 2025, "revenue": revenue, "rd": sum - 2, "source": "审计报告"},
			}
			d["staff"], d["rd_staff"] = staff, rd
			patents := items(d, "patents")
			kept := 5 + m.r.IntN(len(patents)-4)
			var list []any
			for _, p := range patents[:kept] {
				list = append(list, p)
			}
			d["patents"] = list
			pass := map[bool]string{true: "pass", false: "block"}
			want := map[string]string{
				"S1": pass[sum >= 8e7 || sum/(first+1e10+revenue) >= .05], "S2": pass[rd*10 >= staff], "S3": pass[kept >= 7], "S4": pass[revenue >= 3e8 || revenue/first >= 1.5625],
			}
			all := true
			for _, o := range want {
				all = all && o == "pass"
			}
			var a struct {
				Result struct {
					Test     string `json:"attribute_test"`
					Decision struct {
						Findings []struct{ Code, Outcome string }
					}
				}
			}
			m.show(&a, "listing", "check", m.write("listing.json", d))
			for _, f := range a.Result.Decision.Findings {
				if w, there := want[f.Code]; there && w != f.Outcome {
					m.t.Errorf("%s is %s, reckoned %s: %v", f.Code, f.Outcome, w, d["years"])
				}
			}
			if a.Result.Test != map[bool]string{true: "pass", false: "block"}[all] {
				m.t.Errorf("the test is %s, reckoned %v of %v", a.Result.Test, all, want)
			}
		},
		25: func(m *mission) {
			text := "numbers,title,amount,date\n"
			right, wrong := 0, 0
			for i := range 3 + m.r.IntN(20) {
				n := m.number(2010 + i%10)
				if m.r.IntN(3) == 0 {
					last := n[len(n)-1:]
					for _, c := range strings.Split("0123456789X", "") {
						if c != last {
							n = n[:len(n)-1] + c
							break
						}
					}
					wrong++
				} else {
					right++
				}
				text += fmt.Sprintf("%s,一种生成的装置%d,%.2f,2023-05-%02d\n", n, i, m.yuan(1e6), 1+i%28)
			}
			if right == 0 {
				text, right = text+m.number(2011)+",一种生成的装置,1000.00,2023-06-01\n", 1
			}
			var a []struct {
				Accepted, Rejected int
				Rejects            []struct{ Field, Code string }
			}
			m.show(&a, "ingest", "transactions", m.file("deals.csv", text), "--dry-run")
			m.near("taken", float64(a[0].Accepted), float64(right), 0)
			m.near("refused", float64(a[0].Rejected), float64(wrong), 0)
			for _, r := range a[0].Rejects {
				if r.Field != "numbers" || r.Code != "number.check_digit" {
					m.t.Errorf("%+v", r)
				}
			}
		},
	} {
		reckoners[n] = reckon
	}
}

// journey takes one drawn right over the whole chain: valued, pledged under a scheme
// with insurance, whose sum follows what is owed; leased elsewhere refused; paid
// off; licensed and put into a pool; in a fund's roll-up and in the statistics; and
// everything of it can be made again.
func journey(m *mission) {
	loan, left := float64(100_000+1000*m.r.IntN(400)), float64(1000*(1+m.r.IntN(90)))
	filed := time.Date(2016+m.r.IntN(5), 3, 1, 0, 0, 0, 0, time.UTC)
	number := m.number(filed.Year())
	firm, contract := fmt.Sprintf("第%d生成公司", m.r.IntN(1e6)), "DB-"+number
	text := fmt.Sprintf("number,title,owner,filing_date,grant_date,ipc\n%s,一种生成的装置,%s,%s,%s,H01M 10/0525\n", number, firm, filed.Format(time.DateOnly), filed.AddDate(2, 0, 0).Format(time.DateOnly))
	m.plain("ingest", "patents", m.file("patents.csv", text))
	var valued struct {
		Conclusion struct {
			Status string
			Value  struct{ Point float64 }
		}
	}
	if m.say("", &valued, "value", number); valued.Conclusion.Status != "valued" || valued.Conclusion.Value.Point <= 0 {
		m.t.Fatalf("%+v", valued)
	}
	type totals struct {
		Totals []struct {
			Period string
			Count  int
			Amount float64
		}
		By map[string][]struct{ Group string }
	}
	sum := func() (n int, amount float64, s totals) {
		m.say("", &s, "statistics")
		for _, x := range s.Totals {
			n, amount = n+x.Count, amount+x.Amount
		}
		return n, amount, s
	}
	before, was, _ := sum()
	var booked struct{ ID string }
	if code := m.say(encode(map[string]any{
		"contract": contract, "borrower": firm, "balance": loan, "maturity": time.Now().AddDate(2, 0, 0).Format(time.DateOnly), "industry": "新能源", "bank": "乙银行", "district": "生成区", "approval": "审批会（生成）",
		"patents": []any{map[string]any{"number": number, "owners": []string{firm}, "revenue": 3e7}},
	}), &booked, "book", "add", "-"); code != "" {
		m.t.Fatal(code)
	}
	var q struct{ Amount float64 }
	scheme := map[string]any{"id": "J" + number, "version": "1", "name": "贴息", "region": "生成", "document": "文件", "url": "", "status": "in_force", "verified_on": "2026-01-01", "instrument": "interest_subsidy", "summary": "", "missing": []string{}, "ratio": .5, "cap_per_loan": 1e6}
	if code := m.say(encode(map[string]any{"own": scheme, "ask": map[string]any{"on": "2026-12-31", "firm": firm, "loan": contract, "principal": loan, "rate": .04, "from": "2026-01-01", "to": "2026-07-01"}}), &q, "schemes", "use", "-"); code != "" {
		m.t.Fatal(code)
	}
	m.near("aid of half a year", q.Amount, loan*.04*181/365/2, .0101)

	type decided struct {
		ID, Verdict string
		Result      struct {
			Sum      float64 `json:"sum_of_points"`
			Decision struct {
				Findings []struct{ Code, Outcome, Evidence string }
			}
		}
	}
	found := func(d *decided, code string) string {
		for _, f := range d.Result.Decision.Findings {
			if f.Code == code {
				return f.Outcome + " " + f.Evidence
			}
		}
		return ""
	}
	cover := m.example("insurance")
	cover["insured"], cover["loan"], cover["loan_contract"], cover["policy_no"] = firm, loan, contract, "BX-"+number
	cover["patents"] = []any{map[string]any{"number": number, "owners": []string{firm}, "expiry": filed.AddDate(20, 0, 0).Format(time.DateOnly), "alive": "yes", "dispute": "no"}}
	delete(cover, "insured_share")
	var d decided
	m.show(&d, "insurance", "check", m.write("cover.json", cover), "--keep")
	if said := found(&d, "I13"); d.Verdict != "accept" || !strings.Contains(said, contract) {
		m.t.Errorf("the cover does not see the pledge: %s, %s", d.Verdict, said)
	}
	if code := m.say("", nil, "results", "commit", d.ID); code != "" {
		m.t.Fatal(code)
	}
	type line struct {
		Uses []struct {
			Product, Status string
			Sum             *float64 `json:"sum_today"`
		}
		Timeline []struct{ Zh string }
	}
	insured := func() float64 {
		var l line
		m.say("", &l, "rights", "timeline", number)
		for _, u := range l.Uses {
			if u.Product == "insurance" && u.Sum != nil {
				return *u.Sum
			}
		}
		return -1
	}
	m.near("sum insured", insured(), loan, 0)
	m.plain("book", "balance", contract, fmt.Sprint(left))
	m.near("sum insured of what is left", insured(), left, 0)

	leased := m.example("lease")
	object := items(leased, "objects")[0]
	object["number"], object["owner_before"] = number, firm
	leased["lessee"], leased["objects"] = map[string]any{"name": firm, "in_group": "no", "related": "no"}, []any{object}
	d = decided{}
	m.show(&d, "lease", "check", m.write("lease.json", leased), "--keep")
	if said := found(&d, "L19"); d.Verdict != "refuse" || !strings.HasPrefix(said, "block") || !strings.Contains(said, contract) {
		m.t.Errorf("a lease of what is pledged: %s, %s", d.Verdict, said)
	}
	if code := m.say("", nil, "results", "commit", d.ID); code != "product.refused" {
		m.t.Errorf("a refused lease is committed: %q", code)
	}
	put := func(product, reference string) string {
		return m.say(encode(map[string]any{"numbers": []string{number}, "product": product, "state": "committed", "reference": reference, "party": firm, "beneficiary": "受让方" + product}), nil, "rights", "put", "-")
	}
	for _, c := range [][2]string{{"lease", "encumbrance.forbidden"}, {"pool", "encumbrance.consent"}} {
		if code := put(c[0], "X-"+number); code != c[1] {
			m.t.Errorf("%s beside a pledge: %q", c[0], code)
		}
	}
	m.plain("book", "balance", contract, "0", "--outcome", "repaid")
	for _, product := range []string{"licence", "pool"} {
		if code := put(product, product+number); code != "" {
			m.t.Errorf("%s after the release: %q", product, code)
		}
	}
	if code := put("lease", "X-"+number); code != "encumbrance.forbidden" {
		m.t.Errorf("a lease of what is pooled: %q", code)
	}

	value, stake := m.yuan(1e7), float64(1+m.r.IntN(100))/100
	d = decided{}
	m.show(&d, "fund", "check", m.write("fund.json", map[string]any{"on": "2026-11-28", "name": "生成基金" + number, "positions": []any{map[string]any{"id": "P1", "company": firm, "stake": stake}}, "patents": []any{map[string]any{"position": "P1", "number": number, "alive": "yes", "low": fen(value / 2), "value": value, "high": fen(value * 2)}}}), "--keep")
	if said := found(&d, "F08"); !strings.HasPrefix(said, "warn") {
		m.t.Errorf("the fund does not see the uses: %s", said)
	}
	m.near("roll-up", d.Result.Sum, value*stake, .0101)
	if code := m.say("", nil, "results", "commit", d.ID); code != "" {
		m.t.Errorf("the position: %q", code)
	}
	var again struct{ Same bool }
	if m.say("", &again, "results", "replay", d.ID); !again.Same {
		m.t.Error("the roll-up comes to another result")
	}

	after, is, s := sum()
	m.near("loans in the statistics", float64(after-before), 1, 0)
	m.near("amount in the statistics", is-was, loan, .001)
	if len(s.By["high_value"]) == 0 {
		m.t.Errorf("no split by high-value inventions: %+v", s.By)
	}
	var o struct {
		ID       string
		Sections []struct {
			Key   string
			Lines []string
		}
	}
	m.say("", &o, "onestop", number)
	for _, x := range o.Sections {
		if all := strings.Join(x.Lines, "\n"); x.Key == "uses" && (!strings.Contains(all, "pool"+number) || !strings.Contains(all, "基金持仓")) {
			m.t.Errorf("the dossier does not tell the uses: %s", all)
		}
	}
	if m.say("", &again, "answer", o.ID, "--replay"); !again.Same {
		m.t.Error("the one-stop dossier comes to another answer")
	}
	var l line
	m.say("", &l, "rights", "timeline", number)
	var told []string
	for _, x := range l.Timeline {
		told = append(told, x.Zh)
	}
	for _, want := range []string{contract + "：已签约", "BX-" + number, contract + "：已解除", "licence" + number, "pool" + number, "基金持仓"} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			m.t.Errorf("%s is not told: %v", want, told)
		}
	}
}

// plain runs a command whose answer is of no interest.
func (m *mission) plain(args ...string) {
	m.t.Helper()
	var out, errs bytes.Buffer
	if run(m.t.Context(), args, strings.NewReader(""), &out, &errs) != 0 {
		m.t.Fatalf("%v: %s", args, errs.String())
	}
}
