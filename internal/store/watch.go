package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// WatchedPatent is a patent an institution watches by its own choice.
type WatchedPatent struct {
	Number  string    `json:"number"`
	Note    string    `json:"note,omitempty"`
	AddedAt time.Time `json:"added_at"`
	AddedBy string    `json:"added_by"`
}

// WatchPatents adds patents to an institution's portfolio. One that is there stays
// as it is; one that was removed is watched again from now on.
func (db *DB) WatchPatents(ctx context.Context, institution string, numbers []string, note, by string, now time.Time) (n int, err error) {
	defer fault.Wrap(&err, "store.WatchPatents")
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO watched_patents AS w (institution, number, note, added_at, added_by)
			SELECT DISTINCT $1, n, $3, $4::timestamptz, $5 FROM unnest($2::text[]) AS n
			ON CONFLICT (institution, number) DO UPDATE SET note = EXCLUDED.note, added_at = EXCLUDED.added_at, added_by = EXCLUDED.added_by, removed_at = NULL
			WHERE w.removed_at IS NOT NULL`, institution, numbers, note, now, by)
		if err != nil {
			return err
		}
		n = int(tag.RowsAffected())
		return record(ctx, tx, Act{institution, by, "watch.add", numbers[0], map[string]any{"numbers": numbers, "added": n}})
	})
	return n, err
}

// UnwatchPatent takes a patent out of an institution's portfolio. Its alerts stay.
func (db *DB) UnwatchPatent(ctx context.Context, institution, number, by string, now time.Time) (err error) {
	defer fault.Wrap(&err, "store.UnwatchPatent(%s)", number)
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE watched_patents SET removed_at = $3 WHERE institution = $1 AND number = $2 AND removed_at IS NULL`, institution, number, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "watch.unknown", "关注列表中没有专利 "+number+"；为在册贷款提供担保的专利随贷款关注，不能单独移除。", "Patent "+number+" is not in the portfolio; one that secures a booked loan is watched with the loan.")
		}
		return record(ctx, tx, Act{institution, by, "watch.remove", number, nil})
	})
}

