package sheet

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"zhijia/internal/fault"
)

// hostile are files made to take far more memory or time than their bytes, and the code that each ends with; "" where it is
// read row by row to its end. Each is small: what is read of it unpacks to many times that.
var hostile = []struct {
	name, code string
	file       func(w io.Writer)
}{
	{"formula.xlsx", "file.xlsx_cell", bookOf("xl/worksheets/s.xml", `<worksheet><sheetData><row><c><f>`, strings.Repeat("1", 100)+"<!-- -->", 10_000)},
	{"value.xlsx", "file.xlsx_cell", bookOf("xl/worksheets/s.xml", `<worksheet><sheetData><row><c><v>`, strings.Repeat("1", 100)+"<!-- -->", 10_000)},
	{"inline.xlsx", "file.xlsx_cell", bookOf("xl/worksheets/s.xml", `<worksheet><sheetData><row><c t="inlineStr"><is>`, "<t>"+strings.Repeat("1", 100)+"</t>", 10_000)},
	{"runs.xlsx", "file.xlsx_cell", bookOf("xl/sharedStrings.xml", `<sst><si>`, "<r><t>"+strings.Repeat("1", 100)+"</t></r>", 10_000)},
	{"empty texts.xlsx", "", bookOf("xl/sharedStrings.xml", `<sst>`, strings.Repeat("<si/>", 100), 10_000)},
	{"long texts.xlsx", "", bookOf("xl/sharedStrings.xml", `<sst>`, "<si><t>"+strings.Repeat("1", 100_000)+"</t></si>", 1000)},
	{"comment.xlsx", "file.xlsx_cell", bookOf("xl/worksheets/s.xml", `<worksheet><!--`, strings.Repeat("<", 10_000), 1_000)},
	{"cdata.xlsx", "file.xlsx_cell", bookOf("xl/worksheets/s.xml", `<worksheet><![CDATA[`, strings.Repeat("<", 10_000), 1_000)},
	{"instruction.xlsx", "file.xlsx_cell", bookOf("xl/worksheets/s.xml", `<worksheet><?a `, strings.Repeat("<", 10_000), 1_000)},
	{"attributes.xlsx", "file.xlsx_cell", bookOf("xl/worksheets/s.xml", `<worksheet><c `, strings.Repeat(`a="" `, 1_000), 1_000)},
	{"deep.xlsx", "", bookOf("xl/worksheets/s.xml", `<worksheet>`, strings.Repeat("<a>", 1_000), 500)},
	{"styles.xlsx", "file.xlsx_parts", bookOf("xl/styles.xml", `<styleSheet><cellXfs>`, strings.Repeat("<xf/>", 1_000), 1_000)},
	{"relations.xlsx", "file.xlsx_size", bookOf("xl/_rels/workbook.xml.rels", `<Relationships>`, `<Relationship Id="`+strings.Repeat("a", 1000)+`" Target="x"/>`, 60_000)},
	{"sheets.xlsx", "file.xlsx_parts", bookOf("xl/workbook.xml", `<workbook><sheets>`, `<sheet name="S" r:id="r1"/>`, 100_000)},
	{"wide row.xlsx", "row.too_long", func(w io.Writer) { // one row of cells that each name a long text
		row := "<row>" + strings.Repeat(`<c t="s"><v>0</v></c>`, 16_000) + "</row>"
		book(w, map[string]string{
			"xl/sharedStrings.xml": "<sst><si><t>" + strings.Repeat("1", 200_000) + "</t></si></sst>",
			"xl/worksheets/s.xml":  `<worksheet><sheetData><row><c t="inlineStr"><is><t>h</t></is></c></row>` + row + `</sheetData></worksheet>`,
		}, "", "", 0)
	}},
	{"merged.xlsx", "file.merged_overlap", func(w io.Writer) {
		book(w, map[string]string{"xl/worksheets/s.xml": `<worksheet><sheetData>` + strings.Repeat("<row><c><v>1</v></c><c><v>2</v></c></row>", 5_000) + `</sheetData>` + strings.Repeat(`<mergeCell ref="A1:XFD1048576"/>`, 15_000) + `</worksheet>`}, "", "", 0)
	}},
	{"parts.xlsx", "file.xlsx", func(w io.Writer) { // a list of 300,000 parts
		entry := binary.LittleEndian.AppendUint32(nil, 0x02014b50)
		entry = append(entry, make([]byte, 42)...)
		entry[28] = 1 // length of the name
		entry = append(entry, 'a')
		_, _ = io.WriteString(w, "PK\x03\x04")
		out := bufio.NewWriterSize(w, 1<<20)
		for range 300_000 {
			_, _ = out.Write(entry)
		}
		end := binary.LittleEndian.AppendUint32(nil, 0x06054b50)
		end = append(end, make([]byte, 4)...)
		end = binary.LittleEndian.AppendUint16(end, 37856) // of 300,000 the lower half
		end = binary.LittleEndian.AppendUint16(end, 37856)
		end = binary.LittleEndian.AppendUint32(end, 14_100_000)
		end = binary.LittleEndian.AppendUint32(end, 4)
		_, _ = out.Write(append(end, 0, 0))
		_ = out.Flush()
	}},
	{"wide.csv", "file.columns", lines("", strings.Repeat(",", 1<<20), 3)},
	{"wide row.csv", "row.columns", lines("a,b\n", strings.Repeat(",", 3<<20)+"\n", 8)},
	{"no end.csv", "row.too_long", lines("a,b\n", strings.Repeat("x", 1<<20), 20)},
	{"quotes.csv", "row.csv", lines("a,b\n", "\""+strings.Repeat("x", 80_000)+"\n"+strings.Repeat("x\n", 60), 60)},
	{"array.jsonl", "row.values", lines("", `{"a":[`+strings.Repeat("0,", 2_000_000)+"0]}\n", 3)},
	{"fields.jsonl", "row.values", lines("", `{`+strings.Repeat(`"":1,`, 700_000)+`"b":1}`+"\n", 3)},
	{"deep.jsonl", "row.values", lines("", strings.Repeat(`[`, 4_000_000)+"\n", 3)},
	{"office.xls", "file.xls", lines("\xd0\xcf\x11\xe0", strings.Repeat("x", 1<<20), 20)},
	{"utf16.csv", "row.too_long", lines("\xff\xfea\x00\n\x00", strings.Repeat("x\x00", 1<<20), 10)},
}

