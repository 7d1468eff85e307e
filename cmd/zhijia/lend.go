package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// lendCmd evaluates the lending rules alone: no database.
type lendCmd struct {
	Policies   lendPoliciesCmd   `cmd:"" help:"Show the shipped policies and loss-sharing schemes with the source of each figure."`
	Check      lendCheckCmd      `cmd:"" help:"Decide rows that are valued already: {on, policy, rows} as JSON."`
	Adopt      lendAdoptCmd      `cmd:"" help:"Store a version of your own policy or loan product: a JSON file."`
	Programmes lendProgrammesCmd `cmd:"" help:"Show your loan products, what is drawn on each and what is left."`
	Release    lendReleaseCmd    `cmd:"" help:"Let go of what an accepted contract holds of a loan product."`
	Share      lendShareCmd      `cmd:"" help:"Share a net loss between the parties of a scheme, exact to the fen."`
	Quote      lendQuoteCmd      `cmd:"" help:"Expected loss of a loan and the shares of insurer and bank; the bank gives the PD."`
	Subsidy    lendSubsidyCmd    `cmd:"" help:"Interest subsidy of a loan, exact to the fen."`
	Cover      lendCoverCmd      `cmd:"" help:"Forecast a loan's cover as the patents' term runs down: JSON."`
	Statistics lendStatisticsCmd `cmd:"" help:"Report a ledger of pledges by period: JSON list of {period, amount, count}."`
}

type lendPoliciesCmd struct{}

// Run shows policies.
func (lendPoliciesCmd) Run(g *Globals) error {
	all := lending.Policies()
	if g.JSON {
		return g.print(map[string]any{"policies": all, "schemes": lending.Schemes()})
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "policy\tlabel\tinvention\tutility\tdesign\ttenor\tsource")
	for _, id := range slices.Sorted(maps.Keys(all)) {
		p, tenor := all[id], "—"
		if p.TenorMonths != nil {
			tenor = fmt.Sprintf("%g months", p.TenorMonths.Value)
		}
		fmt.Fprintf(w, "%s@%s\t%s\t%.0f%%\t%.0f%%\t%.0f%%\t%s\t%s\n", p.ID, p.Version, p.Label, 100*p.Caps[patent.Invention].Value, 100*p.Caps[patent.UtilityModel].Value, 100*p.Caps[patent.Design].Value, tenor, p.Source)
	}
	fmt.Fprintln(w, "\nscheme\tshares\tdate\tstatus\tsource")
	for _, s := range lending.Schemes() {
		shares := ""
		for _, x := range s.Shares {
			shares += fmt.Sprintf("%s %d/%d ", x.Party, x.Parts, s.Whole)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.ID, shares, s.Dated, s.Status(calendar.InChina(time.Now())), s.Source)
	}
	return w.Flush()
}

type lendCheckCmd struct {
	File string `arg:"" help:"JSON file, or -."`
}

// Run decides.
func (c *lendCheckCmd) Run(g *Globals) error {
	var in struct {
		On         calendar.Date                `json:"on"`
		Policy     string                       `json:"policy"`
		Own        *lending.Policy              `json:"own"`
		Programmes map[string]lending.Programme `json:"programmes"`
		Rows       []lending.Valued             `json:"rows"`
	}
	if err := readJSON(g, c.File, &in); err != nil {
		return err
	}
	o := lending.Options{Programmes: in.Programmes}
	if in.Own != nil {
		o.Policy = *in.Own
	} else {
		var err error
		if o.Policy, err = lending.PolicyByID(cmp.Or(in.Policy, lending.DefaultPolicy)); err != nil {
			return err
		}
	}
	return g.print(lending.Decide(in.Rows, o, in.On))
}

type lendShareCmd struct {
	Scheme     string `arg:"" help:"Id of a preset, or a JSON file of your own."`
	Principal  string `required:"" help:"Outstanding principal, yuan."`
	Interest   string `default:"0" help:"Unpaid interest, yuan."`
	Recoveries string `default:"0" help:"Recovered before the parties pay, yuan."`
	Later      string `help:"Recovered later, yuan: returned in proportion." placeholder:"YUAN"`
}

// Run shares a loss.
func (c *lendShareCmd) Run(g *Globals) error {
	s, err := lending.SchemeByID(c.Scheme)
	if err != nil {
		if len(c.Scheme) < 6 || c.Scheme[len(c.Scheme)-5:] != ".json" {
			return err
		}
		s = lending.Scheme{}
		if err := readJSON(g, c.Scheme, &s); err != nil {
			return err
		}
	}
	var claim lending.Claim
	for _, x := range []struct {
		to   *money.Fen
		text string
	}{{&claim.Principal, c.Principal}, {&claim.Interest, c.Interest}, {&claim.Recoveries, c.Recoveries}} {
		if *x.to, err = money.Parse(x.text, money.Yuan); err != nil {
			return err
		}
	}
	out, err := s.Share(claim, calendar.InChina(time.Now()))
	if err != nil {
		return err
	}
	var back []lending.Payment
	if c.Later != "" {
		later, err := money.Parse(c.Later, money.Yuan)
		if err != nil {
			return err
		}
		if back, err = out.Return(later); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(map[string]any{"settlement": out, "returned": back})
	}
	fmt.Fprintf(g.stdout, "%s %s\n净损失 %s 元\n", s.ID, s.Name, out.NetLoss)
	for i, p := range out.Payments {
		fmt.Fprintf(g.stdout, "  %-12s %s 元", p.Party, p.Bears)
		if back != nil {
			fmt.Fprintf(g.stdout, "，其后返还 %s 元", back[i].Bears)
		}
		fmt.Fprintln(g.stdout)
	}
	return nil
}

