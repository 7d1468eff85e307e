package connect

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"iter"
	"os"
	"path"
	"slices"
	"strings"

	"zhijia/internal/document"
	"zhijia/internal/fault"
	"zhijia/internal/sheet"
)

// Bounds of a file. A package may be of any size: it is read from disk.
const (
	sniffed    = 64 << 10
	maxText    = 8 << 20
	maxJSON    = 8 << 20 // of one value
	maxValues  = 200_000 // in one value
	maxPDF     = 32 << 20
	maxNested  = 3 // packages within packages
	maxEntries = 100_000
	maxPacked  = 1000 // bytes unpacked for each byte packed, of one entry larger than maxRecord
)

// Row is one record of a file, or why it could not be read.
type Row struct {
	Number int // of the record, from 1; of a text its line
	Record Record
}

// File is a file whose shape is known.
type File struct {
	// Table says that it is a table, to be read with the sheet package from
	// Reader under Name; else Rows reads it.
	Table  bool
	Reader io.Reader
	Name   string
	rows   func(yield func(Row, error) bool)
	in     io.Reader
	sum    hash.Hash
	close  []func() error
}

// Rows reads the records. An error with a row's number concerns that record
// alone; one with 0 ends the file.
func (f *File) Rows() iter.Seq2[Row, error] { return f.rows }

// Hash is the SHA-256 of the whole file; it reads what nobody read yet.
func (f *File) Hash() (string, error) {
	_, err := io.Copy(io.Discard, f.in)
	return hex.EncodeToString(f.sum.Sum(nil)), err
}

