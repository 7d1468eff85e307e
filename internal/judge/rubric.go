package judge

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/jobs"
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
// leave, has it read, and keeps account. It is safe for concurrent use.
type Rubric struct {
	db     *store.DB
	queue  *jobs.Queue
	client *llm.Client
	reader *Reader
	cfg    llm.Config
	prompt string   // of the set in use
	own    []string // its templates that do not ship with the program
	log    *slog.Logger
	sheets sync.Map // version of the assumptions -> []string, the codes for the model
}

// NewRubric returns a judge that asks the configured endpoint. What a probe
// found before is taken from the store.
func NewRubric(ctx context.Context, db *store.DB, cfg llm.Config, set *prompts.Set, log *slog.Logger, options ...llm.Option) (_ *Rubric, err error) {
	defer fault.Wrap(&err, "judge.NewRubric")
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	known, err := db.Endpoint(ctx, cfg.BaseURL, cfg.Model)
	if err != nil {
		return nil, err
	}
	cfg.Found = llm.Found{Mode: llm.Mode(known.Mode), Digest: known.Digest, Window: known.Window}
	client, err := llm.New(cfg, Gate(db, &cfg), options...)
	if err != nil {
		return nil, err
	}
	queue, err := jobs.New(db, log)
	if err != nil {
		return nil, err
	}
	return &Rubric{db: db, queue: queue, client: client, reader: NewReader(client, set), cfg: client.Config(), prompt: set.Version(), own: set.Own(), log: log}, nil
}

// Client returns the endpoint's client, e.g. as the embedder of a space.
func (r *Rubric) Client() *llm.Client { return r.client }

// Reader returns what reads patents, e.g. for the tasks beside scoring.
func (r *Rubric) Reader() *Reader { return r.reader }

// Probe asks the endpoint anew how it takes structured output and whether it
// takes batches, and stores what it finds.
func (r *Rubric) Probe(ctx context.Context, actor store.Actor) (e store.Endpoint, err error) {
	defer fault.Wrap(&err, "judge.Probe")
	found, err := r.reader.Probe(With(ctx, Permit{Actor: actor}))
	if err != nil {
		return e, err
	}
	e.Mode, e.Digest, e.Window = string(found.Mode), found.Digest, found.Window
	if batches, err := r.client.OffersBatches(ctx); err == nil {
		e.Batches = &batches
	} else {
		r.log.WarnContext(ctx, "asking the endpoint for batches", "err", err)
	}
	return e, r.db.PutEndpoint(ctx, r.cfg.BaseURL, r.cfg.Model, e)
}

// Cost is the most that one call about a text takes, on the safe side. Nothing
// is sent.
func (r *Rubric) Cost(ctx context.Context, p Text) (most llm.Usage, err error) {
	defer fault.Wrap(&err, "judge.Cost(%s)", p.Number)
	_, pending, err := r.reader.Kept(ctx, p, r.indicators(ctx))
	for _, q := range pending {
		most.Add(q.Most)
	}
	return most, err
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
	version, err := r.db.ActiveAssumptions(ctx)
	if err != nil {
		r.log.WarnContext(ctx, "reading the active assumptions", "err", err)
	}
	if codes, ok := r.sheets.Load(version); ok {
		return codes.([]string)
	}
	sheet := valuation.DefaultAssumptions().Sheet
	if body, ok, err := r.db.Assumptions(ctx, version); err == nil && ok {
		if as, err := valuation.LoadAssumptions(body.Body); err == nil {
			sheet = as.Sheet
		}
	}
	codes := Indicators(&sheet)
	r.sheets.Store(version, codes)
	return codes
}

// Judge scores the indicators the sheet gives to the model. It never fails the
// valuation.
func (r *Rubric) Judge(ctx context.Context, s Subject) Judgement {
	only := func(code, zh, en string) Judgement {
		return Judgement{Notes: []terms.Note{{Code: code, Zh: zh, En: en}}}
	}
	ok, err := MayLeave(ctx, r.db, s.Permit)
	if err != nil || !ok {
		if err != nil {
			r.log.WarnContext(ctx, "reading the institution's consent", "err", err)
		}
		return only("MODEL-FORBIDDEN", "文本未获准外发，模型评分未进行，相关指标未知，区间相应放宽。", "The text may not leave this system, so the model was not asked; its indicators are unknown and the range is wider.")
	}
	ctx = With(ctx, s.Permit)
	codes := r.indicators(ctx)
	if !s.Wait {
		reading, pending, err := r.reader.Kept(ctx, s.Text, codes)
		if err == nil && len(pending) == 0 && reading.Unfinished == "" {
			return r.report(ctx, &s, &reading)
		}
		if err != nil {
			r.log.WarnContext(ctx, "looking up kept answers", "err", err)
		}
		out := only("MODEL-PENDING", "模型尚未评阅本专利，本次未等待；相关指标未知，区间相应放宽。评阅完成后可出具修订意见。",
			"The model has not read this patent yet and was not waited for; its indicators are unknown and the range is wider. A revision can follow once it has.")
		out.Pending = true
		return out
	}
	wait, cancel := context.WithTimeout(ctx, r.cfg.Deadline)
	defer cancel()
	reading := r.reader.Read(wait, s.Text, codes)
	return r.report(ctx, &s, &reading)
}

