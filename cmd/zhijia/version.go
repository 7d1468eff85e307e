package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version of this program. A build from a repository adds the
// revision by itself.
const release = "0.1.0"

// versionCmd prints what this program is.
type versionCmd struct{}

type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func version() versionInfo {
	v := versionInfo{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	return v
}

// Run prints the version.
func (versionCmd) Run(g *Globals) error {
	v := version()
	if g.JSON {
		return g.print(v)
	}
	fmt.Fprintf(g.stdout, "zhijia %s", v.Version)
	if v.Revision != "" {
		fmt.Fprintf(g.stdout, " (%.12s", v.Revision)
		if v.Modified {
			fmt.Fprint(g.stdout, ", modified")
		}
		fmt.Fprint(g.stdout, ")")
	}
	fmt.Fprintf(g.stdout, " %s %s\n", v.Go, v.Platform)
	return nil
}
