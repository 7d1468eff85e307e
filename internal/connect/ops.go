package connect

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// ops asks the EPO's Open Patent Services: bibliographic data in bulk, then the
// family with its legal events one by one. It has no designs and no Chinese
// claims, and what its legal events leave out is not known.
type ops struct {
	*client
	key string

	mu     sync.Mutex
	token  string
	until  time.Time
	pace   map[string]*pace // by service
	system string           // idle, busy, overloaded
}

// pace is what OPS allows of one service.
type pace struct {
	perMinute int
	colour    string
	next      time.Time
}

// service names what a request counts as.
func service(path string) string {
	switch {
	case strings.HasPrefix(path, "family"):
		return "inpadoc"
	case strings.HasPrefix(path, "legal"), strings.HasPrefix(path, "number-service"):
		return "other"
	}
	return "retrieval"
}

const bulk = 100

// Fetch implements Source.
func (o *ops) Fetch(ctx context.Context, asked []Asked) (out []Answer, err error) {
	out = make([]Answer, len(asked))
	var open []int
	for i, a := range asked {
		out[i].Key = a.Number.Key()
		switch path := docdbPath(a.Number); {
		case a.Number.Kind == patent.Design:
			out[i] = missing(a, "design.not_covered", "EPO OPS 不收录中国外观设计")
		case path == "":
			out[i] = missing(a, "number.no_docdb", "2003 年 10 月以前的申请号不能换算为 DOCDB 形式，请改用公开（公告）号")
		default:
			open = append(open, i)
		}
	}
	for len(open) > 0 {
		n := min(bulk, len(open))
		if err := o.biblio(ctx, asked, out, open[:n]); err != nil {
			return o.unasked(out, open, err), err
		}
		for k, i := range open[:n] {
			if out[i].Missing != "" || out[i].Err != nil {
				continue
			}
			if err := o.family(ctx, &asked[i], &out[i]); err != nil {
				return o.unasked(out, open[k:], err), err
			}
		}
		open = open[n:]
	}
	return out, nil
}

func (o *ops) unasked(out []Answer, open []int, err error) []Answer {
	for _, i := range open {
		if out[i].Missing == "" {
			out[i] = Answer{Key: out[i].Key, Err: err}
		}
	}
	return out
}

// docdbPath writes a number as OPS takes it in a path or in a list.
func docdbPath(n patent.Number) string {
	return strings.ReplaceAll(n.Forms().DOCDB, " ", ".")
}

func reference(n patent.Number) string {
	if n.NamesApplication() {
		return "application"
	}
	return "publication"
}

// biblio asks for up to a hundred; applications and publications apart.
func (o *ops) biblio(ctx context.Context, asked []Asked, out []Answer, open []int) error {
	for _, kind := range []string{"application", "publication"} {
		var lines []string
		var of []int
		for _, i := range open {
			if reference(asked[i].Number) == kind {
				lines, of = append(lines, docdbPath(asked[i].Number)), append(of, i)
			}
		}
		if len(of) == 0 {
			continue
		}
		path, method, body := "published-data/"+kind+"/docdb/biblio", http.MethodPost, []byte(strings.Join(lines, "\n"))
		if len(of) == 1 {
			path, method, body = "published-data/"+kind+"/docdb/"+lines[0]+"/biblio", http.MethodGet, nil
		}
		r, err := o.ask(ctx, method, path, body)
		if err != nil {
			return err
		}
		if r.status == http.StatusNotFound {
			code, err := o.notFound(r)
			if err != nil {
				return err
			}
			for _, i := range of {
				out[i] = missing(asked[i], code, "EPO OPS 没有该号码（以 DOCDB 形式 "+docdbPath(asked[i].Number)+" 查询）")
			}
			continue
		}
		records, err := readXML(r.body)
		if err != nil {
			for _, i := range of {
				out[i].Err = broken(o.id, err)
			}
			continue
		}
		d := r.document(o.id)
		for _, i := range of {
			for _, rec := range records {
				if belongs(&rec, &asked[i]) {
					rec.As("epo_ops", rec.AsOf)
					out[i].Records = append(out[i].Records, rec)
				}
			}
			if len(out[i].Records) > 0 {
				out[i].Documents = append(out[i].Documents, d)
				continue
			}
			out[i] = missing(asked[i], "SERVER.EntityNotFound", "EPO OPS 没有该号码（以 DOCDB 形式 "+docdbPath(asked[i].Number)+" 查询）")
		}
	}
	return nil
}

