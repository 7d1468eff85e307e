package pool

import (
	"cmp"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// Expected is one amount the plan account should receive.
type Expected struct {
	ID       string        `json:"id"`
	Payer    string        `json:"payer"` // as it appears on bank lines
	Due      calendar.Date `json:"due"`
	Amount   money.Fen     `json:"amount"`
	Contract string        `json:"contract,omitempty"` // contract number, when bank references carry it
}

// BankLine is one line of a bank statement.
type BankLine struct {
	ID       string        `json:"id"`
	Date     calendar.Date `json:"date"`
	Account  string        `json:"account"` // of the statement
	Party    string        `json:"party"`   // the other side
	PartyAcc string        `json:"party_account,omitempty"`
	In       bool          `json:"in"`
	Amount   money.Fen     `json:"amount"` // positive
	Ref      string        `json:"ref,omitempty"`
	Asset    string        `json:"asset,omitempty"` // servicing: what the line is for, see [Mark]
	Use      string        `json:"use,omitempty"`
}

// Accounts says which account is which.
type Accounts struct {
	Plan      string        `json:"plan"`      // 专项计划账户
	Regulated []string      `json:"regulated"` // 监管账户: may pay only the plan account
	GraceDays int           `json:"grace_days"`
	CycleDays int           `json:"cycle_days"` // from a regulated account to the plan account; 0 is 31
	AsOf      calendar.Date `json:"as_of"`
}

// Matching status of an expected amount.
const (
	Matched   = "matched"   // 已到账
	Late      = "late"      // 迟到
	Short     = "short"     // 不足
	Missing   = "missing"   // 未到
	NotDue    = "not_due"   // 未到期
	Leaked    = "leaked"    // 流向其他账户
	Unclaimed = "unclaimed" // 无对应应收
	Over      = "over"      // 多付
)

// Match is what became of one expected amount.
type Match struct {
	Expected Expected  `json:"expected"`
	Status   string    `json:"status"`
	Received money.Fen `json:"received"`
	Open     money.Fen `json:"open"`
	Lines    []string  `json:"lines"`
	DaysLate int       `json:"days_late,omitempty"`
	Zh       string    `json:"zh"`
}

// LineFinding is a bank line that is not simply a receipt.
type LineFinding struct {
	Line   BankLine  `json:"line"`
	Status string    `json:"status"`
	Amount money.Fen `json:"amount"` // the part concerned
	Zh     string    `json:"zh"`
}

// Reconciliation is the closed-loop check of a period.
type Reconciliation struct {
	Matches  []Match       `json:"matches"`
	Findings []LineFinding `json:"findings"`

	Expected  money.Fen `json:"expected"`
	Received  money.Fen `json:"received"`  // allocated to expected amounts
	Open      money.Fen `json:"open"`      // Expected − Received
	BankIn    money.Fen `json:"bank_in"`   // obligors' payments, all accounts on file
	Unclaimed money.Fen `json:"unclaimed"` // BankIn − Received − Leaked: paid in and not expected
	Leaked    money.Fen `json:"leaked"`    // obligors' payments to accounts outside the loop, and outflows of the loop
	Swept     money.Fen `json:"swept"`     // regulated account to plan account
	Stuck     money.Fen `json:"stuck"`     // in regulated accounts, collected and not passed on in the cycle
	Closed    bool      `json:"closed"`    // nothing leaked, short, missing, late or stuck
}

// Reconcile allocates bank receipts to expected amounts, exactly and in a
// fixed order: a payer's receipts by date against his dues by date, first the
// lines whose amount and date window fit exactly, then the rest. Money that
// obligors pay to any account but the plan's and the regulated ones, and money
// that leaves a regulated account for any but the plan's, is leaked and named.
func Reconcile(expected []Expected, lines []BankLine, acc Accounts) Reconciliation {
	if acc.CycleDays == 0 {
		acc.CycleDays = 31
	}
	rec := Reconciliation{Closed: true}
	exp := slices.Clone(expected)
	slices.SortStableFunc(exp, func(a, b Expected) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
	})
	bank := slices.Clone(lines)
	slices.SortStableFunc(bank, func(a, b BankLine) int {
		return cmp.Or(a.Date.Compare(b.Date), cmp.Compare(a.ID, b.ID))
	})
	inLoop := func(account string) bool { return account == acc.Plan || slices.Contains(acc.Regulated, account) }
	payers := map[string]bool{}
	rec.Matches = make([]Match, len(exp))
	for i, e := range exp {
		payers[e.Payer] = true
		rec.Expected += e.Amount
		rec.Matches[i] = Match{Expected: e, Open: e.Amount}
	}
	left := make([]money.Fen, len(bank))
	var collected, swept money.Fen // through regulated accounts, old enough to have been passed on
	for i, l := range bank {
		switch {
		case l.In && slices.Contains(acc.Regulated, l.PartyAcc) && l.Account == acc.Plan:
			// The other leg of a sweep; counted on the regulated account's side.
		case l.In && payers[l.Party]:
			rec.BankIn += l.Amount
			if !inLoop(l.Account) {
				rec.leak(l, "付款进入"+l.Account+"，不是专项计划账户或监管账户")
				continue
			}
			left[i] = l.Amount
			if l.Account != acc.Plan && l.Date.DaysUntil(acc.AsOf) > acc.CycleDays {
				collected += l.Amount
			}
		case !l.In && slices.Contains(acc.Regulated, l.Account):
			if l.PartyAcc == acc.Plan {
				rec.Swept += l.Amount
				swept += l.Amount
				continue
			}
			rec.leak(l, "监管账户"+l.Account+"向"+l.Party+"（"+l.PartyAcc+"）付款，去向不是专项计划账户")
		case l.In && inLoop(l.Account):
			rec.Findings = append(rec.Findings, LineFinding{l, Unclaimed, l.Amount, l.Party + "的来款无对应应收"})
		}
	}
	take := func(i, m int, amount money.Fen) {
		match, l := &rec.Matches[m], bank[i]
		left[i] -= amount
		match.Received += amount
		match.Open -= amount
		match.Lines = append(match.Lines, l.ID)
		match.DaysLate = max(match.DaysLate, match.Expected.Due.DaysUntil(l.Date)-acc.GraceDays)
		rec.Received += amount
	}
	names := make([]bool, len(bank)) // whether a line names a contract of its payer
	for i, l := range bank {
		for m := range rec.Matches {
			e := &rec.Matches[m].Expected
			names[i] = names[i] || left[i] > 0 && l.Ref != "" && e.Payer == l.Party && e.Contract != "" && strings.Contains(l.Ref, e.Contract)
		}
	}
	// Exact lines first: same payer, same amount, contract in the reference or
	// the nearest due date.
	for i, l := range bank {
		if left[i] == 0 {
			continue
		}
		best := -1
		for m := range rec.Matches {
			e := &rec.Matches[m]
			if e.Expected.Payer != l.Party || e.Open != l.Amount || e.Received != 0 || !fits(&l, names[i], &e.Expected) {
				continue
			}
			if best < 0 || abs(e.Expected.Due.DaysUntil(l.Date)) < abs(rec.Matches[best].Expected.Due.DaysUntil(l.Date)) {
				best = m
			}
		}
		if best >= 0 && abs(rec.Matches[best].Expected.Due.DaysUntil(l.Date)) <= 45 {
			take(i, best, l.Amount)
		}
	}
	for i, l := range bank { // then oldest due first, of the contract the reference names
		for m := range rec.Matches {
			if left[i] == 0 {
				break
			}
			if e := &rec.Matches[m]; e.Expected.Payer == l.Party && e.Open > 0 && fits(&l, names[i], &e.Expected) {
				take(i, m, min(left[i], e.Open))
			}
		}
		if left[i] > 0 {
			rec.Unclaimed += left[i]
			rec.Findings = append(rec.Findings, LineFinding{l, Over, left[i], l.Party + "多付，无对应应收"})
		}
	}
	rec.Open = rec.Expected - rec.Received
	rec.Stuck = max(0, collected-swept)
	for m := range rec.Matches {
		rec.Matches[m].conclude(acc)
		switch rec.Matches[m].Status {
		case Late, Short, Missing:
			rec.Closed = false
		}
	}
	if rec.Leaked > 0 || rec.Stuck > 0 {
		rec.Closed = false
	}
	return rec
}

