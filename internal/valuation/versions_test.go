package valuation

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"zhijia/internal/fault"
)

// What an earlier version concluded is concluded again to the byte; the
// fixture was written by the program of that time, with a model's votes that
// disagree.
func TestEarlierVersionsReplay(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/valuation-1.json")
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		Assignment Assignment      `json:"assignment"`
		Evidence   Evidence        `json:"evidence"`
		Conclusion json.RawMessage `json:"conclusion"`
	}
	if err := json.Unmarshal(raw, &record); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Compact(&want, record.Conclusion); err != nil {
		t.Fatal(err)
	}
	then, err := ConcludeBy("valuation/1", record.Assignment, record.Evidence, DefaultAssumptions())
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(then)
	if err != nil {
		t.Fatal(err)
	}
	// Keys are sorted on both sides: the fixture went through a map.
	if a, b := sorted(t, got), sorted(t, want.Bytes()); !bytes.Equal(a, b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
	now, err := Conclude(record.Assignment, record.Evidence, DefaultAssumptions())
	if err != nil {
		t.Fatal(err)
	}
	if now.Value.High/now.Value.Low <= then.Value.High/then.Value.Low {
		t.Error("disagreement does not widen the range")
	}
	if record.Evidence.Indicators[1].Dispersion == nil {
		t.Error("the evidence was changed")
	}
	if _, err := ConcludeBy("valuation/9", record.Assignment, record.Evidence, DefaultAssumptions()); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a version nobody knows: %v", err)
	}
}

func sorted(t *testing.T, raw []byte) []byte {
	t.Helper()
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
