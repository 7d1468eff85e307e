package product_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/insurance"
	"zhijia/internal/lease"
	"zhijia/internal/mark"
	"zhijia/internal/patent"
	"zhijia/internal/product"
	"zhijia/internal/ruling"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// A pledge in the one ledger of rights refuses a lease and a second pledge, is told to
// an insurer and a fund, and is nothing to what was decided before; what a case
// says of the ledger itself counts for nothing.
func ledgerOfRights(t *testing.T, db *store.DB, s *product.Service, by appraisal.Actor) {
	ctx := context.Background()
	leased, pledged := lease.Example(7), mark.Example(7)
	covered := insurance.Example(7)
	leased.Contract, covered.Patents[0].Number = "ZL-7", leased.Objects[0].Number
	leased.Ledger = []ruling.Burden{{Outcome: ruling.Block, Zh: "伪造"}}
	keep := func(kind string, in any) product.Decided {
		t.Helper()
		k, err := product.ByName(kind)
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Keep(ctx, by, k, in)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	before := keep("lease", &leased)
	if !before.Decision.Has("L19", ruling.Pass) || before.Decision.Has("L19", ruling.Block) {
		t.Errorf("before any use: %+v", before.Decision.Findings)
	}
	key, err := encumbrance.ParseRight(encumbrance.Patent, leased.Objects[0].Number)
	if err != nil {
		t.Fatal(err)
	}
	use := encumbrance.Entry{Right: key.Key(), Product: patent.ByPledge, Reference: "DB-7", Party: leased.Lessee.Name, Beneficiary: "乙银行", State: encumbrance.Committed}
	second := use
	second.Right, second.Party = "TM:"+pledged.Marks[0].Number, pledged.Pledgor
	if _, err := db.PutEntries(ctx, by, []encumbrance.Entry{use, second}, false, time.Now()); err != nil {
		t.Fatal(err)
	}
	for kind, c := range map[string]struct {
		in   any
		code string
		want ruling.Outcome
	}{"lease": {&leased, "L19", ruling.Block}, "mark": {&pledged, "M17", ruling.Block}, "insurance": {&covered, "I13", ruling.Pass}} {
		d := keep(kind, c.in)
		if !d.Decision.Has(c.code, c.want) {
			t.Errorf("%s of what is pledged: %+v", kind, d.Decision.Findings)
		}
		if r, err := s.Replay(ctx, by.Institution, d.ID); err != nil || !r.Same {
			t.Errorf("%s: %+v, %v", kind, r, err)
		}
		_, err := s.Commit(ctx, by, d.ID, product.Commitment{})
		if want := map[bool]string{true: "product.refused"}[c.want == ruling.Block]; fault.Public(err).Code != want && (err != nil || want != "") {
			t.Errorf("%s is committed: %v, want %q", kind, err, want)
		}
	}
	// Decided before the pledge came: the ledger itself refuses it now.
	if _, err := s.Commit(ctx, by, before.ID, product.Commitment{}); fault.Public(err).Code != "encumbrance.forbidden" {
		t.Errorf("an accepted lease beside a later pledge: %v", err)
	}
	for name, c := range map[string]struct {
		id   string
		with product.Commitment
		code string
	}{
		"nobody's":    {"pr_none", product.Commitment{}, "product.unknown"},
		"no state":    {keep("insurance", &covered).ID, product.Commitment{State: "sold"}, "entry.invalid"},
		"no register": {keep("insurance", &covered).ID, product.Commitment{State: encumbrance.Registered}, "entry.invalid"},
		"no right":    {keep("gi", giCase(7)).ID, product.Commitment{State: encumbrance.Offered}, "product.no_rights"},
	} {
		if _, err := s.Commit(ctx, by, c.id, c.with); err == nil || c.code != "product.unknown" && fault.Public(err).Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func giCase(seed uint64) any {
	x := mark.GIExample(seed)
	return &x
}

// Every product's example is decided, kept behind its institution's wall, listed,
// and comes to the same to the byte when it is worked out again.
func TestKeptAndWorkedOutAgain(t *testing.T) {
	ctx, db := context.Background(), storetest.New(t)
	s := product.New(db, time.Now)
	by := appraisal.Actor{Name: "示例", Institution: store.Default}
	for i := range product.Kinds {
		k := &product.Kinds[i]
		d, err := s.Keep(ctx, by, k, k.Example(1))
		if err != nil {
			t.Fatal(k.Name, err)
		}
		r, err := s.Replay(ctx, store.Default, d.ID)
		if err != nil || !r.Same || r.Version != d.Version {
			t.Errorf("%s: %+v %v", k.Name, r, err)
		}
		kept, err := s.Get(ctx, store.Default, d.ID)
		if err != nil || kept.Label == "" || kept.Verdict != d.Verdict {
			t.Errorf("%s: %+v %v", k.Name, kept, err)
		}
		var b bytes.Buffer
		kind, result, err := kept.Typed()
		if err == nil {
			err = kind.Write(&b, "x.xlsx", result, false)
		}
		if err != nil || b.Len() == 0 {
			t.Errorf("%s: %v", k.Name, err)
		}
		if _, err := s.Get(ctx, store.Public, d.ID); err == nil || fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: another institution sees it: %v", k.Name, err)
		}
	}
	page, next, err := s.List(ctx, store.Default, "", "", 4)
	if err != nil || len(page) != 4 || next == "" {
		t.Fatal(len(page), next, err)
	}
	rest, next, err := s.List(ctx, store.Default, "", next, 4)
	if err != nil || len(rest) != 2 || next != "" {
		t.Fatal(len(rest), next, err)
	}
	if _, _, err := s.List(ctx, store.Default, "bond", "", 4); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	ledgerOfRights(t, db, s, by)
}
