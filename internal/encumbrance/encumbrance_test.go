package encumbrance

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

var day = calendar.MustParse("2026-11-28")

func TestRights(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		kind Kind
		key  string
	}{
		"ZL201310543019.6": {Patent, "CN201310543019.6"}, "第1234567号": {Trademark, "TM:1234567"}, "g1234567": {Trademark, "TM:G1234567"}, "2020sr0123456": {Copyright, "CR:2020SR0123456"},
		"国作登字—2020—F—00012345": {Copyright, "CR:国作登字-2020-F-00012345"}, "BS.205001234": {Layout, "LD:BS205001234"},
	} {
		r, err := ParseRight(c.kind, text)
		if err != nil || r.Key() != c.key && c.kind != Patent || OfKey(r.Key()) != r {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
	for text, c := range map[string]struct {
		kind Kind
		code string
	}{
		"123456789": {Trademark, "mark.number"}, "ABC": {Trademark, "mark.number"}, "软著登字第0123456号": {Copyright, "right.number"}, "2020SR1": {Copyright, "right.number"}, "BS1": {Layout, "right.number"}, "": {Trademark, "mark.number"},
		"1234567": {"brand", "right.kind"}, "201310543019.7": {Patent, "number.check_digit"}, "国作登字-2020-Z-00012345": {Copyright, "right.number"}, "XX205001234": {Layout, "right.number"},
	} {
		if _, err := ParseRight(c.kind, text); fault.Public(err).Code != c.code {
			t.Errorf("%s %s: %v", c.kind, text, err)
		}
	}
}

// What the ledger forbids stays forbidden and a consent clears what it names and
// nothing else.
func TestConsent(t *testing.T) {
	t.Parallel()
	pledge := Entry{Right: "CN1", Product: patent.ByPledge, Reference: "DB-1", Party: "甲公司", Beneficiary: "乙银行", State: Registered, Registration: "Y2026980000001"}
	pool := Entry{Right: "CN1", Product: patent.ByPool, Reference: "P-1", Party: "甲公司", State: Committed}
	good := Consent{Right: "CN1", Product: patent.ByPledge, Reference: "DB-1", To: patent.ByPool, By: "乙银行", Document: "TY-1", SignedOn: day}
	if err := good.Check(day); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Consent)
		want   patent.Allowance
	}{
		"as signed":         {func(*Consent) {}, patent.Allowed},
		"by registration":   {func(c *Consent) { c.Reference = "Y2026980000001" }, patent.Allowed},
		"another's word":    {func(c *Consent) { c.By = "丙银行" }, patent.WithConsent},
		"another right":     {func(c *Consent) { c.Right = "CN2" }, patent.WithConsent},
		"another contract":  {func(c *Consent) { c.Reference = "DB-2" }, patent.WithConsent},
		"to something else": {func(c *Consent) { c.To = patent.ByLicence }, patent.WithConsent},
		"ended yesterday":   {func(c *Consent) { c.SignedOn, c.Until = day.AddDays(-9), day.AddDays(-1) }, patent.WithConsent},
		"ends today":        {func(c *Consent) { c.Until = day }, patent.Allowed},
		"signed tomorrow":   {func(c *Consent) { c.SignedOn = day.AddDays(1) }, patent.WithConsent},
	} {
		x := good
		c.change(&x)
		if r := Judge(&pool, []Entry{pledge}, nil, []Consent{x}, day); r.Allowed != c.want {
			t.Errorf("%s: %+v", name, r)
		}
	}
	second := pool
	second.Product, second.Reference = patent.ByPledge, "DB-2"
	if r := Judge(&second, []Entry{pledge}, nil, []Consent{good}, day); r.Allowed != patent.Forbidden || fault.Public(r.Refusal()).Code != "encumbrance.forbidden" {
		t.Errorf("a second pledge: %+v", r)
	}
	for i, bad := range []func(*Consent){
		func(c *Consent) { c.By = "" }, func(c *Consent) { c.Document = " " }, func(c *Consent) { c.SignedOn = calendar.Date{} }, func(c *Consent) { c.SignedOn = day.AddDays(1) }, func(c *Consent) { c.Until = day.AddDays(-1) },
		func(c *Consent) { c.Product = "" }, func(c *Consent) { c.To = "x" }, func(c *Consent) { c.To = OfOwner }, func(c *Consent) { c.Reference = "" }, func(c *Consent) { c.Product, c.Reference = patent.ByLease, " " },
	} {
		x := good
		bad(&x)
		if fault.Public(x.Check(day)).Code != "consent.invalid" {
			t.Errorf("bad consent %d passes", i)
		}
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	lease := Entry{Right: "CN1", Product: patent.ByLease, Reference: "ZL-1", Party: "甲公司", Beneficiary: "乙租赁", State: Registered, Registration: "T1"}
	for owner, want := range map[string]patent.Allowance{"甲公司": patent.Allowed, "乙租赁": patent.Allowed, "丙公司": patent.WithConsent} {
		if r := Judge(&lease, nil, &patent.State{Standing: patent.Alive, Owners: []string{owner}}, nil, day); r.Allowed != want {
			t.Errorf("a lease of what %s owns: %+v", owner, r)
		}
	}
	e := Entry{Right: "CN1", Product: patent.ByPledge, Reference: "DB-1", Party: "甲公司", State: Committed, Registration: "Y1"}
	for name, c := range map[string]struct {
		state patent.State
		want  patent.Allowance
	}{
		"alive":             {patent.State{Standing: patent.Alive, Owners: []string{"甲公司"}}, patent.Allowed},
		"dead":              {patent.State{Standing: patent.Dead}, patent.Forbidden},
		"pending":           {patent.State{Standing: patent.Pending}, patent.Forbidden},
		"preserved":         {patent.State{Standing: patent.Alive, Preserved: patent.Yes}, patent.Forbidden},
		"a third party's":   {patent.State{Standing: patent.Alive, Owners: []string{"丁公司"}}, patent.WithConsent},
		"its own pledge":    {patent.State{Standing: patent.Alive, Pledges: []patent.Claim{{Registration: "Y1", Party: "乙银行"}}}, patent.Allowed},
		"another's pledge":  {patent.State{Standing: patent.Alive, Pledges: []patent.Claim{{Registration: "Y2", Party: "丙银行"}}}, patent.Forbidden},
		"exclusive licence": {patent.State{Standing: patent.Alive, Licences: []patent.Claim{{Registration: "X1", Kind: "独占许可"}}}, patent.Allowed},
	} {
		if r := Judge(&e, nil, &c.state, nil, day); r.Allowed != c.want {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// The order of the others is nothing, what does not burden stands against
// nobody, and only an agreed use stands against another.
func TestJudgeLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		entry := func(label string) Entry {
			return Entry{
				Right: "CN1", Product: rapid.SampledFrom(patent.Products).Draw(t, label), Reference: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, label+" ref"),
				Party: rapid.SampledFrom([]string{"甲公司", "乙公司"}).Draw(t, label+" party"), State: rapid.SampledFrom(States).Draw(t, label+" state"),
			}
		}
		e := entry("e")
		var others []Entry
		for range rapid.IntRange(0, 5).Draw(t, "n") {
			others = append(others, entry("o"))
		}
		r := Judge(&e, others, nil, nil, day)
		shuffled := slices.Clone(others)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := Judge(&e, shuffled, nil, nil, day); again.Allowed != r.Allowed || len(again.Findings) != len(r.Findings) {
			t.Fatalf("order counts: %+v, %+v", r, again)
		}
		if !e.Product.Burdens() && r.Allowed != patent.Allowed {
			t.Fatalf("%s is stopped: %+v", e.Product, r)
		}
		free := slices.DeleteFunc(slices.Clone(others), func(o Entry) bool { return o.State.Burdens() })
		if r := Judge(&e, free, nil, nil, day); len(r.Findings) != 0 {
			t.Fatalf("what is not agreed stands against it: %+v", r)
		}
		if (r.Allowed == patent.Allowed) != (r.Refusal() == nil) {
			t.Fatalf("%+v, %v", r, r.Refusal())
		}
		before := patent.State{Standing: patent.Alive, Owners: []string{"甲公司"}}
		after := before
		Judge(&e, others, &after, nil, day)
		if !reflect.DeepEqual(before, after) {
			t.Fatal("a judgement changed the register's state")
		}
	})
}
