package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// Webhook is where a institution wants its alerts sent.
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

// Webhooks returns a institution's subscriptions, also those that ended.
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

// queueMessages puts an alert's message to every subscription that wants it.
// Its id names subscription, alert and revision: put twice it is there once. It
// returns the subscriptions.
func queueMessages(ctx context.Context, tx pgx.Tx, institution string, a *Alert, kind string, body []byte, now time.Time) ([]string, error) {
	rows, err := tx.Query(ctx, `
		INSERT INTO webhook_deliveries (id, webhook, institution, kind, body, status, next_at, created_at)
		SELECT 'msg_' || encode(substring(sha256(convert_to(id || '|' || $2 || '|' || ($3::integer)::text, 'UTF8')) FOR 16), 'hex'), id, $1, $4, $5, 'waiting', $6, $6
		FROM webhooks WHERE institution = $1 AND disabled_at IS NULL AND (cardinality(codes) = 0 OR $7 = ANY (codes))
		ON CONFLICT (id) DO NOTHING RETURNING webhook`, institution, a.ID, a.Revision, kind, body, now, a.Code)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// PutMessage puts one message to one subscription.
func (db *DB) PutMessage(ctx context.Context, institution, webhook, id, kind string, body []byte, now time.Time, post Post) (err error) {
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
		return post(ctx, tx, institution, []string{webhook})
	})
}

// Deliveries returns a institution's messages after one, oldest first; an empty
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
func (db *DB) Redeliver(ctx context.Context, institution, id, by string, now time.Time, post Post) (d Delivery, err error) {
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
		if err := post(ctx, tx, institution, []string{d.Webhook}); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "webhook.redeliver", id, nil})
	})
	return d, err
}

// NextDelivery returns the message of a subscription that is due next, with the
// subscription. found is false when nothing waits.
func (db *DB) NextDelivery(ctx context.Context, webhook string) (d Delivery, w Webhook, found bool, err error) {
	defer fault.Wrap(&err, "store.NextDelivery(%s)", webhook)
	err = db.pool.QueryRow(ctx, `
		SELECT `+deliveryColumns+`, w.id, w.institution, w.url, w.secret, w.previous, w.previous_until
		FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook WHERE d.webhook = $1 AND d.status = 'waiting' ORDER BY d.next_at, d.seq LIMIT 1`, webhook).
		Scan(append(deliveryFields(&d), &w.ID, &w.Institution, &w.URL, &w.Secret, &w.Previous, &w.Until)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, w, false, nil
	}
	d.NextAt = d.NextAt.UTC()
	return d, w, err == nil, err
}

// WebhooksDue returns the subscriptions with a message due by a moment.
func (db *DB) WebhooksDue(ctx context.Context, now time.Time) (_ []Webhook, err error) {
	defer fault.Wrap(&err, "store.WebhooksDue")
	ctx = across(ctx)
	rows, err := db.pool.Query(ctx, `SELECT `+webhookColumns+` FROM webhooks w WHERE EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook = w.id AND d.status = 'waiting' AND d.next_at <= $1) ORDER BY id`, now)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanWebhook)
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
			UPDATE webhook_deliveries SET status = $2, reply = $3, error = nullif($4, ''), next_at = $5, attempts = attempts + 1, ended_at = $6
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
