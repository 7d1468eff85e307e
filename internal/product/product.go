// Package product is the use case of the products beside the loan desk: finance
// leases, funds, pledges of marks, geographical indications, covers and listing
// dossiers. It decides a case, keeps it with its input on record, and works a kept
// one out again.
//
// Start with [Service]; [Kinds] lists the products. Deciding needs no database.
package product

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/fund"
	"zhijia/internal/insurance"
	"zhijia/internal/lease"
	"zhijia/internal/listing"
	"zhijia/internal/mark"
	"zhijia/internal/paging"
	"zhijia/internal/productfile"
	"zhijia/internal/ruling"
	"zhijia/internal/store"
)

// Kind is one product.
type Kind struct {
	Name  string // lease, fund, mark, gi, insurance, listing
	Route string // of its collection in the REST API
	Zh    string
	En    string
	Main  string // the list of a result that one CSV holds

	Input, Output reflect.Type

	rules   *ruling.Book
	decide  func(in any) (any, *ruling.Decision, string, error)
	example func(seed uint64) any
}

// of makes a product of its types and functions.
func of[In, Out any](name, route, zh, en, list string, rules *ruling.Book, decide func(In) (Out, error), sum func(*Out) (*ruling.Decision, string), example func(uint64) In) Kind {
	return Kind{
		Name: name, Route: route, Zh: zh, En: en, Main: list, Input: reflect.TypeFor[In](), Output: reflect.TypeFor[Out](), rules: rules,
		decide: func(in any) (any, *ruling.Decision, string, error) {
			out, err := decide(*in.(*In))
			if err != nil {
				return nil, nil, "", err
			}
			d, label := sum(&out)
			return &out, d, label, nil
		},
		example: func(seed uint64) any { x := example(seed); return &x },
	}
}

// Kinds are the products.
var Kinds = []Kind{
	of("lease", "leases", "融资租赁", "Finance lease", "schedule.rents", lease.Rules, lease.Decide, func(r *lease.Result) (*ruling.Decision, string) { return &r.Decision, r.Label }, lease.Example),
	of("fund", "funds", "基金汇总", "Fund roll-up", "lines", fund.Rules, fund.Roll, func(r *fund.Result) (*ruling.Decision, string) { return &r.Decision, r.Label }, fund.Example),
	of("mark", "trademark-pledges", "商标质押", "Trademark pledge", "marks", mark.Rules, mark.Decide, func(r *mark.Result) (*ruling.Decision, string) { return &r.Decision, r.Label }, mark.Example),
	of("insurance", "insurance-covers", "知识产权保险", "Insurance", "decision.findings", insurance.Rules, insurance.Decide, func(r *insurance.Result) (*ruling.Decision, string) { return &r.Decision, r.Label }, insurance.Example),
	of("listing", "listing-dossiers", "科创板上市档案", "Listing dossier", "table", listing.Rules, listing.Decide, func(r *listing.Result) (*ruling.Decision, string) { return &r.Decision, r.Label }, listing.Example),
	of("gi", "geographical-indications", "地理标志增信", "Geographical indication", "lines", mark.GIRules, mark.Enhance, func(r *mark.Enhancement) (*ruling.Decision, string) { return &r.Decision, r.Label }, mark.GIExample),
}

// ByName returns a product, or a NotFound fault.
func ByName(name string) (*Kind, error) {
	var known []string
	for i := range Kinds {
		if Kinds[i].Name == name {
			return &Kinds[i], nil
		}
		known = append(known, Kinds[i].Name)
	}
	list := strings.Join(known, ", ")
	return nil, fault.New(fault.NotFound, "product.kind", "没有产品“"+name+"”，可选："+list+"。", "There is no product "+name+"; known: "+list+".")
}

// Rules are the rules and figures of the product in this version.
func (k *Kind) Rules() *ruling.Book { return k.rules }

// Example is a generated case, labelled so.
func (k *Kind) Example(seed uint64) any { return k.example(seed) }

// Template is an empty case.
func (k *Kind) Template() any { return reflect.New(k.Input).Interface() }

// Read reads a case from a file.
func (k *Kind) Read(r io.Reader, name string) (any, error) {
	in := reflect.New(k.Input).Interface()
	return in, productfile.Read(r, name, in)
}

// ReadFiles reads a case from CSV files by the names of their sheets.
func (k *Kind) ReadFiles(files map[string]io.Reader) (any, error) {
	in := reflect.New(k.Input).Interface()
	return in, productfile.ReadFiles(files, in)
}

// Decided is a case decided.
type Decided struct {
	ID        string           `json:"id,omitempty"` // empty: it was not kept
	Kind      string           `json:"kind"`
	Version   string           `json:"version"`
	CreatedAt time.Time        `json:"created_at,omitzero"`
	CreatedBy string           `json:"created_by,omitempty"`
	Label     string           `json:"label,omitempty"`
	Verdict   ruling.Verdict   `json:"verdict"`
	Decision  *ruling.Decision `json:"-"`
	Result    any              `json:"result,omitempty"`
}

// Decide decides a case without keeping it.
func (k *Kind) Decide(in any) (Decided, error) {
	out, d, label, err := k.decide(in)
	if err != nil {
		return Decided{}, err
	}
	return Decided{Kind: k.Name, Version: k.rules.Version, Label: label, Verdict: d.Verdict, Decision: d, Result: out}, nil
}

// Write writes a case, result or template as [productfile.Write] does.
func (k *Kind) Write(w io.Writer, name string, v any, template bool) error {
	return productfile.Write(w, name, v, k.Main, template)
}

