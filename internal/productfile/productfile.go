// Package productfile reads and writes the cases and the results of products as
// workbooks, CSV and JSON. What a table holds is read off the types: a field with a
// Chinese name in its tag zh is a column, a list of records is a sheet of its own,
// and what is not a list stands on the first sheet.
//
// Start with [Read] and [Write].
package productfile

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/sheet"
	"zhijia/internal/strict"
)

// Basics is the name of the first sheet, and basics.csv of its file.
const (
	Basics    = "基本信息"
	basicsCSV = "basics"
)

const maxRows = 50_000

// column is a field that is no list.
type column struct {
	path, zh string
	index    []int // of the field, for reflection; pointers are followed
	of       reflect.Type
	words    map[string]string
}

// list is a list of records.
type list struct {
	path, zh string
	index    []int
	item     reflect.Type
	columns  []column
}

var (
	fenType   = reflect.TypeFor[money.Fen]()
	dateType  = reflect.TypeFor[calendar.Date]()
	truthType = reflect.TypeFor[patent.Truth]()
)

// shape reads the columns and lists off a type.
func shape(t reflect.Type) (columns []column, lists []list) {
	walk(t, "", "", nil, &columns, &lists)
	return columns, lists
}

func walk(t reflect.Type, prefix, zhPrefix string, index []int, columns *[]column, lists *[]list) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		if f.Anonymous {
			walk(f.Type, prefix, zhPrefix, at, columns, lists)
			continue
		}
		zh := f.Tag.Get("zh")
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if zh == "" || !f.IsExported() {
			continue
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case inner.Kind() == reflect.Struct && inner != dateType:
			walk(inner, prefix+name+".", zhPrefix+zh, at, columns, lists)
		case inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct:
			l := list{path: prefix + name, zh: zh, index: at, item: inner.Elem()}
			var none []list
			walk(inner.Elem(), "", "", nil, &l.columns, &none)
			*lists = append(*lists, l)
		default:
			c := column{path: prefix + name, zh: zhPrefix + zh, index: at, of: f.Type}
			if words := f.Tag.Get("words"); words != "" {
				c.words = map[string]string{}
				for _, w := range strings.Split(words, ",") {
					from, to, _ := strings.Cut(w, "=")
					c.words[from] = to
				}
			}
			*columns = append(*columns, c)
		}
	}
}

// fold is how headers are compared: without case, white, width, brackets and the
// unit in them, which it returns.
func fold(header string) (name string, unit money.Unit) {
	h := sheet.Header(header)
	unit = money.Yuan
	if open := strings.LastIndex(h, "("); open > 0 && strings.HasSuffix(h, ")") {
		if u, err := money.ParseUnit(h[open+1 : len(h)-1]); err == nil {
			h, unit = h[:open], u
		}
	}
	return strings.NewReplacer("(", "", ")", "", "·", "", "：", "", ":", "").Replace(h), unit
}

func find(columns []column, header string) (*column, money.Unit) {
	name, unit := fold(header)
	for i := range columns {
		c := &columns[i]
		zh, _ := fold(c.zh)
		key, _ := fold(c.path)
		if name == zh || name == key {
			return c, unit
		}
	}
	return nil, unit
}

// reader collects what is wrong with cells.
type reader struct{ faults []fault.Field }

func (r *reader) wrong(at, code, zh, en string) {
	if len(r.faults) < 50 {
		r.faults = append(r.faults, fault.Field{Field: at, Code: code, Zh: zh, En: en})
	}
}

// Read reads a case into v, a pointer to a struct: JSON; a workbook with one sheet
// of basics and one for each list; a CSV of the first list, whose further columns
// are basics and say the same in every row; or a zip of CSV files named after the
// sheets. A column or sheet it does not know is refused: nothing is lost unsaid.
func Read(in io.Reader, name string, v any) error {
	body, err := io.ReadAll(io.LimitReader(in, 32<<20+1))
	if err != nil {
		return err
	}
	if len(body) > 32<<20 {
		return fault.New(fault.TooLarge, "product.size", "文件超过 32 MB。", "The file is larger than 32 MB.")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return fault.New(fault.Invalid, "file.empty", "文件为空。", "The file is empty.")
	}
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	switch {
	case trimmed[0] == '{' || strings.EqualFold(path.Ext(name), ".json"):
		return DecodeJSON(trimmed, v)
	case bytes.HasPrefix(body, []byte("PK\x03\x04")):
		if files, ok := csvFiles(body); ok {
			return readTables(files, v)
		}
		tables, err := sheet.Tables(bytes.NewReader(body), maxRows)
		if err != nil {
			return err
		}
		return readTables(tables, v)
	}
	rows, err := sheet.Lines(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return readTables([]sheet.Table{{Name: "", Rows: rows}}, v)
}

// DecodeJSON reads a case as JSON, strictly, and names the field it cannot read.
func DecodeJSON(body []byte, v any) error {
	if err := strict.Check(body); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return fault.New(fault.Invalid, "product.json", "字段 "+wrong.Field+" 的取值无法识别。", "The value of the field "+wrong.Field+" cannot be read.",
			fault.Field{Field: wrong.Field, Code: "product.value", Zh: "取值类型有误", En: "has a value of the wrong type"}).Because(err)
	case strings.Contains(err.Error(), "unknown field"):
		field := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return fault.New(fault.Invalid, "product.field_unknown", "没有字段 "+field+"。", "There is no field "+field+".", fault.Field{Field: field, Code: "product.field_unknown", Zh: "没有这个字段", En: "is not known"}).Because(err)
	}
	return fault.New(fault.Invalid, "product.json", "字段取值无法识别：日期应为 YYYY-MM-DD，金额为元、最多两位小数。", "A value cannot be read: dates are YYYY-MM-DD, amounts are yuan with two decimals at most.").Because(err)
}

