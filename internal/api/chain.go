package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"zhijia/internal/money"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/chain"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/patent"
	"zhijia/internal/scheme"
)

// told is a body of one type.
type told[T any] struct{ Body T }

// ask is a request with a body of one type.
type ask[T any] struct{ Body T }

// answering registers a POST whose answer is a use case's.
func answering[In, Out any](api huma.API, op huma.Operation, f func(context.Context, In) (Out, error)) {
	op.Method = http.MethodPost
	huma.Register(api, op, func(ctx context.Context, in *ask[In]) (*told[Out], error) {
		out, err := f(ctx, in.Body)
		return &told[Out]{out}, err
	})
}

func day(field, text string) (calendar.Date, error) {
	if text == "" {
		return calendar.Date{}, nil
	}
	d, err := calendar.Parse(text)
	if err != nil {
		return d, fault.New(fault.Invalid, "date.shape", "日期应写作 YYYY-MM-DD。", "Write the date as YYYY-MM-DD.", fault.Field{Field: field, Code: "date.shape", Zh: "日期应写作 YYYY-MM-DD", En: "write the date as YYYY-MM-DD"})
	}
	return d, nil
}

type rulings struct {
	Rulings []encumbrance.Ruling `json:"rulings"`
}

type released struct {
	Released int `json:"released"`
}

type noted struct {
	Noted bool `json:"noted"`
}

type releaseUses struct {
	Product   patent.Product `json:"product" enum:"pledge,lease,exclusive_licence,licence,insurance,fund_position,guarantee" doc:"A pool is released by its own route."`
	Reference string         `json:"reference" minLength:"1" maxLength:"200"`
}

// Intermediary is an appraiser, guarantor, lessor, broker or rating agency as a client tells of it.
type Intermediary struct {
	Code   string         `json:"credit_code"`
	Name   string         `json:"name"`
	Roles  []lending.Role `json:"roles"`
	Filing string         `json:"filing,omitempty" doc:"Number it is registered under with its authority."`
}

// OpenLicence is a declaration of open licence as a client tells of it.
type OpenLicence struct {
	Number    string        `json:"number"`
	Declared  calendar.Date `json:"declared"`
	Withdrawn calendar.Date `json:"withdrawn,omitzero"`
	Basis     string        `json:"basis" enum:"lump,yearly,royalty,free"`
	Fee       *money.Fen    `json:"fee,omitempty"`
	Rate      *float64      `json:"rate,omitempty" doc:"Share of sales."`
	Years     float64       `json:"years"`
	Concluded int           `json:"concluded" doc:"Licences taken at the fee."`
	Source    string        `json:"source"`
}

// ChainAnswer is a stored answer of a product with what it rests on.
type ChainAnswer struct {
	ID          string          `json:"id"`
	Institution string          `json:"-"`
	Product     string          `json:"product"`
	Subject     string          `json:"subject"`
	Rules       string          `json:"rules"`
	Input       json.RawMessage `json:"input"`
	Answer      json.RawMessage `json:"answer"`
	By          string          `json:"by"`
	At          time.Time       `json:"at"`
}

