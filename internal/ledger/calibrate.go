package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
)

// level is that of the ranges that are measured: the one an opinion states when
// none is asked for.
const level = 0.80

// fewest is the number of own deals below which nothing is fitted.
const fewest = 10

// Decision is what the comparison says of using the fit.
type Decision string

// Decisions.
const (
	Better  Decision = "better"    // shown better on deals it had not seen
	NoWorse Decision = "no_worse"  // no difference is shown; its coverage is the institution's own
	Worse   Decision = "worse"     // shown worse
	TooFew  Decision = "too_few"   // too few deals to compare
	Off     Decision = "off_level" // no worse, but the range does not cover what it states
)

var decisionZh = map[Decision]string{
	Better: "在未参与拟合与校准的自有成交上优于现行模型，建议启用", NoWorse: "未显示优劣差异；覆盖率为本机构实测，可以启用",
	Worse: "在自有成交上劣于现行模型，不建议启用", TooFew: "可供检验的自有成交不足，暂不建议启用", Off: "区间覆盖率偏离名义水平，不建议启用",
}

// Zh says the decision in Chinese.
func (d Decision) Zh() string { return decisionZh[d] }

// Calibration is the outcome of one guided run.
type Calibration struct {
	Screening intake.ScreenReport `json:"screening"`
	Own       int                 `json:"own_deals"`    // admitted
	Public    int                 `json:"public_deals"` // admitted, which the institution has not brought itself
	From      int                 `json:"from_year"`
	To        int                 `json:"to_year"`
	Level     float64             `json:"level"`

	// Table compares, on own deals that entered neither fit nor calibration, the
	// shipped model without the ledger with the model fitted on what came before
	// each deal: all first, then by market.
	Table      []market.Line `json:"table"`
	Difference float64       `json:"difference"` // of the mean absolute log error; below 0 is better
	Low        float64       `json:"difference_low"`
	High       float64       `json:"difference_high"`

	Decision   Decision `json:"decision"`
	DecisionZh string   `json:"decision_zh"`
	Version    string   `json:"version,omitempty"` // of the assumptions with the fit; empty: nothing was fitted
	Active     bool     `json:"active"`
	Waiting    bool     `json:"waiting,omitempty"` // in use once another person approves it
	Notes      []string `json:"notes,omitempty"`

	assumptions valuation.Assumptions
}

// Assumptions are those with the fit.
func (c *Calibration) Assumptions() valuation.Assumptions { return c.assumptions }

// CalibrateOptions of one run.
type CalibrateOptions struct {
	Before   calendar.Date // deals before this day; zero: today
	Activate bool          // use the fit for new valuations
	Force    bool          // even when the decision is against it
	Shared   []Statistics  // other institutions' statistics, as labelled priors
}

// Calibrate screens the institution's deals, fits the price model to them,
// compares it out of time with the shipped one on own deals that it had not
// seen, and says whether to use it. The same deals give the same fit to the bit,
// whatever the order they came in.
func (s *Service) Calibrate(ctx context.Context, actor appraisal.Actor, o CalibrateOptions) (c *Calibration, err error) {
	defer fault.Wrap(&err, "ledger.Calibrate")
	ctx = store.As(ctx, actor.Institution)
	if o.Before.IsZero() {
		o.Before = calendar.InChina(s.now())
	}
	c = &Calibration{Level: level, Table: []market.Line{}}
	if c.Screening, err = intake.Screen(ctx, s.db, actor); err != nil {
		return nil, err
	}
	as := valuation.DefaultAssumptions()
	for i := range o.Shared {
		as.Prices.Anchors = append(as.Prices.Anchors, o.Shared[i].anchors()...)
	}
	deals, err := s.deals(ctx, &as, o.Before)
	if err != nil {
		return nil, err
	}
	for i := range deals {
		if !deals[i].Own {
			c.Public++
			continue
		}
		c.Own++
		if y := deals[i].Date.Year; y > 0 {
			if c.From == 0 || y < c.From {
				c.From = y
			}
			c.To = max(c.To, y)
		}
	}
	if c.Own < fewest {
		c.Decision, c.DecisionZh = TooFew, TooFew.Zh()
		return c, nil
	}
	trials, err := market.Nested(as.Prices, deals, level)
	if err != nil {
		return nil, err
	}
	if len(trials) > 0 {
		c.Table = market.Table(trials)
	}
	c.Difference, c.Low, c.High = market.Versus(trials)
	c.Decision = decide(c, len(trials))
	c.DecisionZh = c.Decision.Zh()
	fitted, notes, err := market.Refit(as.Prices, deals, o.Before.Year, trials, level)
	if err != nil {
		return nil, fault.New(fault.Invalid, "ledger.fit", "自有成交无法拟合。", "The deals cannot be fitted.").Because(err)
	}
	c.Notes = notes
	as.Prices = fitted
	body, err := json.Marshal(as)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	as.Prices.Version = "ledger-" + hex.EncodeToString(sum[:6])
	as.Version += "+" + as.Prices.Version
	c.Version, c.assumptions = as.Version, as
	if !o.Activate {
		return c, nil
	}
	if (c.Decision == Worse || c.Decision == TooFew || c.Decision == Off) && !o.Force {
		return c, fault.New(fault.Conflict, "ledger.decision", c.DecisionZh+"；确需启用请加 --force（接口为 force）。", "The comparison does not support the fit ("+string(c.Decision)+"); force uses it all the same.")
	}
	if body, err = json.Marshal(as); err != nil {
		return nil, err
	}
	if err := s.db.PutAssumptions(ctx, as.Version, body, fmt.Sprintf("ledger of %d own deals", c.Own)); err != nil {
		return nil, err
	}
	c.Waiting, err = s.db.Enact(ctx, actor, store.ProposeFit, as.Version, map[string]any{"version": as.Version, "own_deals": c.Own, "decision": c.DecisionZh, "forced": o.Force}, s.now().UTC().Truncate(time.Microsecond))
	if err != nil {
		return nil, err
	}
	c.Active = !c.Waiting
	return c, nil
}

// band is how far a measured coverage may lie from its level: .76 to .84.
const band = 0.04

func decide(c *Calibration, trials int) Decision {
	if trials < market.TrialsNeeded {
		return TooFew
	}
	all := c.Table[0].After
	switch {
	case c.Low > 0:
		return Worse
	case all.CoverageHigh < level-band || all.CoverageLow > level+band:
		return Off
	case c.High < 0:
		return Better
	}
	return NoWorse
}
