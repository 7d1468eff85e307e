package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// How long a session lives, and how long one that nobody uses.
const (
	SessionLifetime = 12 * time.Hour
	SessionIdle     = 2 * time.Hour
)

// After so many wrong passwords a person waits.
const (
	failuresAllowed = 10
	failureWait     = 15 * time.Minute
)

// People signs people in and keeps their accounts.
type People struct {
	db   *store.DB
	keys *Keys
	now  func() time.Time
}

// NewPeople returns the people of a migrated database.
func NewPeople(db *store.DB, now func() time.Time) *People {
	return &People{db: db, keys: NewKeys(db, now), now: now}
}

// Person is a person without what must not be shown.
type Person struct {
	ID         string     `json:"id"`
	Login      string     `json:"login"`
	Name       string     `json:"name"`
	Roles      []string   `json:"roles"`
	Password   bool       `json:"password" doc:"Has a password here."`
	Provider   bool       `json:"provider" doc:"Signs in by the identity provider."`
	CreatedAt  time.Time  `json:"created_at"`
	DisabledAt *time.Time `json:"disabled_at" doc:"null: may sign in"`
}

func describePerson(p *store.Person) Person {
	d := Person{ID: p.ID, Login: p.Login, Name: p.Name, Roles: p.Roles, Password: p.Password != "", Provider: p.Subject != "", CreatedAt: p.CreatedAt.UTC()}
	if !p.DisabledAt.IsZero() {
		at := p.DisabledAt.UTC()
		d.DisabledAt = &at
	}
	return d
}

// principal is a person as a caller.
func principal(p *store.Person) Principal {
	return Principal{PersonID: p.ID, Login: p.Login, Name: p.Name, Institution: p.Institution, Roles: rolesOf(p.Roles)}
}

