package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/intake"
	"zhijia/internal/ledger"
	"zhijia/internal/valuation"
)

// LedgerDeal is a deal an institution sees, with why it is no comparable.
type LedgerDeal struct {
	ID           string             `json:"id"`
	Title        string             `json:"title"`
	Numbers      []string           `json:"numbers"`
	Patents      *int               `json:"patents"`
	PatentKind   string             `json:"patent_kind"`
	Amount       *float64           `json:"amount" doc:"Whole consideration, in currency."`
	Currency     string             `json:"currency"`
	PriceKind    string             `json:"price_kind"`
	DealKind     string             `json:"deal_kind"`
	Date         calendar.Date      `json:"date"`
	Seller       string             `json:"seller"`
	Buyer        string             `json:"buyer"`
	Market       string             `json:"market"`
	Event        string             `json:"event" doc:"Session or notice that several deals share; empty: the page, or the seller's day."`
	RelatedParty *bool              `json:"related_party"`
	Appraised    *float64           `json:"appraised"`
	SourceType   string             `json:"source_type"`
	SourceURL    string             `json:"source_url"`
	DuplicateOf  string             `json:"duplicate_of"`
	Own          bool               `json:"own" doc:"The institution's own; otherwise public."`
	Validity     valuation.Validity `json:"validity" doc:"code is empty when the deal is a comparable."`
	Decided      *DealDecision      `json:"decided,omitempty" doc:"What a person said against the rules."`
}

// WaitingReading is a text that was read for deals, of which rows wait.
type WaitingReading struct {
	ID      string    `json:"id"`
	Source  string    `json:"source"`
	Rows    int       `json:"rows" doc:"Read of it."`
	Waiting int       `json:"waiting" doc:"Rows that nobody has accepted or rejected."`
	By      string    `json:"read_by"`
	At      time.Time `json:"read_at"`
}

