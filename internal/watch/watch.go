// Package watch keeps an eye on portfolios of patents: what an import of
// events, a payment, a loan or the calendar brings about becomes an alert,
// once per cause, which is polled for or sent to signed webhooks. Start with
// [New]; [Service.Workers] do the work.
package watch

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/jobs"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// Options configure a [Service].
type Options struct {
	Log *slog.Logger     // default: discard
	Now func() time.Time // default: time.Now

	// Key seals the secrets of subscriptions: 32 bytes, the same on every
	// machine. Without it there is polling and no push.
	Key []byte

	Guard Guard // where messages may be sent
}

// Service watches.
type Service struct {
	db     *store.DB
	log    *slog.Logger
	now    func() time.Time
	sealer *sealer // nil: no key
	post   *poster
	guard  Guard
	queue  *jobs.Queue
	put    store.Post
}

// New returns a service over the database.
func New(db *store.DB, o Options) (*Service, error) {
	s := &Service{db: db, log: o.Log, now: o.Now, guard: o.Guard, post: newPoster(o.Guard)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if s.queue, err = jobs.New(db, s.log); err != nil {
		return nil, err
	}
	s.put = Post(s.queue)
	if len(o.Key) > 0 {
		if s.sealer, err = newSealer(o.Key); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// sweepSize is how many marks one transaction takes.
const sweepSize = 500

var (
	sweepKind = jobs.Kind{Name: "watch", Queued: 1, Timeout: 10 * time.Minute}
	// One subscription has one message in hand at a time, and an institution a
	// few: a receiver that hangs holds up only its own.
	deliverKind = jobs.Kind{Name: "webhooks", Queued: 2, Timeout: time.Minute}
)

// Post returns what puts messages to work: the messages of a subscription are
// turns of one job.
func Post(q *jobs.Queue) store.Post {
	return func(ctx context.Context, tx pgx.Tx, institution string, webhooks []string) error {
		list := make([]store.Job, len(webhooks))
		for i, id := range webhooks {
			list[i] = deliveries(institution, id)
		}
		return q.Call(ctx, tx, deliverKind, list...)
	}
}

func deliveries(institution, webhook string) store.Job {
	return store.Job{ID: "webhook/" + webhook, Institution: institution, Subject: webhook, CreatedBy: "system"}
}

// couriers is how many messages one process sends at once.
const couriers = 8

// Workers sweep the portfolios every so often and, with a key, send messages.
func (s *Service) Workers(every time.Duration) []jobs.Worker {
	out := []jobs.Worker{{Kind: sweepKind, Turns: 1, Every: every, Do: func(ctx context.Context, _ *jobs.Turn) (jobs.Next, error) {
		changed, more, err := s.sweep(ctx)
		if changed > 0 {
			s.log.InfoContext(ctx, "alerts", "changed", changed)
		}
		if more {
			return jobs.Again, err
		}
		return jobs.Idle, err
	}}}
	if s.sealer != nil {
		out = append(out, s.courier())
	}
	return out
}

// Sweep works out the alerts of every patent that something happened to, and
// of all of them when a day began. It returns how many alerts were raised or
// changed. Any number of processes may sweep.
func (s *Service) Sweep(ctx context.Context) (changed int, err error) {
	for more := true; more && err == nil; {
		var n int
		n, more, err = s.sweep(ctx)
		changed += n
	}
	return changed, err
}

func (s *Service) sweep(ctx context.Context) (changed int, more bool, err error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	today := calendar.InChina(now)
	if err := s.db.DueWatches(ctx, today); err != nil {
		return 0, false, err
	}
	taken, changed, err := s.db.SweepWatches(ctx, sweepSize, now, func(w store.Watch) []store.AlertChange { return Derive(w, today) }, s.put)
	return changed, taken == sweepSize, err
}

// Derive says what becomes of a watch's alerts on a day: which are new, which
// read differently now, and which no longer hold. What had been public before
// the watch began and was on file then is no news; a fee's latest threshold
// and a loan that outlives the right are, because they still call for action.
func Derive(w store.Watch, today calendar.Date) []store.AlertChange {
	began := calendar.InChina(w.Since)
	x := patent.Watched{Number: w.Number, Loans: w.Loans}
	late := map[string]bool{} // causes that came into the store after the watch began
	for _, e := range w.Events {
		x.Events = append(x.Events, e.Event)
		if e.ArrivedAt.After(w.Since) {
			late[patent.EventCause(e.Event)] = true
		}
	}
	if p := w.Patent; p != nil {
		x.Fees = feeAccount(p)
	}
	var kept []patent.Alert
	standing := -1 // the latest fee threshold crossed before the watch began
	for _, a := range x.Alerts(calendar.Date{}, today) {
		switch fee := strings.HasPrefix(a.Cause, "fee|"); {
		case a.Date.After(began), late[a.Cause], a.Loan != "":
			kept = append(kept, a)
		case fee && standing < 0:
			standing = len(kept)
			kept = append(kept, a)
		case fee:
			kept[standing] = a
		}
	}
	slices.SortStableFunc(kept, func(a, b patent.Alert) int { return a.Date.Compare(b.Date) })
	var out []store.AlertChange
	raised := map[string]*store.Alert{}
	for i := range w.Alerts {
		raised[w.Alerts[i].Cause] = &w.Alerts[i]
	}
	for _, a := range kept {
		old := raised[a.Cause]
		if old == nil || old.Status != store.AlertOpen || old.Alert != a {
			out = append(out, store.AlertChange{Alert: a, Status: store.AlertOpen})
		}
	}
	for i := range w.Alerts {
		old := &w.Alerts[i]
		if old.Status != store.AlertOpen || slices.ContainsFunc(kept, func(a patent.Alert) bool { return a.Cause == old.Cause }) {
			continue
		}
		status := store.AlertRestated
		if settled(old, &x) {
			status = store.AlertSettled
		}
		out = append(out, store.AlertChange{Alert: old.Alert, Status: status})
	}
	return out
}

// settled reports that what an alert calls for was done: the fee of its year
// is paid, its loan is no longer in the book.
func settled(a *store.Alert, w *patent.Watched) bool {
	if fee, ok := strings.CutPrefix(a.Cause, "fee|"); ok {
		_, text, _ := strings.Cut(fee, "|")
		year, err := strconv.Atoi(text)
		return err == nil && w.Fees.PaidThrough != nil && year <= *w.Fees.PaidThrough
	}
	return a.Loan != "" && !slices.ContainsFunc(w.Loans, func(l patent.Loan) bool { return l.Reference == a.Loan })
}

// feeAccount is what a record says of a patent's fees.
func feeAccount(p *store.Patent) patent.FeeAccount {
	return patent.FeeAccount{Kind: patent.Kind(p.Kind), Filing: p.Filing, Granted: p.Grant, PaidThrough: p.PaidThroughYear, Added: p.AddedDays()}
}
