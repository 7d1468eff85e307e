// Package people knows who asks: people and keys, the roles they carry, their
// sessions, the caller of a request, the table of who may call what, and what
// one person proposed and another has to decide.
//
// Start with [NewKeys], which authenticates a key as a client sent it, and
// [NewPeople], which signs people in. It knows no HTTP.
package people

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// A key reads zj_<id>_<secret>: the id finds the row, the secret is 32 random
// bytes in hex of which the store keeps the SHA-256. A secret of that entropy
// needs no slow hash.
var keyForm = regexp.MustCompile(`^zj_([a-z2-7]{12})_([0-9a-f]{64})$`)

// NewKey makes a key. The plain text is shown once and never stored; the
// record goes to the store. A zero expires means never.
func NewKey(name, institution string, roles []Role, now, expires time.Time) (plain string, rec store.Key, err error) {
	if name, err = cleanName(name); err != nil {
		return "", rec, err
	}
	if !institutionForm.MatchString(institution) {
		return "", rec, fault.New(fault.Invalid, "key.institution", "机构标识须为1至40个小写字母、数字或连字符。", "An institution is 1 to 40 lower-case letters, digits or dashes.")
	}
	if err := fits(institution, roles); err != nil {
		return "", rec, err
	}
	if !expires.IsZero() && !expires.After(now) {
		return "", rec, fault.New(fault.Invalid, "key.expires", "有效期须晚于现在。", "The expiry must lie in the future.")
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails (crypto/rand, Go 1.24)
	text := hex.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(text))
	rec = store.Key{ID: strings.ToLower(rand.Text()[:12]), Name: name, Institution: institution, SecretSHA256: hash[:], CreatedAt: now, ExpiresAt: expires, Roles: texts(roles)}
	return "zj_" + rec.ID + "_" + text, rec, nil
}

var institutionForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// cleanName refuses what could be read as something else in a log or a list:
// control characters and marks that turn the direction of writing.
func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool {
		return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || unicode.IsSpace(c) && c != ' ' && c != '\u3000'
	}) {
		return "", fault.New(fault.Invalid, "key.name", "须有名称，不超过100字，不含控制字符或方向控制符。", "A name is needed, of at most 100 characters, without control characters or marks of direction.",
			fault.Field{Field: "body.name", Code: "key.name", Zh: "须有名称，不超过100字，不含控制字符或方向控制符", En: "needs a name of at most 100 characters without control characters"})
	}
	return name, nil
}

func texts(roles []Role) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = string(r)
	}
	return out
}

func rolesOf(texts []string) []Role {
	out := make([]Role, len(texts))
	for i, r := range texts {
		out[i] = Role(r)
	}
	return out
}

// KeyInfo is a key without its secret.
type KeyInfo struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Institution string     `json:"institution"`
	Roles       []string   `json:"roles"`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at" doc:"null: never"`
	RevokedAt   *time.Time `json:"revoked_at" doc:"null: in force"`
	Person      string     `json:"person,omitempty" doc:"Id of the person it belongs to; absent: the system that the name names."`
}

// describeKey drops what must not be shown.
func describeKey(k store.Key) KeyInfo {
	info := KeyInfo{ID: k.ID, Name: k.Name, Institution: k.Institution, Roles: k.Roles, CreatedAt: k.CreatedAt, Person: k.Person}
	if !k.ExpiresAt.IsZero() {
		info.ExpiresAt = &k.ExpiresAt
	}
	if !k.RevokedAt.IsZero() {
		info.RevokedAt = &k.RevokedAt
	}
	return info
}

// Principal is the caller of a request: a person at the pages, a person's key,
// or the key of a system.
type Principal struct {
	KeyID       string // empty: signed in at the pages
	PersonID    string // empty: a system
	Login       string // of the person
	Name        string // of the person, else of the system
	Institution string // whose records the caller sees
	Roles       []Role
}

// Caller names whose requests are counted together.
func (p Principal) Caller() string { return cmp.Or(p.KeyID, p.PersonID) }

// Actor is the caller as the use cases know it and the record names it: person,
// key and system.
func (p Principal) Actor() appraisal.Actor {
	name := p.Name + " (" + p.KeyID + ")"
	switch {
	case p.PersonID != "" && p.KeyID != "":
		name = p.Name + " (" + p.Login + ", " + p.KeyID + ")"
	case p.PersonID != "":
		name = p.Name + " (" + p.Login + ")"
	case p.KeyID == "":
		name = p.Name
	}
	return appraisal.Actor{Name: name, Institution: p.Institution, Person: p.PersonID}
}

type principalKey struct{}

// With is the context of an authenticated request: what is put on record
// names the request and the caller's roles.
func With(ctx context.Context, p Principal, request string) context.Context {
	o := store.Origin{Request: request}
	for _, r := range p.Roles {
		o.Roles = append(o.Roles, string(r))
	}
	return store.As(store.WithOrigin(context.WithValue(ctx, principalKey{}, p), o), p.Institution)
}

