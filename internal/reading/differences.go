package reading

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"zhijia/internal/appraisal"
	"zhijia/internal/claim"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/patent"
	"zhijia/internal/quote"
	"zhijia/internal/store"
)

// Status of an element in the other text. What is on file of a comparable may be
// its title alone, so not_found never says that it lacks the element.
const (
	Found    = "found"
	Partly   = "partly"
	NotFound = "not_found"
)

// ElementLine is one element of an independent claim held against a comparable.
type ElementLine struct {
	Claim  int           `json:"claim"`
	Text   string        `json:"text"`
	Start  int           `json:"start" doc:"Byte offsets in the claims it is from."`
	End    int           `json:"end"`
	Status string        `json:"status" enum:"found,partly,not_found"`
	Share  float64       `json:"share" doc:"Of its pairs of neighbouring characters, those that stand in the other text."`
	Quotes []quote.Quote `json:"quotes" doc:"The longest passage of the other text that it shares, verbatim."`
}

// Compared is what a model says of one point, with a quote of either text.
type Compared struct {
	Point    string        `json:"point" enum:"problem,means,effect"`
	Same     string        `json:"same" enum:"yes,no,not_stated"`
	Sentence string        `json:"sentence,omitempty"`
	Quotes   []quote.Quote `json:"quotes" doc:"The part's name begins with subject. or comparable."`
}

// Difference is one comparable beside the subject.
type Difference struct {
	Deal       string        `json:"deal_id"`
	Number     string        `json:"number,omitempty"`
	Title      string        `json:"title"`
	Similarity *float64      `json:"similarity"`
	Texts      []string      `json:"texts" doc:"What is on file of it: title, abstract, claims, description."`
	Elements   []ElementLine `json:"elements" doc:"Of the subject's independent claims, looked for in the comparable."`
	Theirs     []ElementLine `json:"their_elements" doc:"Of the comparable's, looked for in the subject; none where its claims are not on file."`
	Shared     []string      `json:"shared_terms" doc:"Terms of the subject's claims that the comparable's text has."`
	Absent     []string      `json:"terms_not_found" doc:"Terms of the subject's claims that what is on file of the comparable does not have."`
	Compared   []Compared    `json:"compared" doc:"By the model, generated."`
	Dropped    []Drop        `json:"dropped"`
	Model      Model         `json:"model"`
}

// Differences are the comparables of a patent beside it.
type Differences struct {
	Number string       `json:"number,omitempty"`
	Title  string       `json:"title"`
	List   []Difference `json:"comparables"`
	Notes  []Drop       `json:"notes,omitempty"`
}

// Limits of one table.
const (
	DefaultDifferences = 3
	MaxDifferences     = 10
)

// Differences holds a patent against its nearest comparables, at most most of
// them.
func (s *Service) Differences(ctx context.Context, actor store.Actor, a Ask, most int) (Differences, error) {
	if most <= 0 {
		most = DefaultDifferences
	}
	if most > MaxDifferences {
		return Differences{}, fault.New(fault.Invalid, "differences.most", fmt.Sprintf("一次最多比较 %d 件。", MaxDifferences), fmt.Sprintf("At most %d comparables are compared at once.", MaxDifferences))
	}
	p, err := s.subject(ctx, actor, a)
	if err != nil {
		return Differences{}, err
	}
	out := Differences{Number: p.Number, Title: p.Title, List: []Difference{}}
	if p.tree.Count == 0 {
		out.Notes = append(out.Notes, Drop{"claims", "not_on_file"})
	}
	no := false
	req := appraisal.Request{Number: a.Number, Text: a.Text, AllowModel: &no, Blind: true}
	if a.Text != nil && strings.TrimSpace(a.Text.Title) == "" { // what the store lacks, beside a title it has
		text := *a.Text
		text.Title = p.Title
		req.Text = &text
	}
	found, err := s.svc.Comparables(ctx, actor, req)
	if err != nil {
		return Differences{}, err
	}
	for i := range found.Admitted {
		c := &found.Admitted[i]
		if len(out.List) == most {
			break
		}
		d := Difference{Deal: c.DealID, Title: c.Title, Elements: []ElementLine{}, Theirs: []ElementLine{}, Shared: []string{}, Absent: []string{}, Compared: []Compared{}, Dropped: []Drop{}, Texts: []string{}}
		if c.Similar != nil {
			d.Similarity = &c.Similar.Total
		}
		other := store.Patent{Title: c.Title}
		for _, number := range c.Numbers {
			n, err := patent.ParseNumber(number)
			if err != nil {
				continue
			}
			stored, err := s.db.Patent(store.As(ctx, actor.Institution), string(n.Key()))
			switch {
			case err == nil:
				other = stored
			case fault.KindOf(err) != fault.NotFound:
				return out, err
			}
			d.Number = string(n.Key())
			break
		}
		d.Title = other.Title
		s.compare(ctx, p, &other, &d)
		out.List = append(out.List, d)
	}
	return out, nil
}

