package office

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"

	"github.com/xuri/excelize/v2"
)

// sortedZip writes the parts of a workbook in the order of their names and
// without times. The library hands them over in the order of a map, and the
// same workbook must be the same bytes. Parts wait compressed.
type sortedZip struct {
	w     io.Writer
	parts []*zipPart
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
