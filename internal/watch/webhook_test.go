package watch

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// receiver is an institution's endpoint.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	path                 string
	id, stamp, signature string
	body                 []byte
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{q.URL.Path, q.Header.Get("webhook-id"), q.Header.Get("webhook-timestamp"), q.Header.Get("webhook-signature"), body})
		if r.status == http.StatusFound {
			w.Header().Set("Location", r.URL+"/elsewhere")
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) taken() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.got
	r.got = nil
	return out
}

var loopback = Guard{Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}

var testKey = bytes.Repeat([]byte{7}, 32)

func newPushingWorld(t testing.TB) (*world, *receiver) {
	w, r := newWorld(t, Options{Key: testKey, Guard: loopback}), newReceiver(t)
	w.post.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: r.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	return w, r
}

func (w *world) deliver() bool {
	w.t.Helper()
	found, err := w.Deliver(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func (w *world) deliveries(status string) []store.Delivery {
	w.t.Helper()
	list, err := w.db.Deliveries(w.ctx, "a", status, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func key(t testing.TB, secret string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(raw) != secretBytes || !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("the secret %q", secret)
	}
	return raw
}

// The vector published with the Standard Webhooks specification's libraries.
func TestSignGolden(t *testing.T) {
	t.Parallel()
	raw, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	if got := Sign([][]byte{raw}, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

func TestSignedDeliveries(t *testing.T) {
	t.Parallel()
	w, r := newPushingWorld(t)
	hook, secret, err := w.Subscribe(w.ctx, "a", "张三", r.URL+"/zhijia", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Subscribe(w.ctx, "a", "张三", r.URL+"/pledges", []string{"pledge"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Subscribe(w.ctx, "b", "王五", r.URL+"/another", nil); err != nil { // watches nothing
		t.Fatal(err)
	}
	if hook.Secret == nil || bytes.Contains(hook.Secret, key(t, secret)) {
		t.Error("the secret is kept in the clear")
	}
	w.patent(17)
	w.watch("a")
	w.day(t, "2030-08-08")
	w.sweep()
	w.sweep()
	if !w.deliver() || w.deliver() {
		t.Fatal("one message is due, no more")
	}
	got := r.taken()
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	m := got[0]
	if m.signature != Sign([][]byte{key(t, secret)}, m.id, m.stamp, m.body) || m.stamp != "1912392000" {
		t.Errorf("signature %s of %s.%s", m.signature, m.id, m.stamp)
	}
	var body Message
	if err := json.Unmarshal(m.body, &body); err != nil || body.Type != "alert.raised" || body.Data.Code != "fee_due_90" || body.Data.Number != number || !strings.Contains(body.Data.Zh, "2030-11-05") {
		t.Errorf("%s, %v", m.body, err)
	}
	if d := w.deliveries("delivered"); len(d) != 1 || d[0].ID != m.id || d[0].Attempts != 1 || *d[0].Reply != 204 {
		t.Errorf("%+v", d)
	}
	// A new secret signs, and for a day the one before beside it.
	_, fresh, err := w.Rotate(w.ctx, "a", "张三", hook.ID)
	if err != nil {
		t.Fatal(err)
	}
	for days, want := range [][][]byte{{key(t, fresh), key(t, secret)}, {key(t, fresh)}} {
		w.at = w.at.AddDate(0, 0, days)
		if err := w.Test(w.ctx, "a", hook.ID); err != nil {
			t.Fatal(err)
		}
		w.deliver()
		got := r.taken()
		if len(got) != 1 || got[0].signature != Sign(want, got[0].id, got[0].stamp, got[0].body) {
			t.Errorf("after %d days: %+v", days, got)
		}
	}
	// Another institution sees and changes nothing.
	if _, _, err := w.Rotate(w.ctx, "b", "王五", hook.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("rotated by another: %v", err)
	}
	if err := w.Test(w.ctx, "b", hook.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("tested by another: %v", err)
	}
	if list, err := w.db.Deliveries(w.ctx, "b", "", 0, 10); len(list) > 0 || err != nil {
		t.Errorf("%+v, %v", list, err)
	}
	// With another key nothing opens, and nothing is sent unsigned.
	if w.sealer, err = newSealer(bytes.Repeat([]byte{8}, 32)); err != nil {
		t.Fatal(err)
	}
	if err := w.Test(w.ctx, "a", hook.ID); err != nil {
		t.Fatal(err)
	}
	w.deliver()
	if d := w.deliveries("waiting"); len(r.taken()) != 0 || len(d) != 1 || !strings.Contains(d[0].Error, "ZHIJIA_WEBHOOK_KEY") {
		t.Errorf("%+v", d)
	}
}

// Two institutions watch the same patent, each with a place of its own for its
// messages: what one of them knows goes to its own place alone, what the public
// register says to both.
func TestDeliveriesKeepToTheirInstitution(t *testing.T) {
	t.Parallel()
	w, r := newPushingWorld(t)
	for _, institution := range []string{"a", "b"} {
		if _, _, err := w.Subscribe(w.ctx, institution, "张三", r.URL+"/"+institution, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.patent(17)
	w.watch("a")
	w.watch("b")
	w.day(t, "2030-02-01")
	w.sweep()
	for w.deliver() {
	}
	r.taken()
	own := store.LegalEvent{Number: number, Event: patent.Event{Code: "CF01", Effective: calendar.MustParse("2030-01-20"), Gazette: calendar.MustParse("2030-01-20"), Source: "own"}}
	if err := w.db.MergeEvents(store.As(w.ctx, "a"), []store.LegalEvent{own}); err != nil {
		t.Fatal(err)
	}
	w.sweep()
	for w.deliver() {
	}
	got := r.taken()
	if len(got) == 0 {
		t.Fatal("its own event is not told")
	}
	for _, m := range got {
		if m.path != "/a" {
			t.Errorf("what a knows went to %s: %s", m.path, m.body)
		}
	}
	if list, err := w.db.Deliveries(w.ctx, "b", "", 0, 10); err != nil || slices.ContainsFunc(list, func(d store.Delivery) bool {
		return strings.Contains(string(d.Body), "CF01") || strings.Contains(string(d.Body), "lapsed")
	}) {
		t.Errorf("b's messages: %+v, %v", list, err)
	}
}

// A message is tried again later and later under the same id, then given up,
// seen and sent again on request.
func TestRetriesAndDeadLetters(t *testing.T) {
	t.Parallel()
	w, r := newPushingWorld(t)
	hook, _, err := w.Subscribe(w.ctx, "a", "张三", r.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Test(w.ctx, "a", hook.ID); err != nil {
		t.Fatal(err)
	}
	r.answer(http.StatusInternalServerError)
	var id string
	for attempt := 1; attempt <= len(waits)+1; attempt++ {
		if !w.deliver() {
			t.Fatalf("attempt %d: nothing due", attempt)
		}
		if w.deliver() {
			t.Fatalf("attempt %d: again at once", attempt)
		}
		got := r.taken()
		if len(got) != 1 || id != "" && got[0].id != id {
			t.Fatalf("attempt %d: %+v", attempt, got)
		}
		id = got[0].id
		if attempt > len(waits) {
			break
		}
		d := w.deliveries("waiting")
		wait := d[0].NextAt.Sub(w.at)
		if base := waits[attempt-1]; wait < base*79/100 || wait > base*121/100 || d[0].Attempts != attempt || *d[0].Reply != 500 {
			t.Errorf("attempt %d: next in %s, %+v", attempt, wait, d[0])
		}
		w.at = d[0].NextAt
	}
	dead := w.deliveries("dead")
	if len(dead) != 1 || dead[0].ID != id || dead[0].Attempts != len(waits)+1 || dead[0].EndedAt == nil || !strings.Contains(dead[0].Error, "500") {
		t.Fatalf("%+v", dead)
	}
	if _, err := w.Redeliver(w.ctx, "b", "王五", id); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another institution's: %v", err)
	}
	r.answer(http.StatusOK)
	if _, err := w.Redeliver(w.ctx, "a", "张三", id); err != nil {
		t.Fatal(err)
	}
	if w.deliver(); len(w.deliveries("delivered")) != 1 || r.taken()[0].id != id {
		t.Errorf("sent again: %+v", w.deliveries(""))
	}
	// A receiver that says it is gone for good ends the subscription.
	if err := w.Test(w.ctx, "a", hook.ID); err != nil {
		t.Fatal(err)
	}
	r.answer(http.StatusGone)
	w.deliver()
	if hooks, err := w.db.Webhooks(w.ctx, "a"); err != nil || hooks[0].DisabledAt == nil || len(w.deliveries("dead")) != 1 {
		t.Errorf("%+v, %v", hooks, err)
	}
}

// Several processes at once send every message once.
func TestCouriersShare(t *testing.T) {
	t.Parallel()
	w, r := newPushingWorld(t)
	hook, _, err := w.Subscribe(w.ctx, "a", "张三", r.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if err := w.Test(w.ctx, "a", hook.ID); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for len(w.deliveries("waiting")) > 0 {
				if _, err := w.Deliver(w.ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	var ids []string
	for _, m := range r.taken() {
		ids = append(ids, m.id)
	}
	slices.Sort(ids)
	if len(ids) != 30 || len(slices.Compact(ids)) != 30 {
		t.Errorf("%d messages", len(ids))
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	none, house := Guard{}, Guard{Allowed: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, HTTP: true}
	for ip, want := range map[string]bool{
		"1.1.1.1": true, "2606:4700:4700::1111": true,
		"127.0.0.1": false, "10.1.2.3": false, "192.168.0.1": false, "172.16.5.4": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false,
		"224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "::1": false, "::": false, "fe80::1": false, "fd00::1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:db8::1": false, "192.0.0.8": false,
	} {
		if got := none.admits(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %t", ip, got)
		}
	}
	if !house.admits(netip.MustParseAddr("10.1.2.3")) || house.admits(netip.MustParseAddr("10.2.0.1")) || !house.admits(netip.MustParseAddr("::ffff:10.1.2.3")) {
		t.Error("the list of those allowed")
	}
	for text, want := range map[string]bool{
		"https://bank.example/hook": true, "https://bank.example:8443/hook?x=1": true, "https://1.1.1.1/": true,
		"http://bank.example/hook": false, "ftp://bank.example/": false, "https:///hook": false, "https://user:pw@bank.example/": false, "https://bank.example/#x": false,
		"https://127.0.0.1/": false, "https://[::1]/": false, "https://169.254.169.254/latest/meta-data": false, "https://localhost/": false, "https://x.internal/": false,
		"javascript:alert(1)": false, "": false, "https://\x00/": false, "https://" + strings.Repeat("a", 2000): false,
	} {
		if err := none.checkURL(text); (err == nil) != want {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	if house.checkURL("http://10.1.2.3/hook") != nil || (Guard{}).checkURL("http://10.1.2.3/hook") == nil {
		t.Error("http inside the house")
	}
	if _, err := ParseGuard([]string{"10.0.0.0/8", " fd00::/8"}, false); err != nil {
		t.Error(err)
	}
	if _, err := ParseGuard([]string{"10.0.0.1"}, false); err == nil {
		t.Error("an address is no prefix")
	}
}

// What a name leads to is checked when the connection is made: a name that
// resolves to the machine itself is refused, a redirect is not followed, and
// plain http goes to listed addresses only.
func TestGuardWhereItMatters(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer s.Close()
	send := func(g Guard, to string) (int, error) {
		return newPoster(g).send(context.Background(), to, "id", time.Unix(0, 0), []byte("{}"), [][]byte{{1}})
	}
	named := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	for name, g := range map[string]Guard{"public only": {HTTP: true}, "http not admitted": loopback} {
		if _, err := send(g, named); err == nil || hits.Load() > 0 {
			t.Errorf("%s: %v, %d requests", name, err, hits.Load())
		}
	}
	status, err := send(Guard{Allowed: loopback.Allowed, HTTP: true}, named)
	if err != nil || status != http.StatusFound || hits.Load() != 1 {
		t.Errorf("%d %v, %d requests", status, err, hits.Load())
	}
}

func TestSealerBindsSecretsToSubscriptions(t *testing.T) {
	t.Parallel()
	s, err := newSealer(testKey)
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.seal([]byte("secret"), "a", "wh_1")
	if got, err := s.open(sealed, "a", "wh_1"); err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	for _, x := range [][2]string{{"b", "wh_1"}, {"a", "wh_2"}} {
		if _, err := s.open(sealed, x[0], x[1]); err == nil {
			t.Errorf("opens for %v", x)
		}
	}
	if _, err := newSealer([]byte("short")); err == nil {
		t.Error("a short key")
	}
	if w := newWorld(t, Options{}); w.Service != nil {
		if _, _, err := w.Subscribe(w.ctx, "a", "张三", "https://bank.example/", nil); fault.KindOf(err) != fault.Unsupported {
			t.Errorf("without a key: %v", err)
		}
	}
}

func FuzzGuardURL(f *testing.F) {
	for _, s := range []string{"https://bank.example/hook", "https://[::1]:8443/", "https://0x7f.1/", "https://127.1/", "https://LOCALHOST./", "//x", "https://%31%32%37.0.0.1/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if (Guard{}).checkURL(s) == nil && !strings.HasPrefix(strings.ToLower(s), "https:") {
			t.Errorf("%q passes", s)
		}
	})
}