func (s *Service) compare(ctx context.Context, p *subject, other *store.Patent, d *Difference) {
	theirs := map[string]string{"title": other.Title, "abstract": other.Abstract, "claims": other.Claims, "description": other.Description}
	for _, part := range []string{"title", "abstract", "claims", "description"} {
		if theirs[part] != "" {
			d.Texts = append(d.Texts, part)
		}
	}
	d.Elements = elements(&p.tree, searched(theirs))
	tree := claim.Parse(other.Claims)
	d.Theirs = elements(&tree, searched(p.parts()))
	for _, term := range namedTerms(p.Claims) {
		if strings.Contains(other.Text(), term) || strings.Contains(other.Description, term) {
			d.Shared = append(d.Shared, term)
		} else {
			d.Absent = append(d.Absent, term)
		}
	}
	var parts []judge.Part
	ours := p.parts()
	for _, part := range []string{"claims", "title", "abstract", "description"} {
		parts = append(parts, judge.Part{Name: "subject." + part, Text: ours[part]}, judge.Part{Name: "comparable." + part, Text: theirs[part]})
	}
	members := map[string]any{}
	var form []string
	for _, point := range []string{"problem", "means", "effect"} {
		members[point] = judge.Closed(map[string]any{"same": map[string]any{"type": "string", "enum": []string{"yes", "no", "not_stated"}}, "sentence": map[string]any{"type": "string"}, "quotes": judge.Cited(4)})
		form = append(form, fmt.Sprintf(`"%s":{"quotes":[{"doc":"subject.claims","text":"逐字引文"},{"doc":"comparable.abstract","text":"逐字引文"}],"sentence":"一句话","same":"no"}`, point))
	}
	permit := p.permit
	permit.Unpublished = permit.Unpublished || other.Confidential
	told, m := s.put(ctx, permit, judge.Task{Template: "task.differences", About: p.Number + " " + d.Deal, Parts: parts, Schema: members, Form: strings.Join(form, ","), Most: 1200})
	d.Model = m
	if m.State != "done" {
		return
	}
	var answer map[string]json.RawMessage
	_ = json.Unmarshal(told.Object, &answer)
	for _, point := range []string{"problem", "means", "effect"} {
		var got struct {
			Same     string  `json:"same"`
			Sentence string  `json:"sentence"`
			Quotes   []cited `json:"quotes"`
		}
		if json.Unmarshal(answer[point], &got) != nil || !slices.Contains([]string{"yes", "no", "not_stated"}, got.Same) {
			d.Dropped = append(d.Dropped, Drop{point, "wrong_schema"})
			continue
		}
		if got.Same == "not_stated" {
			d.Compared = append(d.Compared, Compared{Point: point, Same: got.Same, Quotes: []quote.Quote{}})
			continue
		}
		found, why := stands(&told, got.Sentence, got.Quotes, "")
		both := func(side string) bool {
			return slices.ContainsFunc(found, func(q quote.Quote) bool { return strings.HasPrefix(q.Part, side) })
		}
		if why == "" && (!both("subject.") || !both("comparable.")) {
			why = "no_quote"
		}
		if why != "" {
			d.Dropped = append(d.Dropped, Drop{point, why})
			continue
		}
		d.Compared = append(d.Compared, Compared{point, got.Same, judge.AILabel + strings.TrimSpace(got.Sentence), found})
	}
}

