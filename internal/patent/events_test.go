package patent

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
)

func on(s string) calendar.Date { return calendar.MustParse(s) }

func TestReduce(t *testing.T) {
	t.Parallel()
	events := []Event{
		{Code: "SE01", Effective: on("2011-01-05")},
		{Code: "GR01", Effective: on("2012-06-06"), After: []string{"某大学"}},
		{Code: "PE01", Effective: on("2014-03-01"), Gazette: on("2014-03-26"), Registration: "2014990000123", Party: "某银行"},
		{Code: "PC01", Effective: on("2015-03-01"), Registration: "2014990000123"},
		{Code: "TR01", Effective: on("2016-01-01"), Before: []string{"某大学"}, After: []string{"某某（上海）有限公司"}},
		{Code: "CF01", Effective: on("2018-07-01"), Gazette: on("2019-02-01")},
		{Code: "RR01", Effective: on("2019-06-01")},
		{Code: "IW01", Effective: on("2021-01-01")},
	}
	for day, want := range map[string]struct {
		standing Standing
		pledged  Truth
		owner    string
	}{
		"2010-01-01": {Unknown, DontSay, ""},
		"2012-06-05": {Pending, DontSay, ""},
		"2012-06-06": {Alive, No, "某大学"},
		"2014-03-10": {Alive, No, "某大学"}, // registered, not yet public
		"2014-03-26": {Alive, Yes, "某大学"},
		"2015-03-01": {Alive, No, "某大学"},
		"2017-01-01": {Alive, No, "某某（上海）有限公司"},
		"2018-12-01": {Alive, No, "某某（上海）有限公司"}, // lapsed, not yet public
		"2019-02-01": {Dead, No, "某某（上海）有限公司"},
		"2019-06-01": {Alive, No, "某某（上海）有限公司"},
		"2026-01-01": {Dead, No, "某某（上海）有限公司"},
	} {
		s := Reduce(events, on(day))
		owner := ""
		if len(s.Owners) > 0 {
			owner = s.Owners[0]
		}
		if s.Standing != want.standing || s.Pledged != want.pledged || owner != want.owner {
			t.Errorf("%s: %s %s %s, want %+v", day, s.Standing, s.Pledged, owner, want)
		}
		if len(s.Conflicts) > 0 {
			t.Errorf("%s: %v", day, s.Conflicts)
		}
	}
}

func TestContradictionsAreReported(t *testing.T) {
	t.Parallel()
	grant := Event{Code: "GR01", Effective: on("2012-06-06"), After: []string{"甲公司"}}
	for name, e := range map[string]Event{
		"second pledge's end": {Code: "PC01", Effective: on("2014-01-01"), Registration: "x"},
		"restored alive":      {Code: "RR01", Effective: on("2014-01-01")},
		"wrong owner":         {Code: "TR01", Effective: on("2014-01-01"), Before: []string{"乙公司"}, After: []string{"丙公司"}},
		"granted twice":       {Code: "GR01", Effective: on("2014-01-01")},
		"refused after grant": {Code: "RJ01", Effective: on("2014-01-01")},
		"released unseized":   {Code: "PD01", Effective: on("2014-01-01")},
	} {
		if s := Reduce([]Event{grant, e}, on("2020-01-01")); len(s.Conflicts) != 1 {
			t.Errorf("%s: %v", name, s.Conflicts)
		}
	}
}

func drawEvents(t *rapid.T) []Event {
	codes := make([]string, 0, len(Codes))
	for c := range Codes {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Event {
		d := on("2010-01-01").AddDays(rapid.IntRange(0, 4000).Draw(t, "day"))
		return Event{
			Code: rapid.SampledFrom(codes).Draw(t, "code"), Effective: d, Gazette: d.AddDays(rapid.IntRange(0, 90).Draw(t, "lag")),
			Registration: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "registration"),
			After:        rapid.SampledFrom([][]string{nil, {"甲"}, {"乙", "丙"}}).Draw(t, "after"),
		}
	}), 0, 20).Draw(t, "events")
}

func TestOrderOfArrivalAndRepeatsDoNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		day := on("2010-01-01").AddDays(rapid.IntRange(0, 4200).Draw(t, "on"))
		want := Reduce(events, day)
		again := slices.Concat(events, events)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got := Reduce(again, day); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v\n%+v", got, want)
		}
		// What is not yet public on the day changes nothing about the day.
		later := Event{Code: "IW01", Effective: day.AddDays(1)}
		if got := Reduce(append(slices.Clone(events), later), day); !reflect.DeepEqual(got, want) {
			t.Fatal("a later event changed an earlier day")
		}
	})
}

func TestRestorationRestores(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grant := on("2012-01-01")
		lapse := grant.AddDays(rapid.IntRange(1, 2000).Draw(t, "lapse"))
		restore := lapse.AddDays(rapid.IntRange(1, 300).Draw(t, "restore"))
		s := Reduce([]Event{{Code: "RR01", Effective: restore}, {Code: "CF01", Effective: lapse}, {Code: "GR01", Effective: grant}}, restore)
		if s.Standing != Alive || len(s.Conflicts) > 0 {
			t.Fatalf("%+v", s)
		}
	})
}

