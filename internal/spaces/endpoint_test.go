package spaces_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
	"zhijia/internal/spaces"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/internal/valuation"
)

var actor = appraisal.Actor{Name: "officer", Institution: "bank"}

func value(t *testing.T, svc *appraisal.Service, req appraisal.Request) valuation.Conclusion {
	t.Helper()
	r, err := svc.Value(t.Context(), actor, req)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Conclusion()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A space of an endpoint is filled and switched to; when the endpoint goes,
// valuations go on without the text's part and say so.
func TestEndpointSpace(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server := llmtest.New(t, nil)
	db := storetest.New(t)
	cfg := llm.Config{BaseURL: server.URL, Key: llmtest.Key, EmbedModel: "bge-m3", EmbedBatch: 16, EmbedLimit: 8000, Concurrency: 4, Attempts: 1}
	client, err := llm.New(cfg, judge.Gate(db, &cfg))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := appraisal.New(ctx, db, appraisal.Options{Embedder: client})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.LoadFacts(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Spaces().UseEndpoint(ctx, store.Actor{Name: "test", Institution: store.Public}, "endpoint", "bge-m3", client, spaces.HeadAuto, nil); fault.KindOf(err) != fault.Forbidden || server.EmbedCalls() != 0 {
		t.Fatalf("texts left without anybody's permit: %v, %d calls", err, server.EmbedCalls())
	}
	permitted := judge.With(ctx, judge.Permit{Actor: actor})
	used, err := svc.Spaces().UseEndpoint(permitted, actor, "endpoint", "bge-m3", client, spaces.HeadAuto, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Spaces().Active(permitted); err != nil { // asks for the probe's vector
		t.Fatal(err)
	}
	req := appraisal.Request{Text: &appraisal.Text{Title: "一种激光器噪声测量装置"}, Patent: &appraisal.Facts{IPC: []string{"G01M 11/00"}}}
	calls := server.EmbedCalls()
	c := value(t, svc, req)
	if server.EmbedCalls() != calls || c.Comparables[0].Similar.Text != nil {
		t.Error("an unpublished text left without permission")
	}
	allow := true
	req.AllowModel = &allow
	c = value(t, svc, req)
	if !strings.HasPrefix(c.Retrieval.Space, "endpoint/bge-m3/") || c.Retrieval.Space != used.Space.String() || c.Comparables[0].Similar.Text == nil {
		t.Errorf("space %q, first comparable %+v", c.Retrieval.Space, c.Comparables[0].Similar)
	}
	// The institution's word stands above the request's, for vectors as for scores.
	if _, err := db.SetModelConsent(ctx, actor, false, time.Now()); err != nil {
		t.Fatal(err)
	}
	calls = server.EmbedCalls()
	if c = value(t, svc, req); server.EmbedCalls() != calls || c.Comparables[0].Similar.Text != nil {
		t.Error("a text left to the embedder although the institution forbids it")
	}
	if _, err := db.SetModelConsent(ctx, actor, true, time.Now()); err != nil {
		t.Fatal(err)
	}
	if log, err := db.EgressLog(ctx, actor.Institution, 0, 1000); err != nil || len(log) != server.EmbedCalls() {
		t.Errorf("%d requests, %d on record, %v", server.EmbedCalls(), len(log), err)
	}
	server.Embeddings(func([]string) ([][]float32, int) { return nil, http.StatusServiceUnavailable })
	req.Text.Title = "一种激光器噪声测量方法" // not among the vectors kept
	c = value(t, svc, req)
	flagged := false
	for _, f := range c.Flags {
		flagged = flagged || f.Code == "EMBEDDER-OFF"
	}
	if c.Status != valuation.Valued || !flagged || len(c.Comparables) == 0 || c.Comparables[0].Similar.Text != nil {
		t.Errorf("without the endpoint: %s, flagged %v, %d comparables", c.Status, flagged, len(c.Comparables))
	}
}

// A model that changed under the same name and dimension is noticed: the space
// is not searched with its vectors.
func TestChangedEmbedderIsNoticed(t *testing.T) {
	t.Parallel()
	ctx := judge.With(context.Background(), judge.Permit{Actor: actor})
	server := llmtest.New(t, nil)
	db := storetest.New(t)
	cfg := llm.Config{BaseURL: server.URL, Key: llmtest.Key, EmbedModel: "bge-m3", Attempts: 1}
	start := func(cfg llm.Config) *spaces.Spaces {
		client, err := llm.New(cfg, judge.Gate(db, &cfg))
		if err != nil {
			t.Fatal(err)
		}
		s, err := spaces.New(ctx, db, client)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := start(cfg)
	client, err := llm.New(cfg, judge.Gate(db, &cfg))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.UseEndpoint(ctx, actor, "endpoint", "bge-m3", client, spaces.HeadOff, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := start(cfg).Active(ctx); err != nil {
		t.Errorf("the same model: %v", err)
	}
	named := cfg
	named.EmbedModel = "e-other"
	if _, err := start(named).Active(ctx); fault.Public(err).Code != "embedder.changed" {
		t.Errorf("another name: %v", err)
	}
	server.Embeddings(func(texts []string) ([][]float32, int) {
		out := make([][]float32, len(texts))
		for i := range out {
			out[i] = []float32{1, 0, 0, 0, 0, 0, 0, 1}
		}
		return out, 0
	})
	if _, err := start(cfg).Active(ctx); fault.Public(err).Code != "embedder.changed" {
		t.Errorf("another model under the name: %v", err)
	}
	if _, err := start(cfg).UseEndpoint(ctx, actor, "endpoint", "bge-m3", client, spaces.HeadOff, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := start(cfg).Active(ctx); err != nil {
		t.Errorf("after the space was built anew: %v", err)
	}
}

// noisy is an embedding model that half forgets what a text is about: the sum of
// a random direction for each pair of characters, one that all texts share, and
// one of the text's own.
func noisy(texts []string) ([][]float32, int) {
	direction := func(key string, size float64, v []float32) {
		h := fnv.New64a()
		h.Write([]byte(key))
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		for i := range v {
			v[i] += float32(size * rng.NormFloat64())
		}
	}
	out := make([][]float32, len(texts))
	for i, text := range texts {
		out[i] = make([]float32, 48)
		direction("all", 4, out[i])
		direction(text, 2, out[i])
		r := []rune(text)
		for k := 1; k < len(r); k++ {
			direction(string(r[k-1:k+1]), 1, out[i])
		}
	}
	return out, 0
}

// A map to classes on top of an endpoint's vectors is learned from the
// institution's own symbols, is taken because it is better on the texts held
// out, and serves after a restart; told not to, the vectors stay as they come.
func TestHeadOnAnEndpoint(t *testing.T) {
	t.Parallel()
	ctx := judge.With(context.Background(), judge.Permit{Actor: actor})
	server := llmtest.New(t, nil)
	server.Embeddings(noisy)
	db := storetest.New(t)
	cfg := llm.Config{BaseURL: server.URL, Key: llmtest.Key, EmbedModel: "bge-m3", EmbedBatch: 100, Concurrency: 4, Attempts: 1}
	client, err := llm.New(cfg, judge.Gate(db, &cfg))
	if err != nil {
		t.Fatal(err)
	}
	words := map[string][]string{
		"H01M 10/05": {"锂离子电池", "正极材料", "电解液", "隔膜", "负极"},
		"A01K 31/00": {"鹦鹉", "巢箱", "饲养", "孵化", "饮水槽"},
		"B01D 53/00": {"脱硫", "烟气", "吸收塔", "粉尘", "除雾器"},
	}
	symbols := []string{"A01K 31/00", "B01D 53/00", "H01M 10/05"}
	filler := []string{"一种", "装置", "方法", "及其", "系统", "设备", "结构", "改进"}
	rng := rand.New(rand.NewPCG(1, 1))
	var patents []store.Patent
	for i := range 240 {
		symbol := symbols[i%3]
		w := words[symbol]
		title := filler[rng.IntN(8)] + w[rng.IntN(5)] + filler[rng.IntN(8)] + w[rng.IntN(5)] + filler[rng.IntN(8)] + filler[rng.IntN(8)]
		patents = append(patents, store.Patent{Number: fmt.Sprint("document-", i), Title: title, IPC: []string{symbol}, Source: "test"})
	}
	if err := db.MergePatents(ctx, patents, 0, nil); err != nil {
		t.Fatal(err)
	}
	start := func() *spaces.Spaces {
		s, err := spaces.New(ctx, db, client)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	used, err := start().UseEndpoint(ctx, actor, "endpoint", "bge-m3", client, spaces.HeadAuto, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !used.Head || used.Held < 20 || used.With < used.Without+0.05 || used.Space.Dimension <= 48 {
		t.Errorf("%+v", used)
	}
	again := start()
	space, err := again.Active(ctx)
	if err != nil || space.ID != used.Space.ID || space.Dimension != used.Space.Dimension {
		t.Fatalf("after a restart: %v, %v", space, err)
	}
	found, err := again.SearchPatents(ctx, "一种鹦鹉孵化装置", store.PatentFilter{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, h := range found.Hits {
		if len(h.IPC) > 0 && strings.HasPrefix(h.IPC[0], "A01K") {
			same++
		}
	}
	if same < 8 {
		t.Errorf("%d of %d found are of the subclass", same, len(found.Hits))
	}
	plain, err := again.UseEndpoint(ctx, actor, "endpoint", "bge-m3", client, spaces.HeadOff, nil)
	if err != nil || plain.Head || plain.Space.Dimension != 48 || plain.Space.ID == used.Space.ID {
		t.Errorf("without: %+v, %v", plain, err)
	}
}
