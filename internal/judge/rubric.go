package judge

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/llm"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/indicator"
	"zhijia/internal/valuation/terms"
	"zhijia/prompts"
)

// AILabel stands before every sentence a model wrote, as the labelling rule in
// force since 2025-09-01 asks; the score's evaluator is the label in metadata.
const AILabel = "【AI生成】"

// Rubric is the judge behind a model endpoint: it decides whether a text may
// leave, asks, and keeps account. It is safe for concurrent use.
type Rubric struct {
	db     *store.DB
	set    *prompts.Set
	client *llm.Client
	cfg    llm.Config
	log    *slog.Logger
}

// NewRubric returns a judge that asks the configured endpoint. The mode a
// probe found before is taken from the store.
func NewRubric(ctx context.Context, db *store.DB, cfg llm.Config, set *prompts.Set, log *slog.Logger, options ...llm.Option) (_ *Rubric, err error) {
	defer fault.Wrap(&err, "judge.NewRubric")
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	known, err := db.Endpoint(ctx, cfg.BaseURL, cfg.Model)
	if err != nil {
		return nil, err
	}
	cfg.Found = llm.Mode(known.Mode)
	r := &Rubric{db: db, set: set, log: log}
	books := llm.Books{
		Find: db.Judgement,
		Keep: func(ctx context.Context, a llm.Answer) error {
			return db.PutJudgement(ctx, store.Judgement{
				Key: a.Key, TextHash: a.Text, Prompt: a.Prompt, Model: a.Model, Parameters: a.Params, Content: a.Content,
				PromptTokens: a.Usage.Prompt, AnswerTokens: a.Usage.Answer, MicroYuan: a.Usage.Micro,
			})
		},
		Reserve: func(ctx context.Context, most llm.Usage) (func(context.Context, llm.Usage) error, error) {
			day, err := db.ReserveModelUse(ctx, use(most), cfg.DayTokens, dayMicro(&cfg))
			return func(ctx context.Context, used llm.Usage) error {
				return db.SettleModelUse(ctx, day, use(most), use(used))
			}, err
		},
		Sent: func(ctx context.Context, e llm.Egress) error {
			from := sender(ctx)
			return db.PutEgress(ctx, store.Egress{Institution: from.Institution, Actor: from.Name, What: e.What, Host: e.Host, Bytes: int64(e.Bytes), Hash: e.Hash})
		},
		FindVector: db.CachedVector,
		KeepVector: db.PutCachedVector,
	}
	if r.client, err = llm.New(cfg, append([]llm.Option{llm.WithBooks(books)}, options...)...); err != nil {
		return nil, err
	}
	r.cfg = r.client.Config()
	return r, nil
}

func use(u llm.Usage) store.ModelUse {
	return store.ModelUse{Requests: int64(u.Requests), Tokens: u.Prompt + u.Answer, MicroYuan: u.Micro}
}

func dayMicro(cfg *llm.Config) int64 { return int64(cfg.DayYuan * 1e6) }

// Client returns the endpoint's client, e.g. as the embedder of a space.
func (r *Rubric) Client() *llm.Client { return r.client }

// Probe asks the endpoint anew how it takes structured output and whether it
// takes batches, and stores what it finds.
func (r *Rubric) Probe(ctx context.Context, actor store.Actor) (e store.Endpoint, err error) {
	defer fault.Wrap(&err, "judge.Probe")
	mode, err := r.client.Reprobe(As(ctx, actor))
	if err != nil {
		return e, err
	}
	e.Mode = string(mode)
	if batches, err := r.client.OffersBatches(ctx); err == nil {
		e.Batches = &batches
	} else {
		r.log.WarnContext(ctx, "asking the endpoint for batches", "err", err)
	}
	return e, r.db.PutEndpoint(ctx, r.cfg.BaseURL, r.cfg.Model, e)
}

func (r *Rubric) mayLeave(ctx context.Context, s Subject) (bool, error) {
	return MayLeave(ctx, r.db, s.Actor.Institution, s.Allow, s.Unpublished)
}

// Indicators returns the codes the sheet gives to the model, in its order.
func Indicators(sheet *indicator.Sheet) []string {
	var out []string
	for _, n := range sheet.Nodes {
		if slices.Contains(n.Evaluator, terms.ByModel) {
			out = append(out, n.Code)
		}
	}
	return out
}

// indicators returns the codes the active sheet gives to the model.
func (r *Rubric) indicators(ctx context.Context) []string {
	sheet := valuation.DefaultAssumptions().Sheet
	version, err := r.db.ActiveAssumptions(ctx)
	if err != nil {
		r.log.WarnContext(ctx, "reading the active assumptions", "err", err)
	}
	if body, ok, err := r.db.Assumptions(ctx, version); err == nil && ok {
		if as, err := valuation.LoadAssumptions(body.Body); err == nil {
			sheet = as.Sheet
		}
	}
	return Indicators(&sheet)
}

