package sheet

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"zhijia/internal/fault"
)

// What unpacks to more than it may is given up while it unpacks.
func TestBookThatUnpacksTooLarge(t *testing.T) {
	t.Parallel()
	blank := strings.Repeat(`<row><c t="inlineStr"><is><t> </t></is></c></row>`, 1000)
	text := strings.Repeat(`<si><t>`+strings.Repeat("字", 300)+`</t></si>`, 100)
	for name, body := range map[string][]byte{
		"rows":  zipWith(t, "xl/worksheets/s.xml", `<worksheet><sheetData><row><c t="inlineStr"><is><t>专利号</t></is></c></row>`, blank, 100),
		"texts": zipWith(t, "xl/sharedStrings.xml", `<sst>`, text, 20),
	} {
		if len(body) > 100_000 {
			t.Errorf("%s: %d bytes are no bomb", name, len(body))
		}
		err := readSheets(bytes.NewReader(body), unpacked{all: 4 << 20, texts: 1 << 20}, Layout{}, func(Row, error) bool { return true })
		if pub := fault.Public(err); pub == nil || pub.Code != "file.xlsx_size" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// zipWith is a workbook one part of which is begun by head and goes on with the
// same piece many times.
func zipWith(t *testing.T, part, head, piece string, times int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(name string, write func(io.Writer) error) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(w); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="a" Type="x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/s.xml"/><Relationship Id="r2" Type="x/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
		"xl/worksheets/s.xml":        `<worksheet><sheetData/></worksheet>`,
		"xl/sharedStrings.xml":       `<sst/>`,
	} {
		if name == part {
			continue
		}
		put(name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	}
	put(part, func(w io.Writer) error {
		if _, err := io.WriteString(w, head); err != nil {
			return err
		}
		for range times {
			if _, err := io.WriteString(w, piece); err != nil {
				return err
			}
		}
		return nil
	})
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
