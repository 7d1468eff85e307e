package pool

import (
	"fmt"
	"maps"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// Shelf is an approved programme (储架) and what was issued under it.
type Shelf struct {
	Approved      money.Fen     `json:"approved"`
	Expires       calendar.Date `json:"expires"`
	Series        []Series      `json:"series"` // in order of issue; the last may be the one proposed
	Homogeneous   Fact          `json:"homogeneous"`
	RealFirstPool Fact          `json:"real_first_pool"` // the first series was filed with a real pool
	Supply        Fact          `json:"supply"`          // capacity to supply further assets of the kind
}

// Series is one issue under a shelf. Criteria are the eligibility standard and
// the structure by name, e.g. {"class": "lease", "max_single": "0.5",
// "shadow_ratings": "A-及以上≥60%"}.
type Series struct {
	Name     string            `json:"name"`
	Date     calendar.Date     `json:"date"`
	Amount   money.Fen         `json:"amount"`
	Criteria map[string]string `json:"criteria"`
}

// ShelfLedger is the room left and the conformity of every series.
type ShelfLedger struct {
	Approved money.Fen     `json:"approved"`
	Issued   money.Fen     `json:"issued"`
	Room     money.Fen     `json:"room"` // negative when overdrawn
	Used     float64       `json:"used"` // issued / approved
	Series   []SeriesCheck `json:"series"`
}

// SeriesCheck says how a series differs from the first.
type SeriesCheck struct {
	Name      string    `json:"name"`
	Room      money.Fen `json:"room_after"`
	Conforms  bool      `json:"conforms"`
	Different []string  `json:"different,omitempty"` // criteria that differ or are missing
	Over      bool      `json:"over"`                // beyond the approved amount
	Late      bool      `json:"late"`                // dated after the approval expires
}

// Ledger draws every series in order and compares its criteria with those of
// the first (guide no. 2, 2.3.7).
func (s *Shelf) Ledger() ShelfLedger {
	l := ShelfLedger{Approved: s.Approved, Room: s.Approved}
	for i, x := range s.Series {
		l.Issued += x.Amount
		l.Room = s.Approved - l.Issued
		c := SeriesCheck{Name: x.Name, Room: l.Room, Over: l.Room < 0, Late: !s.Expires.IsZero() && x.Date.After(s.Expires)}
		if i > 0 {
			first := s.Series[0].Criteria
			keys := maps.Clone(first)
			if keys == nil {
				keys = map[string]string{}
			}
			maps.Copy(keys, x.Criteria)
			for _, k := range slices.Sorted(maps.Keys(keys)) {
				if a, b := first[k], x.Criteria[k]; a != b {
					c.Different = append(c.Different, fmt.Sprintf("%s: %q -> %q", k, a, b))
				}
			}
		}
		c.Conforms = len(c.Different) == 0 && !c.Over && !c.Late
		l.Series = append(l.Series, c)
	}
	if s.Approved > 0 {
		l.Used = float64(l.Issued) / float64(s.Approved)
	}
	return l
}
