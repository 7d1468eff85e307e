package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// ProposalKind says what a proposal is about.
type ProposalKind string

// What needs a second person. Of an override, a market label, a policy and a
// rubric the effect is there at once and is marked 未经复核 until somebody else
// stands by it; the others wait for him where there is one who could give his
// word, and else are in force and marked.
const (
	ProposeOverride    ProposalKind = "override"     // subject: id of the override
	ProposeMarket      ProposalKind = "market_label" // subject: hash of the patents, the market and its fact
	ProposePolicy      ProposalKind = "policy"       // subject: id@version
	ProposeRubric      ProposalKind = "rubric"       // subject: version of the set of prompts
	ProposeConsent     ProposalKind = "consent"      // subject: the institution
	ProposeFit         ProposalKind = "fit"          // subject: version of the assumptions that a fit made
	ProposeAssumptions ProposalKind = "assumptions"  // subject: version of assumptions that a person wrote
	ProposeImpact      ProposalKind = "impact"       // subject: version of a model of technical impact
	ProposeSpace       ProposalKind = "space"        // subject: id of the space
	ProposeValidity    ProposalKind = "validity"     // subject: id of the deal
	ProposeBooking     ProposalKind = "booking"      // subject: hash of the loan
	ProposePeriod      ProposalKind = "pool_period"  // subject: pool/period@version; counts at once, the next period waits
	ProposeReopening   ProposalKind = "pool_reopen"  // subject: pool/period; waits
)

// Where a proposal stands.
const (
	Undecided = "open"
	Approved  = "approved"
	Refused   = "refused"
	Withdrawn = "withdrawn"
	Expired   = "expired"
)

// proposalLife is how long a proposal waits.
const proposalLife = 30 * 24 * time.Hour

// Proposal is what one person proposed and another has to decide.
type Proposal struct {
	ID          string
	Institution string
	Kind        ProposalKind
	Subject     string
	Payload     json.RawMessage // what exactly is proposed
	ProposedBy  string
	Proposer    string // person's id; empty: a system or the command line
	ProposedAt  time.Time
	ExpiresAt   time.Time
	Status      string
	DecidedBy   string
	DecidedAt   *time.Time
	Note        string
}

// decidedAt is when the proposal was decided; when it was made, where nobody did.
func (p *Proposal) decidedAt() time.Time {
	if p.DecidedAt != nil {
		return *p.DecidedAt
	}
	return p.ProposedAt
}

const proposalColumns = `id, institution, kind, subject, payload, proposed_by, coalesce(proposer, ''), proposed_at, expires_at, status, coalesce(decided_by, ''), decided_at, note`

func scanProposal(row pgx.CollectableRow) (p Proposal, err error) {
	err = row.Scan(&p.ID, &p.Institution, &p.Kind, &p.Subject, (*[]byte)(&p.Payload), &p.ProposedBy, &p.Proposer, &p.ProposedAt, &p.ExpiresAt, &p.Status, &p.DecidedBy, &p.DecidedAt, &p.Note)
	return p, err
}

// propose adds a proposal in the transaction of what is proposed; one that is
// open about the same thing already stays, one that lapsed gives way.
func propose(ctx context.Context, tx pgx.Tx, a Actor, kind ProposalKind, subject string, payload any, at time.Time) error {
	body, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	_, err = proposeOnce(ctx, tx, a, kind, subject, body, at)
	return err
}

