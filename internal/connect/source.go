package connect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// Config says which sources are asked. All are off until their key, address or
// folder is given.
type Config struct {
	OPSURL      string        `name:"ops-url" env:"ZHIJIA_OPS_URL" group:"Sources" default:"https://ops.epo.org/3.2" placeholder:"URL" help:"EPO OPS 3.2."`
	OPSKey      string        `name:"ops-key" env:"ZHIJIA_OPS_KEY" group:"Sources" secret:"true" placeholder:"KEY:SECRET" help:"Consumer key and secret of EPO OPS. Empty: OPS is off."`
	OPSHourMiB  int64         `name:"ops-hour-mib" env:"ZHIJIA_OPS_HOUR_MIB" group:"Sources" default:"400" help:"Most that is taken from OPS in an hour."`
	OPSWeekMiB  int64         `name:"ops-week-mib" env:"ZHIJIA_OPS_WEEK_MIB" group:"Sources" default:"3500" help:"Most that is taken from OPS in seven days."`
	LensURL     string        `name:"lens-url" env:"ZHIJIA_LENS_URL" group:"Sources" default:"https://api.lens.org" placeholder:"URL" help:"Lens API."`
	LensToken   string        `name:"lens-token" env:"ZHIJIA_LENS_TOKEN" group:"Sources" secret:"true" placeholder:"TOKEN" help:"Token of the Lens API. Empty: Lens is off."`
	PatsnapURL  string        `name:"patsnap-url" env:"ZHIJIA_PATSNAP_URL" group:"Sources" default:"https://connect.patsnap.com" placeholder:"URL" help:"PatSnap API."`
	PatsnapKey  string        `name:"patsnap-key" env:"ZHIJIA_PATSNAP_KEY" group:"Sources" secret:"true" placeholder:"KEY" help:"Key of the PatSnap API. Empty: PatSnap is off."`
	HTTPURL     string        `name:"http-url" env:"ZHIJIA_SOURCE_URL" group:"Sources" placeholder:"URL" help:"The institution's own source; {number} in it is replaced by the number. Empty: off."`
	HTTPKey     string        `name:"http-key" env:"ZHIJIA_SOURCE_KEY" group:"Sources" secret:"true" placeholder:"KEY" help:"Sent to the institution's own source as Authorization: Bearer."`
	Folder      string        `name:"folder" env:"ZHIJIA_SOURCE_FOLDER" group:"Sources" placeholder:"DIR" help:"Folder of files that are searched for a number, as they would be imported. Empty: off."`
	KeyFile     string        `name:"keys" env:"ZHIJIA_SOURCE_KEYS" group:"Sources" placeholder:"FILE" help:"File of lines NAME=VALUE with ops-key, lens-token, patsnap-key, http-key, so that no key stands on a command line."`
	Hosts       []string      `name:"allowed-hosts" env:"ZHIJIA_SOURCE_ALLOWED_HOSTS" group:"Sources" placeholder:"HOST" help:"Hosts that may be asked. Empty: only this machine."`
	Timeout     time.Duration `name:"timeout" env:"ZHIJIA_SOURCE_TIMEOUT" group:"Sources" default:"30s" help:"Deadline of one request, its body included."`
	PerMinute   int           `name:"per-minute" env:"ZHIJIA_SOURCE_PER_MINUTE" group:"Sources" default:"60" help:"Requests a minute to a source that does not say what it allows."`
	KeepRaw     []string      `name:"keep-raw" env:"ZHIJIA_SOURCE_KEEP_RAW" group:"Sources" placeholder:"SOURCE" default:"epo_ops,http" help:"Sources whose raw documents are kept, as their terms allow it; of the others the hash alone."`
	RefreshDays int           `name:"refresh-days" env:"ZHIJIA_SOURCE_REFRESH_DAYS" group:"Sources" default:"0" help:"Days after which the service asks again for the patents that secure booked loans. 0: never."`
}

