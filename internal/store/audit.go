package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// Act is something somebody did, to be put on record.
type Act struct {
	Institution string
	Actor       string
	Action      string // e.g. "batch.row"
	Subject     string // what it was done to, e.g. an id
	Detail      any    // stored as JSON: versions, hashes of inputs and results, before and after; no secrets, no patent text
}

// AuditEntry is one sealed entry of the record.
type AuditEntry struct {
	Seq         int64           `json:"seq"`
	At          time.Time       `json:"at"`
	Institution string          `json:"institution"`
	Actor       string          `json:"actor"`
	Action      string          `json:"action"`
	Subject     string          `json:"subject"`
	Detail      json.RawMessage `json:"detail"`
	Prev        []byte          `json:"prev"`
	Hash        []byte          `json:"hash"`
}

// Origin says by which request an act was done, and in which roles.
type Origin struct {
	Request string   `json:"request"`
	Roles   []string `json:"roles,omitempty"`
}

type originKey struct{}

// WithOrigin makes every act of the context name its origin.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// detail is the act's detail with its origin in front.
func (a *Act) detail(ctx context.Context) ([]byte, error) {
	detail, err := json.Marshal(a.Detail)
	o, ok := ctx.Value(originKey{}).(Origin)
	if err != nil || !ok {
		return detail, err
	}
	origin, err := json.Marshal(map[string]Origin{"origin": o})
	switch {
	case err != nil:
		return nil, err
	case bytes.Equal(detail, []byte("null")), bytes.Equal(detail, []byte("{}")):
		return origin, nil
	case detail[0] != '{':
		return nil, fmt.Errorf("the detail of %s is no object", a.Action)
	}
	return slices.Concat(origin[:len(origin)-1], []byte{','}, detail[1:]), nil
}

// record appends an act in the transaction of what it records. It must be the
// last statement: entries are put in order by a lock held until the commit.
func record(ctx context.Context, tx pgx.Tx, a Act) error {
	detail, err := a.detail(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `SELECT audit_append($1, $2, $3, $4, $5)`, a.Institution, a.Actor, a.Action, a.Subject, detail)
	return err
}

// Record appends an act of its own.
func (db *DB) Record(ctx context.Context, a Act) (err error) {
	defer fault.Wrap(&err, "store.Record(%s)", a.Action)
	ctx = As(ctx, a.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error { return record(ctx, tx, a) })
}

// recorded runs one statement and appends the act, in one transaction and one
// round trip.
func (db *DB) recorded(ctx context.Context, a Act, sql string, args ...any) error {
	detail, err := a.detail(ctx)
	if err != nil {
		return err
	}
	ctx = As(ctx, a.Institution)
	var b pgx.Batch // without a control statement, a batch is one transaction
	b.Queue(sql, args...)
	b.Queue(`SELECT audit_append($1, $2, $3, $4, $5)`, a.Institution, a.Actor, a.Action, a.Subject, detail)
	return db.pool.SendBatch(ctx, &b).Close()
}

// Seal computes the hash an entry must have: SHA-256 over the hash before, the
// number, the time in microseconds and the fields, each with its length, all
// integers big-endian.
func (e *AuditEntry) Seal() []byte {
	h := sha256.New()
	h.Write(e.Prev)
	var n [8]byte
	for _, x := range []int64{e.Seq, e.At.UnixMicro()} {
		binary.BigEndian.PutUint64(n[:], uint64(x))
		h.Write(n[:])
	}
	for _, part := range [][]byte{[]byte(e.Institution), []byte(e.Actor), []byte(e.Action), []byte(e.Subject), e.Detail} {
		binary.BigEndian.PutUint32(n[:4], uint32(len(part)))
		h.Write(n[:4])
		h.Write(part)
	}
	return h.Sum(nil)
}

const auditColumns = `seq, at, institution, actor, action, subject, detail, prev, hash`

func scanAudit(row pgx.CollectableRow) (e AuditEntry, err error) {
	err = row.Scan(&e.Seq, &e.At, &e.Institution, &e.Actor, &e.Action, &e.Subject, (*[]byte)(&e.Detail), &e.Prev, &e.Hash)
	e.At = e.At.UTC()
	return e, err
}