// fits says that a line's reference names the contract of an expected amount,
// or, unless it names another of its payer's, none.
func fits(l *BankLine, names bool, e *Expected) bool {
	return !names || e.Contract != "" && strings.Contains(l.Ref, e.Contract)
}

func (r *Reconciliation) leak(l BankLine, zh string) {
	r.Leaked += l.Amount
	r.Findings = append(r.Findings, LineFinding{l, Leaked, l.Amount, zh})
}

func (m *Match) conclude(acc Accounts) {
	overdue := m.Expected.Due.DaysUntil(acc.AsOf) > acc.GraceDays
	switch {
	case m.Open == 0 && m.DaysLate > 0:
		m.Status, m.Zh = Late, "足额到账，迟到"
	case m.Open == 0:
		m.Status, m.Zh = Matched, "按期足额到账"
	case m.Received > 0 && overdue:
		m.Status, m.Zh = Short, "到账不足"
	case overdue:
		m.Status, m.Zh = Missing, "到期未到账"
	default:
		m.Status, m.Zh = NotDue, "尚未到期"
	}
	m.DaysLate = max(0, m.DaysLate)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// ExpectedReceipts turns the contractual schedule of the pool into expected
// amounts due in [from, to].
func (d *Deal) ExpectedReceipts(from, to calendar.Date) []Expected {
	var out []Expected
	for i := range d.Assets {
		a := &d.Assets[i]
		o, _ := d.obligor(a.Obligor)
		for k, due := range a.Dues(d.CutOff) {
			if !due.Date.Before(from) && !due.Date.After(to) && due.Principal+due.Interest > 0 {
				out = append(out, Expected{ID: a.ID + "-" + pad(k+1), Payer: o.Name, Due: due.Date, Amount: due.Principal + due.Interest, Contract: a.Contract})
			}
		}
	}
	return out
}

func pad(n int) string {
	s := [3]byte{'0' + byte(n/100%10), '0' + byte(n/10%10), '0' + byte(n%10)}
	return string(s[:])
}

// firstLeak is the day money first left the loop: the notice counts from it.
func (r *Reconciliation) firstLeak(otherwise calendar.Date) calendar.Date {
	first := calendar.Date{}
	for _, f := range r.Findings {
		if d := f.Line.Date; f.Status == Leaked && !d.IsZero() && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	if first.IsZero() {
		return otherwise
	}
	return first
}
