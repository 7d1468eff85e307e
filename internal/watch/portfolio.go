package watch

import (
	"context"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/paging"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// What is read of a portfolio is as stored.
type (
	Watched  = store.WatchedPatent
	Alert    = store.Alert
	Webhook  = store.Webhook
	Delivery = store.Delivery
)

// Open is the status of an alert that holds.
const Open = store.AlertOpen

// Add watches patents for an institution and returns how many were not watched
// before. A number that is no application number is refused by name.
func (s *Service) Add(ctx context.Context, institution, by string, numbers []string, note string) (int, error) {
	normal := make([]string, len(numbers))
	for i, text := range numbers {
		n, err := patent.ParseNumber(text)
		if err == nil && !n.NamesApplication() {
			err = fault.New(fault.Invalid, "number.not_application", "请使用申请号（专利号）。", "Use the application number.")
		}
		if err != nil {
			pub := fault.Public(err)
			return 0, fault.New(fault.Invalid, pub.Code, text+"："+pub.Zh, text+": "+pub.En, fault.Field{Field: "body.numbers", Code: pub.Code, Zh: text + "：" + pub.Zh, En: text + ": " + pub.En})
		}
		normal[i] = string(n.Key())
	}
	return s.db.WatchPatents(ctx, institution, normal, note, by, s.now())
}

// Patents returns one page of the patents an institution watches, by number,
// and the cursor of the next.
func (s *Service) Patents(ctx context.Context, institution, cursor string, limit int) (_ []Watched, next string, err error) {
	at, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := s.db.WatchedPatents(ctx, institution, at.ID, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(w *Watched) paging.Place { return paging.Place{ID: w.Number} })
	return page, next, nil
}

// Remove stops watching a patent; its alerts stay.
func (s *Service) Remove(ctx context.Context, institution, by, number string) error {
	return s.db.UnwatchPatent(ctx, institution, number, by, s.now())
}

// AlertQuery chooses alerts.
type AlertQuery struct {
	After  int64  // Seq of the last one seen
	Number string // of one patent; empty: any
	Open   bool   // only those that hold and nobody acknowledged
	Book   bool   // only those of booked loans
}

// Alerts returns up to limit alerts of an institution in the order in which
// they last changed. It is a feed rather than a list: an alert that changes
// comes again with a higher Seq, so whoever asks for what is after the last one
// seen misses nothing.
func (s *Service) Alerts(ctx context.Context, institution string, q AlertQuery, limit int) ([]Alert, error) {
	return s.db.Alerts(ctx, institution, store.AlertFilter{After: q.After, Number: q.Number, Open: q.Open, Book: q.Book, Limit: limit})
}

// maxNote bounds what a person writes beside an alert, bytes.
const maxNote = 2000

// Acknowledge records that an alert was seen and what follows from it.
func (s *Service) Acknowledge(ctx context.Context, institution, by, id, note string) (Alert, error) {
	if note = strings.TrimSpace(note); note == "" || len(note) > maxNote {
		return Alert{}, fault.New(fault.Invalid, "note.missing", "请写明处理意见（不超过 2000 字节）。", "Say what follows from it, in at most 2,000 bytes.")
	}
	return s.db.AcknowledgeAlert(ctx, institution, id, by, note, s.now())
}

// Webhooks returns an institution's subscriptions.
func (s *Service) Webhooks(ctx context.Context, institution string) ([]Webhook, error) {
	return s.db.Webhooks(ctx, institution)
}

// Disable ends a subscription.
func (s *Service) Disable(ctx context.Context, institution, by, id string) (Webhook, error) {
	return s.db.DisableWebhook(ctx, institution, id, by, s.now())
}

// Deliveries returns one page of an institution's messages with their
// attempts, oldest first, of one status when it is given, and the cursor of
// the next.
func (s *Service) Deliveries(ctx context.Context, institution, status, cursor string, limit int) (_ []Delivery, next string, err error) {
	after, err := paging.ReadNumber(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := s.db.Deliveries(ctx, institution, status, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(d *Delivery) paging.Place { return paging.Numbered(d.Seq) })
	return page, next, nil
}

// Redeliver sends a message again under the same id.
func (s *Service) Redeliver(ctx context.Context, institution, by, id string) (Delivery, error) {
	return s.db.Redeliver(ctx, institution, id, by, s.now(), s.call)
}
