package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// Whatever an endpoint answers, what is read is one valid object in which
// nothing is said twice.
func FuzzObject(f *testing.F) {
	for _, s := range []string{
		`{"a":1}`, "```json\n{\"a\":{\"b\":[]}}\n```", `<think>{</think>{"a":1}`, `{"a":1,"A":2}`, `{"s":1,"ſ":2}`, `[[[[{"a":[{}]}]]]]`, "{", "\x00\xff", `{}{}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		object, err := Object(content)
		if err != nil {
			return
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal(object, &all); err != nil || !strings.Contains(content, string(object)) {
			t.Fatalf("%s: %v", object, err)
		}
		seen := map[string]bool{}
		for name := range all {
			if seen[strings.ToLower(name)] {
				t.Fatalf("%s twice", name)
			}
			seen[strings.ToLower(name)] = true
		}
	})
}

// Whatever a batch's result file holds, reading it ends, and an answer has
// either content or a reason why not.
func FuzzBatchAnswers(f *testing.F) {
	open := Gate{
		Consent: func(context.Context) error { return nil },
		Budget: func(context.Context, Usage) (func(context.Context, Usage) error, error) {
			return func(context.Context, Usage) error { return nil }, nil
		},
		EgressLog: func(context.Context, Egress) error { return nil },
	}
	c, err := New(Config{BaseURL: "http://127.0.0.1:1/v1", Model: "m", Key: "sk-key", BatchPrice: 0.5}, open)
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
			if a.Key == "" || (a.Content == "" && a.Void == "") == (a.Failure == "") {
				t.Fatalf("%+v", a)
			}
			if strings.Contains(a.Failure, "sk-key") {
				t.Fatalf("the key is in %q", a.Failure)
			}
			return nil
		})
	})
}
