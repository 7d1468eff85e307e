package httpapi

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"zhijia/internal/fault"
)

// A cursor names the last line of a page by its time and id. Clients treat it
// as opaque.
func makeCursor(at time.Time, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at.UnixMicro(), 36) + "." + id))
}

func readCursor(s string) (at time.Time, id string, err error) {
	if s == "" {
		return time.Time{}, "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		stamp, rest, ok := strings.Cut(string(b), ".")
		micros, perr := strconv.ParseInt(stamp, 36, 64)
		if ok && perr == nil && rest != "" && len(rest) <= 100 && micros > 0 && micros < 1<<53 {
			return time.UnixMicro(micros).UTC(), rest, nil
		}
	}
	return time.Time{}, "", fault.New(fault.Invalid, "cursor.invalid", "cursor 无效，请使用上一页返回的值。", "The cursor is not valid; use the one the last page returned.",
		fault.Field{Field: "query.cursor", Code: "cursor.invalid", Zh: "无效", En: "not valid"})
}