// searched are the parts that elements are looked for in: of a description, the
// first 200 KiB.
func searched(parts map[string]string) map[string]string {
	if d := parts["description"]; len(d) > 200<<10 {
		parts["description"] = strings.ToValidUTF8(d[:200<<10], "")
	}
	return parts
}

// maxElements bounds one table.
const maxElements = 200

// Shares of an element's pairs from which it is found, or found in part.
const (
	foundShare  = 0.85
	partlyShare = 0.4
)

// elements looks for the elements of the independent claims in another text.
func elements(t *claim.Tree, other map[string]string) []ElementLine {
	out := []ElementLine{}
	whole := ""
	for _, part := range []string{"claims", "abstract", "title", "description"} {
		whole += other[part] + "\n"
	}
	theirs := pairs(whole)
	for _, c := range t.Claims {
		if c.Kind != claim.Independent && c.Kind != claim.Referring {
			continue
		}
		for _, p := range c.Pieces {
			if p.Role != claim.Preamble && p.Role != claim.Characterising || len(out) == maxElements {
				continue
			}
			e := ElementLine{Claim: c.Number, Text: p.Text, Start: p.Start, End: p.End, Status: NotFound, Quotes: []quote.Quote{}}
			mine := pairs(p.Text)
			n := 0
			for pair := range mine {
				if theirs[pair] {
					n++
				}
			}
			if len(mine) > 0 {
				e.Share = float64(n*1000/len(mine)) / 1000
			}
			if q, ok := longest(p.Text, other); ok {
				e.Quotes = append(e.Quotes, q)
				switch {
				case e.Share >= foundShare:
					e.Status = Found
				case e.Share >= partlyShare:
					e.Status = Partly
				}
			}
			out = append(out, e)
		}
	}
	return out
}

// longest finds the longest passage of an element that stands in another text,
// four characters at least.
func longest(element string, other map[string]string) (best quote.Quote, ok bool) {
	r := []rune(element)
	if len(r) > 400 {
		r = r[:400]
	}
	for _, part := range []string{"claims", "abstract", "title", "description"} {
		text := other[part]
		most := utf8.RuneCountInString(best.Text)
		for i := 0; i < len(r); i++ {
			for n := max(most+1, 4); i+n <= len(r); n++ {
				k := strings.Index(text, string(r[i:i+n]))
				if k < 0 {
					break
				}
				best, ok, most = at(part, text, k, k+len(string(r[i:i+n]))), true, n
			}
		}
	}
	return best, ok
}

var termPattern = regexp.MustCompile(`所述的?(\p{Han}{2,12})`)

// termStops end a term: they begin what is said of it.
var termStops = []string{"的", "与", "和", "或", "在", "为", "是", "设", "包", "具", "由", "通过", "之", "及", "均", "还", "用于", "采用", "其", "上", "下", "内", "中", "外", "被", "于", "能", "可", "分别", "连接", "固定", "位于", "安装", "呈", "沿", "有", "对", "将", "从", "向", "至", "经", "所", "选自", "含", "作", "通", "嵌", "进", "根据", "占", "组"}

// namedTerms are the parts and steps that claims name more than once after 所述.
func namedTerms(claims string) []string {
	count := map[string]int{}
	var order []string
	for _, m := range termPattern.FindAllStringSubmatch(claims, 4000) {
		term := m[1]
		for _, stop := range termStops {
			if i := strings.Index(term, stop); i >= 0 && utf8.RuneCountInString(term[:i]) >= 2 {
				term = term[:i]
			}
		}
		n := utf8.RuneCountInString(term)
		if n < 2 || n > 8 {
			continue
		}
		if count[term]++; count[term] == 1 {
			order = append(order, term)
		}
	}
	out := []string{}
	for _, term := range order {
		if strings.Count(claims, term) > 1 && len(out) < 60 {
			out = append(out, term)
		}
	}
	return out
}
