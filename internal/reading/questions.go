package reading

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/claim"
	"zhijia/internal/dossier"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/patent"
	"zhijia/internal/quote"
	"zhijia/internal/store"
)

// Question is one thing to ask the borrower, and why.
type Question struct {
	Code      string        `json:"code" doc:"What is unknown, as a stable code; text.* comes from the patent's text."`
	Text      string        `json:"text"`
	Why       string        `json:"why"`
	Supply    string        `json:"supply,omitempty" doc:"The paper that answers it."`
	By        string        `json:"by" enum:"rule,model"`
	Generated bool          `json:"generated"`
	Quotes    []quote.Quote `json:"quotes"`
}

// Questions are what to ask the borrower about a patent.
type Questions struct {
	Number    string     `json:"number,omitempty"`
	Title     string     `json:"title"`
	Questions []Question `json:"questions"`
	Dropped   []Drop     `json:"dropped"`
	Model     Model      `json:"model"`
}

// Questions says what to ask the borrower: from what is missing or contradicts
// itself by rules, and from the text by the model.
func (s *Service) Questions(ctx context.Context, actor store.Actor, a Ask) (Questions, error) {
	p, err := s.subject(ctx, actor, a)
	if err != nil {
		return Questions{}, err
	}
	out := Questions{Number: p.Number, Title: p.Title, Questions: []Question{}, Dropped: []Drop{}}
	add := func(code, text, why, supply string, quotes ...quote.Quote) {
		out.Questions = append(out.Questions, Question{Code: code, Text: text, Why: why, Supply: supply, By: ByRule, Quotes: append([]quote.Quote{}, quotes...)})
	}
	if a.Number != "" {
		if err := s.fromFile(ctx, actor, a.Number, add); err != nil {
			return out, err
		}
	}
	s.fromText(p, add)
	var known []string
	for _, q := range out.Questions {
		known = append(known, "- "+q.Text)
	}
	item := judge.Closed(map[string]any{"question": map[string]any{"type": "string"}, "quotes": judge.Cited(2)})
	told, m := s.put(ctx, p.permit, judge.Task{
		Template: "task.questions", About: p.Number, Parts: p.ordered(), Beside: strings.Join(known, "\n"),
		Schema: map[string]any{"questions": map[string]any{"type": "array", "maxItems": 5, "items": item}}, Form: `"questions":[{"quotes":[{"doc":"claims","text":"逐字引文"}],"question":"一句话？"}]`, Most: 1200,
	})
	out.Model = m
	if m.State != "done" {
		return out, nil
	}
	var answer struct {
		Questions []struct {
			Question string  `json:"question"`
			Quotes   []cited `json:"quotes"`
		} `json:"questions"`
	}
	if json.Unmarshal(told.Object, &answer) != nil {
		out.Dropped = append(out.Dropped, Drop{"questions", "wrong_schema"})
		return out, nil
	}
	for i, q := range answer.Questions[:min(len(answer.Questions), 5)] {
		found, why := stands(&told, q.Question, q.Quotes, strings.Join(known, "\n"))
		if text := strings.TrimSpace(q.Question); why == "" && !strings.HasSuffix(text, "？") && !strings.HasSuffix(text, "?") {
			why = "wrong_schema"
		}
		if why != "" {
			out.Dropped = append(out.Dropped, Drop{fmt.Sprintf("question %d", i+1), why})
			continue
		}
		out.Questions = append(out.Questions, Question{Code: "text.model", Text: judge.AILabel + strings.TrimSpace(q.Question), Why: "由模型读专利文本提出", By: ByModel, Generated: true, Quotes: found})
	}
	return out, nil
}

