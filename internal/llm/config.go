// Package llm speaks to any OpenAI-compatible endpoint: rubric judgements with
// verified evidence, and embeddings. Start with [New], then [Client.Score] or
// [Client.Embed].
//
// The endpoint is not trusted: it may be slow, wrong, hostile or gone. Nothing
// it returns is executed or fetched, no quote leaves this package that does
// not stand in the text, and no score that is not an anchor of the rubric.
package llm

import (
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"zhijia/internal/fault"
)

// Config says which endpoint is used and within which limits. The tags serve
// the command line; embed it with `embed:"" prefix:"llm-"`.
type Config struct {
	BaseURL string `name:"base-url" env:"ZHIJIA_LLM_BASE_URL" group:"Model" placeholder:"URL" help:"OpenAI-compatible endpoint, up to and including /v1. Empty: the model is off."`
	Model   string `name:"model" env:"ZHIJIA_LLM_MODEL" group:"Model" placeholder:"NAME" help:"Chat model."`
	Key     string `name:"key" env:"ZHIJIA_LLM_KEY" group:"Model" secret:"true" placeholder:"KEY" help:"API key."`

	AllowedHosts []string `name:"allowed-hosts" env:"ZHIJIA_LLM_ALLOWED_HOSTS" group:"Model" placeholder:"HOST" help:"Hosts texts may be sent to. Empty: only this machine."`
	Mode         Mode     `name:"mode" env:"ZHIJIA_LLM_MODE" group:"Model" placeholder:"MODE" help:"json_schema, json_object, tool or plain. Empty: found by a probe."`

	Extra string `name:"extra" env:"ZHIJIA_LLM_EXTRA" group:"Model" placeholder:"JSON" help:"JSON object merged into every chat request, e.g. {\"thinking\":{\"type\":\"disabled\"}}."`

	Permutations int     `name:"permutations" env:"ZHIJIA_LLM_PERMUTATIONS" group:"Model" default:"4" help:"Balanced orders of the anchors."`
	Samples      int     `name:"samples" env:"ZHIJIA_LLM_SAMPLES" group:"Model" default:"3" help:"Samples per order; 1 uses temperature 0."`
	Temperature  float64 `name:"temperature" env:"ZHIJIA_LLM_TEMPERATURE" group:"Model" default:"0.7" help:"Of more than one sample."`
	Oppose       bool    `name:"oppose" env:"ZHIJIA_LLM_OPPOSE" group:"Model" default:"true" negatable:"" help:"Ask a second prompt that argues the opposite."`
	ContextLimit int     `name:"context-tokens" env:"ZHIJIA_LLM_CONTEXT_TOKENS" group:"Model" default:"12000" help:"Tokens of patent text per call; claims come first."`
	MaxTokens    int     `name:"max-tokens" env:"ZHIJIA_LLM_MAX_TOKENS" group:"Model" default:"800" help:"Tokens of one answer."`

	Concurrency    int           `name:"concurrency" env:"ZHIJIA_LLM_CONCURRENCY" group:"Model" default:"8" help:"Requests in flight."`
	RPM            float64       `name:"rpm" env:"ZHIJIA_LLM_RPM" group:"Model" help:"Requests per minute; 0: no limit."`
	TPM            float64       `name:"tpm" env:"ZHIJIA_LLM_TPM" group:"Model" help:"Tokens per minute; 0: no limit."`
	Attempts       int           `name:"attempts" env:"ZHIJIA_LLM_ATTEMPTS" group:"Model" default:"4" help:"Tries of one request on 429, 5xx and broken connections."`
	RequestTimeout time.Duration `name:"request-timeout" env:"ZHIJIA_LLM_REQUEST_TIMEOUT" group:"Model" default:"20s" help:"Deadline of one try."`
	Deadline       time.Duration `name:"deadline" env:"ZHIJIA_LLM_DEADLINE" group:"Model" default:"20s" help:"Time one valuation waits for the model; what is not answered by then is unknown."`

	DayTokens  int64   `name:"day-tokens" env:"ZHIJIA_LLM_DAY_TOKENS" group:"Model" help:"Tokens per day; 0: no limit."`
	DayYuan    float64 `name:"day-yuan" env:"ZHIJIA_LLM_DAY_YUAN" group:"Model" help:"Yuan per day at the prices below; 0: no limit."`
	PriceIn    float64 `name:"price-in" env:"ZHIJIA_LLM_PRICE_IN" group:"Model" help:"Yuan per million prompt tokens."`
	PriceOut   float64 `name:"price-out" env:"ZHIJIA_LLM_PRICE_OUT" group:"Model" help:"Yuan per million answer tokens."`
	BatchPrice float64 `name:"batch-price" env:"ZHIJIA_LLM_BATCH_PRICE" group:"Model" default:"1" help:"Price of a call in a batch as a share of the prices above, e.g. 0.5."`
	Batch      string  `name:"batch" env:"ZHIJIA_LLM_BATCH" group:"Model" enum:"auto,off" default:"auto" help:"Whether many patents are scored through the endpoint's batches: auto follows the probe."`
	Dimensions int     `name:"dimensions" env:"ZHIJIA_LLM_DIMENSIONS" group:"Model" help:"Asked of the embedding model; 0: its own."`
	EmbedModel string  `name:"embed-model" env:"ZHIJIA_LLM_EMBED_MODEL" group:"Model" placeholder:"NAME" help:"Embedding model. Empty: embeddings stay local."`
	EmbedBatch int     `name:"embed-batch" env:"ZHIJIA_LLM_EMBED_BATCH" group:"Model" default:"16" help:"Texts per embedding request."`
	EmbedLimit int     `name:"embed-tokens" env:"ZHIJIA_LLM_EMBED_TOKENS" group:"Model" default:"8000" help:"Tokens per text; longer ones are cut, and the cut is counted."`

	Found Mode `kong:"-"` // what an earlier probe found; used until a probe says otherwise

	extra map[string]json.RawMessage
}