// Audit returns an institution's entries after a number, oldest first; without
// a subject, every one.
func (db *DB) Audit(ctx context.Context, institution, subject string, after int64, limit int) (_ []AuditEntry, err error) {
	defer fault.Wrap(&err, "store.Audit")
	return auditPage(As(ctx, institution), db.pool, institution, subject, after, limit)
}

func auditPage(ctx context.Context, q querier, institution, subject string, after int64, limit int) ([]AuditEntry, error) {
	rows, err := q.Query(ctx, `
		SELECT `+auditColumns+` FROM audit
		WHERE institution = $2 AND seq > $1 AND ($3 = '' OR subject = $3)
		ORDER BY seq LIMIT $4`, after, institution, subject, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanAudit)
}

// AuditHead is a number and a hash: of the last entry of a chain, or of a tie.
// The last tie kept elsewhere shows a record whose end was cut off or that was
// rewritten as a whole.
type AuditHead struct {
	Seq  int64  `json:"seq"`
	Hash []byte `json:"hash"`
}

// ChainHead is the end of one institution's chain.
type ChainHead struct {
	Institution string `json:"institution"`
	AuditHead
}

// AuditTie seals the tie before and the end of every institution's chain.
type AuditTie struct {
	AuditHead
	At    time.Time   `json:"at"`
	Prev  []byte      `json:"prev"`
	Heads []ChainHead `json:"heads"` // by institution
}

// Seal computes the hash a tie must have: SHA-256 over the tie before, its
// number, its time in microseconds and, for each institution in the order of its
// id, the id with its length, the number and the hash of its last entry.
func (t *AuditTie) Seal() []byte {
	h := sha256.New()
	h.Write(t.Prev)
	number := func(x int64) { h.Write(binary.BigEndian.AppendUint64(nil, uint64(x))) }
	number(t.Seq)
	number(t.At.UnixMicro())
	for _, c := range t.Heads {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(c.Institution))))
		h.Write([]byte(c.Institution))
		number(c.Seq)
		h.Write(c.Hash)
	}
	return h.Sum(nil)
}

// chainHeads is the last entry of every chain, found by one look for each.
const chainHeads = `
	WITH RECURSIVE chains AS (
		(SELECT institution FROM audit ORDER BY institution LIMIT 1)
		UNION ALL SELECT (SELECT a.institution FROM audit a WHERE a.institution > c.institution ORDER BY a.institution LIMIT 1) FROM chains c WHERE c.institution IS NOT NULL)
	SELECT c.institution, h.seq, h.hash FROM chains c, LATERAL (SELECT seq, hash FROM audit a WHERE a.institution = c.institution ORDER BY seq DESC LIMIT 1) h`

// TieAudit ties the chains together and returns the tie, to be kept elsewhere.
func (db *DB) TieAudit(ctx context.Context) (t AuditTie, err error) {
	defer fault.Wrap(&err, "store.TieAudit")
	ctx = across(ctx)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockTies); err != nil {
			return err
		}
		if err := sealInterests(ctx, tx); err != nil {
			return err
		}
		t.Prev = make([]byte, sha256.Size)
		if err := tx.QueryRow(ctx, `SELECT seq, hash FROM audit_ties ORDER BY seq DESC LIMIT 1`).Scan(&t.Seq, &t.Prev); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		t.Seq++
		if t.Heads, err = readHeads(tx.Query(ctx, chainHeads)); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&t.At); err != nil {
			return err
		}
		t.Hash = t.Seal()
		if _, err := tx.Exec(ctx, `INSERT INTO audit_ties (seq, at, prev, hash) VALUES ($1, $2, $3, $4)`, t.Seq, t.At, t.Prev, t.Hash); err != nil {
			return err
		}
		var b pgx.Batch
		for _, h := range t.Heads {
			b.Queue(`INSERT INTO audit_tie_heads (tie, institution, seq, hash) VALUES ($1, $2, $3, $4)`, t.Seq, h.Institution, h.Seq, h.Hash)
		}
		return tx.SendBatch(ctx, &b).Close()
	})
	return t, err
}

