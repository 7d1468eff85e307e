package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/lending"
	"zhijia/internal/money"
)

// BookedLoan is a loan of the book.
type BookedLoan struct {
	ID         string         `json:"id"`
	Contract   string         `json:"contract"`
	Borrower   string         `json:"borrower"`
	CreditCode string         `json:"credit_code,omitempty"`
	Product    string         `json:"product,omitempty" doc:"Programme it is drawn under."`
	Principal  money.Fen      `json:"principal"`
	Balance    money.Fen      `json:"balance"`
	Maturity   calendar.Date  `json:"maturity"`
	CreatedAt  time.Time      `json:"created_at"`
	CreatedBy  string         `json:"created_by"`
	ClosedAt   *time.Time     `json:"closed_at,omitempty"`
	Outcome    string         `json:"outcome,omitempty" enum:"repaid,defaulted,sold" doc:"What became of it."`
	Proceeds   *money.Fen     `json:"proceeds,omitempty" doc:"Of the collateral, yuan."`
	Reviewed   string         `json:"reviewed,omitempty" enum:"approved,open,refused,withdrawn,expired" doc:"Where the policy asked for another person at booking: approved, or else 未经复核."`
	Standing   []string       `json:"standing" doc:"What was told and still holds: breach, cover, expiry:NUMBER, failed:NUMBER."`
	Patents    []BookedPatent `json:"patents"`
}

// BookedPatent is a patent that secures a loan of the book. Amounts in yuan.
type BookedPatent struct {
	Number        string        `json:"number"`
	FirstValue    money.Fen     `json:"first_value" doc:"The first value the bank recognised."`
	Value         money.Fen     `json:"value"`
	Low           money.Fen     `json:"value_low"`
	Status        string        `json:"status"`
	Valuation     string        `json:"valuation"`
	ValuedOn      calendar.Date `json:"valued_on"`
	Due           calendar.Date `json:"next_revaluation"`
	Base          money.Fen     `json:"base_value" doc:"A fall is measured against it."`
	BaseValuation string        `json:"base_valuation"`
	Alerted       string        `json:"alerted,omitempty" doc:"Gravest fall below the base told so far."`
	Ceiling       float64       `json:"ltv_ceiling"`
	Expiry        calendar.Date `json:"expiry,omitzero"`
}

func describeLoan(l *desk.BookedLoan) BookedLoan {
	out := BookedLoan{
		ID: l.ID, Contract: l.Contract, Borrower: l.Borrower, CreditCode: l.CreditCode, Product: l.Product, Principal: l.Principal, Balance: l.Balance,
		Maturity: l.Maturity, CreatedAt: l.CreatedAt, CreatedBy: l.CreatedBy, ClosedAt: l.ClosedAt, Outcome: l.Outcome, Proceeds: l.Proceeds,
		Reviewed: l.Reviewed, Standing: append([]string{}, l.Standing...), Patents: make([]BookedPatent, len(l.Patents)),
	}
	for i := range l.Patents {
		p := &l.Patents[i]
		out.Patents[i] = BookedPatent{
			Number: p.Number, FirstValue: p.FirstValue, Value: p.Value, Low: p.Low, Status: p.Status, Valuation: p.Valuation, ValuedOn: p.ValuedOn, Due: p.Due,
			Base: p.Base, BaseValuation: p.BaseValuation, Alerted: p.Alerted, Ceiling: p.Ceiling, Expiry: p.Expiry,
		}
	}
	return out
}

// LoanOutcome is what became of a loan, for back-testing.
type LoanOutcome struct {
	Kind     string     `json:"kind" enum:"repaid,defaulted,sold" doc:"sold: the collateral was."`
	Proceeds *money.Fen `json:"proceeds,omitempty" doc:"Of the collateral, yuan."`
	Note     string     `json:"note,omitempty" maxLength:"2000"`
}

type (
	bookLoanIn  struct{ Body desk.Loan }
	bookedLoans struct {
		Loans []BookedLoan `json:"loans"`
		Page
	}
	balanceIn struct {
		Contract string `path:"contract" maxLength:"200"`
		Body     struct {
			Balance money.Fen    `json:"balance" doc:"Owed now, yuan; 0 closes the loan."`
			Outcome *LoanOutcome `json:"outcome,omitempty" doc:"What became of the loan, for back-testing."`
		}
	}
	collateral struct {
		Rows []lending.Collateral `json:"rows"`
		Page
	}
)

func registerBook(api huma.API, s *Server) {
	huma.Register(api, huma.Operation{
		OperationID: "book-loan", Method: http.MethodPost, Path: "/v1/book/loans", Tags: []string{"book"}, DefaultStatus: http.StatusCreated,
		Summary:     "登记在册 Take a loan secured on patents into the book",
		Description: "Its patents are valued now, revalued on the policy's schedule and whenever a legal event about one arrives; falls of value, ended rights and a broken ceiling raise alerts.",
	}, s.bookLoan)
	huma.Register(api, huma.Operation{
		OperationID: "list-booked-loans", Method: http.MethodGet, Path: "/v1/book/loans", Summary: "在册贷款 Open loans with their patents, by contract", Tags: []string{"book"},
	}, s.listLoans)
	huma.Register(api, huma.Operation{
		OperationID: "set-balance", Method: http.MethodPost, Path: "/v1/book/loans/{contract}:balance", Summary: "更新余额 Record what is still owed", Tags: []string{"book"}, DefaultStatus: http.StatusNoContent,
	}, s.setBalance)
	huma.Register(api, huma.Operation{
		OperationID: "report-collateral", Method: http.MethodGet, Path: "/v1/book/collateral", Tags: []string{"book"},
		Summary: "押品报送字段 The book as rows of the regulator's collateral table IE_006_603", Description: "PGJZ is the first value recognised, YXRDJZ the latest, DZYL the ratio of the whole contract in percent. A page holds the rows of up to limit contracts.",
	}, s.reportCollateral)
}

func (s *Server) bookLoan(ctx context.Context, in *bookLoanIn) (*reply[BookedLoan], error) {
	l, err := s.opt.Desk.Book(ctx, actor(ctx), in.Body)
	if err != nil {
		return nil, err
	}
	return &reply[BookedLoan]{describeLoan(&l)}, nil
}

func (s *Server) listLoans(ctx context.Context, in *PageQuery) (*reply[bookedLoans], error) {
	loans, next, err := s.opt.Desk.Loans(ctx, actor(ctx), in.Cursor, in.Limit)
	return &reply[bookedLoans]{bookedLoans{each(loans, describeLoan), pageTo(next)}}, err
}

func (s *Server) setBalance(ctx context.Context, in *balanceIn) (*struct{}, error) {
	return nil, s.opt.Desk.SetBalance(ctx, actor(ctx), in.Contract, in.Body.Balance, (*desk.LoanOutcome)(in.Body.Outcome))
}

func (s *Server) reportCollateral(ctx context.Context, in *PageQuery) (*reply[collateral], error) {
	rows, next, err := s.opt.Desk.Collateral(ctx, actor(ctx), in.Cursor, in.Limit)
	return &reply[collateral]{collateral{rows, pageTo(next)}}, err
}
