package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhijia/internal/store/storetest"
)

var missionSeed = flag.Uint64("mission-seed", 0, "seed of the inputs of TestMission; 0: another each run")

// mission runs the program for a row of docs/mission.md.
type mission struct {
	t   *testing.T
	r   *rand.Rand
	dir string
}

// say runs a command and returns its answer; code is the fault's, empty for
// success.
func (m *mission) say(stdin string, into any, args ...string) (code string) {
	m.t.Helper()
	var out, errs bytes.Buffer
	if run(m.t.Context(), append([]string{"--json"}, args...), strings.NewReader(stdin), &out, &errs) != 0 {
		lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
		var f struct{ Code string }
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &f); err != nil {
			m.t.Fatalf("%v: %s", args, errs.String())
		}
		return f.Code
	}
	if into != nil {
		if err := json.Unmarshal(out.Bytes(), into); err != nil {
			m.t.Fatalf("%v: %v\n%s", args, err, out.String())
		}
	}
	return ""
}

func (m *mission) near(what string, got, want, within float64) {
	m.t.Helper()
	if !(math.Abs(got-want) <= within) {
		m.t.Errorf("%s: %v, reckoned %v", what, got, want)
	}
}

func (m *mission) yuan(most int) float64 { return float64(1+m.r.IntN(most*100)) / 100 }