// csvFiles reads a zip of CSV files.
func csvFiles(body []byte) (out []sheet.Table, ok bool) {
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil || len(z.File) > 50 {
		return nil, false
	}
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if !strings.EqualFold(path.Ext(f.Name), ".csv") {
			return nil, false
		}
		r, err := f.Open()
		if err != nil {
			return nil, false
		}
		rows, err := sheet.Lines(io.LimitReader(r, 32<<20))
		r.Close()
		if err != nil {
			return nil, false
		}
		out = append(out, sheet.Table{Name: strings.TrimSuffix(path.Base(f.Name), path.Ext(f.Name)), Rows: rows})
	}
	return out, len(out) > 0
}

// ReadFiles reads a folder of CSV files, each named after its sheet.
func ReadFiles(files map[string]io.Reader, v any) error {
	var tables []sheet.Table
	for name, r := range files {
		rows, err := sheet.Lines(r)
		if err != nil {
			return err
		}
		tables = append(tables, sheet.Table{Name: name, Rows: rows})
	}
	slices.SortFunc(tables, func(a, b sheet.Table) int { return strings.Compare(a.Name, b.Name) })
	return readTables(tables, v)
}

func readTables(tables []sheet.Table, v any) error {
	target := reflect.ValueOf(v).Elem()
	columns, lists := shape(target.Type())
	var r reader
	for _, t := range tables {
		if !slices.ContainsFunc(t.Rows, func(row []string) bool {
			return slices.ContainsFunc(row, func(c string) bool { return strings.TrimSpace(c) != "" })
		}) {
			continue
		}
		name := sheet.Header(t.Name)
		at := slices.IndexFunc(lists, func(l list) bool { return name == sheet.Header(l.zh) || name == sheet.Header(l.path) })
		switch {
		case name == sheet.Header(Basics) || name == basicsCSV:
			r.basics(t, columns, target)
		case at >= 0:
			r.records(t, lists[at], nil, target)
		case len(tables) == 1 && len(lists) > 0 && isBasics(t):
			r.basics(t, columns, target)
		case len(tables) == 1 && len(lists) > 0:
			r.records(t, lists[0], columns, target)
		default:
			names := Basics
			for _, l := range lists {
				names += "、" + l.zh
			}
			r.wrong(sheet.Clip(t.Name, 40), "product.sheet", "没有这个工作表，可用："+names, "there is no such sheet")
		}
	}
	if len(r.faults) > 0 {
		first := r.faults[0]
		return fault.New(fault.Invalid, first.Code, fmt.Sprintf("文件有 %d 处无法识别，例如 %s：%s。", len(r.faults), first.Field, first.Zh), fmt.Sprintf("%d places of the file cannot be read, e.g. %s.", len(r.faults), first.Field), r.faults...)
	}
	return nil
}

// isBasics reports whether a lone table lists fields in rows.
func isBasics(t sheet.Table) bool {
	for _, row := range t.Rows {
		if len(row) > 1 && strings.TrimSpace(row[0]) != "" {
			return sheet.Header(row[0]) == sheet.Header("项目") || sheet.Header(row[0]) == "field"
		}
	}
	return false
}

// basics reads rows of name and value.
func (r *reader) basics(t sheet.Table, columns []column, target reflect.Value) {
	seen := map[string]bool{}
	for i, row := range t.Rows {
		if len(row) == 0 || strings.TrimSpace(row[0]) == "" || sheet.Header(row[0]) == sheet.Header("项目") || sheet.Header(row[0]) == "field" {
			continue
		}
		at := fmt.Sprintf("%s 第%d行", Basics, i+1)
		c, unit := find(columns, row[0])
		switch {
		case c == nil:
			r.wrong(at, "product.column", "没有项目“"+sheet.Clip(row[0], 40)+"”", "is no known item")
		case seen[c.path]:
			r.wrong(at, "product.twice", "“"+c.zh+"”重复", "repeats")
		case len(row) > 1:
			seen[c.path] = true
			r.set(at+" "+c.zh, c, unit, row[1], target)
		}
	}
}