// text is what the endpoint may be shown of the subject.
func (s *Subject) text() llm.Patent {
	return llm.Patent{Number: s.Number, Title: s.Title, Abstract: s.Abstract, Claims: s.Claims, Description: s.Description}
}

// Judge scores the indicators the sheet gives to the model. It never fails the
// valuation.
func (r *Rubric) Judge(ctx context.Context, s Subject) Judgement {
	codes := r.indicators(ctx)
	only := func(code, zh, en string) Judgement {
		return Judgement{Notes: []terms.Note{{Code: code, Zh: zh, En: en}}}
	}
	ok, err := r.mayLeave(ctx, s)
	if err != nil || !ok {
		if err != nil {
			r.log.WarnContext(ctx, "reading the institution's consent", "err", err)
		}
		return only("MODEL-FORBIDDEN", "文本未获准外发，模型评分未进行，相关指标未知，区间相应放宽。", "The text may not leave this system, so the model was not asked; its indicators are unknown and the range is wider.")
	}
	ctx, cancel := context.WithTimeout(As(ctx, s.Actor), r.cfg.Deadline)
	defer cancel()
	if r.client.Mode() == "" {
		if _, err := r.client.Probe(ctx); err != nil {
			r.log.WarnContext(ctx, "the model endpoint did not answer the probe", "err", err)
			return only("MODEL-UNAVAILABLE", "模型服务不可用，相关指标未知，区间相应放宽。", "The model endpoint is not available; its indicators are unknown and the range is wider.")
		}
	}
	results, err := r.client.Score(ctx, r.set, s.text(), codes)
	if err != nil {
		r.log.WarnContext(ctx, "model scoring was cancelled", "err", err)
	}
	return r.report(ctx, s, results)
}

// report turns results into scores and says what was left out and what it
// cost.
func (r *Rubric) report(ctx context.Context, s Subject, results []llm.Result) (out Judgement) {
	var unknown, cut []string
	void := map[string]int{}
	var cost llm.Usage
	down, refused, kept := 0, 0, 0
	for _, x := range results {
		for k, n := range x.Void {
			void[k] += n
		}
		cost.Add(x.Usage)
		cut = x.Cut
		for _, v := range x.Votes {
			if v.Cached {
				kept++
			}
		}
		if x.Err != nil {
			if fault.KindOf(x.Err) == fault.Unsupported {
				refused++
			}
			r.log.WarnContext(ctx, "a model call failed", "indicator", x.Indicator, "err", x.Err)
		}
		if x.Score == nil {
			if x.Unknown == "endpoint" {
				down++
			}
			unknown = append(unknown, x.Indicator+"("+x.Unknown+")")
			continue
		}
		score, dispersion, confidence := float64(*x.Score), x.Dispersion, x.Confidence
		is := terms.IndicatorScore{
			Code: x.Indicator, Score: &score, Evaluator: terms.ByModel, Dispersion: &dispersion, Confidence: &confidence, AsOf: s.AsOf,
			Reason: AILabel + x.Reason, Version: x.Prompt + " " + x.Model,
		}
		for _, q := range x.Quotes {
			part := q.Part
			if q.Claim > 0 {
				part += fmt.Sprintf("#%d", q.Claim)
			} else {
				part += fmt.Sprintf("¶%d", q.Paragraph)
			}
			is.Evidence = append(is.Evidence, terms.Quote{Document: part, Start: q.Start, End: q.End, Text: q.Text})
		}
		out.Scores = append(out.Scores, is)
	}
	add := func(code, zh, en string) { out.Notes = append(out.Notes, terms.Note{Code: code, Zh: zh, En: en}) }
	if down == len(results) && down > 0 {
		add("MODEL-UNAVAILABLE", "模型服务不可用或未按时应答，相关指标未知，区间相应放宽。", "The model endpoint was not available or too slow; its indicators are unknown and the range is wider.")
	} else if len(unknown) > 0 {
		list := strings.Join(unknown, ", ")
		add("MODEL-UNKNOWN", "模型未能判定的指标："+list+"。区间相应放宽。", "The model could not tell: "+list+". The range is wider.")
	}
	if len(void) > 0 {
		text, _ := json.Marshal(void) // a map of counts always marshals, keys sorted
		add("MODEL-VOID", "模型回答核验未通过而作废的票数："+string(text)+"。", "Votes voided by verification: "+string(text)+".")
	}
	if len(cut) > 0 {
		list := strings.Join(cut, ", ")
		add("MODEL-CUT", "超出上下文长度、未完整送审的部分："+list+"。", "Parts that did not fit the context whole: "+list+".")
	}
	if refused == len(results) && refused > 0 {
		r.client.Forget() // the endpoint no longer takes what a probe found: the next valuation finds out anew
	}
	out.Use = &valuation.ModelUse{
		Host: r.client.Host(), Model: r.cfg.Model, Requests: cost.Requests, Kept: kept, PromptTokens: cost.Prompt, AnswerTokens: cost.Answer, Yuan: float64(cost.Micro) / 1e6,
	}
	return out
}
