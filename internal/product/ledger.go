package product

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/fund"
	"zhijia/internal/insurance"
	"zhijia/internal/lease"
	"zhijia/internal/listing"
	"zhijia/internal/mark"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
	"zhijia/internal/store"
)

// usesOf are the uses of rights that a case would put into the ledger, and where
// the case keeps what the ledger says; nil for a case about no right of a register.
// A listing uses nothing: its rights stand there with no product.
func usesOf(in any) (uses []encumbrance.Entry, told *[]ruling.Burden) {
	add := func(kind encumbrance.Kind, number string, e encumbrance.Entry) {
		if r, err := encumbrance.ParseRight(kind, number); err == nil { // what is no number is for the rules to say
			e.Right, e.State = r.Key(), encumbrance.Committed
			uses = append(uses, e)
		}
	}
	switch in := in.(type) {
	case *lease.Input:
		for _, o := range in.Objects {
			e := encumbrance.Entry{Product: patent.ByLease, Reference: in.Contract, Party: in.Lessee.Name, PartyCode: in.Lessee.Code, Beneficiary: in.Lessor.Name, Amount: &in.Price}
			if in.Form == lease.Direct && o.OwnerBefore != "" {
				e.Party, e.PartyCode = o.OwnerBefore, ""
			}
			add(encumbrance.Patent, o.Number, e)
		}
		return uses, &in.Ledger
	case *mark.Input:
		for _, m := range in.Marks {
			if m.Offered != patent.No {
				add(encumbrance.Trademark, m.Number, encumbrance.Entry{Product: patent.ByPledge, Reference: in.Contract, Party: in.Pledgor, Beneficiary: in.Pledgee, Amount: in.Loan})
			}
		}
		return uses, &in.Ledger
	case *insurance.Input:
		for _, x := range in.Patents {
			e := encumbrance.Entry{Product: patent.ByInsurance, Reference: in.Policy, Party: in.Insured, Beneficiary: in.Insurer, Amount: x.Sum}
			if in.Kind == insurance.Guarantee {
				e.Covers, e.Amount = in.LoanContract, in.Loan
				if in.InsuredShare != nil && in.Loan != nil {
					sum := in.Loan.MulRate(*in.InsuredShare)
					e.Amount = &sum
				}
			}
			add(encumbrance.Patent, x.Number, e)
		}
		return uses, &in.Ledger
	case *fund.Input:
		companies := map[string]string{}
		for _, p := range in.Positions {
			companies[p.ID] = p.Company
		}
		for _, x := range in.Patents {
			add(encumbrance.Patent, x.Number, encumbrance.Entry{Product: patent.ByFund, Reference: in.Name + "/" + x.Position, Party: companies[x.Position], Beneficiary: in.Name})
		}
		return uses, &in.Ledger
	case *listing.Input:
		for _, x := range in.Patents {
			add(encumbrance.Patent, x.Number, encumbrance.Entry{Party: in.Firm})
		}
		return uses, &in.Ledger
	}
	return nil, nil
}

// outcomes of what the ledger and the register say, for products that take nothing
// from the right: of a use on file, and of a right that has ended.
var outcomes = map[patent.Product]struct{ used, dead ruling.Outcome }{
	patent.ByInsurance: {ruling.Pass, ruling.Block}, patent.ByFund: {ruling.Warn, ruling.Warn}, "": {ruling.Review, ruling.Review},
}

// look asks the ledger of rights and the register about a case and writes what they
// say into it, instead of whatever the case said of them.
func (s *Service) look(ctx context.Context, institution string, in any, on calendar.Date) error {
	uses, told := usesOf(in)
	if told == nil {
		return nil
	}
	*told = nil
	if len(uses) == 0 {
		return nil
	}
	var found []ruling.Burden
	var err error
	if uses[0].Product.Burdens() && uses[0].Product != "" {
		found, err = s.judged(ctx, institution, uses, on)
	} else {
		found, err = s.onFile(ctx, institution, uses, on)
	}
	if err != nil {
		return err
	}
	if len(found) == 0 {
		found = []ruling.Burden{{Outcome: ruling.Pass, Zh: "已查权利台账，" + strconv.Itoa(len(uses)) + " 件没有在先用途"}}
	}
	*told = found
	return nil
}