// read fills keys from the file of keys.
func (c *Config) read() error {
	if c.KeyFile == "" {
		return nil
	}
	body, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return fault.New(fault.Invalid, "source.keys", "无法读取密钥文件。", "The file of keys cannot be read.").Because(err)
	}
	to := map[string]*string{"ops-key": &c.OPSKey, "lens-token": &c.LensToken, "patsnap-key": &c.PatsnapKey, "http-key": &c.HTTPKey}
	for i, line := range strings.Split(string(body), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if p := to[strings.TrimSpace(name)]; ok && p != nil {
			*p = strings.TrimSpace(value)
			continue
		}
		return fault.New(fault.Invalid, "source.keys", fmt.Sprintf("密钥文件第 %d 行应为 ops-key、lens-token、patsnap-key 或 http-key=值。", i+1), fmt.Sprintf("Line %d of the file of keys is not NAME=VALUE of a known name.", i+1))
	}
	return nil
}

// Asked is one patent that is looked for.
type Asked struct {
	Number      patent.Number
	Publication string // of the application, where the store knows it
}

// Answer is what a source has of one patent.
type Answer struct {
	Key       patent.Key // as asked
	Records   []Record
	Documents []Document
	Missing   string // why there is none, final; empty: there is, or Err
	MissingZh string
	Err       error // it could not be asked or read: not final
}

// Document is a raw document.
type Document struct {
	Hash      string
	Source    string
	Address   string // without secrets
	MediaType string
	Body      []byte
}

func documentFrom(source string, u *url.URL, mediaType string, body []byte) Document {
	sum := sha256.Sum256(body)
	return Document{Hash: hex.EncodeToString(sum[:]), Source: source, Address: u.Scheme + "://" + u.Host + u.EscapedPath(), MediaType: mediaType, Body: body}
}

// Source is asked for patents by their numbers.
type Source interface {
	ID() string
	// Fetch returns one answer for each patent asked, in their order. An error
	// says that the source must not be asked any more for now; the answers
	// before it hold.
	Fetch(ctx context.Context, asked []Asked) ([]Answer, error)
}

// Gate is what every request passes before it leaves. Its functions must be safe
// for concurrent use; none may be nil but Sleep.
type Gate struct {
	// Pass refuses what may not leave, and records what does.
	Pass func(ctx context.Context, e Egress) error
	// State returns what was taken in the hour and in seven days, and until when
	// the source must not be asked.
	State func(ctx context.Context, source string) (hour, week int64, until time.Time, reason string, err error)
	Used  func(ctx context.Context, source string, size int64) error
	Pause func(ctx context.Context, source string, until time.Time, reason string) error
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Read reads a file of the folder as an import would.
	Read func(ctx context.Context, path string, each func(Record) error) error
}

// Egress is one request about to leave.
type Egress struct {
	What  string
	Host  string
	Bytes int
	Hash  string
}

// New returns the configured sources in the order in which they are asked.
func New(c Config, g Gate) ([]Source, error) {
	if g.Pass == nil || g.State == nil || g.Used == nil || g.Pause == nil || g.Now == nil {
		return nil, errors.New("connect: sources need a gate")
	}
	if g.Sleep == nil {
		g.Sleep = sleep
	}
	if err := c.read(); err != nil {
		return nil, err
	}
	var out []Source
	add := func(on bool, id, address string, make func(*client) Source) error {
		if !on {
			return nil
		}
		cl, err := newClient(&c, g, id, address)
		if err != nil {
			return err
		}
		out = append(out, make(cl))
		return nil
	}
	err := errors.Join(
		add(c.OPSKey != "", "epo_ops", c.OPSURL, func(cl *client) Source {
			cl.hourMost, cl.weekMost = c.OPSHourMiB<<20, c.OPSWeekMiB<<20
			return &ops{client: cl, key: c.OPSKey, pace: map[string]*pace{}}
		}),
		add(c.PatsnapKey != "", "patsnap", c.PatsnapURL, func(cl *client) Source { return &patsnap{cl, c.PatsnapKey} }),
		add(c.LensToken != "", "lens", c.LensURL, func(cl *client) Source { return &lens{cl, c.LensToken} }),
		add(c.HTTPURL != "", "http", c.HTTPURL, func(cl *client) Source { return &own{cl, c.HTTPURL, c.HTTPKey} }),
	)
	if err != nil {
		return nil, err
	}
	if c.Folder != "" {
		if g.Read == nil {
			return nil, errors.New("connect: a folder needs a reader")
		}
		out = append(out, &folder{c.Folder, g.Read})
	}
	return out, nil
}

