package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
)

// fitCmd estimates from the operator's own data.
type fitCmd struct {
	Market fitMarketCmd `cmd:"" help:"Fit the scales of the market approach to the stored deals, out of time, with a model card."`
	Export fitExportCmd `cmd:"" help:"Write level, spread and counts of the own deals by market and kind, and no deal, for another institution."`
	Import fitImportCmd `cmd:"" help:"Calibrate with other institutions' statistics as labelled priors."`
	Impact fitImpactCmd `cmd:"" help:"Fit technical impact from text and facts to citation percentile, with a model card; stays unknown when never fitted."`
}

// fitMarketCmd fits the price model by marginal likelihood. Stored valuations keep
// the assumptions they were made with.
type fitMarketCmd struct {
	Database
	Date     string `help:"Fit on deals before this day. Default: today." placeholder:"YYYY-MM-DD"`
	Seed     uint64 `help:"Without effect: the fit has one start." default:"1" hidden:""`
	Force    bool   `help:"Activate even a fit that is worse out of time than what is in use."`
	Base     string `help:"Assumptions file to start from. Default: the ones that ship." placeholder:"FILE"`
	Out      string `help:"Write the assumptions with the fitted price model to this file." placeholder:"FILE"`
	Activate bool   `help:"Store the fitted assumptions and use them for new valuations."`
}

// Run fits, prints the card, and stores the result only when asked.
func (c *fitMarketCmd) Run(g *Globals) error {
	as := valuation.DefaultAssumptions()
	if c.Base != "" {
		raw, err := os.ReadFile(c.Base)
		if err != nil {
			return fault.New(fault.NotFound, "fit.assumptions", "无法读取参数文件。", "the assumptions file cannot be read").Because(err)
		}
		if as, err = valuation.LoadAssumptions(raw); err != nil {
			return fault.New(fault.Invalid, "fit.assumptions", "参数文件有误。", "the assumptions file is not valid").Because(err)
		}
	}
	date := calendar.InChina(time.Now())
	if c.Date != "" {
		var err error
		if date, err = calendar.Parse(c.Date); err != nil {
			return fault.New(fault.Invalid, "fit.date", "日期须为 YYYY-MM-DD。", "the date must be YYYY-MM-DD").Because(err)
		}
	}
	db, release, err := c.open(g)
	if err != nil {
		return err
	}
	defer release()
	rows, err := db.FitDeals(g.ctx, date)
	if err != nil {
		return err
	}
	deals := make([]market.Deal, len(rows))
	for i := range rows {
		deals[i] = as.MarketDeal(&rows[i])
	}
	fitted, report, err := market.Fit(as.Prices, deals, date.Year)
	if err != nil || report.Deals < 10 {
		return fault.New(fault.Invalid, "fit.deals", "可用成交不足，无法拟合。", "too few usable deals to fit").Because(err)
	}
	fitted.Version = "market-fit-" + date.String()
	as.Prices, as.Version = fitted, as.Version+"+"+fitted.Version
	if c.Activate && report.Worse && !c.Force {
		return fault.New(fault.Conflict, "fit.worse", "按时间外推检验，新拟合不优于现用参数，未启用；确需启用请加 --force。", "Out of time the fit is not better than what is in use; --force switches to it all the same.")
	}
	body, err := json.MarshalIndent(as, "", " ")
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := os.WriteFile(c.Out, append(body, '\n'), 0o644); err != nil {
			return err
		}
	}
	waiting := false
	if c.Activate {
		if err := db.PutAssumptions(g.ctx, as.Version, body, "market fit"); err != nil {
			return err
		}
		kind := store.ProposeFit
		if c.Base != "" {
			kind = store.ProposeAssumptions
		}
		if waiting, err = db.Enact(g.ctx, g.operator(), kind, as.Version, map[string]any{"version": as.Version, "deals": report.Deals, "events": report.Events, "worse": report.Worse, "forced": c.Force}, time.Now().UTC()); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(report)
	}
	fmt.Fprintf(g.stdout, "%s\nn = %d deals of %d events, %d to %d (log likelihood %.1f)\n", as.Version, report.Deals, report.Events, report.From, report.To, report.LogLik)
	before, after, names := report.Before.List(), report.After.List(), market.ScaleNames()
	for i, n := range names {
		fmt.Fprintf(g.stdout, "  %-8s %.3f -> %.3f\n", n, before[i], after[i])
	}
	for _, n := range report.Notes {
		fmt.Fprintln(g.stdout, n)
	}
	if report.Tested > 0 {
		fmt.Fprintf(g.stdout, "out of time, n = %d deals of %d events: median |ln error| %.3f (in use %.3f), CRPS %.3f (%.3f), difference %+.3f [%+.3f, %+.3f], 80%% range covers %.0f%%\n",
			report.Tested, report.TestedEvent, report.Error, report.ErrorPrior, report.CRPS, report.CRPSPrior, report.Difference, report.Low, report.High, 100*report.Coverage)
	}
	if waiting {
		fmt.Fprintln(g.stdout, waitsZh)
	}
	if !c.Activate {
		fmt.Fprintln(g.stdout, "未启用；加 --activate 用于新的估值。 Not in use; --activate uses it for new valuations.")
	}
	return nil
}
