package reading

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"zhijia/internal/appraisal"
	"zhijia/internal/deal"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/patent"
	"zhijia/internal/quote"
	"zhijia/internal/store"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// MaxMaterial bounds a material, in bytes.
const MaxMaterial = 1 << 20

// Material is a paper that was brought for a patent.
type Material struct {
	Name string `json:"name,omitempty" doc:"As whoever brings it calls it." maxLength:"200"`
	Kind string `json:"kind,omitempty" enum:"register,licence,financial,receipt" doc:"Default: told by its words."`
	Text string `json:"text" maxLength:"1048576"`
}

// Cited is a stretch of a material, verbatim.
type Cited struct {
	Text  string `json:"text"`
	Start int    `json:"start" doc:"Byte offsets in the text as it was given."`
	End   int    `json:"end"`
}

// Fact is one thing a material says, proposed as an input.
type Fact struct {
	ID         string          `json:"id"`
	Key        string          `json:"key" doc:"e.g. patent.filing_date, licence.royalty_rate, income.revenue"`
	Zh         string          `json:"zh"`
	Year       int             `json:"year,omitempty"`
	Value      json.RawMessage `json:"value" doc:"Dates as YYYY-MM-DD, amounts in yuan, rates as fractions; null where it is not understood."`
	Input      string          `json:"input,omitempty" doc:"Member of the request for a valuation that it fills once accepted; absent: it is kept for the record."`
	Quote      Cited           `json:"quote"`
	Material   string          `json:"material" doc:"SHA-256 of the text it is from."`
	Name       string          `json:"material_name"`
	Kind       string          `json:"material_kind"`
	By         string          `json:"by" enum:"rule,model" doc:"Who found the quote; the value is read from it by rules in either case."`
	Generated  bool            `json:"generated"`
	Model      string          `json:"model,omitempty"`
	Warnings   []Note          `json:"warnings"`
	Blocked    string          `json:"blocked,omitempty" doc:"Why it cannot be accepted, as a stable code."`
	Status     string          `json:"status" enum:"proposed,accepted,rejected"`
	ProposedBy string          `json:"proposed_by"`
	ProposedAt time.Time       `json:"proposed_at"`
	DecidedBy  string          `json:"decided_by,omitempty"`
	DecidedAt  *time.Time      `json:"decided_at,omitempty"`
	Note       string          `json:"note,omitempty"`
}

// Facts are what was read for a patent, and the request that the accepted ones
// make.
type Facts struct {
	Number  string             `json:"number"`
	Facts   []Fact             `json:"facts"`
	Dropped []Drop             `json:"dropped,omitempty"`
	Model   *Model             `json:"model,omitempty"`
	Request *appraisal.Request `json:"request" doc:"What POST /v1/valuations takes, with the accepted facts as inputs; complete it before it is sent."`
}

