package appraisal

import (
	"fmt"
	"math"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/terms"
)

// rulesVersion is stored with every score the rules give.
const rulesVersion = "rules-1"

// ruleFacts is what the rule indicators are computed from. A nil or negative
// figure is unknown and leaves its indicator unknown.
type ruleFacts struct {
	patent terms.Patent
	asOf   calendar.Date

	legalKnown bool  // gazette events were on file, so silence means "no"
	coOwned    *bool // from the owners on the register
	pledged    *bool
	licensed   *bool
	preserved  *bool
	transfers  int
	licences   int
	challenged *bool // an invalidation was filed
	partlyVoid bool
	survived   bool // an invalidation was rejected

	// cohort is the stored corpus of the same IPC subclass before the
	// valuation date; n below minCohort leaves its indicators unknown.
	cohort cohort
}

// cohort describes the patents of one IPC subclass in the store.
type cohort struct {
	recent int // filed in the three years before T
	prior  int // filed in the three years before those
	owners int // distinct first owners in the recent years
}

// minCohort is the least number of filings in both windows together that
// counts as evidence about a technology field.
const minCohort = 50

// scoreRules computes the data indicators of the working sheet (standards
// 1.3, evaluator D). Scores are our own anchors, not the national standard's;
// each says in Chinese what it rests on.
func scoreRules(f ruleFacts) []terms.IndicatorScore {
	var out []terms.IndicatorScore
	add := func(code string, score float64, reason string) {
		s := math.Max(0, math.Min(100, score))
		out = append(out, terms.IndicatorScore{
			// Only what was public before the valuation date was read.
			Code: code, Score: &s, Evaluator: terms.ByData, Reason: reason, Version: rulesVersion, AsOf: f.asOf.AddDays(-1),
		})
	}
	p := f.patent

	if f.challenged != nil {
		switch {
		case f.survived:
			add("L1.1", 100, "曾被请求无效宣告，权利维持有效。")
		case f.partlyVoid:
			add("L1.1", 40, "曾被宣告部分无效。")
		case *f.challenged:
			add("L1.1", 20, "无效宣告请求正在审理。")
		default:
			add("L1.1", 60, "无无效宣告记录，权利未经检验。")
		}
	}
	if p.Claims != nil {
		add("L2.2", steps(float64(*p.Claims), []float64{2, 6, 11, 21}), fmt.Sprintf("权利要求 %d 项。", *p.Claims))
	}
	if p.Family != nil {
		add("L2.3", steps(float64(*p.Family), []float64{2, 3, 5, 8}), fmt.Sprintf("同族覆盖 %d 个局。", *p.Family))
	}
	if f.legalKnown {
		is := func(b *bool) bool { return b != nil && *b }
		switch {
		case is(f.preserved):
			add("L4.2", 0, "处于财产保全。")
		case is(f.pledged):
			add("L4.2", 20, "已办理质押登记。")
		case is(f.licensed):
			add("L4.2", 60, "有备案的实施许可。")
		case is(f.coOwned):
			add("L4.2", 60, "权利共有。")
		default:
			add("L4.2", 100, "公告记录中无质押、保全、许可，权利单独所有。")
		}
		switch {
		case f.transfers+f.licences >= 2:
			add("E4.1", 100, fmt.Sprintf("转让 %d 次、许可备案 %d 次。", f.transfers, f.licences))
		case f.transfers+f.licences == 1:
			add("E4.1", 80, fmt.Sprintf("转让 %d 次、许可备案 %d 次。", f.transfers, f.licences))
		default:
			add("E4.1", 40, "公告记录中无转让、许可。")
		}
	}
	if n := subclasses(p.IPC); n > 0 {
		add("T3.1", steps(float64(n), []float64{1, 2, 3, 4}), fmt.Sprintf("涉及 %d 个 IPC 小类。", n))
	}
	if c := f.cohort; c.recent+c.prior >= minCohort {
		growth := math.Log((float64(c.recent) + 1) / (float64(c.prior) + 1))
		add("T6.1", 50+50*math.Tanh(growth), fmt.Sprintf("同小类近三年在库申请 %d 件，前三年 %d 件。", c.recent, c.prior))
		switch {
		case growth > 0.2:
			add("T6.2", 80, "同小类申请增长，处于成长期。")
		case growth > -0.1:
			add("T6.2", 60, "同小类申请平稳，处于成熟期。")
		default:
			add("T6.2", 20, "同小类申请下降，处于衰退期。")
		}
		if c.recent > 0 && c.owners > 0 {
			perOwner := float64(c.recent) / float64(c.owners)
			add("E2.1", 100-20*math.Min(5, math.Log2(1+float64(c.owners)/10)), fmt.Sprintf("同小类近三年 %d 个申请人，人均 %.1f 件。", c.owners, perOwner))
		}
	}
	if !p.Expiry.IsZero() && !p.Filing.IsZero() {
		left := math.Max(0, f.asOf.YearsUntil(p.Expiry))
		add("E1.1", 100*left/p.Filing.YearsUntil(p.Expiry), fmt.Sprintf("剩余法定保护期 %.1f 年。", left))
	}
	return out
}

// steps returns 20, 40, 60, 80 or 100 by how many of the four ascending
// bounds x has reached.
func steps(x float64, bounds []float64) float64 {
	score := 20.0
	for _, b := range bounds {
		if x >= b {
			score += 20
		}
	}
	return score
}

// subclasses counts the distinct four-character IPC subclasses.
func subclasses(ipc []string) int {
	seen := map[string]bool{}
	for _, s := range ipc {
		if len(s) >= 4 {
			seen[s[:4]] = true
		}
	}
	return len(seen)
}
