package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/deal"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/store"
)

// Waiting is a kept text of which rows wait.
type Waiting = store.WaitingReading

// Kept is a text that was read, with its rows as they were read and what became of them.
type Kept struct {
	ID      string
	Source  string
	Text    string
	Reading deal.Reading
	Settled map[int]string // by row: the deal it became, or empty where it was rejected
}

// Waits is how many rows wait for a person.
func (k *Kept) Waits() int { return len(k.Reading.Rows) - len(k.Settled) }

// Open is the first row from a place on that waits, the first of all behind the last; the number of rows where none does.
func (k *Kept) Open(from int) int {
	n := len(k.Reading.Rows)
	for i := range n {
		at := (max(from, 0) + i) % n
		if _, done := k.Settled[at]; !done {
			return at
		}
	}
	return n
}

// Keep reads a text and keeps its rows until a person has settled each. The same text is kept once, as it was read first; a
// text without rows is not kept.
func (s *Service) Keep(ctx context.Context, actor appraisal.Actor, text, source string) (k *Kept, err error) {
	reading, err := deal.Read(text)
	if err != nil {
		return nil, err
	}
	if len(reading.Rows) == 0 {
		return &Kept{Source: source, Text: text, Reading: reading}, nil
	}
	rows, err := json.Marshal(reading.Rows)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(text))
	id := "dr_" + hex.EncodeToString(sum[:12])
	if err := s.db.PutDealReading(ctx, actor.Institution, &store.DealReading{ID: id, Source: source, Text: text, Rows: rows, Total: len(reading.Rows), By: actor.Name, At: s.now().UTC().Truncate(time.Second)}); err != nil {
		return nil, err
	}
	return s.Kept(ctx, actor, id)
}

// Kept returns a text that was kept.
func (s *Service) Kept(ctx context.Context, actor appraisal.Actor, id string) (*Kept, error) {
	r, err := s.db.DealReading(ctx, actor.Institution, id)
	if err != nil {
		return nil, err
	}
	k := &Kept{ID: r.ID, Source: r.Source, Text: r.Text, Settled: r.Settled}
	return k, json.Unmarshal(r.Rows, &k.Reading.Rows)
}

// Waiting lists the kept texts of which rows wait, the latest first.
func (s *Service) Waiting(ctx context.Context, actor appraisal.Actor) ([]Waiting, error) {
	return s.db.WaitingReadings(ctx, actor.Institution)
}

// Reject notes that a row of a kept text does not enter the ledger.
func (s *Service) Reject(ctx context.Context, actor appraisal.Actor, k *Kept, row int) error {
	if row < 0 || row >= len(k.Reading.Rows) {
		return errNoRow()
	}
	return s.settle(ctx, actor, k, row, "")
}

func (s *Service) settle(ctx context.Context, actor appraisal.Actor, k *Kept, row int, id string) error {
	if err := s.db.SettleDealRow(ctx, actor.Institution, k.ID, row, id, actor.Name, s.now().UTC().Truncate(time.Second)); err != nil {
		return err
	}
	if k.Settled[row] == "" {
		k.Settled[row] = id
	}
	return nil
}

func errNoRow() error {
	return fault.New(fault.NotFound, "reading.row", "文本中没有这一行。", "The text has no such row.")
}

// Acceptance is a row of a kept text as a person accepts it.
type Acceptance struct {
	Kept   *Kept
	Source string   // its name, as the person gives it; empty: as kept
	Row    int      // of the reading
	Edit   deal.Row // the fields as they are accepted
}

// Accept takes a row of a text into the ledger, with the words it was read from
// and who accepted it. Accepted again it is the same deal.
func (s *Service) Accept(ctx context.Context, svc *appraisal.Service, actor appraisal.Actor, a Acceptance) (id string, err error) {
	if a.Row < 0 || a.Row >= len(a.Kept.Reading.Rows) {
		return "", errNoRow()
	}
	was := a.Kept.Reading.Rows[a.Row]
	a.Source = cmp.Or(a.Source, a.Kept.Source)
	sum := sha256.Sum256([]byte(fmt.Sprintf("%d\x00%s", a.Row, a.Kept.Text)))
	id = "read-" + hex.EncodeToString(sum[:10])
	row := a.Edit
	row.Waits, row.Quotes = false, was.Quotes
	var file bytes.Buffer
	if n, err := intake.WriteDeals(&file, []intake.ReadDeal{{Source: a.Source, ID: id, Row: row}}); err != nil || n != 1 {
		return "", fault.New(fault.Invalid, "reading.cancelled", "已取消的交易不进入台账。", "A deal that was called off does not enter the ledger.").Because(err)
	}
	rep, err := intake.Run(ctx, s.db, svc, actor, "transactions", "read.csv", &file, intake.Options{})
	if err != nil {
		return "", err
	}
	if rep.Accepted != 1 {
		var fields []fault.Field
		for _, r := range rep.Rejects {
			fields = append(fields, fault.Field{Field: r.Field, Code: r.Code, Zh: r.Zh, En: r.En})
		}
		return "", fault.New(fault.Invalid, "reading.fields", "有字段不能入账，请改正。", "A field cannot enter the ledger; mend it.", fields...)
	}
	mended := []string{}
	for field, pair := range map[string][2]any{
		"numbers": {was.Numbers, row.Numbers}, "amount": {was.Amount, row.Amount}, "price_kind": {was.PriceKind, row.PriceKind}, "deal_kind": {was.DealKind, row.DealKind},
		"seller": {was.Seller, row.Seller}, "buyer": {was.Buyer, row.Buyer}, "date": {was.Date, row.Date}, "patents": {was.Patents, row.Patents}, "market": {was.Market, row.Market}, "title": {was.Title, row.Title},
	} {
		x, _ := json.Marshal(pair[0])
		y, _ := json.Marshal(pair[1])
		if !bytes.Equal(x, y) {
			mended = append(mended, field)
		}
	}
	slices.Sort(mended)
	text := sha256.Sum256([]byte(a.Kept.Text))
	provenance, err := json.Marshal(map[string]any{
		"source": a.Source, "text_sha256": hex.EncodeToString(text[:]), "row": a.Row, "quotes": was.Quotes, "mended": mended,
		"accepted_by": actor.Name, "accepted_at": s.now().UTC().Truncate(time.Second),
	})
	if err != nil {
		return "", err
	}
	if err := s.db.SetProvenance(store.As(ctx, actor.Institution), id, provenance, actor.Name); err != nil {
		return "", err
	}
	return id, s.settle(ctx, actor, a.Kept, a.Row, id)
}
