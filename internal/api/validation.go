package api

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/strict"
)

// useProblems makes huma report every error, its own and the handlers', as a
// [gate.Problem]. The hook is a variable of that library, hence the once.
var useProblems = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		c := humagin.Unwrap(ctx)
		err := classify(status, msg, errs)
		gate.NoteError(c, err)
		c.Header("Cache-Control", "no-store")
		return gate.ProblemOf(c.Request, err)
	}
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return &gate.Problem{Status: status, Detail: msg}
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
		return gate.TooLarge
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
	for _, j := range strict.Faults {
		if strings.Contains(d.Message, j.Code) {
			return fault.Field{Field: loc, Code: j.Code, Zh: j.Zh, En: j.En}
		}
	}
	return fault.Field{Field: loc, Code: "field.invalid", Zh: "取值无效", En: "invalid value"}
}
