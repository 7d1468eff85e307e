package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"

	"zhijia/internal/fault"
)

// What a JSON body may not be. encoding/json accepts each of these in silence
// or reports it in words that quote the input.
var (
	errJSONSyntax    = fault.New(fault.Invalid, "json.syntax", "请求内容不是有效的 JSON（可能被截断）。", "The body is not valid JSON (it may be truncated).")
	errJSONEncoding  = fault.New(fault.Invalid, "json.encoding", "请求内容须为 UTF-8 编码。", "The body must be UTF-8.")
	errJSONDuplicate = fault.New(fault.Invalid, "json.duplicate_key", "同一对象中有重复的字段名。", "An object names the same field twice.")
	errJSONDepth     = fault.New(fault.Invalid, "json.depth", "JSON 嵌套过深。", "The JSON is nested too deeply.")
	errJSONTrailing  = fault.New(fault.Invalid, "json.trailing", "JSON 之后还有多余内容。", "Something follows the JSON value.")

	jsonFaults = []*fault.Error{errJSONSyntax, errJSONEncoding, errJSONDuplicate, errJSONDepth, errJSONTrailing}
)

const maxJSONDepth = 32

// strictJSON refuses what encoding/json lets pass: bytes that are not UTF-8,
// an object that names a field twice (two readers would read two values),
// deep nesting, and content after the value.
func strictJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errJSONEncoding
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
			return errJSONSyntax
		}
		top := len(stack) - 1
		delim, _ := tok.(json.Delim)
		key, isString := tok.(string)
		switch {
		case delim == '}' || delim == ']':
			stack = stack[:top]
		case isString && top >= 0 && stack[top].keys != nil && stack[top].expect:
			if _, dup := stack[top].keys[key]; dup {
				return errJSONDuplicate
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
			if len(stack) == maxJSONDepth {
				return errJSONDepth
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
		return errJSONTrailing
	}
	return nil
}

// unmarshalStrict is the request decoder. The server decodes a body twice,
// first without a type to validate it; the strict pass belongs to that one.
func unmarshalStrict(data []byte, v any) error {
	if _, untyped := v.(*any); untyped {
		if err := strictJSON(data); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(data, v); err != nil {
		return errJSONSyntax.Because(err)
	}
	return nil
}
