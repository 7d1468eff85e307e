package document_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	utf16 "golang.org/x/text/encoding/unicode"

	"zhijia/internal/document"
	"zhijia/internal/fault"
)

const plain = "青山大学专利转让公示\n转让价格6.8万元，受让方为海川科技有限公司。\n"

func TestEncodings(t *testing.T) {
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(plain)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := utf16.UTF16(utf16.LittleEndian, utf16.UseBOM).NewEncoder().String(plain)
	if err != nil {
		t.Fatal(err)
	}
	page := "<html><body><p>青山大学专利转让公示</p><p>转让价格6.8万元，受让方为海川科技有限公司。</p></body></html>"
	gbPage, err := simplifiedchinese.GB18030.NewEncoder().String(strings.Replace(page, "<html>", `<html><meta charset="gb2312">`, 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"utf-8": plain, "mark": "\xef\xbb\xbf" + plain, "gb18030": gb, "utf-16": wide, "html": page, "html in gb2312": gbPage} {
		if text, err := document.Text(strings.NewReader(file), "a.txt"); err != nil || text != plain {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// What a reader of the page does not see is no text; what spans rows is said
// once; hidden columns are empty.
func TestPages(t *testing.T) {
	for name, c := range map[string]struct{ page, want string }{
		"hidden": {`<div><p>价格<b>58</b>万元</p><span style="display: none">5,800万元</span><p style="color:#FFFFFF">白字</p><p hidden>隐藏</p><p style="font-size:1px">小字</p><!-- 99万元 --><script>var x="77万元"</script><div style="visibility:hidden">66万元</div></div>`, "价格58万元\n"},
		"table":  {`<table><tr><th>专利号</th><th>总价</th></tr><tr><td>甲</td><td rowspan="2">66&nbsp;万元<br>（含税）</td></tr><tr><td>乙</td></tr></table>`, "专利号\t总价\n甲\t66\u00a0万元 （含税）\n乙\t〃\n"},
		"column": {`<table><colgroup><col><col style="display:none"></colgroup><tr><td>甲</td><td>190</td><td>19</td></tr></table>`, "甲\t\t19\n"},
		"cell":   {`<table><tr><td>甲</td><td style="display:none">190</td><td>19</td></tr><tr hidden><td>丙</td></tr></table>`, "甲\t\t19\n"},
		"wide":   {`<table><tr><td colspan="2">甲</td><td>乙</td></tr></table>`, "甲\t\t乙\n"},
		"blanks": {"<p>甲\n   乙</p>", "甲 乙\n"},
	} {
		if text, err := document.Text(strings.NewReader(c.page), "a.html"); err != nil || text != c.want {
			t.Errorf("%s: %q, want %q, %v", name, text, c.want, err)
		}
	}
}

func word(t testing.TB, body string) []byte {
	t.Helper()
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	w, err := z.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(`<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + body + `</w:body></w:document>`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestWord(t *testing.T) {
	run := func(s string) string { return "<w:r><w:t>" + s + "</w:t></w:r>" }
	cell := func(properties, s string) string {
		return "<w:tc><w:tcPr>" + properties + "</w:tcPr><w:p>" + run(s) + "</w:p></w:tc>"
	}
	body := "<w:p>" + run("转让价格") + run("6.8万元") + "<w:r><w:rPr><w:vanish/></w:rPr><w:t>5,800万元</w:t></w:r><w:del>" + run("7万元") + "</w:del></w:p>" +
		"<w:tbl><w:tr>" + cell("", "甲") + cell(`<w:vMerge w:val="restart"/>`, "66万元") + "</w:tr><w:tr>" + cell("", "乙") + cell("<w:vMerge/>", "") + "</w:tr></w:tbl>"
	text, err := document.Text(bytes.NewReader(word(t, body)), "a.docx")
	if want := "转让价格6.8万元\n甲\t66万元\n乙\t〃\n"; err != nil || text != want {
		t.Errorf("%q, want %q, %v", text, want, err)
	}
}

// Files that are no document, or too much of one, are refused with the way out.
func TestRefusals(t *testing.T) {
	bomb := word(t, "<w:p>"+strings.Repeat("<w:r><w:t>"+strings.Repeat("专", 1000)+"</w:t></w:r>", 2000)+"</w:p>")
	var empty bytes.Buffer
	z := zip.NewWriter(&empty)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		kind fault.Kind
	}{
		"pdf": {[]byte("%PDF-1.7\n"), fault.Unsupported}, "doc": {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), fault.Unsupported}, "binary": {[]byte("\x7fELF\x02\x01\x01\x00\x00\x01\x02\x03\x00\x00"), fault.Unsupported},
		"long text": {bytes.Repeat([]byte("专利"), document.MaxText/6+1), fault.TooLarge}, "bomb": {bomb, fault.TooLarge}, "broken zip": {[]byte("PK\x03\x04rubbish"), fault.Invalid},
	} {
		if _, err := document.Text(bytes.NewReader(c.file), name); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte("<table><tr><td rowspan=9 colspan=9>x<table><tr><td>y"))
	f.Add(word(f, "<w:p/>"))
	f.Fuzz(func(t *testing.T, file []byte) {
		text, err := document.Text(bytes.NewReader(file), "x")
		if err == nil && len(text) > document.MaxText+1 {
			t.Errorf("%d bytes", len(text))
		}
	})
}
