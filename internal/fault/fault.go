// Package fault is the closed list of ways a request can fail.
//
// An [Error] carries a kind (closed, mapped to one HTTP status and one exit
// code here and nowhere else), a stable code a program can act on, and a
// message in Chinese and English that says what was wrong with the caller's
// input and how to mend it. Context for operators is added with [Wrap] and
// never reaches a user. A method that does not apply is data with a reason,
// not a fault.
package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Kind is the class of a failure.
type Kind uint8

// The kinds, in the order of the table below. The zero value is Internal, so
// an error nobody classified is never shown to a user as their mistake.
const (
	Internal     Kind = iota // a defect or an unclassified failure
	Invalid                  // the input is malformed or breaks a rule
	NotFound                 // no such record
	Conflict                 // the state forbids it, or it exists with other content
	Unauthorized             // no or wrong credentials
	Forbidden                // known caller, not allowed
	TooLarge                 // over a size limit
	Unsupported              // a media type, format or version not supported
	RateLimited              // over a rate or budget
	Unavailable              // a dependency is down; try again
	Timeout                  // the deadline passed or the caller went away
)

var table = [...]struct {
	name   string
	status int
	exit   int
}{
	Internal:     {"internal", http.StatusInternalServerError, 70},
	Invalid:      {"invalid", http.StatusUnprocessableEntity, 65},
	NotFound:     {"not_found", http.StatusNotFound, 66},
	Conflict:     {"conflict", http.StatusConflict, 65},
	Unauthorized: {"unauthorized", http.StatusUnauthorized, 77},
	Forbidden:    {"forbidden", http.StatusForbidden, 77},
	TooLarge:     {"too_large", http.StatusRequestEntityTooLarge, 65},
	Unsupported:  {"unsupported", http.StatusUnsupportedMediaType, 65},
	RateLimited:  {"rate_limited", http.StatusTooManyRequests, 75},
	Unavailable:  {"unavailable", http.StatusServiceUnavailable, 69},
	Timeout:      {"timeout", http.StatusGatewayTimeout, 75},
}

// String returns the kind's stable name, as in a problem document's type.
func (k Kind) String() string { return table[k].name }

// HTTPStatus returns the one status code this kind is reported with.
func (k Kind) HTTPStatus() int { return table[k].status }

// ExitCode returns the process exit code (sysexits.h) of this kind.
func (k Kind) ExitCode() int { return table[k].exit }

// Field is one fault at one place of the input.
type Field struct {
	Field string `json:"field"` // path of the field, e.g. "subject.number" or a column header
	Code  string `json:"code"`  // stable, e.g. "number.check_digit"
	Zh    string `json:"zh"`    // what is wrong and how to mend it
	En    string `json:"en"`
}

// Error is a classified failure. Create it with [New].
type Error struct {
	Kind   Kind
	Code   string // stable, dotted, e.g. "patent.number.check_digit"
	Zh, En string // shown to the user
	Fields []Field
	Cause  error // logged, never shown
}

// New returns an error of the given kind. zh and en must not contain secrets
// or patent text.
func New(kind Kind, code, zh, en string, fields ...Field) *Error {
	return &Error{Kind: kind, Code: code, Zh: zh, En: en, Fields: fields}
}

// Because returns a copy of e with cause attached.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code)
	b.WriteString(": ")
	b.WriteString(e.En)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Field, f.En)
	}
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Cause }

// KindOf returns the kind of the outermost [Error] in err's chain. A context
// error without one is Timeout; anything else is Internal.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Timeout
	}
	return Internal
}

// Public returns what may be shown to a user: the outermost [Error], or a
// generic one that reveals nothing of an internal failure.
func Public(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if KindOf(err) == Timeout {
		return New(Timeout, "timeout", "请求超时，请稍后重试。", "The request timed out; try again.").Because(err)
	}
	return New(Internal, "internal", "服务内部错误，请凭请求编号联系管理员。", "Internal error; quote the request id to your administrator.").Because(err)
}

// Wrap prefixes *errp with the operation, for logs. Use it deferred at the top
// of a function: defer fault.Wrap(&err, "store.Valuation(%s)", id).
func Wrap(errp *error, format string, args ...any) {
	if *errp != nil {
		*errp = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *errp)
	}
}
