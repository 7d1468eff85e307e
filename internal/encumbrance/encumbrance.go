package encumbrance

import (
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// State is how far a use of a right has gone.
type State string

// States. Offered burdens nothing; disputed is a commitment the ledger forbids,
// kept on file because somebody signed it: it burdens nothing either, and owns
// nothing.
const (
	Offered    State = "offered"
	Committed  State = "committed"  // agreed between the parties
	Registered State = "registered" // with the authority, by its number
	Released   State = "released"
	Disputed   State = "disputed"
)

// States are all of them.
var States = []State{Offered, Committed, Registered, Released, Disputed}

// Zh returns the state's Chinese name.
func (s State) Zh() string {
	return map[State]string{Offered: "已提供", Committed: "已签约", Registered: "已登记", Released: "已解除", Disputed: "有争议"}[s]
}

// Burdens reports whether others must respect a use in the state.
func (s State) Burdens() bool { return s == Committed || s == Registered }

var next = map[State][]State{
	"":         {Offered, Committed, Registered, Disputed},
	Offered:    {Offered, Committed, Registered, Disputed, Released},
	Committed:  {Offered, Committed, Registered, Released}, // an offer told again leaves it committed
	Registered: {Offered, Committed, Registered, Released},
	Disputed:   {Disputed, Committed, Registered, Released},
	Released:   {Offered, Committed, Registered, Disputed, Released},
}

// May reports whether a use may go from one state to another; empty is one not
// on file.
func (s State) May(to State) bool { return slices.Contains(next[s], to) }

// Entry is one use of one right.
type Entry struct {
	Right        string         `json:"right"` // [Right.Key]
	Product      patent.Product `json:"product"`
	Reference    string         `json:"reference"` // contract, pool, policy
	Party        string         `json:"party"`     // who puts it up: pledgor, originator, lessee, licensor, insured, portfolio company
	PartyCode    string         `json:"party_code,omitempty"`
	State        State          `json:"state"`
	Beneficiary  string         `json:"beneficiary,omitempty"`  // pledgee, manager, lessor, licensee, insurer, fund, guarantor
	Registration string         `json:"registration,omitempty"` // with the authority
	Amount       *money.Fen     `json:"amount,omitempty"`       // secured, insured, invested or guaranteed
	Covers       string         `json:"covers,omitempty"`       // contract of the loan an insurance or guarantee answers for
	Evidence     string         `json:"evidence,omitempty"`     // document the state rests on
}

// Offer is the entry as the products see it.
func (e *Entry) Offer() patent.Offer {
	return patent.Offer{Number: e.Right, Product: e.Product, Reference: e.Reference, Party: e.Party, PartyCode: e.PartyCode}
}

// OfOwner is what the owner's own consent answers: a third party puts the right
// up.
const OfOwner patent.Product = "owner"

// Consent is somebody's written agreement that a right he holds something in is
// put to another use.
type Consent struct {
	Right     string         `json:"right"`
	Product   patent.Product `json:"product"`             // of the use whose holder agrees; owner: the owner himself
	Reference string         `json:"reference,omitempty"` // of that use: contract or registration; of the owner: none
	To        patent.Product `json:"to"`                  // what he agrees to
	By        string         `json:"by"`                  // who signed
	Document  string         `json:"document"`
	SignedOn  calendar.Date  `json:"signed_on"`
	Until     calendar.Date  `json:"valid_until,omitzero"` // last day; zero: the document states none
}

// Check refuses a consent that proves nothing.
func (c *Consent) Check(today calendar.Date) error {
	var fields []fault.Field
	bad := func(field, zh, en string) {
		fields = append(fields, fault.Field{Field: field, Code: "consent." + field, Zh: zh, En: en})
	}
	if strings.TrimSpace(c.By) == "" {
		bad("by", "请写明由谁同意。", "Say who agrees.")
	}
	if strings.TrimSpace(c.Document) == "" {
		bad("document", "请写明同意书的编号或所在。", "Give the document.")
	}
	if c.SignedOn.IsZero() || c.SignedOn.After(today) {
		bad("signed_on", "签署日应已填写且不晚于今天。", "The day of signing must be given and not lie ahead.")
	}
	if !c.Until.IsZero() && c.Until.Before(c.SignedOn) {
		bad("valid_until", "有效期不得早于签署日。", "It cannot end before it was signed.")
	}
	if c.Product != OfOwner && !slices.Contains(patent.Products, c.Product) || !slices.Contains(patent.Products, c.To) {
		bad("product", "请写明在先用途（或 owner）与所同意的用途。", "Name the earlier use (or owner) and the use agreed to.")
	}
	if c.Product != OfOwner && strings.TrimSpace(c.Reference) == "" {
		bad("reference", "请写明在先用途的合同号或登记号。", "Give the contract or registration of the earlier use.")
	}
	if len(fields) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "consent.invalid", "同意书有误，请按下列提示修改。", "The consent is not valid; see the fields.", fields...)
}