// WatchedPatents returns an institution's own portfolio in order of number.
func (db *DB) WatchedPatents(ctx context.Context, institution, after string, limit int) (_ []WatchedPatent, err error) {
	defer fault.Wrap(&err, "store.WatchedPatents")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT number, note, added_at, added_by FROM watched_patents
		WHERE institution = $1 AND number > $2 AND removed_at IS NULL ORDER BY number LIMIT $3`, institution, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w WatchedPatent, err error) {
		err = row.Scan(&w.Number, &w.Note, &w.AddedAt, &w.AddedBy)
		w.AddedAt = w.AddedAt.UTC()
		return w, err
	})
}

// AlertStatus says whether an alert still holds.
type AlertStatus string

// Statuses.
const (
	AlertOpen     AlertStatus = "open"
	AlertSettled  AlertStatus = "settled"  // the fee was paid, the loan is closed
	AlertRestated AlertStatus = "restated" // what is on file now does not bear it out
)

// Zh returns the status's Chinese name.
func (s AlertStatus) Zh() string {
	switch s {
	case AlertOpen:
		return "有效"
	case AlertSettled:
		return "已了结"
	case AlertRestated:
		return "已更正撤回"
	}
	return string(s)
}

// Alert is something an institution must see: of a patent it watches, or of a
// loan in its book.
type Alert struct {
	ID  string `json:"id"`
	Seq int64  `json:"seq"` // renewed at every change: ask for what is after the last one seen
	patent.Alert
	Revision       int         `json:"revision"` // 1 when raised; a restatement has the next
	Status         AlertStatus `json:"status"`
	RaisedAt       time.Time   `json:"raised_at"`
	ChangedAt      time.Time   `json:"changed_at"`
	AcknowledgedAt *time.Time  `json:"acknowledged_at,omitempty"`
	AcknowledgedBy string      `json:"acknowledged_by,omitempty"`
	Note           string      `json:"note,omitempty"`
	Level          string      `json:"level,omitempty"` // of a booked loan: yellow, red
	Book           *BookAlert  `json:"book,omitempty"`  // of a booked loan
}

// BookAlert is what an alert says of a loan in the book. Amounts in yuan.
type BookAlert struct {
	Kind    lending.AlertKind `json:"kind"`
	Trigger lending.Trigger   `json:"trigger"`
	Old     money.Fen         `json:"old_value"`
	New     money.Fen         `json:"new_value"`
	Detail  json.RawMessage   `json:"detail"` // what changed and why
}

// Watch is one patent watched by one institution, with all that its alerts are
// worked out from.
type Watch struct {
	Institution string
	Number      string
	Since       time.Time // when it came under watch
	Patent      *Patent   // nil: no record
	Events      []ArrivedEvent
	Loans       []patent.Loan
	Alerts      []Alert // raised before
}

// ArrivedEvent is an event and when it came into the store.
type ArrivedEvent struct {
	patent.Event
	ArrivedAt time.Time
}

// AlertChange is what becomes of one alert.
type AlertChange struct {
	ID     string
	Alert  patent.Alert
	Status AlertStatus
}

// DueWatches puts everything watched to be worked out again, once per day.
func (db *DB) DueWatches(ctx context.Context, today calendar.Date) (err error) {
	defer fault.Wrap(&err, "store.DueWatches")
	ctx = across(ctx)
	_, err = db.pool.Exec(ctx, `
		WITH fresh AS (INSERT INTO watch_days (day) VALUES ($1) ON CONFLICT DO NOTHING RETURNING day)
		INSERT INTO watch_dirty (institution, number) SELECT DISTINCT w.institution, w.number FROM watching w, fresh`, today)
	return err
}

// SweepWatches takes up to limit marks, has derive say what becomes of the
// alerts of each watch concerned, and stores it with a message to every
// subscription that wants it, all in one transaction. It returns how many
// marks were taken and alerts changed.
func (db *DB) SweepWatches(ctx context.Context, limit int, now time.Time, derive func(Watch) []AlertChange, message func(Alert) (kind string, body []byte, err error), call CallWebhooks) (taken, changed int, err error) {
	defer fault.Wrap(&err, "store.SweepWatches")
	ctx = across(ctx)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		taken, changed = 0, 0
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockAlerts); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT id, institution, number FROM watch_dirty ORDER BY id LIMIT $1`, limit)
		if err != nil {
			return err
		}
		var ids []int64
		marked := map[string][]string{}
		var id int64
		var institution, number string
		if _, err := pgx.ForEachRow(rows, []any{&id, &institution, &number}, func() error {
			ids = append(ids, id)
			marked[institution] = append(marked[institution], number)
			return nil
		}); err != nil {
			return err
		}
		if err := tellBook(ctx, tx, now, message, call); err != nil {
			return err
		}
		if taken = len(ids); taken == 0 {
			return nil
		}
		var watches []Watch
		for _, institution := range slices.Sorted(maps.Keys(marked)) {
			if _, err := tx.Exec(ctx, setScope, institution); err != nil { // each sees its own records and the public ones
				return err
			}
			numbers := marked[institution]
			slices.Sort(numbers)
			own, err := watchesOf(ctx, tx, slices.Compact(numbers))
			if err != nil {
				return err
			}
			watches = append(watches, own...)
		}
		if _, err := tx.Exec(ctx, setScope, Everyone); err != nil {
			return err
		}
		for i := range watches {
			changes := derive(watches[i])
			for _, c := range changes {
				a, err := putAlert(ctx, tx, watches[i].Institution, c, now)
				if err != nil {
					return err
				}
				kind, body, err := message(a)
				if err != nil {
					return err
				}
				if err := queueMessages(ctx, tx, watches[i].Institution, a, kind, body, now, call); err != nil {
					return err
				}
			}
			changed += len(changes)
		}
		_, err = tx.Exec(ctx, `DELETE FROM watch_dirty WHERE id = ANY ($1)`, ids)
		return err
	})
	return taken, changed, err
}

