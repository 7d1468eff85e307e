package sheet

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"io"
	"os"
)

// Within is a reader of a file for a caller who may leave: when ctx ends, so does the reading, also of what is unpacked.
func Within(ctx context.Context, r io.Reader) io.Reader { return &within{ctx, r} }

type within struct {
	ctx context.Context
	io.Reader
}

func (w *within) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Reader.Read(p)
}

// contextOf is the context of a reader made by [Within].
func contextOf(r io.Reader) context.Context {
	if w, ok := r.(*within); ok {
		return w.ctx
	}
	return context.Background()
}

// spool copies at most most bytes to a file without a name, which ends with the process at the latest.
func spool(in io.Reader, most int64) (file *os.File, size int64, err error) {
	if file, err = nameless("zhijia-read-*"); err != nil {
		return nil, 0, err
	}
	size, err = io.Copy(file, io.LimitReader(in, most+1))
	if err == nil && size > most {
		err = errBomb
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, size, nil
}

func nameless(pattern string) (*os.File, error) {
	f, err := os.CreateTemp("", pattern)
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// texts are the shared texts of a workbook, one after the other: the first in memory, the rest in a file.
type texts struct {
	first []byte
	ends  [][]uint32 // in pieces of endsPiece: a list that grows is copied, and takes twice its room meanwhile
	n     int
	rest  *os.File
	out   *bufio.Writer
}

const endsPiece = 1 << 16

func (t *texts) add(s string) (err error) {
	from := t.from(t.n)
	switch {
	case t.rest == nil && int(from)+len(s) <= maxInHand:
		t.first = append(t.first, s...)
	case t.rest == nil:
		if t.rest, err = nameless("zhijia-texts-*"); err != nil {
			return err
		}
		t.out = bufio.NewWriterSize(t.rest, 64<<10)
		fallthrough
	default:
		_, err = t.out.WriteString(s)
	}
	if t.n%endsPiece == 0 {
		t.ends = append(t.ends, make([]uint32, endsPiece))
	}
	t.ends[t.n/endsPiece][t.n%endsPiece] = from + uint32(len(s))
	t.n++
	return err
}

func (t *texts) from(i int) uint32 {
	if i == 0 {
		return 0
	}
	return t.ends[(i-1)/endsPiece][(i-1)%endsPiece]
}

func (t *texts) flush() error {
	if t.out == nil {
		return nil
	}
	return t.out.Flush()
}

// at returns a text that is there.
func (t *texts) at(i int) (string, error) {
	from, to := t.from(i), t.from(i+1)
	if int(to) <= len(t.first) {
		return string(t.first[from:to]), nil
	}
	text := make([]byte, to-from)
	_, err := t.rest.ReadAt(text, int64(from)-int64(len(t.first)))
	return string(text), err
}

func (t *texts) close() {
	if t.rest != nil {
		t.rest.Close()
	}
}

// Archive opens a zip file of at most parts parts. The list of a hostile one is not read to its end, where it would take far
// more memory than its bytes.
func Archive(r io.ReaderAt, size int64, parts int) (*zip.Reader, error) {
	list := &listing{ReaderAt: r, left: 256<<10 + 256*int64(parts)}
	z, err := zip.NewReader(list, size)
	if err != nil {
		return nil, err
	}
	if len(z.File) > parts {
		return nil, errParts
	}
	list.whole = true
	return z, nil
}

var errParts = errors.New("the archive has too many parts")

// listing bounds what is read of an archive while its list is.
type listing struct {
	io.ReaderAt
	left  int64
	whole bool
}

func (l *listing) ReadAt(p []byte, at int64) (int, error) {
	if l.whole {
		return l.ReaderAt.ReadAt(p, at)
	}
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, errParts
	}
	return l.ReaderAt.ReadAt(p, at)
}
