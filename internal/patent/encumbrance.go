package patent

import "strings"

// Allowance says whether something may be done with a patent.
type Allowance string

// Allowances. What the events on file do not tell stays unknown.
const (
	Allowed     Allowance = "allowed"
	WithConsent Allowance = "with_consent" // of the pledgee, lessor or pool named in the reason
	Forbidden   Allowance = "forbidden"
	NotKnown    Allowance = "unknown"
)

// Act is something an owner may want to do with a patent.
type Act string

// Acts.
const (
	Transfer    Act = "transfer"
	License     Act = "license"
	OpenLicense Act = "open_license"
	Pledge      Act = "pledge"
	Securitise  Act = "securitise" // put its licence income or itself into a pool
)

var acts = []struct {
	act Act
	zh  string
}{{Transfer, "转让"}, {License, "新许可"}, {OpenLicense, "开放许可"}, {Pledge, "质押"}, {Securitise, "入池"}}

// Use says whether one act is still allowed and why not.
type Use struct {
	Act     Act       `json:"act"`
	Zh      string    `json:"zh"`
	Allowed Allowance `json:"allowed"`
	Reasons []string  `json:"reasons,omitempty"` // Chinese
}

// Holdings are encumbrances by other products, which no gazette publishes.
type Holdings struct {
	Pools     []string `json:"pools,omitempty"`     // securitisation pools that hold the patent
	Lessor    string   `json:"lessor,omitempty"`    // sale and leaseback: who has or will have the title
	Titled    bool     `json:"titled,omitempty"`    // the transfer to the lessor is registered (TR01)
	Pledged   []string `json:"pledged,omitempty"`   // loans it secures, whether or not the register says so yet
	Exclusive []string `json:"exclusive,omitempty"` // exclusive licences agreed, recorded or not
	Offered   []string `json:"offered,omitempty"`   // put up and not yet agreed: burdens nothing, and must be seen
}

// Uses returns what is still allowed in a state (民法典 444, 专利法实施细则 86,
// docs/registry.md): pledged, nothing moves without the pledgee and there is no
// second pledge; licensed exclusively, no open or further licence; preserved,
// nothing can be registered.
func Uses(s State, h Holdings) []Use {
	out := make([]Use, 0, len(acts))
	for _, a := range acts {
		u := Use{Act: a.act, Zh: a.zh, Allowed: Allowed}
		switch {
		case s.Standing == Dead:
			u.add(Forbidden, "专利权已失效（"+reasonZh(s.Reason)+"）")
		case s.Standing == Pending:
			if a.act != Transfer && a.act != License {
				u.add(Forbidden, "尚未授权")
			}
		case s.Standing == Unknown:
			u.add(NotKnown, "库中没有授权或失效公告")
		}
		if s.Preserved == Yes {
			u.add(Forbidden, "处于保全中，不予办理登记")
		}
		if s.Standing == Alive && (s.Pledged == DontSay || s.Preserved == DontSay) {
			u.add(NotKnown, "来源不完整，是否有质押或保全未知，请查专利登记簿副本")
		}
		for _, p := range s.Pledges {
			why := "质押登记" + p.Registration + "（质权人" + p.Party + "）在质押期间"
			if a.act == Pledge {
				u.add(Forbidden, why)
			} else {
				u.add(WithConsent, why+"，须经质权人同意")
			}
		}
		for _, l := range s.Licences {
			if !strings.Contains(l.Kind, "独占") && !strings.Contains(l.Kind, "排他") {
				continue
			}
			why := "已有" + l.Kind + "许可（备案号" + l.Registration + "）"
			switch a.act {
			case OpenLicense, License:
				u.add(Forbidden, why)
			case Pledge, Securitise:
				u.add(Allowed, why+"，价值仅为许可收益")
			}
		}
		for _, p := range h.Pledged {
			why := "已用于质押（" + p + "）"
			if a.act == Pledge {
				u.add(Forbidden, why)
			} else {
				u.add(WithConsent, why+"，须经质权人同意")
			}
		}
		for _, x := range h.Exclusive {
			why := "已独占许可（" + x + "）"
			switch a.act {
			case OpenLicense, License:
				u.add(Forbidden, why)
			case Pledge, Securitise:
				u.add(Allowed, why+"，价值仅为许可收益")
			}
		}
		for _, p := range h.Pools {
			why := "已在资产池中（" + p + "）"
			if a.act == Securitise || a.act == Pledge {
				u.add(Forbidden, why)
			} else {
				u.add(WithConsent, why+"，须经管理人同意")
			}
		}
		if h.Lessor != "" {
			why := "融资租赁：所有权属于" + h.Lessor
			if !h.Titled {
				why = "融资租赁（" + h.Lessor + "）：转让登记（TR01）前所有权未变"
			}
			if a.act == License {
				u.add(WithConsent, why+"，须经出租人同意")
			} else {
				u.add(Forbidden, why)
			}
		}
		out = append(out, u)
	}
	return out
}

// add keeps the strictest answer and every reason.
func (u *Use) add(a Allowance, why string) {
	rank := map[Allowance]int{Allowed: 0, NotKnown: 1, WithConsent: 2, Forbidden: 3}
	if rank[a] > rank[u.Allowed] {
		u.Allowed = a
	}
	u.Reasons = append(u.Reasons, why)
}
