package connect

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// read reads a text of any shape.
func read(t testing.TB, body, name string) (rows []Record, codes []string) {
	t.Helper()
	f, err := Open(strings.NewReader(body), name, false)
	if err != nil {
		return nil, []string{fault.Public(err).Code}
	}
	defer f.Close()
	if f.Table {
		return nil, []string{"table"}
	}
	for r, err := range f.Rows() {
		if err != nil {
			codes = append(codes, fault.Public(err).Code)
			continue
		}
		rows = append(rows, r.Record)
	}
	return rows, codes
}

// brief is what a record says, for comparison.
func brief(r Record) string {
	var out []string
	for _, e := range r.Events {
		out = append(out, fmt.Sprintf("%s %s/%s %s %s %s>%s", e.Code, e.Effective, e.Gazette, e.Registration, e.Party, strings.Join(e.Before, "+"), strings.Join(e.After, "+")))
	}
	return strings.Join(append([]string{r.Source, r.Number, r.Publication, r.Title, strings.Join(r.Owners, "+"), strings.Join(r.Applicants, "+"), r.Filing.String(), r.Grant.String()}, out...), "|")
}

// Shapes of the sources with invented values, and what is read of each.
func TestShapes(t *testing.T) {
	t.Parallel()
	const n = "CN202111234567" // with the digit that the rule gives
	number := n + "." + string(patent.CheckDigit(n[2:]))
	for name, c := range map[string]struct {
		body  string
		want  []string
		codes []string
	}{
		"gazette": {
			body: "专利权质押合同登记的生效\n专利号：ZL" + number[2:] + "\n登记号:Y2024980011111\n登记生效日:20240305\n出质人:甲公司\n质权人:乙银行（总行）\n\n" +
				"专利权的转移\n专利号:ZL" + number[2:] + "\n登记生效日:20230201\n变更事项:专利权人\n变更前权利人:丙大学\n变更后权利人:甲公司\n变更事项:地址\n变更前权利人:100000 一号\n变更后权利人:100000 二号\n\n没有这种事务的\n专利号:ZL" + number[2:] + "\n",
			want: []string{"cnipa_gazette|" + number + "|||||||PE01 2024-03-05/ Y2024980011111 乙银行（总行） 甲公司>", "cnipa_gazette|" + number + "|||||||TR01 2023-02-01/   丙大学>甲公司"}, codes: []string{"event.unknown"},
		},
		"register": {
			body: "专利登记簿副本\n专利号：" + number + "\n发明名称：一种阀\n申请日：2021年04月02日\n授权公告日：2022年08月09日\n专利权人：甲公司;乙公司\n法律状态：专利权维持\n年费缴纳情况：已缴纳至第 4 年度\n著录项目变更：2023年05月06日，专利权人由“丙厂”变更为“甲公司、乙公司”\n质押：无\n保全：无\n出具日期：2025年01月10日\n",
			want: []string{"register|" + number + "||一种阀|甲公司+乙公司||2021-04-02|2022-08-09|GR01 2022-08-09/2022-08-09   >|TR01 2023-05-06/   丙厂>甲公司+乙公司"},
		},
		"register without its day": {body: "专利登记簿副本\n专利号：" + number + "\n专利权人：甲公司\n", codes: []string{"register.undated"}},
		"numbers":                  {body: number + "\nZL " + number[2:] + "\nCN116012345B\nCN202111234567.9Q\n" + n[2:] + "\n" + number, want: []string{"numbers|" + number + "||||||", "numbers|" + number + "||||||", "numbers|CN116012345B|CN116012345B|||||", "numbers|" + number + "||||||"}, codes: []string{"", ""}},
		"PRS, the original last": {
			body: `<b:PRS xmlns:b="x" xmlns:a="y"><b:PRSRecord><b:ApplicationReference dataFormat="standard"><a:DocNumber>202111234567</a:DocNumber></b:ApplicationReference><b:ApplicationReference dataFormat="original"><a:DocNumber>` + number[2:] + `</a:DocNumber><a:Date>20210402</a:Date></b:ApplicationReference><b:PRSPublicationDate><a:Date>20250107</a:Date></b:PRSPublicationDate><b:PRSCode>C32</b:PRSCode><b:PRSValue>专利权的无效、部分无效宣告专利权全部无效</b:PRSValue></b:PRSRecord><b:PRSRecord><b:PRSCode>ZZ99</b:PRSCode></b:PRSRecord></b:PRS>`,
			want: []string{"cnipa_prs|" + number + "|||||2021-04-02||IW01 2025-01-07/2025-01-07   >"}, codes: []string{"record.number"},
		},
		"broken XML": {body: `<PRS><PRSRecord><ApplicationReference>`, codes: []string{"file.xml"}},
		"other XML":  {body: `<a><b/></a>`, codes: []string{"file.xml_unknown"}},
		"BigQuery, one line broken": {
			body: `{"publication_number":"CN-110000001-B","application_number":"CN-202111234567-U","kind_code":"B","title_localized":[{"text":"Valve","language":"en"},{"text":"一种阀","language":"zh"}],"filing_date":20210402,"publication_date":20220809,"grant_date":20220809,"assignee":["丙厂"],"family_id":"-1"}` + "\n{\"publication_number\":\n",
			want: []string{"bigquery|" + number + "|CN110000001B|一种阀||丙厂|2021-04-02|2022-08-09"}, codes: []string{"row.json"},
		},
		"a refusal with HTTP 200": {body: `{"status":false,"error_code":67200004,"error_msg":"quota","data":{"pn":"x","simple_legal_status":[]}}`, codes: []string{"source.refused"}},
		"claims of another":       {body: `{"data":[{"pn":"CN110000001B","pn_related":"US1A","claims":[{"claim_text":"1. x"}],"bibliographic_data":null}]}`, want: []string{"patsnap|CN110000001B|CN110000001B|||||"}},
		"a page":                  {body: `<html><table></table></html>`, codes: []string{"table"}},
		"a table":                 {body: "a,b\n1,2\n", codes: []string{"table"}},
		"a PDF in the service":    {body: "%PDF-1.4 x", codes: []string{"file.pdf"}},
	} {
		rows, codes := read(t, c.body, name)
		var got []string
		for _, r := range rows {
			got = append(got, brief(r))
		}
		if name == "numbers" {
			codes, c.codes = nil, nil
			got, c.want = got[:3], c.want[:3]
		}
		if !slices.Equal(got, c.want) || !slices.Equal(codes, c.codes) {
			t.Errorf("%s:\n got %q %q\nwant %q %q", name, got, codes, c.want, c.codes)
		}
	}
}

