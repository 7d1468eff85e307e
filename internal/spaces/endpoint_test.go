package spaces_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"zhijia/internal/appraisal"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
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
	client, err := llm.New(llm.Config{
		BaseURL: server.URL, Key: llmtest.Key, EmbedModel: "bge-m3", EmbedBatch: 16, EmbedLimit: 8000, Concurrency: 4, Attempts: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	db := storetest.New(t)
	svc, err := appraisal.New(ctx, db, appraisal.Options{Embedder: client})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.LoadFacts(ctx); err != nil {
		t.Fatal(err)
	}
	space, err := svc.Spaces().UseEndpoint(ctx, "endpoint", "bge-m3", client, nil)
	if err != nil {
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
	if !strings.HasPrefix(c.Retrieval.Space, "endpoint/bge-m3/") || c.Retrieval.Space != space.String() || c.Comparables[0].Similar.Text == nil {
		t.Errorf("space %q, first comparable %+v", c.Retrieval.Space, c.Comparables[0].Similar)
	}
	// The institution's word stands above the request's, for vectors as for scores.
	if err := db.SetModelConsent(ctx, actor.Institution, false, "test"); err != nil {
		t.Fatal(err)
	}
	calls = server.EmbedCalls()
	if c = value(t, svc, req); server.EmbedCalls() != calls || c.Comparables[0].Similar.Text != nil {
		t.Error("a text left to the embedder although the institution forbids it")
	}
	if err := db.SetModelConsent(ctx, actor.Institution, true, "test"); err != nil {
		t.Fatal(err)
	}
	server.Embeddings(func([]string) ([][]float32, int) { return nil, http.StatusServiceUnavailable })
	c = value(t, svc, req)
	flagged := false
	for _, f := range c.Flags {
		flagged = flagged || f.Code == "EMBEDDER-OFF"
	}
	if c.Status != valuation.Valued || !flagged || len(c.Comparables) == 0 || c.Comparables[0].Similar.Text != nil {
		t.Errorf("without the endpoint: %s, flagged %v, %d comparables", c.Status, flagged, len(c.Comparables))
	}
}
