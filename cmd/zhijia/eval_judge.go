package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"

	"zhijia/internal/appraisal"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/valuation/terms"
	"zhijia/prompts"
)

// evalJudge is the model as the harness asks it: every rubric, over a
// transport that replays or records.
type evalJudge struct {
	client     *llm.Client
	set        *prompts.Set
	indicators []string
}

// newEvalJudge returns what makes the judge, or nil when there is neither an
// endpoint nor a recorded reply: then the tasks that need a model do not run.
func newEvalJudge(cfg llm.Config, recordings string) func(*http.Client) (appraisal.Judge, string, error) {
	replies, _ := filepath.Glob(filepath.Join(recordings, "*.json"))
	if !cfg.On() && len(replies) == 0 {
		return nil
	}
	return func(client *http.Client) (appraisal.Judge, string, error) {
		if cfg.BaseURL == "" {
			cfg.BaseURL = "http://127.0.0.1/v1" // never called: replies are recorded
		}
		set, err := prompts.Load("")
		if err != nil {
			return nil, "", err
		}
		c, err := llm.New(cfg, llm.WithTransport(client.Transport))
		if err != nil {
			return nil, "", err
		}
		j := &evalJudge{client: c, set: set}
		seen := map[string]bool{}
		for _, p := range set.All() {
			if p.Kind == prompts.Rubric && !seen[p.Indicator] {
				seen[p.Indicator] = true
				j.indicators = append(j.indicators, p.Indicator)
			}
		}
		return j, "llm " + cfg.Model, nil
	}
}

// Judge implements appraisal.Judge.
func (j *evalJudge) Judge(ctx context.Context, s judge.Subject) judge.Judgement {
	results, err := j.client.Score(ctx, j.set, llm.Patent{Number: s.Number, Title: s.Title, Abstract: s.Abstract, Claims: s.Claims, Description: s.Description}, j.indicators)
	if err != nil {
		return judge.Judgement{Notes: []terms.Note{{Code: "MODEL-FAILED", Zh: "模型未应答。", En: "The model did not answer: " + err.Error()}}}
	}
	scores := make([]terms.IndicatorScore, len(results))
	for i, r := range results {
		dispersion := r.Dispersion
		scores[i] = terms.IndicatorScore{Code: r.Indicator, Evaluator: terms.ByModel, Dispersion: &dispersion, Reason: r.Reason, Version: r.Prompt + " " + r.Model, AsOf: s.AsOf}
		if r.Score != nil {
			v := float64(*r.Score)
			scores[i].Score = &v
		}
		for _, q := range r.Quotes {
			scores[i].Evidence = append(scores[i].Evidence, terms.Quote{Document: q.Part, Start: q.Start, End: q.End, Text: q.Text})
		}
	}
	return judge.Judgement{Scores: scores}
}

// recordingsFolder is eval/recorded of a checkout, where live replies go, or
// empty outside of one.
func recordingsFolder() string {
	folder := filepath.Join("eval", "recorded")
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return ""
	}
	return folder
}
