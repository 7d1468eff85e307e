package patent

import (
	"math/rand/v2"
	"reflect"
	"slices"
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
