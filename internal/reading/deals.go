package reading

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/deal"
	"zhijia/internal/judge"
	"zhijia/internal/store"
)

// DealHint is a passage a model found for a field that the rules left open or
// doubted. Its value is read from the passage by the rules. It decides nothing:
// the row waits for a person, who has the passage before him.
type DealHint struct {
	Row   int    `json:"row" doc:"From 1."`
	Field string `json:"field"`
	Value string `json:"value"`
	Quote Cited  `json:"quote"`
	By    string `json:"by" enum:"model"`
	Model string `json:"model"`
	Same  *bool  `json:"same,omitempty" doc:"Whether it is what the rules read; absent: they read nothing."`
}

// hinted are the fields a model may find passages for.
var hinted = []string{"amount", "seller", "buyer", "date", "numbers"}

// DealHints has a model look at the rows of a reading that wait, and at nothing
// where none does.
func (s *Service) DealHints(ctx context.Context, actor store.Actor, text string, read *deal.Reading, allow *bool) ([]DealHint, Model) {
	var beside []string
	for i := range read.Rows {
		r := &read.Rows[i]
		if !r.Waits || len(beside) == 20 {
			continue
		}
		var why []string
		for _, w := range r.Warnings {
			why = append(why, w.Zh)
		}
		beside = append(beside, fmt.Sprintf("第 %d 行（%s %s）：%s", i+1, strings.Join(r.Numbers, "、"), clip(r.Title, 40), strings.Join(why, "；")))
	}
	if len(beside) == 0 {
		return nil, Model{State: "off", Code: "deals.none_waits", Zh: "没有待核对的行，未询问模型。", En: "No row waits, so the model was not asked."}
	}
	item := judge.Closed(map[string]any{"row": map[string]any{"type": "integer"}, "field": map[string]any{"type": "string", "enum": hinted}, "text": map[string]any{"type": "string"}})
	told, m := s.put(ctx, judge.Permit{Actor: actor, Unpublished: true, Allow: allow}, judge.Task{
		Template: "task.deals", Parts: []judge.Part{{Name: "notice", Text: text}}, Beside: strings.Join(beside, "\n"),
		Schema: map[string]any{"deals": map[string]any{"type": "array", "maxItems": 40, "items": item}}, Form: `"deals":[{"row":1,"field":"amount","text":"转让价格6.8万元"}]`, Most: 1500,
	})
	if m.State != "done" {
		return nil, m
	}
	var answer struct {
		Deals []struct {
			Row   int    `json:"row"`
			Field string `json:"field"`
			Text  string `json:"text"`
		} `json:"deals"`
	}
	if json.Unmarshal(told.Object, &answer) != nil {
		m.State, m.Code, m.Zh, m.En = "failed", "model.void", "模型的回答不可用。", "The model's answer cannot be used."
		return nil, m
	}
	out := []DealHint{}
	for _, x := range answer.Deals[:min(len(answer.Deals), 40)] {
		if x.Row < 1 || x.Row > len(read.Rows) || !read.Rows[x.Row-1].Waits || !slices.Contains(hinted, x.Field) {
			continue
		}
		q, ok := told.Text.Find("notice", x.Text)
		if !ok {
			continue
		}
		h := DealHint{Row: x.Row, Field: x.Field, Quote: Cited{q.Text, q.Start, q.End}, By: ByModel, Model: told.Model}
		row := &read.Rows[x.Row-1]
		said := deal.Find(q.Text)
		same := func(v bool) { h.Same = &v }
		switch {
		case x.Field == "amount" && len(said.Amounts) == 1 && !said.Amounts[0].Ranged:
			h.Value = fmt.Sprintf("%.2f %s", said.Amounts[0].Value, said.Amounts[0].Currency)
			if row.Amount != nil {
				same(*row.Amount == said.Amounts[0].Value)
			}
		case x.Field == "date" && len(said.Days) == 1:
			h.Value = said.Days[0].Date.String()
			if row.Date != "" {
				same(strings.HasPrefix(h.Value, row.Date))
			}
		case x.Field == "numbers" && len(said.Numbers) == 1 && said.Numbers[0].Sure:
			h.Value = said.Numbers[0].Number
			if len(row.Numbers) > 0 {
				same(slices.Contains(row.Numbers, h.Value))
			}
		case x.Field == "seller" || x.Field == "buyer":
			h.Value = strings.TrimSpace(q.Text)
			if known := map[string]string{"seller": row.Seller, "buyer": row.Buyer}[x.Field]; known != "" {
				same(strings.Contains(h.Value, known))
			}
		default:
			continue // the rules read nothing in it, or several things
		}
		out = append(out, h)
	}
	return out, m
}