// Service keeps what is decided.
type Service struct {
	db  *store.DB
	now func() time.Time
}

// New returns the products of a database.
func New(db *store.DB, now func() time.Time) *Service { return &Service{db, now} }

// Decide decides a case beside what the ledger of rights says of its rights,
// without keeping it.
func (s *Service) Decide(ctx context.Context, institution string, k *Kind, in any) (_ Decided, err error) {
	defer fault.Wrap(&err, "product.Decide(%s)", k.Name)
	if d, err := k.Decide(in); err != nil { // what cannot be a case asks nobody
		return d, err
	}
	if err := s.look(ctx, institution, in, calendar.InChina(s.now())); err != nil {
		return Decided{}, err
	}
	return k.Decide(in)
}

// Keep decides a case and keeps it, on record.
func (s *Service) Keep(ctx context.Context, by appraisal.Actor, k *Kind, in any) (_ Decided, err error) {
	defer fault.Wrap(&err, "product.Keep(%s)", k.Name)
	d, err := s.Decide(ctx, by.Institution, k, in)
	if err != nil {
		return d, err
	}
	input, err := json.Marshal(in)
	if err != nil {
		return d, err
	}
	result, err := json.Marshal(d.Result)
	if err != nil {
		return d, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	d.ID, d.CreatedAt, d.CreatedBy = store.MadeID(ctx, "pr", now), now, by.Name
	err = s.db.PutProductResult(ctx, by.Institution, store.ProductResult{
		ID: d.ID, Kind: d.Kind, Version: d.Version, Label: d.Label, Verdict: string(d.Verdict), Input: input, Result: result, CreatedAt: now, CreatedBy: by.Name,
	})
	if store.Made(err) { // by an earlier try of the same request
		kept, err := s.Get(ctx, by.Institution, d.ID)
		return kept.Decided, err
	}
	return d, err
}

// Kept is a kept case with its input.
type Kept struct {
	Decided
	Input json.RawMessage `json:"input"`
}

// Get returns a kept case. Its result is as it was kept, in the types of today.
func (s *Service) Get(ctx context.Context, institution, id string) (_ Kept, err error) {
	defer fault.Wrap(&err, "product.Get(%s)", id)
	r, err := s.db.ProductResult(ctx, institution, id)
	if err != nil {
		return Kept{}, err
	}
	return Kept{describe(&r), r.Input}, nil
}

func describe(r *store.ProductResult) Decided {
	d := Decided{ID: r.ID, Kind: r.Kind, Version: r.Version, CreatedAt: r.CreatedAt, CreatedBy: r.CreatedBy, Label: r.Label, Verdict: ruling.Verdict(r.Verdict)}
	if r.Result != nil {
		d.Result = json.RawMessage(r.Result)
	}
	return d
}

// Typed returns a kept result in its own type, for tables and pages.
func (d *Decided) Typed() (k *Kind, result any, err error) {
	if k, err = ByName(d.Kind); err != nil {
		return nil, nil, err
	}
	raw, kept := d.Result.(json.RawMessage)
	if !kept {
		return k, d.Result, nil
	}
	result = reflect.New(k.Output).Interface()
	return k, result, json.Unmarshal(raw, result)
}

// List returns one page of an institution's results, newest first, of one product
// or, empty, of all.
func (s *Service) List(ctx context.Context, institution, kind, cursor string, limit int) (_ []Decided, next string, err error) {
	defer fault.Wrap(&err, "product.List")
	if kind != "" {
		if _, err := ByName(kind); err != nil {
			return nil, "", err
		}
	}
	at, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := s.db.ProductResults(ctx, institution, kind, at.At, at.ID, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(r *store.ProductResult) paging.Place { return paging.Place{At: r.CreatedAt, ID: r.ID} })
	out := make([]Decided, len(page))
	for i := range page {
		out[i] = describe(&page[i])
	}
	return out, next, nil
}

// Replay is a kept case worked out again.
type Replay struct {
	ID      string   `json:"id"`
	Same    bool     `json:"same"`    // to the byte
	Version string   `json:"version"` // of the rules now
	Kept    string   `json:"kept_version"`
	Differ  []string `json:"differs,omitempty"` // fields of the result that differ
}

// Replay works a kept case out again from its input under the rules of today.
func (s *Service) Replay(ctx context.Context, institution, id string) (_ Replay, err error) {
	defer fault.Wrap(&err, "product.Replay(%s)", id)
	r, err := s.db.ProductResult(ctx, institution, id)
	if err != nil {
		return Replay{}, err
	}
	k, err := ByName(r.Kind)
	if err != nil {
		return Replay{}, err
	}
	in, err := k.Read(bytes.NewReader(r.Input), "input.json")
	if err != nil {
		return Replay{}, err
	}
	d, err := k.Decide(in)
	if err != nil {
		return Replay{}, err
	}
	now, err := json.Marshal(d.Result)
	if err != nil {
		return Replay{}, err
	}
	out := Replay{ID: id, Same: bytes.Equal(now, r.Result), Version: d.Version, Kept: r.Version}
	if !out.Same {
		var a, b map[string]json.RawMessage
		if json.Unmarshal(now, &a) == nil && json.Unmarshal(r.Result, &b) == nil {
			for name := range a {
				if !bytes.Equal(a[name], b[name]) {
					out.Differ = append(out.Differ, name)
				}
			}
			slices.Sort(out.Differ)
		}
	}
	return out, nil
}
