package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/store/storetest"
)

// What leaves the house for a supplier holds no secret, no text and no name;
// the validation pack holds every file it lists, and its sensitivity moves.
func TestSupportBundleAndValidationPack(t *testing.T) {
	address := storetest.URL(t)
	t.Setenv("DATABASE_URL", address)
	t.Setenv("ZHIJIA_OPS_KEY", "opskey:opssecret")
	t.Setenv("ZHIJIA_WEBHOOK_KEY", "webhooksecret")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	call := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != want {
			t.Fatalf("%v: exit %d\n%s%s", args, code, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	deals := "标的名称,成交价(万元),日期,IPC分类号,交易方式\n"
	for i := range 12 {
		deals += "一种泵," + string(rune('1'+i%9)) + "5,2020-0" + string(rune('1'+i%9)) + "-11,F04D 29/22,转让\n"
	}
	write := func(name, text string) string {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	call(0, "ingest", "patents", write("p.csv", "专利号,专利名称,摘要,IPC分类号,申请日,专利权人\n202010123456.2,绝密的叶轮,后倾,F04D 29/22,2020-02-24,某某泵业\n"))
	call(0, "ingest", "transactions", write("d.csv", deals))
	call(0, "value", "202010123456.2", "--purpose", "pledge", "--as-of", "2026-01-02")
	log := `{"time":"t","level":"INFO","msg":"request","route":"POST /v1/valuations","status":500,"ms":3,"actor":"张三","error":"绝密的叶轮","key_id":"k1"}` + "\nnot json 张三\n"
	call(0, "support", "-o", at("s.zip"), "--log", write("log", log), "--metrics", "http://127.0.0.1:1/metrics")
	files := unzip(t, at("s.zip"))
	var all strings.Builder
	for name, body := range files {
		all.WriteString(name + "\n" + body)
	}
	for _, secret := range []string{"opssecret", "opskey", "webhooksecret", "绝密的叶轮", "某某泵业", "张三", "k1\"", "202010123456"} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("the bundle holds %q", secret)
		}
	}
	for _, want := range []string{`"source-ops-key"`, "ZHIJIA_OPS_KEY", `"patents": 1`, "server_version", `"route":"POST /v1/valuations"`, `"status":500`, `"lines_left_out":1`} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the bundle lacks %q", want)
		}
	}
	if told := call(65, "support", "-o", at("s.zip")); !strings.Contains(told, "file.create") {
		t.Errorf("over a file that is there: %s", told)
	}

	call(0, "validate", "-o", at("v.zip"), "--sample", "1")
	files = unzip(t, at("v.zip"))
	var m struct {
		Files                     map[string]string
		Figures, NoSource, Moving int
		Measured                  int `json:"valuations_measured"`
		Move                      int `json:"figures_that_move_a_value"`
	}
	if err := json.Unmarshal([]byte(files["manifest.json"]), &m); err != nil || m.Figures < 20 || m.Measured != 1 || m.Move < 1 || len(m.Files) != len(files)-1 {
		t.Errorf("%+v %v; %d files", m, err, len(files))
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(files["3-sensitivity.csv"], "\ufeff"))).ReadAll()
	if err != nil || len(rows) != m.Figures+1 || slices.Contains(rows[1:][0], "") {
		t.Errorf("%v %v", rows[:min(3, len(rows))], err)
	}
	for _, name := range []string{"README.md", "1-lineage.json", "2-assumptions.json", "4-benchmarks.csv", "5-known-failures.csv", "5-drift-of-own-deals.json", "6-overrides.json"} {
		if files[name] == "" {
			t.Errorf("the pack lacks %s", name)
		}
	}
}

func unzip(t *testing.T, name string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		out[f.Name] = string(body)
	}
	return out
}