// A package within a package, names in capitals, beside a broken part: its own
// records are lost and no other.
func TestPackage(t *testing.T) {
	t.Parallel()
	record := func(n string) string {
		return `<?xml version="1.0" encoding="GB2312"?><PRS><PRSRecord><ApplicationReference><DocNumber>` + n + `</DocNumber></ApplicationReference><PRSPublicationDate><Date>20240102</Date></PRSPublicationDate><PRSCode>GR01</PRSCode></PRSRecord></PRS>`
	}
	pack := func(files ...string) string {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := 0; i+1 < len(files); i += 2 {
			w, err := z.Create(files[i])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(w, files[i+1])
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	rows, codes := read(t, pack("B.ZIP", pack("X.XML", record("202111234567")), "A.XML", record("202111234568"), "C.XML", "<PRS><PRSRecord>", "readme.txt", "x", "D.ZIP", "PK broken"), "p.zip")
	if len(rows) != 2 || !slices.Equal(codes, []string{"archive.part", "archive.part"}) || rows[0].Number[:14] != "CN202111234568" {
		t.Errorf("%d %q", len(rows), codes)
	}
	if _, codes := read(t, pack("A.XML", record("202111234568"))[:90], "p.zip"); !slices.Equal(codes, []string{"file.archive"}) {
		t.Errorf("cut off: %q", codes)
	}
	deep := strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200)
	if _, codes := read(t, deep, "x.xml"); !slices.Equal(codes, []string{"file.xml"}) {
		t.Errorf("too deep: %q", codes)
	}
}

// Every wording of the table means its code, also with brackets, blanks and
// circled numbers; of two run together the end counts; a negated one means
// nothing. Every code that is meant is one that is understood.
func TestWordings(t *testing.T) {
	t.Parallel()
	for _, r := range table(wordsTable, 2) {
		if _, known := patent.Codes[r[1]]; !known {
			t.Errorf("%s means %s, which is no code", r[0], r[1])
		}
		if code, ok := Wording(" " + r[0] + "； "); !ok || code != r[1] {
			t.Errorf("%s: %s %v, want %s", r[0], code, ok, r[1])
		}
	}
	for text, want := range map[string]string{
		"专利权的终止(①未缴年费专利权终止)": "CF01", "专利权的终止（②专利权有效期届满）": "CX01", "专利权的无效、部分无效宣告专利权全部无效": "IW01",
		"专利权的主动放弃;其他有关事项避免重复授权放弃专利权": "AV01", "未发现专利权质押合同登记的生效": "PE01?", "驳回专利权全部无效": "", "天气晴": "",
	} {
		code, _ := Wording(text)
		if want != "PE01?" && code != want {
			t.Errorf("%s: %q, want %q", text, code, want)
		}
	}
	for _, r := range table(inpadocTable, 2) {
		if _, known := patent.Codes[r[1]]; r[1] != "" && !known {
			t.Errorf("INPADOC %s means %s, which is no code", r[0], r[1])
		}
		if means, known := Code(r[0] + "  "); !known || means != r[1] {
			t.Errorf("padded %s: %q", r[0], means)
		}
	}
	for _, unclear := range []string{"PLDC", "LICC", "RINS", "C32", "C35"} {
		if means, _ := Code(unclear); means == "PE01" || means == "PC01" || means == "PP01" || means == "PD01" || means == "IW01" || means == "IP01" {
			t.Errorf("%s is taken for %s", unclear, means)
		}
	}
}

// No source names one header twice, and each is known by headers of its own.
func TestColumnsTable(t *testing.T) {
	t.Parallel()
	for _, c := range sourceColumns {
		if len(c.marks) == 0 {
			t.Errorf("%s has no mark", c.Source)
		}
		var all []string
		for h := range c.Field {
			all = append(all, h)
		}
		if got, ok := Recognise(all); !ok || got.Source != c.Source {
			t.Errorf("%s is taken for %q", c.Source, got.Source)
		}
	}
	if c, ok := Recognise([]string{"专利号", "专利名称", "申请日", "ipc分类号", "专利类型", "专利权人"}); ok {
		t.Errorf("a desk's list is taken for %s", c.Source)
	}
	for _, h := range ExtraFields {
		for _, x := range h {
			if strings.TrimSpace(x) == "" {
				t.Error("an empty header")
			}
		}
	}
}

// What records add up to depends on their set alone.
func TestResolveKnowsNoOrder(t *testing.T) {
	t.Parallel()
	ids := []string{"register", "cnipa_gazette", "cnipa_pss", "epo_ops", "incopat", "patsnap", "lens", "desk"}
	days := []calendar.Date{{}, {Year: 2023, Month: 1, Day: 2}, {Year: 2024, Month: 5, Day: 6}, {Year: 2025, Month: 7, Day: 8}}
	names := []string{"甲公司", "乙公司", "JIA CO LTD"}
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Statement {
			pick := func(label string, of []string) string { return rapid.SampledFrom(of).Draw(t, label) }
			s := Statement{Document: pick("document", []string{"a", "b"})}
			s.Source, s.Number, s.AsOf = pick("source", ids), "CN202111234567.1", rapid.SampledFrom(days).Draw(t, "as of")
			s.Title, s.Publication = pick("title", []string{"", "一种阀", "Valve"}), pick("publication", []string{"", "CN110000001A", "CN110000001B"})
			s.Filing = rapid.SampledFrom(days).Draw(t, "filing")
			if n := pick("owner", append(names, "")); n != "" {
				s.Owners = []string{n}
			}
			if k := rapid.IntRange(0, 3).Draw(t, "paid"); k > 0 {
				s.PaidThrough = &k
			}
			for range rapid.IntRange(0, 2).Draw(t, "events") {
				s.add(patent.Event{Code: pick("code", []string{"GR01", "TR01", "PE01", "PC01"}), Effective: rapid.SampledFrom(days[1:]).Draw(t, "effective"), Gazette: rapid.SampledFrom(days).Draw(t, "gazette"), Registration: pick("registration", []string{"", "Y1"}), After: s.Owners})
			}
			s.end()
			return s
		}), 1, 6).Draw(t, "records")
		say := func(list []Statement) string {
			a, err := json.Marshal(Resolve(list, DefaultPrecedence()))
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(Events(list))
			if err != nil {
				t.Fatal(err)
			}
			return string(a) + string(b)
		}
		other := rapid.Permutation(list).Draw(t, "order")
		if a, b := say(list), say(other); a != b {
			t.Fatalf("in another order:\n%s\n%s", a, b)
		}
		if a, b := say(list), say(append(slices.Clone(other), list[0])); a != b {
			t.Fatalf("one twice:\n%s\n%s", a, b)
		}
	})
}

