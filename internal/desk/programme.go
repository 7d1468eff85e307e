package desk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/store"
)

// Programmes returns the institution's loan products, each in its latest version.
func (d *Desk) Programmes(ctx context.Context, actor appraisal.Actor) (_ map[string]lending.Programme, err error) {
	defer fault.Wrap(&err, "desk.Programmes")
	ctx = store.As(ctx, actor.Institution)
	bodies, err := d.db.Programmes(ctx, actor.Institution)
	if err != nil || len(bodies) == 0 {
		return nil, err
	}
	out := map[string]lending.Programme{}
	for _, b := range bodies {
		g, err := lending.LoadProgramme(b)
		if err != nil {
			return nil, err
		}
		out[g.ID] = g
	}
	return out, nil
}

// WithProgrammes returns the institution's programmes with those given in place of
// or beside them.
func (d *Desk) WithProgrammes(ctx context.Context, actor appraisal.Actor, given []lending.Programme) (map[string]lending.Programme, error) {
	out, err := d.Programmes(ctx, actor)
	if err != nil {
		return nil, err
	}
	for _, g := range given {
		body, err := json.Marshal(g)
		if err != nil {
			return nil, err
		}
		if g, err = lending.LoadProgramme(body); err != nil { // the one check
			return nil, err
		}
		if out == nil {
			out = map[string]lending.Programme{}
		}
		out[g.ID] = g
	}
	return out, nil
}

// Check refuses limits of borrowers that are none and a product nobody knows.
func (o *Options) Check() error {
	if _, known := o.Programmes[o.Product]; o.Product != "" && !known {
		return fault.New(fault.Invalid, "programme.unknown", "没有产品代码“"+o.Product+"”，请先登记该产品。", "There is no programme "+o.Product+"; store it first.")
	}
	for _, m := range []map[string]money.Fen{o.Limits, o.Bearable} {
		if len(m) > 100_000 {
			return fault.New(fault.TooLarge, "limits.many", "借款人限额不得超过 10 万条。", "At most 100,000 limits of borrowers.")
		}
		for who, x := range m {
			if x < 0 || x > money.Max || who == "" || len(who) > 1000 {
				return fault.New(fault.Invalid, "limits.amount", "借款人限额须以统一社会信用代码或名称为键，金额不为负。", "Limits are by credit code or name and not negative.")
			}
		}
	}
	return nil
}

// PutProgramme stores a version of the institution's loan product.
func (d *Desk) PutProgramme(ctx context.Context, actor appraisal.Actor, g lending.Programme) error {
	body, err := json.Marshal(g)
	if err != nil {
		return err
	}
	if g, err = lending.LoadProgramme(body); err != nil { // the one check
		return err
	}
	return d.db.PutProgramme(ctx, actor.Institution, g.ID, g.Version, actor.Name, body)
}

// Room is how a programme stands today.
type Room struct {
	lending.Programme
	Drawn []lending.Draw `json:"drawn"` // by borrower: loans of the book and holds together
	Holds []store.Hold   `json:"holds"` // of accepted contracts that are not booked
	Left  money.Fen      `json:"room"`  // of the total; negative when more was booked
}

// Rooms returns how the institution's programmes stand, by id.
func (d *Desk) Rooms(ctx context.Context, actor appraisal.Actor) (_ []Room, err error) {
	defer fault.Wrap(&err, "desk.Rooms")
	all, err := d.Programmes(ctx, actor)
	if err != nil {
		return nil, err
	}
	facts, err := d.db.LendingFacts(ctx, d.query(actor.Institution, &Options{Programmes: all}, nil, ""))
	if err != nil {
		return nil, err
	}
	holds, err := d.db.Holds(ctx, actor.Institution, calendar.InChina(d.now()))
	if err != nil {
		return nil, err
	}
	rooms := []Room{}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		r := Room{Programme: all[id], Drawn: []lending.Draw{}, Holds: []store.Hold{}, Left: all[id].Total.Amount}
		for _, draw := range facts.Drawn {
			if draw.Programme == id {
				r.Drawn = append(r.Drawn, draw)
				r.Left -= draw.Amount
			}
		}
		for _, h := range holds {
			if h.Programme == id {
				r.Holds = append(r.Holds, h)
			}
		}
		rooms = append(rooms, r)
	}
	return rooms, nil
}

