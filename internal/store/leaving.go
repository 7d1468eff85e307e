package store

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// Nobodys are the tables that hold nothing of any institution, each with why. A
// table that is not among them names one in the column institution.
var Nobodys = map[string]string{
	"goose_db_version": "the schema's own version",
	"model_endpoints":  "what an endpoint can do, the same for everybody",
	"watch_days":       "days on which the calendar was looked at",
	"audit_ties":       "one hash a day over the ends of all chains",
	"source_usage":     "what the service took from a source in an hour",
	"source_pauses":    "until when a source must not be asked",
}

// What is not exported of an institution, and what is left of it when it is
// deleted, each with why.
var (
	withheldTables = map[string]string{
		"sessions":    "signs somebody in",
		"idempotency": "replies of the last day, kept again elsewhere",
		"jobs":        "work in hand",
	}
	withheldColumns = map[string][]string{
		"api_keys": {"secret_sha256"},
		"people":   {"password"},
		"webhooks": {"secret", "previous"},
	}
	staying = map[string]string{
		"audit_tie_heads": "number and hash of its chain's ends, without which no older tie can be verified",
	}
)

// actLeave is the operator's entry about an institution that was deleted.
const actLeave = "institution.delete"

// held returns the tables that hold an institution's rows, in an order in which
// they can be emptied: what refers stands before what is referred to.
func held(ctx context.Context, q querier) ([]string, error) {
	rows, err := q.Query(ctx, `
		SELECT c.relname, ARRAY(SELECT DISTINCT r.relname FROM pg_constraint f JOIN pg_class r ON r.oid = f.conrelid WHERE f.contype = 'f' AND f.confrelid = c.oid AND f.conrelid <> c.oid)
		FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
		AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'institution' AND NOT attisdropped) ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	referrers := map[string][]string{}
	var names []string
	var name string
	var by []string
	if _, err := pgx.ForEachRow(rows, []any{&name, &by}, func() error {
		if _, nobodys := Nobodys[name]; !nobodys {
			names, referrers[name] = append(names, name), slices.Clone(by)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var order []string
	for len(order) < len(names) {
		before := len(order)
		for _, n := range names {
			free := !slices.ContainsFunc(referrers[n], func(r string) bool { _, here := referrers[r]; return here && !slices.Contains(order, r) })
			if free && !slices.Contains(order, n) {
				order = append(order, n)
			}
		}
		if len(order) == before {
			return nil, fmt.Errorf("tables refer to each other in a ring, none of %v can be emptied first", names)
		}
	}
	return order, nil
}

// Manifest says what an export holds.
type Manifest struct {
	Institution string           `json:"institution"`
	At          time.Time        `json:"at"`
	Rows        map[string]int64 `json:"rows"`
	Withheld    []string         `json:"withheld"` // tables and columns that are not in it
	Audit       AuditHead        `json:"audit"`    // the end of the institution's chain
}

// ExportInstitution writes everything that an institution brought or made to a
// ZIP: a file of JSON lines a table, and a manifest; extra adds files that are
// not in the database. Secrets are left out. It is on the institution's record.
func (db *DB) ExportInstitution(ctx context.Context, id, by string, to io.Writer, extra func(*zip.Writer) error) (m Manifest, err error) {
	defer fault.Wrap(&err, "store.ExportInstitution(%s)", id)
	if err := db.known(ctx, id); err != nil {
		return m, err
	}
	ctx = As(ctx, id)
	if err := db.Record(ctx, Act{id, by, "institution.export", id, nil}); err != nil {
		return m, err
	}
	tx, err := db.pool.beginSnapshot(ctx)
	if err != nil {
		return m, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	tables, err := held(ctx, tx)
	if err != nil {
		return m, err
	}
	slices.Sort(tables)
	m = Manifest{Institution: id, Rows: map[string]int64{}}
	if err := tx.QueryRow(ctx, `SELECT now(), seq, hash FROM audit WHERE institution = $1 ORDER BY seq DESC LIMIT 1`, id).Scan(&m.At, &m.Audit.Seq, &m.Audit.Hash); err != nil {
		return m, err
	}
	out := zip.NewWriter(to)
	for _, table := range tables {
		if _, withheld := withheldTables[table]; withheld {
			m.Withheld = append(m.Withheld, table)
			continue
		}
		for _, c := range withheldColumns[table] {
			m.Withheld = append(m.Withheld, table+"."+c)
		}
		if m.Rows[table], err = exportTable(ctx, tx, out, table, id, `institution`); err != nil {
			return m, err
		}
	}
	if m.Rows["institutions"], err = exportTable(ctx, tx, out, "institutions", id, `id`); err != nil {
		return m, err
	}
	if err := extra(out); err != nil {
		return m, err
	}
	w, err := out.Create("manifest.json")
	if err != nil {
		return m, err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return m, err
	}
	return m, out.Close()
}

// exportTable writes the rows of an institution, JSON as it is stored.
func exportTable(ctx context.Context, tx pgx.Tx, out *zip.Writer, table, id, owner string) (n int64, err error) {
	rows, err := tx.Query(ctx, `SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL ($2) ORDER BY attnum`, table, orEmpty(withheldColumns[table]))
	if err != nil {
		return 0, err
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	w, err := out.Create(table + ".jsonl")
	if err != nil {
		return 0, err
	}
	name := pgx.Identifier{table}.Sanitize()
	if rows, err = tx.Query(ctx, `SELECT row_to_json(x)::text FROM (SELECT `+strings.Join(columns, ", ")+` FROM `+name+` WHERE `+owner+` = $1) AS x`, id); err != nil {
		return 0, err
	}
	var line string
	_, err = pgx.ForEachRow(rows, []any{&line}, func() error {
		n++
		_, err := io.WriteString(w, strings.ReplaceAll(line, "\n", " ")+"\n") // within JSON a line break is a blank
		return err
	})
	return n, err
}

// known refuses an institution that is not there.
func (db *DB) known(ctx context.Context, id string) error {
	var there bool
	err := db.pool.QueryRow(As(ctx, id), `SELECT EXISTS (SELECT FROM institutions WHERE id = $1)`, id).Scan(&there)
	if err == nil && !there {
		err = fault.New(fault.NotFound, "institution.unknown", "没有机构 "+id+"。", "There is no institution "+id+".")
	}
	return err
}

// DeleteInstitution deletes an institution and every row of it, in one
// transaction, in the name of the schema's owner: the service's own role cannot.
// The operator's chain keeps that it was there, how many rows went and the end of
// its chain. It returns the rows by table.
func (db *DB) DeleteInstitution(ctx context.Context, id, by string) (gone map[string]int64, err error) {
	defer fault.Wrap(&err, "store.DeleteInstitution(%s)", id)
	if id == Public || id == Default {
		return nil, fault.New(fault.Invalid, "institution.kept", "机构 "+id+" 随程序存在，不能删除。", "The institution "+id+" is there with the program and cannot be deleted.")
	}
	if err := db.known(ctx, id); err != nil {
		return nil, err
	}
	conn, err := db.login(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	gone = map[string]int64{}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		scope := func(institution string) error {
			_, err := tx.Exec(ctx, setScope, institution)
			return err
		}
		if err := scope(id); err != nil {
			return err
		}
		// Nothing is written meanwhile: who writes an entry waits, then finds no institution.
		if _, err := tx.Exec(ctx, `
			SELECT set_config('zhijia.leaving', $2, true), (SELECT count(pg_advisory_xact_lock($1, hashtext(i))) FROM (SELECT i FROM unnest($3::text[]) AS i ORDER BY i COLLATE "C") AS o)`, lockAudit, id, []string{id, Public}); err != nil {
			return err
		}
		var last AuditHead
		if err := tx.QueryRow(ctx, `SELECT coalesce(max(seq), 0), coalesce((SELECT hash FROM audit WHERE institution = $1 ORDER BY seq DESC LIMIT 1), '') FROM audit WHERE institution = $1`, id).Scan(&last.Seq, &last.Hash); err != nil {
			return err
		}
		tables, err := held(ctx, tx)
		if err != nil {
			return err
		}
		// Twice: a deletion may leave a mark in a table that was emptied before.
		for _, table := range slices.Concat(tables, tables, []string{"institutions"}) {
			if _, stays := staying[table]; stays {
				continue
			}
			owner := "institution"
			if table == "institutions" {
				owner = "id"
			}
			name := pgx.Identifier{table}.Sanitize()
			var any bool // a deletion of nothing leaves its mark too
			if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+name+` WHERE `+owner+` = $1)`, id).Scan(&any); err != nil || !any {
				if err != nil {
					return err
				}
				continue
			}
			tag, err := tx.Exec(ctx, `DELETE FROM `+name+` WHERE `+owner+` = $1`, id)
			if err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
			if n := tag.RowsAffected(); n > 0 {
				gone[table] = max(gone[table], n)
			}
		}
		if err := scope(Public); err != nil {
			return err
		}
		return record(ctx, tx, Act{Public, by, actLeave, id, map[string]any{"last": last, "rows": gone}})
	})
	return gone, err
}
