package store

import (
	"context"

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
// that share the database share the account.
func (db *DB) ReserveModelUse(ctx context.Context, use ModelUse, maxTokens, maxMicroYuan int64) (err error) {
	defer fault.Wrap(&err, "store.ReserveModelUse")
	tag, err := db.pool.Exec(ctx, `
		INSERT INTO model_days AS d (day, requests, tokens, micro_yuan)
		SELECT (now() AT TIME ZONE 'UTC')::date, $1, $2, $3 WHERE ($4::bigint = 0 OR $2::bigint <= $4) AND ($5::bigint = 0 OR $3::bigint <= $5)
		ON CONFLICT (day) DO UPDATE SET requests = d.requests + $1, tokens = d.tokens + $2, micro_yuan = d.micro_yuan + $3
		WHERE ($4::bigint = 0 OR d.tokens + $2::bigint <= $4) AND ($5::bigint = 0 OR d.micro_yuan + $3::bigint <= $5)`,
		use.Requests, use.Tokens, use.MicroYuan, maxTokens, maxMicroYuan)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.RateLimited, "llm.budget", "今日模型预算已用完，相关指标按未知处理。", "Today's model budget is spent; its indicators are unknown.")
	}
	return err
}

// SettleModelUse replaces a reservation by what was really used.
func (db *DB) SettleModelUse(ctx context.Context, reserved, used ModelUse) (err error) {
	defer fault.Wrap(&err, "store.SettleModelUse")
	_, err = db.pool.Exec(ctx, `UPDATE model_days SET requests = requests + $1, tokens = tokens + $2, micro_yuan = micro_yuan + $3
		WHERE day = (now() AT TIME ZONE 'UTC')::date`, used.Requests-reserved.Requests, used.Tokens-reserved.Tokens, used.MicroYuan-reserved.MicroYuan)
	return err
}

// ModelUseToday returns today's account.
func (db *DB) ModelUseToday(ctx context.Context) (u ModelUse, err error) {
	defer fault.Wrap(&err, "store.ModelUseToday")
	var ok bool
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT requests, tokens, micro_yuan FROM model_days WHERE day = (now() AT TIME ZONE 'UTC')::date`).Scan(&u.Requests, &u.Tokens, &u.MicroYuan))
	return u, err
}