// gives reports whether the consent is to a use on a day, by the holder of an
// earlier one where his name is known.
func (c *Consent) gives(right string, product patent.Product, references []string, holder string, to patent.Product, on calendar.Date) bool {
	return c.Right == right && c.Product == product && c.To == to && (product == OfOwner || slices.Contains(references, c.Reference)) &&
		!c.SignedOn.After(on) && (c.Until.IsZero() || !c.Until.Before(on)) && (holder == "" || patent.SameName(c.By, holder))
}

// Finding is one thing that stands against a use, or that was cleared.
type Finding struct {
	Code      string           `json:"code"`
	Allowed   patent.Allowance `json:"allowed"`
	Zh        string           `json:"zh"`
	Supply    string           `json:"supply,omitempty"` // Chinese: what clears it
	Product   patent.Product   `json:"product,omitempty"`
	Reference string           `json:"reference,omitempty"`
	Consent   string           `json:"consent,omitempty"` // document that cleared it
}

// Ruling says whether a use may be agreed.
type Ruling struct {
	Right    string           `json:"right"`
	Allowed  patent.Allowance `json:"allowed"`
	Findings []Finding        `json:"findings"`
}

// add keeps the strictest answer and every finding.
func (r *Ruling) add(f Finding) {
	rank := map[patent.Allowance]int{patent.Allowed: 0, patent.NotKnown: 1, patent.WithConsent: 2, patent.Forbidden: 3}
	if rank[f.Allowed] > rank[r.Allowed] {
		r.Allowed = f.Allowed
	}
	r.Findings = append(r.Findings, f)
}

// Judge says whether a use may be agreed beside the others of the same right and
// what the register says of it; register is nil where no event is on file. It
// depends on no order of the others. Only what is agreed or registered stands
// against it, and no judgement moves the title: owners come from the register
// alone.
func Judge(e *Entry, others []Entry, register *patent.State, consents []Consent, on calendar.Date) Ruling {
	r := Ruling{Right: e.Right, Allowed: patent.Allowed, Findings: []Finding{}}
	ask := func(f Finding, references []string, holder string) {
		for i := range consents {
			if f.Allowed == patent.WithConsent && consents[i].gives(e.Right, f.Product, references, holder, e.Product, on) {
				f.Allowed, f.Consent, f.Supply = patent.Allowed, consents[i].Document, ""
			}
		}
		r.add(f)
	}
	known := map[string]bool{} // registrations that are entries of the ledger
	for i := range others {
		o := &others[i]
		if o.Right != e.Right || !o.State.Burdens() {
			continue
		}
		if o.Registration != "" {
			known[o.Registration] = true
		}
		clash, found := e.Offer().Against(o.Offer())
		if !found {
			continue
		}
		f := Finding{Code: "ledger." + clash.Code, Allowed: clash.Allowed, Zh: clash.Zh, Product: o.Product, Reference: o.Reference}
		switch clash.Allowed {
		case patent.WithConsent:
			f.Supply = holderZh(o.Product) + "的书面同意（载明" + e.Product.Zh() + "）"
		case patent.Forbidden:
			f.Supply = "先解除" + o.Product.Zh() + "（" + o.Reference + "）"
		}
		ask(f, []string{o.Reference, o.Registration}, o.Beneficiary)
	}
	if register != nil && e.Product.Burdens() {
		registerSays(e, register, known, r.add, ask)
	}
	return r
}

