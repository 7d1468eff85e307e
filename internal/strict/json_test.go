package strict

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		`{}`:                          nil,
		`[]`:                          nil,
		`1`:                           nil,
		` {"a":[{"a":1},{"a":2}]} `:   nil,
		`{"a":{"b":"b"},"b":"a"}`:     nil,
		`{"a":"a","b":["a","b","a"]}`: nil,
		`{"a":1,"a":2}`:               ErrDuplicate,
		`{"x":{"a":1,"b":[],"a":{}}}`: ErrDuplicate,
		`{"a":{},"a":{}}`:             ErrDuplicate,
		`{"a":1,"\u0061":2}`:          ErrDuplicate,
		`{"a":1`:                      ErrSyntax,
		``:                            ErrSyntax,
		`{"a":}`:                      ErrSyntax,
		`{a:1}`:                       ErrSyntax,
		`NaN`:                         ErrSyntax,
		"{\"a\":\"\x80\"}":            ErrEncoding,
		`{} {}`:                       ErrTrailing,
		`{}x`:                         ErrTrailing,
		strings.Repeat("[", 33):       ErrDepth,
		strings.Repeat(`{"a":`, 40):   ErrDepth,
		strings.Repeat("[", 900_000):  ErrDepth,
		"\xef\xbb\xbf{}":              ErrSyntax,

		"[" + strings.Repeat("1,", maxValues) + "1]":       ErrMany,
		"[" + strings.Repeat("{},", maxObjects+1) + "1]":   ErrMany,
		`["` + strings.Repeat(`{,\"`, maxObjects+1) + `"]`: nil,
		"{\"a\":\"\u0000\"}":                               ErrSyntax,
		`{"a":1,"b":{"a":1},"c":"a"}`:                      nil,
		`{"a":"b","c":"b","d":{"e":1}}`:                    nil,
	} {
		if err := Check([]byte(body)); !errors.Is(err, want) {
			t.Errorf("%.60q: %v, want %v", body, err, want)
		}
	}
}

// Whatever strictJSON accepts, encoding/json accepts, and decoding into a map
// loses no key.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"a":1,"a":2}`, `[[{"a":{}}]]`, `"x"`, `{"a":[1,2,{"b":null}],"c":true}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if Check(data) != nil {
			return
		}
		if !utf8.Valid(data) {
			t.Fatal("accepted bytes that are not UTF-8")
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatalf("accepted %q: %v", data, err)
		}
	})
}

// What encoding/json takes for one field is one field: a second spelling of a
// name is refused wherever it stands.
func TestNoFieldTwiceInAnyCase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zA-Z_][a-zA-Z0-9_\x{017f}\x{212a}]{0,8}`).Draw(t, "name")
		other := strings.Map(func(r rune) rune {
			for range rapid.IntRange(0, 3).Draw(t, "fold") {
				r = unicode.SimpleFold(r)
			}
			return r
		}, name)
		doc, err := json.Marshal(map[string]any{"outer": []any{map[string]any{name: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		twice := strings.Replace(string(doc), `":1}`, `":1,"`+other+`":2}`, 1)
		if err := Check(doc); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if err := Check([]byte(twice)); !errors.Is(err, ErrDuplicate) {
			t.Fatalf("%s: %v", twice, err)
		}
	})
}
