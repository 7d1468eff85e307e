package patent

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Every form in which registers, offices' services and vendors write a number
// leads to one key. The forms are those of public pages and recordings; the
// check digits X and 1 of the first two lines are printed by Google.
func TestFormsOfOneNumber(t *testing.T) {
	t.Parallel()
	for key, forms := range map[Key][]string{
		"CN201711161723.X": {"CN201711161723.XA", "CN 201711161723 A", "cn.201711161723.a", "CN_201711161723_A", "CN-201711161723-A", "CN201711161723A", "CN201711161723", "ZL 2017 1 1161723.X", "201711161723X", "CN201711161723XA"},
		"CN201610920041.1": {"CN201610920041.1A", "CN20161920041", "CN20161920041A", "CN 201610920041 A", "2016109200411", "CN2016109200411A"},
		"CN201310543019.6": {"CN201310543019A", "CN20131543019", "CN 201310543019 A 20131105", "CN.201310543019.A.20131105"},
		"CN202011234567.7": {"CN202011234567", "CN 202011234567 A", "202011234567.7", "CN202011234567.7A"},
		"CN202022345678.7": {"CN202022345678U", "CN202022345678A", "CN 202022345678 U", "CN202022345678.7U"},
		"CN201320123456.8": {"CN20132123456U", "CN20132123456", "CN201320123456.8U"},
		"CN202030123456.3": {"CN 202030123456 S", "CN202030123456.3S"},
		"CN85100001.0":     {"85100001", "ZL85100001", "CN85100001A", "CN85100001B", "CN 85100001 A", "CN-85100001-B", "CN.85100001.A.19860101", "CN85100001.0"},
		"CN86300001.0":     {"CN86300001S", "86300001"},
		"CN95115608.X":     {"95115608.X", "CN95115608.XA", "ZL 95 1 15608.X"},
		"CN116012345B":     {"CN116012345B", "CN-116012345-B", "CN 116012345 B", "CN.116012345.B", "CN_116012345_B_20240806", "CN116012345B8", "cn 116012345 b9", "CN116012345(B)"},
		"CN100378905C":     {"CN100378905C", "CN100378905C1", "CN.100378905.C"},
		"PCT/CN2016/079715": {
			"PCT/CN2016/079715", "WO2016CN79715", "WO2016CN079715", "CN 2016079715 W", "CN2016079715W", "CN.2016079715.W", "PCTCN2016079715", "WO2016CN79715W",
		},
		"PCT/CN1999/000123": {"PCT/CN99/00123", "PCT/CN1999/00123", "WO1999CN00123", "CN 9900123 W"},
		"EP12345678":        {"EP12345678.9", "EP12345678"},
		"JP2006147056A":     {"JP.(2006-147056).A.20060526", "JP2006-147056A", "JP 2006147056 A"},
		"US6199157B":        {"US 6,199,157 B1", "US.6199157.B1", "US-6199157-B1"},
	} {
		var first Number
		for i, form := range forms {
			n, err := ParseNumber(form)
			if err != nil || n.Key() != key {
				t.Errorf("%q: key %s, %v; want %s", form, n.Key(), err, key)
				continue
			}
			if i == 0 {
				first = n
			}
			if got := Relate(first, n); got != OnePatent {
				t.Errorf("%q and %q: %s", forms[0], form, got)
			}
		}
	}
}

// Forms that cannot be converted are refused with the way out, never guessed.
func TestFormsRefused(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]string{
		"CN19951015608": "number.epodoc_early", "CN20031012345": "number.epodoc_early", "CN1995115608": "number.length",
		"201710601862": "number.check_digit_missing", "CN201710601862B": "number.application_code", "CN202022345678.7S": "number.application_code",
		"CN201711161723.1A": "number.check_digit", "CN2017111617231A": "number.check_digit", "CN201741161723A": "number.type_digit", "CN99912345W": "number.publication_year",
		"CN.116012345.B.20240231": "number.shape", "CN_116012345": "number.characters", "CN95115608A": "number.publication_year", "WO2016CN": "number.foreign_shape",
	} {
		n, err := ParseNumber(form)
		got, _, _ := strings.Cut(fmt.Sprint(err), ":")
		if got != want {
			t.Errorf("%q: %s, %v; want %s", form, n, err, want)
		}
	}
}

// What only a register can tell is possibly one, whichever comes first.
func TestRelate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want Relation
	}{
		{"CN103575513A", "CN103575513B", PossiblyOne},
		{"CN103575513", "CN103575513B", PossiblyOne},
		{"CN103575513B", "CN103575513B8", OnePatent},
		{"CN103575513B", "CN103575514B", TwoPatents},
		{"CN103575513A", "CN103575514B", TwoPatents},
		{"CN1234567A", "CN100378905C", PossiblyOne},
		{"CN201310543019.6", "CN103575513B", PossiblyOne},
		{"CN201310543019.6", "CN203575513U", TwoPatents},
		{"CN201310543019.6", "CN201710601862.3", TwoPatents},
		{"CN201680012345.1", "PCT/CN2016/079715", PossiblyOne},
		{"CN201580012345.9", "PCT/CN2016/079715", TwoPatents},
		{"CN201310543019.6", "PCT/CN2013/079715", TwoPatents},
		{"CN85100001A", "85100001", OnePatent},
		{"CN85100001A", "85100002", TwoPatents},
		{"EP1234567A1", "EP1234567B1", PossiblyOne},
		{"US6199157B1", "US6199157", PossiblyOne},
		{"US20100123456A1", "US6199157B1", TwoPatents},
		{"WO2019123456A1", "PCT/CN2019/123456", TwoPatents},
	} {
		a, errA := ParseNumber(computeDigit(c.a))
		b, errB := ParseNumber(computeDigit(c.b))
		if errA != nil || errB != nil {
			t.Fatal(c, errA, errB)
		}
		if got, back := Relate(a, b), Relate(b, a); got != c.want || back != c.want {
			t.Errorf("%s and %s: %s, %s; want %s", c.a, c.b, got, back, c.want)
		}
	}
}

