package store

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// Actor is who asks or acts.
type Actor struct {
	Name        string // as shown and put on record: the person, the key or the system
	Institution string
	Person      string // id of the person; empty: a system or the command line
}

// NewID returns a random id that sorts by time.
func NewID(prefix string, now time.Time) string {
	return prefix + "_" + hex.EncodeToString(idBytes(now))
}

func idBytes(now time.Time) []byte {
	var b [16]byte
	ms := now.UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (8 * (5 - i)))
	}
	rand.Read(b[6:])
	return b[:]
}