// records reads a table of records; basics are further columns that say the same
// in every row.
func (r *reader) records(t sheet.Table, l list, basics []column, target reflect.Value) {
	name := l.zh
	type place struct {
		c     *column
		unit  money.Unit
		basic bool
		told  string
	}
	var header []place
	items := reflect.MakeSlice(reflect.SliceOf(l.item), 0, len(t.Rows))
	for i, row := range t.Rows {
		if !slices.ContainsFunc(row, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			continue
		}
		at := fmt.Sprintf("%s 第%d行", name, i+1)
		if header == nil {
			header = make([]place, len(row))
			used := map[string]bool{}
			for k, h := range row {
				if strings.TrimSpace(h) == "" {
					continue
				}
				c, unit := find(l.columns, h)
				basic := false
				if c == nil {
					c, unit = find(basics, h)
					basic = c != nil
				}
				if c == nil {
					r.wrong(at, "product.column", "没有列“"+sheet.Clip(h, 40)+"”", "is no known column")
					continue
				}
				if used[c.path] {
					r.wrong(at, "product.twice", "列“"+c.zh+"”重复", "repeats")
					continue
				}
				used[c.path] = true
				header[k] = place{c: c, unit: unit, basic: basic}
			}
			continue
		}
		item := reflect.New(l.item).Elem()
		for k, cell := range row {
			cell = strings.TrimSpace(cell)
			if k >= len(header) || header[k].c == nil {
				if cell != "" && k >= len(header) {
					r.wrong(at, "product.cells", "单元格多于表头", "has more cells than the header")
				}
				continue
			}
			p := &header[k]
			if !p.basic {
				r.set(at+" "+p.c.zh, p.c, p.unit, cell, item)
				continue
			}
			if cell == "" || cell == p.told {
				continue
			}
			if p.told != "" {
				r.wrong(at+" "+p.c.zh, "product.differs", "与上面的行不一致", "differs from the rows above")
				continue
			}
			p.told = cell
			r.set(at+" "+p.c.zh, p.c, p.unit, cell, target)
		}
		items = reflect.Append(items, item)
	}
	if items.Len() > 0 {
		field(target, l.index).Set(items)
	}
}

