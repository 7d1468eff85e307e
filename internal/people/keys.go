// Package people knows who asks: API keys, the roles they carry, the caller of
// a request and the table of who may call what.
//
// Start with [NewKeys]. It authenticates a key as a client sent it; a page's
// session names a key by its id and is checked by the same rule. It knows no
// HTTP.
package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// A key reads zj_<id>_<secret>: the id finds the row, the secret is 32 random
// bytes in hex of which the store keeps the SHA-256. A secret of that entropy
// needs no slow hash.
var keyForm = regexp.MustCompile(`^zj_([a-z2-7]{12})_([0-9a-f]{64})$`)

// NewKey makes a key. The plain text is shown once and never stored; the
// record goes to the store. The institution is the institution or desk whose
// records the key sees. A zero expires means never.
func NewKey(name, institution string, roles []Role, now, expires time.Time) (plain string, rec store.Key, err error) {
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 100 {
		return "", rec, fault.New(fault.Invalid, "key.name", "密钥须有名称，不超过100字。", "A key needs a name of at most 100 characters.",
			fault.Field{Field: "body.name", Code: "key.name", Zh: "须有名称，不超过100字", En: "needs a name of at most 100 characters"})
	}
	if !institutionForm.MatchString(institution) {
		return "", rec, fault.New(fault.Invalid, "key.institution", "机构标识须为1至40个小写字母、数字或连字符。", "An institution is 1 to 40 lower-case letters, digits or dashes.")
	}
	if len(roles) == 0 {
		return "", rec, fault.New(fault.Invalid, "key.roles", "密钥至少需要一个角色。", "A key needs at least one role.")
	}
	for _, r := range roles {
		if !slices.Contains(Roles, r) {
			return "", rec, fault.New(fault.Invalid, "key.roles", "未知角色；可用：officer、desk、evaluator、admin。", "Unknown role; the roles are officer, desk, evaluator, admin.")
		}
	}
	if !expires.IsZero() && !expires.After(now) {
		return "", rec, fault.New(fault.Invalid, "key.expires", "有效期须晚于现在。", "The expiry must lie in the future.")
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails (crypto/rand, Go 1.24)
	text := hex.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(text))
	rec = store.Key{ID: strings.ToLower(rand.Text()[:12]), Name: name, Institution: institution, SecretSHA256: hash[:], CreatedAt: now, ExpiresAt: expires}
	for _, r := range roles {
		rec.Roles = append(rec.Roles, string(r))
	}
	return "zj_" + rec.ID + "_" + text, rec, nil
}

var institutionForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// KeyInfo is a key without its secret.
type KeyInfo struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Institution string     `json:"institution"`
	Roles       []string   `json:"roles"`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at" doc:"null: never"`
	RevokedAt   *time.Time `json:"revoked_at" doc:"null: in force"`
}

// describeKey drops what must not be shown.
func describeKey(k store.Key) KeyInfo {
	info := KeyInfo{ID: k.ID, Name: k.Name, Institution: k.Institution, Roles: k.Roles, CreatedAt: k.CreatedAt}
	if !k.ExpiresAt.IsZero() {
		info.ExpiresAt = &k.ExpiresAt
	}
	if !k.RevokedAt.IsZero() {
		info.RevokedAt = &k.RevokedAt
	}
	return info
}

// Principal is the caller of a request.
type Principal struct {
	KeyID       string
	Name        string
	Institution string // the institution or desk whose records the caller sees
	Roles       []Role
}

// Actor is the caller as the use cases know it.
func (p Principal) Actor() appraisal.Actor {
	return appraisal.Actor{Name: p.Name + " (" + p.KeyID + ")", Institution: p.Institution}
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
	p := Principal{KeyID: rec.ID, Name: rec.Name, Institution: rec.Institution}
	for _, r := range rec.Roles {
		p.Roles = append(p.Roles, Role(r))
	}
	return p, nil
}

// Create makes and stores a key; see [NewKey].
func (k *Keys) Create(ctx context.Context, by, name, institution string, roles []Role, expires time.Time) (plain string, _ KeyInfo, err error) {
	plain, rec, err := NewKey(name, institution, roles, k.now().UTC().Truncate(time.Microsecond), expires)
	if err != nil {
		return "", KeyInfo{}, err
	}
	return plain, describeKey(rec), k.db.InsertKey(ctx, rec, by)
}

// List returns every key, of every institution.
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
