package intake

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"zhijia/internal/appraisal"
	"zhijia/internal/deskfile/exporttest"
)

// Vendors' exports and the patent office's lists are taken in as they are: no
// row of the fourteen is rejected but for a broken character.
func TestExportsTakenIn(t *testing.T) {
	t.Parallel()
	take := func(name string, body []byte) Report {
		t.Helper()
		rep, err := Run(t.Context(), nil, nil, appraisal.Actor{Name: "test", Institution: "default"}, "patents", name, bytes.NewReader(body), Options{DryRun: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return rep
	}
	for _, f := range exporttest.Files() {
		if f.Borrowers {
			continue // a desk's list, not a corpus
		}
		if rep := take(f.Name, f.Body); rep.Accepted != int64(len(f.Rows)) || rep.Rejected != int64(f.Broken) {
			t.Errorf("%s: %d taken and %d rejected of %d: %+v", f.Shape, rep.Accepted, rep.Rejected, len(f.Rows), rep.Rejects[:min(len(rep.Rejects), 2)])
		}
	}
	dir := "../../../shared/data/connect"
	for _, name := range []string{"incopat.csv", "incopat.xlsx", "patsnap.csv", "patsnap.xlsx", "innojoy.csv", "cnipa_pss.csv", "google_patents.csv", "lens_export.csv"} {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			t.Log("the shared samples are not here")
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if rep := take(name, body); rep.Accepted != 5 || rep.Rejected != 0 {
			t.Errorf("%s: %d taken, %d rejected: %+v", name, rep.Accepted, rep.Rejected, rep.Rejects[:min(len(rep.Rejects), 2)])
		}
	}
}
