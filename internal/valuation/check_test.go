package valuation

import (
	"errors"
	"slices"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

func on(s string) calendar.Date { return calendar.MustParse(s) }

// What cannot be true is refused by field, what may be a slip is flagged, and
// what is right passes in silence.
func TestChecksBeforeValuing(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		p       terms.Patent
		legal   LegalState
		licence float64
		field   string // refused
		flag    string
	}{
		"right":                       {p: terms.Patent{Number: "CN201810000001.4", Kind: patent.Invention, Filing: on("2018-03-01"), Grant: on("2020-03-01"), Expiry: on("2038-03-01")}},
		"the last protected day":      {p: terms.Patent{Kind: patent.Invention, Filing: on("2018-03-01"), Expiry: on("2038-02-28")}},
		"an adjusted term":            {p: terms.Patent{Kind: patent.Invention, Filing: on("2018-03-01"), Expiry: on("2039-01-15")}},
		"a design of the old law":     {p: terms.Patent{Kind: patent.Design, Filing: on("2019-03-01"), Expiry: on("2029-03-01")}},
		"a design of the new law":     {p: terms.Patent{Kind: patent.Design, Filing: on("2022-03-01"), Expiry: on("2037-03-01")}},
		"filed on T":                  {p: terms.Patent{Kind: patent.Invention, Filing: on("2026-01-01")}},
		"filed after T":               {p: terms.Patent{Kind: patent.Invention, Filing: on("2026-01-02")}, field: "subject[0].filing_date"},
		"granted before filed":        {p: terms.Patent{Kind: patent.Invention, Filing: on("2018-03-01"), Grant: on("2018-02-28")}, field: "subject[0].grant_date"},
		"granted on T":                {p: terms.Patent{Kind: patent.Invention, Filing: on("2018-03-01"), Grant: on("2026-01-01")}, flag: "CHK-GRANT"},
		"ends when filed":             {p: terms.Patent{Kind: patent.Invention, Filing: on("2018-03-01"), Expiry: on("2018-03-01")}, field: "subject[0].expiry_date"},
		"too short a term":            {p: terms.Patent{Kind: patent.UtilityModel, Filing: on("2018-03-01"), Expiry: on("2027-03-01")}, flag: "CHK-EXPIRY"},
		"a utility model of 20 years": {p: terms.Patent{Kind: patent.UtilityModel, Filing: on("2018-03-01"), Expiry: on("2038-03-01")}, flag: "CHK-EXPIRY"},
		"the number's kind":           {p: terms.Patent{Number: "CN201820000001.X", Kind: patent.Invention}, field: "subject[0].kind"},
		"the number's year":           {p: terms.Patent{Number: "CN201810000001.4", Kind: patent.Invention, Filing: on("2017-03-01")}, flag: "CHK-YEAR"},
		"alive after its end":         {p: terms.Patent{Number: "A", Kind: patent.UtilityModel, Filing: on("2015-03-01")}, legal: LegalState{Number: "A", State: Alive}, flag: "CHK-ALIVE"},
		"a licence beyond the term":   {p: terms.Patent{Kind: patent.UtilityModel, Filing: on("2018-03-01")}, licence: 3, flag: "CHK-TERM"},
		"a licence within the term":   {p: terms.Patent{Kind: patent.UtilityModel, Filing: on("2018-03-01")}, licence: 2},
	} {
		asg := Assignment{Subject: []terms.Patent{c.p}, Purpose: terms.PurposeAssignment, Date: on("2026-01-01")}
		if c.licence > 0 {
			asg.Purpose, asg.LicenceTerm = terms.PurposeLicence, &c.licence
		}
		out, err := Conclude(asg, Evidence{Legal: []LegalState{c.legal}}, DefaultAssumptions())
		var f *fault.Error
		switch errors.As(err, &f); {
		case c.field == "" && err != nil:
			t.Errorf("%s: refused: %v", what, err)
		case c.field != "" && (f == nil || !slices.ContainsFunc(f.Fields, func(x fault.Field) bool { return x.Field == c.field })):
			t.Errorf("%s: %v, want a fault at %s", what, err, c.field)
		}
		var flags []string
		for _, x := range out.Flags {
			if len(x.Code) > 4 && x.Code[:4] == "CHK-" {
				flags = append(flags, x.Code)
			}
		}
		if c.flag == "" && len(flags) > 0 || c.flag != "" && !slices.Contains(flags, c.flag) {
			t.Errorf("%s: flags %v, want %q", what, flags, c.flag)
		}
	}
}

// A number alone tells that the right must have ended, and from which day.
func TestDeadByTheNumbersYear(t *testing.T) {
	t.Parallel()
	for number, end := range map[string]string{"CN200510000001.7": "2025-12-31", "CN201520000001.6": "2025-12-31"} {
		n, err := patent.ParseNumber(number)
		if err != nil {
			t.Fatal(err)
		}
		for days, zero := range map[int]bool{-1: false, 0: true, 1: true} {
			asg := Assignment{Subject: []terms.Patent{{Number: n.String(), Kind: n.Kind}}, Purpose: terms.PurposePledge, Date: on(end).AddDays(days), Owner: terms.OwnerFirm}
			c, err := Conclude(asg, Evidence{}, DefaultAssumptions())
			if err != nil || (c.Status == Zero) != zero {
				t.Errorf("%s, %d days from %s: %s, %v", number, days, end, c.Status, err)
			}
		}
	}
}
