package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/valuation"
)

// fitCmd estimates from the operator's own data.
type fitCmd struct {
	Market fitMarketCmd `cmd:"" help:"Fit the market approach's hyperparameters to the stored deals, out of time, with a model card."`
	Impact fitImpactCmd `cmd:"" help:"Fit technical impact from text and facts to citation percentile, with a model card; stays unknown when never fitted."`
}

// fitMarketCmd fits the kernel by marginal likelihood. Stored valuations keep
// the assumptions they were made with.
type fitMarketCmd struct {
	Database
	Date     string `help:"Fit on deals before this day. Default: today." placeholder:"YYYY-MM-DD"`
	Seed     uint64 `help:"Seed of the blocks and of the second start." default:"1"`
	Base     string `help:"Assumptions file to start from. Default: the ones that ship." placeholder:"FILE"`
	Out      string `help:"Write the assumptions with the fitted kernel to this file." placeholder:"FILE"`
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
	space, err := db.ActiveSpaceID(g.ctx)
	if err != nil {
		return err
	}
	deals, similarity, err := db.FitDeals(g.ctx, space, date)
	if err != nil {
		return err
	}
	kernel, calibration, err := valuation.FitMarket(as, deals, valuation.FitOptions{Date: date, Seed: c.Seed, Similarity: similarity})
	if err != nil {
		return fault.New(fault.Invalid, "fit.deals", "可用成交不足，无法拟合。", "too few usable deals to fit").Because(err)
	}
	as.Kernel, as.Calibration, as.Version = kernel, calibration, kernel.Card.Version
	body, err := json.MarshalIndent(as, "", " ")
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := os.WriteFile(c.Out, append(body, '\n'), 0o644); err != nil {
			return err
		}
	}
	if c.Activate {
		if err := db.PutAssumptions(g.ctx, as.Version, body, kernel.Card.Method); err != nil {
			return err
		}
		if err := db.ActivateAssumptions(g.ctx, as.Version); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(kernel.Card)
	}
	k := kernel.Card
	fmt.Fprintf(g.stdout, "%s\nn = %d deals, %s to %s, data %.12s\nsignal %.3f, length %.3f, noise %.3f (log likelihood %.1f, %.1f at the start)\n",
		k.Version, k.N, k.From, k.To, k.DataHash, k.Parameters["signal"], k.Parameters["length"], k.Parameters["noise"], k.LogLik, k.Baseline)
	if k.TestMdALE != nil {
		fmt.Fprintf(g.stdout, "out of time, n = %d: median |ln error| %.3f (prior alone %.3f), 80%% range covers %.0f%%\n", k.TestN, *k.TestMdALE, *k.TestPriorLE, 100**k.TestCover)
	}
	if !c.Activate {
		fmt.Fprintln(g.stdout, "未启用；加 --activate 用于新的估值。 Not in use; --activate uses it for new valuations.")
	}
	return nil
}