// registerSays adds what the gazette's events say against a use.
func registerSays(e *Entry, s *patent.State, known map[string]bool, add func(Finding), ask func(Finding, []string, string)) {
	switch s.Standing {
	case patent.Dead:
		add(Finding{Code: "right.dead", Allowed: patent.Forbidden, Zh: "权利已失效", Supply: "更换权利"})
	case patent.Pending:
		if e.Product != patent.ByLicence && e.Product != patent.ByExclusiveLicence {
			add(Finding{Code: "right.pending", Allowed: patent.Forbidden, Zh: "尚未授权", Supply: "授权公告"})
		}
	}
	if s.Preserved == patent.Yes {
		add(Finding{Code: "right.preserved", Allowed: patent.Forbidden, Zh: "处于保全中，不予办理登记", Supply: "保全解除的公告"})
	}
	holds := func(o string) bool { // a lessor's title is the lease's own, once it is registered
		return patent.SameName(o, e.Party) || e.Product == patent.ByLease && e.Beneficiary != "" && patent.SameName(o, e.Beneficiary)
	}
	if len(s.Owners) > 0 && !slices.ContainsFunc(s.Owners, holds) {
		ask(Finding{Code: "right.owner", Allowed: patent.WithConsent, Product: OfOwner, Zh: "登记的权利人为" + strings.Join(s.Owners, "、") + "，不是" + e.Party, Supply: "权利人的书面同意"}, nil, ownerAlone(s.Owners))
	}
	for _, p := range s.Pledges {
		if p.Registration != "" && (p.Registration == e.Registration || known[p.Registration]) {
			continue
		}
		f := Finding{Code: "register.pledged", Allowed: patent.WithConsent, Zh: "登记簿载有质押" + p.Registration + "（质权人" + p.Party + "）", Product: patent.ByPledge, Reference: p.Registration, Supply: "质权人的书面同意（载明" + e.Product.Zh() + "）"}
		if e.Product == patent.ByPledge || e.Product == patent.ByLease {
			f.Allowed, f.Supply = patent.Forbidden, "质押登记的注销（PC01）"
		}
		ask(f, []string{p.Registration}, p.Party)
	}
	for _, l := range s.Licences {
		if l.Registration != "" && (l.Registration == e.Registration || known[l.Registration]) || !strings.Contains(l.Kind, "独占") && !strings.Contains(l.Kind, "排他") {
			continue
		}
		f := Finding{Code: "register.exclusive", Allowed: patent.Allowed, Zh: "备案有" + l.Kind + "许可" + l.Registration + "，价值仅为许可收益", Product: patent.ByExclusiveLicence, Reference: l.Registration}
		if e.Product == patent.ByLicence || e.Product == patent.ByExclusiveLicence {
			f.Allowed, f.Zh, f.Supply = patent.Forbidden, "备案有"+l.Kind+"许可"+l.Registration+"，不能再许可", "许可备案的注销（EC01）"
		}
		add(f)
	}
}

// ownerAlone is the owner who must have signed; of several, any name is taken and
// a person checks the others.
func ownerAlone(owners []string) string {
	if len(owners) == 1 {
		return owners[0]
	}
	return ""
}

func holderZh(p patent.Product) string {
	return map[patent.Product]string{patent.ByPledge: "质权人", patent.ByPool: "管理人", patent.ByLease: "出租人", patent.ByLicence: "原被许可人"}[p]
}

