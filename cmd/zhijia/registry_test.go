package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhijia/internal/patent"
)

func checkLines(t testing.TB, text string, args ...string) []string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(context.Background(), append([]string{"registry", "check"}, args...), strings.NewReader(text), &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// Programs rely on it: one object a line, in step with the input, with these
// fields always there.
func TestRegistryCheckJSON(t *testing.T) {
	t.Parallel()
	cases := []struct {
		in, normal, kind, code, about string
	}{
		{"ZL 2017 1 0601862.3", "CN201710601862.3", "invention", "", ""},
		{"ＣＮ９５１１５６０８．ｘ", "CN95115608.X", "invention", "", ""},
		{"CN215771194U", "CN215771194U", "utility_model", "", ""},
		{"PCT/CN2019/123456", "PCT/CN2019/123456", "", "", ""},
		{"WO 2019/123456 A1", "WO2019123456A1", "", "", ""},
		{"", "", "", "number.empty", "空"},
		{"202010123456.7", "", "", "number.check_digit", "202010123456.2"},
		{"201710601862", "", "", "number.check_digit_missing", "201710601862.3"},
		{"209910601862." + string(patent.CheckDigit("209910601862")), "", "", "number.year", "2099"},
		{"<script>\"\\\x00\xff", "", "", "number.characters", "字符"},
		{strings.Repeat("9", 1<<20), "", "", "number.too_long", "过长"},
		{"  CN1329838A \r", "CN1329838A", "invention", "", ""},
	}
	var text strings.Builder
	for _, c := range cases {
		text.WriteString(c.in + "\n")
	}
	lines := checkLines(t, "\ufeff"+text.String(), "--json")
	if len(lines) != len(cases) {
		t.Fatalf("%d lines for %d numbers", len(lines), len(cases))
	}
	for i, c := range cases {
		var got map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		for _, field := range []string{"input", "valid", "normal", "kind", "reason"} {
			if _, ok := got[field]; !ok {
				t.Errorf("%.40q: no %s in %s", c.in, field, lines[i])
			}
		}
		if got["valid"] != (c.code == "") || got["normal"] != c.normal || got["kind"] != c.kind || !strings.Contains(got["reason"].(string), c.about) {
			t.Errorf("%.40q: %.300s", c.in, lines[i])
		}
		if code, _ := got["code"].(string); code != c.code {
			t.Errorf("%.40q: code %q, want %q", c.in, code, c.code)
		}
	}
	if lines := checkLines(t, "", "--json"); len(lines) != 1 || lines[0] != "" {
		t.Errorf("no input gives %q", lines)
	}
	if lines := checkLines(t, "201710601862.3\n\nx", "--json"); len(lines) != 3 {
		t.Errorf("a last line without its end: %q", lines)
	}
}

// Whatever the bytes, there is one object a line of input.
func FuzzRegistryCheck(f *testing.F) {
	for _, s := range []string{"201710601862.3\r\n\n x", "\ufeff专利号：95115608.×\n", "\xff\xfe\x00\n\u2028\n", "a|b\n\"\\\n", "2.0E+11"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var out, errs bytes.Buffer
		if code := run(context.Background(), []string{"registry", "check", "--json"}, strings.NewReader(text), &out, &errs); code != 0 {
			t.Fatalf("exit %d: %s", code, errs.String())
		}
		want := strings.Count(text, "\n")
		if text != "" && !strings.HasSuffix(text, "\n") {
			want++
		}
		got := 0
		for line := range strings.Lines(out.String()) {
			got++
			var x checked
			if err := json.Unmarshal([]byte(line), &x); err != nil || x.Valid != (x.Reason == "") || x.Valid != (x.Normal != "") {
				t.Errorf("%s: %v", line, err)
			}
		}
		if got != want {
			t.Errorf("%d objects for %d lines", got, want)
		}
	})
}

func TestRegistryCheckForPeople(t *testing.T) {
	t.Parallel()
	got := strings.Join(checkLines(t, "201710601862.3\n\nCN111504366B\nPCT/CN2019/123456\nEP1234567B1\n202010123456.7\n"), "\n")
	for _, want := range []string{"ZL 2017 1 0601862.3\t发明", "发明，公开（公告）号", "国际申请号", "EP 文献号", "应为 202010123456.2", "共 5 个，有效 4 个"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// Every number of the recorded histories is valid, application and publication
// numbers alike.
func TestRegistryCheckRecordedNumbers(t *testing.T) {
	t.Parallel()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "cn_legal_events.csv"))
	if err != nil {
		t.Skip("the recorded histories need ../shared/data/cn_legal_events.csv")
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	n := 0
	for _, row := range rows[1:] {
		for i, name := range rows[0] {
			if (name == "app_num" || name == "pub_num") && row[i] != "NA" {
				text.WriteString(row[i] + "\n")
				n++
			}
		}
	}
	lines := checkLines(t, text.String(), "--json")
	if len(lines) != n || n < 4000 {
		t.Fatalf("%d lines for %d numbers", len(lines), n)
	}
	for _, l := range lines {
		if !strings.Contains(l, `"valid":true`) {
			t.Error(l)
		}
	}
}

// BenchmarkRegistryCheck reads, checks and prints a million numbers, one in
// ten of them wrong.
func BenchmarkRegistryCheck(b *testing.B) {
	const n = 1_000_000
	var text bytes.Buffer
	for i := range n {
		digits := "2017106" + string([]byte{byte('0' + i/10000%10), byte('0' + i/1000%10), byte('0' + i/100%10), byte('0' + i/10%10), byte('0' + i%10)})
		check := patent.CheckDigit(digits)
		if i%10 == 0 {
			check = 'A'
		}
		text.WriteString("CN" + digits + "." + string(check) + "\n")
	}
	for b.Loop() {
		if code := run(context.Background(), []string{"registry", "check", "--json"}, bytes.NewReader(text.Bytes()), io.Discard, io.Discard); code != 0 {
			b.Fatal(code)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "numbers/s")
}

// The days are those of the golden cases of patent.Adjustment and
// patent.Extension.
func TestRegistryTerm(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--kind=design --filing=2021-05-31":                                                `"last_protected_day": "2031-05-30"`,
		"--kind=design --filing=2021-06-01":                                                `"last_protected_day": "2036-05-31"`,
		"--kind=invention --filing=2016-01-10 --examination=2016-06-01 --grant=2021-07-10": `"adjustment_days": 547`,
	} {
		var out, errs strings.Builder
		if code := run(context.Background(), append([]string{"registry", "term", "--json"}, strings.Fields(args)...), nil, &out, &errs); code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit %d, %s %s", args, code, out.String(), errs.String())
		}
	}
	var out, errs strings.Builder
	if code := run(context.Background(), []string{"registry", "term", "--kind=invention", "--filing=2020-02-30"}, nil, &out, &errs); code != 65 || !strings.Contains(errs.String(), "filing") {
		t.Errorf("a day that does not exist: exit %d, %s", code, errs.String())
	}
}
