package harness

import (
	"bytes"
	"testing"

	"zhijia/eval"
	"zhijia/internal/fault"
)

// What a parser takes in, it takes in wholly or refuses as invalid; it never
// panics and never blames the program.

func FuzzReadDeals(f *testing.F) {
	if raw, err := eval.FS.ReadFile("datasets/deals.csv"); err == nil {
		f.Add(raw[:2000])
	}
	f.Add([]byte("id,price,date,n_patents\nA,1,2020-01-01,1\n"))
	f.Add([]byte("编号,成交价（万元）,成交日期,件数\nA,1.5,2020,2\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		deals, err := readDeals(bytes.NewReader(raw), "own.csv")
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, d := range deals {
			if d.isCase() && (d.Amount == nil || !(d.price() > 0) || d.Patents == nil) {
				t.Fatalf("a case without a price: %+v", d)
			}
		}
	})
}

func FuzzReadDocuments(f *testing.F) {
	f.Add([]byte(`{"id":"a","title":"t","labels":["x"]}` + "\n" + `{"id":"b","title":"u","labels":["x"]}`))
	f.Add([]byte("title,ipc_subclasses\na,H01M|H02J\nb,H01M\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		set, err := readDocuments(raw, Task{})
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, d := range set.docs {
			if d.text == "" || d.query == "" {
				t.Fatalf("a document without a text: %+v", d)
			}
		}
	})
}

func FuzzParseTask(f *testing.F) {
	if raw, err := eval.FS.ReadFile("tasks/price-leave-one-out.yaml"); err == nil {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := parseTask(raw); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatalf("%v", err)
		}
	})
}
