package arranger

import (
	"slices"
	"strings"

	"zhijia/internal/patent"
	"zhijia/internal/pool"
)

// register fills what a deal leaves open about a patent's standing and
// encumbrances from its legal state. A burden the events tell of is added even
// where the deal states none: a pledge on the register binds whatever the
// arranger brings.
func register(x *pool.IP, s *patent.State) (notes []string) {
	note := func(text string) { notes = append(notes, x.Number+"："+text) }
	switch {
	case s.Standing == patent.Dead && x.State != "dead":
		x.State, x.StateReason, x.StateAsOf = "dead", s.Reason, s.LastSeen
		note("公告显示权利已失效（" + s.Reason + "）")
	case s.Standing == patent.Alive && x.State == "":
		x.State, x.StateAsOf = "alive", s.LastSeen
	}
	burden := func(name, why string) {
		if !slices.Contains(x.Encumbrance, name) {
			x.Encumbrance = append(slices.Clone(x.Encumbrance), name)
			note(why)
		}
	}
	if s.Pledged == patent.Yes {
		p := s.Pledges[0]
		burden("pledge", "公告显示已质押（登记号"+p.Registration+"，质权人"+p.Party+"）")
		if x.Registered == "" {
			x.Registered = p.Registration
		}
	}
	if s.Preserved == patent.Yes {
		burden("preservation", "公告显示处于保全中")
	}
	for _, l := range s.Licences {
		if strings.Contains(l.Kind, "独占") {
			burden("exclusive_licence", "公告显示已独占许可（备案号"+l.Registration+"）")
		}
	}
	if x.Encumbrance == nil && s.Pledged == patent.No && s.Preserved == patent.No {
		x.Encumbrance = []string{} // the register says there is none
	}
	return notes
}
