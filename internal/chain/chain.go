// Package chain joins the products over one right: the ledger of encumbrances,
// public schemes, the one-stop dossier, period statistics, histories of income,
// intermediaries and open licences. Start with [Service].
package chain

import (
	"context"
	"encoding/json"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/dossier"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// What is read is as stored.
type (
	Offer        = store.Offer
	Step         = store.Step
	Intermediary = store.Intermediary
	OpenLicence  = store.OpenLicence
	Answer       = store.Answer
)

// Service answers from a migrated database.
type Service struct {
	db       *store.DB
	desk     *desk.Desk
	dossiers *dossier.Dossiers
	now      func() time.Time
}

// New returns the service.
func New(db *store.DB, d *desk.Desk, dossiers *dossier.Dossiers, now func() time.Time) *Service {
	return &Service{db, d, dossiers, now}
}

func (s *Service) at() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

func (s *Service) today() calendar.Date { return calendar.InChina(s.now()) }

// Entry asks for one use of rights.
type Entry struct {
	Kind         encumbrance.Kind  `json:"kind,omitempty" enum:"patent,trademark,copyright,layout" doc:"Of the rights; default patent."`
	Numbers      []string          `json:"numbers" minItems:"1" maxItems:"1000" doc:"Registration numbers in any usual form."`
	Product      patent.Product    `json:"product" enum:"pledge,pool,lease,exclusive_licence,licence,insurance,fund_position,guarantee"`
	State        encumbrance.State `json:"state" enum:"offered,committed,registered,disputed"`
	Reference    string            `json:"reference,omitempty" maxLength:"200" doc:"Contract, pool or policy."`
	Party        string            `json:"party" minLength:"1" maxLength:"500" doc:"Who puts the rights up."`
	Code         string            `json:"credit_code,omitempty" maxLength:"40"`
	Beneficiary  string            `json:"beneficiary,omitempty" maxLength:"500" doc:"Pledgee, manager, lessor, licensee, insurer, fund or guarantor."`
	Registration string            `json:"registration,omitempty" maxLength:"100" doc:"With the authority; needed for registered."`
	Amount       *money.Fen        `json:"amount,omitempty" doc:"Secured, insured, invested or guaranteed, yuan."`
	Covers       string            `json:"covers,omitempty" maxLength:"200" doc:"Loan contract an insurance or guarantee answers for: its sum follows what is owed."`
	Evidence     string            `json:"evidence,omitempty" maxLength:"500" doc:"Document the state rests on."`
	Disputed     bool              `json:"keep_disputed,omitempty" doc:"Keep what the ledger forbids as disputed instead of refusing it."`
}

// Put takes a use into the ledger and says of each right what stands against it.
func (s *Service) Put(ctx context.Context, actor appraisal.Actor, e Entry) (_ []encumbrance.Ruling, err error) {
	defer fault.Wrap(&err, "chain.Put")
	if e.Code != "" {
		if e.Code, err = patent.ParseCreditCode(e.Code); err != nil {
			return nil, err
		}
	}
	if len(e.Numbers) == 0 {
		return nil, fault.New(fault.Invalid, "entry.numbers", "请填写权利号码。", "Give the numbers of the rights.")
	}
	entries := make([]encumbrance.Entry, len(e.Numbers))
	for i, text := range e.Numbers {
		r, err := encumbrance.ParseRight(e.Kind, text)
		if err != nil {
			return nil, err
		}
		entries[i] = encumbrance.Entry{
			Right: r.Key(), Product: e.Product, Reference: e.Reference, Party: e.Party, PartyCode: e.Code, State: e.State,
			Beneficiary: e.Beneficiary, Registration: e.Registration, Amount: e.Amount, Covers: e.Covers, Evidence: e.Evidence,
		}
	}
	return s.db.PutEntries(ctx, actor, entries, e.Disputed, s.at())
}

// Release ends every use under a contract and returns how many there were.
func (s *Service) Release(ctx context.Context, actor appraisal.Actor, product patent.Product, reference string) (int, error) {
	n, err := s.db.SetOffers(ctx, actor.Institution, actor.Name, product, reference, encumbrance.Released, s.at())
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "entry.unknown", "没有该合同项下未解除的用途。", "There is no use under that contract to release.")
	}
	return n, err
}

// Consent asks to note a written consent.
type Consent struct {
	Kind      encumbrance.Kind `json:"kind,omitempty" enum:"patent,trademark,copyright,layout"`
	Number    string           `json:"number" minLength:"1" maxLength:"60"`
	Product   patent.Product   `json:"product" doc:"Of the use whose holder agrees; owner: the owner of the right."`
	Reference string           `json:"reference,omitempty" maxLength:"200" doc:"Contract or registration of that use."`
	To        patent.Product   `json:"to" enum:"pledge,pool,lease,exclusive_licence,licence,insurance,fund_position,guarantee" doc:"What he agrees to."`
	By        string           `json:"by" minLength:"1" maxLength:"500" doc:"Who signed."`
	Document  string           `json:"document" minLength:"1" maxLength:"200"`
	SignedOn  calendar.Date    `json:"signed_on"`
	Until     calendar.Date    `json:"valid_until,omitzero"`
}

// Agree notes a consent, on record.
func (s *Service) Agree(ctx context.Context, actor appraisal.Actor, c Consent) error {
	r, err := encumbrance.ParseRight(c.Kind, c.Number)
	if err != nil {
		return err
	}
	return s.db.PutConsent(ctx, actor, encumbrance.Consent{
		Right: r.Key(), Product: c.Product, Reference: c.Reference, To: c.To, By: c.By, Document: c.Document, SignedOn: c.SignedOn, Until: c.Until,
	}, s.at())
}

