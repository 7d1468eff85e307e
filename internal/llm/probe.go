package llm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"zhijia/internal/fault"
)

// Probe finds the best mode in which the endpoint really answers a question,
// unless one was set by hand, and what it tells of its model. good reports
// whether an answer is what was asked for, or why not. Where no mode serves,
// the error repeats what the endpoint said to the first, or what was wrong with
// its answer.
func (c *Client) Probe(ctx context.Context, a Ask, good func(Reply) (void string)) (Found, error) {
	select { // one caller finds out; the others wait, each no longer than it may
	case c.probing <- struct{}{}:
		defer func() { <-c.probing }()
	case <-ctx.Done():
		return Found{}, ctx.Err()
	}
	found := c.tells(ctx)
	modes := Modes
	if c.cfg.Mode != "" {
		modes = []Mode{c.cfg.Mode}
	}
	var first error
	for _, mode := range modes {
		found.Mode = mode
		q, err := c.question(a, found)
		if err != nil {
			return Found{}, err
		}
		q.What = "probe " + string(mode)
		content, _, err := c.send(ctx, q)
		void := ""
		var bad badAnswer
		switch {
		case errors.As(err, &bad):
			void = string(bad)
		case err != nil && fault.Public(err).Code == CodeRefused: // of this form perhaps: another may do
			if first == nil {
				first = err
			}
			continue
		case err != nil:
			return Found{}, err
		default:
			void = good(Read(Answer{Content: content}))
		}
		if void == "" {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.found = found
			return found, nil
		}
		if first == nil {
			first = fault.New(fault.Unsupported, "llm.no_mode", "模型服务的应答不可用："+voidZh(void)+"（"+void+"）。应答开头：“"+c.redact(excerpt(content))+"”。",
				"The endpoint's answer cannot be used ("+void+"). It begins: “"+c.redact(excerpt(content))+"”.")
		}
	}
	return Found{}, first
}

func excerpt(s string) string {
	if r := []rune(printable(s)); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return printable(s)
}

func voidZh(void string) string {
	if zh, ok := map[string]string{
		VoidEmpty: "没有内容", VoidThought: "只有思考过程，没有答案，请关闭思考模式（ZHIJIA_LLM_EXTRA）", VoidRefused: "模型拒绝作答", VoidFiltered: "答案被内容过滤",
		VoidLength: "答案被截断，请调大 ZHIJIA_LLM_MAX_TOKENS", VoidFinish: "未正常结束", VoidTool: "调用了未提供的工具", VoidJSON: "不是 JSON 对象", VoidObjects: "不止一个 JSON 对象",
		VoidTwice: "同一字段重复出现", VoidWindow: "没有读到全文，请核对服务端的上下文长度",
	}[void]; ok {
		return zh
	}
	return "不符合要求的格式"
}

// tells asks what the endpoint says of its model: the context it serves and
// the digest of the weights. No text leaves with it, and silence is no fault.
func (c *Client) tells(ctx context.Context) (f Found) {
	var list struct {
		Data []struct {
			ID      string `json:"id"`
			OwnedBy string `json:"owned_by"`
			MaxLen  int    `json:"max_model_len"`         // vLLM, SGLang
			Length  int    `json:"context_length"`        // gateways
			Window  int    `json:"context_window"`        // gateways
			Loaded  int    `json:"loaded_context_length"` // LM Studio
			Meta    struct {
				Slot int `json:"n_ctx"`
			} `json:"meta"`
		} `json:"data"`
	}
	if !c.get(ctx, c.cfg.BaseURL+"/models", &list) {
		return f
	}
	owner := ""
	for _, m := range list.Data {
		if m.ID != c.cfg.Model && len(list.Data) > 1 {
			continue
		}
		owner = m.OwnedBy
		for _, n := range []int{m.Loaded, m.MaxLen, m.Meta.Slot, m.Length, m.Window} {
			if n > 0 && f.Window == 0 {
				f.Window = n
			}
		}
	}
	root := strings.TrimSuffix(c.cfg.BaseURL, "/v1")
	switch owner {
	case "llamacpp":
		var props struct {
			Settings struct {
				Window int `json:"n_ctx"`
			} `json:"default_generation_settings"`
		}
		if c.get(ctx, root+"/props", &props) && props.Settings.Window > 0 {
			f.Window = props.Settings.Window
		}
	case "library": // Ollama
		var tags struct {
			Models []struct {
				Name, Model, Digest string
				Window              int `json:"context_length"`
			}
		}
		is := func(name string) bool {
			return name == c.cfg.Model || strings.TrimSuffix(name, ":latest") == c.cfg.Model
		}
		if c.get(ctx, root+"/api/tags", &tags) {
			for _, m := range tags.Models {
				if is(m.Name) && len(m.Digest) >= 12 {
					f.Digest = m.Digest[:12]
				}
			}
		}
		tags.Models = nil
		if c.get(ctx, root+"/api/ps", &tags) { // what is loaded, with the context it was loaded with
			for _, m := range tags.Models {
				if is(m.Name) {
					f.Window = m.Window
				}
			}
		}
	}
	return f
}

// get reads a small JSON document of the endpoint; false when there is none.
func (c *Client) get(ctx context.Context, url string, v any) bool {
	req, err := http.NewRequestWithContext(withTransfer(ctx, transfer{timeout: c.cfg.RequestTimeout, once: true, limit: 4 << 20}), http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(v) == nil
}