// readXML reads the records of one answer. Documents that the source says it
// does not have are no error.
func readXML(body []byte) (out []Record, err error) {
	n := 0
	xmlRows(bytes.NewReader(body), &n, func(r Row, e error) bool {
		switch {
		case e == nil:
			out = append(out, r.Record)
		case fault.Public(e).Code == "source.not_found":
			// what the source does not have is not among them
		default:
			err = errors.Join(err, e)
		}
		return true
	})
	return out, err
}

// family asks for the family with its legal events. A patent whose family is
// not there still has its data.
func (o *ops) family(ctx context.Context, a *Asked, to *Answer) error {
	path := "family/" + reference(a.Number) + "/docdb/" + docdbPath(a.Number) + "/legal"
	r, err := o.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if r.status == http.StatusNotFound {
		if _, err := o.notFound(r); err != nil {
			return err
		}
		return nil
	}
	records, err := readXML(r.body)
	if err != nil {
		to.Err = broken(o.id, err)
		return nil
	}
	took := false
	for _, rec := range records {
		if belongs(&rec, a) {
			rec.As("epo_ops", rec.AsOf)
			to.Records, took = append(to.Records, rec), true
		}
	}
	if took {
		to.Documents = append(to.Documents, r.document(o.id))
	}
	return nil
}

var faultCode = regexp.MustCompile(`<code>\s*([A-Za-z.]+|\d+)\s*</code>`)

func codeOf(body []byte) string {
	if m := faultCode.FindSubmatch(body); m != nil {
		return string(m[1])
	}
	return ""
}

// notFound tells a document that OPS does not have from an address of ours that
// is wrong.
func (o *ops) notFound(r *reply) (string, error) {
	code := codeOf(r.body)
	if strings.HasPrefix(code, "SERVER.") || strings.HasPrefix(code, "CLIENT.") || code == "404" {
		return code, nil
	}
	return "", fault.New(fault.Unavailable, "source.address", "EPO OPS 地址有误（404 页面），请核对 ZHIJIA_OPS_URL。", "The address of EPO OPS is wrong (a page of 404); check ZHIJIA_OPS_URL.")
}

// bearer returns a token, a new one when it is stale.
func (o *ops) bearer(ctx context.Context) (string, error) {
	o.mu.Lock()
	token, until := o.token, o.until
	o.mu.Unlock()
	if token != "" && o.gate.Now().Before(until) {
		return token, nil
	}
	h := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(o.key))}, "Content-Type": {"application/x-www-form-urlencoded"}}
	r, err := o.do(ctx, "token", http.MethodPost, o.base.JoinPath("auth", "accesstoken"), h, []byte("grant_type=client_credentials"))
	if err != nil {
		return "", err
	}
	if r.status == http.StatusUnauthorized || r.status == http.StatusForbidden && r.header.Get("X-Rejection-Reason") == "" {
		return "", fault.New(fault.Forbidden, "source.key", "EPO OPS 拒绝了密钥，请核对 ZHIJIA_OPS_KEY（key:secret）。", "EPO OPS refuses the key; check ZHIJIA_OPS_KEY (key:secret).")
	}
	var t struct {
		Token   string          `json:"access_token"`
		Expires json.RawMessage `json:"expires_in"` // a string from OPS, a number from others
	}
	if err := json.Unmarshal(r.body, &t); r.status != http.StatusOK || err != nil || t.Token == "" {
		return "", broken(o.id, fmt.Errorf("a token with HTTP %d", r.status))
	}
	seconds, err := strconv.Atoi(strings.Trim(string(t.Expires), `"`))
	if err != nil {
		seconds = 600
	}
	o.mu.Lock()
	o.token, o.until = t.Token, o.gate.Now().Add(time.Duration(seconds)*time.Second-30*time.Second)
	o.mu.Unlock()
	return t.Token, nil
}

// ask sends one request: at the pace that OPS allows, with a new token once, and
// once more after a refusal that passes.
func (o *ops) ask(ctx context.Context, method, path string, body []byte) (*reply, error) {
	renewed, waited := false, false
	for {
		if err := o.slow(ctx, service(path)); err != nil {
			return nil, err
		}
		token, err := o.bearer(ctx)
		if err != nil {
			return nil, err
		}
		h := http.Header{"Authorization": {"Bearer " + token}, "Accept": {"application/xml"}}
		if body != nil {
			h.Set("Content-Type", "text/plain")
		}
		r, err := o.do(ctx, path[:strings.IndexByte(path, '/')], method, o.base.JoinPath("rest-services").JoinPath(strings.Split(path, "/")...), h, body)
		if err != nil {
			return nil, err
		}
		o.learn(r.header)
		switch {
		case r.status == http.StatusOK, r.status == http.StatusNotFound:
			return r, nil // whatever a header says beside it
		case r.status == http.StatusBadRequest && bytes.Contains(r.body, []byte("invalid_access_token")) && !renewed:
			renewed = true
			o.mu.Lock()
			o.token = ""
			o.mu.Unlock()
		case r.status == http.StatusForbidden || r.status == http.StatusTooManyRequests:
			wait, err := o.refused(ctx, r)
			if err != nil || waited {
				return nil, errors.Join(err, o.stop(ctx, wait, r))
			}
			waited = true
			if err := o.gate.Sleep(ctx, wait); err != nil {
				return nil, err
			}
		default:
			return nil, broken(o.id, fmt.Errorf("HTTP %d %s", r.status, codeOf(r.body)))
		}
	}
}

