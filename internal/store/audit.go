package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

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

// Audit returns entries after a number, oldest first. An institution of Everyone or
// subject asks for every one.
func (db *DB) Audit(ctx context.Context, institution, subject string, after int64, limit int) (_ []AuditEntry, err error) {
	defer fault.Wrap(&err, "store.Audit")
	ctx = whose(ctx, institution)
	return auditPage(ctx, db.pool, institution, subject, after, limit)
}

func auditPage(ctx context.Context, q querier, institution, subject string, after int64, limit int) ([]AuditEntry, error) {
	rows, err := q.Query(ctx, `
		SELECT `+auditColumns+` FROM audit
		WHERE seq > $1 AND ($2 = '*' OR institution = $2) AND ($3 = '' OR subject = $3)
		ORDER BY seq LIMIT $4`, after, institution, subject, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanAudit)
}

// AuditHead is the last entry's number and hash. Kept elsewhere, it shows a
// record whose end was cut off.
type AuditHead struct {
	Seq  int64  `json:"seq"`
	Hash []byte `json:"hash"`
}

// AuditHead returns the head.
func (db *DB) AuditHead(ctx context.Context) (h AuditHead, err error) {
	err = db.pool.QueryRow(across(ctx), `SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1`).Scan(&h.Seq, &h.Hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return AuditHead{Hash: make([]byte, sha256.Size)}, nil
	}
	return h, err
}

// AuditBreak is one place where the record does not hold.
type AuditBreak struct {
	Seq  int64  `json:"seq"`
	Kind string `json:"kind"` // altered, missing, reordered, cut, unrecorded, valuation_altered, valuation_missing, batch_altered, batch_missing
	Zh   string `json:"zh"`
	En   string `json:"en"`
}

// maxBreaks bounds a report on a record that is broken throughout.
const maxBreaks = 100

// VerifyAudit walks the whole record in the order of its numbers and returns
// what does not hold and the head. known, when its Seq is not 0, is a head kept
// elsewhere. intact is asked about every valuation an entry names with
// valuation and valuation_hash in its detail.
func (db *DB) VerifyAudit(ctx context.Context, known AuditHead, intact func(*Valuation) bool) (head AuditHead, breaks []AuditBreak, err error) {
	return db.VerifyAuditAgainst(ctx, []AuditHead{known}, intact)
}

// VerifyAuditAgainst is [DB.VerifyAudit] with any number of heads kept
// elsewhere. Even without one a record whose end was cut off is found as long
// as what it recorded is still there: every valuation, override and finished
// batch must be on record.
func (db *DB) VerifyAuditAgainst(ctx context.Context, heads []AuditHead, intact func(*Valuation) bool) (head AuditHead, breaks []AuditBreak, err error) {
	defer fault.Wrap(&err, "store.VerifyAudit")
	known := map[int64][]byte{}
	var last int64
	for _, h := range heads {
		if old, twice := known[h.Seq]; h.Seq > 0 && twice && !bytes.Equal(old, h.Hash) {
			return head, nil, fault.New(fault.Invalid, "audit.head", fmt.Sprintf("另行保存的第 %d 条有两个不同的哈希。", h.Seq), fmt.Sprintf("Two heads kept elsewhere for entry %d differ.", h.Seq))
		}
		known[h.Seq], last = h.Hash, max(last, h.Seq)
	}
	tx, err := db.pool.beginSnapshot(across(ctx)) // one moment throughout
	if err != nil {
		return head, nil, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	onRecord := map[string]bool{}
	found := func(seq int64, kind, zh, en string) {
		if len(breaks) < maxBreaks {
			breaks = append(breaks, AuditBreak{seq, kind, fmt.Sprintf(zh, seq), fmt.Sprintf(en, seq)})
		}
	}
	head.Hash = make([]byte, sha256.Size)
	const page = 1000
	for {
		entries, err := auditPage(ctx, tx, Everyone, "", head.Seq, page)
		if err != nil {
			return head, nil, err
		}
		for i := range entries {
			e := &entries[i]
			if e.Seq != head.Seq+1 {
				found(head.Seq+1, "missing", "第 %d 条缺失。", "Entry %d is missing.")
			} else if !bytes.Equal(e.Prev, head.Hash) {
				found(e.Seq, "reordered", "第 %d 条不接续前一条：顺序被改动，或前一条被重写。", "Entry %d does not follow the one before: reordered, or that one was rewritten.")
			}
			if !bytes.Equal(e.Seal(), e.Hash) {
				found(e.Seq, "altered", "第 %d 条内容与其封存的哈希不符。", "Entry %d does not match its own hash.")
			}
			if kept, ok := known[e.Seq]; ok && e.Seq > 0 && !bytes.Equal(e.Hash, kept) {
				found(e.Seq, "altered", "第 %d 条与另行保存的哈希不符：记录被整体重写。", "Entry %d differs from the head kept elsewhere: the record was rewritten.")
			}
			head = AuditHead{e.Seq, e.Hash}
		}
		if err := verifyValuations(ctx, tx, entries, intact, onRecord, found); err != nil {
			return head, nil, err
		}
		if len(entries) < page {
			break
		}
	}
	if head.Seq < last {
		found(last, "cut", "另行保存的最后一条是第 %d 条，记录在此之前就结束了。", "The head kept elsewhere is entry %d; the record ends before it.")
	}
	unrecorded, err := unrecorded(ctx, tx, onRecord)
	for _, id := range unrecorded {
		found(head.Seq+1, "unrecorded", "第 %d 条起的记录可能被截去：库中的 "+id+" 没有审计记录。", "The record may have been cut from entry %d on: "+id+" is in store and not on record.")
	}
	return head, breaks, err
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

// verifyValuations checks every valuation the entries name, a hundred to a
// read: each is some 100 kB.
func verifyValuations(ctx context.Context, tx pgx.Tx, entries []AuditEntry, intact func(*Valuation) bool, onRecord map[string]bool, found func(int64, string, string, string)) error {
	type named struct {
		seq         int64
		institution string
		sealedRecord
	}
	var all []named
	for i := range entries {
		valuations, others := entries[i].putsOnRecord()
		for _, id := range others {
			onRecord[id] = true
		}
		for _, v := range valuations {
			onRecord[v.Valuation] = true
			all = append(all, named{entries[i].Seq, entries[i].Institution, v})
		}
	}
	for page := range slices.Chunk(all, 100) {
		institutions, ids := make([]string, len(page)), make([]string, len(page))
		for i, n := range page {
			institutions[i], ids[i] = n.institution, n.Valuation
		}
		rows, err := tx.Query(ctx, `SELECT `+valuationColumns+` FROM valuations v WHERE (institution, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`, institutions, ids)
		if err != nil {
			return err
		}
		state := map[string][]byte{} // hash; empty: altered
		if _, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (none struct{}, err error) {
			v, err := scanValuation(row)
			if err == nil {
				state[v.ID] = []byte{}
				if intact(&v) {
					state[v.ID] = v.Hash
				}
			}
			return none, err
		}); err != nil {
			return err
		}
		for _, n := range page {
			switch hash, there := state[n.Valuation]; {
			case !there:
				found(n.seq, "valuation_missing", "第 %d 条所记的估值记录已不存在。", "The valuation of entry %d is gone.")
			case len(hash) == 0 || !bytes.Equal(hash, n.Hash):
				found(n.seq, "valuation_altered", "第 %d 条所记的估值记录被改动。", "The valuation of entry %d was altered.")
			}
		}
	}
	return nil
}
