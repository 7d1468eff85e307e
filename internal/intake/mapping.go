package intake

import (
	"context"
	"crypto/sha256"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"zhijia/internal/connect"
	"zhijia/internal/fault"
	"zhijia/internal/sheet"
	"zhijia/internal/store"
)

// Unread is a header that names no field, with the field it most likely means
// and its first values. Nothing is read by the guess before a person agrees.
type Unread struct {
	Header   string   `json:"header"`
	Guess    string   `json:"guess,omitempty"` // empty: none is likely
	Examples []string `json:"examples"`
}

// headers are the fields of a dataset by the folded headers that name them.
type headers struct {
	names map[string]string // folded header -> field
	rank  map[string]int    // place of a header among those of its field
	said  map[string]string // what a person said: folded header -> field, "" for one not to be read

	vendor connect.Columns // of the source whose table it is; empty: nobody's in particular

	db          *store.DB // nil: nothing is remembered
	institution string
	dataset     string
}

func headersOf(ds dataset, name string) *headers {
	h := &headers{names: map[string]string{}, rank: map[string]int{}, said: map[string]string{}, dataset: name}
	for field, list := range ds.columns {
		h.names[field] = field
		for i, header := range list {
			h.names[sheet.Header(header)], h.rank[sheet.Header(header)] = field, i+1
		}
	}
	return h
}

// say takes in what a person says that headers mean.
func (h *headers) say(columns map[string]string) error {
	for header, field := range columns {
		name, known := h.names[sheet.Header(field)]
		if field != "" && !known {
			fields := slices.Sorted(maps.Keys(datasets[h.dataset].columns))
			return fault.New(fault.Invalid, "map.column", "列对应关系“"+sheet.Clip(header, 40)+"="+sheet.Clip(field, 40)+"”中没有“"+sheet.Clip(field, 40)+"”这个字段，应为："+strings.Join(fields, "、")+"。",
				"The mapping names a field that does not exist: "+sheet.Clip(field, 40)+". It is one of "+strings.Join(fields, ", ")+".")
		}
		h.said[sheet.Header(header)] = name
	}
	return nil
}

// resolve finds the field a folded header names and the unit it declares in
// brackets: 成交价(万元).
func (h *headers) resolve(header string) (field, unit string, ok bool) {
	name, rest, bracket := strings.Cut(header, "(")
	if field, ok = h.said[header]; ok {
		ok = field != ""
	} else if field, ok = h.vendor.Field[header]; ok {
		return field, "", true
	} else if field, ok = h.names[header]; ok {
		return field, "", true
	} else if bracket && !translated.MatchString(rest) {
		field, ok = h.names[name]
	}
	if ok && bracket && field == "amount" {
		unit = strings.TrimSuffix(rest, ")")
	}
	return field, unit, ok
}

// place is where a header stands among those of its field; a unit in brackets
// changes nothing, and what a person said comes first.
func (h *headers) place(header string) int {
	if _, said := h.said[header]; said {
		return -1
	}
	if i, ok := h.vendor.Rank[header]; ok {
		return i
	}
	if i, ok := h.rank[header]; ok {
		return len(h.vendor.Rank) + i
	}
	name, _, _ := strings.Cut(header, "(")
	return len(h.vendor.Rank) + len(h.rank) + h.rank[name]
}

// translated is what stands in the brackets of a header of a translation or of
// another form of a name: 标题(翻译) is not 标题.
var translated = regexp.MustCompile(`翻译|译|原文|其他|英|小语种|外文|释义|日文`)

// recognise tells whose table it is by its headers.
func (h *headers) recognise(list []string) {
	h.vendor, _ = connect.Recognise(list)
}

// set names a set of headers of a dataset: it is equal for files with the same
// ones.
func (h *headers) set(list []string) []byte {
	sum := sha256.New()
	io.WriteString(sum, "import "+h.dataset+"\n")
	for _, header := range slices.Sorted(slices.Values(list)) {
		io.WriteString(sum, header+"\n")
	}
	return sum.Sum(nil)
}

// recall adds what the institution said before of files with these headers, and
// reports whether it said anything. What is said now outranks it.
func (h *headers) recall(ctx context.Context, list []string) (bool, error) {
	if h.db == nil {
		return false, nil
	}
	before, err := h.db.ColumnMap(ctx, h.institution, h.set(list))
	for header, field := range before {
		if _, now := h.said[header]; !now {
			h.said[header] = field
		}
	}
	return len(before) > 0, err
}

// remember keeps what was said for the next file with these headers.
func (h *headers) remember(ctx context.Context, list []string, by string) error {
	if h.db == nil || len(h.said) == 0 {
		return nil
	}
	set := h.set(list)
	before, err := h.db.ColumnMap(ctx, h.institution, set)
	if err != nil || maps.Equal(before, h.said) {
		return err
	}
	return h.db.PutColumnMap(ctx, h.institution, set, h.said, by)
}

// guess finds the field one of whose headers shares the most pairs of
// characters with a header; below a half none is likely.
func (h *headers) guess(header string, taken map[string]string) (field string) {
	name, _, _ := strings.Cut(header, "(")
	best := 0.5
	for _, known := range slices.Sorted(maps.Keys(h.names)) {
		if _, used := taken[h.names[known]]; used {
			continue
		}
		if s := sheet.Alike(name, known); s > best {
			best, field = s, h.names[known]
		}
	}
	return field
}
