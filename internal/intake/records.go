package intake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/connect"
	"zhijia/internal/dossier"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// Document is where a batch of records comes from.
type Document struct {
	Hash      string // SHA-256 of the raw document
	Name      string // of the file, or the address without secrets
	Retrieved calendar.Date
}

type documentKey struct{}

func documentOf(ctx context.Context) Document {
	d, _ := ctx.Value(documentKey{}).(Document)
	return d
}

// mergeRecords is the merge of a batch of rows of a file.
func mergeRecords(ctx context.Context, db *store.DB, svc *appraisal.Service, batch []any) error {
	list := make([]connect.Record, len(batch))
	for i := range batch {
		list[i] = batch[i].(connect.Record)
	}
	return Merge(ctx, db, svc, list, documentOf(ctx))
}

// Merge stores what records state. Of a patent that a source spoke of, the row
// is what all its records add up to by [connect.Resolve]; the institution's own
// lists are one of them. A patent of which there are only own lists is stored as
// they say, the later before the earlier.
func Merge(ctx context.Context, db *store.DB, svc *appraisal.Service, list []connect.Record, d Document) error {
	list = slices.Clone(list)
	alias, err := fold(ctx, db, list)
	if err != nil {
		return err
	}
	numbers := map[string]bool{}
	sourced := map[string]bool{}
	for i := range list {
		numbers[list[i].Number] = true
		if list[i].Source != "desk" {
			sourced[list[i].Number] = true
		}
	}
	known, err := db.SourceRecords(ctx, slices.Sorted(maps.Keys(numbers)), true)
	if err != nil {
		return err
	}
	for n := range known {
		sourced[n] = true
	}
	var plain []store.Patent
	var own, others []store.SourceRecord
	for _, r := range list {
		if !sourced[r.Number] {
			plain = append(plain, row(&r))
			continue
		}
		from := d
		if r.Source == "desk" { // its own word, whichever list it stood in
			from = Document{Name: r.Stated, Retrieved: d.Retrieved}
		}
		s, err := keep(r, from)
		if err != nil {
			return err
		}
		if r.Source == "desk" {
			own = append(own, s)
		} else {
			others = append(others, s)
		}
	}
	if len(plain) > 0 {
		if err := put(ctx, db, svc, plain); err != nil {
			return err
		}
	}
	if len(sourced) == 0 {
		return nil
	}
	// What the institution knew of a patent before any source spoke of it is its
	// own word.
	var bare []string
	for n := range sourced {
		if len(known[n]) == 0 {
			bare = append(bare, n)
		}
	}
	for publication := range alias {
		bare = append(bare, publication)
	}
	slices.Sort(bare)
	before, err := db.OwnPatents(ctx, bare)
	if err != nil {
		return err
	}
	for i := range before {
		n := cmp.Or(alias[before[i].Number], before[i].Number)
		if len(known[before[i].Number]) > 0 || len(known[n]) > 0 || slices.ContainsFunc(own, func(s store.SourceRecord) bool { return s.Number == n }) {
			continue
		}
		r := statement(&before[i])
		r.Number = n
		s, err := keep(r, Document{Name: r.Stated, Retrieved: d.Retrieved})
		if err != nil {
			return err
		}
		others = append(others, s)
	}
	if err := db.PutSourceRecords(ctx, others, alias, ""); err != nil {
		return err
	}
	if len(own) > 0 {
		if err := db.PutSourceRecords(ctx, own, nil, "desk"); err != nil {
			return err
		}
	}
	return Settle(ctx, db, svc, slices.Sorted(maps.Keys(sourced)))
}

// fold brings records that name a publication alone to the application that it
// is of, where the batch or the store knows it.
func fold(ctx context.Context, db *store.DB, list []connect.Record) (alias map[string]string, err error) {
	alias = map[string]string{}
	of := map[string]string{}
	var open []string
	for i := range list {
		r := &list[i]
		if r.Publication == "" {
			continue
		}
		if r.Number != r.Publication {
			for _, key := range documents(r.Publication) {
				of[key] = r.Number
			}
		} else {
			open = append(open, documents(r.Publication)...)
		}
	}
	stored, err := db.ApplicationsOf(ctx, open)
	if err != nil {
		return nil, err
	}
	for i := range list {
		r := &list[i]
		if r.Publication == "" || r.Number != r.Publication {
			continue
		}
		for _, key := range documents(r.Publication) {
			if n := cmp.Or(of[key], stored[key]); n != "" {
				r.Number = n
				break
			}
		}
	}
	var keys []string
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	under, err := db.SourceRecords(ctx, keys, true)
	if err != nil {
		return nil, err
	}
	for key := range under {
		if of[key] != key {
			alias[key] = of[key]
		}
	}
	return alias, nil
}

// documents are a publication and the others of its application, by their
// numbers.
func documents(key string) []string {
	out := []string{key}
	if n, err := patent.ParseNumber(key); err == nil {
		for _, k := range n.Siblings() {
			if !slices.Contains(out, string(k)) {
				out = append(out, string(k))
			}
		}
	}
	return out
}