// ReadFacts reads a material that was brought for a patent and proposes what it
// says. Nothing is an input before a person accepts it. The same text again
// brings what was decided before.
func (s *Service) ReadFacts(ctx context.Context, actor store.Actor, number string, m Material, allow *bool) (_ Facts, err error) {
	defer fault.Wrap(&err, "reading.ReadFacts")
	n, err := patent.ParseNumber(number)
	if err != nil {
		return Facts{}, err
	}
	text := m.Text
	switch {
	case strings.TrimSpace(text) == "":
		return Facts{}, fault.New(fault.Invalid, "material.empty", "材料没有文字；扫描件请先识别成文字。", "The material has no text; have a scan recognised first.")
	case len(text) > MaxMaterial:
		return Facts{}, fault.New(fault.TooLarge, "material.too_long", "材料超过 1 MiB，请拆分。", "The material is longer than 1 MiB; split it.")
	case !utf8.ValidString(text) || strings.Contains(text, "\x00"):
		return Facts{}, fault.New(fault.Invalid, "material.encoding", "材料不是有效的 UTF-8 文本。", "The material is no valid UTF-8 text.")
	case m.Kind != "" && !slices.Contains(Kinds, m.Kind):
		return Facts{}, fault.New(fault.Invalid, "material.kind", "材料类型应为 register、licence、financial 或 receipt。", "The kind is register, licence, financial or receipt.")
	case len(m.Name) > 200 || strings.ContainsFunc(m.Name, func(r rune) bool { return r < ' ' }):
		return Facts{}, fault.New(fault.Invalid, "material.name", "材料名称应不超过 200 字节，且不含控制字符。", "The name has at most 200 bytes and no control characters.")
	}
	sum := sha256.Sum256([]byte(text))
	stored := store.ReadMaterial{Number: string(n.Key()), Hash: hex.EncodeToString(sum[:]), Name: cmp.Or(m.Name, "粘贴的文本"), Kind: cmp.Or(m.Kind, kindOf(text)), Body: text}
	all := readFacts(text)
	more, dropped, model := s.moreFacts(ctx, actor, stored.Number, text, all, allow)
	elsewhere(stored.Number, all)
	if len(more) > 0 {
		elsewhere(stored.Number, append(slices.Clone(all), more...))
	}
	var facts []store.ReadFact
	for i, f := range append(slices.Clone(all), more...) {
		x := store.ReadFact{Key: f.key, Quote: text[f.start:f.end], Start: f.start, End: f.end, By: ByRule, Blocked: f.blocked}
		if i >= len(all) {
			x.By, x.Model = ByModel, model.Name
		}
		if x.Value, err = json.Marshal(f.value); err != nil {
			return Facts{}, err
		}
		if x.Warnings, err = json.Marshal(append([]Note{}, f.warnings...)); err != nil {
			return Facts{}, err
		}
		facts = append(facts, x)
	}
	if err := s.db.PutReadFacts(ctx, actor, stored, facts, s.now().UTC().Truncate(time.Microsecond)); err != nil {
		return Facts{}, err
	}
	out, err := s.facts(ctx, actor, stored.Number, stored.Hash)
	out.Dropped, out.Model = dropped, &model
	return out, err
}

// elsewhere blocks what a material says that is about another patent, or about
// several.
func elsewhere(number string, all []found) {
	same, others := false, false
	for _, f := range all {
		if f.key != "patent.number" || f.value == nil {
			continue
		}
		if n, err := patent.ParseNumber(fmt.Sprint(f.value)); err == nil && string(n.Key()) == number {
			same = true
		} else {
			others = true
		}
	}
	if !others {
		return
	}
	for i := range all {
		f := &all[i]
		if f.blocked != "" {
			continue
		}
		switch {
		case !same:
			f.blocked = "fact.other_patent"
			f.warnings = append(f.warnings, Note{f.blocked, "材料写的是另一件专利的号码，不能用于本专利。", "The material names another patent; it is no evidence of this one."})
		case strings.HasPrefix(f.key, "patent."):
			f.blocked = "fact.several_patents"
			f.warnings = append(f.warnings, Note{f.blocked, "材料涉及多件专利，无法确定该项属于哪一件；请只粘贴本专利的部分。", "The material is about several patents and this may belong to any; paste the part about this one."})
		}
	}
}

// moreFacts has a model look for what the rules did not find. It gives quotes;
// each value is read from its quote by the rules.
func (s *Service) moreFacts(ctx context.Context, actor store.Actor, number, text string, have []found, allow *bool) (out []found, dropped []Drop, m Model) {
	var names, wanted []string
	for _, f := range fields {
		if !slices.ContainsFunc(have, func(h found) bool { return strings.HasPrefix(h.key, f.key) }) && !strings.HasPrefix(f.key, "company.") && f.key != "income.revenue" {
			names = append(names, f.key)
			wanted = append(wanted, f.key+"："+f.zh)
		}
	}
	item := judge.Closed(map[string]any{"field": map[string]any{"type": "string", "enum": names}, "text": map[string]any{"type": "string"}, "value": map[string]any{"type": "string"}})
	told, m := s.put(ctx, judge.Permit{Actor: actor, Unpublished: true, Allow: allow}, judge.Task{
		Template: "task.facts", About: number, Parts: []judge.Part{{Name: "material", Text: text}}, Beside: "待找的项目：\n" + strings.Join(wanted, "\n"),
		Schema: map[string]any{"facts": map[string]any{"type": "array", "maxItems": 30, "items": item}}, Form: `"facts":[{"field":"patent.filing_date","text":"申请日：2019年3月1日","value":"2019年3月1日"}]`, Most: 1500,
	})
	if m.State != "done" {
		return nil, nil, m
	}
	var answer struct {
		Facts []struct {
			Field string `json:"field"`
			Text  string `json:"text"`
			Value string `json:"value"`
		} `json:"facts"`
	}
	if json.Unmarshal(told.Object, &answer) != nil {
		return nil, []Drop{{"facts", "wrong_schema"}}, m
	}
	for _, x := range answer.Facts[:min(len(answer.Facts), 30)] {
		q, ok := told.Text.Find("material", x.Text)
		switch {
		case !slices.Contains(names, x.Field):
			dropped = append(dropped, Drop{clip(x.Field, 40), "wrong_schema"})
			continue
		case !ok:
			dropped = append(dropped, Drop{x.Field, "quote_not_in_text"})
			continue
		}
		f, ok := valueIn(x.Field, q, x.Value)
		if !ok {
			dropped = append(dropped, Drop{x.Field, "value_not_read"})
			continue
		}
		out = append(out, f)
	}
	return out, dropped, m
}

