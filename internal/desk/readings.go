package desk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// A batch that does not wait for the model is decided once. Its patents are read
// afterwards, by a process that has a model: each reading makes a revision of the
// valuation, which stays, and where the revisions of a contract take its loan over
// what the collateral bears, or back under it, an alert says so. The decision is
// another only when somebody has the batch decided again.
var readingKind = jobs.Kind[decision]{Name: "batch-readings", Queued: 4, Timeout: time.Hour}

// reading is how many patents of a batch are put to the model at once; the
// endpoint's own limit is the client's.
const reading = 8

// Reread is a contract of a batch whose collateral bears something else after
// the later readings. It has crossed when the loan was within that and is no more,
// or the reverse.
type Reread struct {
	Contract string    `json:"contract"`
	Loan     money.Fen `json:"loan"`
	Before   money.Fen `json:"bears_before"`
	After    money.Fen `json:"bears_after"`
	Crossed  bool      `json:"crossed"`
}

// Readings are what the later readings of a batch came to.
type Readings struct {
	Rows      []store.BatchReading `json:"rows"`
	Contracts []Reread             `json:"contracts"`
}

// ReadLater has the rows of a finished batch read whose valuations lack the
// model's reading, now and in this process, those that could not be read before
// among them, and returns what all its later readings came to.
func (d *Desk) ReadLater(ctx context.Context, actor appraisal.Actor, id string) (out Readings, err error) {
	defer fault.Wrap(&err, "desk.ReadLater(%s)", id)
	b, err := d.db.Batch(ctx, actor.Institution, id)
	if err != nil {
		return out, err
	}
	if b.Status != store.BatchFinished {
		return out, fault.New(fault.Conflict, "batch.unfinished", "批次尚未完成。", "The batch is not finished.")
	}
	if !d.appraisal.Reads() {
		return out, fault.New(fault.Unavailable, "model.off", "未启用模型评分，无法评阅；请配置 ZHIJIA_LLM_BASE_URL。", "Model scoring is off, so nothing can be read; set ZHIJIA_LLM_BASE_URL.")
	}
	if err := d.db.ForgetUnread(ctx, actor.Institution, id); err != nil {
		return out, err
	}
	var failed error
	one := readingKind.Worker(1, func(ctx context.Context, _ *jobs.Turn, x decision) (jobs.Next, error) {
		_, failed = d.readRows(ctx, actor.Institution, x.Batch, func() bool { return false })
		return jobs.Done, failed
	})
	taken, err := d.queue.Once(ctx, one, actor.Institution, id, decision{id})
	switch {
	case failed != nil || err != nil:
		return out, cmp.Or(failed, err)
	case !taken:
		return out, fault.New(fault.Conflict, "batch.reading", "另一进程正在评阅该批次，请稍后再看。", "Another process is reading this batch; look again later.")
	}
	return d.LaterReadings(ctx, actor, id)
}

// LaterReadings returns what the later readings of a batch came to so far.
func (d *Desk) LaterReadings(ctx context.Context, actor appraisal.Actor, id string) (out Readings, err error) {
	defer fault.Wrap(&err, "desk.LaterReadings(%s)", id)
	b, err := d.db.Batch(ctx, actor.Institution, id)
	if err != nil {
		return out, err
	}
	return d.reread(ctx, &b)
}

// readers are the workers of later readings; a process without a model has none.
func (d *Desk) readers() []jobs.Worker {
	if !d.appraisal.Reads() {
		return nil
	}
	return []jobs.Worker{readingKind.Worker(1, func(ctx context.Context, t *jobs.Turn, x decision) (jobs.Next, error) {
		ctx, stop := t.UntilDrain(ctx)
		defer stop()
		more, err := d.readRows(ctx, t.Institution, x.Batch, t.Over)
		if err == nil && more {
			return jobs.Again, nil
		}
		return jobs.Done, err
	})}
}

// readRows has rows read until over, and tells what they come to when none is
// left. A row that cannot be read is noted with the reason.
func (d *Desk) readRows(ctx context.Context, institution, id string, over func() bool) (more bool, err error) {
	b, err := d.db.Batch(ctx, institution, id)
	if err != nil || b.Status != store.BatchFinished {
		return false, err
	}
	actor := appraisal.Actor{Name: b.CreatedBy, Institution: institution}
	for {
		rows, err := d.db.RowsToRead(ctx, institution, id, reading)
		if err != nil {
			return false, err
		}
		if len(rows) == 0 {
			return false, d.tellCrossed(ctx, &b)
		}
		var wg sync.WaitGroup
		failed := make([]error, len(rows))
		for i := range rows {
			wg.Go(func() { failed[i] = d.readRow(ctx, actor, id, rows[i]) })
		}
		wg.Wait()
		if err := cmp.Or(failed...); err != nil {
			return false, err
		}
		if over() {
			return true, nil
		}
	}
}

