// Package judge has a language model score what rules cannot read from
// records. Start with [NewRubric]; [Rubric.Judge] reads one patent for its
// valuation, and [Rubric.Submit] many ahead of theirs. [Gate] is the one way
// out of this system.
//
// A judge never fails a valuation: what it cannot tell stays unknown, and a
// note says why.
package judge

import (
	"context"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/llm"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// Subject is what a judge may read, and whether it may leave this system.
type Subject struct {
	Text
	Permit
	Wait bool // for the model; else only answers that are kept are used
	AsOf calendar.Date
}

// Judgement is what a judge found, what it has to say about it, and what it
// used; nil is no use.
type Judgement struct {
	Scores  []terms.IndicatorScore
	Notes   []terms.Note
	Use     *valuation.ModelUse
	Pending bool // questions are open: a later reading may say more

	Unreviewed bool // by prompts of its own that no second person of the institution approved
}

// Permit says who sends a text and what was said about its leaving.
type Permit struct {
	Actor       store.Actor
	Unpublished bool  // never sent out unless Allow says so
	Allow       *bool // the request's switch; nil follows the institution
}

type permitKey struct{}

// With lets texts leave under ctx as the permit says, on the account of the
// sender's institution. Without one nothing does.
func With(ctx context.Context, p Permit) context.Context {
	return context.WithValue(store.As(ctx, p.Actor.Institution), permitKey{}, p)
}

// MayLeave reports whether a text may be sent to an endpoint: never against
// the institution's or the request's word, and an unpublished text only on the
// request's explicit one.
func MayLeave(ctx context.Context, db *store.DB, p Permit) (bool, error) {
	decided, err := db.ModelConsent(ctx, p.Actor.Institution)
	switch {
	case err != nil || decided != nil && !*decided || p.Allow != nil && !*p.Allow:
		return false, err
	case p.Unpublished:
		return p.Allow != nil && *p.Allow, nil
	}
	return true, nil
}

// Gate is the way out: consent as the permit of the context says, the day's
// account, the egress record, and the answers kept. It serves every client of
// this database.
func Gate(db *store.DB, cfg *llm.Config) llm.Gate {
	return llm.Gate{
		Consent: func(ctx context.Context) error {
			p, ok := ctx.Value(permitKey{}).(Permit)
			if ok {
				var err error
				if ok, err = MayLeave(ctx, db, p); err != nil {
					return err
				}
			}
			if !ok {
				return fault.New(fault.Forbidden, "llm.no_consent", "文本未获准外发：本机构或本次请求不允许，或文本未公开。", "The text may not leave this system: the institution or the request forbids it, or it is unpublished.")
			}
			return nil
		},
		Budget: func(ctx context.Context, most llm.Usage) (func(context.Context, llm.Usage) error, error) {
			day, err := db.ReserveModelUse(ctx, use(most), cfg.DayTokens, dayMicro(cfg))
			return func(ctx context.Context, used llm.Usage) error {
				return db.SettleModelUse(ctx, day, use(most), use(used))
			}, err
		},
		EgressLog: func(ctx context.Context, e llm.Egress) error {
			p, _ := ctx.Value(permitKey{}).(Permit)
			return db.PutEgress(ctx, store.Egress{Institution: p.Actor.Institution, Actor: p.Actor.Name, What: e.What, Host: e.Host, Bytes: int64(e.Bytes), Hash: e.Hash})
		},
		Cache: llm.Cache{
			Find: func(ctx context.Context, key string) (llm.Answer, bool, error) {
				j, ok, err := db.Judgement(ctx, key, llm.VoidLife)
				return llm.Answer{Content: j.Content, Void: j.Void}, ok, err
			},
			Keep: func(ctx context.Context, a llm.Answer) error {
				return db.PutJudgement(ctx, store.Judgement{
					Key: a.Key, TextHash: a.Text, Prompt: a.Prompt, Model: a.Model, Parameters: a.Params, Content: a.Content, Void: a.Void,
					PromptTokens: a.Usage.Prompt, AnswerTokens: a.Usage.Answer, MicroYuan: a.Usage.Micro,
				})
			},
			FindVector: db.CachedVector,
			KeepVector: db.PutCachedVector,
		},
	}
}

func use(u llm.Usage) store.ModelUse {
	return store.ModelUse{Requests: int64(u.Requests), Tokens: u.Prompt + u.Answer, MicroYuan: u.Micro}
}

func dayMicro(cfg *llm.Config) int64 { return int64(cfg.DayYuan * 1e6) }
