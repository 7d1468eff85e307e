package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"io"
)

// hostileBook is a workbook whose sheet goes on with the same piece many times.
func hostileBook(head, piece string, times int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="a" Type="x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/s.xml"/></Relationships>`,
		"xl/worksheets/s.xml":        head,
	} {
		part, _ := z.Create(name) // into memory: nothing fails
		out := bufio.NewWriter(part)
		_, _ = io.WriteString(out, text)
		if text == head {
			for range times {
				_, _ = out.WriteString(piece)
			}
		}
		_ = out.Flush()
	}
	_ = z.Close()
	return b.Bytes()
}
