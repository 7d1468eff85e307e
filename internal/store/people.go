package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"zhijia/internal/fault"
)

// Person is somebody of an institution who signs in.
type Person struct {
	ID          string
	Institution string
	Login       string
	Name        string
	Roles       []string
	Password    string // bcrypt; empty: only the identity provider vouches for him
	Subject     string // issuer and subject at the provider; empty: none
	Failures    int    // wrong passwords since the last right one
	FailedAt    time.Time
	CreatedAt   time.Time
	DisabledAt  time.Time // zero: may sign in
}

const personColumns = `p.id, p.institution, p.login, p.name, p.roles, coalesce(p.password, ''), coalesce(p.subject, ''), p.failures,
	coalesce(p.failed_at, '0001-01-01'::timestamptz), p.created_at, coalesce(p.disabled_at, '0001-01-01'::timestamptz)`

func (p *Person) columns() []any {
	return []any{&p.ID, &p.Institution, &p.Login, &p.Name, &p.Roles, &p.Password, &p.Subject, &p.Failures, &p.FailedAt, &p.CreatedAt, &p.DisabledAt}
}

var errNoPerson = fault.New(fault.NotFound, "person.unknown", "没有这个人员。", "There is no such person.")

func onePerson(rows pgx.Rows, err error) (Person, error) {
	if err != nil {
		return Person{}, err
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanPerson)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, errNoPerson
	}
	return p, err
}

func scanPerson(row pgx.CollectableRow) (p Person, err error) {
	err = row.Scan(p.columns()...)
	return p, err
}

// InsertPerson stores a new person that by added.
func (db *DB) InsertPerson(ctx context.Context, p Person, by string) (err error) {
	defer fault.Wrap(&err, "store.InsertPerson")
	err = db.recorded(ctx, Act{p.Institution, by, "person.add", p.ID, map[string]any{"login": p.Login, "name": p.Name, "roles": p.Roles, "provider": p.Subject != ""}}, `
		INSERT INTO people (id, institution, login, name, roles, password, subject, created_at) VALUES ($1, $2, $3, $4, $5, nullif($6, ''), nullif($7, ''), $8)`,
		p.ID, p.Institution, p.Login, p.Name, p.Roles, p.Password, p.Subject, p.CreatedAt)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return fault.New(fault.Conflict, "person.login_taken", "本机构已有此用户名。", "This institution has that user name already.")
	}
	return unknownInstitution(err, p.Institution)
}

// Person returns the person of an institution with a login, or a NotFound fault.
func (db *DB) Person(ctx context.Context, institution, login string) (_ Person, err error) {
	defer fault.Wrap(&err, "store.Person")
	return onePerson(db.pool.Query(As(ctx, institution), `SELECT `+personColumns+` FROM people p WHERE institution = $1 AND login = $2`, institution, login))
}

// PersonAt returns the person of an institution whom the provider calls subject.
func (db *DB) PersonAt(ctx context.Context, institution, subject string) (_ Person, err error) {
	defer fault.Wrap(&err, "store.PersonAt")
	return onePerson(db.pool.Query(As(ctx, institution), `SELECT `+personColumns+` FROM people p WHERE institution = $1 AND subject = $2`, institution, subject))
}

// PersonByID returns a person of an institution.
func (db *DB) PersonByID(ctx context.Context, institution, id string) (_ Person, err error) {
	defer fault.Wrap(&err, "store.PersonByID")
	return onePerson(db.pool.Query(As(ctx, institution), `SELECT `+personColumns+` FROM people p WHERE institution = $1 AND id = $2`, institution, id))
}

// People returns an institution's people by login.
func (db *DB) People(ctx context.Context, institution string) (_ []Person, err error) {
	defer fault.Wrap(&err, "store.People")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT `+personColumns+` FROM people p WHERE institution = $1 ORDER BY login`, institution)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanPerson)
}

// PersonChange is what is to become of a person; nil leaves it as it is.
type PersonChange struct {
	Name     *string
	Roles    []string // none: as they are
	Password *string  // bcrypt
	Disabled *time.Time
	Erased   bool // login, name, password and provider are forgotten; id and roles stay
}

// ChangePerson changes a person on record, and ends his sessions: what he may
// do from now on is not what he signed in with.
func (db *DB) ChangePerson(ctx context.Context, institution, login string, c PersonChange, action, by string, at time.Time) (p Person, err error) {
	defer fault.Wrap(&err, "store.ChangePerson")
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		before, err := onePerson(tx.Query(ctx, `SELECT `+personColumns+` FROM people p WHERE institution = $1 AND login = $2 FOR UPDATE`, institution, login))
		if err != nil {
			return err
		}
		p, err = onePerson(tx.Query(ctx, `
			UPDATE people p SET
				login = CASE WHEN $7 THEN 'erased-' || id ELSE login END,
				name = CASE WHEN $7 THEN '（已删除）' ELSE coalesce($3, name) END,
				roles = CASE WHEN cardinality($4::text[]) > 0 THEN $4 ELSE roles END,
				password = CASE WHEN $7 THEN NULL ELSE coalesce($5, password) END,
				subject = CASE WHEN $7 THEN NULL ELSE subject END,
				failures = CASE WHEN $5::text IS NULL THEN failures ELSE 0 END,
				disabled_at = coalesce(disabled_at, $6)
			WHERE institution = $1 AND id = $2 RETURNING `+personColumns,
			institution, before.ID, c.Name, orEmpty(c.Roles), c.Password, c.Disabled, c.Erased))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE sessions SET ended_at = $3 WHERE institution = $1 AND person = $2 AND ended_at IS NULL`, institution, p.ID, at); err != nil {
			return err
		}
		detail := map[string]any{}
		if len(c.Roles) > 0 {
			detail["before"], detail["after"] = before.Roles, p.Roles
		}
		return record(ctx, tx, Act{institution, by, action, p.ID, detail})
	})
	return p, err
}

