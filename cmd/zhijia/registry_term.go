package main

import (
	"fmt"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

type registryTermCmd struct {
	Kind        string `required:"" enum:"invention,utility_model,design" help:"invention, utility_model or design."`
	Filing      string `required:"" help:"Filing date, YYYY-MM-DD; not the priority date."`
	Examination string `help:"Day the request for examination took effect."`
	Grant       string `help:"Day of grant."`
	Reasonable  int    `help:"Days of reasonable delay."`
	Applicant   int    `help:"Days of delay the applicant caused."`
	Twin        bool   `help:"A utility model on the same invention was filed the same day."`
	Approval    string `help:"Day a new drug was approved."`
}

func (c *registryTermCmd) Help() string {
	return "Works the term out from dates. Days of adjustment and extension count only once the office granted them; these are what the facts would give."
}

// term is the answer; days are what the facts would give, 0 without them.
type term struct {
	Years      int           `json:"years"`
	Article    string        `json:"article,omitempty"` // that the years rest on
	Adjustment int           `json:"adjustment_days"`
	AskBy      calendar.Date `json:"adjustment_request_by,omitzero"`
	Extension  int           `json:"extension_days"`
	Expiry     calendar.Date `json:"expiry"`
	Last       calendar.Date `json:"last_protected_day"`
}

// Run prints the term.
func (c *registryTermCmd) Run(g *Globals) error {
	var dates [4]calendar.Date
	for i, x := range []struct{ name, text string }{{"--filing", c.Filing}, {"--examination", c.Examination}, {"--grant", c.Grant}, {"--approval", c.Approval}} {
		var err error
		if dates[i], err = optionalDate(x.name, x.text); err != nil {
			return err
		}
	}
	filing, examination, grant, approval := dates[0], dates[1], dates[2], dates[3]
	if c.Reasonable < 0 || c.Applicant < 0 || !grant.IsZero() && grant.Before(filing) {
		return fault.New(fault.Invalid, "term.facts", "授权日不得早于申请日，延迟天数不得为负。", "A grant may not lie before the filing, and delays may not be negative.")
	}
	kind := patent.Kind(c.Kind)
	t := term{Years: patent.TermYears(kind, filing), Article: patent.TermArticle(kind, filing), Adjustment: patent.Adjustment(kind, filing, examination, grant, c.Reasonable, c.Applicant, c.Twin)}
	if t.Adjustment > 0 {
		t.AskBy = patent.AdjustmentBy(grant, g.days)
	}
	if kind == patent.Invention {
		t.Extension = patent.Extension(filing, approval, t.Adjustment)
	}
	t.Expiry = patent.Expiry(kind, filing, t.Adjustment+t.Extension)
	t.Last = t.Expiry.AddDays(-1)
	if g.JSON {
		return g.print(t)
	}
	fmt.Fprintf(g.stdout, "保护期 %d 年（%s），期限补偿 %d 天，药品期限补偿 %d 天；最后受保护日 %s\n", t.Years, t.Article, t.Adjustment, t.Extension, t.Last)
	if !t.AskBy.IsZero() {
		fmt.Fprintf(g.stdout, "期限补偿最迟于 %s 提出请求；补偿天数以国家知识产权局的决定为准。\n", t.AskBy)
	}
	return nil
}