// refused says how long to wait after a refusal; an error, when it does not pass
// soon.
func (o *ops) refused(ctx context.Context, r *reply) (time.Duration, error) {
	now := o.gate.Now()
	reason := r.header.Get("X-Rejection-Reason")
	switch {
	case strings.Contains(reason, "RegisteredQuotaPerWeek"):
		until := now.Add(24 * time.Hour)
		return 0, errors.Join(o.gate.Pause(ctx, o.id, until, "RegisteredQuotaPerWeek"),
			fault.New(fault.RateLimited, "source.quota_week", "EPO OPS 本周用量已满，今天不再查询。", "The week's quota of EPO OPS is used up; it is not asked again today."))
	case strings.Contains(reason, "IndividualQuotaPerHour"):
		until := now.Truncate(time.Hour).Add(time.Hour)
		return 0, errors.Join(o.gate.Pause(ctx, o.id, until, "IndividualQuotaPerHour"),
			fault.New(fault.RateLimited, "source.quota_hour", "EPO OPS 本小时用量已满，请下一小时继续。", "The hour's quota of EPO OPS is used up; go on in the next hour."))
	case strings.Contains(reason, "AnonymousQuotaPerMinute"):
		return time.Minute, nil
	}
	if wait := retryAfter(r.header); wait > 0 {
		return wait, nil
	}
	return time.Minute, nil // a robot, or a service that is black
}

// stop ends the asking after a second refusal.
func (o *ops) stop(ctx context.Context, wait time.Duration, r *reply) error {
	if wait == 0 {
		return nil // told already
	}
	reason := r.header.Get("X-Rejection-Reason")
	if reason == "" {
		reason = codeOf(r.body)
	}
	return errors.Join(o.gate.Pause(ctx, o.id, o.gate.Now().Add(max(wait, time.Minute)), reason),
		fault.New(fault.RateLimited, "source.throttled", "EPO OPS 拒绝了请求（"+clip(reason, 60)+"），已暂停，请稍后继续。", "EPO OPS refused ("+clip(reason, 60)+") and is paused; go on later."))
}

var throttle = regexp.MustCompile(`(images|inpadoc|other|retrieval|search)=(green|yellow|red|black):(\d+)`)

// learn takes what OPS allows from the header. It may come twice, or not at all;
// the first word is about the system and not about us.
func (o *ops) learn(h http.Header) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, v := range h.Values("X-Throttling-Control") {
		if first, _, ok := strings.Cut(strings.TrimSpace(v), " "); ok {
			o.system = first
		}
		for _, m := range throttle.FindAllStringSubmatch(v, -1) {
			n, err := strconv.Atoi(m[3])
			if err != nil {
				continue
			}
			if o.pace[m[1]] == nil {
				o.pace[m[1]] = &pace{}
			}
			o.pace[m[1]].perMinute, o.pace[m[1]].colour = n, m[2]
		}
	}
}

// slow waits as long as the pace of a service asks for: by what OPS said last, by
// our own before it said anything, half of it when the system is overloaded.
func (o *ops) slow(ctx context.Context, service string) error {
	o.mu.Lock()
	p := o.pace[service]
	if p == nil {
		p = &pace{perMinute: o.perMinute, colour: "green"}
		o.pace[service] = p
	}
	now := o.gate.Now()
	wait := p.next.Sub(now)
	each := longestWait
	if p.perMinute > 0 && p.colour != "black" {
		each = time.Minute / time.Duration(p.perMinute)
		if o.system == "overloaded" {
			each *= 2
		}
	} else {
		wait = max(wait, time.Minute) // black: not now, and the next answer tells anew
		p.perMinute, p.colour = 1, "red"
		each = time.Minute
	}
	p.next = later(p.next, now).Add(each)
	o.mu.Unlock()
	if wait > 0 {
		return o.gate.Sleep(ctx, min(wait, longestWait))
	}
	return nil
}