// CountFailure notes a wrong password; right forgets the wrong ones.
func (db *DB) CountFailure(ctx context.Context, institution, person string, right bool, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.CountFailure")
	_, err = db.pool.Exec(As(ctx, institution), `UPDATE people SET failures = CASE WHEN $3 THEN 0 ELSE failures + 1 END, failed_at = CASE WHEN $3 THEN NULL ELSE $4::timestamptz END
		WHERE institution = $1 AND id = $2 AND ($3 IS FALSE OR failures > 0)`, institution, person, right, at)
	return err
}

// Session is one sign-in at the pages, of a person or of a key.
type Session struct {
	TokenSHA256 []byte
	Institution string
	Person      string // id; empty: of a key
	KeyID       string
	CreatedAt   time.Time
	ExpiresAt   time.Time
	ProviderSID string // the identity provider's own session
	IDToken     string // shown to the provider at sign-out
}

// StartSession stores a session, on record.
func (db *DB) StartSession(ctx context.Context, s Session, by string) (err error) {
	defer fault.Wrap(&err, "store.StartSession")
	subject := s.Person
	if subject == "" {
		subject = s.KeyID
	}
	return db.recorded(ctx, Act{s.Institution, by, "session.start", subject, map[string]any{"provider": s.IDToken != ""}}, `
		INSERT INTO sessions (token_sha256, institution, person, key_id, created_at, seen_at, expires_at, provider_sid, id_token)
		VALUES ($1, $2, nullif($3, ''), nullif($4, ''), $5, $5, $6, nullif($7, ''), nullif($8, ''))`,
		s.TokenSHA256, s.Institution, s.Person, s.KeyID, s.CreatedAt, s.ExpiresAt, s.ProviderSID, s.IDToken)
}

// Session returns a session in force, whoever's it is, or a NotFound fault. One
// that was not used since idle ago is over.
func (db *DB) Session(ctx context.Context, token []byte, now time.Time, idle time.Duration) (s Session, err error) {
	defer fault.Wrap(&err, "store.Session")
	ctx = vital(ctx)
	var seen time.Time
	err = db.pool.QueryRow(across(ctx), `
		SELECT institution, coalesce(person, ''), coalesce(key_id, ''), created_at, expires_at, coalesce(id_token, ''), seen_at FROM sessions
		WHERE token_sha256 = $1 AND ended_at IS NULL AND expires_at > $2 AND seen_at > $3`, token, now, now.Add(-idle)).
		Scan(&s.Institution, &s.Person, &s.KeyID, &s.CreatedAt, &s.ExpiresAt, &s.IDToken, &seen)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, fault.New(fault.NotFound, "session.unknown", "会话已结束。", "The session has ended.")
	}
	s.TokenSHA256 = token
	if err == nil && now.Sub(seen) > time.Minute {
		_, err = db.pool.Exec(As(ctx, s.Institution), `UPDATE sessions SET seen_at = $2 WHERE token_sha256 = $1`, token, now)
	}
	return s, err
}

// EndSession ends a session now.
func (db *DB) EndSession(ctx context.Context, s Session, by string, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.EndSession")
	subject := s.Person
	if subject == "" {
		subject = s.KeyID
	}
	return db.recorded(ctx, Act{s.Institution, by, "session.end", subject, nil},
		`UPDATE sessions SET ended_at = coalesce(ended_at, $2) WHERE token_sha256 = $1`, s.TokenSHA256, at)
}

// EndProviderSessions ends what the identity provider says is over: its session
// sid, or all of a subject where it names none. It returns how many ended.
func (db *DB) EndProviderSessions(ctx context.Context, institution, subject, sid string, at time.Time) (n int64, err error) {
	defer fault.Wrap(&err, "store.EndProviderSessions")
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE sessions s SET ended_at = $4 FROM people p
			WHERE s.institution = $1 AND p.institution = $1 AND p.id = s.person AND s.ended_at IS NULL AND s.id_token IS NOT NULL
			AND ($2 = '' OR p.subject = $2) AND ($3 = '' OR s.provider_sid = $3)`, institution, subject, sid, at)
		if n = tag.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return record(ctx, tx, Act{institution, "oidc", "session.end", subject, map[string]any{"sessions": n}})
	})
	return n, err
}

// PruneSessions drops sessions that ended or lapsed before a moment.
func (db *DB) PruneSessions(ctx context.Context, before time.Time) (_ int64, err error) {
	defer fault.Wrap(&err, "store.PruneSessions")
	tag, err := db.pool.Exec(across(ctx), `DELETE FROM sessions WHERE least(ended_at, expires_at) < $1`, before)
	return tag.RowsAffected(), err
}