// ReleaseHold lets go of what an accepted contract holds of a programme.
func (d *Desk) ReleaseHold(ctx context.Context, actor appraisal.Actor, contract, reason string) error {
	if strings.TrimSpace(reason) == "" || len(reason) > 2000 {
		return fault.New(fault.Invalid, "reason.missing", "请写明释放额度的理由。", "Give the reason.")
	}
	return d.db.ReleaseHold(ctx, actor.Institution, contract, actor.Name, reason)
}

// query asks for the facts a case is decided on.
func (d *Desk) query(institution string, o *Options, batch []lending.Valued, id string) store.FactsQuery {
	q := store.FactsQuery{Institution: institution, Programmes: slices.Sorted(maps.Keys(o.Programmes)), Today: calendar.InChina(d.now())}
	for _, name := range q.Programmes {
		if o.Programmes[name].Revolving {
			q.Revolving = append(q.Revolving, name)
		}
	}
	contracts, numbers := map[string]bool{}, map[string]bool{}
	for i := range batch {
		row := &batch[i].Row
		if batch[i].Fault == nil {
			numbers[row.Number] = true
			if key := string(batch[i].Key); key != "" {
				numbers[key] = true
			}
		}
		if len(q.Programmes) > 0 {
			contracts[holdKey(id, row)] = true
		}
	}
	q.Contracts, q.Numbers = slices.Sorted(maps.Keys(contracts)), slices.Sorted(maps.Keys(numbers))
	return q
}

// holdKey names a contract across batches: by its number, else by the batch
// and the line.
func holdKey(batch string, r *lending.Row) string {
	if r.Contract != "" {
		return r.Contract
	}
	return fmt.Sprintf("%s/%d", batch, r.Line)
}

// decide decides a batch and stores what came of it.
func (d *Desk) decide(ctx context.Context, b *store.Batch, batch []lending.Valued, o Options, was map[int]uint64) error {
	q := d.query(b.Institution, &o, batch, b.ID)
	q.Batch, q.AsOf = b.ID, b.AsOf
	done, err := d.db.FinishBatch(ctx, b, q, func(facts store.Facts) (f store.Finished, err error) {
		lo := o.lending(facts)
		decided := lending.Decide(batch, lo, b.AsOf)
		if was != nil {
			f.Again = &lending.Again{On: calendar.InChina(d.now()), Changed: []int{}}
			for i := range decided.Rows {
				now := deskfile.Outcome{Status: string(store.RowDone), Valued: batch[i], Decision: decided.Rows[i]}
				if x, seen := was[decided.Rows[i].Line]; seen && x != sameness(&now) {
					f.Again.Changed = append(f.Again.Changed, decided.Rows[i].Line)
				}
			}
			facts.Again = f.Again
			decided.Since(batch, f.Again, b.AsOf)
		}
		if f.Contracts, err = json.Marshal(decided.Contracts); err != nil {
			return f, err
		}
		if f.Digest, err = digest(&decided, f.Contracts, facts); err != nil {
			return f, err
		}
		for i := range decided.Rows {
			if decided.Rows[i].OnlyUnknown() {
				f.Unknown++
			}
		}
		draws, keys := decided.Draws(batch, &lo)
		at := map[string]*lending.Row{}
		for i := range batch {
			at[decided.Rows[i].Contract] = &batch[i].Row
		}
		for i, draw := range draws {
			h := store.Hold{Draw: draw, Contract: holdKey(b.ID, at[keys[i]]), Batch: b.ID, DecidedOn: calendar.InChina(d.now())}
			if days := o.Programmes[draw.Programme].HoldDays; days != nil {
				h.Until = h.DecidedOn.AddDays(int(days.Value))
			}
			f.Holds = append(f.Holds, h)
		}
		batch = nil // 50,000 rows are not kept while their decisions are written
		f.Decisions = func(yield func(int, []byte) bool) {
			for i := range decided.Rows {
				row, err := json.Marshal(&decided.Rows[i])
				if err != nil || !yield(decided.Rows[i].Line, row) {
					return
				}
			}
		}
		return f, nil
	})
	if done {
		d.log.InfoContext(ctx, "batch finished", "batch", b.ID, "rows", b.Rows)
	}
	return err
}

// lending are the options together with what stood in store.
func (o *Options) lending(f store.Facts) lending.Options {
	return lending.Options{Policy: o.Policy, Programmes: o.Programmes, BorrowerLimit: o.Limits, Bearable: o.Bearable, Drawn: f.Drawn, Booked: f.Booked, Later: f.Later}
}

