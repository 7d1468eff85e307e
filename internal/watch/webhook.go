package watch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/store"
)

// Guard says where messages may be sent. The zero value admits public
// addresses over https and nothing else.
type Guard struct {
	Allowed []netip.Prefix // private addresses that are admitted
	HTTP    bool           // admit http to those, for receivers inside the house
}

// ParseGuard reads prefixes such as 10.1.2.0/24.
func ParseGuard(prefixes []string, http bool) (Guard, error) {
	g := Guard{HTTP: http}
	for _, p := range prefixes {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(p))
		if err != nil {
			return g, fault.New(fault.Invalid, "config.webhook_allow", "地址段 "+p+" 无效，应写作 10.1.2.0/24。", "The prefix "+p+" is not valid; write it like 10.1.2.0/24.")
		}
		g.Allowed = append(g.Allowed, prefix.Masked())
	}
	return g, nil
}

// notPublic are ranges that the net package counts as global but that lead to
// the house, to the machine itself or nowhere (IANA special-purpose
// registries).
var notPublic = func() (out []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

func (g Guard) listed(ip netip.Addr) bool {
	return slices.ContainsFunc(g.Allowed, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// admits reports whether an address may be connected to.
func (g Guard) admits(ip netip.Addr) bool {
	ip = ip.Unmap()
	if g.listed(ip) {
		return true
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func badURL(zh, en string) error {
	return fault.New(fault.Invalid, "webhook.url", zh, en, fault.Field{Field: "body.url", Code: "webhook.url", Zh: zh, En: en})
}

// checkURL refuses what can be told from the address alone. Where a name leads
// is looked at when the connection is made, every time: it may change.
func (g Guard) checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > 2000 || u.Host == "" || u.Hostname() == "":
		return badURL("推送地址无效，应写作 https://主机/路径。", "The address is not valid; write it like https://host/path.")
	case u.User != nil || u.Fragment != "":
		return badURL("推送地址不能含用户名、密码或 # 片段。", "The address may hold neither user, password nor fragment.")
	case u.Scheme != "https" && (u.Scheme != "http" || !g.HTTP):
		return badURL("推送地址须为 https。", "The address must be https.")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		if !g.admits(ip) {
			return badURL("推送地址指向内部或保留网段，未列入允许范围。", "The address is private or reserved and not on the list of those allowed.")
		}
		return nil
	}
	if len(g.Allowed) == 0 && (host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".internal") || strings.HasSuffix(host, ".local")) {
		return badURL("推送地址指向内部主机，未列入允许范围。", "The address is a host inside the house and not on the list of those allowed.")
	}
	return nil
}

// poster sends messages: no proxy, no redirect, and no connection to an
// address the guard does not admit, whatever a name resolved to.
type poster struct {
	client *http.Client
}

const (
	sendTimeout = 15 * time.Second
	maxReply    = 4 << 10
)

func newPoster(g Guard) *poster {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !g.admits(to.Addr()) {
			return errRefused
		}
		return nil
	}}
	return &poster{&http.Client{
		Timeout: sendTimeout,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := dialer.DialContext(ctx, network, address)
				if err == nil && plain(ctx) {
					if to, perr := netip.ParseAddrPort(c.RemoteAddr().String()); perr != nil || !g.HTTP || !g.listed(to.Addr().Unmap()) {
						c.Close()
						return nil, errRefused
					}
				}
				return c, err
			},
			TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var errRefused = errors.New("the address is private or reserved and not on the list of those allowed")

type plainKey struct{}

func plain(ctx context.Context) bool { return ctx.Value(plainKey{}) != nil }

// send posts a message and returns the status of the reply.
func (p *poster) send(ctx context.Context, to, id string, at time.Time, body []byte, secrets [][]byte) (int, error) {
	if strings.HasPrefix(to, "http:") {
		ctx = context.WithValue(ctx, plainKey{}, true)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "zhijia-webhook")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", stamp)
	r.Header.Set("webhook-signature", Sign(secrets, id, stamp, body))
	reply, err := p.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer reply.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(reply.Body, maxReply))
	return reply.StatusCode, nil
}

// Sign returns the signature header of a message (Standard Webhooks): per
// secret "v1," and the HMAC-SHA256 over id.timestamp.body in base64, with
// blanks between them.
func Sign(secrets [][]byte, id, timestamp string, body []byte) string {
	out := make([]string, len(secrets))
	for i, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%s.", id, timestamp)
		mac.Write(body)
		out[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(out, " ")
}

// sealer encrypts secrets at rest with AES-256-GCM. A sealed secret belongs to
// its subscription and opens under no other.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (*sealer, error) {
	if len(key) != 32 {
		return nil, fault.New(fault.Invalid, "config.webhook_key", "ZHIJIA_WEBHOOK_KEY 须为32字节的 base64。", "ZHIJIA_WEBHOOK_KEY must be 32 bytes in base64.")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &sealer{aead}, err
}

func (s *sealer) seal(secret []byte, institution, id string) []byte {
	return s.aead.Seal(nil, nil, secret, []byte(institution+"\x00"+id))
}

func (s *sealer) open(sealed []byte, institution, id string) ([]byte, error) {
	secret, err := s.aead.Open(nil, nil, sealed, []byte(institution+"\x00"+id))
	if err != nil {
		return nil, errors.New("the secret does not open with ZHIJIA_WEBHOOK_KEY")
	}
	return secret, nil
}

var errNoKey = fault.New(fault.Unsupported, "webhook.no_key", "未设置 ZHIJIA_WEBHOOK_KEY，不能推送；可用 GET /v1/alerts 轮询。", "ZHIJIA_WEBHOOK_KEY is not set, so nothing can be pushed; poll GET /v1/alerts instead.")

// secretBytes is the length of a subscription's secret.
const secretBytes = 32

// shown is how a secret is given to its receiver.
func shown(secret []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(secret) }

// Subscribe makes a subscription and returns its secret, which is told once.
func (s *Service) Subscribe(ctx context.Context, institution, by, address string, codes []string) (w store.Webhook, secret string, err error) {
	defer fault.Wrap(&err, "watch.Subscribe")
	if s.sealer == nil {
		return w, "", errNoKey
	}
	if err := s.guard.checkURL(address); err != nil {
		return w, "", err
	}
	raw := make([]byte, secretBytes)
	rand.Read(raw) // never fails (crypto/rand, Go 1.24)
	w = store.Webhook{ID: "wh_" + strings.ToLower(rand.Text()[:16]), Institution: institution, URL: address, Codes: codes, CreatedAt: s.now().UTC().Truncate(time.Microsecond), CreatedBy: by}
	w.Secret = s.sealer.seal(raw, institution, w.ID)
	return w, shown(raw), s.db.PutWebhook(ctx, w)
}

// overlap is how long a secret that was replaced signs beside the new one.
const overlap = 24 * time.Hour

// Rotate gives a subscription a new secret, which is told once.
func (s *Service) Rotate(ctx context.Context, institution, by, id string) (w store.Webhook, secret string, err error) {
	defer fault.Wrap(&err, "watch.Rotate(%s)", id)
	if s.sealer == nil {
		return w, "", errNoKey
	}
	raw := make([]byte, secretBytes)
	rand.Read(raw)
	w, err = s.db.RotateWebhook(ctx, institution, id, by, s.sealer.seal(raw, institution, id), s.now().UTC().Add(overlap))
	return w, shown(raw), err
}

// Test sends a message without an alert to a subscription.
func (s *Service) Test(ctx context.Context, institution, id string) (err error) {
	defer fault.Wrap(&err, "watch.Test(%s)", id)
	if s.sealer == nil {
		return errNoKey
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	body, err := json.Marshal(Message{Type: "webhook.test", Timestamp: now})
	if err != nil {
		return err
	}
	return s.db.PutMessage(ctx, institution, id, "msg_"+strings.ToLower(rand.Text()), "webhook.test", body, now, s.call)
}

// waits are the pauses before the second and later attempts: the schedule of
// Standard Webhooks, three days in all.
var waits = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// pause returns the wait after an attempt, spread by a fifth either way so
// that receivers are not met by all at once; false when it was the last.
func pause(attempt int) (time.Duration, bool) {
	if attempt > len(waits) {
		return 0, false
	}
	w := waits[max(attempt, 1)-1]
	return w + time.Duration((mathrand.Float64()*2-1)*0.2*float64(w)), true
}

// Deliver sends one message that is due, of a subscription nobody is at, and
// records what came of it. It returns false when there was none.
func (s *Service) Deliver(ctx context.Context) (found bool, err error) {
	defer fault.Wrap(&err, "watch.Deliver")
	if s.sealer == nil {
		return false, errNoKey
	}
	institution, webhook, err := s.db.DueWebhook(ctx, messages.Name, s.now())
	if err != nil || webhook == "" {
		return false, err
	}
	one := messages.Worker(1, s.courier(func(*jobs.Turn) bool { return true }))
	return s.queue.Once(ctx, one, institution, webhook, mailing{webhook})
}

// courier sends the messages of a subscription that are due, until over says
// that it is enough, and comes again for those that wait. A message that
// arrived but whose arrival could not be recorded is sent again under the same
// id: at least once.
func (s *Service) courier(over func(*jobs.Turn) bool) func(context.Context, *jobs.Turn, mailing) (jobs.Next, error) {
	return func(ctx context.Context, t *jobs.Turn, r mailing) (jobs.Next, error) {
		for first := true; ; first = false {
			now := s.now().UTC().Truncate(time.Microsecond)
			if !first && over(t) {
				return jobs.Again, nil
			}
			d, w, next, err := s.db.TakeDelivery(ctx, r.Webhook, now)
			switch {
			case err != nil:
				return jobs.Again, err
			case d.ID == "" && next.IsZero():
				return jobs.Done, nil
			case d.ID == "":
				return jobs.After(next.Sub(now)), nil
			}
			a := s.attempt(ctx, &d, &w, now)
			if err := ctx.Err(); err != nil && a.Reply == nil { // broken off: nobody knows whether it arrived
				return jobs.Again, err
			}
			if a.Error != "" {
				s.log.WarnContext(ctx, "webhook", "delivery", d.ID, "webhook", d.Webhook, "attempt", d.Attempts, "error", a.Error, "dead", a.Dead || a.Gone)
			}
			if err := s.db.EndDelivery(context.WithoutCancel(ctx), d, a, s.now().UTC().Truncate(time.Microsecond)); err != nil {
				return jobs.Again, err
			}
		}
	}
}

func (s *Service) attempt(ctx context.Context, d *store.Delivery, w *store.Webhook, now time.Time) (a store.Attempt) {
	wait, again := pause(d.Attempts)
	a.Next, a.Dead = now.Add(wait), !again
	secrets, err := s.secrets(w, now)
	if err == nil {
		err = s.guard.checkURL(w.URL) // the list of those allowed may have changed
	}
	var status int
	if err == nil {
		status, err = s.post.send(ctx, w.URL, d.ID, now, d.Body, secrets)
	}
	switch {
	case err != nil:
		var ue *url.Error
		if errors.As(err, &ue) { // without the address, which is on file
			err = ue.Err
		}
		a.Error = cmp.Or(clip(err.Error()), "failed")
	case status >= 200 && status < 300:
		a.Reply = &status
	case status == http.StatusGone:
		a.Reply, a.Gone, a.Error = &status, true, "the receiver is gone for good (410); the subscription has ended"
	default:
		a.Reply, a.Error = &status, "the receiver answered "+strconv.Itoa(status)
	}
	return a
}

func (s *Service) secrets(w *store.Webhook, now time.Time) ([][]byte, error) {
	secret, err := s.sealer.open(w.Secret, w.Institution, w.ID)
	if err != nil {
		return nil, err
	}
	out := [][]byte{secret}
	if len(w.Previous) > 0 && w.Until != nil && now.Before(*w.Until) {
		if previous, err := s.sealer.open(w.Previous, w.Institution, w.ID); err == nil {
			out = append(out, previous)
		}
	}
	return out, nil
}

func clip(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), 300)], "")
}
