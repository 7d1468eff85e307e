package appraisal_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/store"
	"zhijia/internal/valuation/impact"
	"zhijia/internal/valuation/terms"
)

// numberOf makes application numbers with their check digit.
func numberOf(i int) string {
	body := fmt.Sprintf("20191%07d", i+1)
	sum := 0
	for k, c := range body {
		sum += int(c-'0') * []int{2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5}[k]
	}
	return "CN" + body + "." + string("0123456789X"[sum%11])
}

// Technical impact is unknown until a model is fitted on the store's own
// corpus, and then a percentile labelled statistical.
func TestImpactFillsItsIndicator(t *testing.T) {
	t.Parallel()
	db, svc := setup(t)
	var all []store.Patent
	for i := range 160 {
		claims, cited := 1+i%12, (i%12)*2+i%3
		word := []string{"磁体", "涂层", "合金", "粉末"}[i%4]
		all = append(all, store.Patent{
			Number: numberOf(i), Kind: "invention", Title: fmt.Sprintf("一种稀土%s及其制备方法%d", word, i), Abstract: strings.Repeat(word, 5), IPC: []string{"H01F 1/057"},
			Filing: calendar.New(2010+i/16, 3, 4), Published: calendar.New(2011+i/16, 3, 4), ClaimCount: &claims, CitedBy: &cited, Source: "test",
		})
	}
	if err := db.MergePatents(t.Context(), all, 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := svc.Spaces().EmbedStored(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	scored := func() *terms.IndicatorScore {
		rec, err := svc.Value(t.Context(), actor, appraisal.Request{Number: numberOf(3), Patent: &appraisal.Facts{OwnerType: "firm"}})
		if err != nil {
			t.Fatal(err)
		}
		_, ev, err := rec.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		for i := range ev.Indicators {
			if ev.Indicators[i].Code == appraisal.ImpactCode {
				return &ev.Indicators[i]
			}
		}
		return nil
	}
	if x := scored(); x != nil {
		t.Errorf("filled before it was fitted: %+v", x)
	}
	id, err := db.ActiveSpaceID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	space, err := db.Space(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.ImpactRows(t.Context(), id)
	if err != nil || len(rows) < 160 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	m, err := impact.Fit(rows, space.String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if m.Card.Design != "out_of_time" || m.Card.TestN == 0 {
		t.Errorf("card %+v", m.Card)
	}
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PutImpactModel(t.Context(), "impact-test", body); err != nil {
		t.Fatal(err)
	}
	who := appraisal.Actor{Name: "test", Institution: store.Public}
	if waits, err := db.Enact(t.Context(), who, store.ProposeImpact, "impact-test", nil, time.Now()); err != nil || waits {
		t.Fatalf("in use: %v %v", waits, err)
	}
	x := scored()
	if x == nil || x.Score == nil || *x.Score < 0 || *x.Score > 100 || x.Evaluator != terms.ByStatistical || x.Version != "impact-test" || !strings.Contains(x.Reason, "统计") {
		t.Errorf("after fitting: %+v", x)
	}
}
