package patent

import (
	"regexp"
	"strings"

	"zhijia/internal/fault"
)

// IPC is a symbol of the International Patent Classification, at least a
// subclass.
type IPC struct {
	Subclass string // H01M
	Group    string // 10/0525, empty when only the subclass is known
}

// ParseIPC reads a symbol such as H01M10/0525, "H01M 10/0525" or H01M.
func ParseIPC(s string) (IPC, error) {
	bad := func() (IPC, error) {
		return IPC{}, fault.New(fault.Invalid, "ipc.shape", "不是 IPC 分类号，正确写法如 H01M 10/0525。", "Not an IPC symbol; write it like H01M 10/0525.")
	}
	if m := printedIPC.FindStringSubmatch(strings.ToUpper(s)); m != nil && len(s) <= maxNumber {
		s = m[1]
		switch main, sub := strings.TrimLeft(m[2], "0"), m[3]; {
		case m[2] != "" && main == "":
			return bad()
		case m[4] != "": // the fixed form of ST.8: H01M0004360000
			main, sub = strings.TrimLeft(m[4], "0"), strings.TrimRight(m[5], "0")
			if main == "" {
				return bad()
			}
			s += main + "/" + sub + strings.Repeat("0", max(0, 2-len(sub)))
		case main != "" && sub == "":
			s += main + "/00"
		case main != "":
			s += main + "/" + sub
		}
	}
	text, commas, ok := squeeze(s)
	if len(s) > maxNumber || !ok || len(text) < 4 ||
		text[0] < 'A' || text[0] > 'H' || !digit(text[1]) || !digit(text[2]) || text[3] < 'A' || text[3] > 'Z' {
		return bad()
	}
	group := text[4:]
	if group == "" {
		return IPC{Subclass: text}, nil
	}
	main, sub, ok := strings.Cut(group, "/")
	if !ok || commas || len(main) < 1 || len(main) > 4 || len(sub) < 2 || len(sub) > 6 || strings.Trim(main+sub, "0123456789") != "" {
		return bad()
	}
	return IPC{text[:4], group}, nil
}

// printedIPC is a symbol as offices and vendors print it: with the edition
// (2006.01), the version Int.Cl.7, the flags A I of ST.8 behind it, blanks or
// zeros within.
var printedIPC = regexp.MustCompile(`^\s*(?:INT\.?\s*CL\.?\s*\d{0,2}\s*[:：]?)?\s*([A-H]\d{2}[A-Z])\s*(?:(\d{1,4})(?:\s*/\s*(\d{2,6}))?|(\d{4})(\d{6}))?\s*(?:[(（]\d{4}\.\d{1,2}[)）]\s*[A-Z]{0,2})?(?:\s+[A-Z]){0,4}\s*$`)

// String returns the display form, e.g. "H01M 10/0525".
func (c IPC) String() string {
	if c.Group == "" {
		return c.Subclass
	}
	return c.Subclass + " " + c.Group
}

// Section returns the section letter.
func (c IPC) Section() string { return c.Subclass[:1] }

// Class returns the class, e.g. H01.
func (c IPC) Class() string { return c.Subclass[:3] }

func digit(b byte) bool { return b >= '0' && b <= '9' }