func (m *mission) file(name, text string) string {
	m.t.Helper()
	p := filepath.Join(m.dir, name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return p
}

func encode(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// checkDigit is the rule of application numbers, apart from internal/patent.
func checkDigit(digits string) string {
	sum := 0
	for i, c := range digits {
		sum += int(c-'0') * []int{2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5}[i]
	}
	return []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "X"}[sum%11]
}

// reckoners of the rows marked checked, by number.
var reckoners = map[int]func(*mission){
	3: func(m *mission) {
		total, id := m.yuan(1e8), "M"+strconv.Itoa(m.r.IntN(1e6))
		body := fmt.Sprintf(`{"id":%q,"version":"1","name":"专项","label":"own","source":"文件","total":{"amount":%.2f,"source":"文件"}}`, id, total)
		var out, errs bytes.Buffer
		if run(m.t.Context(), []string{"lend", "adopt", "-"}, strings.NewReader(body), &out, &errs) != 0 {
			m.t.Fatal(errs.String())
		}
		var a struct {
			Programmes []struct {
				ID   string
				Room float64
			}
			Presets map[string]map[string]any
		}
		m.say("", &a, "lend", "programmes")
		for _, p := range a.Programmes {
			if p.ID == id {
				m.near("room", p.Room, total, 0)
			}
		}
		if z := a.Presets["ZHIYIDAI"]; z["tenor_months"] != nil || z["rate"] != nil || len(a.Programmes) == 0 {
			m.t.Errorf("%+v", a)
		}
	},
	5: func(m *mission) {
		loan, pd, lgd, part := m.yuan(1e7), float64(m.r.IntN(1000))/1000, float64(m.r.IntN(1000))/1000, float64(m.r.IntN(1000))/1000
		var q struct {
			Expected float64 `json:"expected_loss"`
			Insured  float64 `json:"insured_loss"`
			Own      float64 `json:"own_loss"`
		}
		m.say(encode(map[string]any{"loan": loan, "pd": pd, "lgd": lgd, "insured_share": part}), &q, "lend", "quote", "-")
		m.near("expected loss", q.Expected, loan*pd*lgd, .00501)
		m.near("insured", q.Insured, loan*pd*lgd*part, .00501)
		m.near("parts", q.Insured+q.Own, q.Expected, 1e-6)
	},
	11: func(m *mission) {
		n := 2 + m.r.IntN(50)
		year, text := 2015+m.r.IntN(8), "月份,付款方,金额,预测\n"
		var months []float64
		var all, first, hoped, met float64
		for i := range n {
			a, b, f := m.yuan(1e5), m.yuan(1e5), m.yuan(1e5)
			text += fmt.Sprintf("%d-%02d,甲,%.2f,%.2f\n%d-%02d,乙,%.2f,\n", year+i/12, i%12+1, a, f, year+i/12, i%12+1, b)
			months, all, first, hoped, met = append(months, a+b), all+a+b, first+a, hoped+f, met+a
		}
		var s struct {
			Months   int
			Total    float64
			CV       float64 `json:"cv"`
			Forecast float64 `json:"forecast_ratio"`
			Sources  []struct {
				Source string
				Share  float64
			}
			Verdict string
		}
		m.say("", &s, "cashflow", m.file("receipts.csv", text))
		mean, squares := all/float64(n), 0.0
		for _, x := range months {
			squares += (x - mean) * (x - mean)
		}
		m.near("months", float64(s.Months), float64(n), 0)
		m.near("total", s.Total, all, .001)
		m.near("spread", s.CV, math.Sqrt(squares/float64(n-1))/mean, 1e-9)
		m.near("forecast", s.Forecast, met/hoped, 1e-9)
		for _, x := range s.Sources {
			if x.Source == "甲" {
				m.near("share", x.Share, first/all, 1e-9)
			}
		}
		if (n < 36) != (s.Verdict == "supply") {
			m.t.Errorf("%d months: %s", n, s.Verdict)
		}
	},
	13: func(m *mission) {
		loss := m.yuan(1e7)
		var a struct {
			Settlement struct {
				Payments []struct {
					Party string
					Bears float64
				}
			}
		}
		m.say("", &a, "lend", "share", "ZHONGSHAN", "--principal", fmt.Sprintf("%.2f", loss))
		sum := 0.0
		for _, p := range a.Settlement.Payments {
			m.near(p.Party, p.Bears, loss*map[string]float64{"fund": .54, "bank": .26, "insurer": .16, "valuer": .04}[p.Party], .0101)
			sum += p.Bears
		}
		m.near("sum", sum, loss, 1e-6)
	},
	18: func(m *mission) {
		codes := []string{"91350100M000100Y43"}
		priced := 8 + m.r.IntN(5)
		m.say(encode(map[string]any{"credit_code": codes[0], "name": "评估公司（生成）", "roles": []string{"appraiser"}}), nil, "intermediaries", "put", "-")
		var errors []float64
		for i := range priced {
			value, price := fen(1000+m.yuan(1e6)), fen(1000+m.yuan(1e6))
			errors = append(errors, math.Abs(math.Log(value/price)))
			report := map[string]any{"code": codes[0], "report": strconv.Itoa(i), "role": "appraiser", "number": "201310543019.6", "value": value, "as_of": "2025-01-01", "delivered": "2025-01-05", "price": price, "price_on": "2025-06-01"}
			if code := m.say(encode(report), nil, "intermediaries", "report", "-"); code != "" {
				m.t.Fatal(code)
			}
		}
		var a struct {
			Intermediaries []struct {
				Records []struct {
					Rank   int
					Prices float64 `json:"error_from_prices"`
				}
			}
		}
		m.say("", &a, "intermediaries", "list")
		slices.Sort(errors)
		r := a.Intermediaries[0].Records[0]
		m.near("median", r.Prices, (errors[(priced-1)/2]+errors[priced/2])/2, 1e-6)
		if (priced >= 10) != (r.Rank == 1) {
			m.t.Errorf("%d reports: rank %d", priced, r.Rank)
		}
	},
	19: func(m *mission) {
		digits := fmt.Sprintf("%d1%07d", 2004+m.r.IntN(20), m.r.IntN(1e7))
		right, text := checkDigit(digits), ""
		all := strings.Split("0123456789X", "")
		for _, c := range all {
			text += digits + "." + c + "\n"
		}
		var out, errs bytes.Buffer
		if run(m.t.Context(), []string{"--json", "registry", "check"}, strings.NewReader(text), &out, &errs) > 1 && out.Len() == 0 {
			m.t.Fatal(errs.String())
		}
		for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
			var a struct{ Valid bool }
			if err := json.Unmarshal([]byte(line), &a); err != nil || a.Valid != (all[i] == right) {
				m.t.Errorf("%s.%s: %s, %v", digits, all[i], line, err)
			}
		}
	},
	20: func(m *mission) {
		rate, discount, tax := .01+m.r.Float64()/10, .05+m.r.Float64()/4, m.r.Float64()/2
		var revenue []float64
		want := 0.0
		for t := range 1 + m.r.IntN(12) {
			x := m.yuan(1e6)
			revenue = append(revenue, x)
			want += x * rate * (1 - tax) / math.Pow(1+discount, float64(t+1))
		}
		var a struct {
			Intermediate map[string]float64
		}
		m.say(encode(map[string]any{"revenue": revenue, "royalty_rate": rate, "discount_rate": discount, "tax_rate": tax}), &a, "compute", "relief_from_royalty")
		m.near("before the tax benefit", a.Intermediate["pv_before_tab"], want, 1e-6*want)
	},
	22: func(m *mission) { oneStop(m) },
	23: func(m *mission) { oneStop(m) },
	26: func(m *mission) {
		principal, rate, ratio := fen(1e4+m.yuan(1e7)), float64(1+m.r.IntN(900))/1e4, float64(m.r.IntN(101))/100
		days, limit := 1+m.r.IntN(360), m.yuan(2e5)
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		own := map[string]any{"id": "OWN", "version": "1", "name": "贴息", "region": "生成", "document": "文件", "url": "", "status": "in_force", "verified_on": "2026-01-01", "instrument": "interest_subsidy", "summary": "", "missing": []string{}, "ratio": ratio, "cap_per_loan": limit}
		var q struct{ Amount float64 }
		code := m.say(encode(map[string]any{"own": own, "ask": map[string]any{
			"on": "2026-12-31", "firm": "甲公司", "loan": "L", "principal": principal, "rate": rate, "from": from.Format(time.DateOnly), "to": from.AddDate(0, 0, days).Format(time.DateOnly),
		}}), &q, "schemes", "quote", "-")
		m.near("subsidy "+code, q.Amount, min(principal*rate*float64(days)/365*ratio, limit), .0101)
	},
	27: func(m *mission) {
		start := time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, m.r.IntN(300))
		end := start.AddDate(0, 0, m.r.IntN(300))
		own := map[string]any{"id": "FG", "version": "1", "name": "纾困", "region": "生成", "document": "文件", "url": "", "status": "in_force", "verified_on": "2026-01-01", "instrument": "relief", "summary": "", "missing": []string{}, "ratio": .5, "from": start.Format(time.DateOnly), "until": end.Format(time.DateOnly)}
		for _, c := range []struct {
			on   time.Time
			code string
		}{{start.AddDate(0, 0, -1), "scheme.closed"}, {start, ""}, {end, ""}, {end.AddDate(0, 0, 1), "scheme.closed"}} {
			if got := m.say(encode(map[string]any{"own": own, "ask": map[string]any{"on": c.on.Format(time.DateOnly), "firm": "甲公司", "principal": 1}}), nil, "schemes", "quote", "-"); got != c.code {
				m.t.Errorf("on %s of %s…%s: %q", c.on, start, end, got)
			}
		}
		if got := m.say(`{"scheme":"PD-RELIEF-2022","ask":{"firm":"甲公司"}}`, nil, "schemes", "quote", "-"); got != "scheme.closed" {
			m.t.Errorf("the relief of 2022, whose rates nobody found: %q", got)
		}
	},
	28: func(m *mission) {
		sums, counts := map[string]float64{}, map[string]int{}
		text := "日期,金额,类型\n"
		for range 1 + m.r.IntN(60) {
			d, a := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, m.r.IntN(2000)), m.yuan(1e6)
			text += fmt.Sprintf("%s,%.2f,发明\n", d.Format(time.DateOnly), a)
			if d.Year() <= 2022 {
				sums[strconv.Itoa(d.Year())] += a
				counts[strconv.Itoa(d.Year())]++
			}
		}
		type report struct {
			Totals []struct {
				Period          string
				Count           int
				Amount, Average float64
			}
		}
		var r report
		m.say("", &r, "statistics", m.file("ledger.csv", text), "--as-of", "2022-12-31")
		if len(r.Totals) != len(sums) {
			m.t.Errorf("%d years, reckoned %d", len(r.Totals), len(sums))
		}
		for _, t := range r.Totals {
			m.near("amount "+t.Period, t.Amount, sums[t.Period], .001)
			m.near("average "+t.Period, t.Average, sums[t.Period]/float64(counts[t.Period]), .00501)
		}
		var golden report // the letter: 46, 58 and 114 loans of 8.65, 15.21 and 17.48亿
		m.say("", &golden, "statistics", m.file("letter.csv", "期间,金额(万元),笔数\n2020,86500,46\n2021,152100,58\n2022,174800,114\n"))
		for i, want := range []float64{18804347.83, 26224137.93, 15333333.33} {
			m.near("the letter's average", golden.Totals[i].Average, want, .001)
		}
	},
	29: func(m *mission) {
		number := strconv.Itoa(10_000_000 + m.r.IntN(89_999_999))
		put := func(product, reference string, disputed bool) string {
			return m.say(encode(map[string]any{"kind": "trademark", "numbers": []string{number}, "product": product, "state": "committed", "reference": reference, "party": "甲公司", "beneficiary": "受让方" + product, "keep_disputed": disputed}), nil, "rights", "put", "-")
		}
		// What may stand beside a pledge: 0 refused, 1 with consent, 2 freely.
		beside := map[string]int{"pledge": 0, "lease": 0, "pool": 1, "licence": 1, "exclusive_licence": 1, "insurance": 2, "fund_position": 2, "guarantee": 2}
		if code := put("pledge", "DB-1", false); code != "" {
			m.t.Fatal(code)
		}
		names := []string{"pledge", "lease", "pool", "licence", "exclusive_licence", "insurance", "fund_position", "guarantee"}
		product := names[m.r.IntN(len(names))]
		want := []string{"encumbrance.forbidden", "encumbrance.consent", ""}[beside[product]]
		if code := put(product, "X-1", false); code != want {
			m.t.Errorf("%s beside a pledge: %q, want %q", product, code, want)
		}
		if beside[product] == 1 {
			m.say(encode(map[string]any{"kind": "trademark", "number": number, "product": "pledge", "reference": "DB-1", "to": product, "by": "受让方pledge", "document": "TY", "signed_on": "2026-01-01"}), &struct{}{}, "rights", "consent", "-")
			if code := put(product, "X-1", false); code != "" {
				m.t.Errorf("%s with consent: %q", product, code)
			}
		}
		if beside[product] == 0 {
			if code := put(product, "X-1", true); code != "" {
				m.t.Errorf("%s kept as disputed: %q", product, code)
			}
			var line struct{ Owners []string }
			m.say("", &line, "rights", "timeline", number, "--kind", "trademark")
			if len(line.Owners) != 0 {
				m.t.Errorf("a disputed use made an owner: %v", line.Owners)
			}
			m.say("", nil, "rights", "release", "pledge", "DB-1")
			if code := put(product, "X-1", false); code != "" {
				m.t.Errorf("%s after the release: %q", product, code)
			}
		}
	},
	30: func(m *mission) {
		on := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, m.r.IntN(1600))
		var a struct {
			Schemes []struct {
				ID, URL, Document string
				Selectable        bool
			}
		}
		m.say("", &a, "schemes", "list", "--on", on.Format(time.DateOnly))
		if len(a.Schemes) < 15 {
			m.t.Errorf("%d schemes", len(a.Schemes))
		}
		for _, s := range a.Schemes {
			day := on.Format(time.DateOnly)
			if want := "2020-07-08" <= day && day <= "2023-07-13"; s.ID == "GZ-RISK-2020" && s.Selectable != want || s.URL == "" || s.Document == "" {
				m.t.Errorf("%s: %+v", day, s)
			}
		}
	},
}

