package formula

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/valuation/terms"
)

// Result is the answer of one named formula.
type Result struct {
	Method       string             `json:"method"`
	Value        float64            `json:"value"`
	Unit         string             `json:"unit"` // yuan unless it is a rate
	Formula      string             `json:"formula"`
	Source       string             `json:"source"`
	Intermediate map[string]float64 `json:"intermediate,omitempty"`
	Workings     []terms.Working    `json:"workings"`
	Notes        []string           `json:"notes,omitempty"`
}

// Method is one named formula with its inputs, as [Compute] takes it.
type Method struct {
	Name    string  `json:"method"`
	Summary string  `json:"summary"`
	Formula string  `json:"formula"`
	Source  string  `json:"source"`
	Unit    string  `json:"unit"`
	Inputs  []Input `json:"inputs"`

	eval func(*inputs) (float64, []terms.Working, map[string]float64)
	note string
}

// Input is one input of a method. Aliases are other names it is accepted by.
type Input struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"`
	Type    string   `json:"type"` // number, integer, numbers, bool, text, or a structure described in Doc
	Unit    string   `json:"unit,omitempty"`
	Default string   `json:"default,omitempty"` // empty: required
	Doc     string   `json:"doc"`
}

// Methods lists every named formula, by name.
func Methods() []Method { return slices.Clone(methods) }

// Compute evaluates one named formula on JSON inputs. The conventions are
// those of the open-source peer the names come from: year-end discounting and
// whole years, unless the method's own inputs say otherwise. Unknown inputs,
// missing ones, and values that are not finite or out of range are refused
// with a *fault.Error naming each field.
func Compute(method string, raw []byte) (Result, error) {
	i := slices.IndexFunc(methods, func(m Method) bool { return m.Name == method })
	if i < 0 {
		return Result{}, fault.New(fault.NotFound, "compute.method",
			fmt.Sprintf("没有名为 %.60q 的计算方法，可用 zhijia compute --list 查看。", method),
			fmt.Sprintf("no method %.60q; see zhijia compute --list", method))
	}
	m := methods[i]
	in, err := readInputs(m, raw)
	if err != nil {
		return Result{}, err
	}
	value, workings, extra := m.eval(in)
	if err := in.fault(); err != nil {
		return Result{}, err
	}
	for k, v := range extra {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			delete(extra, k)
		}
	}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return Result{}, fault.New(fault.Invalid, "compute.not_finite", "计算结果不是有限数，请检查输入。", "the result is not finite; check the inputs")
	}
	r := Result{Method: m.Name, Value: value, Unit: m.Unit, Formula: m.Formula, Source: m.Source, Intermediate: extra, Workings: workings}
	if m.note != "" {
		r.Notes = []string{m.note}
	}
	return r, nil
}

// inputs reads a method's named values and collects the faults.
type inputs struct {
	method Method
	raw    map[string]json.RawMessage // by canonical name
	as     map[string]string          // the name each was given by
	faults []fault.Field
}

func readInputs(m Method, raw []byte) (*inputs, error) {
	in := &inputs{method: m, raw: map[string]json.RawMessage{}, as: map[string]string{}}
	dec := json.NewDecoder(bytes.NewReader(raw))
	given := map[string]json.RawMessage{}
	if err := dec.Decode(&given); err != nil {
		// NaN and Infinity are not JSON; say which field held them.
		if f := nonFiniteField(raw); f != "" {
			return nil, invalid(fault.Field{Field: f, Code: "number.not_finite", Zh: "必须是有限数", En: "must be a finite number"})
		}
		return nil, fault.New(fault.Invalid, "compute.json", "输入不是有效的 JSON 对象。", "the inputs are not a JSON object").Because(err)
	}
	if dec.More() {
		return nil, fault.New(fault.Invalid, "compute.json", "输入应只含一个 JSON 对象。", "the inputs must be one JSON object")
	}
	names := map[string]string{}
	for _, p := range m.Inputs {
		names[p.Name] = p.Name
		for _, a := range p.Aliases {
			names[a] = p.Name
		}
	}
	keys := make([]string, 0, len(given))
	for k := range given {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		canon, ok := names[k]
		switch {
		case !ok:
			in.fail(k, "field.unknown", "不认识的字段", "unknown field; this method takes "+inputNames(m))
		case in.as[canon] != "":
			in.fail(k, "field.duplicate", "与字段 "+in.as[canon]+" 重复", "given twice: the same input as "+in.as[canon])
		case string(given[k]) == "null":
		default:
			in.raw[canon], in.as[canon] = given[k], k
		}
	}
	for _, p := range m.Inputs {
		if p.Default == "" && in.as[p.Name] == "" {
			in.fail(p.Name, "field.required", "缺少必填字段", "required")
		}
	}
	return in, in.fault()
}