// judged is what stands against uses that burden their rights.
func (s *Service) judged(ctx context.Context, institution string, uses []encumbrance.Entry, on calendar.Date) (out []ruling.Burden, err error) {
	rulings, err := s.db.JudgeEntries(ctx, institution, uses, on)
	for _, r := range rulings {
		for _, f := range r.Findings {
			b := ruling.Burden{Number: encumbrance.OfKey(r.Right).Number, Zh: f.Zh, Supply: f.Supply, Outcome: ruling.Unknown}
			switch {
			case f.Consent != "":
				b.Outcome, b.Zh = ruling.Pass, b.Zh+"；已同意（"+f.Consent+"）"
			case f.Allowed == patent.Allowed:
				b.Outcome = ruling.Warn
			case f.Allowed == patent.WithConsent:
				b.Outcome = ruling.Review
			case f.Allowed == patent.Forbidden:
				b.Outcome = ruling.Block
			}
			if f.Reference != "" {
				b.Zh += "（" + f.Reference + "）"
			}
			out = append(out, b)
		}
	}
	return out, err
}

// onFile is what the ledger and the register hold of rights that are burdened by
// nothing here.
func (s *Service) onFile(ctx context.Context, institution string, uses []encumbrance.Entry, on calendar.Date) (out []ruling.Burden, err error) {
	var keys []string
	says := outcomes[uses[0].Product]
	for i := range uses {
		keys = append(keys, uses[i].Right)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	offers, err := s.db.Offers(ctx, institution, keys)
	if err != nil {
		return nil, err
	}
	events, err := s.db.Events(store.As(ctx, institution), keys)
	if err != nil {
		return nil, err
	}
	for i := range offers {
		o := &offers[i]
		if !o.Status.Burdens() || !o.Product.Burdens() {
			continue
		}
		zh := "台账记有" + o.Product.Zh() + "（" + strings.Trim(o.Reference+"，"+o.Beneficiary, "，") + "）"
		b := ruling.Burden{Number: encumbrance.OfKey(o.Number).Number, Outcome: says.used, Zh: zh}
		if says.used == ruling.Review {
			b.Supply = "披露该项用途，或提供解除的证明"
		}
		out = append(out, b)
	}
	for _, key := range keys {
		state := patent.Reduce(events[key], on)
		if state.Standing == patent.Dead {
			out = append(out, ruling.Burden{Number: key, Outcome: says.dead, Zh: "登记簿载明权利已失效", Supply: "核实权利状态"})
		}
		for _, p := range state.Pledges {
			out = append(out, ruling.Burden{Number: key, Outcome: says.used, Zh: "登记簿载有质押" + p.Registration + "（质权人" + p.Party + "）"})
		}
	}
	return out, nil
}

// Commitment puts the rights of a kept case into the ledger.
type Commitment struct {
	Reference    string            `json:"reference,omitempty" doc:"Contract or policy; default: what the case says."`
	State        encumbrance.State `json:"state,omitempty" doc:"offered, committed or registered; default committed."`
	Registration string            `json:"registration,omitempty" doc:"With the authority; needed for registered."`
	Evidence     string            `json:"evidence,omitempty" doc:"Document the state rests on."`
}

// Commit takes the uses of a kept case into the one ledger of rights, all or none,
// and returns how many there were. A case that was refused is not committed.
func (s *Service) Commit(ctx context.Context, by appraisal.Actor, id string, c Commitment) (n int, err error) {
	defer fault.Wrap(&err, "product.Commit(%s)", id)
	r, err := s.db.ProductResult(ctx, by.Institution, id)
	if err != nil {
		return 0, err
	}
	k, err := ByName(r.Kind)
	if err != nil {
		return 0, err
	}
	if c.State == "" {
		c.State = encumbrance.Committed
	}
	if ruling.Verdict(r.Verdict) == ruling.Refuse && c.State != encumbrance.Offered {
		return 0, fault.New(fault.Conflict, "product.refused", "该笔业务的结论为不予受理，不能登记签约；先补正后重新审查。", "The case was refused: mend it and decide it again before it is agreed.")
	}
	in := k.Template()
	if err := json.Unmarshal(r.Input, in); err != nil {
		return 0, err
	}
	uses, _ := usesOf(in)
	for i := range uses {
		u := &uses[i]
		if u.Product == "" {
			uses = nil
			break
		}
		u.State, u.Registration, u.Evidence = c.State, c.Registration, c.Evidence
		if c.Reference != "" {
			u.Reference = c.Reference
		}
		if u.Evidence == "" {
			u.Evidence = id
		}
	}
	if len(uses) == 0 {
		return 0, fault.New(fault.Invalid, "product.no_rights", k.Zh+"没有可登记的权利用途。", "A case of this product puts no right to a use.")
	}
	_, err = s.db.PutEntries(ctx, by, uses, false, s.now())
	return len(uses), err
}