// On reports whether an endpoint is configured.
func (c *Config) On() bool { return c.BaseURL != "" }

// Mode is how structured output is asked for.
type Mode string

// The ladder, best first.
const (
	JSONSchema Mode = "json_schema"
	JSONObject Mode = "json_object"
	ToolCall   Mode = "tool"
	Plain      Mode = "plain"
)

// Modes is the ladder in the order a probe tries it.
var Modes = []Mode{JSONSchema, JSONObject, ToolCall, Plain}

// check fills defaults and refuses what cannot work.
func (c *Config) check() error {
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return fault.New(fault.Invalid, "llm.base_url", "模型服务地址须为 http 或 https 地址，且不含账号与参数。", "The base URL must be http or https, without credentials or query.")
	}
	host := u.Hostname()
	switch {
	case slices.ContainsFunc(c.AllowedHosts, func(h string) bool { return strings.EqualFold(h, host) || strings.EqualFold(h, u.Host) }):
	case len(c.AllowedHosts) == 0 && (host == "localhost" || net.ParseIP(host).IsLoopback()):
	default:
		return fault.New(fault.Forbidden, "llm.endpoint_not_allowed", "模型服务地址不在允许名单内，文本不会外发；请设置 ZHIJIA_LLM_ALLOWED_HOSTS。", "The endpoint is not on the allow-list, so no text is sent; set ZHIJIA_LLM_ALLOWED_HOSTS.")
	}
	if c.Mode != "" && !slices.Contains(Modes, c.Mode) {
		return fault.New(fault.Invalid, "llm.mode", "结构化输出方式应为 json_schema、json_object、tool 或 plain。", "The mode is json_schema, json_object, tool or plain.")
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.Extra != "" {
		if err := json.Unmarshal([]byte(c.Extra), &c.extra); err != nil || c.extra == nil {
			return fault.New(fault.Invalid, "llm.extra", "附加参数须为 JSON 对象。", "The extra parameters must be a JSON object.")
		}
		for _, ours := range []string{"model", "messages", "temperature", "seed", "max_tokens", "response_format", "tools", "tool_choice", "stream", "n"} {
			if _, ok := c.extra[ours]; ok {
				return fault.New(fault.Invalid, "llm.extra", "附加参数不得包含 "+ours+"。", "The extra parameters may not set "+ours+".")
			}
		}
	}
	for _, d := range []struct {
		v   *int
		def int
	}{{&c.Permutations, 4}, {&c.Samples, 3}, {&c.ContextLimit, 12000}, {&c.MaxTokens, 800}, {&c.Concurrency, 8}, {&c.Attempts, 4}, {&c.EmbedBatch, 16}, {&c.EmbedLimit, 8000}} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if c.BatchPrice <= 0 {
		c.BatchPrice = 1
	}
	if c.Temperature <= 0 {
		c.Temperature = 0.7
	}
	if c.RequestTimeout <= 0 {
		c.RequestTimeout = 20 * time.Second
	}
	if c.Deadline <= 0 {
		c.Deadline = 20 * time.Second
	}
	return nil
}

// Preset is a documented starting point for a provider. Models and parameters
// change at the provider: check there.
type Preset struct {
	Name     string `json:"name"`
	BaseURL  string `json:"base_url"`
	Model    string `json:"model"`
	Mode     Mode   `json:"mode"`            // documented; a probe finds what is honoured
	Extra    string `json:"extra,omitempty"` // turns off thinking, which would use up the tokens of an answer
	Batch    bool   `json:"batch"`           // files and batches are documented, for the models the provider lists
	Source   string `json:"source"`
	Checked  string `json:"checked"`  // when the source was read
	Residing string `json:"residing"` // where the text goes
}

// Presets are documented by the providers, not measured here.
func Presets() []Preset {
	const checked, inChina, own = "2026-11-26", "provider, mainland China", "own machine"
	return []Preset{
		{"qwen", "https://dashscope.aliyuncs.com/compatible-mode/v1", "qwen-plus", JSONObject, `{"enable_thinking":false}`, true, "help.aliyun.com/zh/model-studio", checked, inChina},
		{"deepseek", "https://api.deepseek.com", "deepseek-v4-flash", JSONObject, `{"thinking":{"type":"disabled"}}`, false, "api-docs.deepseek.com", checked, inChina},
		{"glm", "https://open.bigmodel.cn/api/paas/v4", "glm-4.6", JSONObject, `{"thinking":{"type":"disabled"}}`, true, "docs.bigmodel.cn", checked, inChina},
		{"vllm", "http://127.0.0.1:8000/v1", "as served", JSONSchema, `{"chat_template_kwargs":{"enable_thinking":false}}`, false, "docs.vllm.ai", checked, own},
		{"ollama", "http://127.0.0.1:11434/v1", "as pulled", JSONSchema, "", false, "docs.ollama.com", checked, own},
	}
}
