package patent

import (
	"slices"
	"strings"
	"testing"

	"zhijia/internal/calendar"
)

func TestDossier(t *testing.T) {
	t.Parallel()
	n, err := ParseNumber("201310543019.6")
	if err != nil {
		t.Fatal(err)
	}
	paid := 13
	r := Record{
		Number: n, Title: "一种电池", Kind: Invention, IPC: []string{"H01M 10/0525", "C01B 32/05"}, Filing: on("2013-11-05"), Grant: on("2016-05-04"),
		Owners: []string{"甲公司"}, PaidThrough: &paid, Source: "import", SourceDate: on("2026-01-10"),
	}
	events := []Event{
		{Code: "GR01", Effective: on("2016-05-04"), After: []string{"甲公司"}, Source: "gazette"},
		{Code: "PE01", Effective: on("2025-06-01"), Registration: "Y1", Party: "某银行", Source: "gazette"},
	}
	d := Assemble(r, events, Holdings{}, PledgeFacts{Pledgors: []string{"甲公司"}, Maturity: on("2028-01-01")}, on("2026-06-01"), calendar.Shipped())
	if d.StandingZh != "有效" || d.Fees.Status != FeesPaid || d.CostToKeep == nil || *d.CostToKeep != (6000*2+8000*5)*100 {
		t.Errorf("%s %s %v", d.StandingZh, d.Fees.Status, d.CostToKeep)
	}
	if d.Term.LastProtected != on("2033-11-04") || d.Eligibility.Verdict != Refused || d.IPC[0].Symbol != "C01B 32/05" {
		t.Errorf("%+v %s %+v", d.Term, d.Eligibility.Verdict, d.IPC)
	}
	for _, s := range d.Statements {
		if s.Source == "" {
			t.Errorf("%s has no source", s.Key)
		}
	}
	// Asked about a day before the pledge and before the record was made.
	d = Assemble(r, events, Holdings{}, PledgeFacts{}, on("2020-01-01"), calendar.Shipped())
	if d.State.Pledged != No || d.Fees.Year != 8 || len(d.Conflicts) > 0 {
		t.Errorf("2020: pledged %s, next fee of year %d, %v", d.State.Pledged, d.Fees.Year, d.Conflicts)
	}
	// Nothing on file is not "no".
	d = Assemble(Record{Number: n, Source: "number"}, nil, Holdings{}, PledgeFacts{}, on("2026-06-01"), calendar.Shipped())
	if d.StandingZh != "未知" || len(d.Missing) < 6 || d.Eligibility.Verdict != Supplement {
		t.Errorf("nothing known: %s, %d gaps, %s", d.StandingZh, len(d.Missing), d.Eligibility.Verdict)
	}
	// Contradictions are named.
	r.Filing, r.Grant = on("2014-11-05"), on("2016-05-11")
	paid = 9
	d = Assemble(r, events[:1], Holdings{}, PledgeFacts{}, on("2026-06-01"), calendar.Shipped())
	for _, want := range []string{"年份2013", "授权日", "没有终止公告"} {
		if !slices.ContainsFunc(d.Conflicts, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("no conflict about %s in %v", want, d.Conflicts)
		}
	}
	// A divisional application is numbered later than its filing date.
	r.Filing = on("2011-11-05")
	for _, c := range Assemble(r, events[:1], Holdings{}, PledgeFacts{}, on("2026-06-01"), calendar.Shipped()).Conflicts {
		if strings.Contains(c, "年份") {
			t.Errorf("an earlier filing date is a divisional's: %s", c)
		}
	}
}

func TestIPCTitles(t *testing.T) {
	t.Parallel()
	got := SortIPC([]string{"H01M 10/0525", "not one", "H01M 4/02", "A61K", "H01M 10/05", "H01M 4/02"})
	want := []string{"A61K", "H01M 4/02", "H01M 10/05", "H01M 10/0525"}
	if len(got) != len(want) {
		t.Fatal(got)
	}
	for i := range want {
		if got[i].String() != want[i] {
			t.Errorf("%d: %s, want %s", i, got[i], want[i])
		}
	}
	if x := SectionTitle("H"); x.Zh != "电学" || x.En != "Electricity" {
		t.Error(x)
	}
	if x := ClassTitle("H01"); x.Zh != "电气元件" || x.En != "Electric elements" {
		t.Error(x)
	}
	if x := ClassTitle("Z99"); x.Zh != "" {
		t.Error(x)
	}
}

// Every section and class of the classification (2024.01) has both titles.
func TestIPCTitlesAreComplete(t *testing.T) {
	t.Parallel()
	classes := map[string]string{
		"A": "01 21-24 41-47 61-63 99", "B": "01-09 21-33 41-44 60-68 81 82 99", "C": "01-14 21-23 25 30 40 99", "D": "01-07 21 99",
		"E": "01-06 21 99", "F": "01-04 15-17 21-28 41 42 99", "G": "01-12 16 21 99", "H": "01-05 10 99",
	}
	n := 0
	for section, runs := range classes {
		if x := SectionTitle(section); x.Zh == "" || x.En == "" {
			t.Errorf("%s: %+v", section, x)
		}
		for _, run := range strings.Fields(runs) {
			from, to, found := strings.Cut(run, "-")
			if !found {
				to = from
			}
			for k := atoi(from); k <= atoi(to); k++ {
				class := section + string(rune('0'+k/10)) + string(rune('0'+k%10))
				if x := ClassTitle(class); x.Zh == "" || x.En == "" || x.Zh == x.En {
					t.Errorf("%s: %+v", class, x)
				}
				n++
			}
		}
	}
	if n != 132 || len(ipcTitles) != n+len(classes) {
		t.Errorf("%d classes, %d titles", n, len(ipcTitles))
	}
}