// tellBook queues the messages of what was raised about booked loans: values
// that fell, ceilings that broke.
func tellBook(ctx context.Context, tx pgx.Tx, now time.Time, message func(Alert) (kind string, body []byte, err error), call CallWebhooks) error {
	rows, err := tx.Query(ctx, `UPDATE alerts SET told = true WHERE NOT told RETURNING institution, `+alertColumns)
	if err != nil {
		return err
	}
	type told struct {
		institution string
		Alert
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x told, err error) {
		x.Alert, err = scanAlert(row, &x.institution)
		return x, err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b told) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, x := range list {
		kind, body, err := message(x.Alert)
		if err != nil {
			return err
		}
		if err := queueMessages(ctx, tx, x.institution, x.Alert, kind, body, now, call); err != nil {
			return err
		}
	}
	return nil
}

// watchesOf gathers what is on file about patents the institution watches.
func watchesOf(ctx context.Context, tx pgx.Tx, numbers []string) ([]Watch, error) {
	rows, err := tx.Query(ctx, `SELECT institution, number, since, coalesce(contract, ''), maturity FROM watching WHERE institution = institution_now() AND number = ANY ($1) ORDER BY institution, number, contract`, numbers)
	if err != nil {
		return nil, err
	}
	var out []Watch
	var institution, number, contract string
	var since time.Time
	var maturity calendar.Date
	if _, err := pgx.ForEachRow(rows, []any{&institution, &number, &since, &contract, &maturity}, func() error {
		if n := len(out); n == 0 || out[n-1].Institution != institution || out[n-1].Number != number {
			out = append(out, Watch{Institution: institution, Number: number, Since: since.UTC()})
		}
		w := &out[len(out)-1]
		if since.Before(w.Since) {
			w.Since = since.UTC()
		}
		if contract != "" {
			w.Loans = append(w.Loans, patent.Loan{Reference: contract, Maturity: maturity, Since: calendar.InChina(since)})
		}
		return nil
	}); err != nil || len(out) == 0 {
		return nil, err
	}
	if rows, err = tx.Query(ctx, `SELECT `+patentColumns+` FROM patents WHERE number = ANY ($1) AND `+visible+` ORDER BY number, `+ownFirst, numbers); err != nil {
		return nil, err
	}
	records, err := pgx.CollectRows(rows, scanPatent)
	if err != nil {
		return nil, err
	}
	patents := map[string]*Patent{}
	for i := 0; i < len(records); {
		same := i + 1
		for same < len(records) && records[same].Number == records[i].Number {
			same++
		}
		p, _ := overlay(records[i:same])
		patents[p.Number] = &p
		i = same
	}
	rows, err = tx.Query(ctx, `
		SELECT DISTINCT ON (number, effective, code, registration, party) number, code, effective, gazette, registration, before, after, party, licence_kind, source, arrived_at
		FROM events WHERE number = ANY ($1) AND `+visible+` ORDER BY number, effective, code, registration, party, `+ownFirst, numbers)
	if err != nil {
		return nil, err
	}
	events := map[string][]ArrivedEvent{}
	var e ArrivedEvent
	if _, err := pgx.ForEachRow(rows, []any{&number, &e.Code, &e.Effective, &e.Gazette, &e.Registration, &e.Before, &e.After, &e.Party, &e.LicenceKind, &e.Source, &e.ArrivedAt}, func() error {
		events[number] = append(events[number], e)
		e.Before, e.After = nil, nil // the next row must not share their memory
		return nil
	}); err != nil {
		return nil, err
	}
	if rows, err = tx.Query(ctx, `SELECT institution, `+alertColumns+` FROM alerts WHERE institution = institution_now() AND kind = '' AND number = ANY ($1)`, numbers); err != nil {
		return nil, err
	}
	type owned struct {
		institution string
		Alert
	}
	raised, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o owned, err error) {
		o.Alert, err = scanAlert(row, &o.institution)
		return o, err
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		w := &out[i]
		w.Patent, w.Events = patents[w.Number], events[w.Number]
		for _, o := range raised {
			if o.institution == w.Institution && o.Number == w.Number {
				w.Alerts = append(w.Alerts, o.Alert)
			}
		}
	}
	return out, nil
}

const alertColumns = `id, seq, revision, number, cause, code, day, zh, en, event, source, loan, status, raised_at, changed_at, acknowledged_at, coalesce(acknowledged_by, ''), coalesce(note, ''), level, kind, trigger, coalesce(old_value, 0), coalesce(new_value, 0), detail`

