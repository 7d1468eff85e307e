package market

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed 2026-11.json
var defaultJSON []byte

// Default returns the prior that ships with the product.
func Default() Prior {
	p, err := Load(defaultJSON)
	if err != nil {
		panic(err) // the embedded file is checked by a test
	}
	return p
}

// Load reads a prior, refusing unknown fields and what does not pass [Prior.Check].
func Load(b []byte) (Prior, error) {
	var p Prior
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Prior{}, fmt.Errorf("market prior: %w", err)
	}
	return p, p.Check()
}
