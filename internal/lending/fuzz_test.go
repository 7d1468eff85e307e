package lending

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"testing"
)

// A policy or programme that is taken is taken again as it was written down,
// and decides a row without a panic.
func FuzzLoad(f *testing.F) {
	names, err := fs.Glob(shipped, "policies/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		b, err := shipped.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"id":"A","version":"1","name":"x","total":{"amount":1,"source":"s"},"hold_days":{"value":9,"source":"s"},"from":"2026-01-01"}`))
	f.Add([]byte(`{"caps":{"invention":{"value":1e999}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		again := func(v any, load func([]byte) (any, error)) {
			first, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			w, err := load(first)
			if err != nil {
				t.Fatalf("%s is refused the second time: %v", first, err)
			}
			if second, err := json.Marshal(w); err != nil || !bytes.Equal(first, second) {
				t.Fatalf("%s became %s", first, second)
			}
		}
		o := Options{Policy: open(.5, .5)}
		if p, err := LoadPolicy(b); err == nil {
			again(p, func(b []byte) (any, error) { return LoadPolicy(b) })
			o.Policy = p
		}
		v := clean(2, "甲公司", "C1", "CN1", 1000*wan)
		if g, err := LoadProgramme(b); err == nil {
			again(g, func(b []byte) (any, error) { return LoadProgramme(b) })
			o.Programmes, v.Row.Product = map[string]Programme{g.ID: g}, g.ID
		}
		Decide([]Valued{v}, o, today)
	})
}
