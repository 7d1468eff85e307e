package patent

import (
	"cmp"
	_ "embed" // the titles
	"slices"
	"strings"
)

// Title is a title in both languages, abridged for display.
type Title struct {
	Zh string `json:"zh"`
	En string `json:"en"`
}

//go:embed ipc_titles.tsv
var ipcTitlesTSV string

var ipcTitles = func() map[string]Title {
	titles := map[string]Title{}
	for line := range strings.Lines(ipcTitlesTSV) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
			titles[f[0]] = Title{f[1], f[2]}
		}
	}
	return titles
}()

// SectionTitle returns the title of a section letter, empty when unknown.
func SectionTitle(section string) Title { return ipcTitles[section] }

// ClassTitle returns the title of a class such as H01, empty when unknown.
func ClassTitle(class string) Title { return ipcTitles[class] }

// Compare orders symbols as the classification does: by subclass, main group
// as a number, subgroup as a decimal fraction.
func (c IPC) Compare(d IPC) int {
	cm, cs, _ := strings.Cut(c.Group, "/")
	dm, ds, _ := strings.Cut(d.Group, "/")
	return cmp.Or(strings.Compare(c.Subclass, d.Subclass), cmp.Compare(atoi(cm), atoi(dm)), strings.Compare(cs, ds))
}

// SortIPC reads symbols and returns them in the order of the classification,
// each once; what is no symbol is left out.
func SortIPC(symbols []string) []IPC {
	var out []IPC
	for _, s := range symbols {
		if c, err := ParseIPC(s); err == nil {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, IPC.Compare)
	return slices.Compact(out)
}
