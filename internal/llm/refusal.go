package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"zhijia/internal/fault"
)

// refusal is an answer with a status of 400 or more, in the endpoint's own
// words, cut short and without control characters.
type refusal struct {
	status int
	code   string // the provider's, may be empty
	words  string
}

func (r *refusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s %s", r.status, r.code, r.words))
}

// status is the HTTP status an error came with, or 0.
func status(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	return 0
}

// maxWords bounds what is repeated of an endpoint's words, in characters: they
// may quote the patent.
const maxWords = 240

// newRefusal reads an error body: OpenAI's object, a string, the forms of
// FastAPI, Azure and gateways, or plain text and pages.
func newRefusal(status int, body []byte) *refusal {
	r := &refusal{status: status}
	var v any
	if json.Unmarshal(body, &v) == nil {
		r.read(v, 0)
	}
	if r.words == "" {
		r.words = tags.ReplaceAllString(string(body), " ")
	}
	r.words, r.code = printable(r.words), printable(r.code)
	return r
}

var tags = regexp.MustCompile(`(?s)<(?:style|script).*?</(?:style|script)>|<[^>]*>`)

func (r *refusal) read(v any, depth int) {
	if depth > 4 {
		return
	}
	switch v := v.(type) {
	case string:
		if r.words == "" {
			r.words = v
		}
	case []any:
		for _, x := range v {
			r.read(x, depth+1)
		}
	case map[string]any:
		if code := v["code"]; code != nil && r.code == "" {
			r.code = fmt.Sprint(code)
		}
		for _, key := range []string{"error", "message", "msg", "detail", "error_msg", "errors"} {
			if x, ok := v[key]; ok && x != nil {
				r.read(x, depth+1)
			}
		}
	}
}

// printable drops control and formatting characters, folds white space and
// cuts the text short.
func printable(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == unicode.ReplacementChar {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, " "))), " ")
	if c := []rune(s); len(c) > maxWords {
		s = string(c[:maxWords]) + "…"
	}
	return s
}

// Codes of what an endpoint refuses, in the order they are looked for.
const (
	CodeUnauthorized = "llm.unauthorized"
	CodeFunds        = "llm.no_funds"
	CodeForbidden    = "llm.forbidden"
	CodeNotFound     = "llm.not_found"
	CodeContext      = "llm.context"
	CodeModerated    = "llm.moderated"
	CodeThinking     = "llm.thinking"
	CodeStream       = "llm.stream_only"
	CodeRoles        = "llm.roles"
	CodeTooLarge     = "llm.too_large"
	CodeRate         = "llm.rate_limited"
	CodeRefused      = "llm.refused"
	CodeTimeout      = "llm.timeout"
	CodeUnavailable  = "llm.unavailable"
)

