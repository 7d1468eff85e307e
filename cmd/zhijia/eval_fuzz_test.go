package main

import (
	"bytes"
	"testing"

	"zhijia/internal/fault"
)

func FuzzReadColumns(f *testing.F) {
	f.Add([]byte("estimate,price\n1,2\n"))
	f.Add([]byte("\ufeffPrice, Estimate ,x\n1,2,3\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, err := readColumns(bytes.NewReader(raw), []string{"estimate", "price"}, nil)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(table.numbers[0]) != len(table.numbers[1]) {
			t.Fatal("columns of unequal length")
		}
	})
}