// Close removes what was kept on disk.
func (f *File) Close() error {
	var errs []error
	for _, c := range f.close {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// Open tells the shape of a file by its content.
//
// A PDF is read where pdf allows it: its parser was not written for hostile
// files, so a command reads them and a service does not.
func Open(r io.Reader, name string, pdf bool) (*File, error) {
	f := &File{Name: name, sum: sha256.New()}
	in := bufio.NewReaderSize(io.TeeReader(r, f.sum), sniffed)
	f.in = in
	head, err := in.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	body := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		err = f.archive(in)
	case document.IsPDF(head) && !pdf:
		err = fault.New(fault.Unsupported, "file.pdf", "此处不读取 PDF：请用命令行 zhijia ingest 读取，或把其文字粘贴为 .txt 文件；扫描件请先用 OCR 识别。", "PDF is not read here: take it in with zhijia ingest, or paste its text into a .txt file; a scan needs OCR first.")
	case document.IsPDF(head):
		err = f.pdf(in)
	case bytes.HasPrefix(body, []byte("<")) && !isPage(body):
		f.rows = func(yield func(Row, error) bool) { xmlRows(in, new(int), yield) }
	case bytes.HasPrefix(body, []byte("{")) || bytes.HasPrefix(body, []byte("[")):
		if !knownJSON(body) {
			f.Table, f.Reader = true, in
			break
		}
		if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
			_, _ = in.Discard(3)
		}
		f.rows = func(yield func(Row, error) bool) { jsonRows(in, yield) }
	default:
		err = f.plain(in, head)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func isPage(body []byte) bool {
	start := bytes.ToLower(body[:min(len(body), 200)])
	return bytes.Contains(start, []byte("<html")) || bytes.Contains(start, []byte("<!doctype html")) || bytes.Contains(start, []byte("<table")) || bytes.Contains(start, []byte("office:spreadsheet"))
}

// jsonMarks are keys by which an answer or a set is known.
var jsonMarks = []string{
	"ops:world-patent-data", "lens_id", "title_localized", "application_number_formatted", "patsnap_legal_data", "bibliographic_data", "simple_legal_status",
	"fee_infos_list", "applicationReferenceModel", "publication_reference",
}

func knownJSON(head []byte) bool {
	for _, mark := range jsonMarks {
		if bytes.Contains(head, []byte(`"`+mark+`"`)) {
			return true
		}
	}
	return bytes.Contains(head, []byte(`"pn"`)) && bytes.Contains(head, []byte(`"ap"`))
}

// plain tells texts from tables.
func (f *File) plain(in *bufio.Reader, head []byte) error {
	text, err := sheet.Text(bytes.NewReader(head))
	if err != nil {
		return err
	}
	start, err := io.ReadAll(text)
	if err != nil {
		return err
	}
	shape := textShape(string(start))
	if shape == "" || bytes.IndexByte(head, 0) >= 0 && !bytes.HasPrefix(head, []byte("\xff\xfe")) && !bytes.HasPrefix(head, []byte("\xfe\xff")) {
		f.Table, f.Reader = true, in
		return nil
	}
	f.rows = func(yield func(Row, error) bool) {
		text, err := sheet.Text(in)
		if err != nil {
			yield(Row{}, err)
			return
		}
		body, err := io.ReadAll(io.LimitReader(text, maxText+1))
		if err == nil && len(body) > maxText {
			err = fault.New(fault.TooLarge, "file.too_large", "文本超过 8 MB，请分成几个文件。", "The text is larger than 8 MB; cut it into several files.")
		}
		if err != nil {
			yield(Row{}, err)
			return
		}
		textRows(shape, string(body), yield)
	}
	return nil
}

func textRows(shape, text string, yield func(Row, error) bool) {
	put := func(line int, r Record, err error) bool { return yield(Row{line, r}, err) }
	switch shape {
	case "numbers":
		numbersText(text, put)
	case "cnipa_gazette":
		gazetteText(text, put)
	case "register":
		for i, part := range registerCopies(text) {
			r, err := registerText(part)
			if !put(i+1, r, err) {
				return
			}
		}
	}
}

// registerCopies cuts a text with several copies at their titles.
func registerCopies(text string) []string {
	var out []string
	from := 0
	for at, line := 0, ""; at < len(text); at += len(line) {
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			line = text[at : at+i+1]
		} else {
			line = text[at:]
		}
		flat := strings.Join(strings.Fields(narrow(line)), "")
		if !strings.HasPrefix(flat, "#") && strings.HasSuffix(flat, "登记簿副本") && strings.Contains(text[from:at], "专利号") {
			out = append(out, text[from:at])
			from = at
		}
	}
	return append(out, text[from:])
}

// pdf reads the text layer of a copy of the register or of a list.
func (f *File) pdf(in io.Reader) error {
	body, err := io.ReadAll(io.LimitReader(in, maxPDF+1))
	if err != nil {
		return err
	}
	if len(body) > maxPDF {
		return fault.New(fault.TooLarge, "file.too_large", "PDF 超过 32 MB，请只留登记簿副本的页。", "The PDF is larger than 32 MB; keep the pages of the register alone.")
	}
	text, err := document.PDF(body)
	if err != nil {
		return err
	}
	shape := textShape(text)
	if shape == "" {
		return fault.New(fault.Unsupported, "file.pdf_shape", "PDF 中没有登记簿副本、公告或号码清单；请复制其文字，或导出为 XLSX、CSV。", "The PDF holds no copy of the register, no notices and no list of numbers; copy its text, or export XLSX or CSV.")
	}
	f.rows = func(yield func(Row, error) bool) { textRows(shape, text, yield) }
	return nil
}

// spool keeps a stream on disk, where a package can be read from.
func spool(in io.Reader) (*os.File, int64, error) {
	t, err := os.CreateTemp("", "zhijia-package-*")
	if err != nil {
		return nil, 0, err
	}
	if err := os.Remove(t.Name()); err != nil { // it lives as long as it is open
		return nil, 0, errors.Join(err, t.Close())
	}
	n, err := io.Copy(t, in)
	if err != nil {
		return nil, 0, errors.Join(err, t.Close())
	}
	return t, n, nil
}

var errArchive = fault.New(fault.Invalid, "file.archive", "压缩包损坏或不完整，请重新下载。", "The archive is broken or cut off; fetch it again.")

func (f *File) archive(in io.Reader) error {
	t, size, err := spool(in)
	if err != nil {
		return err
	}
	f.close = append(f.close, t.Close)
	z, err := sheet.Archive(t, size, maxEntries)
	if err != nil {
		return errArchive.Because(err)
	}
	if slices.ContainsFunc(z.File, func(e *zip.File) bool {
		return strings.HasPrefix(e.Name, "xl/") || e.Name == "[Content_Types].xml" || e.Name == "content.xml"
	}) {
		f.Table, f.Reader = true, io.NewSectionReader(t, 0, size)
		return nil
	}
	f.rows = func(yield func(Row, error) bool) {
		n := 0
		packageRows(z, 1, &n, yield)
	}
	return nil
}

// packageRows reads the XML of a package and of those in it, in the order of
// their names. A broken part costs its own records and no other.
func packageRows(z *zip.Reader, depth int, n *int, yield func(Row, error) bool) (more bool) {
	files := slices.Clone(z.File)
	slices.SortFunc(files, func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) })
	for _, e := range files {
		ext := strings.ToLower(path.Ext(e.Name))
		if e.FileInfo().IsDir() || ext != ".xml" && ext != ".zip" {
			continue
		}
		broken := func(err error) bool {
			*n++
			return yield(Row{Number: *n}, fault.New(fault.Invalid, "archive.part", "压缩包内的 "+clip(e.Name, 200)+" 无法读取。", "A part of the archive cannot be read: "+clip(e.Name, 200)+".").Because(err))
		}
		if e.UncompressedSize64 > maxRecord && e.UncompressedSize64/maxPacked > e.CompressedSize64 {
			if !broken(errors.New("unpacks to too much")) {
				return false
			}
			continue
		}
		part, err := e.Open()
		if err != nil {
			if !broken(err) {
				return false
			}
			continue
		}
		goOn := true
		if ext == ".xml" {
			goOn = xmlRows(part, n, func(r Row, err error) bool {
				if err != nil && r.Number == 0 {
					return broken(err)
				}
				return yield(r, err)
			})
		} else if depth >= maxNested {
			goOn = broken(errors.New("too many packages within packages"))
		} else {
			goOn = nested(part, depth, n, broken, yield)
		}
		if err := part.Close(); err != nil && goOn {
			goOn = broken(err)
		}
		if !goOn {
			return false
		}
	}
	return true
}

