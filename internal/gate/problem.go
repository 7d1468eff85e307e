package gate

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Problem is the one shape of every error reply (RFC 9457,
// application/problem+json). Code is stable and meant for programs; Title and
// Detail are in Chinese unless the request prefers English.
type Problem struct {
	Type      string         `json:"type" example:"urn:zhijia:problem:invalid" doc:"Class of the problem; one per status."`
	Title     string         `json:"title" example:"输入无效" doc:"What the class means."`
	Status    int            `json:"status" example:"422"`
	Detail    string         `json:"detail" doc:"What was wrong this time and how to mend it."`
	Instance  string         `json:"instance" doc:"Path of the request."`
	Code      string         `json:"code" example:"number.check_digit" doc:"Stable code for programs."`
	RequestID string         `json:"request_id" doc:"Quote this to the administrator."`
	Errors    []ProblemField `json:"errors,omitempty" doc:"One entry per faulty field."`
}

// ProblemField is one fault at one place of the input.
type ProblemField struct {
	Field  string `json:"field" example:"body.subject.number" doc:"Where, as a path that begins with body, query, path, header or a column name."`
	Code   string `json:"code" example:"number.check_digit"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string             { return p.Code + ": " + p.Detail }
func (p *Problem) GetStatus() int            { return p.Status }
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders says when to come back where that is the advice.
func (p *Problem) GetHeaders() http.Header {
	if p.Status == http.StatusServiceUnavailable {
		return http.Header{"Retry-After": {retryAfter}}
	}
	return nil
}

// retryAfter is in seconds: a database that was restarted answers by then.
const retryAfter = "5"

// titles are what a problem's class means, in Chinese and English.
var titles = map[fault.Kind][2]string{
	fault.Internal:     {"服务内部错误", "Internal error"},
	fault.Invalid:      {"输入无效", "Invalid input"},
	fault.NotFound:     {"未找到", "Not found"},
	fault.Conflict:     {"状态冲突", "Conflict"},
	fault.Unauthorized: {"未通过身份验证", "Not authenticated"},
	fault.Forbidden:    {"没有权限", "Not allowed"},
	fault.TooLarge:     {"请求过大", "Too large"},
	fault.Unsupported:  {"不支持的格式", "Unsupported format"},
	fault.RateLimited:  {"请求过于频繁", "Too many requests"},
	fault.Unavailable:  {"服务暂不可用", "Temporarily unavailable"},
	fault.Timeout:      {"请求超时", "Timed out"},
}

// english reports whether the client prefers English to Chinese. The first
// language named wins; quality values beyond the order are not weighed.
func english(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language"))), "en")
}

// ProblemOf turns any error into the reply a user may see.
func ProblemOf(r *http.Request, err error) *Problem {
	pub := fault.Public(store.Outward(err))
	lang := 0
	detail := pub.Zh
	if english(r) {
		lang, detail = 1, pub.En
	}
	p := &Problem{
		Type:      "urn:zhijia:problem:" + pub.Kind.String(),
		Title:     titles[pub.Kind][lang],
		Status:    pub.Kind.HTTPStatus(),
		Detail:    detail,
		Instance:  publicPath(r),
		Code:      pub.Code,
		RequestID: requestID(r.Context()),
	}
	for _, f := range pub.Fields {
		d := f.Zh
		if lang == 1 {
			d = f.En
		}
		p.Errors = append(p.Errors, ProblemField{Field: f.Field, Code: f.Code, Detail: d})
	}
	return p
}

// Fail writes err as a problem and ends the handler chain. It is the way out
// for everything that is not a huma handler.
func Fail(c *gin.Context, err error) {
	NoteError(c, err)
	p := ProblemOf(c.Request, err)
	c.Abort()
	if c.Writer.Written() {
		return // a stream that broke; the status is already on the wire
	}
	writeProblem(c.Writer, p)
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	maps.Copy(w.Header(), p.GetHeaders())
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p)
}

// TooLarge refuses a request body above the limit of its route.
var TooLarge = fault.New(fault.TooLarge, "body.too_large", "请求内容超过大小上限。", "The request body exceeds the size limit.")
