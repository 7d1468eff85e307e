// Package llm speaks to any OpenAI-compatible endpoint: questions with a
// structured answer, and embeddings. Start with [New], then [Client.Ask] or
// [Client.Embed].
//
// The endpoint is not trusted: it may be slow, wrong, hostile or gone. Nothing
// it returns is executed or fetched. Whatever leaves passes the [Gate], without
// which no client is made.
package llm

import (
	"cmp"
	"encoding/json"
	"net"
	"net/http"
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

	KeyHeader string            `name:"key-header" env:"ZHIJIA_LLM_KEY_HEADER" group:"Model" placeholder:"NAME" help:"Header that carries the bare key, e.g. api-key. Empty: Authorization: Bearer."`
	Headers   map[string]string `name:"header" env:"ZHIJIA_LLM_HEADERS" group:"Model" secret:"true" placeholder:"NAME=VALUE" help:"Further headers, e.g. x-portkey-provider=openai; several by semicolon."`
	Query     map[string]string `name:"query" env:"ZHIJIA_LLM_QUERY" group:"Model" placeholder:"NAME=VALUE" help:"Parameters of every address, e.g. api-version=2024-10-21."`
	Proxy     string            `name:"proxy" env:"ZHIJIA_LLM_PROXY" group:"Model" placeholder:"URL" help:"http, https or socks5 proxy to the endpoint; its host is subject to the allow-list. HTTP_PROXY is not followed."`
	CAFile    string            `name:"ca-file" env:"ZHIJIA_LLM_CA_FILE" group:"Model" placeholder:"FILE" help:"PEM certificates the endpoint's is checked against. Empty: the system's."`

	AllowedHosts []string `name:"allowed-hosts" env:"ZHIJIA_LLM_ALLOWED_HOSTS" group:"Model" placeholder:"HOST" help:"Hosts texts may be sent to. Empty: only this machine."`
	Mode         Mode     `name:"mode" env:"ZHIJIA_LLM_MODE" group:"Model" placeholder:"MODE" help:"json_schema, json_object, tool or plain. Empty: found by a probe."`
	System       System   `name:"system" env:"ZHIJIA_LLM_SYSTEM" group:"Model" placeholder:"ROLE" help:"system, or none for a template without a system role."`
	TokensName   string   `name:"tokens-name" env:"ZHIJIA_LLM_TOKENS_NAME" group:"Model" placeholder:"NAME" help:"max_tokens (default) or max_completion_tokens."`
	Omit         []string `name:"omit" env:"ZHIJIA_LLM_OMIT" group:"Model" placeholder:"NAME" help:"Parameters that are not sent: temperature, seed."`

	Extra string `name:"extra" env:"ZHIJIA_LLM_EXTRA" group:"Model" placeholder:"JSON" help:"JSON object merged into every chat request, e.g. {\"thinking\":{\"type\":\"disabled\"}}."`

	Examine      string `name:"examine" env:"ZHIJIA_LLM_EXAMINE" group:"Model" placeholder:"HOW" help:"doubtful (default): what is near a boundary is asked again, at most 3 calls a patent. full: everything in 4 orders and the other side heard, at most 12."`
	Permutations int    `name:"permutations" env:"ZHIJIA_LLM_PERMUTATIONS" group:"Model" default:"4" help:"Orders of the anchors in which a full examination asks everything, 1 to 4."`
	Oppose       bool   `name:"oppose" env:"ZHIJIA_LLM_OPPOSE" group:"Model" default:"true" negatable:"" help:"Hear the other side about what is near a boundary or disagrees."`
	ContextLimit int    `name:"context-tokens" env:"ZHIJIA_LLM_CONTEXT_TOKENS" group:"Model" default:"12000" help:"Tokens of patent text per call; claims come first."`
	Window       int    `name:"window" env:"ZHIJIA_LLM_WINDOW" group:"Model" help:"Tokens of context the endpoint serves (Ollama: num_ctx). 0: as the endpoint tells, if it does."`
	MaxTokens    int    `name:"max-tokens" env:"ZHIJIA_LLM_MAX_TOKENS" group:"Model" default:"4000" help:"Tokens of one answer."`

	Concurrency    int           `name:"concurrency" env:"ZHIJIA_LLM_CONCURRENCY" group:"Model" default:"8" help:"Requests in flight."`
	RPM            float64       `name:"rpm" env:"ZHIJIA_LLM_RPM" group:"Model" help:"Requests per minute; 0: no limit."`
	TPM            float64       `name:"tpm" env:"ZHIJIA_LLM_TPM" group:"Model" help:"Tokens per minute; 0: no limit."`
	Attempts       int           `name:"attempts" env:"ZHIJIA_LLM_ATTEMPTS" group:"Model" default:"4" help:"Tries of one request on 429, 5xx and broken connections."`
	RequestTimeout time.Duration `name:"request-timeout" env:"ZHIJIA_LLM_REQUEST_TIMEOUT" group:"Model" default:"60s" help:"Deadline of one try."`
	Deadline       time.Duration `name:"deadline" env:"ZHIJIA_LLM_DEADLINE" group:"Model" help:"Time a valuation that waits gives the model. 0: one try for each call a reading may take."`

	DayTokens  int64   `name:"day-tokens" env:"ZHIJIA_LLM_DAY_TOKENS" group:"Model" help:"Tokens per day; 0: no limit."`
	DayYuan    float64 `name:"day-yuan" env:"ZHIJIA_LLM_DAY_YUAN" group:"Model" help:"Yuan per day at the prices below; 0: no limit."`
	PriceIn    float64 `name:"price-in" env:"ZHIJIA_LLM_PRICE_IN" group:"Model" help:"Yuan per million prompt tokens."`
	PriceOut   float64 `name:"price-out" env:"ZHIJIA_LLM_PRICE_OUT" group:"Model" help:"Yuan per million answer tokens."`
	BatchPrice float64 `name:"batch-price" env:"ZHIJIA_LLM_BATCH_PRICE" group:"Model" default:"1" help:"Price of a call in a batch as a share of the prices above, e.g. 0.5."`
	Batch      string  `name:"batch" env:"ZHIJIA_LLM_BATCH" group:"Model" default:"auto" enum:"auto,off" help:"auto: runs use batches when the endpoint takes them."`

	EmbedModel string `name:"embed-model" env:"ZHIJIA_LLM_EMBED_MODEL" group:"Model" placeholder:"NAME" help:"Embedding model."`
	Dimensions int    `name:"dimensions" env:"ZHIJIA_LLM_DIMENSIONS" group:"Model" help:"Dimensions asked of it; 0: its own."`
	EmbedBatch int    `name:"embed-batch" env:"ZHIJIA_LLM_EMBED_BATCH" group:"Model" default:"10" help:"Texts per embedding request; DashScope takes at most 10."`
	EmbedLimit int    `name:"embed-tokens" env:"ZHIJIA_LLM_EMBED_TOKENS" group:"Model" default:"8000" help:"Tokens of one text; what is longer is cut."`

	Found Found `kong:"-"` // what an earlier probe found; used until a probe says otherwise

	extra  map[string]json.RawMessage
	header http.Header
	query  url.Values
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

// System is the role that carries the instructions.
type System string

// With [NoSystem] the instructions stand at the head of the user's message.
const (
	WithSystem System = "system"
	NoSystem   System = "none"
)

// Ways of examining a patent, with the most calls each may take.
const (
	ExamineDoubtful = "doubtful"
	ExamineFull     = "full"

	doubtfulCalls = 3
	fullCalls     = 12
)

// Calls is the most calls one patent's reading may take.
func (c *Config) Calls() int {
	if c.Examine == ExamineFull {
		return fullCalls
	}
	return doubtfulCalls
}

// check fills defaults and refuses what cannot work.
func (c *Config) check() error {
	invalid := func(code, zh, en string) error { return fault.New(fault.Invalid, code, zh, en) }
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return invalid("llm.base_url", "模型服务地址须为 http 或 https 地址，且不含账号与参数；参数请用 ZHIJIA_LLM_QUERY。",
			"The base URL must be http or https, without credentials or query; parameters go to ZHIJIA_LLM_QUERY.")
	}
	if !c.mayReach(u) {
		return fault.New(fault.Forbidden, "llm.endpoint_not_allowed", "模型服务地址不在允许名单内，文本不会外发；请设置 ZHIJIA_LLM_ALLOWED_HOSTS。", "The endpoint is not on the allow-list, so no text is sent; set ZHIJIA_LLM_ALLOWED_HOSTS.")
	}
	if c.Proxy != "" {
		p, err := url.Parse(c.Proxy)
		if err != nil || p.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, p.Scheme) {
			return invalid("llm.proxy", "代理地址须为 http、https 或 socks5 地址。", "The proxy must be an http, https or socks5 address.")
		}
		if !c.mayReach(p) {
			return fault.New(fault.Forbidden, "llm.proxy_not_allowed", "代理不在允许名单内，文本不会外发；请把代理主机也加入 ZHIJIA_LLM_ALLOWED_HOSTS。",
				"The proxy is not on the allow-list, so no text is sent; add its host to ZHIJIA_LLM_ALLOWED_HOSTS.")
		}
	}
	if c.Mode != "" && !slices.Contains(Modes, c.Mode) {
		return invalid("llm.mode", "结构化输出方式应为 json_schema、json_object、tool 或 plain。", "The mode is json_schema, json_object, tool or plain.")
	}
	if c.System = cmp.Or(c.System, WithSystem); c.System != WithSystem && c.System != NoSystem {
		return invalid("llm.system", "system 角色应为 system 或 none。", "The system role is system or none.")
	}
	if c.Examine = cmp.Or(c.Examine, ExamineDoubtful); c.Examine != ExamineDoubtful && c.Examine != ExamineFull {
		return invalid("llm.examine", "复核方式应为 doubtful 或 full。", "The way of examining is doubtful or full.")
	}
	if c.TokensName = cmp.Or(c.TokensName, "max_tokens"); c.TokensName != "max_tokens" && c.TokensName != "max_completion_tokens" {
		return invalid("llm.tokens_name", "词元上限参数名应为 max_tokens 或 max_completion_tokens。", "The limit's name is max_tokens or max_completion_tokens.")
	}
	for _, name := range c.Omit {
		if name != "temperature" && name != "seed" {
			return invalid("llm.omit", "只能省略 temperature 与 seed。", "Only temperature and seed may be left out.")
		}
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.Extra != "" {
		if err := json.Unmarshal([]byte(c.Extra), &c.extra); err != nil || c.extra == nil {
			return invalid("llm.extra", "附加参数须为 JSON 对象。", "The extra parameters must be a JSON object.")
		}
		for _, ours := range []string{"model", "messages", "temperature", "seed", "max_tokens", "max_completion_tokens", "response_format", "tools", "tool_choice", "stream", "n"} {
			if _, ok := c.extra[ours]; ok {
				return invalid("llm.extra", "附加参数不得包含 "+ours+"。", "The extra parameters may not set "+ours+".")
			}
		}
	}
	c.header, c.query = http.Header{}, url.Values{}
	for name, v := range c.Headers {
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		if name == "" || strings.ContainsAny(name+v, "\r\n") || slices.Contains([]string{"Host", "Content-Length", "Transfer-Encoding"}, name) {
			return invalid("llm.header", "请求头设置有误："+printable(name)+"。", "This header cannot be set: "+printable(name)+".")
		}
		c.header.Set(name, v)
	}
	switch {
	case c.Key == "":
	case c.KeyHeader != "":
		c.header.Set(c.KeyHeader, c.Key)
		c.header["Authorization"] = nil
	default:
		c.header.Set("Authorization", "Bearer "+c.Key)
	}
	for name, v := range c.Query {
		c.query.Set(name, v)
	}
	for _, d := range []struct {
		v   *int
		def int
	}{{&c.ContextLimit, 12000}, {&c.MaxTokens, 4000}, {&c.Concurrency, 8}, {&c.Attempts, 4}, {&c.EmbedBatch, 10}, {&c.EmbedLimit, 8000}} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if c.Permutations < 1 || c.Permutations > 4 {
		c.Permutations = 4
	}
	if c.BatchPrice <= 0 {
		c.BatchPrice = 1
	}
	if c.RequestTimeout <= 0 {
		c.RequestTimeout = 60 * time.Second
	}
	if c.Deadline <= 0 {
		c.Deadline = time.Duration(c.Calls()) * c.RequestTimeout
	}
	return nil
}

// mayReach reports whether a host is on the allow-list; an empty list allows
// this machine.
func (c *Config) mayReach(u *url.URL) bool {
	host := u.Hostname()
	if len(c.AllowedHosts) == 0 {
		return host == "localhost" || net.ParseIP(host).IsLoopback()
	}
	return slices.ContainsFunc(c.AllowedHosts, func(h string) bool { return strings.EqualFold(h, host) || strings.EqualFold(h, u.Host) })
}
