package deal_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"zhijia/internal/deal"
	"zhijia/internal/document"
)

// notice is a text with the rows that its author says are in it.
type notice struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	Rows []struct {
		Numbers   []string `json:"numbers"`
		Title     *string  `json:"title"`
		Patents   *int     `json:"patents"`
		Amount    *float64 `json:"amount"`
		PriceKind string   `json:"price_kind"`
		DealKind  string   `json:"deal_kind"`
		Seller    *string  `json:"seller"`
		Buyer     *string  `json:"buyer"`
		Date      *string  `json:"date"`
		Related   string   `json:"related_party"`
		Market    string   `json:"market"`
		Term      *float64 `json:"licence_term_years"`
		Appraised *float64 `json:"appraised"`
		Status    string   `json:"status"`
	} `json:"rows"`
}

func notices(t *testing.T, path string) []notice {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("%s is not here", filepath.Base(path))
	}
	if err != nil {
		t.Fatal(err)
	}
	var list []notice
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// values are the fields of a row as text; an empty one tells nothing.
type values map[string]string

var fields = []string{"numbers", "amount", "price_kind", "deal_kind", "seller", "buyer", "date", "patents", "title", "market", "status", "related_party", "term", "appraised"}

// judged are the fields the bounds are on.
var judged = fields[:7]

func plainName(s string) string {
	return strings.NewReplacer(" ", "", "（", "(", "）", ")", "　", "", "；", ";", "，", ",").Replace(s)
}

func amount(x *float64) string {
	if x == nil {
		return ""
	}
	return fmt.Sprintf("%.2f", *x)
}

func got(r deal.Row) values {
	numbers := slices.Sorted(slices.Values(r.Numbers))
	return values{
		"numbers": strings.Join(numbers, ","), "amount": amount(r.Amount), "price_kind": string(r.PriceKind), "deal_kind": string(r.DealKind),
		"seller": plainName(r.Seller), "buyer": plainName(r.Buyer), "date": r.Date, "patents": fmt.Sprint(r.Patents), "title": plainName(r.Title),
		"market": string(r.Market), "status": string(r.Status), "related_party": r.RelatedParty, "term": amount(r.TermYears), "appraised": amount(r.Appraised),
	}
}

func wanted(n notice) []values {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	var out []values
	for _, r := range n.Rows {
		numbers := slices.Sorted(slices.Values(r.Numbers))
		count := ""
		if r.Patents != nil {
			count = fmt.Sprint(*r.Patents)
		}
		out = append(out, values{
			"numbers": strings.Join(numbers, ","), "amount": amount(r.Amount), "price_kind": r.PriceKind, "deal_kind": r.DealKind,
			"seller": plainName(text(r.Seller)), "buyer": plainName(text(r.Buyer)), "date": text(r.Date), "patents": count, "title": plainName(text(r.Title)),
			"market": r.Market, "status": r.Status, "related_party": r.Related, "term": amount(r.Term), "appraised": amount(r.Appraised),
		})
	}
	return out
}

