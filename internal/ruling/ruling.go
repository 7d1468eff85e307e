// Package ruling holds what a product's rules say of a case: findings with a
// stable code, the facts, what to supply and the source, and the verdict they
// add up to.
//
// Start with [Book], the versioned rules and figures of one product.
package ruling

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"zhijia/internal/fault"
)

// Outcome is what a rule says. Only Pass is a pass: what is not known never is.
type Outcome string

// Outcomes, the gravest first.
const (
	Block   Outcome = "block"   // 不予受理
	Unknown Outcome = "unknown" // 资料不足
	Review  Outcome = "review"  // 人工复核
	Warn    Outcome = "warn"    // shown, decides nothing
	Pass    Outcome = "pass"
)

// Zh returns the outcome in Chinese.
func (o Outcome) Zh() string {
	return map[Outcome]string{Block: "不符合", Unknown: "无法判断", Review: "人工复核", Warn: "提示", Pass: "符合"}[o]
}

// Verdict is what the findings add up to, in the words of the loan desk.
type Verdict string

// Verdicts.
const (
	Refuse     Verdict = "refuse"
	Supplement Verdict = "supplement"
	Accept     Verdict = "accept"
)

// Zh returns the verdict in Chinese.
func (v Verdict) Zh() string {
	return map[Verdict]string{Refuse: "不予受理", Supplement: "需补充", Accept: "可受理"}[v]
}

// Finding is one rule's answer.
type Finding struct {
	Code     string  `json:"code" zh:"代码"`
	Outcome  Outcome `json:"outcome" zh:"结论"`
	Zh       string  `json:"zh" zh:"规则"`
	En       string  `json:"en" zh:"英文"`
	Evidence string  `json:"evidence,omitempty" zh:"事实"` // Chinese: the facts of this case
	Supply   string  `json:"supply,omitempty" zh:"须补充"`  // Chinese: what to bring
	Source   string  `json:"source,omitempty" zh:"依据"`
	Subject  string  `json:"subject,omitempty" zh:"对象"` // the right or position it is about; empty: the whole case
}

// Decision is the findings with their verdict.
type Decision struct {
	Verdict  Verdict   `json:"verdict" zh:"结论"`
	Zh       string    `json:"zh" zh:"结论（中文）"`
	Rules    string    `json:"rules" zh:"规则版本"`
	Findings []Finding `json:"findings" zh:"逐项结论"`
	Supply   []string  `json:"supply" zh:"须补充资料"` // each once
}

// Rule is the wording of one rule.
type Rule struct {
	Zh     string `json:"zh"`
	En     string `json:"en"`
	Source string `json:"source"`
}

// Figure is a number with where it comes from. A figure that nobody could find
// is null and its note says so.
type Figure struct {
	Value  *float64 `json:"value"`
	Unit   string   `json:"unit"`
	Source string   `json:"source"`
	Note   string   `json:"note,omitempty"`
}

// Book is a product's rules and figures in one version.
type Book struct {
	Version string            `json:"version"`
	Figures map[string]Figure `json:"figures"`
	Rules   map[string]Rule   `json:"rules"`
}

// Load reads an embedded book. It panics on a rule without wording or a figure
// without a source: a test of the product calls it.
func Load(b []byte) *Book {
	var book Book
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&book); err != nil {
		panic(err)
	}
	for code, r := range book.Rules {
		if r.Zh == "" || r.En == "" || r.Source == "" {
			panic("rule " + code + " lacks words or source")
		}
	}
	for name, f := range book.Figures {
		if f.Source == "" || f.Value == nil && f.Note == "" {
			panic("figure " + name + " lacks source or note")
		}
	}
	return &book
}

// Value returns a figure that is there. It panics on a name the book lacks.
func (b *Book) Value(name string) float64 {
	f, ok := b.Figures[name]
	if !ok || f.Value == nil {
		panic("no figure " + name)
	}
	return *f.Value
}

// Ruling collects findings under a book.
type Ruling struct {
	book     *Book
	findings []Finding
}

