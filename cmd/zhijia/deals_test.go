package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const saleNotice = "青山大学关于一件专利转让的公示\n\n青山大学拟将发明专利“一种泵”（ZL202110345678.3）转让给海川科技有限公司，转让价格6.8万元。\n\n青山大学科技处\n2023年5月8日\n"

// A folder is read whole; every quote is word for word at its offset in the
// text; what cannot be read is named and does not stop the rest.
func TestDealsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("a.txt", saleNotice)
	file("b.pdf", "%PDF-1.7\n")
	ledger := filepath.Join(t.TempDir(), "ledger.csv")
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"deals", "read", dir, "--json", "--out", ledger}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	var rows []map[string]any
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != 1 {
		t.Fatalf("%v: %s", err, out.String())
	}
	for field, want := range map[string]any{"amount": 68000.0, "price_kind": "total", "deal_kind": "assignment", "seller": "青山大学", "buyer": "海川科技有限公司", "date": "2023-05-08", "status": "proposed", "waits": false} {
		if rows[0][field] != want {
			t.Errorf("%s: %v, want %v", field, rows[0][field], want)
		}
	}
	quote := rows[0]["quotes"].(map[string]any)["amount"].([]any)[0].(map[string]any)
	if at := int(quote["start"].(float64)); saleNotice[at:at+len("6.8万元")] != "6.8万元" || quote["text"] != "6.8万元" {
		t.Errorf("quote %v", quote)
	}
	if !strings.Contains(errs.String(), "b.pdf") || !strings.Contains(errs.String(), "PDF") {
		t.Errorf("the file that was not read is not named: %s", errs.String())
	}
	if data, err := os.ReadFile(ledger); err != nil || !strings.Contains(string(data), "68000,CNY,total,assignment") {
		t.Errorf("%v: %s", err, data)
	}
	out.Reset()
	if code := run(context.Background(), []string{"deals", "read", filepath.Join(dir, "b.pdf")}, strings.NewReader(""), &out, &errs); code == 0 {
		t.Error("nothing could be read and the exit code is 0")
	}
	out.Reset()
	if code := run(context.Background(), []string{"deals", "read", "-"}, strings.NewReader(saleNotice), &out, &errs); code != 0 || !strings.Contains(out.String(), "6.8万元") {
		t.Errorf("exit %d: %s", code, out.String())
	}
}