// field follows an index through pointers, making what is not there.
func field(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

var yes, no = []string{"是", "有", "同意", "y", "yes", "true", "1"}, []string{"否", "无", "没有", "不", "不同意", "n", "no", "false", "0"}

// set reads one cell. An empty one leaves the field unknown.
func (r *reader) set(at string, c *column, unit money.Unit, cell string, into reflect.Value) {
	cell = strings.TrimSpace(cell)
	if cell == "" || cell == "—" {
		return
	}
	of, pointer := c.of, c.of.Kind() == reflect.Pointer
	if pointer {
		of = of.Elem()
	}
	value := reflect.New(of).Elem()
	bad := func(zh, en string) { r.wrong(at, "product.cell", "“"+sheet.Clip(cell, 40)+"”"+zh, en) }
	narrow := sheet.Narrow(cell)
	switch {
	case of == fenType:
		if m := strings.TrimRight(narrow, "亿万千百元"); m != narrow { // the unit stands in the cell
			u, err := money.ParseUnit(narrow[len(m):])
			if err != nil {
				bad("的单位无法识别", "has no known unit")
				return
			}
			narrow, unit = m, u
		}
		x, err := money.Parse(narrow, unit)
		if err != nil {
			bad("不是金额（最多精确到分）", "is no amount of whole fen")
			return
		}
		value.SetInt(int64(x))
	case of == dateType:
		day, _, _ := strings.Cut(narrow, " ")
		x, err := calendar.Parse(day)
		if err != nil {
			bad("不是日期，应为 YYYY-MM-DD", "is no date")
			return
		}
		value.Set(reflect.ValueOf(x))
	case of == truthType:
		word := strings.ToLower(narrow)
		switch {
		case slices.Contains(yes, word):
			value.SetString(string(patent.Yes))
		case slices.Contains(no, word):
			value.SetString(string(patent.No))
		case slices.Contains([]string{"未知", "不知", "不详", "unknown"}, word):
			value.SetString(string(patent.DontSay))
		default:
			bad("应为是、否或未知", "must be yes, no or unknown")
			return
		}
	case of.Kind() == reflect.Float64:
		scale := 1.0
		if s, ok := strings.CutSuffix(narrow, "%"); ok {
			narrow, scale = s, 100
		}
		x, err := strconv.ParseFloat(strings.ReplaceAll(narrow, ",", ""), 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			bad("不是数", "is no number")
			return
		}
		value.SetFloat(x / scale)
	case of.Kind() == reflect.Int || of.Kind() == reflect.Uint64:
		x, err := strconv.ParseInt(strings.TrimSuffix(strings.ReplaceAll(narrow, ",", ""), ".00"), 10, 64)
		if err != nil || x < 0 && of.Kind() == reflect.Uint64 {
			bad("不是整数", "is no whole number")
			return
		}
		if of.Kind() == reflect.Int {
			value.SetInt(x)
		} else {
			value.SetUint(uint64(x))
		}
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.String:
		for _, part := range strings.FieldsFunc(cell, func(x rune) bool { return strings.ContainsRune(";；、\n", x) }) {
			if part = strings.TrimSpace(part); part != "" {
				value = reflect.Append(value, reflect.ValueOf(part))
			}
		}
	case of.Kind() == reflect.Bool:
		value.SetBool(slices.Contains(yes, strings.ToLower(narrow)))
	case of.Kind() == reflect.String:
		if w, ok := c.words[cell]; ok {
			cell = w
		}
		value.SetString(cell)
	default:
		bad("不能写在表中", "cannot stand in a table")
		return
	}
	f := field(into, c.index)
	if pointer {
		p := reflect.New(of)
		p.Elem().Set(value)
		f.Set(p)
		return
	}
	f.Set(value)
}

// Sheet is one table of a case or result, its header first.
type Sheet struct {
	sheet.Page
	Path string
}

// Sheets returns what a struct or a pointer to one holds: the basics first. Empty
// lists keep their header when template is set and are left out otherwise.
func Sheets(v any, template bool) []Sheet {
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	columns, lists := shape(value.Type())
	first := Sheet{sheet.Page{Name: Basics, Rows: [][]string{{"项目", "内容"}}}, basicsCSV}
	for _, c := range columns {
		first.Rows = append(first.Rows, []string{c.zh, show(value, &c)})
	}
	out := []Sheet{first}
	for _, l := range lists {
		items := at(value, l.index)
		if !template && (!items.IsValid() || items.Len() == 0) {
			continue
		}
		s := Sheet{sheet.Page{Name: l.zh}, l.path}
		header := make([]string, len(l.columns))
		for i, c := range l.columns {
			header[i] = c.zh
		}
		s.Rows = append(s.Rows, header)
		for i := 0; items.IsValid() && i < items.Len(); i++ {
			row := make([]string, len(l.columns))
			for k := range l.columns {
				row[k] = show(items.Index(i), &l.columns[k])
			}
			s.Rows = append(s.Rows, row)
		}
		out = append(out, s)
	}
	return out
}

// at follows an index; the zero value where a pointer is nil.
func at(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// show writes a field as [Read] reads it; unknown is empty.
func show(v reflect.Value, c *column) string {
	v = at(v, c.index)
	if !v.IsValid() {
		return ""
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case money.Fen:
		return x.String()
	case calendar.Date:
		return x.String()
	case patent.Truth:
		return map[patent.Truth]string{patent.Yes: "是", patent.No: "否", patent.DontSay: "未知"}[x]
	case []string:
		return strings.Join(x, "；")
	case string:
		for zh, word := range c.words {
			if word == x && zh != x && !strings.Contains(zh, "专利") {
				return zh
			}
		}
		return x
	case interface{ Zh() string }:
		return x.Zh()
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case bool:
		return map[bool]string{true: "是", false: "否"}[x]
	}
	return fmt.Sprint(v.Interface())
}

// Write writes a case, result or template by the name's ending: .json, .xlsx, .zip
// (CSV files) or .csv, of the list named main alone.
func Write(w io.Writer, name string, v any, main string, template bool) error {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".json", "":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	case ".csv":
		sheets := Sheets(v, template)
		s := sheets[0]
		for _, x := range sheets {
			if x.Path == main {
				s = x
			}
		}
		return sheet.WriteCSV(w, s.Rows)
	case ".zip":
		z := zip.NewWriter(w)
		for _, s := range Sheets(v, template) {
			f, err := z.Create(path.Base(strings.ReplaceAll(s.Path, ".", "_")) + ".csv")
			if err != nil {
				return err
			}
			if err := sheet.WriteCSV(f, s.Rows); err != nil {
				return err
			}
		}
		return z.Close()
	case ".xlsx":
		var pages []sheet.Page
		for _, s := range Sheets(v, template) {
			pages = append(pages, s.Page)
		}
		return sheet.WriteBook(w, pages...)
	default:
		return fault.New(fault.Unsupported, "product.format", "文件名须以 .json、.xlsx、.csv 或 .zip 结尾。", "The file's name must end in .json, .xlsx, .csv or .zip.")
	}
}