// sealInterests puts on the record of both sides which patents institutions were
// told of, or told of each other, since the last tie. It is done here, in the
// order of their ids, since whoever is told holds one chain alone.
func sealInterests(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		WITH new AS (UPDATE interests_told SET sealed = true WHERE NOT sealed RETURNING institution, day, side, number)
		SELECT institution, day, side, array_agg(number ORDER BY number) FROM new GROUP BY 1, 2, 3 ORDER BY institution COLLATE "C", day, side`)
	if err != nil {
		return err
	}
	acts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a Act, err error) {
		var day calendar.Date
		var side string
		var numbers []string
		err = row.Scan(&a.Institution, &day, &side, &numbers)
		a.Actor, a.Action, a.Subject, a.Detail = "system", "interests."+side, day.String(), map[string]any{"numbers": numbers}
		return a, err
	})
	for _, a := range acts {
		if err == nil {
			err = record(ctx, tx, a)
		}
	}
	return err
}

// sha256Hex is a hash as entries state it.
func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// readHeads reads heads in the order of the ids' bytes.
func readHeads(rows pgx.Rows, err error) ([]ChainHead, error) {
	if err != nil {
		return nil, err
	}
	heads, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h ChainHead, err error) {
		err = row.Scan(&h.Institution, &h.Seq, &h.Hash)
		return h, err
	})
	slices.SortFunc(heads, func(a, b ChainHead) int { return strings.Compare(a.Institution, b.Institution) })
	return heads, err
}

// AuditBreak is one place where the record does not hold.
type AuditBreak struct {
	Institution string `json:"institution,omitempty"` // empty: a tie
	Seq         int64  `json:"seq"`
	Kind        string `json:"kind"` // altered, missing, reordered, cut, unrecorded, valuation_altered, valuation_missing, word_altered, record_altered, record_missing, batch_altered, batch_missing
	Zh          string `json:"zh"`
	En          string `json:"en"`
}

// maxBreaks bounds a report on a record that is broken throughout.
const maxBreaks = 100

// AuditState is how much was verified.
type AuditState struct {
	Entries int64
	Chains  int
	Tie     AuditHead // the last one; Seq 0: none was made
}

// VerifyAudit walks every institution's chain and the ties and returns what does
// not hold. known are ties kept elsewhere. intact is asked about every valuation
// an entry names with valuation and valuation_hash in its detail. Even without a
// tie a chain whose end was cut off is found as long as what it recorded is still
// there: every valuation, override and finished batch must be on record, and what [stands] lists.
func (db *DB) VerifyAudit(ctx context.Context, known []AuditHead, intact func(*Valuation) bool) (state AuditState, breaks []AuditBreak, err error) {
	defer fault.Wrap(&err, "store.VerifyAudit")
	kept := map[int64][]byte{}
	for _, h := range known {
		if old, twice := kept[h.Seq]; h.Seq > 0 && twice && !bytes.Equal(old, h.Hash) {
			return state, nil, fault.New(fault.Invalid, "audit.head", fmt.Sprintf("另行保存的第 %d 次联结有两个不同的哈希。", h.Seq), fmt.Sprintf("Two hashes kept elsewhere for tie %d differ.", h.Seq))
		}
		kept[h.Seq] = h.Hash
	}
	ctx = across(ctx)
	tx, err := db.pool.beginSnapshot(ctx) // one moment throughout
	if err != nil {
		return state, nil, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	v := &verifier{tx: tx, intact: intact, onRecord: map[string]bool{}, usedWith: map[[2]string]string{}, left: map[string]AuditHead{}, tied: map[string]map[int64][]byte{}}
	if state.Tie, err = v.ties(ctx, kept); err != nil {
		return state, nil, err
	}
	heads, err := readHeads(tx.Query(ctx, chainHeads))
	if err != nil {
		return state, nil, err
	}
	state.Chains = len(heads)
	for _, h := range heads {
		last, err := v.chain(ctx, h.Institution)
		if err != nil {
			return state, nil, err
		}
		state.Entries += last.Seq
		v.ends(h.Institution, last)
		delete(v.tied, h.Institution)
	}
	for _, institution := range slices.Sorted(maps.Keys(v.tied)) { // chains that are gone
		v.ends(institution, v.left[institution])
	}
	if err := v.assumptions(ctx); err != nil {
		return state, nil, err
	}
	missing, err := unrecorded(ctx, tx, v.onRecord)
	for _, id := range missing {
		v.found("", 0, "unrecorded", "库中的 "+id+" 没有审计记录：记录可能被截去（第 %d 次联结之后）。", id+" is in store and not on record: the record may have been cut off (after tie %d).")
	}
	return state, v.breaks, err
}

type verifier struct {
	tx       pgx.Tx
	intact   func(*Valuation) bool
	onRecord map[string]bool
	usedWith map[[2]string]string        // institution and version of assumptions -> their hash, as valuations name it
	tied     map[string]map[int64][]byte // institution -> number of its entry -> hash, as the ties sealed it
	left     map[string]AuditHead        // the ends of institutions that were deleted, as the operator's chain says
	breaks   []AuditBreak
}

func (v *verifier) found(institution string, seq int64, kind, zh, en string) {
	if len(v.breaks) < maxBreaks {
		zh, en := fmt.Sprintf(zh, seq), fmt.Sprintf(en, seq)
		if institution != "" {
			zh, en = institution+"："+zh, institution+": "+en
		}
		v.breaks = append(v.breaks, AuditBreak{institution, seq, kind, zh, en})
	}
}

// ties walks the ties and keeps what they say of the chains.
func (v *verifier) ties(ctx context.Context, kept map[int64][]byte) (last AuditHead, err error) {
	last.Hash = make([]byte, sha256.Size)
	rows, err := v.tx.Query(ctx, `SELECT seq, at, prev, hash FROM audit_ties ORDER BY seq`)
	if err != nil {
		return last, err
	}
	ties, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t AuditTie, err error) {
		err = row.Scan(&t.Seq, &t.At, &t.Prev, &t.Hash)
		return t, err
	})
	if err != nil {
		return last, err
	}
	for i := range ties {
		t := &ties[i]
		if t.Heads, err = readHeads(v.tx.Query(ctx, `SELECT institution, seq, hash FROM audit_tie_heads WHERE tie = $1`, t.Seq)); err != nil {
			return last, err
		}
		for _, h := range t.Heads {
			if v.tied[h.Institution] == nil {
				v.tied[h.Institution] = map[int64][]byte{}
			}
			v.tied[h.Institution][h.Seq] = h.Hash
		}
		if t.Seq != last.Seq+1 {
			v.found("", last.Seq+1, "missing", "第 %d 次联结缺失。", "Tie %d is missing.")
		} else if !bytes.Equal(t.Prev, last.Hash) {
			v.found("", t.Seq, "reordered", "第 %d 次联结不接续前一次。", "Tie %d does not follow the one before.")
		}
		if !bytes.Equal(t.Seal(), t.Hash) {
			v.found("", t.Seq, "altered", "第 %d 次联结的内容与其封存的哈希不符。", "Tie %d does not match its own hash.")
		}
		if hash, ok := kept[t.Seq]; ok && !bytes.Equal(hash, t.Hash) {
			v.found("", t.Seq, "altered", "第 %d 次联结与另行保存的哈希不符：记录被整体重写。", "Tie %d differs from the hash kept elsewhere: the record was rewritten.")
		}
		last = t.AuditHead
	}
	for seq := range kept {
		if seq > last.Seq {
			v.found("", seq, "cut", "另行保存有第 %d 次联结，记录在此之前就结束了。", "Tie %d is kept elsewhere; the record ends before it.")
		}
	}
	return last, nil
}

// chain walks one institution's entries and returns the last.
func (v *verifier) chain(ctx context.Context, institution string) (head AuditHead, err error) {
	head.Hash = make([]byte, sha256.Size)
	says := standing{}
	const page = 1000
	for {
		entries, err := auditPage(ctx, v.tx, institution, "", head.Seq, page)
		if err != nil {
			return head, err
		}
		for i := range entries {
			e := &entries[i]
			if e.Seq != head.Seq+1 {
				v.found(institution, head.Seq+1, "missing", "第 %d 条缺失。", "Entry %d is missing.")
			} else if !bytes.Equal(e.Prev, head.Hash) {
				v.found(institution, e.Seq, "reordered", "第 %d 条不接续前一条：顺序被改动，或前一条被重写。", "Entry %d does not follow the one before: reordered, or that one was rewritten.")
			}
			if !bytes.Equal(e.Seal(), e.Hash) {
				v.found(institution, e.Seq, "altered", "第 %d 条内容与其封存的哈希不符。", "Entry %d does not match its own hash.")
			}
			if hash, ok := v.tied[institution][e.Seq]; ok && !bytes.Equal(hash, e.Hash) {
				v.found(institution, e.Seq, "altered", "第 %d 条与联结时封存的哈希不符：该机构的记录被重写。", "Entry %d differs from what a tie sealed: the institution's record was rewritten.")
			}
			v.departure(e)
			says.read(e)
			head = AuditHead{e.Seq, e.Hash}
		}
		if err := v.valuations(ctx, entries); err != nil {
			return head, err
		}
		if err := v.words(ctx, institution, entries); err != nil {
			return head, err
		}
		if len(entries) < page {
			return head, v.compare(ctx, institution, says)
		}
	}
}

// words checks that the figures and decisions of persons are as they were put on
// record: overrides, and what became of proposals.
func (v *verifier) words(ctx context.Context, institution string, entries []AuditEntry) error {
	became := map[string]string{"proposal.approve": Approved, "proposal.refuse": Refused, "proposal.withdraw": Withdrawn}
	said := map[string]string{} // id -> as on record
	seq := map[string]int64{}
	for i := range entries {
		e := &entries[i]
		var d struct {
			Override string  `json:"override"`
			After    float64 `json:"after"`
			Reason   string  `json:"reason"`
			Proposal string  `json:"proposal"`
		}
		if json.Unmarshal(e.Detail, &d) != nil {
			continue
		}
		switch {
		case e.Action == "valuation.override" && d.Override != "":
			said[d.Override], seq[d.Override] = fmt.Sprintf("%g %s %s", d.After, d.Reason, e.Actor), e.Seq
		case became[e.Action] != "" && d.Proposal != "":
			said[d.Proposal], seq[d.Proposal] = became[e.Action]+" "+e.Actor, e.Seq
		}
	}
	if len(said) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(said))
	rows, err := v.tx.Query(ctx, `
		SELECT id, value::float8, reason, officer FROM overrides WHERE institution = $1 AND id = ANY ($2)
		UNION ALL SELECT id, NULL, status, coalesce(decided_by, '') FROM proposals WHERE institution = $1 AND id = ANY ($2)`, institution, ids)
	if err != nil {
		return err
	}
	held := map[string]string{}
	var id, what, who string
	var value *float64
	if _, err := pgx.ForEachRow(rows, []any{&id, &value, &what, &who}, func() error {
		if held[id] = what + " " + who; value != nil {
			held[id] = fmt.Sprintf("%g %s %s", *value, what, who)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, id := range ids {
		if held[id] != said[id] {
			v.found(institution, seq[id], "word_altered", "第 %d 条所记的人工意见或复核结果（"+id+"）被改动或已不存在。", "What entry %d says of "+id+", a person's figure or decision, was altered or is gone.")
		}
	}
	return nil
}

// departure notes what the operator's chain says of an institution that left.
func (v *verifier) departure(e *AuditEntry) {
	var d struct {
		Last AuditHead `json:"last"`
	}
	if e.Institution == Public && e.Action == actLeave && json.Unmarshal(e.Detail, &d) == nil {
		v.left[e.Subject] = d.Last
	}
}

// ends checks that a chain reaches as far as the ties say.
func (v *verifier) ends(institution string, last AuditHead) {
	for seq := range v.tied[institution] {
		if seq > last.Seq {
			v.found(institution, seq, "cut", "联结时已有第 %d 条，记录在此之前就结束了。", "A tie sealed entry %d; the record ends before it.")
			return
		}
	}
}

// unrecorded returns what is in store and not on record.
func unrecorded(ctx context.Context, tx pgx.Tx, onRecord map[string]bool) (missing []string, err error) {
	rows, err := tx.Query(ctx, `SELECT id FROM valuations UNION ALL SELECT id FROM overrides UNION ALL SELECT id FROM batches WHERE status = 'finished'`)
	if err != nil {
		return nil, err
	}
	var id string
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		if !onRecord[id] && len(missing) < maxBreaks {
			missing = append(missing, id)
		}
		return nil
	})
	return missing, err
}

// sealedRecord is a valuation as an entry names it.
type sealedRecord struct {
	Valuation string `json:"valuation"`
	Hash      []byte `json:"valuation_hash"`
}

// putsOnRecord returns what an entry puts on record: valuations with their
// hashes, an override, the end of a batch.
func (e *AuditEntry) putsOnRecord() (valuations []sealedRecord, others []string) {
	var d struct {
		sealedRecord
		Override   string         `json:"override"`
		Valuations []sealedRecord `json:"valuations"`
	}
	if json.Unmarshal(e.Detail, &d) != nil {
		return nil, nil // an altered detail does not match its hash
	}
	if e.Action == "batch.finish" {
		others = append(others, e.Subject)
	}
	if d.Override != "" {
		others = append(others, d.Override)
	}
	for _, x := range append(d.Valuations, d.sealedRecord) {
		if x.Valuation != "" {
			valuations = append(valuations, x)
		}
	}
	return valuations, others
}

// valuations checks every valuation the entries name, a hundred to a
// read: each is some 100 kB.
func (v *verifier) valuations(ctx context.Context, entries []AuditEntry) error {
	type named struct {
		seq         int64
		institution string
		actor       string // who asked for it; empty: the entry does not say
		sealedRecord
	}
	var all []named
	for i := range entries {
		valuations, others := entries[i].putsOnRecord()
		for _, id := range others {
			v.onRecord[id] = true
		}
		actor := ""
		if a := entries[i].Action; a == "valuation" || a == "valuation.revise" {
			actor = entries[i].Actor
		}
		for _, x := range valuations {
			v.onRecord[x.Valuation] = true
			all = append(all, named{entries[i].Seq, entries[i].Institution, actor, x})
		}
	}
	for page := range slices.Chunk(all, 100) {
		institutions, ids := make([]string, len(page)), make([]string, len(page))
		for i, n := range page {
			institutions[i], ids[i] = n.institution, n.Valuation
		}
		rows, err := v.tx.Query(ctx, `SELECT `+valuationColumns+` FROM valuations v WHERE (institution, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`, institutions, ids)
		if err != nil {
			return err
		}
		state, by := map[string][]byte{}, map[string]string{} // hash, empty: altered; who asked
		if _, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (none struct{}, err error) {
			x, err := scanValuation(row)
			if err == nil {
				state[x.ID], by[x.ID] = []byte{}, x.CreatedBy
				holds, under := columnsHold(&x)
				v.usedWith[[2]string{x.Institution, x.Assumptions}] = under
				if v.intact(&x) && holds {
					state[x.ID] = x.Hash
				}
			}
			return none, err
		}); err != nil {
			return err
		}
		for _, n := range page {
			switch hash, there := state[n.Valuation]; {
			case !there:
				v.found(n.institution, n.seq, "valuation_missing", "第 %d 条所记的估值记录已不存在。", "The valuation of entry %d is gone.")
			case len(hash) == 0 || !bytes.Equal(hash, n.Hash) || n.actor != "" && by[n.Valuation] != n.actor:
				v.found(n.institution, n.seq, "valuation_altered", "第 %d 条所记的估值记录被改动。", "The valuation of entry %d was altered.")
			}
		}
	}
	return nil
}
