// Package eval holds what the evaluation harness runs on: tasks, datasets of
// facts, baselines and recorded model replies. It is embedded in the binary.
package eval

import "embed"

// FS holds tasks, datasets, baselines and recorded.
//
//go:embed all:tasks all:datasets all:baselines all:recorded
var FS embed.FS
