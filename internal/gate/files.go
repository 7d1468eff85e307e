package gate

import (
	"io"
	"net/url"
	"os"
	"path"
	"strings"
	"unicode"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
)

// XLSX is the media type of a workbook.
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// ErrNoFile refuses an upload without a file.
var ErrNoFile = fault.New(fault.Invalid, "upload.file_missing", "没有收到文件，请放在 file 字段。", "There is no file; put it into the field file.",
	fault.Field{Field: "file", Code: "upload.file_missing", Zh: "缺少文件", En: "missing"})

// Attach names a download: plainly for programs that know no more, and with
// its Chinese name (RFC 6266, section 5).
func Attach(c *gin.Context, contentType, plain, name string) {
	c.Header("Content-Type", contentType)
	c.Header("Content-Disposition", `attachment; filename="`+plain+`"; filename*=UTF-8''`+url.PathEscape(name))
	c.Header("Cache-Control", "no-store")
}

// Spool is a file without a name: a desk's file is gone with the request,
// even when the process is killed.
func Spool(pattern string) (*os.File, error) {
	f, err := os.CreateTemp("", pattern)
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// FileName keeps what is harmless of a client's file name: no control characters
// and no marks that turn the direction of writing, behind which an ending reads
// as another.
func FileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || strings.ContainsRune(`/\<>"'`, r) {
			return '_'
		}
		return r
	}, name)
	if r := []rune(name); len(r) > 120 {
		name = string(r[len(r)-120:]) // the ending names the format
	}
	return name
}

// SendFile sends what was spooled as a download under a plain and a Chinese
// name; its ending says what it is.
func SendFile(c *gin.Context, spool *os.File, plain, name string) error {
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	contentType := XLSX
	if path.Ext(plain) == ".csv" {
		contentType = "text/csv; charset=utf-8"
	}
	Attach(c, contentType, plain, name)
	_, err := io.Copy(c.Writer, spool)
	return err
}
