package embed

import (
	_ "embed" // the names
	"strings"
	"sync"
)

// Abridged Chinese titles of the subclasses, with things that belong there; they
// are shown beside a symbol and nothing is learned from them.
//
//go:embed subclasses.txt
var subclassNames string

var nameOf = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(subclassNames) {
		if code, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			names[code] = name
		}
	}
	return names
})

// SubclassName says in Chinese what an IPC subclass is about, "" when it is not
// known.
func SubclassName(subclass string) string { return nameOf()[subclass] }