// Under begins a ruling.
func (b *Book) Under() *Ruling { return &Ruling{book: b} }

// Add adds a finding about a subject, empty for the whole case. supply is what to
// bring when it is no pass.
func (r *Ruling) Add(code string, o Outcome, subject, evidence, supply string) {
	w, ok := r.book.Rules[code]
	if !ok {
		panic("no rule " + code)
	}
	if o == Pass {
		supply = ""
	}
	r.findings = append(r.findings, Finding{Code: code, Outcome: o, Zh: w.Zh, En: w.En, Evidence: evidence, Supply: supply, Source: w.Source, Subject: subject})
}

// Cite is Add under another source than the rule's own, such as a region's.
func (r *Ruling) Cite(code string, o Outcome, subject, evidence, supply, source string) {
	r.Add(code, o, subject, evidence, supply)
	r.findings[len(r.findings)-1].Source = source
}

// Worst returns the gravest outcome about a subject so far, Pass for none.
func (r *Ruling) Worst(subject string) Outcome {
	for _, o := range []Outcome{Block, Unknown, Review, Warn} {
		if slices.ContainsFunc(r.findings, func(f Finding) bool { return f.Subject == subject && f.Outcome == o }) {
			return o
		}
	}
	return Pass
}

// Burden is what the ledger of rights says of one right of a case. The use case
// writes it beside the facts of the case, so that a kept case is worked out again
// from what the ledger said that day; a case decided without the ledger has none.
type Burden struct {
	Number  string  `json:"number"`
	Outcome Outcome `json:"outcome"`
	Zh      string  `json:"zh"`
	Supply  string  `json:"supply,omitempty"`
}

// Ledger adds what the ledger says under a rule of its own.
func (r *Ruling) Ledger(code string, list []Burden) {
	for _, b := range list {
		r.Add(code, b.Outcome, b.Number, b.Zh, b.Supply)
	}
}

// Decide sums the findings up, the gravest first.
func (r *Ruling) Decide() Decision {
	d := Decision{Verdict: Accept, Rules: r.book.Version, Findings: slices.Clone(r.findings), Supply: []string{}}
	rank := map[Outcome]int{Block: 0, Unknown: 1, Review: 2, Warn: 3, Pass: 4}
	slices.SortStableFunc(d.Findings, func(a, b Finding) int { return rank[a.Outcome] - rank[b.Outcome] })
	for _, f := range d.Findings {
		switch {
		case f.Outcome == Block:
			d.Verdict = Refuse
		case (f.Outcome == Unknown || f.Outcome == Review) && d.Verdict == Accept:
			d.Verdict = Supplement
		}
		if f.Supply != "" && f.Outcome != Pass && !slices.Contains(d.Supply, f.Supply) {
			d.Supply = append(d.Supply, f.Supply)
		}
	}
	if d.Findings == nil {
		d.Findings = []Finding{}
	}
	d.Zh = d.Verdict.Zh()
	return d
}

// Has reports whether a decision has a finding of a code with an outcome.
func (d *Decision) Has(code string, o Outcome) bool {
	return slices.ContainsFunc(d.Findings, func(f Finding) bool { return f.Code == code && f.Outcome == o })
}

// Faults collects what is wrong with an input, each under a code of its own.
type Faults struct{ fields []fault.Field }

// Wrong notes one fault of a field, when bad.
func (f *Faults) Wrong(bad bool, field, code, zh, en string) {
	if bad {
		f.fields = append(f.fields, fault.Field{Field: field, Code: code, Zh: zh, En: en})
	}
}

// Err returns the faults as one error under the first one's code, or nil.
func (f *Faults) Err() error {
	if len(f.fields) == 0 {
		return nil
	}
	first := f.fields[0]
	return fault.New(fault.Invalid, first.Code, fmt.Sprintf("输入有误：%s %s（共 %d 处）。", first.Field, first.Zh, len(f.fields)), fmt.Sprintf("The input is not valid: %s %s (%d in all).", first.Field, first.En, len(f.fields)), f.fields...)
}
