// Package reading is what people use a reader for besides scores: a patent's
// claims taken apart, five sentences for a credit committee, its differences to
// the comparables, the facts of a paper the borrower brought, and what to ask
// him. Start with [Service].
//
// Each gives what rules can without a model and says so. What a model adds is
// labelled, stands on verbatim quotes that were looked up in the text, and is
// dropped where they do not hold.
package reading

import (
	"context"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"zhijia/internal/appraisal"
	"zhijia/internal/claim"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/patent"
	"zhijia/internal/quote"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Who found or wrote a thing.
const (
	ByRule  = "rule"
	ByModel = "model"
)

// Service reads for people. It is safe for concurrent use.
type Service struct {
	db    *store.DB
	svc   *appraisal.Service
	model *judge.Rubric
	now   func() time.Time
}

// New returns a service; a nil model leaves the rules alone.
func New(db *store.DB, svc *appraisal.Service, model *judge.Rubric, now func() time.Time) *Service {
	return &Service{db, svc, model, now}
}

// Ask says what is to be read.
type Ask struct {
	Number     string          // in any usual form; may be empty where Text is given
	Text       *appraisal.Text // of a patent not in the store, or what the store lacks of it
	AllowModel *bool           // false: rules alone; nil: as the institution says
}

// Model says what became of the model's part. Without one the rules' part
// stands alone.
type Model struct {
	State  string              `json:"state" enum:"off,done,failed" doc:"off: none is configured, or the text may not leave; failed: it gave nothing that can be used"`
	Code   string              `json:"code,omitempty" doc:"Why, as a stable code."`
	Zh     string              `json:"zh,omitempty"`
	En     string              `json:"en,omitempty"`
	Name   string              `json:"model,omitempty"`
	Prompt string              `json:"prompt,omitempty"`
	Use    *valuation.ModelUse `json:"use,omitempty"`
	Cut    []string            `json:"cut,omitempty" doc:"Parts that did not fit the model's context whole."`
}

// Drop is something the model said that did not hold.
type Drop struct {
	What string `json:"what"`
	Why  string `json:"why" doc:"quote_not_in_text, no_quote, number_not_in_text, money, not_chinese, too_long, praise, unsupported, wrong_schema, value_not_read"`
}

// subject is a patent as it is read.
type subject struct {
	store.Patent
	examination string
	permit      judge.Permit
	tree        claim.Tree
	text        *quote.Text
}

// subject finds what is asked about: the store's text, and the request's where
// the store has none.
func (s *Service) subject(ctx context.Context, actor store.Actor, a Ask) (_ *subject, err error) {
	out := &subject{}
	if a.Number != "" {
		n, err := patent.ParseNumber(a.Number)
		if err != nil {
			return nil, err
		}
		out.Patent, err = s.db.Patent(store.As(ctx, actor.Institution), string(n.Key()))
		if err != nil && (fault.KindOf(err) != fault.NotFound || a.Text == nil) {
			return nil, err
		}
		if err != nil {
			out.Patent = store.Patent{Number: string(n.Key()), Confidential: true} // nothing says that the text is public
		}
	}
	if a.Text != nil {
		for _, x := range []struct {
			to   *string
			text string
		}{{&out.Title, a.Text.Title}, {&out.Abstract, a.Text.Abstract}, {&out.Claims, a.Text.Claims}, {&out.Description, a.Text.Description}} {
			if *x.to == "" && strings.TrimSpace(x.text) != "" {
				*x.to = strings.ToValidUTF8(x.text, "")
				out.Confidential = out.Confidential || out.ID == 0
			}
		}
		out.examination = strings.ToValidUTF8(a.Text.Examination, "")
	}
	if a.Number == "" && a.Text == nil {
		return nil, fault.New(fault.Invalid, "subject.missing", "请给出专利号或文本。", "Give a patent number or a text.")
	}
	if len(out.Title)+len(out.Abstract)+len(out.Claims)+len(out.Description) > 4<<20 {
		return nil, fault.New(fault.TooLarge, "reading.text_too_long", "文本超过 4 MiB，请缩短。", "The text is longer than 4 MiB; shorten it.")
	}
	out.permit = judge.Permit{Actor: actor, Unpublished: out.Unpublished(), Allow: a.AllowModel}
	out.tree = claim.Parse(out.Claims)
	out.text = quote.NewText(out.parts())
	return out, nil
}

func (p *subject) parts() map[string]string {
	return map[string]string{"title": p.Title, "abstract": p.Abstract, "claims": p.Claims, "description": p.Description, "examination": p.examination}
}

// ordered are the parts as they are put to a model.
func (p *subject) ordered() []judge.Part {
	return []judge.Part{{Name: "claims", Text: p.Claims}, {Name: "title", Text: p.Title}, {Name: "abstract", Text: p.Abstract}, {Name: "examination", Text: p.examination}, {Name: "description", Text: p.Description}}
}

// put has the model answer, and says what became of it; the rules' part never
// waits for more than that.
func (s *Service) put(ctx context.Context, p judge.Permit, t judge.Task) (judge.Told, Model) {
	if s.model == nil {
		return judge.Told{}, Model{State: "off", Code: "model.off", Zh: "未配置模型，以下全部由规则得出。", En: "No model is configured; everything here is by rules."}
	}
	told, err := s.model.Put(ctx, p, t)
	m := Model{State: "done", Name: told.Model, Prompt: told.Prompt, Use: told.Use, Cut: told.Cut}
	if err != nil {
		pub := fault.Public(err)
		m.State, m.Code, m.Zh, m.En = "failed", pub.Code, "模型未能作答，以下由规则得出。"+pub.Zh, "The model gave nothing; everything here is by rules. "+pub.En
		if fault.KindOf(err) == fault.Forbidden {
			m.State = "off"
		}
	}
	return told, m
}

// cited is a quote as a model gives it.
type cited struct {
	Doc  string `json:"doc"`
	Text string `json:"text"`
}

var (
	praise = regexp.MustCompile(`首创|领先|唯一|最佳|革命性|颠覆|填补空白|显著优于|无可替代|世界一流|国际先进|国内先进`)
	said   = regexp.MustCompile(`申请人(?:称|自称|表示|认为|自述)|文本称|说明书称`)
	links  = regexp.MustCompile(`(?i)https?:|www\.|[a-z0-9]\.(?:com|cn|net|org)\b`)
)

const maxSentence = 120 // characters

// stands verifies one sentence of a model against the text it was given: every
// quote in its place, no figure of its own, no money, in Chinese, about what it
// quotes, and no praise as fact.
func stands(told *judge.Told, sentence string, quotes []cited, known string) (found []quote.Quote, why string) {
	sentence = strings.TrimSpace(sentence)
	switch {
	case utf8.RuneCountInString(sentence) > maxSentence:
		return nil, "too_long"
	case !strings.ContainsFunc(sentence, func(r rune) bool { return unicode.Is(unicode.Han, r) }), strings.ContainsFunc(sentence, unicode.IsControl):
		return nil, "not_chinese"
	case quote.SpeaksOfMoney(sentence):
		return nil, "money"
	case links.MatchString(sentence):
		return nil, "unsupported"
	case praise.MatchString(sentence) && !said.MatchString(sentence):
		return nil, "praise"
	case len(told.Text.ForeignNumbers(sentence, known)) > 0:
		return nil, "number_not_in_text"
	}
	lost := 0
	for _, q := range quotes[:min(len(quotes), 4)] {
		at, ok := told.Text.Find(strings.TrimSpace(q.Doc), q.Text)
		if !ok || quote.SpeaksOfMoney(at.Text) {
			lost++
			continue
		}
		found = append(found, at)
	}
	switch {
	case len(found) == 0 && lost == 0:
		return nil, "no_quote"
	case lost > 0: // a sentence stands on all that it names, or not at all
		return nil, "quote_not_in_text"
	}
	all := ""
	for _, q := range found {
		all += q.Text
	}
	if overlap(sentence, all) < 2 {
		return nil, "unsupported"
	}
	return found, ""
}

// overlap counts the pairs of neighbouring Chinese characters of a that stand
// in b too.
func overlap(a, b string) int {
	n := 0
	for pair := range pairs(a) {
		if strings.Contains(b, pair) {
			n++
		}
	}
	return n
}

// pairs are the pairs of neighbouring Chinese characters of a text, but for
// those of grammar alone.
func pairs(s string) map[string]bool {
	out := map[string]bool{}
	last := rune(0)
	for _, r := range s {
		if unicode.Is(unicode.Han, r) && unicode.Is(unicode.Han, last) {
			if pair := string(last) + string(r); !plain[pair] {
				out[pair] = true
			}
		}
		last = r
	}
	return out
}

// plain are pairs that every claim has.
var plain = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields("一种 所述 述的 其特 特征 征在 在于 包括 包含 其中 用于 具有 根据 权利 利要 要求 任一 一项 以及 或者 进行 通过 设有 设置 的一 还包 至少 少一") {
		out[w] = true
	}
	return out
}()

// at is the quote of a stretch of a part whose place is known.
func at(part, text string, start, end int) quote.Quote {
	return quote.Quote{Part: part, Start: start, End: end, Text: text[start:end]}
}

// clip shortens a text at a full character, and says so by an ellipsis.
func clip(s string, runes int) string {
	r := []rune(s)
	if len(r) <= runes {
		return s
	}
	return string(r[:runes]) + "…"
}
