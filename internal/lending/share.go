package lending

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// Scheme is how the parties of a risk-sharing arrangement bear a net loss.
// Shares are in parts of Whole and sum to it; the bank bears what no one else
// does.
type Scheme struct {
	ID      string  `json:"id"`
	Version string  `json:"version"`
	Name    string  `json:"name"`
	Label   string  `json:"label"` // historical, template, own
	Source  string  `json:"source"`
	Whole   int64   `json:"whole"`
	Shares  []Share `json:"shares"`

	Interest bool `json:"interest"` // unpaid interest is covered beside the principal

	Dated      calendar.Date `json:"source_date,omitzero"` // of the source
	From       calendar.Date `json:"from,omitzero"`        // in force from this day
	Until      calendar.Date `json:"until,omitzero"`       // and to this one
	Incomplete string        `json:"incomplete,omitempty"` // Chinese: why it is listed and cannot be used
}

// Status says in Chinese whether the scheme can be used on a day.
func (s *Scheme) Status(on calendar.Date) string {
	switch {
	case s.Incomplete != "":
		return "不可选：" + s.Incomplete
	case !s.From.IsZero() && on.Before(s.From):
		return "不可选：" + s.From.String() + " 起施行"
	case !s.Until.IsZero() && on.After(s.Until):
		return "不可选：" + s.Until.String() + " 已到期"
	case s.Label == "historical":
		return "见于报道，是否仍在施行须自行核实"
	}
	return "可用"
}

// Selectable refuses a scheme that is incomplete, or not in force on a day.
func (s *Scheme) Selectable(on calendar.Date) error {
	if st := s.Status(on); strings.HasPrefix(st, "不可选") {
		return fault.New(fault.Invalid, "scheme.closed", "方案“"+s.ID+"”"+st+"。", "The scheme "+s.ID+" cannot be used on "+on.String()+": it is incomplete or not in force.")
	}
	return nil
}

// Share is one party's part.
type Share struct {
	Party string     `json:"party"` // bank, fund, insurer, valuer, guarantor, government …
	Parts int64      `json:"parts"`
	Cap   *money.Fen `json:"cap,omitempty"` // most it pays for this loss, e.g. what is left in its pool
}

// Bank is the party that bears the rest.
const Bank = "bank"

//go:embed schemes.json
var schemesJSON []byte

// Schemes returns the presets that ship, in order of id, each with its source.
func Schemes() []Scheme {
	var all []Scheme
	dec := json.NewDecoder(bytes.NewReader(schemesJSON))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&all); err != nil {
		panic(err) // embedded, checked by a test
	}
	slices.SortFunc(all, func(a, b Scheme) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// SchemeByID returns a preset, or a NotFound fault.
func SchemeByID(id string) (Scheme, error) {
	var known []string
	for _, s := range Schemes() {
		if s.ID == id {
			return s, nil
		}
		known = append(known, s.ID)
	}
	list := strings.Join(known, ", ")
	return Scheme{}, fault.New(fault.NotFound, "scheme.unknown", "没有风险分担方案“"+id+"”，可选："+list+"。", "There is no scheme "+id+"; known: "+list+".")
}

// Check refuses a scheme whose shares do not sum to the whole, or that leaves
// the bank out.
func (s *Scheme) Check() error {
	var sum int64
	seen := map[string]bool{}
	for _, x := range s.Shares {
		if x.Parts < 0 || seen[x.Party] || x.Party == "" || x.Cap != nil && *x.Cap < 0 {
			return fault.New(fault.Invalid, "scheme.share", fmt.Sprintf("分担方“%s”重复、为空或份额为负。", x.Party), "A party is named twice or not at all, or its share is negative.")
		}
		seen[x.Party] = true
		sum += x.Parts
	}
	if s.Whole <= 0 || sum != s.Whole {
		return fault.New(fault.Invalid, "scheme.sum", fmt.Sprintf("各方份额合计 %d，应为 %d。", sum, s.Whole), fmt.Sprintf("The shares sum to %d, not %d.", sum, s.Whole))
	}
	if !seen[Bank] {
		return fault.New(fault.Invalid, "scheme.bank", "须有一方为 bank，承担其余损失。", "One party must be bank: it bears what no one else does.")
	}
	return nil
}

// Claim is a loan that went bad.
type Claim struct {
	Principal  money.Fen `json:"principal_outstanding"`
	Interest   money.Fen `json:"interest_unpaid"`
	Recoveries money.Fen `json:"recoveries"` // before the parties pay
}

// Payment is what one party bears.
type Payment struct {
	Party  string    `json:"party"`
	Bears  money.Fen `json:"bears"`
	Capped bool      `json:"capped"` // its cap was reached
}

// Settlement is a net loss shared out.
type Settlement struct {
	Scheme   string    `json:"scheme"`
	NetLoss  money.Fen `json:"net_loss"`
	Payments []Payment `json:"payments"` // sum to the net loss exactly
}

// Share shares a loss out: NL = max(0, principal [+ interest] - recoveries),
// pay_k = min(s_k NL, cap_k), the rest to the bank (ip-finance 2.6). Fractions
// of a fen go by largest remainder, ties to the earlier party, so the parts
// sum to the loss. The scheme must be in force on the day.
func (s *Scheme) Share(c Claim, on calendar.Date) (Settlement, error) {
	if err := errors.Join(s.Selectable(on), s.Check()); err != nil {
		return Settlement{}, err
	}
	if min(c.Principal, c.Interest, c.Recoveries) < 0 || max(c.Principal, c.Interest, c.Recoveries) > money.Max {
		return Settlement{}, fault.New(fault.Invalid, "claim.amount", "金额不得为负或超出范围。", "Amounts may not be negative or out of range.")
	}
	loss := c.Principal - c.Recoveries
	if s.Interest {
		loss += c.Interest
	}
	out := Settlement{Scheme: s.ID, NetLoss: max(loss, 0)}
	weights := make([]int64, len(s.Shares))
	for i, x := range s.Shares {
		weights[i] = x.Parts
	}
	parts, err := out.NetLoss.Allocate(weights)
	if err != nil {
		return Settlement{}, err
	}
	bank, excess := 0, money.Fen(0)
	for i, x := range s.Shares {
		p := Payment{Party: x.Party, Bears: parts[i]}
		switch {
		case x.Party == Bank:
			bank = i
		case x.Cap != nil && p.Bears > *x.Cap:
			excess += p.Bears - *x.Cap
			p.Bears, p.Capped = *x.Cap, true
		}
		out.Payments = append(out.Payments, p)
	}
	out.Payments[bank].Bears += excess
	return out, nil
}

// Return hands a later recovery back in proportion to what each party bore,
// never more than that; what exceeds the loss belongs to the bank as creditor.
func (s Settlement) Return(recovered money.Fen) ([]Payment, error) {
	if recovered < 0 {
		return nil, fault.New(fault.Invalid, "claim.amount", "金额不得为负。", "Amounts may not be negative.")
	}
	out := make([]Payment, len(s.Payments))
	weights := make([]int64, len(s.Payments))
	for i, p := range s.Payments {
		out[i].Party = p.Party
		weights[i] = int64(p.Bears)
	}
	back := min(recovered, s.NetLoss)
	if back > 0 {
		parts, err := back.Allocate(weights)
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i].Bears = parts[i]
		}
	}
	for i := range out {
		if out[i].Party == Bank {
			out[i].Bears += recovered - back
		}
	}
	return out, nil
}