// valueIn reads the value of a field from a quote by the rules; what the model
// calls the value must stand in the quote, word for word.
func valueIn(key string, q quote.Quote, value string) (found, bool) {
	said := deal.Find(q.Text)
	pick := found{key: key, start: q.Start, end: q.End}
	if strings.HasPrefix(key, "licence.") && key != "licence.licensor" && key != "licence.licensee" && key != "licence.kind" {
		for _, f := range licence("许可 "+q.Text, &deal.Found{}) {
			if f.key == key && f.value != nil {
				pick.value = f.value
				return pick, true
			}
		}
		for _, f := range licence(q.Text, &said) {
			if f.key == key && f.value != nil {
				pick.value = f.value
				return pick, true
			}
		}
		return pick, false
	}
	value = strings.TrimSpace(value)
	i := strings.Index(q.Text, value)
	if value == "" || i < 0 {
		return pick, false
	}
	for _, f := range readValue(key, value, i, &said, pick) {
		if f.value != nil && f.blocked == "" {
			return f, true
		}
	}
	return pick, false
}

// Facts returns what was read for a patent and the request that the accepted
// facts make.
func (s *Service) Facts(ctx context.Context, actor store.Actor, number string) (_ Facts, err error) {
	defer fault.Wrap(&err, "reading.Facts")
	n, err := patent.ParseNumber(number)
	if err != nil {
		return Facts{}, err
	}
	return s.facts(ctx, actor, string(n.Key()), "")
}

func (s *Service) facts(ctx context.Context, actor store.Actor, number, material string) (Facts, error) {
	out := Facts{Number: number, Facts: []Fact{}}
	all, err := s.db.ReadFacts(ctx, actor.Institution, number, "")
	if err != nil {
		return out, err
	}
	var accepted []Fact
	for _, f := range all {
		x, err := shown(f)
		if err != nil {
			return out, err
		}
		if material == "" || f.Material == material {
			out.Facts = append(out.Facts, x)
		}
		if f.Status == store.FactAccepted {
			accepted = append(accepted, x)
		}
	}
	out.Request = request(number, accepted)
	return out, nil
}

// Decide accepts or rejects a fact. One that was accepted may be rejected
// later, and the other way round.
func (s *Service) Decide(ctx context.Context, actor store.Actor, id string, accept bool, note string) (_ Fact, err error) {
	defer fault.Wrap(&err, "reading.Decide")
	if len(note) > 500 || strings.ContainsFunc(note, func(r rune) bool { return r < ' ' }) {
		return Fact{}, fault.New(fault.Invalid, "fact.note", "意见应不超过 500 字节，且不含控制字符。", "The note has at most 500 bytes and no control characters.")
	}
	status := store.FactRejected
	if accept {
		status = store.FactAccepted
	}
	f, err := s.db.DecideReadFact(ctx, actor, id, status, note, s.now().UTC().Truncate(time.Microsecond))
	if err != nil {
		return Fact{}, err
	}
	return shown(f)
}