// The register goes before the gazette, and the gazette before a vendor, however
// late the vendor speaks; a setting turns it round.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	list := []Statement{
		{Record: Record{Source: "patsnap", Owners: []string{"丙"}, AsOf: calendar.Date{Year: 2026, Month: 1, Day: 1}}},
		{Record: Record{Source: "register", Owners: []string{"甲"}, AsOf: calendar.Date{Year: 2020, Month: 1, Day: 1}}},
		{Record: Record{Source: "cnipa_gazette", Owners: []string{"乙"}, AsOf: calendar.Date{Year: 2024, Month: 1, Day: 1}}},
	}
	p := DefaultPrecedence()
	r := Resolve(list, p)
	if r.Owners[0] != "甲" || len(r.Disagreements) != 1 || len(r.Disagreements[0].Values) != 3 {
		t.Errorf("%+v", r)
	}
	if err := p.Set("owners", []string{"vendor"}); err != nil || Resolve(list, p).Owners[0] != "丙" {
		t.Errorf("set: %v", err)
	}
	if p.Set("owners", []string{"horse"}) == nil || p.Set("horses", nil) == nil {
		t.Error("a kind or group that is none is taken")
	}
}

// Whatever a file holds, reading it ends and a record that is accepted has a
// number.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{
		"专利权的转移\n专利号:ZL202310123456.6\n登记生效日:20240101\n", "专利登记簿副本\n专利号：202310123456.6\n出具日期：2025年1月1日", "CN116012345B\n", `{"lens_id":"1","doc_number":"1","jurisdiction":"CN"}`,
		`[{"pn":"CN116012345B","ap":"x","ti":"y"}]`, `<exchange-document country="CN"/>`, `{"ops:world-patent-data":{"exchange-documents":{"exchange-document":[{"@country":"CN"}]}}}`, "PK\x03\x04", "%PDF-1.4",
		`<PRSRecord><ApplicationReference><DocNumber>202310123456</DocNumber></ApplicationReference></PRSRecord>`, `<PatentDocumentAndRelated docNumber="1" kind="A"/>`, `<patent-family><family-member/></patent-family>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		file, err := Open(bytes.NewReader(body), "x", false)
		if err != nil {
			return
		}
		defer file.Close()
		if file.Table {
			return
		}
		for r, err := range file.Rows() {
			if err == nil && r.Record.Number == "" {
				t.Fatalf("a record without a number: %+v", r.Record)
			}
		}
	})
}

// Whatever a row of a table holds, its record is made.
func FuzzFill(f *testing.F) {
	f.Add("法律状态公告日：20240101;法律状态：授权;描述信息：授权", "质押 | 权利转移", "20240101-", "第4年年费")
	f.Fuzz(func(t *testing.T, history, flags, period, fee string) {
		r := Record{Source: "innojoy", Number: "CN202310123456.6"}
		r.Fill(Cells{"history": history, "flags": flags, "pledge_period": period, "pledgee": flags, "fee_kind": fee, "fee_period": period, "end_date": period, "current_event": flags, "current_event_date": history, "transferor": flags, "transfer_date": period, "licensee": flags, "notice": history, "case_state": flags})
		r.End()
		for _, e := range r.Events {
			if e.Effective.IsZero() {
				t.Fatalf("an event without a day: %+v", e)
			}
		}
	})
}
