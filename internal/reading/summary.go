package reading

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"zhijia/internal/claim"
	"zhijia/internal/judge"
	"zhijia/internal/patent"
	"zhijia/internal/quote"
	"zhijia/internal/store"
)

// Sentence is one of five. By rule it repeats the text; a model's begins with
// the label of generated content.
type Sentence struct {
	Point     string        `json:"point" enum:"what,problem,means,effect,scope"`
	Zh        string        `json:"zh" doc:"The point in Chinese."`
	Text      string        `json:"text" doc:"Empty: the text does not say."`
	By        string        `json:"by" enum:"rule,model"`
	Generated bool          `json:"generated"`
	Quotes    []quote.Quote `json:"quotes" doc:"What it stands on, verbatim, by byte offset in the part."`
}

// Summary says in five sentences what a patent is, for people who decide on
// credit.
type Summary struct {
	Number    string     `json:"number,omitempty"`
	Title     string     `json:"title"`
	Sentences []Sentence `json:"sentences" doc:"Five, in order; where the model's does not stand, the rules' does."`
	Dropped   []Drop     `json:"dropped" doc:"What the model said that did not stand."`
	Model     Model      `json:"model"`
}

var points = []struct{ key, zh string }{
	{"what", "是什么"}, {"problem", "解决什么问题"}, {"means", "怎么做到"}, {"effect", "效果"}, {"scope", "保护什么"},
}

// Summary sums a patent up.
func (s *Service) Summary(ctx context.Context, actor store.Actor, a Ask) (Summary, error) {
	p, err := s.subject(ctx, actor, a)
	if err != nil {
		return Summary{}, err
	}
	out := Summary{Number: p.Number, Title: p.Title, Dropped: []Drop{}}
	members := map[string]any{}
	var form []string
	for _, x := range points {
		out.Sentences = append(out.Sentences, p.byRule(x.key, x.zh))
		members[x.key] = judge.Closed(map[string]any{"quotes": judge.Cited(3), "sentence": map[string]any{"type": "string"}})
		form = append(form, fmt.Sprintf(`"%s":{"quotes":[{"doc":"claims","text":"逐字引文"}],"sentence":"一句话"}`, x.key))
	}
	known := p.known()
	told, m := s.put(ctx, p.permit, judge.Task{Template: "task.summary", About: p.Number, Parts: p.ordered(), Beside: known, Schema: members, Form: strings.Join(form, ","), Most: 1600})
	out.Model = m
	if m.State != "done" {
		return out, nil
	}
	var answer map[string]json.RawMessage
	_ = json.Unmarshal(told.Object, &answer) // a JSON object: the reader saw to it
	stood := 0
	for i, x := range points {
		var got struct {
			Sentence string  `json:"sentence"`
			Quotes   []cited `json:"quotes"`
		}
		if json.Unmarshal(answer[x.key], &got) != nil {
			out.Dropped = append(out.Dropped, Drop{x.key, "wrong_schema"})
			continue
		}
		if strings.TrimSpace(got.Sentence) == "" {
			continue
		}
		found, why := stands(&told, got.Sentence, got.Quotes, known)
		if why != "" {
			out.Dropped = append(out.Dropped, Drop{x.key, why})
			continue
		}
		out.Sentences[i] = Sentence{x.key, x.zh, judge.AILabel + strings.TrimSpace(got.Sentence), ByModel, true, found}
		stood++
	}
	if stood == 0 {
		out.Model.State, out.Model.Code = "failed", "model.nothing_stood"
		out.Model.Zh, out.Model.En = "模型写的句子没有一句通过核验，以下全部由规则得出。", "No sentence of the model stood; everything here is by rules."
	}
	return out, nil
}

// known is what is told of the claims besides the text.
func (p *subject) known() string {
	if p.tree.Count == 0 {
		return "权利要求文本未入库。"
	}
	return fmt.Sprintf("权利要求共 %d 项，其中独立权利要求 %d 项，编号：%s。", p.tree.Count, len(p.tree.Independent), list(p.tree.Independent))
}

func list(n []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(n), " ", "、"), "[]") }

var (
	problems = regexp.MustCompile(`(?:目的在于|目的是|技术问题|解决了?|克服|为了|针对|缺陷|不足|存在.{0,30}问题)`)
	effects  = regexp.MustCompile(`(?:有益效果|技术效果|优点|提高|提升|降低|减少|避免|改善|增强|延长|节省|效果)`)
	periods  = regexp.MustCompile(`[^。！？\n]+[。！？]?`)
)

// byRule says a point in the text's own words.
func (p *subject) byRule(key, zh string) Sentence {
	out := Sentence{Point: key, Zh: zh, By: ByRule, Quotes: []quote.Quote{}}
	first := func(pattern *regexp.Regexp, parts ...string) {
		all := p.parts()
		for _, part := range parts {
			text := all[part]
			for _, m := range periods.FindAllStringIndex(text, 400) {
				n := utf8.RuneCountInString(text[m[0]:m[1]])
				if n < 8 || n > 240 || !pattern.MatchString(text[m[0]:m[1]]) {
					continue
				}
				out.Quotes = append(out.Quotes, at(part, text, m[0], m[1]))
				out.Text += strings.TrimSpace(text[m[0]:m[1]])
				return
			}
		}
	}
	switch key {
	case "what":
		if p.Title == "" {
			break
		}
		kind := patent.Kind(p.Kind).Zh()
		if p.Kind == "" {
			kind = "专利（类型未知）"
		}
		out.Quotes = append(out.Quotes, at("title", p.Title, 0, len(p.Title)))
		out.Text = "名称为“" + p.Title + "”的" + kind + "。"
	case "problem":
		first(problems, "abstract", "description")
	case "means":
		if i := p.tree.First(); i >= 0 {
			c := &p.tree.Claims[i]
			out.Quotes = append(out.Quotes, at("claims", p.Claims, c.Start, c.End))
			out.Text = clip(c.Text, 160)
			break
		}
		first(regexp.MustCompile(`包括|包含|采用|由.{1,40}组成|其特征`), "abstract")
	case "effect":
		if first(effects, "abstract", "description"); out.Text != "" {
			out.Text = "文本自述：" + out.Text
		}
	case "scope":
		var subjects []string
		for _, c := range p.tree.Claims {
			if (c.Kind == claim.Independent || c.Kind == claim.Referring) && c.Subject != "" && len(c.Pieces) > 0 {
				subjects = append(subjects, fmt.Sprintf("权利要求%d（%s，%d 个特征）", c.Number, c.Subject, c.Elements))
				out.Quotes = append(out.Quotes, at("claims", p.Claims, c.Pieces[0].Start, c.Pieces[0].End))
			}
		}
		if len(subjects) > 0 {
			out.Text = fmt.Sprintf("权利要求共 %d 项，独立权利要求：%s。", p.tree.Count, strings.Join(subjects, "；"))
		}
	}
	return out
}
