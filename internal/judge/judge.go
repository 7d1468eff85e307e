// Package judge has a language model score what rules cannot read from
// records. Start with [NewRubric]; [Rubric.Judge] reads one patent for its
// valuation, and [Rubric.Submit] many ahead of theirs.
//
// A judge never fails a valuation: what it cannot tell stays unknown, and a
// note says why. No text leaves this system before [MayLeave] agreed.
package judge

import (
	"context"

	"zhijia/internal/calendar"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// Subject is what a judge may read, and whether it may leave this system.
type Subject struct {
	Actor       store.Actor
	Number      string
	Title       string
	Abstract    string
	Claims      string
	Description string
	Unpublished bool  // never sent out unless Allow says so
	Allow       *bool // the request's switch; nil follows the institution
	AsOf        calendar.Date
}

// Judgement is what a judge found, what it has to say about it, and what it
// used; nil is no use.
type Judgement struct {
	Scores []terms.IndicatorScore
	Notes  []terms.Note
	Use    *valuation.ModelUse
}

// MayLeave reports whether a text may be sent to an endpoint: never against
// the institution's or the request's word, and an unpublished text only on the
// request's explicit one.
func MayLeave(ctx context.Context, db *store.DB, institution string, allow *bool, unpublished bool) (bool, error) {
	decided, err := db.ModelConsent(ctx, institution)
	switch {
	case err != nil || decided != nil && !*decided || allow != nil && !*allow:
		return false, err
	case unpublished:
		return allow != nil && *allow, nil
	}
	return true, nil
}

type senderKey struct{}

// As names who sends what leaves under ctx, for the egress log.
func As(ctx context.Context, actor store.Actor) context.Context {
	return context.WithValue(ctx, senderKey{}, actor)
}

// systemActor is who acts when no caller does, e.g. embedding the corpus.
var systemActor = store.Actor{Name: "system", Institution: "system"}

// sender returns who sends under ctx.
func sender(ctx context.Context) store.Actor {
	if a, ok := ctx.Value(senderKey{}).(store.Actor); ok {
		return a
	}
	return systemActor
}