// DealDecision is what a person once said of a deal's validity.
type DealDecision struct {
	Code   string    `json:"code" doc:"Empty: it counts."`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`

	ApprovedBy string `json:"approved_by,omitempty" doc:"Another person; absent: nobody else stands by it (未经复核)."`
}

func describeDecision(d *ledger.Decided) DealDecision { return DealDecision(*d) }

func describeDeal(d *ledger.Listed) LedgerDeal {
	out := LedgerDeal{
		ID: d.ID, Title: d.Title, Numbers: append([]string{}, d.Numbers...), Patents: d.Patents, PatentKind: d.PatentKind, Amount: d.Amount, Currency: d.Currency, PriceKind: d.PriceKind, DealKind: d.DealKind,
		Date: d.Date, Seller: d.Seller, Buyer: d.Buyer, Market: d.Market, Event: d.Event, RelatedParty: d.RelatedParty, Appraised: d.Appraised, SourceType: d.SourceType, SourceURL: d.SourceURL,
		DuplicateOf: d.DuplicateOf, Own: d.Own, Validity: d.Validity,
	}
	if d.Decided != nil {
		x := describeDecision(d.Decided)
		out.Decided = &x
	}
	return out
}

type (
	dealQuery struct {
		PageQuery
		Own     bool   `query:"own" doc:"The institution's own only."`
		Refused bool   `query:"refused" doc:"Those that are no comparables only."`
		Market  string `query:"market" enum:"private,showcase,corporate,court,distress,unknown" doc:"Default: any."`
	}
	dealList struct {
		Deals []LedgerDeal `json:"deals"`
		Page
	}
	dealJudge struct {
		ID   string `path:"id" minLength:"1" maxLength:"100"`
		Body struct {
			Code   string `json:"code" maxLength:"40" doc:"Validity code, e.g. PART-INTEREST; empty: the deal counts."`
			Reason string `json:"reason" minLength:"1" maxLength:"2000"`
		}
	}
	dealJudged struct {
		History []DealDecision `json:"history" doc:"Every decision, oldest first; the last counts."`
		Waiting bool           `json:"waiting,omitempty" doc:"The decision counts once another person approves it."`
	}
	calibrate struct {
		Body struct {
			Before   string              `json:"before,omitempty" format:"date" doc:"Use deals before this day. Default: today."`
			Activate bool                `json:"activate,omitempty" doc:"Use the fit for new valuations when the comparison supports it."`
			Force    bool                `json:"force,omitempty" doc:"With activate: use it whatever the comparison says."`
			Shared   []ledger.Statistics `json:"shared,omitempty" maxItems:"20" doc:"Other institutions' statistics, as labelled priors."`
		}
	}
	driftQuery struct {
		Since string `query:"since" required:"true" format:"date" doc:"Deals from this day on are held against what was known before it."`
	}
	driftWatch struct {
		Body struct {
			Since string `json:"since" format:"date" doc:"Deals from this day on are held against what was known before it."`
		}
	}
	driftWatched struct {
		*ledger.Drift
		Changed int `json:"alerts_changed" doc:"Alerts raised, restated or settled."`
	}
	exportQuery struct {
		Label string `query:"label" maxLength:"100" doc:"How other institutions shall call the sender."`
	}
)

// registerLedger serves the institution's own deals: list, validity, calibration
// and drift.
func registerLedger(api huma.API, s *Server) {
	tags := []string{"ledger"}
	huma.Register(api, huma.Operation{
		OperationID: "list-deals", Method: http.MethodGet, Path: "/v1/deals", Tags: tags,
		Summary:     "台账 Deals the institution sees",
		Description: "Its own, and those of the public corpus it has not brought itself, in the order of their ids, each with why it is no comparable.",
	}, func(ctx context.Context, in *dealQuery) (*reply[dealList], error) {
		found, next, err := s.opt.Ledger.List(ctx, actor(ctx), ledger.Query{Own: in.Own, Refused: in.Refused, Market: in.Market}, in.Cursor, in.Limit)
		return &reply[dealList]{dealList{each(found, describeDeal), pageTo(next)}}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "screen-deals", Method: http.MethodPost, Path: "/v1/deals:screen", Tags: tags,
		Summary:     "筛查成交 Judge every own deal by the rules of validity",
		Description: "Related parties, tokens, part interests, bundles with plant or know-how, sales by force, dead rights, unknown counts, unit errors, repeats. What a person decided stays.",
		Metadata:    map[string]any{metaTimeout: s.gate.ImportTimeout},
	}, func(ctx context.Context, _ *struct{}) (*reply[intake.ScreenReport], error) {
		rep, err := s.opt.Ledger.Screen(ctx, actor(ctx))
		return &reply[intake.ScreenReport]{rep}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "judge-deal", Method: http.MethodPost, Path: "/v1/deals/{id}:validity", Tags: tags,
		Summary:     "改判效力 Say whether an own deal counts",
		Description: "Against the rules, with a reason. Append-only and audited: a later decision counts, the earlier stay on record. Where another person of the institution approves, it waits for him; else it counts at once and is marked 未经复核.",
	}, func(ctx context.Context, in *dealJudge) (*reply[dealJudged], error) {
		history, waiting, err := s.opt.Ledger.Judge(ctx, actor(ctx), in.ID, in.Body.Code, in.Body.Reason)
		return &reply[dealJudged]{dealJudged{each(history, describeDecision), waiting}}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "calibrate-ledger", Method: http.MethodPost, Path: "/v1/ledger:calibrate", Tags: tags,
		Summary:     "台账校准 Screen, fit, compare out of time, decide",
		Description: "The coverage is of own deals that entered neither fit nor calibration. The same deals give the same fit to the bit.",
		Metadata:    map[string]any{metaTimeout: s.gate.ImportTimeout},
	}, func(ctx context.Context, in *calibrate) (*reply[*ledger.Calibration], error) {
		before, err := queryDate("before", in.Body.Before)
		if err != nil {
			return nil, err
		}
		for i := range in.Body.Shared {
			if err := in.Body.Shared[i].Check(); err != nil {
				return nil, err
			}
		}
		c, err := s.opt.Ledger.Calibrate(ctx, actor(ctx), ledger.CalibrateOptions{Before: before, Activate: in.Body.Activate, Force: in.Body.Force, Shared: in.Body.Shared})
		if err != nil {
			return nil, err
		}
		return &reply[*ledger.Calibration]{c}, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "ledger-drift", Method: http.MethodGet, Path: "/v1/ledger/drift", Tags: tags,
		Summary: "漂移 Expected against paid: control chart, coverage, what to value anew",
	}, func(ctx context.Context, in *driftQuery) (*reply[*ledger.Drift], error) {
		since, err := queryDate("query.since", in.Since)
		if err != nil {
			return nil, err
		}
		d, err := s.opt.Ledger.Drift(ctx, actor(ctx), since)
		return &reply[*ledger.Drift]{d}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "watch-ledger", Method: http.MethodPost, Path: "/v1/ledger:watch", Tags: tags,
		Summary:     "漂移预警 Hold new deals against the model and raise alerts",
		Description: "What ledger/drift answers, and an alert ledger_drift in the institution's list for every market whose level or coverage has left its band; the alert of a market back within it is settled. Asked again without a change it changes nothing.",
		Metadata:    map[string]any{metaTimeout: s.gate.ImportTimeout},
	}, func(ctx context.Context, in *driftWatch) (*reply[driftWatched], error) {
		since, err := queryDate("since", in.Body.Since)
		if err != nil {
			return nil, err
		}
		d, changed, err := s.opt.Ledger.Watch(ctx, actor(ctx), since)
		if err != nil {
			return nil, err
		}
		return &reply[driftWatched]{driftWatched{d, changed}}, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "ledger-statistics", Method: http.MethodGet, Path: "/v1/ledger/statistics", Tags: tags,
		Summary:     "共享统计 Level, spread and counts by market and kind, and no deal",
		Description: "Cells of fewer than five events or sellers are left out. Another institution gives the answer as shared to ledger:calibrate.",
	}, func(ctx context.Context, in *exportQuery) (*reply[ledger.Statistics], error) {
		st, err := s.opt.Ledger.Export(ctx, actor(ctx), in.Label)
		return &reply[ledger.Statistics]{st}, err
	})
	type conflictList struct {
		Conflicts []ledger.Conflict `json:"conflicts"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "ledger-conflicts", Method: http.MethodGet, Path: "/v1/ledger/conflicts", Tags: tags,
		Summary:     "来源不一 Records that seem to be of one sale and do not agree",
		Description: "Pairs with a patent in common and dates near each other, or of which one was taken for the other's repetition, that differ in a field both tell. At least one is the institution's own.",
	}, func(ctx context.Context, _ *struct{}) (*reply[conflictList], error) {
		list, err := s.opt.Ledger.Conflicts(ctx, actor(ctx))
		return &reply[conflictList]{conflictList{append([]ledger.Conflict{}, list...)}}, err
	})
	type readingList struct {
		Readings []WaitingReading `json:"readings"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-readings", Method: http.MethodGet, Path: "/v1/ledger/readings", Tags: tags,
		Summary:     "待核对的读取 Texts of which rows wait for a person",
		Description: "Kept by deals:read with keep, by the command line or by the page; each row waits until a person accepts or rejects it there.",
	}, func(ctx context.Context, _ *struct{}) (*reply[readingList], error) {
		list, err := s.opt.Ledger.Waiting(ctx, actor(ctx))
		out := readingList{Readings: make([]WaitingReading, len(list))}
		for i, w := range list {
			out.Readings[i] = WaitingReading(w)
		}
		return &reply[readingList]{out}, err
	})
}