// proposeOnce is propose for a body that is JSON already; it returns the id of
// what is open now. Who changes his mind withdraws what he proposed before by
// proposing anew; another person's open proposal of something else about the
// same thing is a Conflict.
func proposeOnce(ctx context.Context, tx pgx.Tx, a Actor, kind ProposalKind, subject string, body []byte, at time.Time) (id string, err error) {
	if _, err := tx.Exec(ctx, `UPDATE proposals SET status = 'expired', decided_at = expires_at WHERE institution = $1 AND kind = $2 AND subject = $3 AND status = 'open' AND expires_at <= $4`,
		a.Institution, kind, subject, at); err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, `UPDATE proposals SET status = 'withdrawn', decided_by = $5, decider = nullif($6, ''), decided_at = $4, note = 'superseded'
		WHERE institution = $1 AND kind = $2 AND subject = $3 AND status = 'open' AND proposed_by = $5 AND proposer IS NOT DISTINCT FROM nullif($6, '') AND payload::text <> $7`,
		a.Institution, kind, subject, at, a.Name, a.Person, string(body)); err != nil {
		return "", err
	}
	id = NewID("prp", at)
	tag, err := tx.Exec(ctx, `
		INSERT INTO proposals (id, institution, kind, subject, payload, proposed_by, proposer, proposed_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, nullif($7, ''), $8, $9) ON CONFLICT DO NOTHING`,
		id, a.Institution, kind, subject, body, a.Name, a.Person, at, at.Add(proposalLife))
	if err != nil || tag.RowsAffected() == 1 {
		return id, err
	}
	var open string
	if err := tx.QueryRow(ctx, `SELECT id, payload::text FROM proposals WHERE institution = $1 AND kind = $2 AND subject = $3 AND status = 'open'`, a.Institution, kind, subject).Scan(&id, &open); err != nil {
		return "", err
	}
	if open != string(body) {
		return "", fault.New(fault.Conflict, "proposal.open", "同一事项已有另一人的提议待复核，请先在“待我处理”中处理。", "Another person's proposal about the same waits to be decided; decide it first.")
	}
	return id, nil
}

// enacted says under which action what a kind does is put on record when it takes effect.
var enacted = map[ProposalKind]string{
	ProposeConsent: "model.consent", ProposeFit: "fit.activate", ProposeAssumptions: "assumptions.activate", ProposeImpact: "impact.activate", ProposeSpace: "space.activate", ProposeValidity: "deal.validity",
}

// Enact does what a second person has to stand by. Where the institution has
// one, it is proposed and waits; else it is in force at once, nobody else having
// approved it.
func (db *DB) Enact(ctx context.Context, a Actor, kind ProposalKind, subject string, payload any, at time.Time) (waiting bool, err error) {
	defer fault.Wrap(&err, "store.Enact(%s)", kind)
	body, err := json.Marshal(payload)
	if err != nil {
		return false, err
	}
	ctx = As(ctx, a.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		id, err := proposeOnce(ctx, tx, a, kind, subject, body, at)
		if err != nil {
			return err
		}
		if waiting, err = otherApprover(ctx, tx, a); err != nil {
			return err
		}
		action := enacted[kind]
		if waiting {
			action = "proposal.make"
		} else if err := takeEffect(ctx, tx, &Proposal{ID: id, Institution: a.Institution, Kind: kind, Subject: subject, Payload: body, ProposedBy: a.Name, ProposedAt: at}); err != nil {
			return err
		}
		return record(ctx, tx, Act{a.Institution, a.Name, action, subject, map[string]any{"proposal": id, "kind": kind, "payload": json.RawMessage(body)}})
	})
	return waiting, err
}

// takeEffect puts in force what a proposal asks for, approved by DecidedBy;
// empty: by nobody else.
func takeEffect(ctx context.Context, tx pgx.Tx, p *Proposal) error {
	reviewed := p.DecidedBy != ""
	switch p.Kind {
	case ProposeConsent:
		return allowModel(ctx, tx, p)
	case ProposeFit, ProposeAssumptions:
		return activateAssumptions(ctx, tx, p.Subject, reviewed)
	case ProposeImpact:
		return activateImpact(ctx, tx, p.Subject, reviewed)
	case ProposeSpace:
		return activateSpace(ctx, tx, p.Subject, reviewed)
	case ProposeValidity:
		return decideValidity(ctx, tx, p)
	case ProposeReopening:
		return decideReopening(ctx, tx, p, p.decidedAt())
	}
	return nil
}