func registerChain(api huma.API, s *Server) {
	registerRights(api, s)
	registerSchemes(api, s)
	tags := []string{"chain"}
	answering(api, huma.Operation{
		OperationID: "one-stop", Path: "/v1/one-stop", Tags: tags,
		Summary:     "一站式档案 Identity, owners, term, fees, state, uses, value, lending cap and documents of a patent in one answer",
		Description: "Each section has its own status: ok, attention, missing or failed. The valuation and the decision are stored as those of a collateral check are.",
	}, func(ctx context.Context, in chain.OneStopAsk) (chain.OneStop, error) {
		return s.opt.Chain.OneStop(ctx, actor(ctx), in)
	})
	answering(api, huma.Operation{
		OperationID: "make-statistics", Path: "/v1/statistics", Tags: tags,
		Summary: "期间统计 Number, amount and average of pledges by period, kind, industry, bank, district and month, as of a day", Description: "Of the book, or of lines of your own.",
	}, func(ctx context.Context, in chain.StatisticsAsk) (chain.Statistics, error) {
		return s.opt.Chain.Statistics(ctx, actor(ctx), in)
	})
	type bookAsk struct {
		AsOf string `query:"as_of" doc:"YYYY-MM-DD; default today."`
		By   string `query:"by" doc:"Dimensions, by comma; default all."`
	}
	type file struct {
		Type string `header:"Content-Type"`
		Body []byte
	}
	statistics := func(ctx context.Context, in *bookAsk) (chain.Statistics, error) {
		a := chain.StatisticsAsk{}
		var err error
		if a.AsOf, err = day("query.as_of", in.AsOf); err != nil {
			return chain.Statistics{}, err
		}
		if in.By != "" {
			a.By = strings.Split(in.By, ",")
		}
		return s.opt.Chain.Statistics(ctx, actor(ctx), a)
	}
	huma.Register(api, huma.Operation{
		OperationID: "book-statistics", Method: http.MethodGet, Path: "/v1/statistics", Tags: tags, Summary: "在册贷款统计 The book's statistics as of a day",
	}, func(ctx context.Context, in *struct {
		AsOf string `query:"as_of" doc:"YYYY-MM-DD; default today."`
		By   string `query:"by" doc:"Dimensions, by comma; default all."`
	},
	) (*told[chain.Statistics], error) {
		r, err := statistics(ctx, &bookAsk{AsOf: in.AsOf, By: in.By})
		return &told[chain.Statistics]{r}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "book-statistics-workbook", Method: http.MethodGet, Path: "/v1/statistics/workbook", Tags: tags, Summary: "在册贷款统计表（XLSX） The same as a workbook",
	}, func(ctx context.Context, in *struct {
		AsOf string `query:"as_of"`
		By   string `query:"by"`
	},
	) (*file, error) {
		r, err := statistics(ctx, &bookAsk{AsOf: in.AsOf, By: in.By})
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		err = r.WriteBook(&b)
		return &file{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b.Bytes()}, err
	})
	answering(api, huma.Operation{
		OperationID: "assess-cash-flow", Path: "/v1/cash-flow-histories", Tags: tags,
		Summary: "稳定现金流 Steadiness of an income: spread, trend, sources, forecast against actual",
	}, func(ctx context.Context, in chain.CashFlowAsk) (chain.CashFlow, error) {
		return s.opt.Chain.CashFlow(ctx, actor(ctx), in)
	})
	answering(api, huma.Operation{OperationID: "put-intermediary", Path: "/v1/intermediaries", Tags: tags, Summary: "登记中介机构 Keep an intermediary with its roles"}, func(ctx context.Context, in Intermediary) (noted, error) {
		return noted{true}, s.opt.Chain.PutIntermediary(ctx, actor(ctx), chain.Intermediary(in))
	})
	answering(api, huma.Operation{OperationID: "put-intermediary-report", Path: "/v1/intermediary-reports", Tags: tags, Summary: "登记中介报告 Keep a report, beside our figure and a later price"}, func(ctx context.Context, in lending.Delivery) (noted, error) {
		return noted{true}, s.opt.Chain.Deliver(ctx, actor(ctx), in)
	})
	type intermediaries struct {
		Intermediaries []chain.IntermediaryLine `json:"intermediaries" doc:"Ranked ones first; nobody with fewer than ten priced reports is ranked."`
	}
	huma.Register(api, huma.Operation{OperationID: "list-intermediaries", Method: http.MethodGet, Path: "/v1/intermediaries", Tags: tags, Summary: "中介机构 Intermediaries and how their reports fared"}, func(ctx context.Context, _ *struct{}) (*told[intermediaries], error) {
		list, err := s.opt.Chain.Intermediaries(ctx, actor(ctx))
		return &told[intermediaries]{intermediaries{list}}, err
	})
	answering(api, huma.Operation{OperationID: "put-open-licence", Path: "/v1/open-licences", Tags: tags, Summary: "登记开放许可声明 Keep a declaration of open licence"}, func(ctx context.Context, in OpenLicence) (noted, error) {
		return noted{true}, s.opt.Chain.PutOpenLicence(ctx, actor(ctx), chain.OpenLicence(in))
	})
	type declarations struct {
		Declarations []chain.Declared `json:"declarations"`
	}
	huma.Register(api, huma.Operation{OperationID: "list-open-licences", Method: http.MethodGet, Path: "/v1/open-licences", Tags: tags, Summary: "开放许可声明 Declarations of open licence, and what each says of the price"}, func(ctx context.Context, in *struct {
		Number string `query:"number" maxLength:"60"`
	},
	) (*told[declarations], error) {
		list, err := s.opt.Chain.OpenLicences(ctx, actor(ctx), in.Number)
		return &told[declarations]{declarations{list}}, err
	})
	answering(api, huma.Operation{OperationID: "put-patent-marks", Path: "/v1/patent-marks", Tags: tags, Summary: "登记高价值发明标记与审查途径 Keep the flags of the national statistic and the track of prosecution"}, func(ctx context.Context, in chain.Marks) (noted, error) {
		return noted{true}, s.opt.Chain.PutMarks(ctx, actor(ctx), in)
	})
	type answerID struct {
		ID string `path:"id" pattern:"^ans_[0-9a-f]{1,64}$"`
	}
	huma.Register(api, huma.Operation{OperationID: "get-chain-answer", Method: http.MethodGet, Path: "/v1/chain-answers/{id}", Tags: tags, Summary: "查看结果 A stored answer with what it rests on"}, func(ctx context.Context, in *answerID) (*told[ChainAnswer], error) {
		a, err := s.opt.Chain.Answer(ctx, actor(ctx), in.ID)
		return &told[ChainAnswer]{ChainAnswer(a)}, err
	})
	huma.Register(api, huma.Operation{OperationID: "replay-chain-answer", Method: http.MethodPost, Path: "/v1/chain-answers/{id}:replay", Tags: tags, Summary: "复算 Work a stored answer out again"}, func(ctx context.Context, in *answerID) (*told[chain.Replay], error) {
		r, err := s.opt.Chain.Replay(ctx, actor(ctx), in.ID)
		return &told[chain.Replay]{r}, err
	})
}

