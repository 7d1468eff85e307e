// Package paging names the place where a page of a list ended, so that the next
// page begins behind it however much was added in front meanwhile.
//
// A list is read one line beyond the page, and [Cut] takes that line off and
// names the place. Every list of the service is paged this one way.
package paging

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"zhijia/internal/fault"
)

// Place is where a page ended: at the line with this id, made at this time. A
// list in the order of its ids has no time.
type Place struct {
	At time.Time // to the microsecond
	ID string
}

// Numbered is the place in a list in the order of a number.
func Numbered(n int64) Place { return Place{ID: strconv.FormatInt(n, 10)} }

// Cursor writes the place for a client, who treats it as opaque.
func (p Place) Cursor() string {
	micros := int64(0)
	if !p.At.IsZero() {
		micros = p.At.UnixMicro()
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(micros, 36) + "." + p.ID))
}

// maxID bounds the id in a cursor, bytes: contracts are the longest.
const maxID = 800

// Read is the inverse of [Place.Cursor]; the zero Place, before the first line,
// for an empty cursor.
func Read(cursor string) (p Place, err error) {
	if cursor == "" {
		return Place{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return Place{}, ErrCursor
	}
	stamp, id, _ := strings.Cut(string(b), ".")
	micros, err := strconv.ParseInt(stamp, 36, 64)
	if err != nil || id == "" || len(id) > maxID || micros < 0 || micros >= 1<<53 {
		return Place{}, ErrCursor
	}
	if micros > 0 {
		p.At = time.UnixMicro(micros).UTC()
	}
	p.ID = id
	return p, nil
}

// ReadNumber reads the cursor of a list in the order of a number; 0 for an
// empty one.
func ReadNumber(cursor string) (int64, error) {
	p, err := Read(cursor)
	if err != nil || p.ID == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(p.ID, 10, 64)
	if err != nil || n < 1 {
		return 0, ErrCursor
	}
	return n, nil
}

// Cut makes a page of at most limit lines of what was read one line beyond it,
// and the cursor of the next page: empty on the last. The page is never nil.
func Cut[T any](read []T, limit int, place func(*T) Place) (page []T, next string) {
	if len(read) <= limit {
		return append([]T{}, read...), ""
	}
	return read[:limit], place(&read[limit-1]).Cursor()
}

// ErrCursor refuses what is not the cursor of a page.
var ErrCursor = fault.New(fault.Invalid, "cursor.invalid", "cursor 无效，请使用上一页返回的 next_cursor。", "The cursor is not valid; use the next_cursor of the last page.",
	fault.Field{Field: "query.cursor", Code: "cursor.invalid", Zh: "无效", En: "not valid"})
