package harness

import (
	"bytes"
	"fmt"

	"zhijia/internal/sheet"
)

// readTable reads a text table whose lines all have as many cells as its head.
func readTable(raw []byte) ([][]string, error) {
	table, err := sheet.Lines(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	for i, cells := range table {
		if len(cells) != len(table[0]) {
			return nil, fmt.Errorf("record %d has %d cells, the head has %d", i+1, len(cells), len(table[0]))
		}
	}
	return table, nil
}