func inputNames(m Method) string {
	var names []string
	for _, p := range m.Inputs {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// nonFiniteField finds the key before the first bare NaN or Infinity.
func nonFiniteField(raw []byte) string {
	s := string(raw)
	at := -1
	for _, w := range []string{"NaN", "nan", "-Infinity", "Infinity", "-inf", "inf"} {
		if i := strings.Index(s, w); i >= 0 && (at < 0 || i < at) && (i == 0 || strings.ContainsRune(" :,[\t\n-", rune(s[i-1]))) {
			at = i
		}
	}
	if at < 0 {
		return ""
	}
	colon := strings.LastIndexByte(s[:at], ':')
	if colon < 0 {
		return ""
	}
	parts := strings.Split(s[:colon], `"`)
	if len(parts) < 3 {
		return ""
	}
	return parts[len(parts)-2]
}

func invalid(fields ...fault.Field) *fault.Error {
	return fault.New(fault.Invalid, "compute.input", "输入有误。", "the inputs are not valid", fields...)
}

func (in *inputs) fail(field, code, zh, en string) {
	in.faults = append(in.faults, fault.Field{Field: field, Code: code, Zh: zh, En: en})
}

func (in *inputs) fault() error {
	if len(in.faults) == 0 {
		return nil
	}
	return invalid(in.faults...)
}

// name is how the caller spelled an input.
func (in *inputs) name(canon string) string {
	if n := in.as[canon]; n != "" {
		return n
	}
	return canon
}

func (in *inputs) has(name string) bool { return in.as[name] != "" }

// bound is a range a number must lie in.
type bound struct {
	lo, hi         float64
	openLo, openHi bool
}

var (
	anyNumber  = bound{lo: -1e18, hi: 1e18}
	nonNeg     = bound{lo: 0, hi: 1e18}
	positive   = bound{lo: 0, hi: 1e18, openLo: true}
	fraction   = bound{lo: 0, hi: 1}
	rateBound  = bound{lo: -1, hi: 10, openLo: true}
	posRate    = bound{lo: 0, hi: 10, openLo: true}
	yearsBound = bound{lo: 0, hi: 1000}
)

func (b bound) String() string {
	l, r := "[", "]"
	if b.openLo {
		l = "("
	}
	if b.openHi {
		r = ")"
	}
	return l + strconv.FormatFloat(b.lo, 'g', -1, 64) + ", " + strconv.FormatFloat(b.hi, 'g', -1, 64) + r
}

func (b bound) holds(v float64) bool {
	return v >= b.lo && v <= b.hi && !(b.openLo && v == b.lo) && !(b.openHi && v == b.hi)
}

func (in *inputs) check(field string, v float64, b bound) float64 {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		in.fail(field, "number.not_finite", "必须是有限数", "must be a finite number")
	case !b.holds(v):
		in.fail(field, "number.range", "超出允许范围 "+b.String(), fmt.Sprintf("%v is outside %s", v, b))
	default:
		return v
	}
	return math.NaN()
}

func (in *inputs) parse(field string, raw json.RawMessage, b bound) float64 {
	s := strings.TrimSpace(string(raw))
	if q, err := strconv.Unquote(s); err == nil {
		if v, err := strconv.ParseFloat(q, 64); err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
			return in.check(field, v, b)
		}
		in.fail(field, "number.type", "必须是数字", "must be a number")
		return math.NaN()
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(v, 0) {
		in.fail(field, "number.type", "必须是数字", "must be a number")
		return math.NaN()
	}
	return in.check(field, v, b)
}

// num returns a number, or def when it was not given.
func (in *inputs) num(name string, b bound, def float64) float64 {
	if !in.has(name) {
		return def
	}
	return in.parse(in.name(name), in.raw[name], b)
}

// whole returns a whole number of at least lo.
func (in *inputs) whole(name string, lo, hi, def int) int {
	if !in.has(name) {
		return def
	}
	v := in.num(name, bound{lo: float64(lo), hi: float64(hi)}, 0)
	if math.IsNaN(v) {
		return lo
	}
	if v != math.Trunc(v) {
		in.fail(in.name(name), "number.whole", "必须是整数", "must be a whole number of periods")
		return lo
	}
	return int(v)
}

func (in *inputs) flag(name string, def bool) bool {
	if !in.has(name) {
		return def
	}
	var b bool
	if json.Unmarshal(in.raw[name], &b) != nil {
		in.fail(in.name(name), "bool.type", "必须是 true 或 false", "must be true or false")
	}
	return b
}

func (in *inputs) text(name, def string, allowed ...string) string {
	if !in.has(name) {
		return def
	}
	var s string
	if json.Unmarshal(in.raw[name], &s) != nil || !slices.Contains(allowed, s) {
		in.fail(in.name(name), "text.choice", "可选值："+strings.Join(allowed, "、"), "must be one of "+strings.Join(allowed, ", "))
		return def
	}
	return s
}

// list returns a list of numbers; one bare number is a list of one.
func (in *inputs) list(name string, b bound) []float64 {
	if !in.has(name) {
		return nil
	}
	field, raw := in.name(name), in.raw[name]
	if s := strings.TrimSpace(string(raw)); !strings.HasPrefix(s, "[") {
		return []float64{in.parse(field, raw, b)}
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		in.fail(field, "list.type", "必须是数字列表", "must be a list of numbers")
		return nil
	}
	if len(items) == 0 {
		in.fail(field, "list.empty", "不能为空", "must not be empty")
	}
	if len(items) > 10000 {
		in.fail(field, "list.long", "过长", "is longer than 10000")
		return nil
	}
	out := make([]float64, len(items))
	for i, it := range items {
		out[i] = in.parse(fmt.Sprintf("%s[%d]", field, i), it, b)
	}
	return out
}

// table returns named numbers from an object, in name order.
func (in *inputs) table(name string, b bound) (keys []string, values map[string]float64) {
	values = map[string]float64{}
	if !in.has(name) {
		return nil, values
	}
	var items map[string]json.RawMessage
	if json.Unmarshal(in.raw[name], &items) != nil {
		var list []json.RawMessage
		if json.Unmarshal(in.raw[name], &list) != nil {
			in.fail(in.name(name), "object.type", "必须是对象", "must be an object of numbers")
			return nil, values
		}
		items = map[string]json.RawMessage{}
		for i, it := range list {
			items[strconv.Itoa(i)] = it
		}
	}
	for k, it := range items {
		keys = append(keys, k)
		values[k] = in.parse(in.name(name)+"."+k, it, b)
	}
	slices.Sort(keys)
	return keys, values
}

// tuples returns rows given as lists or as objects with the named columns;
// text columns are returned apart.
func (in *inputs) tuples(name string, columns []string, texts []string, b bound) (rows [][]float64, words [][]string) {
	if !in.has(name) {
		return nil, nil
	}
	field := in.name(name)
	var items []json.RawMessage
	if json.Unmarshal(in.raw[name], &items) != nil || len(items) == 0 {
		in.fail(field, "list.type", "必须是非空列表", "must be a list that is not empty")
		return nil, nil
	}
	for i, it := range items {
		at := fmt.Sprintf("%s[%d]", field, i)
		row, word := make([]float64, len(columns)), make([]string, len(texts))
		var cells []json.RawMessage
		var obj map[string]json.RawMessage
		switch {
		case json.Unmarshal(it, &cells) == nil:
			c, w := 0, 0
			for _, cell := range cells {
				var s string
				if json.Unmarshal(cell, &s) == nil && w < len(word) {
					word[w] = s
					w++
				} else if c < len(row) {
					row[c] = in.parse(at+"."+strings.Split(columns[c], "|")[0], cell, b)
					c++
				} else {
					in.fail(at, "row.long", "列数过多", "has too many columns")
				}
			}
			if c < len(row) {
				in.fail(at+"."+strings.Split(columns[c], "|")[0], "field.required", "缺少", "required")
			}
		case json.Unmarshal(it, &obj) == nil:
			known := map[string]bool{}
			for c, column := range columns {
				found := false
				for _, alias := range strings.Split(column, "|") {
					known[alias] = true
					if cell, ok := obj[alias]; ok {
						row[c], found = in.parse(at+"."+alias, cell, b), true
					}
				}
				if !found {
					in.fail(at+"."+strings.Split(column, "|")[0], "field.required", "缺少", "required")
				}
			}
			for w, column := range texts {
				for _, alias := range strings.Split(column, "|") {
					known[alias] = true
					if cell, ok := obj[alias]; ok && json.Unmarshal(cell, &word[w]) != nil {
						in.fail(at+"."+alias, "text.type", "必须是文字", "must be text")
					}
				}
			}
			for k := range obj {
				if !known[k] {
					in.fail(at+"."+k, "field.unknown", "不认识的字段", "unknown field")
				}
			}
		default:
			in.fail(at, "row.type", "必须是列表或对象", "must be a list or an object")
		}
		rows, words = append(rows, row), append(words, word)
	}
	return rows, words
}
