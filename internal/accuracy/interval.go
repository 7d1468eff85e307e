package accuracy

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// IntervalTable says whether stated ranges hold: of intervals [low, high]
// stated at one level, how many contain the price, and what they cost in
// width. Everything but Coverage is in the unit of the input; feed logarithms
// to get widths as log factors.
type IntervalTable struct {
	N         int     `json:"n"`
	Stated    float64 `json:"stated_level"`
	Coverage  Figure  `json:"coverage"`   // Clopper-Pearson, or cluster bootstrap
	Below     float64 `json:"below"`      // share of prices under the range
	Above     float64 `json:"above"`      // share of prices over the range
	MeanWidth Figure  `json:"mean_width"` // mean of high − low
	Winkler   Figure  `json:"winkler"`    // mean interval score; lower is better
}

// Intervals scores [low, high] ranges stated at the given level against the
// values that came true. The Winkler score is (u − l) + (2/α)(l − y)⁺ +
// (2/α)(y − u)⁺ with α = 1 − level (Gneiting and Raftery 2007, eq. 43).
func Intervals(low, high, actual []float64, level float64, clusters []string, opt Options) (*IntervalTable, error) {
	if !(level > 0 && level < 1) {
		return nil, invalid("level", "置信水平须在0与1之间", "the stated level must lie between 0 and 1, got %v", level)
	}
	if err := sameLength("low and high", len(low), len(high)); err != nil {
		return nil, err
	}
	if err := sameLength("low and actual", len(low), len(actual)); err != nil {
		return nil, err
	}
	for _, c := range []struct {
		name string
		v    []float64
	}{{"low", low}, {"high", high}, {"actual", actual}} {
		if err := finite(c.name, c.v); err != nil {
			return nil, err
		}
	}
	n := len(low)
	hit, width, score := make([]float64, n), make([]float64, n), make([]float64, n)
	hits, below, above := 0, 0, 0
	for i := range low {
		if low[i] > high[i] {
			return nil, invalid("interval_order", fmt.Sprintf("第%d个样本的下限大于上限", i+1), "sample %d: low %v exceeds high %v", i+1, low[i], high[i])
		}
		width[i] = high[i] - low[i]
		score[i] = Winkler(low[i], high[i], actual[i], level)
		switch {
		case actual[i] < low[i]:
			below++
		case actual[i] > high[i]:
			above++
		default:
			hit[i] = 1
			hits++
		}
	}
	t := &IntervalTable{N: n, Stated: level, Below: float64(below) / float64(n), Above: float64(above) / float64(n)}
	var err error
	if clusters == nil {
		if opt, err = opt.filled(); err != nil {
			return nil, err
		}
		t.Coverage, err = ClopperPearson(hits, n, opt.Level)
	} else {
		t.Coverage, err = MeanFigure(hit, clusters, opt)
	}
	if err != nil {
		return nil, err
	}
	if t.MeanWidth, err = MeanFigure(width, clusters, opt); err != nil {
		return nil, err
	}
	t.Winkler, err = MeanFigure(score, clusters, opt)
	return t, err
}

// Winkler is the interval score of one range stated at the given level.
func Winkler(low, high, actual, level float64) float64 {
	w := high - low
	penalty := 2 / (1 - level)
	switch {
	case actual < low:
		w += penalty * (low - actual)
	case actual > high:
		w += penalty * (actual - high)
	}
	return w
}

// CRPSNormal is the continuous ranked probability score of a normal forecast,
// σ[z(2Φ(z) − 1) + 2φ(z) − 1/√π] with z = (y − μ)/σ (Gneiting and Raftery
// 2007, eq. 21). On logarithms it scores a log-normal value. sd 0 gives |y − μ|.
func CRPSNormal(mu, sd, actual float64) (float64, error) {
	if err := finite("forecast", []float64{mu, sd, actual}); err != nil {
		return 0, err
	}
	if sd < 0 {
		return 0, invalid("not_positive", "标准差为负", "the standard deviation is %v", sd)
	}
	if sd == 0 {
		return math.Abs(actual - mu), nil
	}
	z := (actual - mu) / sd
	n := distuv.UnitNormal
	return sd * (z*(2*n.CDF(z)-1) + 2*n.Prob(z) - 1/math.Sqrt(math.Pi)), nil
}

// CalibrationPoint is one point of a calibration curve.
type CalibrationPoint struct {
	Level    float64 `json:"level"`    // of the central interval
	Coverage Figure  `json:"coverage"` // share that fell inside, with its interval
	N        int     `json:"n"`
}

// Calibration returns, for each level, the share of samples whose probability
// integral transform u (the forecast distribution function at the value that
// came true, in [0, 1]) lies in the central interval of that level. A
// calibrated forecaster has coverage equal to the level.
func Calibration(u []float64, levels []float64, clusters []string, opt Options) ([]CalibrationPoint, error) {
	if err := finite("u", u); err != nil {
		return nil, err
	}
	for i, x := range u {
		if x < 0 || x > 1 {
			return nil, invalid("probability", fmt.Sprintf("第%d个样本的概率不在0与1之间", i+1), "u of sample %d is %v; it must lie in [0, 1]", i+1, x)
		}
	}
	opt, err := opt.filled()
	if err != nil {
		return nil, err
	}
	out := make([]CalibrationPoint, 0, len(levels))
	for _, level := range levels {
		if !(level > 0 && level < 1) {
			return nil, invalid("level", "置信水平须在0与1之间", "the level must lie between 0 and 1, got %v", level)
		}
		hit := make([]float64, len(u))
		k := 0
		for i, x := range u {
			if math.Abs(x-0.5) <= level/2 {
				hit[i] = 1
				k++
			}
		}
		p := CalibrationPoint{Level: level, N: len(u)}
		if clusters == nil {
			p.Coverage, err = ClopperPearson(k, len(u), opt.Level)
		} else {
			p.Coverage, err = MeanFigure(hit, clusters, opt)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}
