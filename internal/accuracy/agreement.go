package accuracy

import (
	"math"
)

// QuadraticKappa is Cohen's weighted kappa of two raters who gave integer
// grades 0..levels-1, with weights (i − j)²: 1 is agreement, 0 what chance
// would give (Cohen 1968). It is undefined when both raters always give the
// same single grade.
func QuadraticKappa(a, b []int, levels int) (float64, error) {
	if err := sameLength("the two raters", len(a), len(b)); err != nil {
		return 0, err
	}
	if len(a) == 0 {
		return 0, invalid("empty", "没有样本", "no ratings")
	}
	if levels < 2 {
		return 0, invalid("levels", "至少需要两个等级", "%d levels; at least two are needed", levels)
	}
	ca, cb := make([]float64, levels), make([]float64, levels)
	observed := 0.0
	for i := range a {
		for _, g := range []int{a[i], b[i]} {
			if g < 0 || g >= levels {
				return 0, invalid("grade", "等级超出范围", "grade %d of sample %d is outside 0..%d", g, i+1, levels-1)
			}
		}
		ca[a[i]]++
		cb[b[i]]++
		observed += float64((a[i] - b[i]) * (a[i] - b[i]))
	}
	expected := 0.0
	for i := range ca {
		for j := range cb {
			expected += ca[i] * cb[j] * float64((i-j)*(i-j))
		}
	}
	if expected == 0 {
		return math.NaN(), nil
	}
	return 1 - observed*float64(len(a))/expected, nil
}

// ICC21 is the intraclass correlation for absolute agreement of single
// ratings in a two-way random model, ICC(2,1) of Shrout and Fleiss (1979).
// ratings[i][j] is the rating of subject i by rater j; at least two of each.
// It is NaN when nothing varies.
func ICC21(ratings [][]float64) (float64, error) {
	n := len(ratings)
	if n < 2 || len(ratings[0]) < 2 {
		return 0, invalid("too_few", "至少需要两个对象和两位评分者", "at least two subjects and two raters are needed")
	}
	k := len(ratings[0])
	grand := 0.0
	rows, cols := make([]float64, n), make([]float64, k)
	for i, r := range ratings {
		if err := sameLength("ratings of one subject", len(r), k); err != nil {
			return 0, err
		}
		if err := finite("ratings", r); err != nil {
			return 0, err
		}
		for j, v := range r {
			grand += v
			rows[i] += v / float64(k)
			cols[j] += v / float64(n)
		}
	}
	grand /= float64(n * k)
	var ssr, ssc, sst float64
	for i, r := range ratings {
		ssr += float64(k) * (rows[i] - grand) * (rows[i] - grand)
		for _, v := range r {
			sst += (v - grand) * (v - grand)
		}
	}
	for _, c := range cols {
		ssc += float64(n) * (c - grand) * (c - grand)
	}
	fn, fk := float64(n), float64(k)
	msr := ssr / (fn - 1)
	msc := ssc / (fk - 1)
	mse := (sst - ssr - ssc) / ((fn - 1) * (fk - 1))
	d := msr + (fk-1)*mse + fk*(msc-mse)/fn
	if d == 0 {
		return math.NaN(), nil
	}
	return (msr - mse) / d, nil
}
