package valuation

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"zhijia/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// What this version concluded is concluded again to the byte: the fixture's
// evidence has deals, an income, and a model's votes that disagree.
func TestVersionReplays(t *testing.T) {
	t.Parallel()
	const file = "testdata/valuation-6.json"
	var record struct {
		Assignment Assignment      `json:"assignment"`
		Evidence   Evidence        `json:"evidence"`
		Conclusion json.RawMessage `json:"conclusion"`
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &record); err != nil {
		t.Fatal(err)
	}
	before, _ := json.Marshal(record.Evidence)
	then, err := ConcludeBy(ModelVersion, record.Assignment, record.Evidence, DefaultAssumptions())
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(then)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		record.Conclusion = got
		raw, err := json.MarshalIndent(record, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var want bytes.Buffer
	if err := json.Compact(&want, record.Conclusion); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not concluded again; run with -update, read the difference, and change the version when a value moved", file)
	}
	if after, _ := json.Marshal(record.Evidence); !bytes.Equal(before, after) {
		t.Error("the evidence was changed")
	}
	if _, err := ConcludeBy("valuation/9", record.Assignment, record.Evidence, DefaultAssumptions()); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a version nobody knows: %v", err)
	}
}