// undo takes back what was in force before another person refused it, or its
// proposer withdrew it.
func undo(ctx context.Context, tx pgx.Tx, p *Proposal) (err error) {
	switch p.Kind {
	case ProposeConsent:
		_, err = tx.Exec(ctx, `UPDATE model_consent SET allowed = false, set_by = $2, set_at = now(), approved_by = NULL WHERE institution = $1 AND allowed AND approved_by IS NULL`, p.Institution, p.DecidedBy)
	case ProposeFit, ProposeAssumptions:
		_, err = tx.Exec(ctx, `UPDATE assumptions SET active = false WHERE institution = $1 AND version = $2 AND active AND NOT reviewed`, p.Institution, p.Subject)
	case ProposeImpact:
		_, err = tx.Exec(ctx, `UPDATE impact_models SET active = false WHERE institution = $1 AND version = $2 AND active AND NOT reviewed`, p.Institution, p.Subject)
	case ProposeSpace:
		_, err = tx.Exec(ctx, `UPDATE spaces SET status = 'retired' WHERE institution = $1 AND id = $2::text::integer AND status = 'active' AND NOT reviewed`, p.Institution, p.Subject)
	case ProposeValidity:
		err = undoValidity(ctx, tx, p)
	case ProposePeriod:
		err = refusePeriod(ctx, tx, p, p.decidedAt())
	}
	return err
}

