package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"zhijia/internal/civil"
)

// valuationDocument is a valuation as every interface gives it out. The parts
// that were stored as JSON appear as they were stored.
type valuationDocument struct {
	ID          string          `json:"id"`
	CreatedAt   time.Time       `json:"created_at"`
	CreatedBy   string          `json:"created_by"`
	Number      string          `json:"number,omitempty"`
	Title       string          `json:"title"`
	Purpose     string          `json:"purpose"`
	AsOf        civil.Date      `json:"valuation_date"`
	Status      string          `json:"status"`
	Assumptions string          `json:"assumptions"`
	Hash        string          `json:"hash"`
	Request     json.RawMessage `json:"request"`
	Conclusion  json.RawMessage `json:"conclusion"`
}

// JSON returns the document REST, CLI and batch give out for v: the same bytes
// for the same record, always.
func (v *Valuation) JSON() ([]byte, error) {
	b, err := json.Marshal(valuationDocument{
		v.ID, v.CreatedAt, v.CreatedBy, v.Number, v.Title, v.Purpose, v.AsOf, v.Status, v.Assumptions,
		hex.EncodeToString(v.Hash), v.Request, v.Conclusion,
	})
	if err != nil {
		return nil, fmt.Errorf("valuation %s: %w", v.ID, err)
	}
	return b, nil
}
