package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
)

// Point is one deal on the control chart: its error against the range the model
// gave it before it was known.
type Point struct {
	ID     string      `json:"id"`
	Market market.Sale `json:"market"`
	Year   int         `json:"year"`
	Error  float64     `json:"log_error"` // ln paid - ln expected
	Half   float64     `json:"half"`      // half the 80% range
	In     bool        `json:"in"`
	Smooth float64     `json:"smooth"` // exponentially weighted mean of the errors in half ranges
	Limit  float64     `json:"limit"`  // three sd of Smooth when nothing drifts
	Alarm  bool        `json:"alarm"`
}

// Drift is how deals fared that came after a day.
type Drift struct {
	Version string        `json:"version"` // of the assumptions in use
	Since   calendar.Date `json:"since"`
	Points  []Point       `json:"points"`
	// Coverage of the 80% range on these deals and its interval; the alarm rings
	// when the interval lies outside .76 to .84.
	Coverage     float64       `json:"coverage"`
	CoverageLow  float64       `json:"coverage_low"`
	CoverageHigh float64       `json:"coverage_high"`
	Alarm        bool          `json:"alarm"`
	Markets      []market.Sale `json:"markets"` // whose level or coverage has left its band
	Revalue      []Due         `json:"revalue"` // valuations in those markets, made with what drifted, newest first
	Zh           string        `json:"zh"`
}

// Due is a valuation to make anew.
type Due store.DueValuation

// weight of the newest error in the smoothed mean (Roberts 1959; Lucas,
// Saccucci 1990: .2 finds a shift of one sd in about ten).
const weight = 0.2

// Drift prices the own deals since a day by the assumptions in use and what was
// known before the day.
func (s *Service) Drift(ctx context.Context, actor appraisal.Actor, since calendar.Date) (d *Drift, err error) {
	defer fault.Wrap(&err, "ledger.Drift")
	ctx = store.As(ctx, actor.Institution)
	as, version, err := s.inUse(ctx)
	if err != nil {
		return nil, err
	}
	deals, err := s.deals(ctx, &as, calendar.InChina(s.now()).AddDays(1))
	if err != nil {
		return nil, err
	}
	trials, err := market.Arrivals(as.Prices, deals, since, level)
	if err != nil {
		return nil, err
	}
	d = chart(trials)
	d.Version, d.Since = version, since
	if len(d.Markets) > 0 {
		due, err := s.db.DueValuations(ctx, d.Markets)
		if err != nil {
			return nil, err
		}
		for _, v := range due {
			d.Revalue = append(d.Revalue, Due(v))
		}
	}
	return d, nil
}

