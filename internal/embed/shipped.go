package embed

import (
	_ "embed" // the model is part of the program
	"sync"
)

// shippedBody is made by `zhijia embed train`; docs/embedding.md has the
// command and what the texts were. The texts are not part of the project.
//
//go:embed shipped.bin
var shippedBody []byte

// Shipped returns the model that comes with the program: a map from wording to
// patent classes learned from public Chinese titles and abstracts.
var Shipped = sync.OnceValue(func() *Model {
	m, err := Load(shippedBody)
	if err != nil {
		panic("the shipped embedding model cannot be read: " + err.Error()) // a build without a readable model is broken
	}
	return m
})
