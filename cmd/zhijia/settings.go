package main

import (
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// maskSecret hides what must not be printed. Of a URL only the password goes.
func maskSecret(v string) string {
	if v == "" {
		return ""
	}
	if u, err := url.Parse(v); err == nil && u.Scheme != "" && u.Host+u.Path != "" {
		q := u.Query()
		if q.Has("password") {
			q.Set("password", "xxxxx")
			u.RawQuery = q.Encode()
		}
		return u.Redacted()
	}
	return "********"
}

// yamlConfig reads settings from a YAML or JSON file whose keys are the names
// of flags, with dashes or underscores. A key that names no flag is an error:
// a misspelt limit must not be ignored in silence.
func yamlConfig(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	if err := yaml.NewDecoder(r).Decode(&values); err != nil && err != io.EOF {
		return nil, fmt.Errorf("settings file: %w", err)
	}
	for k, v := range values {
		if n := strings.ReplaceAll(k, "_", "-"); n != k {
			delete(values, k)
			values[n] = v
		}
	}
	return settingsFile(values), nil
}

type settingsFile map[string]any

// Validate implements kong.Resolver.
func (s settingsFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			known[f.Name] = true
		}
		return next(nil)
	})
	for k := range s {
		if !known[k] {
			return fmt.Errorf("settings file: %q is not a setting", k)
		}
	}
	return nil
}

// Resolve implements kong.Resolver. The environment comes before the file.
func (s settingsFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	v, ok := s[flag.Name]
	if !ok {
		return nil, nil
	}
	for _, name := range flag.Envs { // kong itself would let the file win
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	switch v := v.(type) {
	case uint64:
		if v > math.MaxInt64 {
			return nil, fmt.Errorf("settings file: %s: %d is too large", flag.Name, v)
		}
		return fmt.Sprint(v), nil
	case int64, float64, bool:
		return fmt.Sprint(v), nil
	}
	return v, nil
}
