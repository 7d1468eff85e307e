package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"zhijia/internal/pool"
)

func poolRun(t *testing.T, want int, args ...string) (string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(context.Background(), append([]string{"pool"}, args...), strings.NewReader(""), &out, &errs); code != want {
		t.Fatalf("pool %v: exit %d, want %d\n%s%s", args, code, want, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// An arranger's afternoon, on files alone.
func TestPoolCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	poolRun(t, 0, "example", "-o", at("deal.xlsx"))
	poolRun(t, 0, "template", "-o", at("template.xlsx"))
	if out, _ := poolRun(t, 0, "test", at("deal.xlsx")); !strings.Contains(out, "不通过0，豁免0，无法判断0") || !strings.Contains(out, pool.ExampleLabel) {
		t.Errorf("test: %s", out)
	}
	for _, c := range [][]string{
		{"stats", at("deal.xlsx")},
		{"cashflow", at("deal.xlsx"), "--default", "0.1"},
		{"size", at("deal.xlsx"), "--default", "0.1", "--sdr", "0.2", "--source", "测试"},
		{"stress", at("deal.xlsx")},
		{"build", at("deal.xlsx"), "--max-principal", "8000", "-o", at("built.json")},
		{"notice", at("deal.xlsx"), "--kind", "litigation", "--date", "2026-11-20", "-o", at("notice.html")},
		{"annex", at("deal.xlsx"), "-o", at("annex.html")},
		{"annex", at("deal.xlsx"), "-o", at("annex.xlsx"), "--no-stress"},
		{"test", at("built.json")},
	} {
		poolRun(t, 0, c...)
	}

	// The same simulation twice, on JSON and XLSX.
	poolRun(t, 0, "example", "-o", at("deal.json"))
	a, _ := poolRun(t, 0, "simulate", at("deal.xlsx"), "-n", "7000", "--target", "甲=0.01@测试口径")
	b, _ := poolRun(t, 0, "simulate", at("deal.json"), "-n", "7000", "--target", "甲=0.01@测试口径")
	if a != b || !strings.Contains(a, "弱链接提示") || !strings.Contains(a, "缓冲") {
		t.Errorf("%s\n%s", a, b)
	}
	poolRun(t, 65, "simulate", at("deal.json"), "--target", "甲=0.01")

	// A pool that fails says so in its exit code.
	d := pool.Example(1)
	d.Facts.CashRoute = "commingled"
	var doc bytes.Buffer
	if err := json.NewEncoder(&doc).Encode(d); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("bad.json"), doc.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _ := poolRun(t, 65, "test", at("bad.json")); !strings.Contains(out, "不通过1") {
		t.Errorf("bad: %s", out)
	}

	// The loop: everybody paid but one, who paid elsewhere.
	lines := [][]string{{"流水号", "日期", "账户", "对方", "对方账户", "方向", "金额", "附言"}}
	for i, e := range d.ExpectedReceipts(d.CutOff, d.PayDate(0)) {
		account := "6222"
		if i == 3 {
			account = "9999"
		}
		lines = append(lines, []string{e.ID, e.Due.String(), account, e.Payer, "", "收", e.Amount.String(), ""})
	}
	var bank bytes.Buffer
	for _, l := range lines {
		bank.WriteString(strings.Join(l, ",") + "\n")
	}
	if err := os.WriteFile(at("bank.csv"), bank.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	loop := []string{"--bank", at("bank.csv"), "--plan", "6222"}
	out, _ := poolRun(t, 65, append([]string{"reconcile", at("deal.json"), "--from", "2026-12-01", "--to", "2027-02-20"}, loop...)...)
	if strings.Count(out, "matched") != 16 || strings.Count(out, "leaked") != 1 || strings.Count(out, "missing") != 1 {
		t.Errorf("reconcile: %s", out)
	}
	poolRun(t, 0, append([]string{"report", at("deal.json"), "--period", "1", "-o", at("report.html")}, loop...)...)
	page, err := os.ReadFile(at("report.html"))
	if err != nil || !bytes.Contains(page, []byte("未闭环")) {
		t.Errorf("report: %v", err)
	}

	// A directory of CSV files is the same deal.
	book, err := excelize.OpenFile(at("deal.xlsx"))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if err := os.Mkdir(at("csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	for sheet, stem := range map[string]string{"交易": "deal", "债务人": "obligors", "应收债权": "assets", "知识产权": "patents", "证券": "证券", "增信": "supports"} {
		rows, err := book.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at("csv"), stem+".csv"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fromCSV, _ := poolRun(t, 0, "stats", at("csv"))
	fromBook, _ := poolRun(t, 0, "stats", at("deal.xlsx"))
	if fromCSV != fromBook {
		t.Errorf("%s\n%s", fromCSV, fromBook)
	}
}
