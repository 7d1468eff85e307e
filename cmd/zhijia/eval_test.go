package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

func command(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// Table 1-4 of the IAAO Standard on Ratio Studies through the command line,
// with a byte order mark, another order of columns and one more column.
func TestStatsRatioCommand(t *testing.T) {
	t.Parallel()
	estimate := []float64{87200, 38240, 96320, 68610, 32960, 50560, 61360, 47360, 56580, 47040, 136000, 98000, 56000, 159100, 128000, 132000, 160000}
	price := []float64{138720, 59700, 146400, 99000, 47400, 70500, 78000, 60000, 69000, 55500, 154500, 109500, 60000, 168000, 124500, 127500, 150000}
	var b strings.Builder
	b.WriteString("\ufeffid,Price,estimate\r\n")
	for i := range price {
		fmt.Fprintf(&b, "x%d,%g,%g\r\n", i, price[i], estimate[i])
	}
	code, out, errs := command(t, b.String(), "eval", "stats", "ratio", "--json", "--iterations", "500")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]float64{
		"n": 17, "median_ratio": 0.82, "mean_ratio": 0.8271676458910722, "weighted_mean_ratio": 0.846998638125502, "cod": 14.523802339880445,
		"prd": 0.976586748382125, "prb": 0.13549027502955294, "mki": 1.1402046014431084, "ki": 0.03130972774935137, "iterations": 500,
	} {
		if got, ok := doc[key].(float64); !ok || math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Errorf("%s = %v, want %v", key, doc[key], want)
		}
	}
	for _, key := range []string{"median_ratio_ci", "mean_ratio_ci", "weighted_mean_ratio_ci", "cod_ci", "prd_ci", "prb_ci", "mki_ci", "ki_ci"} {
		ci, ok := doc[key].([]any)
		if !ok || len(ci) != 2 {
			t.Fatalf("%s = %v", key, doc[key])
		}
		value := doc[strings.TrimSuffix(key, "_ci")].(float64)
		if lo, hi := ci[0].(float64), ci[1].(float64); lo > value || hi < value {
			t.Errorf("%s = %v does not hold %v", key, ci, value)
		}
	}
	if doc["vei"] != nil || doc["vei_ci"] != nil || doc["vei_reason"] == "" {
		t.Errorf("VEI of 17 samples: %v, %v", doc["vei"], doc["vei_reason"])
	}
}

func TestStatsRefusesWhatHasNoAnswer(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"nothing": "", "header only": "estimate,price\n", "one": "estimate,price\n1,2\n", "NaN": "estimate,price\n1,2\nNaN,2\n",
		"infinite": "estimate,price\n1,2\n3,+Inf\n", "zero": "estimate,price\n1,2\n0,2\n", "negative": "estimate,price\n1,2\n-3,2\n",
		"no column": "a,b\n1,2\n1,2\n", "short row": "estimate,price\n1,2\n3\n", "a word": "estimate,price\n1,2\n3,dear\n", "empty cell": "estimate,price\n1,2\n3,\n",
	} {
		code, out, errs := command(t, in, "eval", "stats", "ratio", "--json")
		if code != 65 || out != "" || !strings.Contains(errs, `"code"`) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", name, code, out, errs)
		}
	}
	if code, _, _ := command(t, "", "eval", "stats", "ratio", filepath.Join(t.TempDir(), "absent.csv")); code != 66 {
		t.Errorf("absent file: exit %d", code)
	}
}

func TestEvalListAndRegistryRun(t *testing.T) {
	t.Parallel()
	if code, out, errs := command(t, "", "eval", "list"); code != 0 || !strings.Contains(out, "price-out-of-time") {
		t.Fatalf("list: exit %d %s %s", code, out, errs)
	}
	dir := t.TempDir()
	var ids []string
	for range 2 {
		code, out, errs := command(t, "", "eval", "run", "registry-accuracy", "--json", "--runs", dir)
		if code != 0 {
			t.Fatalf("run: exit %d %s", code, errs)
		}
		var doc struct{ ID, Status string }
		if err := json.Unmarshal([]byte(out), &doc); err != nil || doc.Status != "finished" {
			t.Fatalf("%v: %s", err, out)
		}
		ids = append(ids, doc.ID)
	}
	if code, out, errs := command(t, "", "eval", "compare", ids[0], ids[1], "--runs", dir, "--fail-on", "worse"); code != 0 || !strings.Contains(out, "no case moved") {
		t.Errorf("compare: exit %d %s %s", code, out, errs)
	}
	if code, out, errs := command(t, "", "eval", "gate", "registry-accuracy", "--runs", dir); code != 0 || !strings.Contains(out, "pass") {
		t.Errorf("gate: exit %d %s %s", code, out, errs)
	}
	if code, _, _ := command(t, "", "eval", "run", "nope", "--runs", dir); code != 66 {
		t.Errorf("unknown task: exit %d", code)
	}
}