// Propose adds a proposal of its own, on record, unless the same is open or
// approved already.
func (db *DB) Propose(ctx context.Context, a Actor, kind ProposalKind, subject string, payload any, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.Propose(%s)", kind)
	ctx = As(ctx, a.Institution)
	var there bool
	if err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM proposals WHERE institution = $1 AND kind = $2 AND subject = $3 AND (status = 'approved' OR status = 'open' AND expires_at > $4))`,
		a.Institution, kind, subject, at).Scan(&there); err != nil || there {
		return err
	}
	return db.transact(ctx, func(tx pgx.Tx) error {
		if err := propose(ctx, tx, a, kind, subject, payload, at); err != nil {
			return err
		}
		return record(ctx, tx, Act{a.Institution, a.Name, "proposal.make", subject, map[string]any{"kind": kind, "payload": payload}})
	})
}

// Approval returns who proposed and who approved a thing, empty when nobody did.
func (db *DB) Approval(ctx context.Context, institution string, kind ProposalKind, subject string) (proposedBy, approvedBy string, err error) {
	defer fault.Wrap(&err, "store.Approval(%s)", kind)
	err = db.pool.QueryRow(As(ctx, institution), `SELECT proposed_by, decided_by FROM proposals WHERE institution = $1 AND kind = $2 AND subject = $3 AND status = 'approved'
		ORDER BY decided_at DESC LIMIT 1`, institution, kind, subject).Scan(&proposedBy, &approvedBy)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", nil
	}
	return proposedBy, approvedBy, err
}

// ProposalQuery chooses proposals of an institution.
type ProposalQuery struct {
	Waiting bool   // open and not lapsed
	For     string // with Waiting: not those of this person
	After   string // the last id of the page before
	Now     time.Time
}

// Proposals lists an institution's proposals, newest first.
func (db *DB) Proposals(ctx context.Context, institution string, q ProposalQuery, limit int) (_ []Proposal, err error) {
	defer fault.Wrap(&err, "store.Proposals")
	rows, err := db.pool.Query(As(ctx, institution), `
		SELECT `+proposalColumns+` FROM proposals
		WHERE institution = $1 AND ($2 = '' OR id < $2) AND (NOT $3 OR status = 'open' AND expires_at > $4 AND ($5 = '' OR proposer IS DISTINCT FROM $5))
		ORDER BY id DESC LIMIT $6`, institution, q.After, q.Waiting, q.Now, q.For, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanProposal)
}

// ProposalAbout returns the id of what waits about a subject, or of the last
// proposal about it.
func (db *DB) ProposalAbout(ctx context.Context, institution string, kind ProposalKind, subject string) (id string, err error) {
	defer fault.Wrap(&err, "store.ProposalAbout(%s)", kind)
	err = db.pool.QueryRow(As(ctx, institution), `SELECT id FROM proposals WHERE institution = $1 AND kind = $2 AND subject = $3
		ORDER BY status = 'open' DESC, id DESC LIMIT 1`, institution, kind, subject).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errNoProposal
	}
	return id, err
}

var errNoProposal = fault.New(fault.NotFound, "proposal.unknown", "没有这项提议。", "There is no such proposal.")

// DecideProposal approves, refuses or withdraws an open proposal. Only another
// person than the one who proposed it approves or refuses, and only the proposer
// withdraws. What waited for the approval takes effect in the same transaction.
func (db *DB) DecideProposal(ctx context.Context, a Actor, id, status, note string, at time.Time) (p Proposal, err error) {
	defer fault.Wrap(&err, "store.DecideProposal(%s)", id)
	ctx = As(ctx, a.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+proposalColumns+` FROM proposals WHERE institution = $1 AND id = $2 FOR UPDATE`, a.Institution, id)
		if err != nil {
			return err
		}
		p, err = pgx.CollectExactlyOneRow(rows, scanProposal)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoProposal
		}
		if err != nil {
			return err
		}
		if err := mayDecide(&p, a, status, at); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `UPDATE proposals SET status = $3, decided_by = $4, decider = nullif($5, ''), decided_at = $6, note = $7 WHERE institution = $1 AND id = $2 RETURNING `+proposalColumns,
			a.Institution, id, status, a.Name, a.Person, at, note)
		if err != nil {
			return err
		}
		if p, err = pgx.CollectExactlyOneRow(rows, scanProposal); err != nil {
			return err
		}
		switch status {
		case Approved:
			err = takeEffect(ctx, tx, &p)
		case Refused, Withdrawn:
			err = undo(ctx, tx, &p)
		}
		if err != nil {
			return err
		}
		action := map[string]string{Approved: "proposal.approve", Refused: "proposal.refuse", Withdrawn: "proposal.withdraw"}[status]
		return record(ctx, tx, Act{a.Institution, a.Name, action, p.Subject, map[string]any{
			"proposal": p.ID, "kind": p.Kind, "payload": p.Payload, "proposed_by": p.ProposedBy, "note": note,
		}})
	})
	return p, err
}

func mayDecide(p *Proposal, a Actor, status string, at time.Time) error {
	own := p.Proposer != "" && p.Proposer == a.Person || p.Proposer == "" && p.ProposedBy == a.Name
	switch {
	case p.Status != Undecided:
		return fault.New(fault.Conflict, "proposal.closed", "这项提议已有结果，不能再次处理。", "The proposal is decided already.")
	case !p.ExpiresAt.After(at):
		return fault.New(fault.Conflict, "proposal.expired", "这项提议已过期，请重新提出。", "The proposal has lapsed; propose it again.")
	case status == Withdrawn && !own:
		return fault.New(fault.Forbidden, "proposal.not_yours", "只有提议人可以撤回。", "Only who proposed it withdraws it.")
	case status == Withdrawn:
		return nil
	case a.Person == "":
		return fault.New(fault.Forbidden, "proposal.person", "复核须由登记的人员作出：请登录，或使用属于本人的密钥。", "A person decides it: sign in, or use a key that belongs to you.")
	case own:
		return fault.New(fault.Conflict, "proposal.same_person", "复核须由另一人作出。", "Another person must decide it.")
	}
	return nil
}

// OtherApprover reports whether the actor's institution has somebody else who
// could approve.
func (db *DB) OtherApprover(ctx context.Context, a Actor) (there bool, err error) {
	defer fault.Wrap(&err, "store.OtherApprover")
	return otherApprover(As(ctx, a.Institution), db.pool, a)
}

// otherApprover reports whether somebody else than the actor could approve.
func otherApprover(ctx context.Context, tx querier, a Actor) (there bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM people WHERE institution = $1 AND id <> $2 AND disabled_at IS NULL AND 'approver' = ANY (roles))`, a.Institution, a.Person).Scan(&there)
	return there, err
}