func registerRights(api huma.API, s *Server) {
	tags := []string{"encumbrance"}
	answering(api, huma.Operation{
		OperationID: "put-encumbrance", Path: "/v1/encumbrances", Tags: tags,
		Summary:     "登记权利用途 Take a use of patents, marks, copyrights or layout designs into the ledger",
		Description: "What the ledger forbids is refused with 409 (encumbrance.forbidden, encumbrance.consent), or kept as disputed with keep_disputed. Nothing here changes an owner: owners come from the register's events alone.",
	}, func(ctx context.Context, in chain.Entry) (rulings, error) {
		r, err := s.opt.Chain.Put(ctx, actor(ctx), in)
		if r == nil {
			r = []encumbrance.Ruling{}
		}
		return rulings{r}, err
	})
	answering(api, huma.Operation{OperationID: "release-encumbrance", Path: "/v1/encumbrances:release", Tags: tags, Summary: "解除用途 End every use under a contract"}, func(ctx context.Context, in releaseUses) (released, error) {
		n, err := s.opt.Chain.Release(ctx, actor(ctx), in.Product, in.Reference)
		return released{n}, err
	})
	answering(api, huma.Operation{OperationID: "put-consent", Path: "/v1/consents", Tags: tags, Summary: "登记同意书 Note the written consent of who holds an earlier use, or of the owner"}, func(ctx context.Context, in chain.Consent) (noted, error) {
		return noted{true}, s.opt.Chain.Agree(ctx, actor(ctx), in)
	})
	type ledger struct {
		Entries []chain.Standing `json:"entries"`
	}
	huma.Register(api, huma.Operation{OperationID: "list-encumbrances", Method: http.MethodGet, Path: "/v1/encumbrances", Tags: tags, Summary: "权利负担台账 The ledger of uses by right"}, func(ctx context.Context, in *struct {
		State   encumbrance.State `query:"state" doc:"Default: all but released."`
		Product patent.Product    `query:"product" enum:"pledge,pool,lease,exclusive_licence,licence,insurance,fund_position,guarantee"`
		After   string            `query:"after" maxLength:"60" doc:"Last right of the page before."`
		Limit   int               `query:"limit" default:"100" minimum:"1" maximum:"500"`
	},
	) (*told[ledger], error) {
		list, err := s.opt.Chain.Ledger(ctx, actor(ctx), in.State, in.Product, in.After, in.Limit)
		return &told[ledger]{ledger{list}}, err
	})
	huma.Register(api, huma.Operation{OperationID: "right-timeline", Method: http.MethodGet, Path: "/v1/rights/{kind}/{number}/timeline", Tags: tags, Summary: "权利时间线 Everything on file about one right, oldest first"}, func(ctx context.Context, in *struct {
		Kind   encumbrance.Kind `path:"kind"`
		Number string           `path:"number" maxLength:"60"`
	},
	) (*told[chain.Timeline], error) {
		t, err := s.opt.Chain.Timeline(ctx, actor(ctx), in.Kind, in.Number)
		return &told[chain.Timeline]{t}, err
	})
}