func shown(f store.ReadFact) (Fact, error) {
	at, year := fieldOf(f.Key)
	key, _, _ := strings.Cut(f.Key, "@")
	out := Fact{
		ID: f.ID, Key: key, Zh: at.zh, Year: year, Value: f.Value, Input: at.input, Quote: Cited{f.Quote, f.Start, f.End}, Material: f.Material, Name: f.Name, Kind: f.Kind,
		By: f.By, Generated: f.By == ByModel, Model: f.Model, Blocked: f.Blocked, Status: f.Status, ProposedBy: f.ProposedBy, ProposedAt: f.ProposedAt, DecidedBy: f.DecidedBy, DecidedAt: f.DecidedAt, Note: f.Note,
	}
	return out, json.Unmarshal(f.Warnings, &out.Warnings)
}

// Shown is the value as people read it.
func (f *Fact) Shown() string {
	var v any
	if json.Unmarshal(f.Value, &v) != nil || v == nil {
		return "未能识别"
	}
	switch x := v.(type) {
	case float64:
		switch {
		case strings.HasSuffix(f.Key, "_rate"):
			return fmt.Sprintf("%g%%", x*100)
		case f.Key == "licence.lump_sum" || f.Key == "receipt.amount" || strings.HasPrefix(f.Key, "company.") || f.Key == "income.revenue":
			return fmt.Sprintf("%.2f 元", x)
		}
		return fmt.Sprintf("%g", x)
	case []any:
		words := make([]string, len(x))
		for i, w := range x {
			words[i] = fmt.Sprint(w)
		}
		return strings.Join(words, "、")
	}
	return cmp.Or(map[string]string{
		"invention": "发明", "utility_model": "实用新型", "design": "外观设计", "alive": "有效", "dead": "失效", "pending": "审中", "yes": "是", "no": "否",
		"exclusive_licence": "独占许可", "sole_licence": "排他许可", "plain_licence": "普通许可",
	}[fmt.Sprint(v)], fmt.Sprint(v))
}

// request is a request for a valuation with accepted facts as inputs, each with
// where it is from.
func request(number string, accepted []Fact) *appraisal.Request {
	r := &appraisal.Request{Number: number}
	facts := appraisal.Facts{}
	in := income.Facts{}
	patentSaid, incomeSaid := false, false
	for _, f := range accepted {
		var v any
		if json.Unmarshal(f.Value, &v) != nil || v == nil {
			continue
		}
		x, isNumber := v.(float64)
		source := f.Name + "（" + f.ID + "，" + f.DecidedBy + " 采纳）"
		stated := &terms.Quantity{Value: &x, Source: source}
		switch f.Key {
		case "patent.kind":
			facts.Kind, patentSaid = fmt.Sprint(v), true
		case "patent.owners", "patent.ipc":
			var words []string
			if json.Unmarshal(f.Value, &words) == nil {
				if f.Key == "patent.owners" {
					facts.Owners = words
				} else {
					facts.IPC = words
				}
				patentSaid = true
			}
		case "patent.filing_date":
			facts.Filing, patentSaid = asDate(v), true
		case "patent.grant_date":
			facts.Grant, patentSaid = asDate(v), true
		case "patent.publication_date":
			facts.Published, patentSaid = asDate(v), true
		case "patent.claims":
			if n := int(x); isNumber {
				facts.Claims, patentSaid = &n, true
			}
		case "licence.kind":
			r.LicenceKind = fmt.Sprint(v)
		case "licence.royalty_rate":
			in.Royalty, incomeSaid = stated, true
		case "licence.lump_sum":
			in.LumpSum, incomeSaid = stated, true
		case "licence.term_years":
			in.ContractTerm, incomeSaid = stated, true
		case "income.revenue":
			in.Revenue, incomeSaid = append(in.Revenue, terms.YearQuantity{Year: f.Year, Quantity: *stated}), true
		}
	}
	slices.SortFunc(in.Revenue, func(a, b terms.YearQuantity) int { return cmp.Compare(a.Year, b.Year) })
	if patentSaid {
		r.Patent = &facts
	}
	if incomeSaid {
		r.Income = &in
	}
	return r
}

// RequestJSON is the request as it is sent.
func (f *Facts) RequestJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(f.Request)
	return b.Bytes(), err
}
