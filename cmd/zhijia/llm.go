package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/store"
	"zhijia/prompts"
)

// modelFlags are the settings of the model endpoint.
type modelFlags struct {
	LLM     llm.Config `embed:"" prefix:"llm-"`
	Prompts string     `name:"prompts" env:"ZHIJIA_PROMPTS" group:"Model" placeholder:"DIR" help:"Folder whose templates override the embedded ones."`

	judge *judge.Rubric // set by options, when a model is configured
}

// options adds the judge and the embedder of the configured endpoint; without
// one they stay off.
func (f *modelFlags) options(ctx context.Context, db *store.DB, log *slog.Logger, o appraisal.Options) (appraisal.Options, error) {
	if !f.LLM.On() {
		return o, nil
	}
	rubric, err := f.rubric(ctx, db, log)
	if err != nil {
		return o, err
	}
	if f.LLM.Model != "" {
		o.Judge, f.judge = rubric, rubric
	}
	if f.LLM.EmbedModel != "" {
		o.Embedder = rubric.Client()
	}
	return o, nil
}

// scoring probes the configured endpoint in the background and returns what
// works scoring runs; nothing without an endpoint.
func (f *modelFlags) scoring(ctx context.Context, o judge.RunOptions) []jobs.Worker {
	if f.judge == nil {
		return nil
	}
	go f.judge.ProbeAtStart(ctx)
	return f.judge.Workers(o)
}

func (f *modelFlags) rubric(ctx context.Context, db *store.DB, log *slog.Logger) (*judge.Rubric, error) {
	if !f.LLM.On() {
		return nil, fault.New(fault.Invalid, "llm.off", "未配置模型服务（ZHIJIA_LLM_BASE_URL）。", "No model endpoint is configured (ZHIJIA_LLM_BASE_URL).")
	}
	set, err := prompts.Load(f.Prompts)
	if err != nil {
		return nil, err
	}
	return judge.NewRubric(ctx, db, f.LLM, set, log)
}

// scoredService opens the database and a service with the configured model.
func (f *modelFlags) scoredService(g *Globals, d *Database) (*appraisal.Service, *store.DB, func(), error) {
	db, done, err := d.open(g)
	if err != nil {
		return nil, nil, nil, err
	}
	o, err := f.options(g.ctx, db, slog.New(slog.NewTextHandler(g.stderr, &slog.HandlerOptions{Level: slog.LevelError})), appraisal.Options{Days: g.days})
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	svc, err := appraisal.New(g.ctx, db, o)
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	return svc, db, done, nil
}

// llmCmd looks after the model endpoint.
type llmCmd struct {
	Probe   llmProbeCmd   `cmd:"" help:"Find how the endpoint takes structured output and whether it takes batches, and store it."`
	Score   llmScoreCmd   `cmd:"" help:"Score many stored patents ahead, so that their valuations find the answers."`
	Runs    llmRunsCmd    `cmd:"" help:"List scoring runs, newest first, or show one."`
	Cancel  llmCancelCmd  `cmd:"" help:"Stop a scoring run; what was answered stays."`
	Presets llmPresetsCmd `cmd:"" help:"Show documented presets of providers."`
	Egress  llmEgressCmd  `cmd:"" help:"Show every text that left this system, newest first."`
	Consent llmConsentCmd `cmd:"" help:"Allow or forbid that an institution's texts are sent to the endpoint."`
	Cost    llmCostCmd    `cmd:"" help:"Count what one reading of a stored patent costs, in tokens and in yuan by preset."`
	Forget  llmForgetCmd  `cmd:"" help:"Drop kept answers so that the questions are put anew: those that cannot be used, or all."`
	Usage   llmUsageCmd   `cmd:"" help:"Show what the endpoint was used for today."`
}

type llmProbeCmd struct {
	Database
	modelFlags
}

