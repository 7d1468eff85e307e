package office

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
	"slices"

	"github.com/xuri/excelize/v2"
)

// sortedZip writes the parts of a workbook in the order of their names and
// without times, and sorts the list of parts. The library makes both in the
// order of a map, and the same workbook must be the same bytes. Parts wait
// compressed.
type sortedZip struct {
	w     io.Writer
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

type zipPart struct {
	name   string
	body   bytes.Buffer
	deflat *flate.Writer
	sum    hash.Hash32
	size   uint64
}

func newSortedZip(w io.Writer) excelize.ZipWriter { return &sortedZip{w: w} }

// Create implements excelize.ZipWriter.
func (z *sortedZip) Create(name string) (io.Writer, error) {
	if name == typesPart {
		z.types = new(bytes.Buffer)
		return z.types, nil
	}
	return z.add(name)
}

func (z *sortedZip) add(name string) (*zipPart, error) {
	p := &zipPart{name: name, sum: crc32.NewIEEE()}
	var err error
	if p.deflat, err = flate.NewWriter(&p.body, flate.BestSpeed); err != nil {
		return nil, err
	}
	z.parts = append(z.parts, p)
	return p, nil
}

// AddFS implements excelize.ZipWriter; no caller of this package needs it.
func (z *sortedZip) AddFS(fs.FS) error { return fmt.Errorf("not supported") }

func (p *zipPart) Write(b []byte) (int, error) {
	p.sum.Write(b)
	p.size += uint64(len(b))
	return p.deflat.Write(b)
}

// Close implements excelize.ZipWriter.
func (z *sortedZip) Close() error {
	if err := z.sortTypes(); err != nil {
		return err
	}
	slices.SortFunc(z.parts, func(a, b *zipPart) int { return cmp.Compare(a.name, b.name) })
	out := zip.NewWriter(z.w)
	for _, p := range z.parts {
		if err := p.deflat.Close(); err != nil {
			return err
		}
		w, err := out.CreateRaw(&zip.FileHeader{
			Name: p.name, Method: zip.Deflate, CRC32: p.sum.Sum32(), CompressedSize64: uint64(p.body.Len()), UncompressedSize64: p.size,
		})
		if err != nil {
			return err
		}
		if _, err := p.body.WriteTo(w); err != nil {
			return err
		}
	}
	return out.Close()
}
