package madeledger

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// NewMarket makes n deals of one new market that no one has seen: the label is
// "private", but the level lies a factor of 4 to 8 above or below 50,000 yuan.
// For the claim that 50 own deals beat the prior in 90 of 100 ledgers.
//
//	ln P = ln 50000 + sign ln F - 0.0543 + K + O + T
//	     + 0.4 ln(life/10) + 0.9 ln(patents) + 0.5 L + 0.3 (E - ln 2)
//
//	F = 4 * 2^U, U uniform on (0, 1); sign +1 or -1, each alike: both by seed
//	   alone (NewMarketFactor), the same for NewMarketFresh of that seed
//	K: invention 0 (60%), utility model -ln 8 (35%), design -ln 16 (5%)
//	O: firm 0 (70%), university .2 (20%), individual -.3 (10%)
//	T: assignment 0 (85%), exclusive licence -.5 (5%), plain licence -1.3 (10%)
//	L standard logistic, E standard exponential (the noise is skew)
//	patents: 1 (85%), else 2 to 5 alike; score: drawn, without any effect
//
// Dates, life and unknown columns as in the package comment. A seller returns
// with probability .15; seller and event carry nothing. The median of one
// assigned invention sold alone is 50,000 F^sign yuan.
func NewMarket(n int, seed uint64) []Deal { return newMarket(n, seed, "T") }

// NewMarketFresh makes n further deals of the market of the same seed, each
// with a seller and event of its own that NewMarket never used.
func NewMarketFresh(n int, seed uint64) []Deal { return newMarket(n, seed, "F") }

// NewMarketFactor is F^sign of the market of a seed: 4 to 8, or 1/8 to 1/4.
func NewMarketFactor(seed uint64) float64 {
	r := rand.New(rand.NewPCG(seed, 0x6e65776d61726b65))
	f := 4 * math.Exp2(r.Float64())
	if r.Uint64()&1 == 0 {
		return 1 / f
	}
	return f
}

func newMarket(n int, seed uint64, s string) []Deal {
	if n <= 0 {
		return nil
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "madeledger/1 newmarket %d %s", n, s)
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	base := math.Log(50e3*NewMarketFactor(seed)) + newMarketShift
	tag := fmt.Sprintf("%s-newmarket-%d-%d", s, n, seed)
	type who struct{ owner int }
	var sellers []who
	deals := make([]Deal, 0, n)
	for i := range n {
		id := len(sellers)
		if s == "T" && id > 0 && r.Float64() < .15 {
			id = r.IntN(id)
		} else {
			sellers = append(sellers, who{[3]int{firm, university, individual}[pick(r, []float64{.7, .2, .1})]})
		}
		w := row{owner: sellers[id].owner}
		w.kind = pick(r, []float64{.6, .35, .05})
		w.transfer = pick(r, []float64{.85, .05, .10})
		w.day = r.IntN(days)
		w.life = drawLife(r, w.kind)
		w.score = drawScore(r)
		w.patents = 1
		if r.Float64() >= .85 {
			w.patents = 2 + r.IntN(4)
		}
		x := base
		x += [3]float64{0, -math.Log(8), -math.Log(16)}[w.kind]
		x += [5]float64{.2, 0, 0, 0, -.3}[w.owner]
		x += [3]float64{0, -.5, -1.3}[w.transfer]
		x += .4*math.Log(w.life/10) + .9*math.Log(float64(w.patents))
		x += .5*logistic(r) + .3*(r.ExpFloat64()-math.Ln2)
		d := Deal{
			ID:       fmt.Sprintf("D-%s-%d", tag, i+1),
			Event:    fmt.Sprintf("E-%s-%d", tag, i+1),
			Seller:   fmt.Sprintf("S-%s-%d", tag, id+1),
			Market:   "private",
			Owner:    owners[w.owner],
			Kind:     kinds[w.kind],
			Transfer: transfers[w.transfer],
			Date:     origin.AddDate(0, 0, w.day),
			LifeLeft: w.life,
			Score:    w.score,
			Patents:  w.patents,
			Yuan:     math.Min(math.Max(math.Round(math.Exp(x)), 1), maxYuan),
		}
		if r.Float64() < .30 {
			d.Score = math.NaN()
		}
		if r.Float64() < .15 {
			d.LifeLeft = math.NaN()
		}
		deals = append(deals, d)
	}
	return deals
}

// newMarketShift puts the median of one assigned invention at 50,000 F^sign.
const newMarketShift = -0.0543
