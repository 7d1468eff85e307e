package pool

import (
	"fmt"
	"math"

	"zhijia/internal/fault"
)

// Cost is what a computation is estimated to take before it is begun. It is an
// upper bound of its work, told in seconds of one core as measured on two
// cores of a server of 2024 (BenchmarkCost).
type Cost struct {
	Steps   float64 `json:"steps"`   // one receivable, obligor or candidate through one period, path or node
	Seconds float64 `json:"seconds"` // of one core
}

// Seconds of one step of each kind of work, rounded up.
const (
	flowStep = 40e-9  // a receivable through a period of a scenario
	pathStep = 10e-9  // an obligor, or a period of the waterfall, on a path
	nodeStep = 2e-9   // a candidate at a node of the builder's search
	maxCost  = 3600.0 // seconds of one core a computation may take
)

func cost(steps, each float64) Cost { return Cost{steps, steps * each} }

// Refuse says that a computation is beyond what one may take; nil when it is
// not.
func (c Cost) Refuse() error {
	if c.Seconds <= maxCost {
		return nil
	}
	return fault.New(fault.TooLarge, "pool.cost", fmt.Sprintf("预计需要单核%.0f秒，上限%.0f秒：请减少情景、资产笔数或期数。", c.Seconds, maxCost),
		fmt.Sprintf("estimated at %.0f seconds of one core, at most %.0f: fewer scenarios, receivables or periods", c.Seconds, maxCost))
}

// flowSteps is one scenario of the deal.
func (d *Deal) flowSteps() float64 {
	return float64(d.periods()) * float64(len(d.Assets)+d.revolvingPeriods()+20*len(d.Structure.Tranches))
}

// bisections is how many scenarios a break-even takes.
const bisections = 33

// Cost is what the whole grid is estimated to take.
func (p *StressPlan) Cost() Cost {
	rows := float64(p.Rows())
	return cost(rows*(2*float64(len(p.grid.Default))+bisections)*p.model.d.flowSteps(), flowStep)
}

// SizeCost is what [Deal.SizeSenior] is estimated to take.
func (d *Deal) SizeCost() Cost { return cost((2*45+bisections)*d.flowSteps(), flowStep) }

// BuildCost is what [Deal.Build] is estimated to take.
func (d *Deal) BuildCost(l BuildLimits) Cost {
	n := float64(len(d.Assets))
	nodes := min(math.Exp2(n+1), buildNodes)
	if n <= resolveSize {
		nodes += (n + 6) * min(math.Exp2(n+1), resolveNodes)
	}
	if l.Objective == "coverage" {
		nodes *= 6 // of Dinkelbach's iteration
	}
	return cost(nodes*(n+10), nodeStep)
}

// Cost is what a number of paths is estimated to take.
func (s *Simulation) Cost(scenarios int64) Cost {
	path := float64(len(s.obligors))*6 + float64(s.periods)*(12+12*float64(len(s.deal.Structure.Tranches)))
	return cost(float64(scenarios)*path, pathStep)
}
