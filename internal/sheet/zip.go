package sheet

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/xml"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/xuri/excelize/v2"
)

// sortedZip writes the parts of a workbook in the order of their names and
// without times, and sorts the list of parts. The library makes both in the
// order of a map, and the same workbook must be the same bytes. Parts wait
// compressed in a file: those of 50,000 rows take 50 MB.
type sortedZip struct {
	w     io.Writer
	spool *os.File
	parts []*zipPart
	types *bytes.Buffer // the list of parts as handed over
}

const typesPart = "[Content_Types].xml"

// contentTypes is the list of parts (ECMA-376 part 2, 10.1).
type contentTypes struct {
	XMLName  xml.Name      `xml:"http://schemas.openxmlformats.org/package/2006/content-types Types"`
	Default  []contentType `xml:"Default"`
	Override []contentType `xml:"Override"`
}

type contentType struct {
	Extension string `xml:"Extension,attr,omitempty"`
	Part      string `xml:"PartName,attr,omitempty"`
	Type      string `xml:"ContentType,attr"`
}

func (z *sortedZip) sortTypes() error {
	var list contentTypes
	if err := xml.Unmarshal(z.types.Bytes(), &list); err != nil {
		return err
	}
	for _, part := range [][]contentType{list.Default, list.Override} {
		slices.SortFunc(part, func(a, b contentType) int {
			return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Extension, b.Extension))
		})
	}
	body, err := xml.Marshal(list)
	if err != nil {
		return err
	}
	w, err := z.add(typesPart)
	if err != nil {
		return err
	}
	_, err = w.Write(append([]byte(xml.Header), body...))
	return err
}

// zipPart is one part. It is whole before the next one is begun.
type zipPart struct {
	name     string
	from, to int64 // in the spool
	deflate  *flate.Writer
	sum      hash.Hash32
	size     uint64
}

// NewSortedZip is the archive writer of workbooks whose equal content makes
// equal bytes.
func NewSortedZip(w io.Writer) excelize.ZipWriter { return &sortedZip{w: w} }

// Create implements excelize.ZipWriter.
func (z *sortedZip) Create(name string) (io.Writer, error) {
	if name == typesPart {
		z.types = new(bytes.Buffer)
		return z.types, nil
	}
	return z.add(name)
}

func (z *sortedZip) add(name string) (*zipPart, error) {
	if z.spool == nil {
		f, err := os.CreateTemp("", "zhijia-book-*")
		if err != nil {
			return nil, err
		}
		z.spool = f
		if err := os.Remove(f.Name()); err != nil { // it lives as long as it is open, and no longer than the process
			return nil, err
		}
	}
	from, err := z.endPart()
	if err != nil {
		return nil, err
	}
	p := &zipPart{name: name, from: from, sum: crc32.NewIEEE()}
	if p.deflate, err = flate.NewWriter(z.spool, flate.BestSpeed); err != nil {
		return nil, err
	}
	z.parts = append(z.parts, p)
	return p, nil
}

// endPart ends the part being written and returns where the next one begins.
func (z *sortedZip) endPart() (int64, error) {
	if len(z.parts) == 0 {
		return 0, nil
	}
	p := z.parts[len(z.parts)-1]
	if p.deflate == nil {
		return p.to, nil
	}
	if err := p.deflate.Close(); err != nil {
		return 0, err
	}
	p.deflate = nil
	var err error
	p.to, err = z.spool.Seek(0, io.SeekCurrent)
	return p.to, err
}

// AddFS implements excelize.ZipWriter; no caller of this package needs it.
func (z *sortedZip) AddFS(fs.FS) error { return fmt.Errorf("not supported") }

func (p *zipPart) Write(b []byte) (int, error) {
	p.sum.Write(b)
	p.size += uint64(len(b))
	return p.deflate.Write(b)
}

// Close implements excelize.ZipWriter.
func (z *sortedZip) Close() error {
	if z.spool != nil {
		defer z.spool.Close()
	}
	if err := z.sortTypes(); err != nil {
		return err
	}
	if _, err := z.endPart(); err != nil {
		return err
	}
	slices.SortFunc(z.parts, func(a, b *zipPart) int { return cmp.Compare(a.name, b.name) })
	out := zip.NewWriter(z.w)
	for _, p := range z.parts {
		w, err := out.CreateRaw(&zip.FileHeader{
			Name: p.name, Method: zip.Deflate, CRC32: p.sum.Sum32(), CompressedSize64: uint64(p.to - p.from), UncompressedSize64: p.size,
		})
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, io.NewSectionReader(z.spool, p.from, p.to-p.from)); err != nil {
			return err
		}
	}
	return out.Close()
}
