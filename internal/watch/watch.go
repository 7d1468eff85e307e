// Package watch keeps an eye on portfolios of patents: what an import of
// events, a payment, a loan or the calendar brings about becomes an alert,
// once per cause, which is polled for or sent to signed webhooks. Start with
// [New]; [Service.Workers] do both parts of the work.
package watch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

	Days *calendar.Working // default: as shipped
}

// Service watches.
type Service struct {
	db     *store.DB
	queue  *jobs.Queue
	log    *slog.Logger
	now    func() time.Time
	sealer *sealer // nil: no key
	post   *poster
	guard  Guard
	days   *calendar.Working
}

// New returns a service over the database.
func New(db *store.DB, o Options) (*Service, error) {
	s := &Service{db: db, log: o.Log, now: o.Now, guard: o.Guard, post: newPoster(o.Guard), days: cmp.Or(o.Days, calendar.Shipped())}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if s.queue, err = jobs.New(db, o.Log); err != nil {
		return nil, err
	}
	if len(o.Key) > 0 {
		if s.sealer, err = newSealer(o.Key); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// sweepSize is how many marks one transaction takes.
const sweepSize = 500

// Sweep works out the alerts of every patent that something happened to, and
// of all of them when a day began. It returns how many alerts were raised or
// changed. Any number of processes may sweep.
func (s *Service) Sweep(ctx context.Context) (changed int, err error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	today := calendar.InChina(now)
	if err := s.db.DueWatches(ctx, today); err != nil {
		return 0, err
	}
	for {
		taken, n, err := s.db.SweepWatches(ctx, sweepSize, now, func(w store.Watch) []store.AlertChange { return Derive(w, today, s.days) }, s.message, s.call)
		changed += n
		if err != nil || taken < sweepSize {
			return changed, err
		}
	}
}

// Derive says what becomes of a watch's alerts on a day: which are new, which
// read differently now, and which no longer hold. What had been public before
// the watch began and was on file then is no news; a fee's latest threshold
// and a loan that outlives the right are, because they still call for action.
func Derive(w store.Watch, today calendar.Date, days *calendar.Working) []store.AlertChange {
	began := calendar.InChina(w.Since)
	x := patent.Watched{Number: w.Number, Loans: w.Loans, Days: days}
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
			out = append(out, store.AlertChange{ID: alertID(w.Institution, a), Alert: a, Status: store.AlertOpen})
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
		out = append(out, store.AlertChange{ID: old.ID, Alert: old.Alert, Status: status})
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

// alertID is the same for the same cause for ever, so that nothing is raised
// twice and a receiver can tell a repeat.
func alertID(institution string, a patent.Alert) string {
	sum := sha256.Sum256([]byte(institution + "\x00" + a.Number + "\x00" + a.Cause))
	return "wa_" + hex.EncodeToString(sum[:16])
}

// Message is what a webhook is sent.
type Message struct {
	Type      string       `json:"type"` // alert.raised, alert.restated, alert.settled, webhook.test
	Timestamp time.Time    `json:"timestamp"`
	Data      *store.Alert `json:"data"`
}

func (s *Service) message(a store.Alert) (string, []byte, error) {
	kind := "alert.raised"
	switch {
	case a.Status == store.AlertSettled:
		kind = "alert.settled"
	case a.Revision > 1:
		kind = "alert.restated"
	}
	body, err := json.Marshal(Message{kind, a.ChangedAt, &a})
	return kind, body, err
}

// couriers is how many messages one process sends at once.
const couriers = 4

// sweeps are called for at an interval; messages is one job a subscription, so
// that a slow mailing holds up only its own.
var (
	sweeps   = jobs.Kind[struct{}]{Name: "sweeps", Timeout: 10 * time.Minute}
	messages = jobs.Kind[mailing]{Name: "messages", Queued: 8, Timeout: 5 * time.Minute}
)

type mailing struct {
	Webhook string `json:"webhook"`
}

// Workers sweep at an interval and deliver.
func (s *Service) Workers(every time.Duration) []jobs.Worker {
	list := []jobs.Worker{sweeps.Worker(1, func(ctx context.Context, _ *jobs.Turn, _ struct{}) (jobs.Next, error) {
		n, err := s.Sweep(ctx)
		if n > 0 {
			s.log.InfoContext(ctx, "alerts", "changed", n)
		}
		return jobs.Done, err
	}).Every(every)}
	if s.sealer != nil {
		list = append(list, messages.Worker(couriers, s.courier((*jobs.Turn).Over)))
	}
	return list
}

// call has the messages of subscriptions sent.
func (s *Service) call(ctx context.Context, tx pgx.Tx, institution string, webhooks ...string) error {
	orders := make([]jobs.Order[mailing], len(webhooks))
	for i, id := range webhooks {
		orders[i] = jobs.Order[mailing]{Key: id, Args: mailing{id}}
	}
	return messages.Add(ctx, s.queue, tx, institution, orders...)
}