// scanAlert reads alertColumns behind what else is asked for.
func scanAlert(row pgx.CollectableRow, first ...any) (a Alert, err error) {
	var b BookAlert
	var before, after int64
	err = row.Scan(append(first, &a.ID, &a.Seq, &a.Revision, &a.Number, &a.Cause, &a.Code, &a.Date, &a.Zh, &a.En, &a.Event, &a.Source, &a.Loan, &a.Status,
		&a.RaisedAt, &a.ChangedAt, &a.AcknowledgedAt, &a.AcknowledgedBy, &a.Note, &a.Level,
		&b.Kind, &b.Trigger, &before, &after, (*[]byte)(&b.Detail))...)
	if b.Kind != "" {
		b.Old, b.New = money.Fen(before), money.Fen(after)
		a.Book = &b
	}
	a.RaisedAt, a.ChangedAt = a.RaisedAt.UTC(), a.ChangedAt.UTC()
	return a, err
}

// putAlert raises an alert or restates it. Restated, it is to be acknowledged
// again; settled, it is not.
func putAlert(ctx context.Context, tx pgx.Tx, institution string, c AlertChange, now time.Time) (Alert, error) {
	x := c.Alert
	rows, err := tx.Query(ctx, `
		INSERT INTO alerts AS w (id, seq, revision, institution, number, cause, code, day, zh, en, event, source, loan, status, raised_at, changed_at)
		VALUES ($1, nextval('alerts_seq'), 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
		ON CONFLICT (id) DO UPDATE SET seq = EXCLUDED.seq, revision = w.revision + 1, code = EXCLUDED.code, day = EXCLUDED.day, zh = EXCLUDED.zh, en = EXCLUDED.en,
			event = EXCLUDED.event, source = EXCLUDED.source, loan = EXCLUDED.loan, status = EXCLUDED.status, changed_at = EXCLUDED.changed_at,
			acknowledged_at = CASE WHEN EXCLUDED.status = 'settled' THEN w.acknowledged_at END,
			acknowledged_by = CASE WHEN EXCLUDED.status = 'settled' THEN w.acknowledged_by END,
			note = CASE WHEN EXCLUDED.status = 'settled' THEN w.note END
		RETURNING `+alertColumns,
		c.ID, institution, x.Number, x.Cause, x.Code, x.Date, x.Zh, x.En, x.Event, x.Source, x.Loan, c.Status, now)
	if err != nil {
		return Alert{}, err
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Alert, error) { return scanAlert(row) })
}

// AlertFilter chooses alerts.
type AlertFilter struct {
	After  int64  // seq of the last one seen
	Number string // of one patent; empty: any
	Open   bool   // only those that hold and nobody acknowledged
	Book   bool   // only those of booked loans
	Limit  int
}

// Alerts returns an institution's alerts in the order in which they last
// changed.
func (db *DB) Alerts(ctx context.Context, institution string, f AlertFilter) (_ []Alert, err error) {
	defer fault.Wrap(&err, "store.Alerts")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT `+alertColumns+` FROM alerts
		WHERE institution = $1 AND seq > $2 AND ($3 = '' OR number = $3) AND (NOT $4 OR acknowledged_at IS NULL AND status = 'open') AND (NOT $5 OR kind <> '')
		ORDER BY seq LIMIT $6`, institution, f.After, f.Number, f.Open, f.Book, f.Limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Alert, error) { return scanAlert(row) })
}

// AcknowledgeAlert records that somebody has seen an alert and what
// follows from it. Once is enough: the first stays until it is restated.
func (db *DB) AcknowledgeAlert(ctx context.Context, institution, id, by, note string, now time.Time) (_ Alert, err error) {
	defer fault.Wrap(&err, "store.AcknowledgeAlert(%s)", id)
	ctx = As(ctx, institution)
	var a Alert
	err = db.transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE alerts SET acknowledged_at = coalesce(acknowledged_at, $3), acknowledged_by = coalesce(acknowledged_by, $4), note = coalesce(note, $5)
			WHERE institution = $1 AND id = $2 RETURNING `+alertColumns, institution, id, now, by, note)
		if err != nil {
			return err
		}
		a, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Alert, error) { return scanAlert(row) })
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "alert.unknown", "没有这条预警。", "There is no such alert.")
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "alert.acknowledge", id, map[string]any{"revision": a.Revision, "note": note}})
	})
	return a, err
}