// Cleared returns the document of a consent that cleared the use; empty: none was
// needed, or none is there.
func (r *Ruling) Cleared() string {
	if r.Allowed == patent.Allowed {
		for _, f := range r.Findings {
			if f.Consent != "" {
				return f.Consent
			}
		}
	}
	return ""
}

// Refusal is the fault of a use that may not be agreed; nil when it may.
func (r *Ruling) Refusal() error {
	var fields []fault.Field
	for _, f := range r.Findings {
		if f.Allowed == patent.Forbidden || f.Allowed == patent.WithConsent {
			zh := f.Zh
			if f.Reference != "" {
				zh += "（" + f.Reference + "）"
			}
			if f.Supply != "" {
				zh += "；请提供：" + f.Supply
			}
			fields = append(fields, fault.Field{Field: r.Right, Code: f.Code, Zh: zh, En: "This stands against the use: " + f.Code + " " + f.Reference + "."})
		}
	}
	switch r.Allowed {
	case patent.Forbidden:
		return fault.New(fault.Conflict, "encumbrance.forbidden", OfKey(r.Right).Number+" 已有不相容的用途，不能签约；解除在先用途后再办，或登记为有争议。", "The right is put to a use that excludes this one: release that first, or keep this as disputed.", fields...)
	case patent.WithConsent:
		return fault.New(fault.Conflict, "encumbrance.consent", OfKey(r.Right).Number+" 须经在先权利人书面同意；请先登记同意书。", "The holder of an earlier use must agree in writing first: note the consent.", fields...)
	}
	return nil
}

// Check refuses an entry whose state is not borne out.
func (e *Entry) Check(owners []string) error {
	var fields []fault.Field
	bad := func(code, field, zh, en string) {
		fields = append(fields, fault.Field{Field: field, Code: code, Zh: zh, En: en})
	}
	if !slices.Contains(patent.Products, e.Product) {
		bad("entry.product", "product", "用途“"+string(e.Product)+"”不认识。", "The use is not known.")
	}
	if !slices.Contains(States, e.State) || e.State == Released {
		bad("entry.state", "state", "状态应为 offered、committed、registered 或 disputed。", "The state must be offered, committed, registered or disputed.")
	}
	if strings.TrimSpace(e.Party) == "" {
		bad("entry.party", "party", "请写明由谁提供。", "Say who puts the right up.")
	}
	if e.State != Offered && strings.TrimSpace(e.Reference) == "" {
		bad("entry.reference", "reference", "签约的用途须有合同号。", "What is agreed has a contract.")
	}
	if e.Amount != nil && (*e.Amount < 0 || *e.Amount > money.Max) {
		bad("entry.amount", "amount", "金额不得为负或超出范围。", "The amount may not be negative or out of range.")
	}
	if e.State == Registered && strings.TrimSpace(e.Registration) == "" {
		bad("entry.registration", "registration", "已登记的须写明登记号。", "What is registered has a number.")
	}
	if e.State == Registered && e.Product == patent.ByLease && !slices.ContainsFunc(owners, func(o string) bool { return patent.SameName(o, e.Beneficiary) }) {
		bad("entry.title", "beneficiary", "融资租赁的所有权以转让登记（TR01）为准：库中登记的权利人不是出租人，请先导入转让公告。", "A lessor owns by the registered transfer (TR01) alone: import that event first.")
	}
	if e.Covers != "" && e.Product != patent.ByInsurance && e.Product != patent.ByGuarantee {
		bad("entry.covers", "covers", "只有保险和担保可写明所保的贷款合同。", "Only an insurance or a guarantee covers a loan.")
	}
	if len(fields) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "entry.invalid", "登记有误，请按下列提示修改。", "The entry is not valid; see the fields.", fields...)
}

// Sum is what an insurance or guarantee answers for: its sum, and never more
// than what is still owed on the loan it covers.
func (e *Entry) Sum(owed *money.Fen) *money.Fen {
	if e.Amount == nil || owed == nil {
		return e.Amount
	}
	sum := min(*e.Amount, *owed)
	return &sum
}