// fromFile asks for what the dossier lacks, for what contradicts itself, and for
// what stands in the way of a pledge and is open.
func (s *Service) fromFile(ctx context.Context, actor store.Actor, number string, add func(code, text, why, supply string, quotes ...quote.Quote)) error {
	n, err := patent.ParseNumber(number)
	if err != nil {
		return err
	}
	d, err := dossier.Read(ctx, s.db, actor.Institution, n, patent.PledgeFacts{}, calendar.InChina(s.now()), s.svc.Days())
	switch {
	case fault.KindOf(err) == fault.NotFound:
		add("missing.record", "请提供这件专利的专利登记簿副本和授权公告文本。", "库中没有这件专利的记录", "专利登记簿副本、授权公告文本")
		return nil
	case err != nil:
		return err
	}
	facts, err := s.facts(ctx, actor, d.Number, "")
	if err != nil {
		return err
	}
	said := map[string]bool{}
	for _, f := range facts.Facts {
		if f.Status == store.FactAccepted {
			said[f.Key] = true
		}
		if f.Key == "company.revenue" && f.Status != store.FactRejected {
			said["company.revenue"] = true
		}
	}
	for _, g := range d.Missing {
		if said[answers[g.Key]] {
			continue
		}
		add("missing."+g.Key, asked[g.Key].or("请说明并举证："+strings.TrimSuffix(g.Zh, "未知")+"。"), g.Zh, g.Supply)
	}
	for i, c := range d.Conflicts {
		add(fmt.Sprintf("conflict.%d", i+1), "记载相互矛盾，以哪一份为准？请提供依据。", c, "专利登记簿副本")
	}
	for _, f := range d.Eligibility.Findings {
		if f.Outcome == patent.Open {
			add("pledge."+f.Code, "办理质押登记前需要确认："+f.Zh+"，是否存在？", f.Reason, f.Supply)
		}
	}
	if !said["income.revenue"] {
		why := "没有使用该专利的产品的收入，收益法不能采用"
		if said["company.revenue"] {
			why = "材料只有全公司收入，没有使用该专利的产品的收入"
		}
		add("missing.income.revenue", "哪些产品使用这件专利？近三年这些产品的销售收入各是多少？", why, "分产品销售明细、审计报告或纳税申报表")
	}
	if !said["licence.royalty_rate"] && !said["licence.lump_sum"] {
		add("missing.licence", "这件专利是否许可过他人？许可方式、费率、期限和已收到的许可费是多少？", "没有许可合同的记载", "许可合同、备案证明、收款凭证")
	}
	return nil
}

type words string

func (w words) or(other string) string {
	if w == "" {
		return other
	}
	return string(w)
}

// answers are the facts that close a gap of the dossier once a person accepted
// them.
var answers = map[string]string{
	"owners": "patent.owners", "granted": "patent.grant_date", "filing": "patent.filing_date", "standing": "patent.standing", "paid_through_year": "patent.paid_through_year", "pledged": "patent.pledged",
}

// asked are the questions of the gaps that come up most.
var asked = map[string]words{
	"owners":            "专利权人是谁？与借款人是什么关系？",
	"granted":           "授权公告日是哪一天？",
	"filing":            "申请日是哪一天？是否有优先权或分案？",
	"standing":          "这件专利现在是否有效？",
	"paid_through_year": "年费缴到第几年度？下一次年费由谁缴、什么时候缴？",
	"adjustment_days":   "是否获得过专利权期限补偿？补偿多少天？",
	"pledged":           "这件专利是否已经质押给他人？",
	"preserved":         "这件专利是否被法院保全或查封？",
	"challenged":        "是否有人请求宣告这件专利无效？结果如何？",
}

// fromText asks what the claims and the description leave open.
func (s *Service) fromText(p *subject, add func(code, text, why, supply string, quotes ...quote.Quote)) {
	if p.tree.Count == 0 {
		add("text.claims_missing", "请提供授权公告的权利要求书全文。", "没有权利要求文本，保护范围未知", "授权公告文本")
		return
	}
	for _, x := range p.tree.Problems {
		if x.Code == "claims.subject_differs" || x.Code == "claims.multiple_on_multiple" || x.Code == "claims.not_alternative" {
			continue // of form, and none that a borrower could settle
		}
		add("text."+strings.ReplaceAll(x.Code, "claims.", ""), "请核对并提供授权公告的权利要求书原件。", x.Zh, "授权公告文本")
	}
	if i := p.tree.First(); i >= 0 {
		c := &p.tree.Claims[i]
		var elements []quote.Quote
		for _, e := range c.Pieces {
			if e.Role == claim.Preamble || e.Role == claim.Characterising {
				elements = append(elements, at("claims", p.Claims, e.Start, e.End))
			}
		}
		add("text.practised", fmt.Sprintf("你们销售的产品（或使用的方法）是否具备权利要求%d的全部 %d 个特征？请逐项指出。", c.Number, c.Elements), "少一个特征就不落入保护范围，产品收入也就不能归于该专利", "产品图纸、工艺文件、样品", elements...)
		for _, other := range p.tree.Claims {
			if other.Category == claim.Method && other.Kind == claim.Independent {
				add("text.method", fmt.Sprintf("权利要求%d是方法：在哪里实施，别人使用该方法时你们怎样发现和取证？", other.Number), "方法专利的使用不易被发现", "", at("claims", p.Claims, other.Pieces[0].Start, other.Pieces[0].End))
				break
			}
		}
	}
}