// computeDigit replaces a made-up check digit by the computed one.
func computeDigit(s string) string {
	if digits, _, ok := strings.Cut(strings.TrimPrefix(s, "CN"), "."); ok && strings.HasPrefix(s, "CN20") {
		return "CN" + digits + "." + string(CheckDigit(digits))
	}
	return s
}

// Out of any number and in again: the forms of an application lead to its key
// wherever they exist, and no form of one number reads as another patent.
func TestFormsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(
			rapid.StringMatching(`20(0[4-9]|[12][0-9])[1238][0-9]{7}`), rapid.StringMatching(`20(0[4-9]|[12][0-9])9[0-9]{7}`), rapid.StringMatching(`(8[5-9]|9[0-9]|0[0-2])[12389][0-9]{5}`),
		).Draw(t, "digits")
		n, err := ParseNumber(number + "." + string(CheckDigit(number)))
		if err != nil {
			t.Fatal(err)
		}
		f := n.Forms()
		squashed := strings.NewReplacer(" ", "", ".", "").Replace
		for _, form := range []string{f.Office, f.DOCDB, f.EPODOC, f.Google, squashed(f.DOCDB), squashed(f.Office), "ZL" + f.Office, strings.ReplaceAll(f.DOCDB, " ", "."), strings.ReplaceAll(f.DOCDB, " ", "-"), strings.ToLower(f.Google)} {
			if form == "" {
				continue
			}
			if m, err := ParseNumber(form); err != nil || m.Key() != n.Key() || Relate(n, m) != OnePatent {
				t.Fatalf("%s is written %q, which reads as %s, %v", n, form, m, err)
			}
		}
		if len(number) == 12 && (f.DOCDB == "" || n.Kind != Design && f.EPODOC == "") {
			t.Fatalf("%s lacks a form: %+v", n, f)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`CN1(0[1-9]|1[0-9])[0-9]{6}[AB][89]?`), rapid.StringMatching(`CN2(0[2-9]|1[0-9])[0-9]{6}U`), rapid.StringMatching(`CN30[2-9][0-9]{6}S`),
			rapid.StringMatching(`CN1[0-9]{6}[ABC]`), rapid.StringMatching(`CN8[5-8]1[0-9]{5}[AB]`), rapid.StringMatching(`CN100[0-9]{6}C`),
		).Draw(t, "publication")
		n, err := ParseNumber(text)
		if err != nil {
			t.Fatal(err)
		}
		f := n.Forms()
		for _, form := range []string{f.Office, f.DOCDB, f.Google, f.Query, strings.ReplaceAll(f.DOCDB, " ", "."), strings.ReplaceAll(f.Query, "-", "_") + "_20240806"} {
			if m, err := ParseNumber(form); err != nil || m.Key() != n.Key() {
				t.Fatalf("%s is written %q, which reads as %s, %v", n, form, m, err)
			}
		}
		if m, err := ParseNumber(f.EPODOC); err != nil || Relate(n, m) == TwoPatents { // A documents have no letter there
			t.Fatalf("%s is %s in EPODOC, which reads as %s, %v", n, f.EPODOC, m, err)
		}
		if m, err := ParseNumber(string(n.Key())); err != nil || m.Key() != n.Key() {
			t.Fatalf("key %s reads as %s, %v", n.Key(), m, err)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		year := rapid.IntRange(1978, 2026).Draw(t, "year")
		serial := rapid.IntRange(1, 99_999).Draw(t, "serial")
		text := fmt.Sprintf("PCT/CN%d/%06d", year, serial)
		n, err := ParseNumber(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{n.Forms().EPODOC, n.Forms().DOCDB, string(n.Key())} {
			if m, err := ParseNumber(form); form != "" && (err != nil || m.Key() != n.Key()) {
				t.Fatalf("%s is written %q, which reads as %s, %v", text, form, m, err)
			}
		}
	})
}

// Two applications never share a key.
func TestKeysTellApplicationsApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.SliceOfNDistinct(rapid.StringMatching(`20(0[4-9]|[12][0-9])[12389][0-9]{7}`), 2, 2, rapid.ID[string]).Draw(t, "digits")
		var n [2]Number
		for i, d := range digits {
			var err error
			if n[i], err = ParseNumber("CN" + d); err != nil || !n[i].Computed {
				t.Fatal(n[i], err)
			}
		}
		if n[0].Key() == n[1].Key() || Relate(n[0], n[1]) != TwoPatents {
			t.Fatalf("%s and %s have one key", n[0], n[1])
		}
	})
}