// Watch is [Service.Drift], and raises an alert for every market whose level or
// coverage has left its band; those of markets back within it are settled. The
// alerts stand in the institution's one list, and its webhooks are told.
func (s *Service) Watch(ctx context.Context, actor appraisal.Actor, since calendar.Date) (d *Drift, changed int, err error) {
	defer fault.Wrap(&err, "ledger.Watch")
	if d, err = s.Drift(ctx, actor, since); err != nil {
		return nil, 0, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	today := calendar.InChina(now)
	var drifting []store.AlertChange
	for _, m := range d.Markets {
		n, in := 0, 0
		for _, p := range d.Points {
			if p.Market == m {
				n, in = n+1, in+b2i(p.In)
			}
		}
		sum := sha256.Sum256([]byte(actor.Institution + "\x00drift\x00" + string(m)))
		drifting = append(drifting, store.AlertChange{ID: "da_" + hex.EncodeToString(sum[:16]), Status: store.AlertOpen, Alert: patent.Alert{
			Code: "ledger_drift", Cause: string(m), Date: today, Source: "ledger",
			Zh: fmt.Sprintf("台账漂移（%s）：%s以来 %d 笔自有成交中 %d 笔落入 80%% 区间，水平或覆盖率已出控制限；请重新校准，待重估估值 %d 件。", marketZh[m], since, n, in, len(d.Revalue)),
			En: fmt.Sprintf("Drift of the ledger (%s): of %d own deals since %s, %d lie within the 80%% range; level or coverage has left its band. Calibrate anew; %d valuations are due.", m, n, since, in, len(d.Revalue)),
		}})
	}
	changed, err = s.db.PutDrift(ctx, actor.Institution, actor.Name, drifting, now)
	return d, changed, err
}

// watched is how far back deals are held against the model where no fit of the institution's own says since when, in days.
const watched = 365

var drifts = jobs.Kind[struct{}]{Name: "ledger-drift", Timeout: 30 * time.Minute}

// Worker holds the ledgers of all institutions against their models at an interval; see [Service.WatchAll].
func (s *Service) Worker(every time.Duration) jobs.Worker {
	return drifts.Worker(1, func(ctx context.Context, _ *jobs.Turn, _ struct{}) (jobs.Next, error) {
		return jobs.Done, s.WatchAll(ctx)
	}).Every(every)
}

// WatchAll is [Service.Watch] for every institution, since the day its own fit was made, or for a year back where it uses the
// shipped model. One that fails does not stop the others.
func (s *Service) WatchAll(ctx context.Context) (err error) {
	all, err := s.db.Institutions(ctx)
	if err != nil {
		return err
	}
	for _, i := range all {
		since := calendar.InChina(s.now()).AddDays(-watched)
		made, ok, more := s.db.FitSince(store.As(ctx, i.ID))
		if ok {
			since = calendar.InChina(made)
		}
		if more == nil {
			_, _, more = s.Watch(ctx, appraisal.Actor{Name: "system", Institution: i.ID}, since)
		}
		if err = errors.Join(err, more); ctx.Err() != nil {
			return err
		}
	}
	return err
}

var marketZh = map[market.Sale]string{market.Private: "私下转让", market.Showcase: "展示交易", market.Corporate: "企业并购", market.Court: "裁判", market.Distress: "处置"}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// chart draws the control chart of trials in their order, and of each market by
// itself.
func chart(trials []market.Trial) *Drift {
	d := &Drift{Points: []Point{}, Markets: []market.Sale{}, Revalue: []Due{}, CoverageHigh: 1, Zh: "此日之后没有可比的自有成交"}
	if len(trials) == 0 {
		return d
	}
	d.Points, _ = points(trials)
	for _, l := range market.Table(trials) {
		off := l.After.CoverageHigh < level-band || l.After.CoverageLow > level+band
		if l.Market == "" {
			d.Coverage, d.CoverageLow, d.CoverageHigh, d.Alarm = l.After.Coverage, l.After.CoverageLow, l.After.CoverageHigh, off
			continue
		}
		var here []market.Trial
		for _, t := range trials {
			if t.Market == l.Market {
				here = append(here, t)
			}
		}
		if _, shifted := points(here); shifted || off {
			d.Markets = append(d.Markets, l.Market)
			d.Alarm = true
		}
	}
	d.Zh = "成交与预期相符，未见漂移"
	if d.Alarm {
		d.Zh = "成交偏离预期：请重新校准，并重估所列估值"
	}
	return d
}

// points smooths the errors; an event is one step, however many lots it has.
// shifted says that the last steps lie beyond the limit.
func points(trials []market.Trial) (out []Point, shifted bool) {
	z := 0.0
	steps := 0
	sd := 1 / 1.2815515655446004 // of an error in half ranges, the range being 80% of a normal one
	for i := 0; i < len(trials); {
		j, sum := i, 0.0
		for ; j < len(trials) && trials[j].Event == trials[i].Event; j++ {
			sum += trials[j].After.Error / trials[j].After.Half
		}
		steps++
		z = weight*sum/float64(j-i) + (1-weight)*z
		limit := 3 * sd * math.Sqrt(weight/(2-weight)*(1-math.Pow(1-weight, 2*float64(steps))))
		shifted = math.Abs(z) > limit
		for ; i < j; i++ {
			t := &trials[i]
			out = append(out, Point{t.ID, t.Market, t.Year, t.After.Error, t.After.Half, math.Abs(t.After.Error) <= t.After.Half, z, limit, shifted})
		}
	}
	return out, shifted
}

// inUse returns the assumptions that new valuations use.
func (s *Service) inUse(ctx context.Context) (valuation.Assumptions, string, error) {
	version, err := s.db.ActiveAssumptions(ctx)
	if err != nil || version == "" {
		as := valuation.DefaultAssumptions()
		return as, as.Version, err
	}
	stored, ok, err := s.db.Assumptions(ctx, version)
	if err != nil || !ok {
		return valuation.Assumptions{}, "", fault.New(fault.NotFound, "assumptions.unknown", "没有参数版本 "+version+"。", "There are no assumptions "+version+".").Because(err)
	}
	as, err := valuation.LoadAssumptions(stored.Body)
	return as, version, err
}
