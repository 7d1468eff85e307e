package arranger

import (
	"slices"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/pool"
)

func TestRegisterFillsStateAndEncumbrance(t *testing.T) {
	t.Parallel()
	day := calendar.New(2026, 9, 30)
	event := func(code string, year int) patent.Event {
		return patent.Event{Code: code, Effective: calendar.New(year, 1, 1), Registration: "Y1", Party: "某银行", LicenceKind: "独占许可"}
	}
	for name, c := range map[string]struct {
		given  pool.IP
		events []patent.Event
		state  string
		burden []string
		notes  int
	}{
		"clean":            {pool.IP{}, []patent.Event{event("GR01", 2016)}, "alive", []string{}, 0},
		"pledged":          {pool.IP{Encumbrance: []string{}}, []patent.Event{event("GR01", 2016), event("PE01", 2020)}, "alive", []string{"pledge"}, 1},
		"released":         {pool.IP{}, []patent.Event{event("GR01", 2016), event("PE01", 2020), event("PC01", 2021)}, "alive", []string{}, 0},
		"preserved":        {pool.IP{}, []patent.Event{event("GR01", 2016), event("PP01", 2020)}, "alive", []string{"preservation"}, 1},
		"licensed":         {pool.IP{}, []patent.Event{event("GR01", 2016), event("EE01", 2020)}, "alive", []string{"exclusive_licence"}, 1},
		"lapsed":           {pool.IP{State: "alive"}, []patent.Event{event("GR01", 2016), event("CF01", 2020)}, "dead", []string{}, 1},
		"after cut-off":    {pool.IP{}, []patent.Event{event("GR01", 2016), event("PE01", 2027)}, "alive", []string{}, 0},
		"not yet granted":  {pool.IP{}, []patent.Event{event("SE01", 2016)}, "", nil, 0},
		"stated by a deal": {pool.IP{State: "alive", Encumbrance: []string{"pledge"}}, []patent.Event{event("GR01", 2016)}, "alive", []string{"pledge"}, 0},
	} {
		s := patent.Reduce(c.events, day)
		notes := register(&c.given, &s)
		if c.given.State != c.state || !slices.Equal(c.given.Encumbrance, c.burden) || (c.given.Encumbrance == nil) != (c.burden == nil) || len(notes) != c.notes {
			t.Errorf("%s: %q %v, notes %v", name, c.given.State, c.given.Encumbrance, notes)
		}
	}
}
