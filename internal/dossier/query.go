package dossier

import (
	"context"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// Query asks for a dossier, in the words of a query or a form.
type Query struct {
	Number string // application, patent or publication number in any usual form
	AsOf   string // YYYY-MM-DD; only what was public by this day counts; empty: today

	Maturity string             // YYYY-MM-DD; last day of the debt a pledge would secure; may be empty
	Pledge   patent.PledgeFacts // what the parties state, without the maturity
}

// Dossiers answers queries from a database.
type Dossiers struct {
	db   *store.DB
	now  func() time.Time
	days *calendar.Working
}

// New returns the dossiers of a migrated database.
func New(db *store.DB, now func() time.Time, days *calendar.Working) *Dossiers {
	return &Dossiers{db: db, now: now, days: days}
}

// Ask reads what is on file about a patent for an institution. The faults of a
// query name its fields as number, as_of and maturity.
func (d *Dossiers) Ask(ctx context.Context, institution string, q Query) (_ patent.Dossier, err error) {
	n, err := patent.ParseNumber(q.Number)
	if err != nil {
		pub := fault.Public(err)
		return patent.Dossier{}, fault.New(fault.Invalid, pub.Code, pub.Zh, pub.En, fault.Field{Field: "path.number", Code: pub.Code, Zh: pub.Zh, En: pub.En})
	}
	on := calendar.InChina(d.now())
	if q.AsOf != "" {
		if on, err = queryDay("query.as_of", q.AsOf); err != nil {
			return patent.Dossier{}, err
		}
	}
	if q.Maturity != "" {
		if q.Pledge.Maturity, err = queryDay("query.maturity", q.Maturity); err != nil {
			return patent.Dossier{}, err
		}
	}
	return Read(ctx, d.db, institution, n, q.Pledge, on, d.days)
}

func queryDay(field, text string) (calendar.Date, error) {
	d, err := calendar.Parse(text)
	if err != nil {
		return d, fault.New(fault.Invalid, "date.shape", "日期应写作 YYYY-MM-DD。", "Write the date as YYYY-MM-DD.",
			fault.Field{Field: field, Code: "date.shape", Zh: "日期应写作 YYYY-MM-DD", En: "write the date as YYYY-MM-DD"})
	}
	return d, nil
}

// Patent returns a patent as stored; the number is in any usual form.
func (d *Dossiers) Patent(ctx context.Context, number string) (Patent, error) {
	return d.db.Patent(ctx, number)
}

// Since returns what became known of a patent after one day and by another;
// maturity is the last day of the loan it secures, or zero. See [Alerts].
func (d *Dossiers) Since(ctx context.Context, n patent.Number, maturity, since, until calendar.Date) ([]patent.Alert, error) {
	return Alerts(ctx, d.db, n, maturity, since, until, d.days)
}

// Patent is a patent as the sources state it.
type Patent = store.Patent
