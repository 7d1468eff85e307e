package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// ModelUse is what the endpoint was used for.
type ModelUse struct {
	Requests  int64 `json:"requests"`
	Tokens    int64 `json:"tokens"`
	MicroYuan int64 `json:"micro_yuan"`
}

// ReserveModelUse adds use to today's (UTC) account unless that would pass a
// limit; a limit of 0 is none. It refuses with fault.RateLimited. Processes
// that share the database share the account. day is the account to settle on.
func (db *DB) ReserveModelUse(ctx context.Context, use ModelUse, maxTokens, maxMicroYuan int64) (day calendar.Date, err error) {
	defer fault.Wrap(&err, "store.ReserveModelUse")
	return reserveModelUse(ctx, db.pool, use, maxTokens, maxMicroYuan)
}

func reserveModelUse(ctx context.Context, q querier, use ModelUse, maxTokens, maxMicroYuan int64) (day calendar.Date, err error) {
	err = q.QueryRow(ctx, `
		INSERT INTO model_days AS d (day, requests, tokens, micro_yuan)
		SELECT (now() AT TIME ZONE 'UTC')::date, $1, $2, $3 WHERE ($4::bigint = 0 OR $2::bigint <= $4) AND ($5::bigint = 0 OR $3::bigint <= $5)
		ON CONFLICT (institution, day) DO UPDATE SET requests = d.requests + $1, tokens = d.tokens + $2, micro_yuan = d.micro_yuan + $3
		WHERE ($4::bigint = 0 OR d.tokens + $2::bigint <= $4) AND ($5::bigint = 0 OR d.micro_yuan + $3::bigint <= $5)
		RETURNING day`,
		use.Requests, use.Tokens, use.MicroYuan, maxTokens, maxMicroYuan).Scan(&day)
	if errors.Is(err, pgx.ErrNoRows) {
		return day, fault.New(fault.RateLimited, CodeBudget, "今日模型预算已用完，相关指标按未知处理。", "Today's model budget is spent; its indicators are unknown.")
	}
	return day, err
}

// CodeBudget is the code of a refusal because the day's budget is spent.
const CodeBudget = "llm.budget"

const settleModelUse = `UPDATE model_days SET requests = requests + $2, tokens = tokens + $3, micro_yuan = micro_yuan + $4 WHERE institution = institution_now() AND day = $1`

// SettleModelUse replaces a reservation by what was really used, on the day it
// was reserved.
func (db *DB) SettleModelUse(ctx context.Context, day calendar.Date, reserved, used ModelUse) (err error) {
	defer fault.Wrap(&err, "store.SettleModelUse")
	_, err = db.pool.Exec(ctx, settleModelUse, day, used.Requests-reserved.Requests, used.Tokens-reserved.Tokens, used.MicroYuan-reserved.MicroYuan)
	return err
}

// ModelUseToday returns today's account.
func (db *DB) ModelUseToday(ctx context.Context) (u ModelUse, err error) {
	defer fault.Wrap(&err, "store.ModelUseToday")
	var ok bool
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT requests, tokens, micro_yuan FROM model_days WHERE institution = institution_now() AND day = (now() AT TIME ZONE 'UTC')::date`).Scan(&u.Requests, &u.Tokens, &u.MicroYuan))
	return u, err
}