// A registration is its number: how many sources tell of it, how they spell
// number and party, and in which order they arrive changes nothing; one
// cancellation ends it. Another number is another registration.
func TestRegistrationToldTwice(t *testing.T) {
	t.Parallel()
	pledge := func(number, party, source string) Event {
		return Event{Code: "PE01", Effective: on("2021-01-01"), Registration: number, Party: party, Source: source}
	}
	base := []Event{{Code: "GR01", Effective: on("2020-01-01")}}
	end := Event{Code: "PC01", Effective: on("2024-01-01"), Registration: "Y2021110000001"}
	for name, c := range map[string]struct {
		events  []Event
		pledged Truth
		open    int
	}{
		"two sources":              {[]Event{pledge("Y2021110000001", "甲银行股份有限公司", "gazette"), pledge("Y2021110000001", "甲银行", "file"), end}, No, 0},
		"spelt otherwise":          {[]Event{pledge("Y2021 1100 0000 1", "", ""), pledge("质押登记号：ｙ２０２１１１００００００１", "", ""), pledge("Y2021-110000001", "", ""), end}, No, 0},
		"told later by another":    {[]Event{pledge("Y2021110000001", "甲银行", ""), {Code: "PE01", Effective: on("2021-01-20"), Registration: "Y2021110000001"}, end}, No, 0},
		"one source has no number": {[]Event{pledge("Y2021110000001", "甲银行股份有限公司", ""), pledge("", "甲银行", ""), end}, No, 0},
		"cancelled without number": {[]Event{pledge("Y2021110000001", "甲银行", ""), {Code: "PC01", Effective: on("2024-01-01")}}, No, 0},
		"cancelled twice":          {[]Event{pledge("Y2021110000001", "甲银行", ""), end, {Code: "PC01", Effective: on("2024-01-09"), Registration: "Y2021110000001"}}, No, 0},
		"another registration":     {[]Event{pledge("Y2021110000001", "甲银行", ""), pledge("Y2021110000002", "甲银行", ""), end}, Yes, 1},
		"another bank, no numbers": {[]Event{pledge("", "甲银行", ""), pledge("", "乙银行", ""), {Code: "PC01", Effective: on("2024-01-01")}}, Yes, 2},
		"pledged anew":             {[]Event{pledge("Y2021110000001", "甲银行", ""), end, {Code: "PE01", Effective: on("2025-01-01"), Registration: "Y2025110000009"}}, Yes, 1},
	} {
		events := append(slices.Clone(base), c.events...)
		for range 2 {
			s := Reduce(events, on("2026-01-01"))
			if s.Pledged != c.pledged || len(s.Pledges) != c.open {
				t.Errorf("%s: pledged %s, %+v, %v", name, s.Pledged, s.Pledges, s.Conflicts)
			}
			slices.Reverse(events)
		}
	}
	// Licences, preservations and transfers are told twice as well.
	s := Reduce(append(slices.Clone(base),
		Event{Code: "EE01", Effective: on("2021-01-01"), Registration: "X2021110000001", Party: "甲公司", Source: "a"},
		Event{Code: "EE01", Effective: on("2021-01-01"), Registration: "X2021110000001", Party: "甲科技公司", Source: "b"},
		Event{Code: "EC01", Effective: on("2022-01-01"), Registration: "X2021110000001"},
		Event{Code: "PP01", Effective: on("2021-01-01"), Registration: "（2021）沪01执保1号"},
		Event{Code: "PP01", Effective: on("2021-02-01"), Registration: "（2021）沪01执保2号"},
		Event{Code: "PD01", Effective: on("2022-01-01"), Registration: "（2021）沪01执保1号"},
		Event{Code: "TR01", Effective: on("2023-01-01"), Before: []string{"甲公司"}, After: []string{"乙公司"}, Source: "a"},
		Event{Code: "TR01", Effective: on("2023-01-01"), Before: []string{"甲公司"}, After: []string{"乙 公司"}, Source: "b"},
	), on("2026-01-01"))
	if len(s.Licences) != 0 || s.Preserved != Yes || s.Transfers != 1 || len(s.Conflicts) != 0 {
		t.Errorf("licences %v, preserved %s, transfers %d, conflicts %v", s.Licences, s.Preserved, s.Transfers, s.Conflicts)
	}
}

// Whatever sources repeat, the open registrations are the numbers entered and
// not cancelled.
func TestRegistrationsAreTheirNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := []Event{{Code: "GR01", Effective: on("2015-01-01")}}
		open := map[string]bool{}
		for i := range rapid.IntRange(0, 5).Draw(t, "registrations") {
			number := fmt.Sprintf("Y20%02d11000000%d", 16+i, i)
			day := on("2016-01-01").AddDays(100 * i)
			for range rapid.IntRange(1, 3).Draw(t, "sources") {
				events = append(events, Event{Code: "PE01", Effective: day, Registration: rapid.SampledFrom([]string{number, strings.ToLower(number), number[:5] + " " + number[5:]}).Draw(t, "spelling"), Party: rapid.SampledFrom([]string{"", "甲银行", "甲银行股份有限公司"}).Draw(t, "party")})
			}
			if open[number] = rapid.Bool().Draw(t, "open"); !open[number] {
				for range rapid.IntRange(1, 2).Draw(t, "cancellations") {
					events = append(events, Event{Code: "PC01", Effective: day.AddDays(50), Registration: number})
				}
				delete(open, number)
			}
		}
		events = rapid.Permutation(events).Draw(t, "order")
		s := Reduce(events, on("2026-01-01"))
		want := No
		if len(open) > 0 {
			want = Yes
		}
		if len(s.Pledges) != len(open) || s.Pledged != want {
			t.Fatalf("%d open, told %+v, pledged %s", len(open), s.Pledges, s.Pledged)
		}
	})
}