func (c *llmProbeCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	rubric, err := c.rubric(g.ctx, db, slog.New(slog.NewTextHandler(g.stderr, nil)))
	if err != nil {
		return err
	}
	found, err := rubric.Probe(g.ctx, g.operator())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"base_url": c.LLM.BaseURL, "model": c.LLM.Model, "mode": found.Mode, "batches": found.Batches, "digest": found.Digest, "context_tokens": found.Window})
	}
	batches := "unknown"
	if found.Batches != nil {
		batches = map[bool]string{true: "yes", false: "no"}[*found.Batches]
	}
	fmt.Fprintf(g.stdout, "%s %s: %s, batches: %s", c.LLM.BaseURL, c.LLM.Model, found.Mode, batches)
	if found.Window > 0 {
		fmt.Fprintf(g.stdout, ", context: %d tokens", found.Window)
	}
	if found.Digest != "" {
		fmt.Fprintf(g.stdout, ", digest: %s", found.Digest)
	}
	fmt.Fprintln(g.stdout)
	return nil
}

type llmForgetCmd struct {
	Database
	Model string `help:"Only answers of this model." placeholder:"NAME"`
	Text  string `help:"Only answers about this text: the hash in the egress log or the record." placeholder:"SHA256"`
	All   bool   `help:"Also answers that can be used."`
}

func (c *llmForgetCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	a := g.operator()
	n, err := db.ForgetJudgements(g.ctx, c.Model, c.Text, c.All, store.Act{Institution: a.Institution, Actor: a.Name, Action: "model.forget", Subject: cmp.Or(c.Model, "all models")})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"forgotten": n})
	}
	fmt.Fprintf(g.stdout, "已忘记 %d 个回答。\n", n)
	return nil
}

type llmPresetsCmd struct{}

func (c *llmPresetsCmd) Run(g *Globals) error {
	if g.JSON {
		return g.print(llm.Presets())
	}
	for _, p := range llm.Presets() {
		fmt.Fprintf(g.stdout, "%-13s %-52s %-18s %-12s %s\n", p.Name, p.BaseURL, p.Model, p.Mode, p.Residing)
		if p.Extra != "" {
			fmt.Fprintf(g.stdout, "%-13s --llm-extra '%s'\n", "", p.Extra)
		}
		if p.Settings != "" {
			fmt.Fprintf(g.stdout, "%-13s %s\n", "", p.Settings)
		}
		fmt.Fprintf(g.stdout, "%-13s batches: %t; documented at %s, read %s, not measured here\n", "", p.Batch, p.Source, p.Checked)
	}
	return nil
}

type llmEgressCmd struct {
	Database
	Before int64 `help:"Only entries before this id."`
	Limit  int   `help:"Entries shown." default:"50"`
}

func (c *llmEgressCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	log, err := db.EgressLog(g.ctx, g.Institution, c.Before, c.Limit)
	if err != nil {
		return err
	}
	if g.JSON {
		if log == nil {
			log = []store.Egress{}
		}
		return g.print(log)
	}
	for _, e := range log {
		fmt.Fprintf(g.stdout, "%d  %s  %s/%s  %s  %s  %d bytes  %.12s\n", e.ID, e.At.UTC().Format("2006-01-02 15:04:05"), e.Institution, e.Actor, e.Host, e.What, e.Bytes, e.Hash)
	}
	return nil
}

type llmConsentCmd struct {
	Database
	Of     string `arg:"" name:"institution" help:"Institution."`
	Allow  bool   `xor:"word" required:"" help:"Published texts may be sent."`
	Forbid bool   `xor:"word" required:"" help:"No text may be sent, whatever a request says."`
}

func (c *llmConsentCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	set, err := db.SetModelConsent(g.ctx, store.Actor{Name: g.operator().Name, Institution: c.Of}, c.Allow, time.Now().UTC())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"institution": c.Of, "allowed": set.Allowed, "waiting": set.Waiting})
	}
	fmt.Fprintf(g.stdout, "%s: %t\n", c.Of, set.Allowed)
	if set.Waiting {
		fmt.Fprintln(g.stdout, waitsZh)
	}
	return nil
}

type llmUsageCmd struct{ Database }

func (c *llmUsageCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	u, err := db.ModelUseToday(g.ctx)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(u)
	}
	fmt.Fprintf(g.stdout, "%d requests, %d tokens, %.4f yuan today (UTC)\n", u.Requests, u.Tokens, float64(u.MicroYuan)/1e6)
	return nil
}