func nested(part io.Reader, depth int, n *int, broken func(error) bool, yield func(Row, error) bool) bool {
	t, size, err := spool(part)
	if err != nil {
		return broken(err)
	}
	defer t.Close()
	inner, err := sheet.Archive(t, size, maxEntries)
	if err != nil {
		return broken(err)
	}
	return packageRows(inner, depth+1, n, yield)
}

// xmlRows reads the records of one XML document and says whether to go on.
func xmlRows(in io.Reader, n *int, yield func(Row, error) bool) (more bool) {
	more = true
	found := false
	err := elements(in, func(name string) bool { _, ok := xmlRecords[name]; return ok }, func(x *node, err error) bool {
		found = true
		*n++
		if err != nil {
			more = yield(Row{Number: *n}, err)
			return more
		}
		list, err := xmlRecords[x.name](x)
		for i, r := range list {
			if i > 0 {
				*n++
			}
			if more = yield(Row{*n, r}, nil); !more {
				return false
			}
		}
		if err != nil {
			more = yield(Row{Number: *n}, err)
		}
		return more
	})
	if !more {
		return false
	}
	if err == nil && !found {
		err = fault.New(fault.Invalid, "file.xml_unknown", "XML 中没有可识别的专利记录（支持国家知识产权局 PRS 与标准化文献、EPO DOCDB/OPS）。", "The XML holds no records that are recognised: PRS and documents of the CNIPA, DOCDB and OPS of the EPO are read.")
	}
	if err != nil {
		return yield(Row{}, err)
	}
	return true
}

// jsonRows reads one value of JSON after another: lines, or one document. The
// members of a list that is the document are read one by one.
func jsonRows(in *bufio.Reader, yield func(Row, error) bool) {
	n := 0
	put := func(raw json.RawMessage) bool {
		if sheet.Values(raw) > maxValues {
			n++
			return yield(Row{Number: n}, fault.New(fault.TooLarge, "record.too_large", "JSON 的一条记录值过多。", "One value of the JSON holds too many."))
		}
		var v any
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			n++
			return yield(Row{Number: n}, fault.New(fault.Invalid, "row.json", "该条不是完整的 JSON。", "The record is not whole JSON.").Because(err))
		}
		list, errs := jsonRecords(v)
		if len(list)+len(errs) == 0 {
			errs = []error{noNumber()}
		}
		for _, r := range list {
			n++
			if !yield(Row{n, r}, nil) {
				return false
			}
		}
		for _, err := range errs {
			n++
			if !yield(Row{Number: n}, err) {
				return false
			}
		}
		return true
	}
	head, _ := in.Peek(sniffed) // an error comes back when it is read
	if line, _, ok := bytes.Cut(head, []byte("\n")); ok && json.Valid(line) && len(bytes.TrimSpace(line)) > 0 {
		for {
			line, tooLong, err := readLine(in)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Row{}, err)
				return
			}
			switch line := bytes.TrimSpace(line); {
			case tooLong:
				n++
				if !yield(Row{Number: n}, fault.New(fault.TooLarge, "record.too_large", "该行超过 8 MB，已跳过。", "The line is longer than 8 MB and was skipped.")) {
					return
				}
			case len(line) > 0 && !put(line):
				return
			}
			if err != nil {
				return
			}
		}
	}
	limited := &limit{in: in, left: maxJSON}
	d := json.NewDecoder(limited)
	if first, _ := in.Peek(1); len(first) == 1 && first[0] == '[' {
		if _, err := d.Token(); err != nil {
			yield(Row{}, errJSON.Because(err))
			return
		}
		for d.More() {
			limited.left = maxJSON
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				yield(Row{}, errJSON.Because(err))
				return
			}
			if !put(raw) {
				return
			}
		}
		return
	}
	for {
		limited.left = maxJSON
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(Row{}, errJSON.Because(err))
			return
		}
		if !put(raw) {
			return
		}
	}
}

// readLine reads one line; one beyond the bound is skipped to its end.
func readLine(in *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > maxJSON; !tooLong {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

var errJSON = fault.New(fault.Invalid, "file.json", "JSON 不完整或有错误，请重新导出。已读出的记录不受影响。", "The JSON is cut off or broken; export it again. What was read before it is not affected.")

// limit bounds how much one value may take.
type limit struct {
	in   io.Reader
	left int64
}

func (l *limit) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, fault.New(fault.TooLarge, "record.too_large", "JSON 的一条记录超过 8 MB。", "One value of the JSON is larger than 8 MB.")
	}
	n, err := l.in.Read(b[:min(int64(len(b)), l.left)])
	l.left -= int64(n)
	return n, err
}
