package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
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

// problemOf turns any error into the reply a user may see.
func problemOf(r *http.Request, err error) *Problem {
	pub := fault.Public(err)
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

// fail writes err as a problem and ends the handler chain. It is the way out
// for everything that is not a huma handler.
func fail(c *gin.Context, err error) {
	noteError(c, err)
	p := problemOf(c.Request, err)
	c.Abort()
	if c.Writer.Written() {
		return // a stream that broke; the status is already on the wire
	}
	writeProblem(c.Writer, p)
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p)
}

// useProblems makes huma report every error, its own and the handlers', as a
// [Problem]. The hook is a variable of that library, hence the once.
var useProblems = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		c := humagin.Unwrap(ctx)
		err := classify(status, msg, errs)
		noteError(c, err)
		c.Header("Cache-Control", "no-store")
		return problemOf(c.Request, err)
	}
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return &Problem{Status: status, Detail: msg}
	}
})

// classify maps what huma reports to a fault.
func classify(status int, msg string, errs []error) error {
	for _, err := range errs {
		var f *fault.Error
		if errors.As(err, &f) {
			return err
		}
	}
	var fields []fault.Field
	for _, err := range errs {
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			fields = append(fields, fieldOf(d))
		}
	}
	switch {
	case status == http.StatusRequestEntityTooLarge:
		return tooLarge
	case status == http.StatusUnsupportedMediaType:
		return fault.New(fault.Unsupported, "content_type.unsupported", "请求的 Content-Type 不受支持，请使用 application/json。", "The Content-Type is not supported; use application/json.")
	case status == http.StatusRequestTimeout:
		return fault.New(fault.Timeout, "timeout.body", "读取请求内容超时。", "Reading the request body timed out.")
	case status == http.StatusBadRequest && strings.Contains(msg, "body is required"):
		return fault.New(fault.Invalid, "body.required", "请求内容为空。", "The request body is empty.")
	case status >= 500:
		return errors.Join(append(errs, errors.New(msg))...)
	}
	code := "validation"
	if len(fields) == 1 {
		code = fields[0].Code
	}
	return fault.New(fault.Invalid, code, "请求未通过校验，请按 errors 中的说明修改。", "The request did not validate; see errors.", fields...)
}

var tooLarge = fault.New(fault.TooLarge, "body.too_large", "请求内容超过大小上限。", "The request body exceeds the size limit.")

// validations maps the messages of the validator, by prefix, to stable codes
// and Chinese. %s is what follows the prefix.
var validations = []struct{ prefix, code, zh string }{
	{"unexpected property", "field.unknown", "未知字段"},
	{"unknown query parameter", "query.unknown", "未知查询参数"},
	{"expected required property ", "field.required", "缺少必填字段 %s"},
	{"required path parameter is missing", "field.required", "缺少路径参数"},
	{"required query parameter is missing", "field.required", "缺少查询参数"},
	{"required header parameter is missing", "field.required", "缺少请求头"},
	{"expected value to be one of ", "field.enum", "取值须为 %s 之一"},
	{"expected string to be RFC 3339 date-time", "field.date_time", "须为 RFC 3339 时间"},
	{"expected string to be RFC 3339 date", "field.date", "须为 YYYY-MM-DD 日期"},
	{"expected string to match pattern ", "field.pattern", "格式不符：%s"},
	{"expected string to be ", "field.format", "格式不符：%s"},
	{"expected length >= ", "field.too_short", "长度不得少于 %s"},
	{"expected length <= ", "field.too_long", "长度不得超过 %s"},
	{"expected array length >= ", "field.too_few", "至少需要 %s 项"},
	{"expected array length <= ", "field.too_many", "最多允许 %s 项"},
	{"expected array items to be unique", "field.duplicate", "各项不得重复"},
	{"expected number >= ", "field.range", "不得小于 %s"},
	{"expected number > ", "field.range", "须大于 %s"},
	{"expected number <= ", "field.range", "不得大于 %s"},
	{"expected number < ", "field.range", "须小于 %s"},
	{"expected number", "field.type", "须为数字"},
	{"expected integer", "field.type", "须为整数"},
	{"expected string", "field.type", "须为字符串"},
	{"expected boolean", "field.type", "须为 true 或 false"},
	{"expected array", "field.type", "须为数组"},
	{"expected object", "field.type", "须为对象"},
	{"invalid integer", "field.type", "须为整数"},
	{"invalid floating value", "field.type", "须为数字"},
	{"invalid boolean", "field.type", "须为 true 或 false"},
	{"invalid date/time", "field.date_time", "须为 RFC 3339 时间"},
}

var (
	requiredName = regexp.MustCompile(`^expected required property (\S+) to be present`)
	bodyPath     = regexp.MustCompile(`^[A-Za-z0-9_.\[\]:-]{0,200}$`)
)

// fieldOf translates one complaint of the validator. The value is never
// echoed: it may be patent text.
func fieldOf(d *huma.ErrorDetail) fault.Field {
	loc := d.Location
	if !bodyPath.MatchString(loc) {
		loc, _, _ = strings.Cut(loc, ".") // a hostile field name is not repeated
	}
	for _, v := range validations {
		rest, ok := strings.CutPrefix(d.Message, v.prefix)
		if !ok {
			continue
		}
		en := d.Message
		if m := requiredName.FindStringSubmatch(d.Message); m != nil {
			rest = m[1]
			if loc != "" {
				loc += "."
			}
			loc += m[1]
		}
		zh := v.zh
		if strings.Contains(zh, "%s") {
			zh = strings.ReplaceAll(zh, "%s", strings.Trim(rest, `"`))
		}
		if v.code == "query.unknown" || v.code == "field.unknown" {
			en = v.prefix
		}
		return fault.Field{Field: loc, Code: v.code, Zh: zh, En: en}
	}
	// What is left comes from the JSON decoder and may quote the input.
	var f *fault.Error
	if errors.As(errors.New(d.Message), &f) {
		return fault.Field{Field: loc, Code: f.Code, Zh: f.Zh, En: f.En}
	}
	for _, j := range jsonFaults {
		if strings.Contains(d.Message, j.Code) {
			return fault.Field{Field: loc, Code: j.Code, Zh: j.Zh, En: j.En}
		}
	}
	return fault.Field{Field: loc, Code: "field.invalid", Zh: "取值无效", En: "invalid value"}
}
