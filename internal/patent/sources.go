package patent

import (
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
)

// Claimed is one fact and who says so.
type Claimed struct {
	Fact      string        `json:"fact"`
	Value     string        `json:"value"`
	Source    string        `json:"source"`
	Kind      string        `json:"kind"` // of the source: register, gazette, office, publication, database, vendor, public, desk
	AsOf      calendar.Date `json:"as_of"`
	Retrieved calendar.Date `json:"retrieved"`
	Document  string        `json:"document,omitempty"` // SHA-256 of the raw document
}

// Disagreement is a fact that sources state otherwise; the first is in force.
type Disagreement struct {
	Fact   string    `json:"fact"`
	Zh     string    `json:"zh"`
	Values []Claimed `json:"values"`
}

// SourceView is one document of one source that spoke of a patent.
type SourceView struct {
	ID         string        `json:"id"`
	Source     string        `json:"source"`
	Kind       string        `json:"kind"`
	AsOf       calendar.Date `json:"as_of"`
	Retrieved  calendar.Date `json:"retrieved"`
	Document   string        `json:"document,omitempty"`
	File       string        `json:"file,omitempty"`
	Partial    bool          `json:"partial"`          // what it does not tell is not known
	Status     string        `json:"status,omitempty"` // alive, dead, pending, as the source works it out
	StatusText string        `json:"status_text,omitempty"`
	Flags      []string      `json:"flags,omitempty"` // said to have happened, without a day
	Fees       []string      `json:"fees,omitempty"`
	Notes      []string      `json:"notes,omitempty"`
	ModelAsk   string        `json:"model_ask,omitempty"` // another model's figure: never a price
	Terms      string        `json:"terms,omitempty"`
}

// Sourced is what the sources of a record say beside it.
type Sourced struct {
	Facts         []Claimed
	Disagreements []Disagreement
	Views         []SourceView
	Parent        string // of a divisional application
}

// from returns who states a fact of the record, and as of when.
func (r *Record) from(fact string) (source string, date calendar.Date) {
	for _, f := range r.Sourced.Facts {
		if f.Fact == fact {
			return f.Source, f.AsOf
		}
	}
	return r.Source, r.SourceDate
}

// sources holds the sources' own view of the state against the events. What a
// vendor works out never overrules them; the office's own view makes them
// unsure. A burden that was told without a day may still be there.
func (d *Dossier) sources(r Record, s *State) {
	d.Sources, d.Disagreements = []SourceView{}, []Disagreement{}
	for _, v := range r.Sourced.Views {
		if v.AsOf.After(d.On) {
			continue
		}
		d.Sources = append(d.Sources, v)
		said := v.Source
		if !v.AsOf.IsZero() {
			said += "（截至" + v.AsOf.String() + "）"
		}
		against := v.Status == "dead" && s.Standing == Alive || v.Status == "alive" && s.Standing == Dead || v.Status == "pending" && s.Standing == Alive
		if against {
			d.conflict("%s记为“%s”，法律事件为%s，请以专利登记簿副本为准。", said, v.StatusText, map[Standing]string{Alive: "有效", Dead: "失效"}[s.Standing])
			if v.Status == "dead" && (v.Kind == "office" || v.Kind == "register") {
				s.Standing, s.Reason = Unknown, ""
			}
		}
		for _, f := range v.Flags {
			truth := map[bool]*Truth{strings.Contains(f, "质押"): &s.Pledged, strings.Contains(f, "保全"): &s.Preserved}[true]
			if truth == nil || strings.Contains(f, "解除") || strings.Contains(f, "注销") {
				continue
			}
			if *truth == No {
				*truth = DontSay
			}
			d.conflict("%s记有“%s”而没有日期，可能仍有负担。", said, f)
		}
		for _, n := range v.Notes {
			d.say("note", "来源附注", n, v.Source, v.AsOf)
		}
		for _, f := range v.Fees {
			d.say("fee", "费用", f, v.Source, v.AsOf)
		}
		if v.ModelAsk != "" {
			d.say("model_ask", "来源自有模型的评分或估价（不作价格）", v.ModelAsk, v.Source, v.AsOf)
		}
	}
	for _, x := range r.Sourced.Disagreements {
		d.Disagreements = append(d.Disagreements, x)
		var others []string
		for _, v := range x.Values[1:] {
			others = append(others, fmt.Sprintf("%s为%s", v.Source, v.Value))
		}
		d.conflict("%s：采用%s的%s；%s。", x.Zh, x.Values[0].Source, x.Values[0].Value, strings.Join(others, "，"))
	}
	if r.Sourced.Parent != "" {
		d.say("divisional", "分案原案", r.Sourced.Parent, r.Source, r.SourceDate)
	}
	if d.Kind == Design && slices.ContainsFunc(r.Sourced.Views, func(v SourceView) bool { return v.Kind == "database" }) {
		d.miss("design_events", "外观设计不在 INPADOC 收录范围内，其法律状态未经核实", registerCopy)
	}
	partial := len(d.Sources) > 0 && !slices.ContainsFunc(d.Sources, func(v SourceView) bool { return !v.Partial })
	if partial && s.Pledged == DontSay {
		var seen []string
		for _, v := range d.Sources {
			if !v.AsOf.IsZero() {
				seen = append(seen, v.Source+"截至"+v.AsOf.String())
			}
		}
		if len(seen) > 0 {
			d.say("pledge_not_seen", "质押", "未见记载（不等于没有）："+strings.Join(slices.Compact(seen), "，"), onFile, s.LastSeen)
		}
	}
}
