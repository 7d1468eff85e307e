package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
)

// What rules read of a patent and of a borrower's papers, from outside: the
// claims of a text, five sentences, questions, facts proposed, accepted and
// turned into a request that is valued.
func TestReading(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Officer)
	post := func(path string, body any, status int, into any) string {
		t.Helper()
		r := w.Post(path, body)
		if r.Code != status {
			t.Fatalf("%s: %d %s", path, r.Code, r.Body.String())
		}
		if into != nil {
			if err := json.Unmarshal(r.Body.Bytes(), into); err != nil {
				t.Fatal(err)
			}
		}
		return r.Body.String()
	}
	const claims = "1. 一种泵，其特征在于，包括壳体和叶轮。\n2. 根据权利要求1所述的泵，其特征在于，壳体为钢。"
	var tree struct {
		Count       int
		Independent []int
	}
	if post("/v1/claims:read", map[string]any{"text": claims}, 200, &tree); tree.Count != 2 || len(tree.Independent) != 1 {
		t.Errorf("%+v", tree)
	}
	base := "/v1/patents/" + gatetest.KnownNumber
	text := map[string]any{"text": map[string]any{"title": "一种泵", "claims": claims}}
	var summary struct {
		Sentences []struct{ Text, By string }
		Model     struct{ State, Code string }
	}
	if post(base+":summary", text, 200, &summary); len(summary.Sentences) != 5 || summary.Model.State != "off" || !strings.Contains(summary.Sentences[2].Text, "包覆层") {
		t.Errorf("%+v", summary)
	}
	if all := post(base+":differences?comparables=2", text, 200, nil); !strings.Contains(all, `"not_found"`) || !strings.Contains(all, `"texts":["title"]`) {
		t.Errorf("%s", all)
	}
	if all := post(base+":questions", text, 200, nil); !strings.Contains(all, "missing.income.revenue") || !strings.Contains(all, "text.practised") {
		t.Errorf("%s", all)
	}
	type facts struct {
		Facts []struct {
			ID, Key, Status, Blocked string
			Value                    any
			Quote                    struct {
				Text       string
				Start, End int
			}
		}
		Request json.RawMessage
	}
	const paper = "专利号：" + gatetest.KnownNumber + "\n专利产品收入情况：\n单位：万元\n项目\t2023年\t2024年\n专利产品收入\t800\t1000\n许可方式：普通许可，按净销售额的4%支付。\n法律状态：详见附件\n"
	var got facts
	post(base+":facts", map[string]any{"text": paper, "name": "材料一"}, 200, &got)
	ids := map[string]string{}
	for _, f := range got.Facts {
		if paper[f.Quote.Start:f.Quote.End] != f.Quote.Text || f.Status != "proposed" {
			t.Errorf("%+v", f)
		}
		ids[f.Key] = f.ID
	}
	if strings.Contains(string(got.Request), "income") {
		t.Errorf("a proposal is an input: %s", got.Request)
	}
	post("/v1/facts/"+ids["licence.royalty_rate"]+":accept", map[string]any{"note": "已核对"}, 200, nil)
	post("/v1/facts/"+ids["income.revenue"]+":accept", map[string]any{}, 200, nil)
	post("/v1/facts/"+ids["patent.standing"]+":accept", map[string]any{}, 409, nil)
	post("/v1/facts/none:reject", map[string]any{}, 404, nil)
	var again facts
	post(base+":facts", map[string]any{"text": paper, "name": "材料一"}, 200, &again)
	if len(again.Facts) != len(got.Facts) || !strings.Contains(string(again.Request), `"royalty_rate":{"value":0.04`) {
		t.Errorf("%d then %d facts, request %s", len(got.Facts), len(again.Facts), again.Request)
	}
	// Another rate is a second value of the same fact.
	var other facts
	post(base+":facts", map[string]any{"text": "许可合同：按净销售额的6%支付许可使用费。"}, 200, &other)
	post("/v1/facts/"+other.Facts[0].ID+":accept", map[string]any{}, 409, nil)
	post("/v1/facts/"+ids["licence.royalty_rate"]+":reject", map[string]any{}, 200, nil)
	post("/v1/facts/"+other.Facts[0].ID+":accept", map[string]any{}, 200, nil)
	r := w.Get(base + "/facts")
	var list facts
	if err := json.Unmarshal(r.Body.Bytes(), &list); err != nil || !strings.Contains(string(list.Request), `0.06`) {
		t.Fatalf("%v %s", err, r.Body.String())
	}
	post("/v1/valuations", string(list.Request), http.StatusCreated, nil)
	// What is about another patent is no evidence of this one.
	var foreign facts
	post(base+":facts", map[string]any{"text": "专利号：ZL202110345678.3\n申请日：2021年3月30日"}, 200, &foreign)
	for _, f := range foreign.Facts {
		if f.Blocked != "fact.other_patent" {
			t.Errorf("%+v", f)
		}
	}
	post(base+":facts", map[string]any{"text": " "}, 422, nil)
	post("/v1/patents/123:summary", map[string]any{}, 422, nil)
	blindLabels(t, w)
}

// blindLabels draws a sample, labels it item by item without seeing the number
// or a score, and is refused a file of one officer.
func blindLabels(t *testing.T, w *world) {
	t.Helper()
	evaluator := gatetest.Client{T: t, H: w.gate, Key: gatetest.NewKey(t, w.DB, time.Time{}, people.Evaluator)}
	var sample struct {
		ID    string
		Items int
	}
	if r := w.Post("/v1/label-samples", map[string]any{"numbers": []string{gatetest.KnownNumber}}); r.Code != http.StatusForbidden {
		t.Errorf("an officer draws a sample: %d", r.Code)
	}
	r := evaluator.Post("/v1/label-samples", map[string]any{"numbers": []string{gatetest.KnownNumber}, "indicators": []string{"L2.1", "T1.1"}})
	if r.Code != http.StatusCreated || json.Unmarshal(r.Body.Bytes(), &sample) != nil || sample.Items != 2 {
		t.Fatalf("%d %s", r.Code, r.Body.String())
	}
	path := "/v1/label-samples/" + sample.ID
	r = w.Get(path + "/next")
	for n := 0; ; n++ {
		var next struct {
			Question *struct {
				Place   int
				Choices []struct{ Key, Text string }
			}
		}
		if r.Code != http.StatusOK || json.Unmarshal(r.Body.Bytes(), &next) != nil {
			t.Fatalf("%d %s", r.Code, r.Body.String())
		}
		if strings.Contains(r.Body.String(), "201310543019") || strings.Contains(r.Body.String(), "score") {
			t.Errorf("the question tells the number or a score: %s", r.Body.String())
		}
		if next.Question == nil {
			if n != 2 {
				t.Errorf("%d items served", n)
			}
			break
		}
		if bad := w.Post(path+"/labels", map[string]any{"place": next.Question.Place, "choice": "9"}); bad.Code != http.StatusUnprocessableEntity {
			t.Errorf("a choice that was not offered: %d", bad.Code)
		}
		r = w.Post(path+"/labels", map[string]any{"place": next.Question.Place, "choice": next.Question.Choices[0].Key})
	}
	if r := w.Get("/v1/label-samples"); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), `"done":2`) {
		t.Errorf("%d %s", r.Code, r.Body.String())
	}
	if r := evaluator.Get(path + "/file"); r.Code != http.StatusConflict {
		t.Errorf("a study of one officer: %d %s", r.Code, r.Body.String())
	}
}
