package reading_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/deal"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
	"zhijia/internal/reading"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/prompts"
)

const (
	claims   = "1. 一种水杯密封盖，其特征在于，盖体内侧设有环形槽，密封圈嵌入所述环形槽内。"
	abstract = "现有水杯倒置时容易漏水。本实用新型将密封圈嵌入环形槽，倒置3小时未见漏水。"
)

// What a model writes stands only where its quotes do, is labelled, and leaves
// through the gate; where it does not hold, the rules speak. A text that says
// what to answer changes nothing of that.
func TestModelsPart(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	answers := map[string]any{} // by a word of the question
	status := 0
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		if r.Probe() {
			return llmtest.Always(60)(r)
		}
		if status != 0 {
			return llmtest.Reply{Status: status, Message: "down"}
		}
		for word, members := range answers {
			if strings.Contains(r.Messages[len(r.Messages)-1].Content, word) {
				object := map[string]any{"echo": r.Echo()}
				for k, v := range members.(map[string]any) {
					object[k] = v
				}
				b, _ := json.Marshal(object)
				return llmtest.Reply{Content: string(b)}
			}
		}
		return llmtest.Reply{Content: "{}"}
	})
	set, err := prompts.Load("")
	if err != nil {
		t.Fatal(err)
	}
	rubric, err := judge.NewRubric(t.Context(), db, llm.Config{BaseURL: s.URL, Model: "test-model", Key: llmtest.Key, Attempts: 1}, set, nil, llm.WithBackoff(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := appraisal.New(t.Context(), db, appraisal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	svc2 := reading.New(db, svc, rubric, time.Now)
	actor := store.Actor{Institution: "default", Name: "test"}
	yes := true
	ask := reading.Ask{Text: &appraisal.Text{Title: "一种水杯密封盖", Abstract: abstract, Claims: claims}, AllowModel: &yes}
	quote := func(doc, text string) []map[string]string { return []map[string]string{{"doc": doc, "text": text}} }
	sentence := func(text string, q []map[string]string) map[string]any {
		return map[string]any{"sentence": text, "quotes": q}
	}
	answers["请为信贷评审会写五句话"] = map[string]any{
		"what":    sentence("这是一种装在水杯上的密封盖。", quote("title", "一种水杯密封盖")),
		"problem": sentence("水杯倒置5小时也不漏。", quote("abstract", "现有水杯倒置时容易漏水")),    // its own figure
		"means":   sentence("密封圈压在环形槽里。", quote("claims", "密封圈粘接在盖体的顶部")),       // not in the text
		"effect":  sentence("倒置水杯3小时不漏水，国际领先。", quote("abstract", "倒置3小时未见漏水")), // praise
		"scope":   sentence("这项专利值300万元。", quote("claims", "密封圈嵌入所述环形槽内")),      // money
	}
	sum, err := svc2.Summary(t.Context(), actor, ask)
	if err != nil {
		t.Fatal(err)
	}
	if x := sum.Sentences[0]; !x.Generated || !strings.HasPrefix(x.Text, judge.AILabel) || x.Quotes[0].Text != "一种水杯密封盖" {
		t.Errorf("%+v; %+v", x, sum.Model)
	}
	for i, why := range []string{"number_not_in_text", "quote_not_in_text", "praise", "money"} {
		if x := sum.Sentences[i+1]; x.Generated || len(sum.Dropped) != 4 || sum.Dropped[i].Why != why {
			t.Errorf("%s: %+v, dropped %+v", why, x, sum.Dropped)
		}
	}
	log, err := db.EgressLog(t.Context(), "default", 0, 10)
	if err != nil || len(log) != 2 || log[0].What == "" || sum.Model.Use.Requests != 1 {
		t.Errorf("%v %+v", err, log)
	}

	answers["请再提出至多 5 个"] = map[string]any{"questions": []map[string]any{
		{"question": "密封圈嵌入环形槽的工序由谁来做？", "quotes": quote("claims", "密封圈嵌入所述环形槽内")},
		{"question": "请访问 www.example.com 核对密封圈？", "quotes": quote("claims", "密封圈嵌入所述环形槽内")},
		{"question": "老板的爱好是什么？", "quotes": quote("claims", "密封圈嵌入所述环形槽内")},
	}}
	q, err := svc2.Questions(t.Context(), actor, ask)
	if err != nil {
		t.Fatal(err)
	}
	if last := q.Questions[len(q.Questions)-1]; !last.Generated || len(q.Dropped) != 2 || q.Dropped[0].Why != "unsupported" || q.Dropped[1].Why != "unsupported" {
		t.Errorf("%+v %+v %+v", last, q.Dropped, q.Model)
	}

	// A material: the model finds a quote, the rules read its value; what they
	// cannot read is dropped. It is never sent without a word.
	const paper = "双方于前述协议中确认，该项技术的申请日乃系二〇一三年十一月五日无误。"
	answers["待找的项目"] = map[string]any{"facts": []map[string]string{
		{"field": "patent.filing_date", "text": "申请日乃系二〇一三年十一月五日", "value": "二〇一三年十一月五日"},
		{"field": "patent.grant_date", "text": "该项技术的申请日乃系", "value": "无误"},
		{"field": "patent.owners", "text": "甲公司是专利权人之一", "value": "甲公司"},
	}}
	calls := s.Calls()
	if f, err := svc2.ReadFacts(t.Context(), actor, "CN201310543019.6", reading.Material{Text: paper}, nil); err != nil || f.Model.State != "off" || s.Calls() != calls {
		t.Errorf("%v: a paper left without a word: %+v", err, f.Model)
	}
	f, err := svc2.ReadFacts(t.Context(), actor, "CN201310543019.6", reading.Material{Text: paper}, &yes)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Facts) != 1 || string(f.Facts[0].Value) != `"2013-11-05"` || !f.Facts[0].Generated || paper[f.Facts[0].Quote.Start:f.Facts[0].Quote.End] != f.Facts[0].Quote.Text || len(f.Dropped) != 2 {
		t.Errorf("%+v %+v %+v", f.Facts, f.Dropped, f.Model)
	}

	// Deals: what the rules could not settle, by the same guard; the row still waits.
	const notice = "关于专利转让的公示\n拟将发明专利“一种泵”（ZL202110345678.4）转让给海川科技有限公司，双方谈定六万八千元整成交。\n"
	read, err := deal.Read(notice)
	if err != nil {
		t.Fatal(err)
	}
	answers["由规则读出而不能确定"] = map[string]any{"deals": []map[string]any{{"row": 1, "field": "amount", "text": "双方谈定六万八千元整成交"}, {"row": 1, "field": "seller", "text": "青山大学"}}}
	hints, m := svc2.DealHints(t.Context(), actor, notice, &read, &yes)
	if m.State != "done" || len(hints) != 1 || hints[0].Value != "68000.00 CNY" || !*hints[0].Same || notice[hints[0].Quote.Start:hints[0].Quote.End] != hints[0].Quote.Text {
		t.Errorf("%+v %+v", m, hints)
	}

	// The endpoint down, or the caller against it: the rules alone, and it says so.
	status = 500
	other := ask
	other.Text = &appraisal.Text{Title: "一种泵", Claims: "1. 一种泵，包括壳。"}
	if sum, err = svc2.Summary(t.Context(), actor, other); err != nil || sum.Model.State != "failed" || sum.Sentences[2].By != reading.ByRule {
		t.Errorf("%v %+v", err, sum.Model)
	}
	no := false
	other.AllowModel = &no
	if sum, err = svc2.Summary(t.Context(), actor, other); err != nil || sum.Model.State != "off" || sum.Model.Code != "llm.no_consent" {
		t.Errorf("%v %+v", err, sum.Model)
	}
}
