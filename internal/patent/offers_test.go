package patent

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestOfferAgainst(t *testing.T) {
	t.Parallel()
	offer := func(p Product, reference, party string) Offer { return Offer{"CN1", p, reference, party, ""} }
	const code = "91350100M000100Y43"
	for name, c := range map[string]struct {
		earlier, later Offer
		code           string
		allowed        Allowance
	}{
		"two borrowers":         {offer(ByPledge, "A", "甲有限公司"), offer(ByPledge, "B", "乙有限公司"), "double_offer", Forbidden},
		"two borrowers, leased": {offer(ByLease, "A", "甲有限公司"), offer(ByPledge, "B", "乙有限公司"), "double_offer", Forbidden},
		"same contract":         {offer(ByPledge, "A", "甲有限公司"), offer(ByPledge, "A", "甲 有限责任公司"), "", ""},
		"second pledge":         {offer(ByPledge, "A", "甲有限公司"), offer(ByPledge, "B", "甲有限公司"), "second_use", Forbidden},
		"pledged, then pool":    {offer(ByPledge, "A", "甲有限公司"), offer(ByPool, "B", "甲有限公司"), "consent", WithConsent},
		"pledged and insured":   {offer(ByPledge, "A", "甲有限公司"), offer(ByInsurance, "B", "乙银行"), "", ""},
		"fund, then pledge":     {offer(ByFund, "A", "甲基金"), offer(ByPledge, "B", "乙有限公司"), "", ""},
		"pool, then pledge":     {offer(ByPool, "A", "甲有限公司"), offer(ByPledge, "B", "甲有限公司"), "second_use", Forbidden},
		"two pools":             {offer(ByPool, "A", "甲有限公司"), offer(ByPool, "B", "甲有限公司"), "second_use", Forbidden},
		"leased, then pledge":   {offer(ByLease, "A", "甲有限公司"), offer(ByPledge, "B", "甲有限公司"), "second_use", Forbidden},
		"pledged, then licence": {offer(ByPledge, "A", "甲有限公司"), offer(ByLicence, "B", "甲有限公司"), "consent", WithConsent},
		"leased, then licence":  {offer(ByLease, "A", "甲有限公司"), offer(ByLicence, "B", "甲有限公司"), "consent", WithConsent},
		"exclusive, pledge":     {offer(ByExclusiveLicence, "A", "甲有限公司"), offer(ByPledge, "B", "甲有限公司"), "after_exclusive", Allowed},
		"exclusive, licence":    {offer(ByExclusiveLicence, "A", "甲有限公司"), offer(ByLicence, "B", "甲有限公司"), "after_exclusive", Forbidden},
		"licence, pledge":       {offer(ByLicence, "A", "甲有限公司"), offer(ByPledge, "B", "甲有限公司"), "", ""},
		"licence, exclusive":    {offer(ByLicence, "A", "甲有限公司"), offer(ByExclusiveLicence, "B", "甲有限公司"), "consent", WithConsent},
		"one code, two names":   {Offer{"CN1", ByPledge, "A", "甲公司", code}, Offer{"CN1", ByPledge, "A", "乙公司", code}, "", ""},
	} {
		got, found := c.later.Against(c.earlier)
		if got.Code != c.code || got.Allowed != c.allowed || found != (c.code != "") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Who came first does not decide whether two parties meet.
func TestTwoPartiesAlwaysMeet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label, party string) Offer {
			return Offer{"CN1", rapid.SampledFrom(slices.DeleteFunc(slices.Clone(Products), func(p Product) bool { return !p.Burdens() })).Draw(t, label), rapid.SampledFrom([]string{"A", "B"}).Draw(t, label+" ref"), party, ""}
		}
		a, b := draw("a", "甲(上海)有限公司"), draw("b", "乙有限公司")
		x, _ := a.Against(b)
		y, _ := b.Against(a)
		if x.Code != "double_offer" || y.Code != "double_offer" {
			t.Fatalf("%+v, %+v", x, y)
		}
		again := a
		again.Party = "甲 （上海） 有限责任公司"
		if x, found := again.Against(a); found {
			t.Fatalf("the same offer: %+v", x)
		}
	})
}