var (
	loginForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,79}$`)

	errSignIn  = fault.New(fault.Unauthorized, "auth.password", "用户名或密码不正确。", "The user name or the password is wrong.")
	errWait    = fault.New(fault.RateLimited, "auth.wait", "密码错误次数过多，请15分钟后再试。", "Too many wrong passwords; try again in 15 minutes.")
	errSession = fault.New(fault.Unauthorized, "session.missing", "请先登录。", "Sign in first.")
	errSelf    = fault.New(fault.Forbidden, "person.self", "不能修改自己的角色或停用自己。", "Nobody changes his own roles or disables himself.")
)

// nobody is checked in place of the password of somebody who is not there, so
// that the answer takes as long.
var nobody = []byte("$2a$10$7EqJtq98hPqEX7fNZaFWoOhi5B7kO5Jx3zq1GJY5pWQ9l1u9eYp8e")

// hashPassword refuses what is too short to keep and what bcrypt would cut.
func hashPassword(password string) (string, error) {
	if len([]rune(password)) < 10 || len(password) > 72 {
		return "", fault.New(fault.Invalid, "person.password", "密码至少10个字符，不超过72字节。", "A password has at least 10 characters and at most 72 bytes.")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	return string(hash), err
}

// Add stores a new person of by's institution. Without a password only the
// identity provider signs him in.
func (s *People) Add(ctx context.Context, by Principal, login, name, password string, roles []Role) (_ Person, err error) {
	login = strings.ToLower(strings.TrimSpace(login))
	if !loginForm.MatchString(login) {
		return Person{}, fault.New(fault.Invalid, "person.login", "用户名须为1至80个小写字母、数字或 . _ @ + -。", "A user name is 1 to 80 lower-case letters, digits or . _ @ + -.")
	}
	if name, err = cleanName(name); err != nil {
		return Person{}, err
	}
	if err := fits(by.Institution, roles); err != nil {
		return Person{}, err
	}
	if err := mayGive(by, roles); err != nil {
		return Person{}, err
	}
	p := store.Person{Institution: by.Institution, Login: login, Name: name, Roles: texts(roles), CreatedAt: s.now().UTC().Truncate(time.Microsecond)}
	p.ID = store.NewID("per", p.CreatedAt)
	if password != "" {
		if p.Password, err = hashPassword(password); err != nil {
			return Person{}, err
		}
	}
	return describePerson(&p), s.db.InsertPerson(ctx, p, by.Actor().Name)
}

// List returns the people of an institution.
func (s *People) List(ctx context.Context, institution string) ([]Person, error) {
	stored, err := s.db.People(ctx, institution)
	list := make([]Person, len(stored))
	for i := range stored {
		list[i] = describePerson(&stored[i])
	}
	return list, err
}

// SetRoles gives a person other roles, which ends his sessions. Whatever he
// gains or loses must be by's to give, and nobody changes his own.
func (s *People) SetRoles(ctx context.Context, by Principal, login string, roles []Role) (Person, error) {
	if err := fits(by.Institution, roles); err != nil {
		return Person{}, err
	}
	p, err := s.db.Person(ctx, by.Institution, login)
	if err != nil {
		return Person{}, err
	}
	if p.ID == by.PersonID {
		return Person{}, errSelf
	}
	for _, r := range Roles {
		if slices.Contains(roles, r) != slices.Contains(p.Roles, string(r)) {
			if err := mayGive(by, []Role{r}); err != nil {
				return Person{}, err
			}
		}
	}
	return s.change(ctx, by, login, store.PersonChange{Roles: texts(roles)}, "person.roles")
}

// Disable keeps a person from signing in, ends his sessions and with them what
// his keys may do.
func (s *People) Disable(ctx context.Context, by Principal, login string) (Person, error) {
	p, err := s.db.Person(ctx, by.Institution, login)
	if err == nil && p.ID == by.PersonID {
		err = errSelf
	}
	if err != nil {
		return Person{}, err
	}
	now := s.now().UTC()
	return s.change(ctx, by, login, store.PersonChange{Disabled: &now}, "person.disable")
}

// Erase forgets who a person was: login, name, password and provider. What he
// did stays on record under his id.
func (s *People) Erase(ctx context.Context, by Principal, login string) (Person, error) {
	now := s.now().UTC()
	return s.change(ctx, by, login, store.PersonChange{Disabled: &now, Erased: true}, "person.erase")
}

// SetPassword gives a person another password, which ends his sessions.
func (s *People) SetPassword(ctx context.Context, by Principal, login, password string) (Person, error) {
	hash, err := hashPassword(password)
	if err != nil {
		return Person{}, err
	}
	return s.change(ctx, by, login, store.PersonChange{Password: &hash}, "person.password")
}

func (s *People) change(ctx context.Context, by Principal, login string, c store.PersonChange, action string) (Person, error) {
	p, err := s.db.ChangePerson(ctx, by.Institution, login, c, action, by.Actor().Name, s.now().UTC().Truncate(time.Microsecond))
	if err != nil {
		return Person{}, err
	}
	return describePerson(&p), nil
}

// Check authenticates a person by password.
func (s *People) Check(ctx context.Context, institution, login, password string) (Principal, error) {
	p, err := s.db.Person(ctx, institution, strings.ToLower(strings.TrimSpace(login)))
	missing := fault.KindOf(err) == fault.NotFound
	if err != nil && !missing {
		return Principal{}, err
	}
	hash := []byte(p.Password)
	if missing || p.Password == "" {
		hash = nobody
	}
	now := s.now()
	if p.Failures >= failuresAllowed && now.Sub(p.FailedAt) < failureWait {
		return Principal{}, errWait
	}
	right := bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && !missing && p.Password != ""
	if !missing {
		if err := s.db.CountFailure(ctx, p.Institution, p.ID, right, now); err != nil {
			return Principal{}, err
		}
	}
	if !right || !p.DisabledAt.IsZero() {
		return Principal{}, errSignIn
	}
	return principal(&p), nil
}

// SignedIn is what the identity provider said of somebody.
type SignedIn struct {
	Institution string
	Subject     string // issuer and subject
	Login, Name string
	Roles       []Role
	SID         string // the provider's session
	IDToken     string
}

// Provided returns the person whom the provider signed in, as the provider
// describes him now: who is new is added, and whose roles changed there has
// them here, which ends what sessions he had.
func (s *People) Provided(ctx context.Context, in SignedIn) (Principal, error) {
	if err := fits(in.Institution, in.Roles); err != nil {
		return Principal{}, err
	}
	name, err := cleanName(in.Name)
	if err != nil {
		name = in.Login
	}
	p, err := s.db.PersonAt(ctx, in.Institution, in.Subject)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		login := strings.ToLower(in.Login)
		if !loginForm.MatchString(login) {
			sum := sha256.Sum256([]byte(in.Subject))
			login = "oidc-" + strings.ToLower(base64.RawURLEncoding.EncodeToString(sum[:6]))
		}
		if name == "" {
			name = login
		}
		p = store.Person{Institution: in.Institution, Login: login, Name: name, Roles: texts(in.Roles), Subject: in.Subject, CreatedAt: s.now().UTC().Truncate(time.Microsecond)}
		p.ID = store.NewID("per", p.CreatedAt)
		if err := s.db.InsertPerson(ctx, p, "oidc"); err != nil {
			return Principal{}, err
		}
	case err != nil:
		return Principal{}, err
	case !p.DisabledAt.IsZero():
		return Principal{}, errSignIn
	case !slices.Equal(p.Roles, texts(in.Roles)):
		if p, err = s.db.ChangePerson(ctx, in.Institution, p.Login, store.PersonChange{Roles: texts(in.Roles)}, "person.roles", "oidc", s.now().UTC().Truncate(time.Microsecond)); err != nil {
			return Principal{}, err
		}
	}
	return principal(&p), nil
}

// Start opens a session of a caller who has shown who he is, and returns what
// his browser keeps. sid and idToken are the provider's, where it signed him in.
func (s *People) Start(ctx context.Context, p Principal, sid, idToken string) (token string, until time.Time, err error) {
	var secret [32]byte
	rand.Read(secret[:]) // never fails (crypto/rand, Go 1.24)
	now := s.now().UTC().Truncate(time.Microsecond)
	until = now.Add(SessionLifetime)
	rec := store.Session{TokenSHA256: sessionHash(secret[:]), Institution: p.Institution, Person: p.PersonID, CreatedAt: now, ExpiresAt: until, ProviderSID: sid, IDToken: idToken}
	if p.KeyID != "" {
		rec.Person, rec.KeyID = "", p.KeyID
	}
	return base64.RawURLEncoding.EncodeToString(secret[:]), until, s.db.StartSession(ctx, rec, p.Actor().Name)
}

func sessionHash(secret []byte) []byte {
	sum := sha256.Sum256(secret)
	return sum[:]
}

func (s *People) session(ctx context.Context, token string) (store.Session, error) {
	secret, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(secret) != 32 {
		return store.Session{}, errSession
	}
	rec, err := s.db.Session(ctx, sessionHash(secret), s.now(), SessionIdle)
	if fault.KindOf(err) == fault.NotFound {
		return rec, errSession
	}
	return rec, err
}

// Resume returns whose session a token is, with the roles he has now.
func (s *People) Resume(ctx context.Context, token string) (Principal, error) {
	rec, err := s.session(ctx, token)
	if err != nil {
		return Principal{}, err
	}
	if rec.KeyID != "" {
		return s.keys.ByID(ctx, rec.KeyID)
	}
	p, err := s.db.PersonByID(ctx, rec.Institution, rec.Person)
	if err == nil && !p.DisabledAt.IsZero() {
		err = errSession
	}
	return principal(&p), err
}

// End ends a session and returns what the provider is shown to end its own;
// empty when it has none. A token of no session ends nothing.
func (s *People) End(ctx context.Context, token string) (idToken string, err error) {
	rec, err := s.session(ctx, token)
	if fault.KindOf(err) == fault.Unauthorized {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	by := rec.Person + rec.KeyID
	if p, err := s.Resume(ctx, token); err == nil {
		by = p.Actor().Name
	}
	return rec.IDToken, s.db.EndSession(ctx, rec, by, s.now().UTC())
}

// EndProvided ends the sessions that the provider says are over.
func (s *People) EndProvided(ctx context.Context, institution, subject, sid string) error {
	_, err := s.db.EndProviderSessions(ctx, institution, subject, sid, s.now().UTC())
	return err
}
