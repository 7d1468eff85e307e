// Package strict reads JSON of others so that it has one meaning. Bodies of
// requests, answers of a model and files pass through it before they are
// decoded.
package strict

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"zhijia/internal/fault"
)

// What JSON may not be. encoding/json accepts each of these in silence or
// reports it in words that quote the input.
var (
	ErrSyntax    = fault.New(fault.Invalid, "json.syntax", "内容不是有效的 JSON（可能被截断）。", "The content is not valid JSON (it may be truncated).")
	ErrEncoding  = fault.New(fault.Invalid, "json.encoding", "内容须为 UTF-8 编码。", "The content must be UTF-8.")
	ErrDuplicate = fault.New(fault.Invalid, "json.duplicate_key", "同一对象中有重复的字段名（不分大小写），请只保留一个。", "An object names the same field twice, in whatever case; keep one.")
	ErrDepth     = fault.New(fault.Invalid, "json.depth", "JSON 嵌套过深。", "The JSON is nested too deeply.")
	ErrMany      = fault.New(fault.TooLarge, "json.values", "JSON 中的值过多（最多 100 万个值、20 万个对象），请拆分。", "The JSON holds too many values (at most a million, and 200,000 objects); split it.")
	ErrTrailing  = fault.New(fault.Invalid, "json.trailing", "JSON 之后还有多余内容。", "Something follows the JSON value.")
	ErrMarks     = fault.New(fault.Invalid, "text.control_characters", "含有空字符或改变书写方向的控制符，请清理后重试。", "A text contains a null character or marks that turn the direction of writing; clean it and try again.")

	Faults = []*fault.Error{ErrSyntax, ErrEncoding, ErrDuplicate, ErrDepth, ErrMany, ErrTrailing, ErrMarks}
)

const (
	maxDepth   = 32
	maxValues  = 1_000_000 // each takes some 30 bytes once decoded,
	maxObjects = 200_000   // and each object some hundreds
)

// Check refuses what encoding/json lets pass: bytes that are not UTF-8,
// an object that names a field twice in whatever case (encoding/json ignores
// the case of a name, and two readers would read two values), deep nesting,
// content after the value, and texts with what no database keeps or behind which
// one text reads as another.
func Check(data []byte) error {
	if !utf8.Valid(data) {
		return ErrEncoding
	}
	if tooMany(data) {
		return ErrMany
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	type level struct {
		keys   map[string]struct{} // nil in an array
		expect bool                // the next token of an object is a key
	}
	var stack []level
	for {
		tok, err := dec.Token()
		if err != nil {
			return ErrSyntax
		}
		top := len(stack) - 1
		delim, _ := tok.(json.Delim)
		key, isString := tok.(string)
		if strings.ContainsFunc(key, func(r rune) bool { return r == 0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }) {
			return ErrMarks
		}
		switch {
		case delim == '}' || delim == ']':
			stack = stack[:top]
		case isString && top >= 0 && stack[top].keys != nil && stack[top].expect:
			key = fold(key)
			if _, dup := stack[top].keys[key]; dup {
				return ErrDuplicate
			}
			stack[top].keys[key] = struct{}{}
			stack[top].expect = false
			continue
		default: // a value
			if top >= 0 {
				stack[top].expect = true
			}
			if delim == 0 {
				break
			}
			if len(stack) == maxDepth {
				return ErrDepth
			}
			l := level{}
			if delim == '{' {
				l = level{keys: map[string]struct{}{}, expect: true}
			}
			stack = append(stack, l)
		}
		if len(stack) == 0 {
			break
		}
	}
	if _, err := dec.Token(); err != io.EOF {
		return ErrTrailing
	}
	return nil
}

// tooMany counts what a text says before anything is made of it: few bytes may say more than memory holds.
func tooMany(data []byte) bool {
	values, objects, quoted := 1, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',' || c == '[':
			values++
		case c == '{':
			values, objects = values+1, objects+1
		}
	}
	return values > maxValues || objects > maxObjects
}

// fold maps names that encoding/json takes for the same to one: the least rune
// of each that simple case folding makes equal.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

// Decode checks and decodes a value whose every field must be known. A
// field that is unknown or of another type is refused in the caller's words.
func Decode(data []byte, v any, code, zh, en string) error {
	if err := Check(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fault.New(fault.Invalid, code, zh, en).Because(err)
	}
	return nil
}