// match pairs rows so that most fields agree, the numbers first.
func match(want, have []values) [][2]int {
	type pair struct{ score, w, h int }
	var all []pair
	for i, w := range want {
		for j, h := range have {
			p := pair{w: i, h: j}
			for k, f := range fields {
				if w[f] == h[f] {
					p.score++
					if k == 0 {
						p.score += 20
					}
				}
			}
			if p.score > 2 {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b pair) int { return b.score - a.score })
	usedW, usedH := map[int]bool{}, map[int]bool{}
	var out [][2]int
	for _, p := range all {
		if !usedW[p.w] && !usedH[p.h] {
			usedW[p.w], usedH[p.h] = true, true
			out = append(out, [2]int{p.w, p.h})
		}
	}
	for i := range want {
		if !usedW[i] {
			out = append(out, [2]int{i, -1})
		}
	}
	for j := range have {
		if !usedH[j] {
			out = append(out, [2]int{-1, j})
		}
	}
	return out
}

// count is what was told, what was right and what should have been told.
type count struct{ told, right, due int }

func (c count) precision() float64 { return float64(c.right) / math.Max(1, float64(c.told)) }
func (c count) recall() float64    { return float64(c.right) / math.Max(1, float64(c.due)) }

// score reads every notice and counts each field.
func score(t *testing.T, list []notice) (map[string]count, int, int) {
	t.Helper()
	counts := map[string]count{}
	rows, exact := 0, 0
	for _, n := range list {
		text, err := document.Text(strings.NewReader(n.Text), n.ID+".txt")
		if err != nil {
			t.Fatalf("%s: %v", n.ID, err)
		}
		reading, err := deal.Read(text)
		if err != nil {
			t.Fatalf("%s: %v", n.ID, err)
		}
		var have []values
		for _, r := range reading.Rows {
			have = append(have, got(r))
		}
		want := wanted(n)
		rows += len(want)
		for _, p := range match(want, have) {
			w, h := values{}, values{}
			if p[0] >= 0 {
				w = want[p[0]]
			}
			if p[1] >= 0 {
				h = have[p[1]]
			}
			whole := true
			for _, f := range fields {
				c := counts[f]
				if w[f] != "" {
					c.due++
				}
				if h[f] != "" {
					c.told++
					if h[f] == w[f] {
						c.right++
					}
				}
				counts[f] = c
				if h[f] != w[f] {
					if slices.Contains(judged, f) {
						whole = false
					}
					t.Logf("%-28s %-13s want %q, have %q", n.ID, f, w[f], h[f])
				}
			}
			if whole {
				exact++
			}
		}
	}
	return counts, rows, exact
}

// report prints the table of scores, each with its Wilson interval at 95%.
func report(t *testing.T, counts map[string]count, texts, rows, exact int) {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "field\ttold\tright\tdue\tprecision\t95%\trecall\t95%")
	for _, f := range fields {
		c := counts[f]
		pl, ph := wilson(c.right, c.told)
		rl, rh := wilson(c.right, c.due)
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.3f\t%.3f-%.3f\t%.3f\t%.3f-%.3f\n", f, c.told, c.right, c.due, c.precision(), pl, ph, c.recall(), rl, rh)
	}
	w.Flush()
	t.Logf("%d texts, %d rows due, %d rows right in all seven fields\n%s", texts, rows, exact, b.String())
}

// wilson is the interval of a share at 95% (Wilson 1927).
func wilson(right, of int) (low, high float64) {
	if of == 0 {
		return 0, 1
	}
	const z = 1.959964
	n, p := float64(of), float64(right)/float64(of)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return middle - half, middle + half
}

// judge holds the fields of a file of notices to bounds.
func judge(t *testing.T, path string, precision, recall float64) {
	list := notices(t, path)
	counts, rows, exact := score(t, list)
	report(t, counts, len(list), rows, exact)
	for _, f := range judged {
		if c := counts[f]; c.precision() < precision || c.recall() < recall {
			t.Errorf("%s: precision %.3f, recall %.3f; wanted %.2f and %.2f", f, c.precision(), c.recall(), precision, recall)
		}
	}
}

// TestNotices holds the rules to the bounds on texts written by somebody who
// had not seen them.
func TestNotices(t *testing.T) {
	judge(t, "../../../shared/cases/notices.json", .98, .9)
}

// TestOwnNotices holds them to the same bounds on the project's own texts.
func TestOwnNotices(t *testing.T) {
	judge(t, filepath.Join("testdata", "own_notices.json"), .98, .9)
}

// TestSecondNotices holds them to the bounds on a second set, written later by
// somebody else who had not seen the rules.
func TestSecondNotices(t *testing.T) {
	judge(t, filepath.Join("testdata", "own_notices2.json"), .98, .9)
}

// TestThirdNotices holds the judged fields to the bounds on a third set, whose
// texts were written before its misses were mended, by who mended them. It
// names the judged fields and the count alone.
func TestThirdNotices(t *testing.T) {
	judge(t, filepath.Join("testdata", "own_notices3.json"), .98, .9)
}

// TestFourthNotices holds them to the bounds on a fourth set, of eighty texts in
// nine groups, written by somebody who had not seen the rules.
func TestFourthNotices(t *testing.T) {
	judge(t, filepath.Join("testdata", "own_notices4.json"), .98, .9)
}

// TestFifthNotices keeps what was right at first sight of twenty texts whose
// sentence forms no rule was written for. They were scored once and not mended.
func TestFifthNotices(t *testing.T) {
	list := notices(t, filepath.Join("testdata", "own_notices5.json"))
	counts, rows, exact := score(t, list)
	report(t, counts, len(list), rows, exact)
	if exact < 11 {
		t.Errorf("%d rows right in all seven fields, 11 at first sight", exact)
	}
}

// TestLaterNotices holds them to bounds on the sixth to the ninth set, written
// by the session that mended the rules, each scored once before its misses were
// mended (docs/proof/ledger.md has the first scores).
func TestLaterNotices(t *testing.T) {
	for _, name := range []string{"own_notices6.json", "own_notices7.json", "own_notices8.json", "own_notices9.json", "own_notices10.json"} {
		t.Run(name, func(t *testing.T) { judge(t, filepath.Join("testdata", name), .97, .9) })
	}
}
