package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/localdb"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// The lab breaks a service of its own on purpose and reports what that did: processes of this program over a private cluster
// in a folder of its own, clients, faults at random moments. It needs nothing but this machine and leaves nothing behind.

type labFlags struct {
	Seed uint64 `help:"Of the moments and kinds of the faults." default:"1"`
}

// labWorld is a service in pieces that can be broken one by one.
type labWorld struct {
	g       *Globals
	dir     string
	cluster *localdb.Cluster
	db      *store.DB
	keys    map[string]string // by institution
	link    *labLink          // between the second service and the database
	parts   map[string]*labProcess
	mu      sync.Mutex
}

type labProcess struct {
	args    []string
	env     []string
	address string // of a service
	cmd     *exec.Cmd
	log     string
}

// labLink passes bytes on until it is cut.
type labLink struct {
	l   net.Listener
	cut atomic.Bool
}

func newLabLink(network, to string) (*labLink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &labLink{l: l}
	pass := func(to, from net.Conn) {
		defer to.Close()
		defer from.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			for k.cut.Load() { // nothing is said: the bytes wait, as in a network that is gone
				time.Sleep(20 * time.Millisecond)
			}
			if n > 0 {
				if _, err := to.Write(buf[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial(network, to)
			if err != nil {
				c.Close()
				continue
			}
			go pass(s, c)
			go pass(c, s)
		}
	}()
	return k, nil
}

func newLab(g *Globals) (_ *labWorld, err error) {
	w := &labWorld{g: g, keys: map[string]string{}, parts: map[string]*labProcess{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "zhijia-lab-"); err != nil {
		return w, err
	}
	if err := os.Chmod(w.dir, 0o755); err != nil { // the server's user must be able to search it
		return w, err
	}
	if w.cluster, err = localdb.Start(g.ctx, localdb.Options{DataDir: w.dir, Grace: time.Second, Keep: true}); err != nil {
		return w, err
	}
	address := w.cluster.URL(localdb.Role)
	if w.db, err = openMigrated(g, address, &Database{MaxConns: 4}); err != nil {
		return w, err
	}
	if err := w.db.LoadFacts(g.ctx); err != nil {
		return w, err
	}
	svc, err := appraisal.New(g.ctx, w.db, appraisal.Options{Days: g.days})
	if err != nil {
		return w, err
	}
	if err := svc.Spaces().EmbedStored(store.As(g.ctx, store.Public), nil); err != nil {
		return w, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for _, id := range []string{"lab-a", "lab-b"} {
		if err := w.db.PutInstitution(g.ctx, id, id, "lab"); err != nil {
			return w, err
		}
		plain, rec, err := people.NewKey("lab", id, []people.Role{people.Officer, people.Desk}, now, time.Time{})
		if err != nil {
			return w, err
		}
		if err := w.db.InsertKey(g.ctx, rec, "lab"); err != nil {
			return w, err
		}
		w.keys[id] = plain
	}
	u, err := url.Parse(address)
	if err != nil {
		return w, err
	}
	q := u.Query()
	if w.link, err = newLabLink("unix", q.Get("host")+"/.s.PGSQL."+q.Get("port")); err != nil {
		return w, err
	}
	host, port, _ := net.SplitHostPort(w.link.l.Addr().String())
	q.Set("host", host)
	q.Set("port", port)
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	for name, p := range map[string]*labProcess{
		"service 1": {args: []string{"serve"}, env: []string{"DATABASE_URL=" + address}, address: freeAddress()},
		"service 2": {args: []string{"serve"}, env: []string{"DATABASE_URL=" + u.String()}, address: freeAddress()},
		"worker":    {args: []string{"worker"}, env: []string{"DATABASE_URL=" + address}},
	} {
		if p.address != "" {
			p.env = append(p.env, "ZHIJIA_LISTEN="+p.address, "ZHIJIA_RATE=0", "ZHIJIA_LOG_LEVEL=warn")
		}
		p.log = filepath.Join(w.dir, strings.ReplaceAll(name, " ", "-")+".log")
		w.parts[name] = p
		if err := w.start(name); err != nil {
			return w, err
		}
	}
	for _, name := range []string{"service 1", "service 2"} {
		if err := w.ready(name, 2*time.Minute); err != nil {
			return w, err
		}
	}
	return w, nil
}

func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

func (w *labWorld) start(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.parts[name]
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.cmd = exec.Command(self, p.args...)
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = append(os.Environ(), p.env...), w.dir, log, log
	return p.cmd.Start()
}

func (w *labWorld) ready(name string, within time.Duration) error {
	for end := time.Now().Add(within); ; {
		resp, err := http.Get("http://" + w.parts[name].address + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Now().After(end) || w.g.ctx.Err() != nil {
			return fmt.Errorf("%s is not ready: %w", name, errors.Join(err, w.g.ctx.Err()))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (w *labWorld) signal(name string, s syscall.Signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.parts[name]; p != nil && p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

func (w *labWorld) kill(name string) {
	w.signal(name, syscall.SIGKILL)
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.parts[name]; p != nil && p.cmd != nil {
		_ = p.cmd.Wait() // reports the kill
	}
}

func (w *labWorld) close() {
	for name := range w.parts {
		w.signal(name, syscall.SIGCONT)
		w.kill(name)
	}
	if w.link != nil {
		w.link.cut.Store(false)
		w.link.l.Close()
	}
	if w.db != nil {
		w.db.Close()
	}
	if w.cluster != nil {
		_ = w.cluster.Close()
	}
	if w.dir != "" {
		_ = os.RemoveAll(w.dir)
	}
}

// labFaults break one thing for a while. Each returns when it is whole again.
var labFaults = map[string]func(w *labWorld, r *rand.Rand){
	"service frozen":  func(w *labWorld, r *rand.Rand) { w.frozen("service "+strconv.Itoa(1+r.IntN(2)), r) },
	"service killed":  func(w *labWorld, r *rand.Rand) { w.killed("service "+strconv.Itoa(1+r.IntN(2)), r) },
	"worker frozen":   func(w *labWorld, r *rand.Rand) { w.frozen("worker", r) },
	"worker killed":   func(w *labWorld, r *rand.Rand) { w.killed("worker", r) },
	"service cut off": func(w *labWorld, r *rand.Rand) { w.link.cut.Store(true); wait(w.g.ctx, r, 4); w.link.cut.Store(false) },
	"database frozen": func(w *labWorld, r *rand.Rand) {
		pids := w.serverProcesses()
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		wait(w.g.ctx, r, 3)
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	},
	"database killed": func(w *labWorld, r *rand.Rand) { // the supervisor starts it again
		if pid, err := w.cluster.PID(); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		wait(w.g.ctx, r, 5)
	},
}

// wait is between half and one and a half of some seconds.
func wait(ctx context.Context, r *rand.Rand, seconds float64) {
	select {
	case <-time.After(time.Duration((0.5 + r.Float64()) * seconds * float64(time.Second))):
	case <-ctx.Done():
	}
}

func (w *labWorld) frozen(name string, r *rand.Rand) {
	w.signal(name, syscall.SIGSTOP)
	wait(w.g.ctx, r, 5)
	w.signal(name, syscall.SIGCONT)
}

func (w *labWorld) killed(name string, r *rand.Rand) {
	w.kill(name)
	wait(w.g.ctx, r, 2)
	if err := w.start(name); err != nil {
		fmt.Fprintln(w.g.stderr, "lab:", name, err)
	}
	if w.parts[name].address != "" {
		_ = w.ready(name, 30*time.Second)
	}
}

// serverProcesses are the server's, its backends too.
func (w *labWorld) serverProcesses() []int {
	first, err := w.cluster.PID()
	if err != nil {
		return nil
	}
	all := []int{first}
	if list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", first, first)); err == nil {
		for _, f := range strings.Fields(string(list)) {
			if pid, err := strconv.Atoi(f); err == nil {
				all = append(all, pid)
			}
		}
	}
	return all
}

// memory is the resident memory of each process of this program, in MiB.
func (w *labWorld) memory() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]int{}
	for name, p := range w.parts {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		if err != nil {
			continue
		}
		if _, rest, ok := strings.Cut(string(status), "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			out[name] = kb >> 10
		}
	}
	return out
}

// connections are those of this program to the database.
func (w *labWorld) connections(ctx context.Context) (n int) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if w.db.Queue().QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'zhijia'`).Scan(&n) != nil {
		return -1
	}
	return n
}

// labSample is one request, from its first try to its answer.
type labSample struct {
	at    time.Time
	took  time.Duration
	id    string // of the valuation; empty: given up
	first string // what the first try came to
}

// labClient sends valuations of an institution, each until it is answered: to one service, then to the other.
type labClient struct {
	w           *labWorld
	http        *http.Client
	institution string
	n           atomic.Int64
	mu          sync.Mutex
	samples     []labSample
}

func (w *labWorld) client(institution string) *labClient {
	return &labClient{w: w, institution: institution, http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

func (c *labClient) value(ctx context.Context) {
	n := c.n.Add(1)
	key := fmt.Sprintf("lab-%s-%d", c.institution, n)
	body := fmt.Sprintf(`{"text":{"title":"%s","abstract":"一种锂离子电池正极材料的制备方法，将磷酸铁锂前驱体与碳源混合后烧结。"},"purpose":"pledge"}`, key)
	s := labSample{at: time.Now()}
	for try := 0; ctx.Err() == nil && time.Since(s.at) < 90*time.Second; try++ {
		address := c.w.parts["service "+strconv.Itoa(1+int(n+int64(try))%2)].address
		status, reply, after, err := c.post(ctx, "http://"+address+"/v1/valuations", key, "application/json", strings.NewReader(body))
		what := strconv.Itoa(status)
		if err != nil {
			what = "no answer"
		}
		if s.first == "" {
			s.first = what
		}
		if status == http.StatusCreated {
			var v struct{ ID string }
			_ = json.Unmarshal(reply, &v)
			s.id = v.ID
			break
		}
		time.Sleep(max(after, min(time.Duration(50*(try+1))*time.Millisecond, time.Second)))
	}
	if s.took = time.Since(s.at); ctx.Err() != nil && s.id == "" {
		return // the lab was ended
	}
	c.mu.Lock()
	c.samples = append(c.samples, s)
	c.mu.Unlock()
}

func (c *labClient) post(ctx context.Context, to, key, kind string, body io.Reader) (status int, reply []byte, after time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, body)
	if err != nil {
		return 0, nil, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+c.w.keys[c.institution])
	r.Header.Set("Content-Type", kind)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, nil, 0, err
	}
	defer resp.Body.Close()
	reply, err = io.ReadAll(resp.Body)
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // absent: at once
	return resp.StatusCode, reply, time.Duration(seconds) * time.Second, err
}

// closed sends one after another from some clients; open sends at a rate, whatever comes back.
func (c *labClient) closed(ctx context.Context, clients int, until time.Time) {
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for time.Now().Before(until) && ctx.Err() == nil {
				c.value(ctx)
			}
		})
	}
	wg.Wait()
}

func (c *labClient) open(ctx context.Context, rate float64, until time.Time) {
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for time.Now().Before(until) && ctx.Err() == nil {
		<-tick.C
		wg.Go(func() { c.value(ctx) })
	}
	wg.Wait()
}

// between are the samples of a stretch of time, by when they were sent.
func (c *labClient) between(from, to time.Time) (out []labSample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.samples {
		if !s.at.Before(from) && s.at.Before(to) {
			out = append(out, s)
		}
	}
	return out
}

// told is a line about samples.
func told(all []labSample) string {
	var took []float64
	first, lost := map[string]int{}, 0
	for _, s := range all {
		took = append(took, float64(s.took.Milliseconds()))
		if s.first != "201" {
			first[s.first]++
		}
		if s.id == "" {
			lost++
		}
	}
	if len(took) == 0 {
		return "none sent"
	}
	slices.Sort(took)
	at := func(q float64) float64 { return took[min(len(took)-1, int(q*float64(len(took))))] }
	line := fmt.Sprintf("%d requests, p50 %.0f ms, p99 %.0f ms, longest %.0f ms", len(took), at(.5), at(.99), took[len(took)-1])
	for _, what := range slices.Sorted(maps.Keys(first)) {
		line += fmt.Sprintf(", first try %s: %d", what, first[what])
	}
	if lost > 0 {
		line += fmt.Sprintf(", given up after 90 s: %d", lost)
	}
	return line
}

// account compares what was answered with what is stored.
func (c *labClient) account(ctx context.Context) (lost, doubled int, err error) {
	stored, titles := map[string]bool{}, map[string]int{}
	conn, err := pgx.Connect(ctx, c.w.cluster.URL(localdb.Role))
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT id, title FROM valuations WHERE institution = $1 AND title LIKE 'lab-%'`, c.institution)
	if err != nil {
		return 0, 0, err
	}
	var id, title string
	if _, err := pgx.ForEachRow(rows, []any{&id, &title}, func() error { stored[id] = true; titles[title]++; return nil }); err != nil {
		return 0, 0, err
	}
	for _, s := range c.samples {
		if s.id != "" && !stored[s.id] {
			lost++
		}
	}
	for _, n := range titles {
		doubled += n - 1
	}
	return lost, doubled, nil
}

type labSoakCmd struct {
	labFlags
	For   time.Duration `help:"How long." default:"20m"`
	Share float64       `help:"Of the capacity measured first." default:"0.8"`
	Every time.Duration `help:"From one fault to the next, on average." default:"20s"`
}

// Run soaks.
func (c *labSoakCmd) Run(g *Globals) error {
	w, err := newLab(g)
	if err != nil {
		return err
	}
	defer w.close()
	say := func(format string, a ...any) { fmt.Fprintf(g.stdout, format+"\n", a...) }
	measure := w.client("lab-b")
	began := time.Now()
	measure.closed(g.ctx, 8, began.Add(min(30*time.Second, c.For/4)))
	capacity := float64(len(measure.samples)) / time.Since(began).Seconds()
	if capacity == 0 {
		return errors.New("lab: nothing was answered before any fault")
	}
	rate := capacity * c.Share
	say("load of the machine: %s", loadOf())
	say("capacity with 8 clients: %.1f valuations/s (%s); the soak sends %.1f/s for %s, seed %d", capacity, told(measure.samples), rate, c.For, c.Seed)
	client := w.client("lab-a")
	start := time.Now()
	end := start.Add(c.For)
	ctx, stop := context.WithCancel(g.ctx)
	defer stop()
	type strike struct {
		kind     string
		from, to time.Time
	}
	var strikes []strike
	broken := make(chan struct{})
	go func() {
		defer close(broken)
		r := rand.New(rand.NewPCG(c.Seed, 7))
		kinds := slices.Sorted(maps.Keys(labFaults))
		order := r.Perm(len(kinds)) // each kind once before any comes again
		for i := 0; ctx.Err() == nil; i++ {
			wait(ctx, r, c.Every.Seconds())
			if time.Until(end) < 10*time.Second || ctx.Err() != nil {
				return
			}
			if i > 0 && i%len(kinds) == 0 {
				order = r.Perm(len(kinds))
			}
			s := strike{kind: kinds[order[i%len(kinds)]], from: time.Now()}
			labFaults[s.kind](w, r)
			s.to = time.Now()
			strikes = append(strikes, s)
		}
	}()
	minutes := make(chan struct{})
	go func() {
		defer close(minutes)
		for from := start; ctx.Err() == nil && from.Before(end); from = from.Add(time.Minute) {
			select {
			case <-time.After(time.Until(from.Add(time.Minute))):
			case <-ctx.Done():
				return
			}
			say("minute %d: %s; memory MiB %v; connections %d; load %s", 1+int(from.Sub(start).Minutes()), told(client.between(from, from.Add(time.Minute))), w.memory(), w.connections(ctx), loadOf())
		}
	}()
	client.open(g.ctx, rate, end)
	stop()
	<-broken
	<-minutes
	by := map[string][]labSample{}
	quiet := client.samples
	for _, s := range strikes {
		hit := client.between(s.from, s.to.Add(time.Second))
		by[s.kind] = append(by[s.kind], hit...)
		quiet = slices.DeleteFunc(slices.Clone(quiet), func(x labSample) bool { return slices.Contains(hit, x) })
	}
	say("all: %s", told(client.samples))
	say("sent in peace: %s", told(quiet))
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		n := 0
		for _, s := range strikes {
			if s.kind == kind {
				n++
			}
		}
		say("%s, %d times, sent meanwhile: %s", kind, n, told(by[kind]))
	}
	return w.verdict(say, client)
}

// verdict says what was lost or doubled and whether the record holds.
func (w *labWorld) verdict(say func(string, ...any), client *labClient) error {
	ctx := w.g.ctx
	lost, doubled, err := client.account(ctx)
	if err != nil {
		return err
	}
	state, breaks, err := w.db.VerifyAudit(ctx, nil, appraisal.Intact)
	if err != nil {
		return err
	}
	say("answered and lost: %d; stored twice: %d; audit of %d entries: %d breaks", lost, doubled, state.Entries, len(breaks))
	for _, b := range breaks[:min(5, len(breaks))] {
		say("  %s", b.En)
	}
	if lost+doubled+len(breaks) > 0 {
		return errors.New("lab: something was lost, doubled or altered")
	}
	return nil
}

func loadOf() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

type labHostileCmd struct {
	labFlags
	For     time.Duration `help:"How long the attack lasts; before and after it half as long is measured." default:"5m"`
	Clients int           `help:"Of the hostile institution." default:"4"`
	Rate    float64       `help:"Requests a second of the other." default:"2"`
}

// Run attacks.
func (c *labHostileCmd) Run(g *Globals) error {
	w, err := newLab(g)
	if err != nil {
		return err
	}
	defer w.close()
	say := func(format string, a ...any) { fmt.Fprintf(g.stdout, format+"\n", a...) }
	other, hostile := w.client("lab-a"), w.client("lab-b")
	start := time.Now()
	from, to := start.Add(c.For/2), start.Add(c.For*3/2)
	attacked := make(chan struct{})
	answers, peak := map[string]map[int]int{}, map[string]int{}
	var mu sync.Mutex
	go func() {
		defer close(attacked)
		select {
		case <-time.After(time.Until(from)):
		case <-g.ctx.Done():
			return
		}
		var wg sync.WaitGroup
		kinds := slices.Sorted(maps.Keys(labAttacks))
		for n := range c.Clients {
			wg.Go(func() {
				for i := n; time.Now().Before(to) && g.ctx.Err() == nil; i++ {
					kind := kinds[i%len(kinds)]
					status := labAttacks[kind](g.ctx, hostile)
					mu.Lock()
					if answers[kind] == nil {
						answers[kind] = map[int]int{}
					}
					answers[kind][status]++
					for name, mib := range w.memory() {
						peak[name] = max(peak[name], mib)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}()
	other.open(g.ctx, c.Rate, start.Add(2*c.For))
	<-attacked
	say("load of the machine: %s; %d hostile clients", loadOf(), c.Clients)
	for _, p := range []struct {
		name     string
		from, to time.Time
	}{{"before", start, from}, {"during", from, to}, {"after", to, start.Add(3 * c.For)}} {
		say("%s: %s", p.name, told(other.between(p.from, p.to)))
	}
	for _, kind := range slices.Sorted(maps.Keys(answers)) {
		say("attack %s: answers %v", kind, answers[kind])
	}
	say("highest memory, MiB: %v; connections now %d", peak, w.connections(g.ctx))
	return w.verdict(say, other)
}

// labAttacks are what a hostile institution sends; each returns the status it got, 0 for none.
var labAttacks = map[string]func(context.Context, *labClient) int{
	"workbook of endless cells": func(ctx context.Context, c *labClient) int {
		return c.upload(ctx, "/v1/batches", "a.xlsx", hostileBook(`<worksheet><sheetData><row><c><f>`, strings.Repeat("1", 100)+"<!-- -->", 100_000))
	},
	"workbook of empty rows": func(ctx context.Context, c *labClient) int {
		return c.upload(ctx, "/v1/batches", "b.xlsx", hostileBook(`<worksheet><sheetData>`, strings.Repeat("<row/>", 100), 300_000))
	},
	"table of a million columns": func(ctx context.Context, c *labClient) int {
		return c.upload(ctx, "/v1/imports/transactions", "c.csv", []byte(strings.Repeat(",", 3<<20)))
	},
	"body of many values": func(ctx context.Context, c *labClient) int {
		return c.send(ctx, "/v1/valuations", []byte(`{"text":[`+strings.Repeat("0,", 1_900_000)+"0]}"))
	},
	"flood of valuations": func(ctx context.Context, c *labClient) int {
		var wg sync.WaitGroup
		var last atomic.Int64
		for i := range 100 {
			wg.Go(func() {
				last.Store(int64(c.send(ctx, "/v1/valuations", fmt.Appendf(nil, `{"text":{"title":"flood %d","abstract":"电池"}}`, i))))
			})
		}
		wg.Wait()
		return int(last.Load())
	},
	"scan for matches": func(ctx context.Context, c *labClient) int { return c.send(ctx, "/v1/matches:scan", []byte(`{}`)) },
	"upload that trickles": func(ctx context.Context, c *labClient) int {
		body, feed := io.Pipe()
		go func() {
			defer feed.Close()
			for range 20 {
				if _, err := io.WriteString(feed, "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n"); err != nil {
					return
				}
				time.Sleep(200 * time.Millisecond)
			}
		}()
		status, _, _, _ := c.post(ctx, "http://"+c.w.parts["service 1"].address+"/v1/batches", "", "multipart/form-data; boundary=x", body)
		return status
	},
}

func (c *labClient) send(ctx context.Context, path string, body []byte) int {
	status, _, _, _ := c.post(ctx, "http://"+c.w.parts["service "+strconv.Itoa(1+int(c.n.Add(1))%2)].address+path, "", "application/json", bytes.NewReader(body))
	return status
}

func (c *labClient) upload(ctx context.Context, path, name string, file []byte) int {
	body := slices.Concat([]byte("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\""+name+"\"\r\n\r\n"), file, []byte("\r\n--x--\r\n"))
	status, _, _, _ := c.post(ctx, "http://"+c.w.parts["service "+strconv.Itoa(1+int(c.n.Add(1))%2)].address+path, "", "multipart/form-data; boundary=x", bytes.NewReader(body))
	return status
}
