package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"zhijia/internal/civil"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// lendCmd evaluates the lending rules alone: no database.
type lendCmd struct {
	Policies   lendPoliciesCmd   `cmd:"" help:"Show the shipped policies and loss-sharing schemes with the source of each figure."`
	Check      lendCheckCmd      `cmd:"" help:"Decide rows that are valued already: {on, policy, rows} as JSON."`
	Share      lendShareCmd      `cmd:"" help:"Share a net loss between the parties of a scheme, exact to the fen."`
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
	fmt.Fprintln(w, "\nscheme\tshares\tsource")
	for _, s := range lending.Schemes() {
		shares := ""
		for _, x := range s.Shares {
			shares += fmt.Sprintf("%s %d/%d ", x.Party, x.Parts, s.Whole)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.ID, shares, s.Source)
	}
	return w.Flush()
}

type lendCheckCmd struct {
	File string `arg:"" help:"JSON file, or -."`
}

// Run decides.
func (c *lendCheckCmd) Run(g *Globals) error {
	var in struct {
		On         civil.Date                   `json:"on"`
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
	out, err := s.Share(claim)
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