// oneStop draws a patent, takes it in, states its track and asks for everything
// at once.
func oneStop(m *mission) {
	filed := time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, m.r.IntN(3000))
	granted := filed.AddDate(0, 0, 200+m.r.IntN(900))
	digits := fmt.Sprintf("%d1%07d", filed.Year(), m.r.IntN(1e7))
	number := digits + "." + checkDigit(digits)
	text := fmt.Sprintf("number,title,owner,filing_date,grant_date,ipc\n%s,一种生成的装置,甲公司,%s,%s,H01M 10/0525\n", number, filed.Format(time.DateOnly), granted.Format(time.DateOnly))
	var out, errs bytes.Buffer
	if run(m.t.Context(), []string{"ingest", "patents", m.file("patents.csv", text)}, strings.NewReader(""), &out, &errs) != 0 {
		m.t.Fatal(errs.String())
	}
	track := []string{"ordinary", "priority", "pre_examined"}[m.r.IntN(3)]
	if code := m.say(encode(map[string]any{"number": number, "emerging": "yes", "track": track, "source": "生成"}), nil, "marks", "-"); code != "" {
		m.t.Fatal(code)
	}
	var a struct {
		Sections []struct {
			Key, Status string
			Lines       []string
		}
		Documents []string
	}
	m.say("", &a, "onestop", number)
	keys, lines := []string{}, map[string]string{}
	for _, s := range a.Sections {
		if !slices.Contains([]string{"ok", "attention", "missing", "failed"}, s.Status) {
			m.t.Errorf("%s has status %q", s.Key, s.Status)
		}
		keys, lines[s.Key] = append(keys, s.Key), strings.Join(s.Lines, "\n")
	}
	if want := "identity owners term fees state uses value cap track open_licence high_value documents"; strings.Join(keys, " ") != want {
		m.t.Errorf("sections %v", keys)
	}
	last := filed.AddDate(20, 0, -1).Format(time.DateOnly) // the day before the twentieth anniversary
	days := fmt.Sprintf("申请至授权 %d 天", int(granted.Sub(filed).Hours()/24))
	if !strings.Contains(lines["term"], last) || !strings.Contains(lines["track"], days) || !strings.Contains(lines["track"], map[string]string{"ordinary": "普通", "priority": "优先审查", "pre_examined": "预审"}[track]) || len(a.Documents) < 5 {
		m.t.Errorf("filed %s, granted %s, %s: %s | %s", filed, granted, track, lines["term"], lines["track"])
	}
}

