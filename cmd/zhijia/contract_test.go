package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/store/storetest"
)

var updateContract = flag.Bool("update-contract", false, "write testdata/contract anew; a line that disappears is a break and needs a decision record")

// TestContract pins what others build on: fields of --json answers, columns of
// results, names of methods, tasks, series and figures. Every recorded name
// must still be there; a new one is free.
func TestContract(t *testing.T) {
	t.Setenv("DATABASE_URL", storetest.URL(t))
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) string {
		t.Helper()
		if err := os.WriteFile(path(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path(name)
	}
	call := func(stdin string, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(context.Background(), args, strings.NewReader(stdin), &out, &errs); code != 0 {
			t.Fatalf("%v: exit %d\n%s", args, code, errs.String())
		}
		return out.String()
	}

	call("", "demo")
	pinned(t, "value", jsonPaths(t, call(contractRequest, "value", "--request", "-", "--json")))

	call("", "batch", "run", write("in.csv", deskCSV), "-o", path("out.csv"), "--as-of", "2026-11-01")
	results, err := os.ReadFile(path("out.csv"))
	if err != nil {
		t.Fatal(err)
	}
	header, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(results, []byte("\xef\xbb\xbf")))).Read()
	if err != nil {
		t.Fatal(err)
	}
	pinned(t, "batch-columns", header)

	var methods []struct {
		Method string
		Inputs []struct{ Name string }
	}
	decodeInto(t, call("", "compute", "--list", "--json"), &methods)
	var names []string
	for _, m := range methods {
		for _, in := range m.Inputs {
			names = append(names, m.Method+" "+in.Name)
		}
	}
	pinned(t, "compute-inputs", names)
	pinned(t, "compute", jsonPaths(t, call(`{"revenue":[100,110],"royalty_rate":0.05,"discount_rate":0.15,"tax_rate":0.25}`,
		"compute", "relief_from_royalty", "--json")))

	pinned(t, "registry-check", jsonPaths(t, call("ZL201310543019.6\n201310543019.7\nCN102345678A\nxx\n", "registry", "check", "--json")))
	pinned(t, "prompts-list", jsonPaths(t, call("", "prompts", "list", "--json")))
	pinned(t, "ingest-dry-run", jsonPaths(t, call("", "ingest", "patents", "--dry-run", "--json",
		write("p.csv", "number,title,owner,unheard\n202010123456.2,一种电池,甲公司,1\n202010123456.7,一种电池,甲公司,1\n"))))

	columns := "estimate,price,low,high,x,y,a,b\n"
	for _, row := range []string{
		"10,12,5,20,1,2,0,1", "20,18,9,40,2,1,1,1", "30,33,20,45,3,4,2,2", "25,20,22,60,4,3,1,0", "70,75,40,99,5,6,2,2",
		"44,41,30,60,6,5,0,0", "15,19,8,30,7,8,1,2", "90,80,60,140,8,7,2,1",
	} {
		columns += row + "\n"
	}
	for _, s := range []string{"ratio", "error", "interval", "rank", "agreement", "compare"} {
		pinned(t, "eval-stats-"+s, jsonPaths(t, call("", "eval", "stats", s, write("s.csv", columns), "--json")))
	}
	pinned(t, "eval-run", jsonPaths(t, call("", "eval", "run", "registry-accuracy", "--runs", path("runs"), "--json")))
	pinned(t, "eval-tasks", strings.Fields(strings.Join(columnOf(call("", "eval", "list", "--json"), t, "name"), "\n")))
}

// contractRequest gives every kind of fact a request may hold.
const contractRequest = `{
  "text": {"title": "一种锂离子电池正极材料及其制备方法", "abstract": "本发明公开了一种正极材料。", "claims": "1. 一种正极材料，其特征在于包覆。"},
  "patent": {"kind": "invention", "filing_date": "2020-02-20", "ipc": ["H01M 4/36"], "owner_type": "firm"},
  "purpose": "assignment", "valuation_date": "2026-11-01",
  "income": {"revenue_current": {"low": 8e6, "mode": 10e6, "high": 12e6}, "revenue_growth": 0.05, "royalty_rate": 0.04, "discount_rate": 0.18, "tax_rate": 0.25},
  "cost": {"replacement": 300000}
}`

// pinned compares names with the recorded ones, which must all be among them.
func pinned(t *testing.T, name string, got []string) {
	t.Helper()
	slices.Sort(got)
	got = slices.Compact(got)
	file := filepath.Join("testdata", "contract", name+".txt")
	if *updateContract {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(want)) {
		if line = strings.TrimSuffix(line, "\n"); !slices.Contains(got, line) {
			t.Errorf("%s: %q is gone", name, line)
		}
	}
}

// jsonPaths lists the paths of every value in a JSON text or in JSON lines.
func jsonPaths(t *testing.T, text string) []string {
	t.Helper()
	var out []string
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(strings.TrimPrefix(at+"."+k, "."), x)
			}
		case []any:
			for _, x := range v {
				walk(at+"[]", x)
			}
		default:
			out = append(out, at)
		}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	for dec.More() {
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("not JSON: %v\n%s", err, text)
		}
		walk("", v)
	}
	return out
}

func decodeInto(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

func columnOf(text string, t *testing.T, field string) []string {
	t.Helper()
	var rows []map[string]any
	decodeInto(t, text, &rows)
	var out []string
	for _, r := range rows {
		s, _ := r[field].(string)
		out = append(out, s)
	}
	return out
}
