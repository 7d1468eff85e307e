package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/intake"
	"zhijia/internal/patent"
)

// MatchPair is two records that may be one and the same.
type MatchPair struct {
	ID      string      `json:"id"`
	Kind    string      `json:"kind" enum:"party,deal,patent"`
	A       string      `json:"a" doc:"Key: folded name, deal id or patent number."`
	B       string      `json:"b"`
	AShown  string      `json:"a_shown" doc:"As a source writes it, and which."`
	BShown  string      `json:"b_shown"`
	Score   float64     `json:"score"`
	Band    patent.Band `json:"band" enum:"same,uncertain,different" doc:"same: taken for one without asking; uncertain: for a person."`
	Reasons []string    `json:"reasons"`
	FoundAt time.Time   `json:"found_at"`

	Verdict   patent.Band `json:"verdict,omitempty" enum:"same,different" doc:"Absent: nobody decided."`
	Reason    string      `json:"reason,omitempty"`
	DecidedBy string      `json:"decided_by,omitempty"`
	DecidedAt *time.Time  `json:"decided_at,omitempty"`
}

func describePair(p *intake.Pair) MatchPair {
	return MatchPair{
		ID: p.ID, Kind: string(p.Kind), A: p.A, B: p.B, AShown: p.AShown, BShown: p.BShown, Score: p.Score, Band: p.Band, Reasons: p.Reasons, FoundAt: p.FoundAt,
		Verdict: p.Verdict, Reason: p.Reason, DecidedBy: p.DecidedBy, DecidedAt: p.DecidedAt,
	}
}

// MatchDecision is what a person once decided about a pair.
type MatchDecision struct {
	Verdict patent.Band `json:"verdict" enum:"same,different"`
	Reason  string      `json:"reason"`
	By      string      `json:"by"`
	At      time.Time   `json:"at"`
}

type (
	matchScan struct {
		Body struct {
			Kinds []intake.Kind `json:"kinds,omitempty" maxItems:"3" uniqueItems:"true" enum:"party,deal,patent" doc:"Default: all."`
		}
	}
	matchQuery struct {
		PageQuery
		Kind    string `query:"kind" enum:"party,deal,patent" doc:"Default: any."`
		Waiting bool   `query:"waiting" doc:"Only those that wait for a person."`
	}
	matchList struct {
		Pairs []MatchPair `json:"pairs"`
		Page
	}
	matchDecide struct {
		ID   string `path:"id" pattern:"^mp_[0-9a-f]{24}$"`
		Body struct {
			Verdict patent.Band `json:"verdict" enum:"same,different"`
			Reason  string      `json:"reason" minLength:"1" maxLength:"2000"`
		}
	}
	matchDecided struct {
		Pair    MatchPair       `json:"pair"`
		History []MatchDecision `json:"history" doc:"Every decision, oldest first; the last counts."`
	}
)

func registerMatches(api huma.API, s *Server) {
	tags := []string{"matching"}
	huma.Register(api, huma.Operation{
		OperationID: "scan-matches", Method: http.MethodPost, Path: "/v1/matches:scan", Tags: tags,
		Summary:     "查找重复 Find duplicate records of parties, deals and patents",
		Description: "What is certain enough is taken for one; the uncertain middle waits for a person under /v1/matches. Scanning again finds nothing new and forgets no decision.",
		Metadata:    map[string]any{metaTimeout: s.gate.ImportTimeout},
	}, s.scanMatches)
	huma.Register(api, huma.Operation{
		OperationID: "list-matches", Method: http.MethodGet, Path: "/v1/matches", Summary: "核对队列 Pairs with score, reasons and what was decided", Tags: tags,
	}, s.listMatches)
	huma.Register(api, huma.Operation{
		OperationID: "decide-match", Method: http.MethodPost, Path: "/v1/matches/{id}:decide", Tags: tags,
		Summary:     "核对结论 Decide whether a pair is one",
		Description: "Append-only: a later decision counts, the earlier stay on record. Parties: for your institution alone. Deals and patents are shared, and so is the decision.",
	}, s.decideMatch)
}

func (s *Server) scanMatches(ctx context.Context, in *matchScan) (*reply[intake.MatchReport], error) {
	rep, err := s.opt.Intake.Scan(ctx, actor(ctx), in.Body.Kinds)
	return &reply[intake.MatchReport]{rep}, err
}

func (s *Server) listMatches(ctx context.Context, in *matchQuery) (*reply[matchList], error) {
	pairs, next, err := s.opt.Intake.Pairs(ctx, actor(ctx), intake.PairQuery{Kind: intake.Kind(in.Kind), Waiting: in.Waiting}, in.Cursor, in.Limit)
	return &reply[matchList]{matchList{each(pairs, describePair), pageTo(next)}}, err
}

func (s *Server) decideMatch(ctx context.Context, in *matchDecide) (*reply[matchDecided], error) {
	pair, history, err := s.opt.Intake.Decide(ctx, actor(ctx), in.ID, in.Body.Verdict, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &reply[matchDecided]{matchDecided{describePair(&pair), each(history, func(d *intake.Decision) MatchDecision { return MatchDecision(*d) })}}, nil
}
