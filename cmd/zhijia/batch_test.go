package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhijia/internal/store/storetest"
)

const deskCSV = `序号,借款人名称,专利号/申请号,专利名称,专利类型,申请日,授权公告日,专利权人,共有人及同意(Y/N),年费缴至年度,质押/保全/无效/许可状态(as-of 日期),上年产品收入(万元),拟贷金额(万元),拟到期日,担保合同号,客户经理
1,甲公司,202010123456.2,一种锂离子电池正极材料,发明,2020-02-20,2022-05-04,甲公司,无,18,无 2026-11-01,1200,1,2099-10-31,DB-1,张三
2,=乙公司,202010123456.2,一种电池,发明,,,,,,,,60,2099-10-31,DB-2,张三
3,丙公司,202010123456.7,一种电池,发明,,,,,,,,60,2099-10-31,DB-2,张三
`

// A desk at its shell: template, run, the other commands, and what each says
// and returns when something is wrong.
func TestBatchCommands(t *testing.T) {
	t.Setenv("DATABASE_URL", storetest.URL(t))
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, content := range map[string]string{
		"a.csv": deskCSV, "unit.csv": "专利号,借款人,拟贷金额\n202010123456.2,甲,1\n", "empty.csv": "", "old.xls": "\xd0\xcf\x11\xe0", "b.csv": strings.ReplaceAll(deskCSV, "DB-", "DC-"),
	} {
		if err := os.WriteFile(path(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	call := func(args ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
		return code, out.String(), errs.String()
	}
	expect := func(code int, say string, args ...string) string {
		t.Helper()
		got, out, errs := call(args...)
		text := out
		if code != 0 {
			text = errs
		}
		if got != code || !strings.Contains(text, say) {
			t.Errorf("%v: exit %d, want %d and %q\n%s%s", args, got, code, say, out, errs)
		}
		return out
	}
	expect(0, "模板已写入", "batch", "template", "-o", path("t.xlsx"))
	expect(65, "file.format", "batch", "template", "-o", path("t.pdf"))
	expect(65, "file.empty", "batch", "run", path("t.xlsx"), "-o", path("o.xlsx")) // not filled in
	expect(66, "file.open", "batch", "run", path("none.csv"), "-o", path("o.xlsx"))
	expect(65, "unit.missing", "batch", "run", path("unit.csv"), "-o", path("o.xlsx"))
	expect(65, "file.empty", "batch", "run", path("empty.csv"), "-o", path("o.xlsx"))
	expect(65, "file.xls", "batch", "run", path("old.xls"), "-o", path("o.xlsx"))
	expect(65, "file.format", "batch", "run", path("a.csv"), "-o", path("o.pdf"))
	expect(65, "file.same", "batch", "run", path("a.csv"), "-o", path("a.csv"))
	expect(65, "file.create", "batch", "run", path("a.csv"), "-o", path("no/o.csv"))
	expect(65, "unit.contradiction", "batch", "run", path("a.csv"), "-o", path("o.csv"), "--unit", "元")
	expect(66, "policy.unknown", "batch", "run", path("a.csv"), "-o", path("o.csv"), "--policy", "NONE")
	expect(64, "--out", "batch", "run", path("a.csv"))
	if _, err := os.Stat(path("o.xlsx")); err == nil {
		t.Error("a refused file left a result")
	}

	said := expect(0, "3 行，已估值 1，数据有误 2", "batch", "run", path("a.csv"), "-o", path("o.csv"))
	for _, want := range []string{"第 3 行", "cell.formula", "第 4 行", "number.check_digit", "未读取的列：客户经理", "非资产评估报告"} {
		if !strings.Contains(said, want) {
			t.Errorf("the summary does not say %q:\n%s", want, said)
		}
	}
	first, err := os.ReadFile(path("o.csv"))
	if err != nil || !bytes.HasPrefix(first, []byte("\ufeff行号,")) || !bytes.Contains(first, []byte("按所填内容（库中无此专利）")) || !bytes.Contains(first, []byte("'=乙公司")) {
		t.Errorf("%v\n%s", err, first)
	}
	var summary struct {
		Batch   string
		Status  map[string]int
		Ignored []string `json:"ignored_columns"`
	}
	if err := json.Unmarshal([]byte(expect(0, "", "--json", "batch", "run", path("a.csv"), "-o", path("o2.csv"))), &summary); err != nil || summary.Status["done"] != 1 || len(summary.Ignored) != 1 {
		t.Errorf("%+v %v", summary, err)
	}
	if second, err := os.ReadFile(path("o2.csv")); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the second run wrote other bytes: %v", err)
	}
	expect(0, summary.Batch, "batch", "list")
	expect(0, "已完成", "batch", "status", summary.Batch)
	expect(0, "number.check_digit", "batch", "rows", summary.Batch, "--status", "refused")
	expect(0, "已完成", "batch", "result", summary.Batch, "-o", path("o.xlsx"))
	expect(0, "已完成", "batch", "retry", summary.Batch) // nothing failed
	expect(65, "batch.status", "batch", "cancel", summary.Batch)
	expect(66, "batch.unknown", "batch", "status", "bat_none")

	var submitted struct{ Batch struct{ ID string } }
	if err := json.Unmarshal([]byte(expect(0, "", "--json", "batch", "submit", path("b.csv"))), &submitted); err != nil {
		t.Fatal(err)
	}
	id := submitted.Batch.ID
	expect(0, "沿用该批次", "batch", "submit", path("b.csv"))
	expect(65, "batch.unfinished", "batch", "result", id, "-o", path("o.xlsx"))
	expect(0, "已取消", "batch", "cancel", id)
	expect(65, "batch resume "+id, "batch", "run", path("b.csv"), "-o", path("o3.csv"))
	expect(0, "进行中", "batch", "resume", id)
	expect(0, "已估值 1", "batch", "run", path("b.csv"), "-o", path("o3.csv"))
}
