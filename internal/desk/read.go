package desk

import (
	"context"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/paging"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// What a desk reads is as stored.
type (
	Batch       = store.Batch
	BatchStatus = store.BatchStatus
	Progress    = store.Progress
	RowStatus   = store.RowStatus
	Facts       = store.Facts
	BookedLoan  = store.BookLoan
	LoanOutcome = store.Outcome
	Hold        = store.Hold
	Conflict    = store.OfferConflict
)

// The states of a batch and of its rows.
const (
	Running   = store.BatchRunning
	Cancelled = store.BatchCancelled
	Finished  = store.BatchFinished

	RowDone = store.RowDone
)

// Batches returns one page of the institution's batches, newest first, and the
// cursor of the next.
func (d *Desk) Batches(ctx context.Context, actor appraisal.Actor, cursor string, limit int) (_ []Batch, next string, err error) {
	at, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := d.db.Batches(ctx, actor.Institution, at.At, at.ID, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(b *Batch) paging.Place { return paging.Place{At: b.CreatedAt, ID: b.ID} })
	return page, next, nil
}

// Progress counts the rows of a batch of the institution.
func (d *Desk) Progress(ctx context.Context, actor appraisal.Actor, id string) (Progress, error) {
	if _, err := d.db.Batch(ctx, actor.Institution, id); err != nil {
		return Progress{}, err
	}
	return d.db.BatchProgress(ctx, id)
}

// Row is one row of a batch with what came of it.
type Row struct {
	Line      int
	Status    RowStatus
	Valuation string // id of the stored valuation; empty: none
	Outcome   *deskfile.Outcome
}

// RowFilter chooses rows of a batch; an empty member admits all.
type RowFilter struct {
	Status  RowStatus
	Verdict lending.Verdict // of a finished batch
}

// Rows returns one page of the rows of a batch in the order of the file, and
// the cursor of the next.
func (d *Desk) Rows(ctx context.Context, actor appraisal.Actor, id string, f RowFilter, cursor string, limit int) (_ []Row, next string, err error) {
	defer fault.Wrap(&err, "desk.Rows(%s)", id)
	after, err := paging.ReadNumber(cursor)
	if err != nil {
		return nil, "", err
	}
	b, err := d.db.Batch(ctx, actor.Institution, id)
	if err != nil {
		return nil, "", err
	}
	var found []store.BatchRow
	if f.Verdict != "" && b.Status == Finished {
		found, err = d.db.BatchRowsDecided(ctx, id, string(f.Verdict), int(after), limit+1)
	} else {
		found, err = d.db.BatchRows(ctx, id, f.Status, int(after), limit+1)
	}
	if err != nil {
		return nil, "", err
	}
	found, next = paging.Cut(found, limit, func(r *store.BatchRow) paging.Place { return paging.Numbered(int64(r.Line)) })
	rows := make([]Row, len(found))
	for i := range found {
		r := &found[i]
		rows[i] = Row{Line: r.Line, Status: r.Status, Valuation: r.Valuation}
		if rows[i].Outcome, err = ReadOutcome(r); err != nil {
			return nil, "", err
		}
	}
	return rows, next, nil
}

// Verdicts counts the decisions of a finished batch by verdict, and as "unknown"
// those to be supplemented that missing facts alone hold up.
func (d *Desk) Verdicts(ctx context.Context, actor appraisal.Actor, id string) (map[string]int, error) {
	if _, err := d.db.Batch(ctx, actor.Institution, id); err != nil {
		return nil, err
	}
	return d.db.BatchVerdicts(ctx, id)
}

// Contracts returns one page of the contracts of a finished batch in queue
// order, the cursor of the next, and what stood in store when the batch was
// decided.
func (d *Desk) Contracts(ctx context.Context, actor appraisal.Actor, id, cursor string, limit int) (_ []lending.Contract, next string, facts Facts, err error) {
	defer fault.Wrap(&err, "desk.Contracts(%s)", id)
	after, err := paging.ReadNumber(cursor)
	if err != nil {
		return nil, "", facts, err
	}
	r, err := d.Result(ctx, actor, id)
	if err != nil {
		return nil, "", facts, err
	}
	begin := min(int(after), len(r.Contracts))
	page, next := paging.Cut(r.Contracts[begin:], limit, func(*lending.Contract) paging.Place { return paging.Numbered(int64(begin + limit)) })
	facts, err = d.db.BatchFacts(ctx, id)
	return page, next, facts, err
}

// Loans returns one page of the open loans of the institution's book, by
// contract, and the cursor of the next.
func (d *Desk) Loans(ctx context.Context, actor appraisal.Actor, cursor string, limit int) (_ []BookedLoan, next string, err error) {
	at, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := d.db.BookLoans(ctx, actor.Institution, at.ID, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(l *BookedLoan) paging.Place { return paging.Place{ID: l.Contract} })
	return page, next, nil
}

// Offer puts patents up as collateral, into a pool, a lease or a licence, and
// returns what stands between this and every other use on file, of any
// institution.
func (d *Desk) Offer(ctx context.Context, actor appraisal.Actor, offers []patent.Offer, committed bool) ([]Conflict, error) {
	status := store.Offered
	if committed {
		status = store.Committed
	}
	return d.db.PutOffers(ctx, actor.Institution, actor.Name, offers, status, d.now().UTC())
}

// Authorisation is a borrower's written word.
type Authorisation = store.Authorisation

// ReadAuthorisation reads a borrower's word as a person writes it.
func ReadAuthorisation(numbers []string, borrower, signed, until, document string) (x Authorisation, err error) {
	x.Borrower, x.Document = strings.TrimSpace(borrower), strings.TrimSpace(document)
	for _, text := range numbers {
		n, err := patent.ParseNumber(strings.TrimSpace(text))
		if err != nil {
			return x, err
		}
		x.Numbers = append(x.Numbers, string(n.Key()))
	}
	for _, d := range []struct {
		text string
		to   *calendar.Date
	}{{signed, &x.SignedOn}, {until, &x.Until}} {
		if d.text = strings.TrimSpace(d.text); d.text == "" {
			continue
		}
		if *d.to, err = calendar.Parse(d.text); err != nil {
			return x, fault.New(fault.Invalid, "date.shape", "日期应写作 YYYY-MM-DD。", "Write the date as YYYY-MM-DD.")
		}
	}
	return x, nil
}

// Authorise notes that a borrower agreed in writing to other institutions being
// asked about patents.
func (d *Desk) Authorise(ctx context.Context, actor appraisal.Actor, x Authorisation) error {
	return d.db.PutAuthorisation(ctx, actor, x, d.now().UTC().Truncate(time.Microsecond))
}

// EndUses ends every use under a contract and returns how many there were.
func (d *Desk) EndUses(ctx context.Context, actor appraisal.Actor, product patent.Product, reference string) (int, error) {
	return d.db.SetOffers(ctx, actor.Institution, actor.Name, product, reference, store.Released, d.now().UTC())
}