type lendAdoptCmd struct {
	Database
	File string `arg:"" help:"JSON file of a policy (it has caps) or a loan product (it has a total), or -."`
}

// Run stores.
func (c *lendAdoptCmd) Run(g *Globals) error {
	var body json.RawMessage
	if err := readJSON(g, c.File, &body); err != nil {
		return err
	}
	var kind struct {
		Caps  json.RawMessage `json:"caps"`
		Total json.RawMessage `json:"total"`
	}
	if err := json.Unmarshal(body, &kind); err != nil || (kind.Caps == nil) == (kind.Total == nil) {
		return fault.New(fault.Invalid, "adopt.kind", "文件应为质押政策（含 caps）或贷款产品（含 total）。", "The file must be a policy (with caps) or a loan product (with total).")
	}
	d, _, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	if kind.Caps != nil {
		p, err := lending.LoadPolicy(body)
		if err != nil {
			return err
		}
		fmt.Fprintf(g.stdout, "质押政策 %s@%s\n", p.ID, p.Version)
		return d.PutPolicy(g.ctx, g.operator(), p)
	}
	p, err := lending.LoadProgramme(body)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "贷款产品 %s@%s\n", p.ID, p.Version)
	return d.PutProgramme(g.ctx, g.operator(), p)
}

type lendProgrammesCmd struct{ Database }

// Run shows programmes.
func (c *lendProgrammesCmd) Run(g *Globals) error {
	d, _, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	rooms, err := d.Rooms(g.ctx, g.operator())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"programmes": rooms, "presets": lending.Programmes()})
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "产品\t名称\t总额度\t剩余\t占用未放款")
	for _, r := range rooms {
		fmt.Fprintf(w, "%s@%s\t%s\t%s\t%s\t%d 笔\n", r.ID, r.Version, r.Name, money.Zh(r.Total.Amount.Yuan(), 4), money.Zh(r.Left.Yuan(), 4), len(r.Holds))
	}
	for _, p := range lending.Programmes() {
		fmt.Fprintf(w, "（公开资料 %s\t%s\t%s\t%s）\n", p.ID, p.Name, money.Zh(p.Total.Amount.Yuan(), 4), p.Source)
	}
	return w.Flush()
}

type lendReleaseCmd struct {
	Database
	Contract string `arg:"" help:"Number of the contract; batch/line of one without."`
	Reason   string `required:"" help:"Why."`
}

// Run releases.
func (c *lendReleaseCmd) Run(g *Globals) error {
	d, _, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	return d.ReleaseHold(g.ctx, g.operator(), c.Contract, c.Reason)
}

type lendQuoteCmd struct {
	File string `arg:"" help:"JSON of {loan, pd, lgd or forced_sale, insured_share, scheme or own}, or -."`
}

// Run quotes.
func (c *lendQuoteCmd) Run(g *Globals) error {
	var in struct {
		lending.QuoteInput
		Scheme string `json:"scheme"`
	}
	if err := readJSON(g, c.File, &in); err != nil {
		return err
	}
	scheme := in.Agreement
	if scheme == nil && in.Scheme != "" {
		preset, err := lending.SchemeByID(in.Scheme)
		if err != nil {
			return err
		}
		scheme = &preset
	}
	q, err := in.Quote(scheme, calendar.InChina(time.Now()))
	if err != nil {
		return err
	}
	return g.print(q)
}

type lendSubsidyCmd struct {
	File string `arg:"" help:"JSON of {balance, rate, from, to, ratio, cap, scheme_from, scheme_until, source}, or -."`
}

// Run computes.
func (c *lendSubsidyCmd) Run(g *Globals) error {
	var in lending.SubsidyInput
	if err := readJSON(g, c.File, &in); err != nil {
		return err
	}
	x, err := in.Subsidy()
	if err != nil {
		return err
	}
	return g.print(x)
}

type lendCoverCmd struct {
	File     string  `arg:"" help:"JSON file, or -."`
	Discount float64 `default:"0.12" help:"Yearly discount rate of the annuity."`
}

// Run forecasts.
func (c *lendCoverCmd) Run(g *Globals) error {
	var in lending.CoverInput
	if err := readJSON(g, c.File, &in); err != nil {
		return err
	}
	points, unknown, err := lending.Forecast(in, c.Discount)
	if err != nil {
		return err
	}
	return g.print(map[string]any{"points": points, "expiry_unknown": unknown, "discount": c.Discount})
}

type lendStatisticsCmd struct {
	File string `arg:"" help:"JSON file, or -."`
	By   string `enum:"kind,industry," default:"" help:"Also by kind or industry."`
}

// Run reports.
func (c *lendStatisticsCmd) Run(g *Globals) error {
	var ledger []lending.Pledge
	if err := readJSON(g, c.File, &ledger); err != nil {
		return err
	}
	by := map[string]func(*lending.Pledge) string{
		"kind": func(p *lending.Pledge) string { return p.Kind }, "industry": func(p *lending.Pledge) string { return p.Industry },
	}[c.By]
	return g.print(lending.Statistics(ledger, by))
}