func registerSchemes(api huma.API, s *Server) {
	tags := []string{"schemes"}
	type on struct {
		On string `query:"on" doc:"YYYY-MM-DD; default today."`
	}
	type library struct {
		Schemes []chain.SchemeLine `json:"schemes"`
	}
	huma.Register(api, huma.Operation{OperationID: "list-schemes", Method: http.MethodGet, Path: "/v1/schemes", Tags: tags, Summary: "政策方案库 Public schemes with source, dates and whether each can be chosen", Description: "A figure that nobody found is absent and named in missing: it is not zero."}, func(_ context.Context, in *struct {
		Region     string            `query:"region" maxLength:"40"`
		Instrument scheme.Instrument `query:"instrument" maxLength:"40"`
		On         string            `query:"on" doc:"YYYY-MM-DD; default today."`
	},
	) (*told[library], error) {
		d, err := day("query.on", in.On)
		if err != nil {
			return nil, err
		}
		list, err := s.opt.Chain.Schemes(in.Region, in.Instrument, d)
		return &told[library]{library{list}}, err
	})
	type comparison struct {
		Places []chain.Place `json:"places"`
	}
	huma.Register(api, huma.Operation{OperationID: "compare-schemes", Method: http.MethodGet, Path: "/v1/scheme-comparison", Tags: tags, Summary: "各地比较 Cities and countries beside each other"}, func(_ context.Context, in *on) (*told[comparison], error) {
		d, err := day("query.on", in.On)
		if err != nil {
			return nil, err
		}
		list, err := s.opt.Chain.Compare(d)
		return &told[comparison]{comparison{list}}, err
	})
	answering(api, huma.Operation{OperationID: "quote-scheme", Path: "/v1/scheme-quotes", Tags: tags, Summary: "方案测算 What a scheme pays, with its caps; nothing is used"}, func(ctx context.Context, in chain.SchemeAsk) (chain.Quoted, error) {
		return s.opt.Chain.Quote(ctx, actor(ctx), in)
	})
	answering(api, huma.Operation{OperationID: "use-scheme", Path: "/v1/scheme-uses", Tags: tags, Summary: "登记使用 Keep a firm's use of a scheme; it counts against caps and budget"}, func(ctx context.Context, in chain.SchemeAsk) (scheme.Quote, error) {
		return s.opt.Chain.UseScheme(ctx, actor(ctx), in)
	})
	type uses struct {
		Uses []scheme.Use `json:"uses"`
	}
	huma.Register(api, huma.Operation{OperationID: "list-scheme-uses", Method: http.MethodGet, Path: "/v1/scheme-uses", Tags: tags, Summary: "使用记录 What was used, by firm and scheme"}, func(ctx context.Context, in *struct {
		Scheme string `query:"scheme" maxLength:"60"`
	},
	) (*told[uses], error) {
		list, err := s.opt.Chain.SchemeUses(ctx, actor(ctx), in.Scheme)
		return &told[uses]{uses{list}}, err
	})
}
