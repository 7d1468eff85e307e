package document

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"testing"

	"zhijia/internal/fault"
)

// pdfOf draws cells at places with a font whose codes are those of Unicode.
func pdfOf(cells [][3]any) []byte {
	var content strings.Builder
	content.WriteString("BT /F1 12 Tf\n")
	for _, c := range cells {
		fmt.Fprintf(&content, "1 0 0 1 %v %v Tm <", c[0], c[1])
		for _, r := range c[2].(string) {
			fmt.Fprintf(&content, "%04X", r)
		}
		content.WriteString("> Tj\n")
	}
	content.WriteString("ET\n")
	ranges, high := "", map[rune]bool{}
	for _, c := range cells {
		for _, r := range c[2].(string) {
			if !high[r>>8] {
				high[r>>8] = true
				ranges += fmt.Sprintf("<%02X00> <%02XFF> <%02X00>\n", r>>8, r>>8, r>>8)
			}
		}
	}
	cmap := fmt.Sprintf("/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange %d beginbfrange\n%sendbfrange endcmap end end", len(high), ranges)
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	w.Write([]byte(content.String()))
	w.Close()
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream", packed.Len(), packed.String()),
		"<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding /Identity-H /ToUnicode 6 0 R >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(cmap), cmap),
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}

func TestPDFText(t *testing.T) {
	data := pdfOf([][3]any{
		{50, 700, "青山大学专利转让公示"},
		{50, 650, "专利号"},
		{200, 650, "名称"},
		{400, 650, "转让价（万元）"},
		{50, 630, "ZL202110345678.3"},
		{400, 630, "6.8"},
		{200, 630, "一种泵"},
		{50, 600, "受让方：海川科技有限公司"},
	})
	got, err := PDF(data)
	want := "青山大学专利转让公示\n专利号\t名称\t转让价（万元）\nZL202110345678.3\t一种泵\t6.8\n受让方：海川科技有限公司\n"
	if err != nil || got != want {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
	if _, err := PDF(pdfOf(nil)); fault.Public(err).Code != "document.pdf_scanned" {
		t.Errorf("a page without text: %v", err)
	}
	var bomb bytes.Buffer
	w := zlib.NewWriter(&bomb)
	w.Write(bytes.Repeat([]byte{' '}, 1<<20))
	w.Close()
	if err := safePDF(append([]byte("4 0 obj\n<< /Filter /FlateDecode >>\nstream\n"), bomb.Bytes()...), 1<<20-1); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("what unpacks to more than the bound: %v", err)
	}
	for name, bad := range map[string][]byte{
		"cut":        data[:len(data)/2],
		"nested":     append([]byte("%PDF-1.4\n1 0 obj\n"), bytes.Repeat([]byte("["), maxNested+1)...),
		"no objects": []byte("%PDF-1.7\n%%EOF\n"),
	} {
		if text, err := PDF(bad); err == nil {
			t.Errorf("%s is read: %.40q", name, text)
		}
	}
}

func FuzzPDF(f *testing.F) {
	f.Add(pdfOf([][3]any{{50, 700, "青山大学专利转让公示公告"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if text, err := PDF(data); err == nil && len(text) > MaxText {
			t.Errorf("%d bytes of text", len(text))
		}
	})
}
