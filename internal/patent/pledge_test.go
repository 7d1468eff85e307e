package patent

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"zhijia/internal/calendar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// eligible is a case against which no ground speaks.
func eligible() PledgeFacts {
	day := calendar.MustParse("2026-06-01")
	paid := 12
	state := Reduce([]Event{
		{Code: "SE01", Effective: calendar.MustParse("2015-09-01")},
		{Code: "GR01", Effective: calendar.MustParse("2018-01-01"), After: []string{"甲科技（上海）有限公司"}},
	}, day)
	a := FeeAccount{Kind: Invention, Filing: calendar.MustParse("2015-03-01"), Granted: state.Granted, PaidThrough: &paid}
	return PledgeFacts{
		State: state, Expiry: Expiry(Invention, a.Filing, 0), Fees: a.On(day, calendar.Shipped()), Pledgors: []string{"甲科技(上海)有限公司"},
		Maturity: calendar.MustParse("2029-06-01"), Contract: ContractFields, Twin: No, Challenged: No, Other: "none",
	}
}

func with(f PledgeFacts, events ...Event) PledgeFacts {
	f.State = Reduce(append(f.State.Statements, events...), f.State.On)
	return f
}

func ev(code, day string) Event { return Event{Code: code, Effective: calendar.MustParse(day)} }

// spoilt are the cases that one ground each speaks against.
var spoilt = map[string]func(PledgeFacts) PledgeFacts{
	"E01": func(f PledgeFacts) PledgeFacts {
		e := ev("TR01", "2026-05-20")
		e.Before, e.After = []string{"甲科技（上海）有限公司"}, []string{"乙实业有限公司"}
		return with(f, e)
	},
	"E02": func(f PledgeFacts) PledgeFacts { return with(f, ev("IW01", "2025-05-01")) },
	"E03": func(f PledgeFacts) PledgeFacts {
		f.State.Standing, f.State.Granted = Pending, calendar.Date{}
		return f
	},
	"E04": func(f PledgeFacts) PledgeFacts {
		paid := 11
		f.Fees = FeeAccount{Kind: Invention, Filing: calendar.MustParse("2015-03-01"), Granted: f.State.Granted, PaidThrough: &paid}.On(f.State.On, calendar.Shipped())
		return f
	},
	"E05": func(f PledgeFacts) PledgeFacts { return with(f, ev("PP01", "2026-01-01")) },
	"E06": func(f PledgeFacts) PledgeFacts { f.Maturity = f.Expiry; return f },
	"E07": func(f PledgeFacts) PledgeFacts { f.Contract = []string{"parties", "debt", "patents"}; return f },
	"E08": func(f PledgeFacts) PledgeFacts {
		f.State.Owners = []string{"甲科技（上海）有限公司", "某大学"}
		f.Pledgors, f.CoOwnerConsent = f.State.Owners, No
		return f
	},
	"E09": func(f PledgeFacts) PledgeFacts {
		e := ev("PE01", "2025-01-01")
		e.Registration, e.Party = "Y2025310000001", "某银行"
		return with(f, e)
	},
	"E10": func(f PledgeFacts) PledgeFacts { f.Twin = Yes; return f },
	"E11": func(f PledgeFacts) PledgeFacts { return with(f, ev("IF01", "2026-02-01")) },
	"E12": func(f PledgeFacts) PledgeFacts {
		f.Other = "专利涉及国家安全或者重大利益，须先经批准"
		return f
	},
}

func TestTwelveGrounds(t *testing.T) {
	t.Parallel()
	if e := CheckPledge(eligible()); e.Verdict != Eligible {
		t.Fatalf("the clean case: %+v", e)
	}
	for _, g := range Grounds {
		facts := spoilt[g.Code](eligible())
		got := CheckPledge(facts)
		for _, x := range got.Findings {
			if (x.Outcome == Met) != (x.Code == g.Code) {
				t.Errorf("%s: %s is %s", g.Code, x.Code, x.Outcome)
			}
		}
		// A declaration clears E10 and E11 and nothing else.
		facts.Declarations = map[string]string{g.Code: "当事人已知悉并声明"}
		if cleared := CheckPledge(facts).Verdict == Eligible; cleared != (g.Code == "E10" || g.Code == "E11") {
			t.Errorf("%s cleared by a declaration: %t", g.Code, cleared)
		}
		facts.Declarations = nil
		body, err := json.MarshalIndent(map[string]any{"facts": facts, "answer": got}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		body = append(body, '\n')
		file := filepath.Join("testdata", "pledge", g.Code+".json")
		if *update {
			if err := os.WriteFile(file, body, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body, want) {
			t.Errorf("%s differs; run with -update and read the difference", file)
		}
	}
}

func TestUnknownFactsAreNotClear(t *testing.T) {
	t.Parallel()
	e := CheckPledge(PledgeFacts{State: Reduce(nil, calendar.MustParse("2026-06-01"))})
	if e.Verdict != Supplement {
		t.Errorf("nothing known: %s", e.Verdict)
	}
	for _, x := range e.Findings {
		if x.Outcome != Open || x.Supply == "" {
			t.Errorf("%s: %s, supply %q", x.Code, x.Outcome, x.Supply)
		}
	}
}

func TestUses(t *testing.T) {
	t.Parallel()
	free := eligible().State
	answer := func(s State, h Holdings) (out string) {
		for _, u := range Uses(s, h) {
			out += map[Allowance]string{Allowed: "+", WithConsent: "c", Forbidden: "-", NotKnown: "?"}[u.Allowed]
		}
		return out
	}
	licensed := with(eligible(), Event{Code: "EE01", Effective: on("2020-01-01"), Registration: "x", LicenceKind: "独占许可"}).State
	for name, c := range map[string]struct{ got, want string }{
		// transfer, license, open licence, pledge, securitise
		"free":      {answer(free, Holdings{}), "+++++"},
		"pledged":   {answer(spoilt["E09"](eligible()).State, Holdings{}), "ccc-c"},
		"preserved": {answer(spoilt["E05"](eligible()).State, Holdings{}), "-----"},
		"licensed":  {answer(licensed, Holdings{}), "+--++"},
		"pool":      {answer(free, Holdings{Pools: []string{"p"}}), "ccc--"},
		"leased":    {answer(free, Holdings{Lessor: "某租赁公司"}), "-c---"},
		"dead":      {answer(spoilt["E02"](eligible()).State, Holdings{}), "-----"},
		"unknown":   {answer(Reduce(nil, on("2026-01-01")), Holdings{}), "?????"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
}