// Webhook is where an institution wants its alerts sent.
type Webhook struct {
	ID          string     `json:"id"`
	Institution string     `json:"-"`
	URL         string     `json:"url"`
	Codes       []string   `json:"codes"` // of alerts; none: all
	Secret      []byte     `json:"-"`     // sealed
	Previous    []byte     `json:"-"`     // sealed; signs too until Until
	Until       *time.Time `json:"previous_secret_until,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	CreatedBy   string     `json:"created_by"`
	DisabledAt  *time.Time `json:"disabled_at,omitempty"`
}

const webhookColumns = `id, institution, url, codes, secret, previous, previous_until, created_at, created_by, disabled_at`

func scanWebhook(row pgx.CollectableRow) (w Webhook, err error) {
	err = row.Scan(&w.ID, &w.Institution, &w.URL, &w.Codes, &w.Secret, &w.Previous, &w.Until, &w.CreatedAt, &w.CreatedBy, &w.DisabledAt)
	w.CreatedAt = w.CreatedAt.UTC()
	return w, err
}

// PutWebhook keeps a new subscription.
func (db *DB) PutWebhook(ctx context.Context, w Webhook) (err error) {
	defer fault.Wrap(&err, "store.PutWebhook")
	ctx = As(ctx, w.Institution)
	return db.recorded(ctx, Act{w.Institution, w.CreatedBy, "webhook.create", w.ID, map[string]any{"url": w.URL, "codes": w.Codes}}, `
		INSERT INTO webhooks (id, institution, url, codes, secret, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		w.ID, w.Institution, w.URL, list(w.Codes), w.Secret, w.CreatedAt, w.CreatedBy)
}

// Webhooks returns an institution's subscriptions, also those that ended.
func (db *DB) Webhooks(ctx context.Context, institution string) (_ []Webhook, err error) {
	defer fault.Wrap(&err, "store.Webhooks")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT `+webhookColumns+` FROM webhooks WHERE institution = $1 ORDER BY created_at, id`, institution)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanWebhook)
}

var errNoWebhook = fault.New(fault.NotFound, "webhook.unknown", "没有这个推送地址，或已停用。", "There is no such subscription, or it has ended.")

func (db *DB) changeWebhook(ctx context.Context, institution, id, by, action, set string, args ...any) (w Webhook, err error) {
	err = db.transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE webhooks SET `+set+` WHERE institution = $1 AND id = $2 AND disabled_at IS NULL RETURNING `+webhookColumns, append([]any{institution, id}, args...)...)
		if err != nil {
			return err
		}
		w, err = pgx.CollectExactlyOneRow(rows, scanWebhook)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoWebhook
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, action, id, nil})
	})
	return w, err
}

// RotateWebhook gives a subscription a new secret. The one before signs beside
// it until a moment.
func (db *DB) RotateWebhook(ctx context.Context, institution, id, by string, secret []byte, until time.Time) (_ Webhook, err error) {
	defer fault.Wrap(&err, "store.RotateWebhook(%s)", id)
	ctx = As(ctx, institution)
	return db.changeWebhook(ctx, institution, id, by, "webhook.rotate", `previous = secret, previous_until = $4, secret = $3`, secret, until)
}

// DisableWebhook ends a subscription. What still waits is given up.
func (db *DB) DisableWebhook(ctx context.Context, institution, id, by string, now time.Time) (_ Webhook, err error) {
	defer fault.Wrap(&err, "store.DisableWebhook(%s)", id)
	ctx = As(ctx, institution)
	w, err := db.changeWebhook(ctx, institution, id, by, "webhook.disable", `disabled_at = $3`, now)
	if err != nil {
		return w, err
	}
	_, err = db.pool.Exec(ctx, `UPDATE webhook_deliveries SET status = 'dead', error = 'subscription ended', ended_at = $2 WHERE webhook = $1 AND status = 'waiting'`, id, now)
	return w, err
}

