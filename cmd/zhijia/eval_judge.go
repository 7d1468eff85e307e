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
	reader     *judge.Reader
	indicators []string
}

// newEvalJudge returns what makes the judge, or nil when there is neither an
// endpoint nor a recorded reply: then the tasks that need a model do not run.
func (f *evalFlags) newEvalJudge(g *Globals, recordings string) func(*http.Client) (appraisal.Judge, string, error) {
	cfg := f.LLM
	replies, _ := filepath.Glob(filepath.Join(recordings, "*.json"))
	if !cfg.On() && len(replies) == 0 {
		return nil
	}
	return func(client *http.Client) (appraisal.Judge, string, error) {
		set, err := prompts.Load(f.Prompts)
		if err != nil {
			return nil, "", err
		}
		gate := replayed()
		if cfg.On() {
			db, done, err := f.open(g)
			if err != nil {
				return nil, "", err
			}
			context.AfterFunc(g.ctx, done)
			gate = judge.Gate(db, &cfg)
			gate.Cache = llm.Cache{} // the harness keeps replies itself
		} else {
			cfg.BaseURL = "http://127.0.0.1/v1" // never called: replies are recorded
		}
		c, err := llm.New(cfg, gate, llm.WithTransport(client.Transport))
		if err != nil {
			return nil, "", err
		}
		j := &evalJudge{reader: judge.NewReader(c, set)}
		seen := map[string]bool{}
		for _, p := range set.All() {
			if p.Kind == prompts.Rubric && !seen[p.Indicator] {
				seen[p.Indicator] = true
				j.indicators = append(j.indicators, p.Indicator)
			}
		}
		return j, "llm " + cfg.Model + " prompts " + set.Version(), nil
	}
}

// newEvalEmbed returns what embeds texts through the configured endpoint, or
// nil when none is.
func (f *evalFlags) newEvalEmbed(g *Globals) func() (func(context.Context, []string) ([][]float32, error), string, error) {
	cfg := f.LLM
	if cfg.BaseURL == "" || cfg.EmbedModel == "" {
		return nil
	}
	return func() (func(context.Context, []string) ([][]float32, error), string, error) {
		db, done, err := f.open(g)
		if err != nil {
			return nil, "", err
		}
		context.AfterFunc(g.ctx, done)
		client, err := llm.New(cfg, judge.Gate(db, &cfg))
		if err != nil {
			return nil, "", err
		}
		yes := true
		return func(ctx context.Context, texts []string) ([][]float32, error) {
			return client.Embed(judge.With(ctx, judge.Permit{Actor: g.operator(), Allow: &yes}), texts)
		}, cfg.EmbedModel, nil
	}
}

// replayed is the gate of a client that has only recorded replies behind it:
// nothing leaves.
func replayed() llm.Gate {
	return llm.Gate{
		Consent: func(context.Context) error { return nil },
		Budget: func(context.Context, llm.Usage) (func(context.Context, llm.Usage) error, error) {
			return func(context.Context, llm.Usage) error { return nil }, nil
		},
		EgressLog: func(context.Context, llm.Egress) error { return nil },
	}
}

// Judge implements appraisal.Judge.
func (j *evalJudge) Judge(ctx context.Context, s judge.Subject) judge.Judgement {
	reading := j.reader.Read(judge.With(ctx, s.Permit), s.Text, j.indicators)
	if reading.Unfinished != "" {
		return judge.Judgement{Notes: []terms.Note{{Code: "MODEL-UNFINISHED", Zh: "模型评阅未完成：" + reading.Unfinished + "。", En: "The reading is unfinished: " + reading.Unfinished + "."}}}
	}
	scores := make([]terms.IndicatorScore, len(reading.Results))
	for i, r := range reading.Results {
		dispersion := r.Dispersion
		scores[i] = terms.IndicatorScore{Code: r.Indicator, Evaluator: terms.ByModel, Dispersion: &dispersion, Reason: r.Reason, Version: r.Prompt + " " + reading.Model, AsOf: s.AsOf}
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
