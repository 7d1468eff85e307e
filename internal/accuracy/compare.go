package accuracy

import (
	"fmt"
	"math"
)

// flagLevel is the level at which a comparison raises a flag. A comparison
// runs at every change; at 95% an unchanged product would raise an alarm once
// in twenty runs. The interval shown to people stays at Options.Level.
const flagLevel = 0.99

// flagPower is the chance of being flagged that the minimum detectable effect
// is stated for.
const flagPower = 0.80

// negligible is the share of the larger mean loss below which a difference is
// rounding, however consistent, and gets no verdict.
const negligible = 1e-4

// minUnits is the number of independent units below which no verdict is given.
const minUnits = 5

// Outcome is what a comparison says.
type Outcome string

// The verdicts. Inconclusive says that the change, if any, is smaller than
// this many samples can show.
const (
	Worse        Outcome = "worse"
	Better       Outcome = "better"
	Inconclusive Outcome = "inconclusive"
	TooFew       Outcome = "too_few_units"
)

// Comparison is the paired comparison of run B with run A on the same
// samples. Positive Difference means that B's loss is larger: B is worse.
type Comparison struct {
	N          int     `json:"n"`
	Clusters   int     `json:"clusters"`
	MeanA      float64 `json:"mean_a"`
	MeanB      float64 `json:"mean_b"`
	Difference Figure  `json:"difference"` // mean of loss_B − loss_A, (cluster) bootstrap interval
	StdErr     Figure  `json:"std_err"`    // cluster-robust
	// Flag is the interval the verdict rests on: the wider, end by end, of the
	// bootstrap and the cluster-robust t interval at FlagLevel.
	Flag      Figure  `json:"flag"`
	FlagLevel float64 `json:"flag_level"`
	// MDE is the smallest true difference that would be flagged with 80% power.
	MDE     Figure  `json:"mde"`
	Verdict Outcome `json:"verdict"`
}

// Compare pairs the losses (lower is better) of two runs sample by sample.
// clusters is nil or one label per sample; samples of one deal or family are
// then one unit: the standard error is that of the mean over clusters (CR1,
// Liang and Zeger 1986, with G − 1 degrees of freedom) and the bootstrap
// draws whole clusters.
func Compare(lossA, lossB []float64, clusters []string, opt Options) (*Comparison, error) {
	opt, err := opt.filled()
	if err != nil {
		return nil, err
	}
	if err := sameLength("the two runs", len(lossA), len(lossB)); err != nil {
		return nil, err
	}
	if err := finite("loss of A", lossA); err != nil {
		return nil, err
	}
	if err := finite("loss of B", lossB); err != nil {
		return nil, err
	}
	n := len(lossA)
	diff := make([]float64, n)
	for i := range diff {
		diff[i] = lossB[i] - lossA[i]
	}
	if err := checkClusters(clusters, n); err != nil {
		return nil, err
	}
	members := clusterMembers(clusters, n)
	c := &Comparison{N: n, Clusters: len(members), MeanA: mean(lossA), MeanB: mean(lossB), FlagLevel: flagLevel}
	m := mean(diff)
	c.Difference = point(m)
	if c.Clusters < minUnits {
		reason := fmt.Sprintf("%d independent units; at least %d are needed for a verdict", c.Clusters, minUnits)
		c.Verdict, c.Difference.Reason = TooFew, reason
		c.StdErr, c.Flag, c.MDE = undefined(reason), undefined(reason), undefined(reason)
		return c, nil
	}
	draws := meanDraws(diff, members, opt)
	c.Difference.Low, c.Difference.High = Quantile(draws, (1-opt.Level)/2), Quantile(draws, (1+opt.Level)/2)
	g := float64(c.Clusters)
	var ss float64
	for _, unit := range members {
		u := 0.0
		for _, i := range unit {
			u += diff[i] - m
		}
		ss += u * u
	}
	se := math.Sqrt(ss*g/(g-1)) / float64(n)
	t := tQuantile(0.5+flagLevel/2, g-1)
	c.StdErr = point(se)
	c.Flag = Figure{
		Value: m,
		Low:   min(Quantile(draws, (1-flagLevel)/2), m-t*se),
		High:  max(Quantile(draws, (1+flagLevel)/2), m+t*se),
	}
	c.MDE = point((t + tQuantile(flagPower, g-1)) * se)
	switch {
	case math.Abs(m) <= negligible*max(math.Abs(c.MeanA), math.Abs(c.MeanB)):
		c.Verdict = Inconclusive
	case c.Flag.Low > 0:
		c.Verdict = Worse
	case c.Flag.High < 0:
		c.Verdict = Better
	default:
		c.Verdict = Inconclusive
	}
	return c, nil
}
