package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/desk"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/store"
)

func registerBook(api huma.API, s *Server) {
	type addIn struct{ Body desk.Loan }
	type addOut struct{ Body store.BookLoan }
	huma.Register(api, huma.Operation{
		OperationID: "book-loan", Method: http.MethodPost, Path: "/v1/book/loans", Tags: []string{"book"}, DefaultStatus: http.StatusCreated,
		Summary:     "登记在册 Take a loan secured on patents into the book",
		Description: "Its patents are valued now, revalued on the policy's schedule and whenever a legal event about one arrives; falls of value, ended rights and a broken ceiling raise alerts.",
	}, func(ctx context.Context, in *addIn) (*addOut, error) {
		p, _ := principalOf(ctx)
		l, err := s.opt.Desk.Book(ctx, p.actor(), in.Body)
		return &addOut{Body: l}, err
	})

	type listIn struct {
		After string `query:"after" maxLength:"200" doc:"Contract of the last loan of the page before."`
		Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	type listOut struct {
		Body struct {
			Loans []store.BookLoan `json:"loans"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-booked-loans", Method: http.MethodGet, Path: "/v1/book/loans", Summary: "在册贷款 Open loans with their patents, by contract", Tags: []string{"book"},
	}, func(ctx context.Context, in *listIn) (*listOut, error) {
		p, _ := principalOf(ctx)
		out := &listOut{}
		var err error
		out.Body.Loans, err = s.opt.DB.BookLoans(ctx, p.Institution, in.After, in.Limit)
		return out, err
	})

	type balanceIn struct {
		Contract string `path:"contract" maxLength:"200"`
		Body     struct {
			Balance money.Fen      `json:"balance" doc:"Owed now, yuan; 0 closes the loan."`
			Outcome *store.Outcome `json:"outcome,omitempty" doc:"What became of the loan, for back-testing."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "set-balance", Method: http.MethodPost, Path: "/v1/book/loans/{contract}:balance", Summary: "更新余额 Record what is still owed", Tags: []string{"book"}, DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *balanceIn) (*struct{}, error) {
		p, _ := principalOf(ctx)
		return nil, s.opt.Desk.SetBalance(ctx, p.actor(), in.Contract, in.Body.Balance, in.Body.Outcome)
	})

	type collateralOut struct {
		Body struct {
			Rows []lending.Collateral `json:"rows"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "report-collateral", Method: http.MethodGet, Path: "/v1/book/collateral", Tags: []string{"book"},
		Summary: "押品报送字段 The book as rows of the regulator's collateral table IE_006_603", Description: "PGJZ is the first value recognised, YXRDJZ the latest, DZYL the ratio of the whole contract in percent.",
	}, func(ctx context.Context, in *listIn) (*collateralOut, error) {
		p, _ := principalOf(ctx)
		out := &collateralOut{}
		var err error
		out.Body.Rows, err = s.opt.Desk.Collateral(ctx, p.actor(), in.After, in.Limit)
		return out, err
	})

	type alertsIn struct {
		Open  bool  `query:"open" doc:"Only those not acknowledged."`
		After int64 `query:"after" minimum:"0" doc:"Id of the last alert seen."`
		Limit int   `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	type alertsOut struct {
		Body struct {
			Alerts []store.BookAlert `json:"alerts"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-book-alerts", Method: http.MethodGet, Path: "/v1/book/alerts", Summary: "在册预警 Falls of value, ended rights and broken ceilings, with old and new value and why", Tags: []string{"book"},
	}, func(ctx context.Context, in *alertsIn) (*alertsOut, error) {
		p, _ := principalOf(ctx)
		out := &alertsOut{}
		var err error
		out.Body.Alerts, err = s.opt.DB.BookAlerts(ctx, p.Institution, in.Open, in.After, in.Limit)
		return out, err
	})

	type ackIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body struct {
			Note string `json:"note" maxLength:"2000" doc:"What follows from it."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "acknowledge-alert", Method: http.MethodPost, Path: "/v1/book/alerts/{id}:acknowledge", Summary: "确认预警 Record that an alert was seen and what follows", Tags: []string{"book"}, DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *ackIn) (*struct{}, error) {
		p, _ := principalOf(ctx)
		return nil, s.opt.DB.AcknowledgeAlert(ctx, p.Institution, in.ID, p.actor().Name, in.Body.Note, s.opt.Now())
	})
}
