package llm

import (
	"bytes"
	"strings"
	"testing"

	"zhijia/prompts"
)

// Whatever an endpoint answers, a vote that counts has an anchor for a score
// and literal quotes from a part the rubric allows.
func FuzzVerify(f *testing.F) {
	set, err := prompts.Load("")
	if err != nil {
		f.Fatal(err)
	}
	rubric, _ := set.Rubric("L2.1")
	text := Patent{Title: "一种正极材料", Claims: "1. 一种正极材料，其特征在于，包括：镍、钴和锰。\n2. 根据权利要求1所述的材料，镍的摩尔比为０．8。"}
	d := newDocument(text, 12000)
	for _, s := range []string{
		`{"score":"60","confidence":0.9,"quotes":[{"doc":"claims","text":"包括:镍,钴 和锰"}],"reason":"独立权利要求限定较少。"}`,
		"```json\n{\"score\":60,\"confidence\":1,\"quotes\":[],\"reason\":\"无\"}\n```",
		`{"score":"20","score":"80","confidence":1,"quotes":[{"doc":"claims","doc":"title","text":""}],"reason":"x"}`,
		`{"score":1e999,"confidence":-1,"quotes":null,"reason":null}`, `[[[[{"a":[{}]}]]]]`, "{", "\x00\xff", `{"score":"UNKNOWN","confidence":0,"quotes":[],"reason":""}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		v := verify(content, d, ask{prompt: rubric, order: []int{0, 1, 2, 3}})
		if v.Void != "" && (v.Score != nil || len(v.Quotes) > 0 || v.Reason != "") {
			t.Fatalf("a void vote shows %+v", v)
		}
		if v.Score == nil {
			return
		}
		if *v.Score%20 != 0 || *v.Score < 20 || *v.Score > 80 || len(v.Quotes) == 0 || len(v.Quotes) > maxQuotes {
			t.Fatalf("%+v", v)
		}
		for _, q := range v.Quotes {
			if q.Part != "claims" || !strings.Contains(text.Claims, q.Text) || q.Text != text.Claims[q.Start:q.End] {
				t.Fatalf("%+v", q)
			}
		}
	})
}

// Whatever a batch's result file holds, reading it ends, and an answer has
// either content or a reason why not.
func FuzzBatchAnswers(f *testing.F) {
	c, err := New(Config{BaseURL: "http://127.0.0.1:1/v1", Model: "m", Key: "sk-key", BatchPrice: 0.5})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		`{"id":"b","custom_id":"k","response":{"status_code":200,"body":{"choices":[{"message":{"content":"{}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}},"error":null}`,
		`{"custom_id":"k","response":null,"error":{"code":"batch_expired","message":"sk-key"}}`, `{"custom_id":"k","response":{"status_code":200,"body":"<html>"}}`, "\n\n{", `{"custom_id":7}`, `{"custom_id":"k","error":{"code":""}}`, `{"custom_id":"k","error":{"code":"sk-key"}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		_ = c.readAnswers(bytes.NewReader(file), func(a BatchAnswer) error {
			if a.Key == "" || (a.Content == "") == (a.Failure == "") {
				t.Fatalf("%+v", a)
			}
			if strings.Contains(a.Failure, "sk-key") {
				t.Fatalf("the key is in %q", a.Failure)
			}
			return nil
		})
	})
}
