package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/intake"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

func registerMatches(api huma.API, s *Server) {
	tags := []string{"matching"}

	type matchScan struct {
		Body struct {
			Kinds []store.MatchKind `json:"kinds,omitempty" maxItems:"3" uniqueItems:"true" enum:"party,deal,patent" doc:"Default: all."`
		}
	}
	type matchScanned struct{ Body intake.MatchReport }
	huma.Register(api, huma.Operation{
		OperationID: "scan-matches", Method: http.MethodPost, Path: "/v1/matches:scan", Tags: tags,
		Summary:     "查找重复 Look for parties, deals and patents told twice",
		Description: "What is certain enough is taken for one; the uncertain middle waits for a person under /v1/matches. Scanning again finds nothing new and forgets no decision.",
		Metadata:    map[string]any{metaTimeout: s.opt.ImportTimeout},
	}, func(ctx context.Context, in *matchScan) (*matchScanned, error) {
		kinds := in.Body.Kinds
		if len(kinds) == 0 {
			kinds = intake.MatchKinds
		}
		p, _ := principalOf(ctx)
		rep, err := intake.Match(ctx, s.opt.DB, p.actor(), kinds, s.opt.Now())
		return &matchScanned{Body: rep}, err
	})

	type matchList struct {
		Kind    string `query:"kind" enum:"party,deal,patent" doc:"Default: any."`
		Waiting bool   `query:"waiting" doc:"Only those that wait for a person."`
		After   string `query:"after" maxLength:"40" doc:"Id of the last pair of the page before."`
		Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	type matchListed struct {
		Body struct {
			Pairs []store.MatchPair `json:"pairs"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-matches", Method: http.MethodGet, Path: "/v1/matches", Summary: "核对队列 Pairs with score, reasons and what was decided", Tags: tags,
	}, func(ctx context.Context, in *matchList) (*matchListed, error) {
		p, _ := principalOf(ctx)
		out := &matchListed{}
		var err error
		out.Body.Pairs, err = s.opt.DB.Matches(ctx, p.Institution, store.MatchFilter{Kind: store.MatchKind(in.Kind), Waiting: in.Waiting, After: in.After, Limit: in.Limit})
		return out, err
	})

	type matchDecide struct {
		ID   string `path:"id" pattern:"^mp_[0-9a-f]{24}$"`
		Body struct {
			Verdict patent.Band `json:"verdict" enum:"same,different"`
			Reason  string      `json:"reason" minLength:"1" maxLength:"2000"`
		}
	}
	type matchDecided struct {
		Body struct {
			Pair    store.MatchPair       `json:"pair"`
			History []store.MatchDecision `json:"history" doc:"Every decision, oldest first; the last counts."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "decide-match", Method: http.MethodPost, Path: "/v1/matches/{id}:decide", Tags: tags,
		Summary:     "核对结论 Decide whether a pair is one",
		Description: "Append-only: a later decision counts, the earlier stay on record. Parties: for your institution alone. Deals and patents are shared, and so is the decision.",
	}, func(ctx context.Context, in *matchDecide) (*matchDecided, error) {
		p, _ := principalOf(ctx)
		out := &matchDecided{}
		var err error
		out.Body.Pair, out.Body.History, err = s.opt.DB.DecideMatch(ctx, p.Institution, in.ID, in.Body.Verdict, in.Body.Reason, p.actor().Name, s.opt.Now())
		return out, err
	})
}