// unreviewed reports whether nobody of the institution but who set them up stands
// by templates that do not ship with the program, and asks for it.
func (r *Rubric) unreviewed(ctx context.Context, s *Subject) bool {
	if len(r.own) == 0 {
		return false
	}
	_, approved, err := r.db.Approval(ctx, s.Actor.Institution, store.ProposeRubric, r.prompt)
	if err == nil && approved == "" {
		err = r.db.Propose(ctx, s.Actor, store.ProposeRubric, r.prompt, map[string]any{"version": r.prompt, "prompts": r.own}, time.Now().UTC().Truncate(time.Microsecond))
	}
	if err != nil {
		r.log.WarnContext(ctx, "asking for the approval of the prompts", "err", err)
	}
	return approved == ""
}

// report turns a reading into scores and says what was left out and what it
// cost.
func (r *Rubric) report(ctx context.Context, s *Subject, reading *Reading) (out Judgement) {
	note := func(code, zh, en string) {
		out.Notes = append(out.Notes, terms.Note{Code: code, Zh: zh, En: en})
	}
	cost := reading.Usage
	if reading.Calls > 0 {
		out.Use = &valuation.ModelUse{
			Host: r.client.Host(), Model: r.cfg.Model, Requests: cost.Requests, Kept: reading.Kept, PromptTokens: cost.Prompt, AnswerTokens: cost.Answer, Yuan: float64(cost.Micro) / 1e6,
		}
	}
	if len(reading.Cut) > 0 {
		list := strings.Join(reading.Cut, ", ")
		note("MODEL-CUT", "超出上下文长度、未完整送审的部分："+list+"。", "Parts that did not fit the context whole: "+list+".")
	}
	if reading.Unfinished != "" {
		r.unfinished(ctx, s, reading, note)
		return out
	}
	proven, err := r.db.StudyPassed(ctx, s.Actor.Institution, r.cfg.Model, r.prompt)
	if err != nil {
		r.log.WarnContext(ctx, "reading the agreement study", "err", err)
	}
	out.Unreviewed = r.unreviewed(ctx, s)
	for i := range reading.Results {
		if x := &reading.Results[i]; x.Score != nil {
			out.Scores = append(out.Scores, r.score(s, x, proven))
		}
	}
	if unknown := reading.Unknowns(); len(unknown) > 0 {
		list := strings.Join(unknown, ", ")
		note("MODEL-UNKNOWN", "模型未能判定的指标："+list+"。区间相应放宽。", "The model could not tell: "+list+". The range is wider.")
	}
	if void := reading.Voids(); len(void) > 0 {
		text, _ := json.Marshal(void) // a map of counts always marshals, keys sorted
		note("MODEL-VOID", "模型回答核验未通过而作废的票数："+string(text)+"。", "Votes voided by verification: "+string(text)+".")
	}
	if len(out.Scores) > 0 && !proven {
		note("MODEL-UNPROVEN", "本机构尚无通过的评分一致性检验（zhijia eval agreement），模型评分只影响点值，不收窄区间。",
			"No agreement study of this institution has passed (zhijia eval agreement): the model's scores move the value and narrow no range.")
	}
	return out
}

// score is a result as evidence. What no study has proven narrows no range: all
// of it counts as doubt.
func (r *Rubric) score(s *Subject, x *Result, proven bool) terms.IndicatorScore {
	score, dispersion, confidence := float64(*x.Score), x.Dispersion, x.Confidence
	if !proven {
		confidence = 0
	}
	is := terms.IndicatorScore{
		Code: x.Indicator, Score: &score, Evaluator: terms.ByModel, Dispersion: &dispersion, Confidence: &confidence, AsOf: s.AsOf,
		Reason: AILabel + "选“" + x.Anchor + "”：" + x.Reason, Version: x.Prompt + " " + r.cfg.Model,
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
	return is
}

// unfinished says why there is no reading.
func (r *Rubric) unfinished(ctx context.Context, s *Subject, reading *Reading, note func(code, zh, en string)) {
	r.log.WarnContext(ctx, "a reading did not come to its end", "patent", s.Number, "why", reading.Unfinished, "err", reading.Err)
	zh, en := "模型的回答不可用（"+reading.Unfinished+"）。", "The model's answer cannot be used ("+reading.Unfinished+")."
	code := "MODEL-UNFINISHED"
	if reading.Err != nil {
		pub := fault.Public(reading.Err)
		zh, en = pub.Zh, pub.En
		switch fault.KindOf(reading.Err) {
		case fault.Unsupported:
			r.client.Forget() // it no longer takes what a probe found: the next reading finds out anew
			code = "MODEL-UNAVAILABLE"
		case fault.Unavailable, fault.RateLimited:
			code = "MODEL-UNAVAILABLE"
		case fault.Timeout:
			zh, en, code = "模型未在时限内答完。", "The model did not answer in time.", "MODEL-UNAVAILABLE"
		}
	}
	note(code, "模型评阅未完成，全部模型指标按未知处理，区间相应放宽。原因："+zh, "The model's reading is unfinished; all its indicators are unknown and the range is wider. "+en)
}

// Chosen returns what the kept reading of a text chose by indicator, nil where it
// could not tell; nothing is asked. A text without a whole kept reading has none.
func (r *Rubric) Chosen(ctx context.Context, a store.Actor, p Text) (map[string]*int, error) {
	out := map[string]*int{}
	if r.client.Found().Mode == "" {
		return out, nil
	}
	reading, pending, err := r.reader.Kept(store.As(ctx, a.Institution), p, r.indicators(ctx))
	if err != nil || len(pending) > 0 || reading.Unfinished != "" {
		return out, err
	}
	for _, x := range reading.Results {
		out[x.Indicator] = x.Score
	}
	return out, nil
}