// TestMission runs the rows of docs/mission.md that are marked checked.
func TestMission(t *testing.T) {
	t.Setenv("DATABASE_URL", storetest.URL(t))
	seed := *missionSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	text, err := os.ReadFile("../../docs/mission.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (.+?) \| (checked|by its own tests|not yet) \|(.*?)\|(.*)\|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) != 30 {
		t.Fatalf("%d rows, want the thirty systems", len(rows))
	}
	for i, row := range rows {
		if row[1] != strconv.Itoa(i+1) {
			t.Errorf("row %d is numbered %s", i+1, row[1])
		}
		reckon, here := reckoners[i+1]
		if (row[3] == "checked") != here {
			t.Errorf("row %d is said to be %s; reckoned: %v", i+1, row[3], here)
		}
		if row[3] != "not yet" && !strings.HasPrefix(row[4], " `zhijia ") {
			t.Errorf("row %d has no command", i+1)
		}
		if here {
			t.Run(row[1], func(t *testing.T) {
				t.Logf("-mission-seed %d", seed)
				reckon(&mission{t, rand.New(rand.NewPCG(seed, uint64(i))), t.TempDir()})
			})
		}
	}
	t.Run("journey", func(t *testing.T) {
		t.Logf("-mission-seed %d", seed)
		journey(&mission{t, rand.New(rand.NewPCG(seed, 31)), t.TempDir()})
	})
}