func lines(head, piece string, times int) func(io.Writer) {
	return func(w io.Writer) {
		_, _ = io.WriteString(w, head)
		for range times {
			_, _ = io.WriteString(w, piece)
		}
	}
}

func bookOf(part, head, piece string, times int) func(io.Writer) {
	return func(w io.Writer) { book(w, map[string]string{part: head}, part, piece, times) }
}

// book writes a workbook of the parts given beside those every workbook has; one part goes on with a piece many times.
func book(w io.Writer, parts map[string]string, long, piece string, times int) {
	z := zip.NewWriter(w)
	for name, text := range map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="a" Type="x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/s.xml"/><Relationship Id="r2" Type="x/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="r3" Type="x/styles" Target="styles.xml"/></Relationships>`,
		"xl/worksheets/s.xml":        `<worksheet><sheetData/></worksheet>`,
		"xl/sharedStrings.xml":       `<sst/>`,
		"xl/styles.xml":              `<styleSheet/>`,
	} {
		if own, ok := parts[name]; ok {
			text = own
		}
		part, _ := z.Create(name)
		_, _ = io.WriteString(part, text)
		if name == long {
			out := bufio.NewWriterSize(part, 1<<20)
			for range times {
				_, _ = out.WriteString(piece)
			}
			_ = out.Flush()
		}
	}
	_ = z.Close()
}

// memory returns a figure of this process in bytes: VmRSS now, VmHWM at most.
func memory(t *testing.T, name string) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc: memory cannot be measured here")
	}
	_, rest, _ := strings.Cut(string(status), name+":")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

const hostileEnv = "ZHIJIA_TEST_HOSTILE"

// No upload takes more than 64 MiB of memory beyond the file, whatever is in it; each ends with a reason. Every file is read
// by a process of its own kind, so that its peak is its own; all in one, one after the other.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	if os.Getenv(hostileEnv) == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestHostileFiles$", "-test.v")
		cmd.Env = append(os.Environ(), hostileEnv+"=1")
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		return
	}
	dir := t.TempDir()
	for i, h := range hostile { // written before memory is looked at
		f, err := os.Create(dir + "/" + strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		h.file(f)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the peak begins now
	before := memory(t, "VmRSS")
	for i, h := range hostile {
		f, err := os.Open(dir + "/" + strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		code, n := "", 0
		for _, err := range Rows(f, h.name) {
			if n++; err != nil {
				code = fault.Public(err).Code
			}
		}
		f.Close()
		if code != h.code {
			t.Errorf("%s: %q after %d rows, want %q", h.name, code, n, h.code)
		}
		if raceDetector {
			continue // its own memory is many times that of the program
		}
		if peak := memory(t, "VmHWM") - before; peak > 64<<20 {
			t.Fatalf("%s: %d MiB", h.name, peak>>20)
		} else {
			t.Logf("%s: peak so far %d MiB", h.name, peak>>20)
		}
	}
}

// Who left is not read for: the reading ends with his request.
func TestReadingEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	book(&b, map[string]string{"xl/worksheets/s.xml": `<worksheet><sheetData><row><c t="inlineStr"><is><t>h</t></is></c></row>` + strings.Repeat("<row><c><v>1</v></c></row>", 20_000)}, "", "", 0)
	for name, body := range map[string][]byte{"a.xlsx": b.Bytes(), "a.csv": []byte("h\n" + strings.Repeat("1\n", 1_000_000))} {
		ctx, cancel := context.WithCancel(t.Context())
		n, last := 0, error(nil)
		for _, err := range Rows(Within(ctx, bytes.NewReader(body)), name) {
			if n++; n == 1 {
				cancel()
			}
			last = err
		}
		if last == nil || !strings.Contains(fmt.Sprint(last), "canceled") || n > 100_000 {
			t.Errorf("%s: %d rows, %v", name, n, last)
		}
		cancel()
	}
}