func keep(r connect.Record, d Document) (store.SourceRecord, error) {
	asOf := r.AsOf
	r.AsOf = calendar.Date{} // the same said on another day is the same
	body, err := json.Marshal(r)
	if err != nil {
		return store.SourceRecord{}, err
	}
	sum := sha256.Sum256(body)
	return store.SourceRecord{Number: r.Number, Source: r.Source, Hash: sum[:], Body: body, AsOf: asOf, Retrieved: d.Retrieved, Document: d.Hash, File: d.Name}, nil
}

// row is a record as the table of patents has it.
func row(r *connect.Record) store.Patent {
	p := store.Patent{
		Number: r.Number, PublicationNumber: r.Publication, Kind: r.Kind, Title: cmp.Or(r.Title, r.TitleEn), Abstract: r.Abstract, Claims: r.Claims, Description: r.Description,
		IPC: r.IPC, Locarno: r.Locarno, Filing: r.Filing, Published: r.Published, Grant: r.Grant, Owners: r.Owners, Applicants: r.Applicants, OwnerType: r.OwnerType,
		FamilyID: r.FamilyID, ClaimCount: r.ClaimCount, IndependentClaims: r.Independent, Inventors: r.Inventors, FamilySize: r.FamilySize, CitedBy: r.CitedBy, Cites: r.Cites,
		PaidThroughYear: r.PaidThrough, AdjustmentDays: r.Adjustment, ExtensionDays: r.Extension, Source: r.Stated, SourceDate: r.AsOf,
	}
	if p.ConfidentialUnknown = r.Confidential == nil; r.Confidential != nil {
		p.Confidential = *r.Confidential
	}
	return p
}

// statement is a row of the table of patents as the institution's own word.
func statement(p *store.Patent) connect.Record {
	r := connect.Record{
		Source: "desk", Number: p.Number, Publication: p.PublicationNumber, Kind: p.Kind, Title: p.Title, Abstract: p.Abstract, Claims: p.Claims, Description: p.Description,
		IPC: p.IPC, Locarno: p.Locarno, Filing: p.Filing, Published: p.Published, Grant: p.Grant, Owners: p.Owners, Applicants: p.Applicants, OwnerType: p.OwnerType,
		FamilyID: p.FamilyID, ClaimCount: p.ClaimCount, Independent: p.IndependentClaims, Inventors: p.Inventors, FamilySize: p.FamilySize, CitedBy: p.CitedBy, Cites: p.Cites,
		PaidThrough: p.PaidThroughYear, Adjustment: p.AdjustmentDays, Extension: p.ExtensionDays, Stated: stated(p.Source), AsOf: p.SourceDate,
	}
	if p.Confidential {
		r.Confidential = &p.Confidential
	}
	return r
}

func put(ctx context.Context, db *store.DB, svc *appraisal.Service, rows []store.Patent) error {
	texts := make([]string, len(rows))
	for i := range rows {
		texts[i] = rows[i].Text()
	}
	space, vectors, err := embed(ctx, svc, texts)
	if err != nil {
		return err
	}
	return db.MergePatents(ctx, rows, space, vectors)
}

// Settle brings the rows and events of patents to what their records add up to.
func Settle(ctx context.Context, db *store.DB, svc *appraisal.Service, numbers []string) error {
	precedence, err := dossier.Precedence(ctx, db)
	if err != nil {
		return err
	}
	all, err := dossier.Statements(ctx, db, numbers, true)
	if err != nil {
		return err
	}
	var rows []store.Patent
	var events []store.LegalEvent
	sources := map[string]bool{}
	for _, n := range slices.Sorted(maps.Keys(all)) {
		r := connect.Resolve(all[n], precedence)
		names := map[string]bool{}
		var confidential *bool
		for _, s := range all[n] {
			names[sourceName(&s)] = true
			if s.Confidential != nil && (confidential == nil || *s.Confidential) {
				confidential = s.Confidential
			}
			for _, e := range s.Events {
				sources[e.Source] = true
			}
		}
		r.Confidential, r.Stated = confidential, strings.Join(slices.Sorted(maps.Keys(names)), "、")
		if p := row(&r.Record); p.Title != "" {
			rows = append(rows, p)
		}
		for _, e := range connect.Events(all[n]) {
			events = append(events, store.LegalEvent{Number: n, Event: e})
		}
	}
	if len(rows) > 0 {
		if err := put(ctx, db, svc, rows); err != nil {
			return err
		}
	}
	if len(events) == 0 {
		return nil
	}
	return db.ReplaceEvents(ctx, events, slices.Sorted(maps.Keys(sources)))
}

func sourceName(s *connect.Statement) string {
	if s.Source == "desk" && s.Stated == "" {
		return "import"
	}
	return s.Name()
}

// stated is what an own list said of its source; "import" stands for nothing.
func stated(source string) string {
	if source == "import" {
		return ""
	}
	return source
}
