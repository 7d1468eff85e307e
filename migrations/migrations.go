// Package migrations holds the database schema as forward-only SQL steps.
package migrations

import "embed"

// FS holds the numbered steps, applied in order by store.Migrate.
//
//go:embed *.sql
var FS embed.FS
