package productfile_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"zhijia/internal/fault"
	"zhijia/internal/fund"
	"zhijia/internal/insurance"
	"zhijia/internal/lease"
	"zhijia/internal/listing"
	"zhijia/internal/mark"
	"zhijia/internal/money"
	"zhijia/internal/productfile"
)

// Every example comes back the same through JSON, a workbook and CSV files.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(3) {
		for name, in := range map[string]any{"lease": lease.Example(seed), "fund": fund.Example(seed), "mark": mark.Example(seed), "gi": mark.GIExample(seed), "insurance": insurance.Example(seed), "listing": listing.Example(seed)} {
			for _, ending := range []string{".json", ".xlsx", ".zip"} {
				var b bytes.Buffer
				if err := productfile.Write(&b, name+ending, in, "", false); err != nil {
					t.Fatal(name, ending, err)
				}
				back := reflect.New(reflect.TypeOf(in))
				if err := productfile.Read(&b, name+ending, back.Interface()); err != nil {
					t.Fatalf("%s%s: %v", name, ending, err)
				}
				if !reflect.DeepEqual(in, back.Elem().Interface()) {
					t.Errorf("%s%s:\n%+v\n%+v", name, ending, in, back.Elem().Interface())
				}
			}
		}
	}
}

// One CSV of the objects, with the basics in columns of their own, units and Chinese
// words as people write them.
func TestOneCSV(t *testing.T) {
	text := "专利号,估值(万元),已质押,基准日,出租人名称,出租人类型,承租人名称,租赁方式,购买价款,租赁年利率,起租日,期数,每期月数,租金计算方法\n" +
		"ZL200810027800.7,600,否,2026-11-28,甲租赁,融资租赁公司,乙公司,售后回租,500万元,4.35%,2026/12/1,12,3,等额本息\n" +
		"ZL201710601862.3,300,未知,,,,,,,,,,,\n"
	var in lease.Input
	if err := productfile.Read(strings.NewReader(text), "x.csv", &in); err != nil {
		t.Fatal(err)
	}
	if in.Price != 500*money.Fen(money.Wan) || *in.Rate != 0.0435 || len(in.Objects) != 2 || *in.Objects[0].Value != 600*money.Fen(money.Wan) || in.Method != lease.AnnuityArrears || in.Lessor.Kind != lease.LeasingCompany {
		t.Errorf("%+v", in)
	}
	if _, err := lease.Decide(in); err != nil {
		t.Error(err)
	}
}

func TestBadTables(t *testing.T) {
	head := "专利号,估值,已质押,购买价款\n"
	for i, c := range []struct{ text, code string }{
		{"", "file.empty"},
		{"专利号,颜色\nA,红\n", "product.column"},
		{"专利号,专利号\nA,B\n", "product.twice"},
		{head + "A,一百,否,1\n", "product.cell"},
		{head + "A,1.234,否,1\n", "product.cell"},
		{head + "A,1,也许,1\n", "product.cell"},
		{head + "A,1,否,1\nB,1,否,2\n", "product.differs"},
		{head + "A,1,否,1,多\n", "product.cells"},
		{`{"price":"abc"}`, "product.json"},
		{`{"pricee":1}`, "product.field_unknown"},
		{`{"price":1,"Price":2}`, "json.duplicate_key"},
		{`{"price":`, "json.syntax"},
	} {
		var in lease.Input
		if err := productfile.Read(strings.NewReader(c.text), "x", &in); err == nil || fault.Public(err).Code != c.code {
			t.Errorf("%d: %s: %v", i, c.code, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("专利号,估值\nA,1\n")
	f.Add(`{"price":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		var in fund.Input
		if err := productfile.Read(strings.NewReader(text), "x", &in); err == nil {
			_ = fmt.Sprint(in)
		}
	})
}
