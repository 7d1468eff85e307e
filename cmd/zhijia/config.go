package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// configCmd shows the settings the service would run with.
type configCmd struct {
	serviceFlags
}

// setting is one effective value.
type setting struct {
	Name  string `json:"name"`
	Env   string `json:"env,omitempty"`
	Value string `json:"value"`
	Help  string `json:"help"`
	group string
}

// Run prints every setting of `zhijia serve` after flags, environment and
// file, with secrets masked.
func (c *configCmd) Run(g *Globals, kctx *kong.Context) error {
	var all []setting
	width := 0
	for _, f := range kctx.Selected().Flags {
		if f.Hidden || f.Name == "help" {
			continue
		}
		value := text(f.Target)
		if f.Tag.Get("secret") != "" || f.Name == "database-url" {
			value = maskSecret(value)
		}
		s := setting{Name: f.Name, Value: value, Help: f.Help}
		if len(f.Envs) > 0 {
			s.Env = f.Envs[0]
		}
		if f.Group != nil {
			s.group = f.Group.Title
		}
		width = max(width, len(f.Name))
		all = append(all, s)
	}
	if g.JSON {
		return g.print(all)
	}
	group := ""
	for _, s := range all {
		if s.group != group {
			group = s.group
			fmt.Fprintf(g.stdout, "\n# %s\n", group)
		}
		value := s.Value
		if value == "" {
			value = `""`
		}
		fmt.Fprintf(g.stdout, "%-*s  %-24s  # %s\n", width+1, s.Name+":", value, s.Env)
	}
	return nil
}

func text(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = fmt.Sprint(v.Index(i).Interface())
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v.Interface())
}
