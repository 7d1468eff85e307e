package pages

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	opstorage "github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/provider"
)

// groups makes the provider's example accounts members of groups.
type groups struct {
	*opstorage.Storage
	of     []string
	client string
	ended  func(user string) // called when a session ends at the provider
}

func (g *groups) TerminateSession(ctx context.Context, user, client string) error {
	if g.ended != nil {
		g.ended(user)
	}
	return g.Storage.TerminateSession(ctx, user, client)
}

func (g *groups) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	err := g.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
	info.AppendClaims("groups", g.of)
	return err
}

// atProvider is the pages behind a real identity provider, each on a socket.
type atProvider struct {
	*world
	idp   *httptest.Server
	here  string // address of the pages
	users *groups
}

const callbackPath = "/officer/sign-in/callback"

func newProvider(t *testing.T) *atProvider {
	t.Helper()
	var op http.Handler
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { op.ServeHTTP(w, r) }))
	t.Cleanup(idp.Close)
	app := httptest.NewUnstartedServer(nil)
	here := "http://" + app.Listener.Addr().String()
	callback := here + callbackPath
	id := "zhijia-" + app.Listener.Addr().String() // the example's clients are the process's
	opstorage.RegisterClients(opstorage.WebClient(id, "secret", callback))
	users := &groups{Storage: opstorage.NewStorage(opstorage.NewUserStore(idp.URL)), of: []string{"staff", "patents"}}
	op = exampleop.SetupServer(idp.URL, users, nil, false)
	identity, err := provider.New(provider.Config{
		Issuer: idp.URL, ClientID: id, ClientSecret: "secret", RedirectURL: callback, GroupsClaim: "groups", Roles: map[string][]string{"patents": {"officer"}, "heads": {"approver"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &atProvider{world: &world{World: gatetest.NewWorld(t)}, idp: idp, here: here, users: users}
	users.client = id
	p.gate = gate.New(gate.Options{DB: p.DB})
	if err := Register(p.gate, Options{Appraisal: p.Appraisal, Desk: p.Desk, Watch: p.Watch, Intake: p.Intake, Dossier: p.Dossier, Audit: p.Audit, Provider: identity}); err != nil {
		t.Fatal(err)
	}
	app.Config.Handler = p.gate
	app.Start()
	t.Cleanup(app.Close)
	return p
}

// tell sends the provider's signed word that its sessions of a person ended, as
// change leaves it, and returns the answer's status.
func (p *atProvider) tell(t *testing.T, change func(map[string]any)) int {
	t.Helper()
	key, err := p.users.SigningKey(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.SignatureAlgorithm(), Key: jose.JSONWebKey{Key: key.Key(), KeyID: key.ID()}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{
		"iss": p.idp.URL, "aud": p.users.client, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "jti": "1", "sub": "id1",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	change(claims)
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.PostForm(p.here+"/officer/sign-in/logout", url.Values{"logout_token": {token}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r.StatusCode
}

// A person signs in through the form of a real provider, is out here when he
// signs out here and when the provider says that he is out there. A forged or
// repeated answer signs nobody in, nor does an account without a group.
func TestSignInByProvider(t *testing.T) {
	t.Parallel()
	w := newProvider(t)
	idp, here, store := w.idp, w.here, w.users
	callback := here + callbackPath

	var answer *url.URL // what the provider sent the browser back with
	browser := func() *http.Client {
		jar, _ := cookiejar.New(nil) // no options, no error
		return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), callback) {
				answer = r.URL
			}
			return nil
		}}
	}
	read := func(r *http.Response, err error) (int, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(body)
	}
	signIn := func(c *http.Client, user string) (int, string) {
		t.Helper()
		status, form := read(c.Get(here + "/officer/sign-in"))
		id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(form)
		if status != 200 || id == nil {
			t.Fatalf("the provider's form: %d %s", status, form)
		}
		return read(c.PostForm(idp.URL+"/login/username", url.Values{"id": {id[1]}, "username": {user}, "password": {"verysecure"}}))
	}
	inside := func(c *http.Client) bool {
		_, page := read(c.Get(here + "/officer"))
		return strings.Contains(page, "新的估值")
	}

	one := browser()
	if status, page := signIn(one, "test-user@127.0.0.1"); status != 200 || !inside(one) {
		t.Fatalf("sign in: %d %s", status, page)
	}
	used := *answer
	if status, _ := read(one.Get(used.String())); status != http.StatusUnauthorized {
		t.Errorf("the same answer twice: %d", status)
	}
	other := browser()
	if status, _ := read(other.Get(used.String())); status != http.StatusUnauthorized || inside(other) {
		t.Errorf("an answer to somebody else's question: %d", status)
	}
	people, err := w.gate.People.List(t.Context(), "default")
	if err != nil || len(people) != 1 || !people[0].Provider || strings.Join(people[0].Roles, ",") != "officer" {
		t.Fatalf("%+v, %v", people, err)
	}

	// Out here ends the provider's session too.
	_, page := read(one.Get(here + "/officer"))
	status, page := read(one.PostForm(here+"/officer/logout", url.Values{"csrf": {csrfField.FindStringSubmatch(page)[1]}}))
	if status != 200 || inside(one) || !strings.Contains(page, idp.URL+"/end_session?") {
		t.Errorf("sign out: %d %s", status, page)
	}

	// Out there ends the session here, on the provider's signed word alone.
	two, again := browser(), browser()
	signIn(two, "test-user@127.0.0.1")
	signIn(again, "test-user@127.0.0.1")
	told := func(change func(map[string]any)) int { t.Helper(); return w.tell(t, change) }
	for name, change := range map[string]func(map[string]any){
		"an identity token":  func(c map[string]any) { delete(c, "events") },
		"another's":          func(c map[string]any) { c["aud"] = "other" },
		"with a nonce":       func(c map[string]any) { c["nonce"] = "n" },
		"of an hour ago":     func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
		"another provider's": func(c map[string]any) { c["iss"] = "https://evil.invalid" },
		"of nobody":          func(c map[string]any) { delete(c, "sub") },
	} {
		if got := told(change); got != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, got)
		}
	}
	if !inside(two) || !inside(again) {
		t.Fatal("a forged word ended a session")
	}
	if got := told(func(map[string]any) {}); got != 200 || inside(two) || inside(again) {
		t.Errorf("the provider's word: %d, or a session goes on", got)
	}

	// Roles follow the groups; without one nobody comes in.
	store.of = []string{"heads"}
	signIn(browser(), "test-user@127.0.0.1")
	if people, err = w.gate.People.List(t.Context(), "default"); err != nil || strings.Join(people[0].Roles, ",") != "approver" {
		t.Errorf("%+v, %v", people, err)
	}
	store.of = []string{"staff"}
	four := browser()
	if status, _ := signIn(four, "test-user2"); status != http.StatusForbidden || inside(four) {
		t.Errorf("without a group: %d", status)
	}
}
