package patent

import "slices"

// Product is a use a patent can be put up for.
type Product string

// Products.
const (
	ByPledge           Product = "pledge"
	ByPool             Product = "pool"
	ByLease            Product = "lease" // sale and leaseback
	ByExclusiveLicence Product = "exclusive_licence"
	ByLicence          Product = "licence" // ordinary
	ByInsurance        Product = "insurance"
	ByFund             Product = "fund_position" // a fund holds a stake or a licence share that rests on it
	ByGuarantee        Product = "guarantee"     // a guarantor answers for the loan; a counter-pledge to him is a pledge
)

// Products are all of them.
var Products = []Product{ByPledge, ByPool, ByLease, ByExclusiveLicence, ByLicence, ByInsurance, ByFund, ByGuarantee}

// Burdens reports whether the product takes something of the right away from its
// owner. What does not may stand beside everything, for whoever.
func (p Product) Burdens() bool { return p != ByInsurance && p != ByFund && p != ByGuarantee }

// Zh returns the product's Chinese name.
func (p Product) Zh() string {
	switch p {
	case ByPledge:
		return "质押"
	case ByPool:
		return "资产池"
	case ByLease:
		return "融资租赁"
	case ByExclusiveLicence:
		return "独占许可"
	case ByLicence:
		return "普通许可"
	case ByInsurance:
		return "保险"
	case ByFund:
		return "基金持仓"
	case ByGuarantee:
		return "融资担保"
	}
	return string(p)
}

// Offer is one patent put up once, by one party for one product.
type Offer struct {
	Number    string  `json:"number"` // normal form
	Product   Product `json:"product"`
	Reference string  `json:"reference"`            // contract, batch or pool
	Party     string  `json:"party"`                // who puts it up: borrower, originator, lessee, licensor
	PartyCode string  `json:"party_code,omitempty"` // unified social credit code, where known
}

// Clash is what stands between an offer and an earlier one of the same patent.
type Clash struct {
	Code    string    `json:"code"` // double_offer, second_use, after_exclusive, consent
	Allowed Allowance `json:"allowed"`
	Zh      string    `json:"zh"`
}

// Against says whether o can stand beside an earlier offer of the same patent:
// the second value is false when nothing is to be said. Two parties can never
// put up the same patent; the same party can only as far as [Uses] allows, and
// an offer told again under its own contract is the same offer.
func (o Offer) Against(earlier Offer) (Clash, bool) {
	if !o.Product.Burdens() || !earlier.Product.Burdens() {
		return Clash{}, false
	}
	if !o.sameParty(earlier) {
		return Clash{"double_offer", Forbidden, "同一专利由不同主体提供（先有" + earlier.Product.Zh() + "）"}, true
	}
	if o.Product == earlier.Product && o.Reference == earlier.Reference {
		return Clash{}, false
	}
	licence := o.Product == ByLicence || o.Product == ByExclusiveLicence
	switch earlier.Product {
	case ByPledge, ByPool:
		if licence || earlier.Product == ByPledge && o.Product == ByPool { // 民法典 444: its income may be passed on where the pledgee agrees
			if o.Product == ByPool {
				return Clash{"consent", WithConsent, "已用于质押，入池须经质权人同意"}, true
			}
			return Clash{"consent", WithConsent, "已用于" + earlier.Product.Zh() + "，新许可须经同意"}, true
		}
	case ByLease:
		if licence {
			return Clash{"consent", WithConsent, "所有权属于出租人，新许可须经出租人同意"}, true
		}
	case ByExclusiveLicence:
		if licence {
			return Clash{"after_exclusive", Forbidden, "已独占许可，不能再许可"}, true
		}
		return Clash{"after_exclusive", Allowed, "已独占许可，价值仅为许可收益"}, true
	case ByLicence:
		if o.Product == ByExclusiveLicence {
			return Clash{"consent", WithConsent, "已有普通许可，独占许可须经原被许可人同意"}, true
		}
		return Clash{}, false
	}
	return Clash{"second_use", Forbidden, "已用于" + earlier.Product.Zh() + "，不能再用于" + o.Product.Zh()}, true
}

// sameParty tells by the credit codes where both are known, by the names
// folded otherwise.
func (o Offer) sameParty(other Offer) bool {
	a, err := ParseCreditCode(o.PartyCode)
	b, err2 := ParseCreditCode(other.PartyCode)
	if err == nil && err2 == nil {
		return a == b
	}
	return SameName(o.Party, other.Party)
}

// SameName reports whether two names are one party's, written in two ways.
func SameName(a, b string) bool {
	x, f := NormalName(a)
	y, g := NormalName(b)
	return x == y && f == g
}

// SameParties reports that two lists name the same parties in any order.
func SameParties(a, b []string) bool {
	fold := func(names []string) []string {
		out := make([]string, len(names))
		for i, n := range names {
			core, form := NormalName(n)
			out[i] = core + "|" + form
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(fold(a), fold(b))
}
