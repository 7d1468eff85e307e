package api

import (
	"strings"
	"testing"

	"zhijia/internal/gate"
	"zhijia/internal/pages"
)

// API and pages together answer every entry of the access table and nothing
// else.
func TestEveryEntryOfTheAccessTableIsAnswered(t *testing.T) {
	t.Parallel()
	g := gate.New(gate.Options{})
	if _, err := New(g, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := pages.Register(g, pages.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := g.Complete(); err != nil {
		t.Error(err)
	}
}

// No body of the API is a row of the store: a renamed column would change what
// clients read.
func TestNoBodyIsOfTheStore(t *testing.T) {
	t.Parallel()
	s, err := New(gate.New(gate.Options{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name := range s.api.OpenAPI().Components.Schemas.Map() {
		if strings.HasPrefix(name, "Store") {
			t.Errorf("schema %s is a type of the store", name)
		}
	}
}
