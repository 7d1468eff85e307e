package store

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"zhijia/internal/fault"
)

// Institution is a bank, office or firm on this service.
type Institution struct {
	ID        string    `json:"id"` // lower-case letters, digits, dashes
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// PutInstitution adds an institution, or gives one that is there another name.
func (db *DB) PutInstitution(ctx context.Context, id, name, by string) (err error) {
	defer fault.Wrap(&err, "store.PutInstitution(%s)", id)
	if !institutionID.MatchString(id) || name == "" || strings.ContainsFunc(name, func(c rune) bool { return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }) {
		return fault.New(fault.Invalid, "institution.id", "机构标识应为 1 到 40 个小写字母、数字或连字符，名称不能为空，不含控制字符或方向控制符。",
			"An institution's id is 1 to 40 lower-case letters, digits or dashes, and it has a name without control characters or marks of direction.")
	}
	return db.recorded(As(ctx, id), Act{id, by, "institution.put", id, map[string]any{"name": name}},
		`INSERT INTO institutions (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name`, id, name)
}

// ShareInterests decides whether an institution tells others, and is told, that
// an interest in a patent is noted.
func (db *DB) ShareInterests(ctx context.Context, id string, share bool, by string) (err error) {
	defer fault.Wrap(&err, "store.ShareInterests(%s)", id)
	ctx = As(ctx, id)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE institutions SET shares_interests = $2 WHERE id = $1`, id, share)
		if err == nil && tag.RowsAffected() == 0 {
			err = fault.New(fault.NotFound, "institution.unknown", "没有机构 "+id+"。", "There is no institution "+id+".")
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, Act{id, by, "institution.interests", id, map[string]any{"share": share}})
	})
}

// Institutions returns every institution by id.
func (db *DB) Institutions(ctx context.Context) (_ []Institution, err error) {
	defer fault.Wrap(&err, "store.Institutions")
	rows, err := db.pool.Query(across(ctx), `SELECT id, name, created_at FROM institutions ORDER BY id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (i Institution, err error) {
		err = row.Scan(&i.ID, &i.Name, &i.CreatedAt)
		i.CreatedAt = i.CreatedAt.UTC()
		return i, err
	})
}

// unknownInstitution says so of a row that names an institution that is not
// there.
func unknownInstitution(err error, id string) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23503" && pg.ConstraintName == pg.TableName+"_institution_fkey" {
		return fault.New(fault.NotFound, "institution.unknown", "没有机构 "+id+"，请先用 zhijia institutions add 添加。",
			"There is no institution "+id+"; add it with zhijia institutions add.")
	}
	return err
}