// Delivery is one message to one place.
type Delivery struct {
	ID        string          `json:"id"` // webhook-id, the same at every attempt
	Seq       int64           `json:"seq"`
	Webhook   string          `json:"webhook"`
	Kind      string          `json:"type"`
	Body      json.RawMessage `json:"body"`
	Status    string          `json:"status"` // waiting, delivered, dead
	Attempts  int             `json:"attempts"`
	NextAt    time.Time       `json:"next_at"`
	Reply     *int            `json:"reply"` // status of the last reply; null: none came
	Error     string          `json:"error,omitempty"`
	CreatedAt time.Time       `json:"created_at"`
	EndedAt   *time.Time      `json:"ended_at,omitempty"`
}

const deliveryColumns = `d.id, d.seq, d.webhook, d.kind, d.body, d.status, d.attempts, d.next_at, d.reply, coalesce(d.error, ''), d.created_at, d.ended_at`

func deliveryFields(d *Delivery) []any {
	return []any{&d.ID, &d.Seq, &d.Webhook, &d.Kind, (*[]byte)(&d.Body), &d.Status, &d.Attempts, &d.NextAt, &d.Reply, &d.Error, &d.CreatedAt, &d.EndedAt}
}

func scanDelivery(row pgx.CollectableRow) (d Delivery, err error) {
	err = row.Scan(deliveryFields(&d)...)
	d.NextAt, d.CreatedAt = d.NextAt.UTC(), d.CreatedAt.UTC()
	return d, err
}

// CallWebhooks has the messages of an institution's subscriptions sent when the
// transaction commits.
type CallWebhooks func(ctx context.Context, tx pgx.Tx, institution string, webhooks ...string) error

// queueMessages puts an alert's message to every subscription that wants it.
// Its id names subscription, alert and revision: put twice it is there once.
func queueMessages(ctx context.Context, tx pgx.Tx, institution string, a Alert, kind string, body []byte, now time.Time, call CallWebhooks) error {
	rows, err := tx.Query(ctx, `
		INSERT INTO webhook_deliveries (id, webhook, institution, kind, body, status, next_at, created_at)
		SELECT 'msg_' || encode(substring(sha256(convert_to(id || '|' || $2 || '|' || ($3::integer)::text, 'UTF8')) FOR 16), 'hex'), id, $1, $4, $5, 'waiting', $6, $6
		FROM webhooks WHERE institution = $1 AND disabled_at IS NULL AND (cardinality(codes) = 0 OR $7 = ANY (codes))
		ON CONFLICT (id) DO NOTHING RETURNING webhook`, institution, a.ID, a.Revision, kind, body, now, a.Code)
	if err != nil {
		return err
	}
	webhooks, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	return call(ctx, tx, institution, webhooks...)
}

// PutMessage puts one message to one subscription.
func (db *DB) PutMessage(ctx context.Context, institution, webhook, id, kind string, body []byte, now time.Time, call CallWebhooks) (err error) {
	defer fault.Wrap(&err, "store.PutMessage")
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO webhook_deliveries (id, webhook, institution, kind, body, status, next_at, created_at)
			SELECT $3, id, institution, $4, $5, 'waiting', $6, $6 FROM webhooks WHERE id = $2 AND institution = $1 AND disabled_at IS NULL`,
			institution, webhook, id, kind, body, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errNoWebhook
		}
		return call(ctx, tx, institution, webhook)
	})
}

// Deliveries returns an institution's messages after one, oldest first; an empty
// status asks for all.
func (db *DB) Deliveries(ctx context.Context, institution, status string, after int64, limit int) (_ []Delivery, err error) {
	defer fault.Wrap(&err, "store.Deliveries")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT `+deliveryColumns+` FROM webhook_deliveries d
		WHERE institution = $1 AND seq > $2 AND ($3 = '' OR status = $3) ORDER BY seq LIMIT $4`, institution, after, status, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanDelivery)
}