// kinds of refusal: a status, words, or both. The words are those of the
// providers' documentation and of issues on record.
var refusals = []struct {
	code   string
	status []int
	words  *regexp.Regexp
	kind   fault.Kind
	zh, en string
}{
	{
		CodeFunds,
		[]int{402},
		regexp.MustCompile(`(?i)insufficient[_ ]?(balance|quota|funds)|exceeded your current quota|arrears|欠费|余额不足|账户余额|FreeTierOnly|free (quota|tier)`),
		fault.Unavailable, "模型服务账户余额或额度不足，请充值或换用额度", "The endpoint's account has no funds or quota left",
	},
	{CodeUnauthorized, []int{401}, nil, fault.Unavailable, "模型服务拒绝了密钥，请核对 ZHIJIA_LLM_KEY", "The endpoint refused the key; check ZHIJIA_LLM_KEY"},
	{
		CodeModerated, nil,
		regexp.MustCompile(`(?i)data_inspection_failed|DataInspection|content[_ ]?(filter|policy|management)|moderat|inappropriate content|敏感|不安全|违规内容|内容审查`),
		fault.Unsupported, "模型服务的内容审查拒绝了这段文本", "The endpoint's moderation refused the text",
	},
	{
		CodeContext, nil,
		regexp.MustCompile(`(?i)maximum context|context[_ ]length|context window|exceed(s|ed)? (the )?(available )?(context|limit of \d+ tokens)|too many tokens|prompt is too long|input length should be|Range of input length|输入.{0,6}(过长|超过|超出)|上下文.{0,6}(超|限)`),
		fault.TooLarge, "文本超出模型的上下文长度，请设置 ZHIJIA_LLM_WINDOW", "The text exceeds the model's context; set ZHIJIA_LLM_WINDOW",
	},
	{
		CodeThinking, nil,
		regexp.MustCompile(`(?i)enable_thinking|thinking.{0,40}(non-stream|not support|disabled)`),
		fault.Unsupported, "须关闭思考模式，请设置 ZHIJIA_LLM_EXTRA（见 zhijia llm presets）", "Thinking must be turned off; set ZHIJIA_LLM_EXTRA (see zhijia llm presets)",
	},
	{
		CodeStream, nil,
		regexp.MustCompile(`(?i)only.{0,20}stream|stream.{0,12}(only|must be|required)|仅支持流式`),
		fault.Unsupported, "该模型只支持流式输出，请换用支持非流式的模型", "This model answers by streaming only; use one that does not",
	},
	{
		CodeRoles, nil,
		regexp.MustCompile(`(?i)roles? must alternate|system (role|message|prompt).{0,20}(not|un)|conversation roles|only user and assistant`),
		fault.Unsupported, "模型的对话模板不接受 system 角色，请设置 ZHIJIA_LLM_SYSTEM=none", "The model's template does not take a system role; set ZHIJIA_LLM_SYSTEM=none",
	},
	{CodeForbidden, []int{403}, nil, fault.Unavailable, "模型服务拒绝访问", "The endpoint refused access"},
	{CodeNotFound, []int{404}, nil, fault.Unsupported, "模型服务没有这个地址或模型，请核对地址（通常止于 /v1）和模型名", "The endpoint has no such address or model; check the URL (usually ending in /v1) and the model"},
	{CodeTooLarge, []int{413}, nil, fault.TooLarge, "请求超过模型服务允许的大小", "The request is larger than the endpoint takes"},
	{CodeRate, []int{429}, nil, fault.RateLimited, "模型服务限流", "The endpoint is rate-limiting"},
}

// explain classifies a failure and repeats the endpoint's words, without the
// key.
func (c *Client) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errOpen) {
		return errOpen
	}
	var r *refusal
	if !errors.As(err, &r) || r.status >= 500 || r.status == http.StatusRequestTimeout {
		cause := errors.New(c.redact(printable(err.Error())))
		said := ""
		if r != nil {
			said = c.said(r)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return fault.New(fault.Timeout, CodeTimeout, "模型服务未按时应答。", "The endpoint did not answer in time.").Because(cause)
		}
		return fault.New(fault.Unavailable, CodeUnavailable, "模型服务不可用"+said+"。", "The endpoint is not available"+said+".").Because(cause)
	}
	for _, k := range refusals {
		byStatus := false
		for _, s := range k.status {
			byStatus = byStatus || s == r.status
		}
		if byStatus || k.words != nil && k.words.MatchString(r.code+" "+r.words) {
			return fault.New(k.kind, k.code, k.zh+c.said(r)+"。", k.en+c.said(r)+".").Because(errors.New(c.redact(r.Error())))
		}
	}
	return fault.New(fault.Unsupported, CodeRefused, "模型服务不接受此请求"+c.said(r)+"。", "The endpoint does not accept this request"+c.said(r)+".").Because(errors.New(c.redact(r.Error())))
}

func (c *Client) said(r *refusal) string {
	return "（HTTP " + strconv.Itoa(r.status) + "：“" + c.redact(strings.TrimSpace(r.code+" "+r.words)) + "”）"
}

// redact takes the key out of what the endpoint said, also where it repeats
// only the greater part of it.
func (c *Client) redact(text string) string {
	if key := c.cfg.Key; key != "" {
		text = strings.ReplaceAll(text, key, "[key]")
		if len(key) >= 16 {
			text = strings.ReplaceAll(text, key[:len(key)-4], "[key]")
		}
	}
	return text
}

// windowIn reads the context length that an error names, e.g. "maximum context
// length is 4096 tokens"; 0 when it names none.
func windowIn(err error) int {
	var r *refusal
	if !errors.As(err, &r) {
		return 0
	}
	for _, re := range windowWords {
		if m := re.FindStringSubmatch(r.words); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil && n >= 256 && n < 100_000_000 {
				return n
			}
		}
	}
	return 0
}

var windowWords = []*regexp.Regexp{
	regexp.MustCompile(`(?i)maximum context length (?:is|of) (\d+)`),
	regexp.MustCompile(`(?i)(?:context size|context window|n_ctx|available context)\D{0,20}(\d{3,})`),
	regexp.MustCompile(`(?i)Range of input length should be \[1, ?(\d+)\]`),
}