func (d *Desk) readRow(ctx context.Context, actor appraisal.Actor, id string, row store.BatchReading) error {
	_, err := d.appraisal.ReviseRow(ctx, actor, row, id)
	if err == nil || ctx.Err() != nil || store.Outage(err) {
		return err
	}
	d.log.WarnContext(ctx, "a later reading", "batch", id, "line", row.Line, "error", err)
	row.Note = fault.Public(err).Zh
	return d.db.PutUnread(ctx, actor.Institution, id, row, d.now().UTC().Truncate(time.Microsecond))
}

// reread decides a batch once more in memory, on the facts it was decided on
// and the revised values, and compares what the collateral of each contract
// bears.
func (d *Desk) reread(ctx context.Context, b *store.Batch) (out Readings, err error) {
	ctx = store.As(ctx, b.Institution)
	out = Readings{Rows: []store.BatchReading{}, Contracts: []Reread{}}
	if out.Rows, err = d.db.BatchReadings(ctx, b.Institution, b.ID); err != nil {
		return out, err
	}
	revised := map[int]*valuation.Conclusion{}
	for _, x := range out.Rows {
		if x.Revision == "" {
			continue
		}
		c := new(valuation.Conclusion)
		if err := json.Unmarshal(x.Conclusion, c); err != nil {
			return out, err
		}
		revised[x.Line] = c
	}
	if len(revised) == 0 {
		return out, nil
	}
	var o Options
	var before []lending.Contract
	if err := cmp.Or(json.Unmarshal(b.Options, &o), json.Unmarshal(b.Contracts, &before)); err != nil {
		return out, err
	}
	facts, err := d.db.BatchFacts(ctx, b.ID)
	if err != nil {
		return out, err
	}
	batch, err := d.outcomes(ctx, b, func(*store.BatchRow, *deskfile.Outcome) {})
	if err != nil {
		return out, err
	}
	for i := range batch {
		if c := revised[batch[i].Row.Line]; c != nil {
			if err := figures(&batch[i], c); err != nil {
				return out, err
			}
		}
	}
	bears := func(c *lending.Contract) money.Fen {
		for _, l := range c.Limits {
			if l.Code == "collateral" {
				return l.Amount
			}
		}
		return 0
	}
	for _, now := range lending.Decide(batch, o.lending(facts), b.AsOf).Contracts {
		i := slices.IndexFunc(before, func(c lending.Contract) bool { return c.Key == now.Key })
		if i < 0 || now.Loan == 0 {
			continue
		}
		x := Reread{Contract: now.Key, Loan: now.Loan, Before: bears(&before[i]), After: bears(&now)}
		if x.Crossed = (x.Loan <= x.Before) != (x.Loan <= x.After); x.Before != x.After {
			out.Contracts = append(out.Contracts, x)
		}
	}
	return out, nil
}

// tellCrossed raises an alert for each contract that has crossed.
func (d *Desk) tellCrossed(ctx context.Context, b *store.Batch) error {
	r, err := d.reread(ctx, b)
	if err != nil {
		return err
	}
	now := d.now().UTC().Truncate(time.Microsecond)
	var changes []store.AlertChange
	for _, x := range r.Contracts {
		if !x.Crossed {
			continue
		}
		zh, en := "已低于拟贷金额", "below the loan"
		if x.After > x.Before {
			zh, en = "已不低于拟贷金额", "no longer below the loan"
		}
		cause := "reading|" + b.ID + "|" + x.Contract
		sum := sha256.Sum256([]byte(b.Institution + "\x00" + cause))
		changes = append(changes, store.AlertChange{ID: "ra_" + hex.EncodeToString(sum[:16]), Status: store.AlertOpen, Alert: patent.Alert{
			Code: "reading_cap", Cause: cause, Date: calendar.InChina(now), Source: "model", Loan: x.Contract,
			Zh: fmt.Sprintf("模型评阅后，合同 %s 的押品可担保额由 %s元变为 %s元，%s %s元。批次 %s 的结论未改变，请复核；如需按最新事实决定，请重新决定。", x.Contract, x.Before, x.After, zh, x.Loan, b.ID),
			En: fmt.Sprintf("After the model's readings the collateral of contract %s bears %s yuan instead of %s, %s of %s. The decision of batch %s is unchanged: review it, or have the batch decided again.", x.Contract, x.After, x.Before, en, x.Loan, b.ID),
		}})
	}
	return d.db.PutReadingAlerts(ctx, b.Institution, b.CreatedBy, b.ID, changes, now)
}