// digest is SHA-256 over the contracts, every row's decision and, where there
// are any, the facts they rest on.
func digest(decided *lending.Decisions, contracts []byte, facts store.Facts) ([]byte, error) {
	sum := sha256.New()
	sum.Write(contracts)
	body := new(bytes.Buffer)
	for i := range decided.Rows {
		body.Reset()
		if err := json.NewEncoder(body).Encode(&decided.Rows[i]); err != nil {
			return nil, err
		}
		sum.Write(body.Bytes())
	}
	err := writeFacts(sum, facts)
	return sum.Sum(nil), err
}

// writeFacts adds the facts to a digest, where there are any.
func writeFacts(digest io.Writer, facts store.Facts) error {
	if len(facts.Drawn)+len(facts.Booked)+len(facts.Later) == 0 && facts.Again == nil {
		return nil
	}
	kept, err := json.Marshal(facts)
	if err != nil {
		return err
	}
	_, err = digest.Write(kept)
	return err
}

// RowOpinion returns a row of a batch for deskfile.WriteRowOpinion, whole with
// the opinion of the value behind it.
func (d *Desk) RowOpinion(ctx context.Context, actor appraisal.Actor, id string, line int, whole bool) (o deskfile.RowOpinion, err error) {
	defer fault.Wrap(&err, "desk.RowOpinion(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	b, err := d.db.Batch(ctx, actor.Institution, id)
	if err != nil {
		return o, err
	}
	o.Batch, o.On = b.ID, b.AsOf
	if o.Outcome, o.Valuation, err = d.Outcome(ctx, actor, id, line); err != nil {
		return o, err
	}
	if whole && o.Valuation != "" {
		rec, err := d.appraisal.Get(ctx, actor, o.Valuation)
		if err != nil {
			return o, err
		}
		made, err := rec.Opinion(nil)
		if err != nil {
			return o, err
		}
		o.Opinion = &made
	}
	if b.Contracts == nil {
		return o, nil
	}
	var contracts []lending.Contract
	if err := json.Unmarshal(b.Contracts, &contracts); err != nil {
		return o, err
	}
	if k := slices.IndexFunc(contracts, func(c lending.Contract) bool { return c.Key == o.Decision.Contract }); k >= 0 {
		o.Contract = &contracts[k]
	}
	return o, nil
}

// Cover returns what is needed to look ahead on a contract of a finished
// batch; see lending.Forecast.
func (d *Desk) Cover(ctx context.Context, actor appraisal.Actor, id, contract string) (_ lending.CoverInput, err error) {
	defer fault.Wrap(&err, "desk.Cover(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	r, err := d.Result(ctx, actor, id)
	if err != nil {
		return lending.CoverInput{}, err
	}
	k := slices.IndexFunc(r.Contracts, func(c lending.Contract) bool { return c.Key == contract })
	if k < 0 {
		return lending.CoverInput{}, fault.New(fault.NotFound, "contract.unknown", "批次中没有这个合同。", "The batch has no such contract.")
	}
	var batch []lending.Valued
	var rows []lending.Decision
	for _, line := range r.Contracts[k].Lines {
		out, _, err := d.Outcome(ctx, actor, id, line)
		if err != nil {
			return lending.CoverInput{}, err
		}
		batch, rows = append(batch, out.Valued), append(rows, out.Decision)
	}
	return lending.CoverOf(&r.Contracts[k], batch, rows, r.On), nil
}

// DecideAgain decides a finished batch on what stands in store today: room that
// was let go, patents that are free, and the value of every patent of which the
// register, the store or the ledger has said more. A row is valued anew as of
// today and says what it was; the values of the others stand, and say since
// when. It returns before rows that are valued anew are done.
func (d *Desk) DecideAgain(ctx context.Context, actor appraisal.Actor, id string) (err error) {
	defer fault.Wrap(&err, "desk.DecideAgain(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	b, err := d.db.Batch(ctx, actor.Institution, id)
	if err != nil {
		return err
	}
	stale := 0
	// When this process dies before it has finished, a worker does it.
	if err := d.db.ReopenBatch(ctx, actor.Institution, id, actor.Name, calendar.InChina(d.now()), func(tx pgx.Tx, lines []int) error {
		stale = len(lines)
		return d.enqueue(ctx, tx, &b, lines)
	}); err != nil || stale > 0 {
		return err
	}
	return d.finish(ctx, id)
}

// Redecide decides a finished batch again from what is stored and reports
// whether every row, every contract and the digest are what they were. It says
// nothing of a batch decided under another version of the rules.
func (d *Desk) Redecide(ctx context.Context, id string) (same bool, err error) {
	defer fault.Wrap(&err, "desk.Redecide(%s)", id)
	b, err := d.db.Batch(ctx, store.Everyone, id)
	if err != nil {
		return false, err
	}
	ctx = store.As(ctx, b.Institution)
	if b.Status != store.BatchFinished {
		return false, fault.New(fault.Conflict, "batch.unfinished", "批次尚未完成。", "The batch is not finished.")
	}
	facts, err := d.db.BatchFacts(ctx, id)
	if err != nil {
		return false, err
	}
	var o Options
	if json.Unmarshal(b.Options, &o) != nil {
		return false, nil
	}
	batch, err := d.outcomes(ctx, &b, func(*store.BatchRow, *deskfile.Outcome) {})
	if err != nil {
		return false, err
	}
	decided := lending.Decide(batch, o.lending(facts), b.AsOf)
	decided.Since(batch, facts.Again, b.AsOf)
	contracts, err := json.Marshal(decided.Contracts)
	if err != nil {
		return false, err
	}
	sum, err := digest(&decided, contracts, facts)
	return bytes.Equal(sum, b.Digest), err
}

// stored hashes what is stored of a batch's decisions, as digest did.
func (d *Desk) stored(ctx context.Context, b *store.Batch) ([]byte, error) {
	sum := sha256.New()
	sum.Write(b.Contracts)
	err := d.db.EachBatchRow(ctx, b.ID, func(row *store.BatchRow) error {
		sum.Write(row.Decision)
		sum.Write([]byte("\n"))
		return nil
	})
	if err != nil {
		return nil, err
	}
	facts, err := d.db.BatchFacts(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	err = writeFacts(sum, facts)
	return sum.Sum(nil), err
}

// VerifyBatches compares what is stored of every finished batch with the digest
// on record, and decides those of this version of the rules again from their
// rows, options and facts.
func (d *Desk) VerifyBatches(ctx context.Context) (breaks []store.AuditBreak, err error) {
	defer fault.Wrap(&err, "desk.VerifyBatches")
	ends, err := d.db.BatchEnds(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range ends {
		found := func(kind, zh, en string) {
			breaks = append(breaks, store.AuditBreak{Seq: e.Seq, Kind: kind, Zh: fmt.Sprintf(zh, e.Seq, e.Batch), En: fmt.Sprintf(en, e.Seq, e.Batch)})
		}
		b, err := d.db.Batch(ctx, store.Everyone, e.Batch)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			found("batch_missing", "第 %d 条所记的批次 %s 已不存在。", "Entry %d names the batch %s, which is gone.")
			continue
		case err != nil:
			return nil, err
		case b.Status != store.BatchFinished:
			continue // being worked again
		}
		ctx := store.As(ctx, b.Institution)
		lines, err := d.db.UnsealedRows(ctx, e.Batch)
		if err != nil {
			return nil, err
		}
		if len(lines) > 0 {
			found("batch_altered", "第 %d 条所记的批次 %s 有行的内容与记录不符："+fmt.Sprint(lines[:min(len(lines), 10)])+"。", "Entry %d: rows of the batch %s differ from the record: "+fmt.Sprint(lines[:min(len(lines), 10)])+".")
			continue
		}
		sum, err := d.stored(ctx, &b)
		if err != nil || !bytes.Equal(sum, e.Digest) || !bytes.Equal(b.Digest, e.Digest) {
			if err != nil && store.Outage(err) {
				return nil, err
			}
			found("batch_altered", "第 %d 条所记的批次 %s 的决定被改动。", "Entry %d: the decisions of the batch %s were altered.")
			continue
		}
		if e.Rules != lending.RulesVersion {
			continue
		}
		if same, err := d.Redecide(ctx, e.Batch); err != nil && store.Outage(err) {
			return nil, err
		} else if err != nil || !same {
			found("batch_altered", "第 %d 条所记的批次 %s 按所存的数据和规则重新决定，结果不同：各行数据、条件或占用额度被改动。", "Entry %d: decided again, the batch %s comes out differently: its rows, options or facts were altered.")
		}
	}
	return breaks, nil
}