// Of returns the caller of an authenticated request; the zero Principal, which
// has no role and no institution, when there is none.
func Of(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// One answer for a key that is malformed, unknown or has the wrong secret: the
// difference would help only somebody who guesses.
var (
	errNoKey      = fault.New(fault.Unauthorized, "auth.missing", "缺少密钥，请以 Authorization: Bearer 提供。", "No key; send Authorization: Bearer.")
	errBadKey     = fault.New(fault.Unauthorized, "auth.invalid", "密钥无效。", "The key is not valid.")
	errExpiredKey = fault.New(fault.Unauthorized, "auth.expired", "密钥已过期，请向管理员申请新密钥。", "The key has expired; ask your administrator for a new one.")
	errOwner      = fault.New(fault.Unauthorized, "auth.person", "密钥所属人员已停用。", "The person whose key it is was disabled.")
	errRevokedKey = fault.New(fault.Unauthorized, "auth.revoked", "密钥已停用，请向管理员申请新密钥。", "The key was revoked; ask your administrator for a new one.")
)

// Keys authenticates by the stored keys.
type Keys struct {
	db  *store.DB
	now func() time.Time
}

// NewKeys returns the keys of a migrated database.
func NewKeys(db *store.DB, now func() time.Time) *Keys { return &Keys{db: db, now: now} }

// Check authenticates a key as the client sent it. An empty one is missing.
func (k *Keys) Check(ctx context.Context, plain string) (Principal, error) {
	if plain == "" {
		return Principal{}, errNoKey
	}
	m := keyForm.FindStringSubmatch(plain)
	if m == nil {
		return Principal{}, errBadKey
	}
	rec, err := k.db.Key(ctx, m[1])
	missing := fault.KindOf(err) == fault.NotFound
	if err != nil && !missing {
		return Principal{}, err
	}
	hash := sha256.Sum256([]byte(m[2]))
	if missing {
		rec.SecretSHA256 = make([]byte, sha256.Size) // compare anyway, in the same time
	}
	if subtle.ConstantTimeCompare(hash[:], rec.SecretSHA256) != 1 || missing {
		return Principal{}, errBadKey
	}
	return k.admit(rec)
}

// ByID returns the caller whose key has the id, for a session that proved its
// bearer earlier.
func (k *Keys) ByID(ctx context.Context, id string) (Principal, error) {
	rec, err := k.db.Key(ctx, id)
	if err != nil {
		return Principal{}, err
	}
	return k.admit(rec)
}

// admit checks that a key whose bearer is known may still be used.
func (k *Keys) admit(rec store.Key) (Principal, error) {
	now := k.now()
	switch {
	case !rec.RevokedAt.IsZero() && !rec.RevokedAt.After(now):
		return Principal{}, errRevokedKey
	case !rec.ExpiresAt.IsZero() && !rec.ExpiresAt.After(now):
		return Principal{}, errExpiredKey
	}
	p := Principal{KeyID: rec.ID, Name: rec.Name, Institution: rec.Institution, Roles: rolesOf(rec.Roles)}
	if rec.Person == "" {
		return p, nil
	}
	if !rec.Owner.DisabledAt.IsZero() {
		return Principal{}, errOwner
	}
	p.PersonID, p.Login, p.Name = rec.Owner.ID, rec.Owner.Login, rec.Owner.Name
	p.Roles = slices.DeleteFunc(p.Roles, func(r Role) bool { return !slices.Contains(rec.Owner.Roles, string(r)) })
	return p, nil
}

// Request is a key that is asked for.
type Request struct {
	Name    string // of the system, or what the person uses it for
	Login   string // of the person it belongs to; empty: a system's
	Roles   []Role
	Expires time.Time // zero: never
}

// Create makes and stores a key of by's institution; see [NewKey]. Who makes it
// gives no role that he may not give, and a person's key none that the person
// does not have.
func (k *Keys) Create(ctx context.Context, by Principal, r Request) (plain string, _ KeyInfo, err error) {
	plain, rec, err := NewKey(r.Name, by.Institution, r.Roles, k.now().UTC().Truncate(time.Microsecond), r.Expires)
	if err != nil {
		return "", KeyInfo{}, err
	}
	if err := mayGive(by, r.Roles); err != nil {
		return "", KeyInfo{}, err
	}
	if r.Login != "" {
		owner, err := k.db.Person(ctx, by.Institution, r.Login)
		if err != nil {
			return "", KeyInfo{}, err
		}
		for _, role := range r.Roles {
			if !slices.Contains(owner.Roles, string(role)) {
				return "", KeyInfo{}, fault.New(fault.Invalid, "key.beyond_person", "密钥的角色不得超出其所属人员的角色。", "A key has no role that its person lacks.")
			}
		}
		rec.Person = owner.ID
	}
	return plain, describeKey(rec), k.db.InsertKey(ctx, rec, by.Actor().Name)
}

func mayGive(by Principal, roles []Role) error {
	for _, r := range roles {
		if !MayGive(by.Roles, r) {
			return fault.New(fault.Forbidden, "role.give", "您无权授予角色 "+string(r)+"。", "You may not give the role "+string(r)+".")
		}
	}
	return nil
}

// List returns the keys of the context's institution.
func (k *Keys) List(ctx context.Context) ([]KeyInfo, error) {
	stored, err := k.db.Keys(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]KeyInfo, len(stored))
	for i, x := range stored {
		list[i] = describeKey(x)
	}
	return list, nil
}

// Revoke ends a key now, and with it its sessions.
func (k *Keys) Revoke(ctx context.Context, by, id string) (KeyInfo, error) {
	rec, err := k.db.RevokeKey(ctx, id, k.now(), by)
	if err != nil {
		return KeyInfo{}, err
	}
	return describeKey(rec), nil
}
