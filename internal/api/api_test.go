package api

import (
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