const maxBody = 16 << 20

// client carries requests to one source.
type client struct {
	id                 string
	base               *url.URL
	http               *http.Client
	gate               Gate
	perMinute          int
	hourMost, weekMost int64

	mu   sync.Mutex
	next time.Time // own pace
}

func (c *client) ID() string { return c.id }

func newClient(c *Config, g Gate, id, address string) (*client, error) {
	u, err := url.Parse(strings.ReplaceAll(address, "{number}", "NUMBER"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, fault.New(fault.Invalid, "source.address", "来源地址无效："+id+"。", "The address of the source "+id+" is not one.")
	}
	host := strings.ToLower(u.Hostname())
	ip := net.ParseIP(host)
	local := host == "localhost" || ip != nil && ip.IsLoopback()
	if !local && !slices.ContainsFunc(c.Hosts, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), host) }) {
		return nil, fault.New(fault.Forbidden, "source.host", "主机 "+host+" 不在允许名单（ZHIJIA_SOURCE_ALLOWED_HOSTS）中。", "The host "+host+" is not on the list of ZHIJIA_SOURCE_ALLOWED_HOSTS.")
	}
	if u.Scheme == "http" && !local {
		return nil, fault.New(fault.Forbidden, "source.plain", "来源须用 https："+host+"。", "A source is asked by https: "+host+".")
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	return &client{id: id, base: u, gate: g, perMinute: max(1, c.PerMinute), http: &http.Client{
		Transport: t, Timeout: cmp.Or(c.Timeout, 30*time.Second),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// reply is an answer read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
	url    *url.URL
}

func (r *reply) document(source string) Document {
	return documentFrom(source, r.url, r.header.Get("Content-Type"), r.body)
}

// ready refuses while the source must not be asked or a quota is used up.
func (c *client) ready(ctx context.Context) error {
	hour, week, until, reason, err := c.gate.State(ctx, c.id)
	if err != nil {
		return err
	}
	now := c.gate.Now()
	name := OriginOf(c.id).Zh
	switch {
	case until.After(now):
		return fault.New(fault.RateLimited, "source.paused", name+"暂停至 "+calendar.InChina(until).String()+" "+until.UTC().Format("15:04")+" UTC："+reason+"。", c.id+" must not be asked until "+until.UTC().Format(time.RFC3339)+": "+reason+".")
	case c.hourMost > 0 && hour >= c.hourMost:
		return fault.New(fault.RateLimited, "source.quota_hour", name+"本小时用量已达上限，请下一小时继续。", "The hour's quota of "+c.id+" is used up; go on in the next hour.")
	case c.weekMost > 0 && week >= c.weekMost:
		return fault.New(fault.RateLimited, "source.quota_week", name+"七天用量已达上限。", "The week's quota of "+c.id+" is used up.")
	}
	return nil
}

// own waits for the source's own pace.
func (c *client) paced(ctx context.Context) error {
	c.mu.Lock()
	now := c.gate.Now()
	wait := c.next.Sub(now)
	c.next = later(c.next, now).Add(time.Minute / time.Duration(c.perMinute))
	c.mu.Unlock()
	if wait > 0 {
		return c.gate.Sleep(ctx, wait)
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

const tries = 3

// do sends a request and reads the answer. It is sent again when the source
// failed; what the source refuses is for the caller to judge.
func (c *client) do(ctx context.Context, what, method string, u *url.URL, header http.Header, body []byte) (*reply, error) {
	for try := 1; ; try++ {
		if err := c.ready(ctx); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte(method+" "+u.EscapedPath()+"?"+u.RawQuery+"\n"), body...))
		if err := c.gate.Pass(ctx, Egress{What: "source " + c.id + " " + what, Host: u.Host, Bytes: len(u.EscapedPath()) + len(u.RawQuery) + len(body), Hash: hex.EncodeToString(sum[:])}); err != nil {
			return nil, err
		}
		r, err := c.once(ctx, method, u, header, body)
		if err == nil && r.status < 500 && r.status != http.StatusRequestTimeout {
			return r, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if fault.KindOf(err) == fault.TooLarge {
			return nil, err
		}
		if try == tries {
			if err == nil {
				err = fault.New(fault.Unavailable, "source.down", fmt.Sprintf("%s 无法应答（HTTP %d），请稍后再试。", OriginOf(c.id).Zh, r.status), fmt.Sprintf("%s does not answer (HTTP %d); try again later.", c.id, r.status))
			}
			return nil, err
		}
		backoff := time.Second << try
		if err := c.gate.Sleep(ctx, backoff/2+rand.N(backoff/2)); err != nil {
			return nil, err
		}
	}
}

func (c *client) once(ctx context.Context, method string, u *url.URL, header http.Header, body []byte) (*reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", "zhijia")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if used := c.gate.Used(ctx, c.id, int64(len(got))); used != nil {
		return nil, used
	}
	switch {
	case err != nil:
		return nil, c.unreachable(err)
	case len(got) > maxBody:
		return nil, fault.New(fault.TooLarge, "source.too_large", OriginOf(c.id).Zh+"的应答超过 16 MB。", "The answer of "+c.id+" is larger than 16 MB.")
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, fault.New(fault.TooLarge, "source.redirect", OriginOf(c.id).Zh+"要求转到另一地址，未跟随，请核对来源地址。", c.id+" redirects to another address, which is not followed; check its address.")
	}
	return &reply{resp.StatusCode, resp.Header, got, u}, nil
}

func (c *client) unreachable(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fault.New(fault.Unavailable, "source.timeout", OriginOf(c.id).Zh+"在时限内没有答完。", c.id+" did not answer in time.")
	}
	return fault.New(fault.Unavailable, "source.unreachable", "无法连接"+OriginOf(c.id).Zh+"。", c.id+" cannot be reached.").Because(hideURL(err))
}

// hideURL keeps addresses, which may hold a key, out of messages.
func hideURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// longestWait is how long a request waits for its source at most; beyond it the
// caller is told.
const longestWait = 5 * time.Minute

// retryAfter reads the header. Its unit is not certain: what is 1000 and more is
// milliseconds, as OPS has sent it, and either way no more than five minutes are
// waited.
func retryAfter(h http.Header, names ...string) time.Duration {
	for _, name := range append(names, "Retry-After") {
		n, err := strconv.ParseInt(strings.TrimSpace(h.Get(name)), 10, 64)
		if err != nil || n < 0 {
			continue
		}
		d := time.Duration(min(n, 1<<31)) * time.Second
		if n >= 1000 {
			d = time.Duration(min(n, 1<<31)) * time.Millisecond
		}
		return min(d, longestWait)
	}
	return 0
}

func broken(id string, cause error) error {
	return fault.New(fault.Unavailable, "source.broken", OriginOf(id).Zh+"的应答不完整或有错误。", "The answer of "+id+" is cut off or broken.").Because(cause)
}

func missing(a Asked, code, zh string) Answer {
	return Answer{Key: a.Number.Key(), Missing: code, MissingZh: zh}
}

// failAll answers all with one error.
func failAll(asked []Asked, err error) []Answer {
	out := make([]Answer, len(asked))
	for i := range asked {
		out[i] = Answer{Key: asked[i].Number.Key(), Err: err}
	}
	return out
}

// As makes a record one of another source of the same kind.
func (r *Record) As(id string, asOf calendar.Date) {
	r.Source = id
	if asOf.After(r.AsOf) {
		r.AsOf = asOf
	}
	r.end()
}

// belongs reports whether a record is of a patent that was asked for.
func belongs(r *Record, a *Asked) bool {
	key := string(a.Number.Key())
	if r.Number == key || r.Publication == key || a.Publication != "" && r.Publication == a.Publication {
		return true
	}
	if !a.Number.NamesApplication() {
		return slices.Contains(documentKeys(key), r.Publication)
	}
	return false
}

func documentKeys(key string) []string {
	out := []string{key}
	if n, err := patent.ParseNumber(key); err == nil {
		for _, k := range n.Siblings() {
			out = append(out, string(k))
		}
	}
	return out
}