// Redeliver sends a message again that was given up or arrived, under the same
// id.
func (db *DB) Redeliver(ctx context.Context, institution, id, by string, now time.Time, call CallWebhooks) (d Delivery, err error) {
	defer fault.Wrap(&err, "store.Redeliver(%s)", id)
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE webhook_deliveries d SET status = 'waiting', attempts = 0, next_at = $3, ended_at = NULL
			FROM webhooks w WHERE w.id = d.webhook AND w.disabled_at IS NULL AND d.institution = $1 AND d.id = $2 AND d.status <> 'waiting' RETURNING `+deliveryColumns, institution, id, now)
		if err != nil {
			return err
		}
		d, err = pgx.CollectExactlyOneRow(rows, scanDelivery)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "delivery.unknown", "没有这条推送，或仍在等待，或其地址已停用。", "There is no such message, or it is still waiting, or its subscription has ended.")
		}
		if err != nil {
			return err
		}
		if err := call(ctx, tx, institution, d.Webhook); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "webhook.redeliver", id, nil})
	})
	return d, err
}

// DueWebhook returns a subscription with a message that is due and that no
// job of a kind has in hand; empty: there is none.
func (db *DB) DueWebhook(ctx context.Context, kind string, now time.Time) (institution, webhook string, err error) {
	defer fault.Wrap(&err, "store.DueWebhook")
	ctx = across(ctx)
	err = db.pool.QueryRow(ctx, `
		SELECT institution, webhook FROM webhook_deliveries d WHERE status = 'waiting' AND next_at <= $1
		AND NOT EXISTS (SELECT FROM jobs j WHERE j.kind = $2 AND j.key = d.webhook AND j.status = 'running') ORDER BY next_at, seq LIMIT 1`, now, kind).Scan(&institution, &webhook)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", nil
	}
	return institution, webhook, err
}

// TakeDelivery counts an attempt at the message of a subscription that is due
// first and returns it. Without one, next is when the first of those that wait
// is due; zero: none waits.
func (db *DB) TakeDelivery(ctx context.Context, webhook string, now time.Time) (d Delivery, w Webhook, next time.Time, err error) {
	defer fault.Wrap(&err, "store.TakeDelivery")
	err = db.transact(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			UPDATE webhook_deliveries d SET attempts = d.attempts + 1 FROM webhooks w
			WHERE w.id = d.webhook AND d.id = (SELECT id FROM webhook_deliveries WHERE webhook = $1 AND status = 'waiting' AND next_at <= $2 ORDER BY next_at, seq LIMIT 1)
			RETURNING `+deliveryColumns+`, w.id, w.institution, w.url, w.secret, w.previous, w.previous_until`, webhook, now).
			Scan(append(deliveryFields(&d), &w.ID, &w.Institution, &w.URL, &w.Secret, &w.Previous, &w.Until)...)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		var at *time.Time
		err = tx.QueryRow(ctx, `SELECT min(next_at) FROM webhook_deliveries WHERE webhook = $1 AND status = 'waiting'`, webhook).Scan(&at)
		if at != nil {
			next = *at
		}
		return err
	})
	return d, w, next, err
}

// Attempt is what came of sending a message.
type Attempt struct {
	Reply *int   // status of the reply; nil: none came
	Error string // empty: it arrived
	Next  time.Time
	Dead  bool // given up
	Gone  bool // the receiver says for ever
}

// EndDelivery records an attempt and lets the message go.
func (db *DB) EndDelivery(ctx context.Context, d Delivery, a Attempt, now time.Time) (err error) {
	defer fault.Wrap(&err, "store.EndDelivery(%s)", d.ID)
	ctx = across(ctx)
	status := "waiting"
	switch {
	case a.Error == "":
		status = "delivered"
	case a.Dead || a.Gone:
		status = "dead"
	}
	var ended *time.Time
	if status != "waiting" {
		ended = &now
	}
	if a.Next.IsZero() {
		a.Next = now
	}
	return db.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			UPDATE webhook_deliveries SET status = $2, reply = $3, error = nullif($4, ''), next_at = $5, ended_at = $6
			WHERE id = $1 AND status = 'waiting'`, d.ID, status, a.Reply, a.Error, a.Next, ended)
		if err != nil || !a.Gone {
			return err
		}
		var institution string
		err = tx.QueryRow(ctx, `UPDATE webhooks SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL RETURNING institution`, d.Webhook, now).Scan(&institution)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, "system", "webhook.gone", d.Webhook, nil})
	})
}