// Moment is one line of a right's time line.
type Moment struct {
	Day calendar.Date `json:"day"`
	Zh  string        `json:"zh"`
	By  string        `json:"by"` // who noted it, or the source of the event
}

// Standing is one use as it stands, with the sum it answers for today.
type Standing struct {
	Offer
	StateZh string     `json:"state_zh"`
	Sum     *money.Fen `json:"sum_today"` // an insurance's or guarantee's, never more than what is owed
}

// Timeline is everything on file about one right.
type Timeline struct {
	Right    encumbrance.Right     `json:"right"`
	KindZh   string                `json:"kind_zh"`
	Owners   []string              `json:"owners"` // of the register alone; empty: not on file
	Uses     []Standing            `json:"uses"`
	Consents []encumbrance.Consent `json:"consents"`
	Moments  []Moment              `json:"timeline"`
}

// Timeline returns the time line of a right: changes of the ledger and events of
// the register, oldest first.
func (s *Service) Timeline(ctx context.Context, actor appraisal.Actor, kind encumbrance.Kind, number string) (t Timeline, err error) {
	defer fault.Wrap(&err, "chain.Timeline")
	ctx = store.As(ctx, actor.Institution)
	if t.Right, err = encumbrance.ParseRight(kind, number); err != nil {
		return t, err
	}
	t.KindZh, t.Owners, t.Moments = t.Right.Kind.Zh(), []string{}, []Moment{}
	key := t.Right.Key()
	offers, err := s.db.Offers(ctx, actor.Institution, []string{key})
	if err != nil {
		return t, err
	}
	if t.Uses, err = s.standing(ctx, actor, offers); err != nil {
		return t, err
	}
	if t.Consents, err = s.db.Consents(ctx, actor.Institution, []string{key}); err != nil {
		return t, err
	}
	steps, err := s.db.Steps(ctx, actor.Institution, key)
	if err != nil {
		return t, err
	}
	events, err := s.db.Events(ctx, []string{key})
	if err != nil {
		return t, err
	}
	state := patent.Reduce(events[key], s.today())
	t.Owners = append(t.Owners, state.Owners...)
	for _, e := range state.Statements {
		zh := patent.Codes[e.Code] + "（" + e.Code + "）"
		for _, x := range []string{e.Registration, e.Party} {
			if x != "" {
				zh += " " + x
			}
		}
		t.Moments = append(t.Moments, Moment{e.Effective, zh, e.Source})
	}
	for _, x := range steps {
		zh := x.Product.Zh() + " " + x.Reference + "：" + x.State.Zh() + "（" + x.Party
		if x.Beneficiary != "" {
			zh += "→" + x.Beneficiary
		}
		zh += "）"
		if x.Registration != "" {
			zh += "，登记号 " + x.Registration
		}
		if x.Evidence != "" {
			zh += "，依据 " + x.Evidence
		}
		t.Moments = append(t.Moments, Moment{calendar.InChina(x.At), zh, x.By})
	}
	for _, c := range t.Consents {
		t.Moments = append(t.Moments, Moment{c.SignedOn, c.By + "同意用于" + c.To.Zh() + "（" + c.Document + "）", "同意书"})
	}
	sortMoments(t.Moments)
	return t, nil
}

func (s *Service) standing(ctx context.Context, actor appraisal.Actor, offers []Offer) ([]Standing, error) {
	var contracts []string
	for i := range offers {
		if offers[i].Covers != "" {
			contracts = append(contracts, offers[i].Covers)
		}
	}
	owed, err := s.db.Owed(ctx, actor.Institution, contracts)
	if err != nil {
		return nil, err
	}
	out := make([]Standing, len(offers))
	for i := range offers {
		e := offers[i].Entry()
		out[i] = Standing{Offer: offers[i], StateZh: e.State.Zh(), Sum: e.Amount}
		if b, booked := owed[e.Covers]; booked {
			out[i].Sum = e.Sum(&b)
		}
	}
	return out, nil
}

// Ledger returns one page of the ledger; after is the last right of the page
// before.
func (s *Service) Ledger(ctx context.Context, actor appraisal.Actor, state encumbrance.State, product patent.Product, after string, limit int) (_ []Standing, err error) {
	defer fault.Wrap(&err, "chain.Ledger")
	offers, err := s.db.Entries(ctx, actor.Institution, store.EntryFilter{State: state, Product: product, After: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	return s.standing(ctx, actor, offers)
}

// rules names the version of the chain's rules; it is stored with every answer.
const rules = "chain-2"

// keep stores an answer and returns its id.
func (s *Service) keep(ctx context.Context, actor appraisal.Actor, product, subject string, input, answer any) (string, error) {
	in, err := json.Marshal(input)
	if err != nil {
		return "", err
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return "", err
	}
	a := store.Answer{ID: store.NewID("ans", s.now()), Institution: actor.Institution, Product: product, Subject: subject, Rules: rules, Input: in, Answer: out, By: actor.Name, At: s.at()}
	return a.ID, s.db.PutAnswer(ctx, &a)
}

// Answer returns a stored answer.
func (s *Service) Answer(ctx context.Context, actor appraisal.Actor, id string) (Answer, error) {
	return s.db.AnswerOf(ctx, actor.Institution, id)
}
