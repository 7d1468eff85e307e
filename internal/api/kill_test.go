package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zhijia/internal/appraisal"
	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/localdb"
	"zhijia/internal/pages"
	"zhijia/internal/people"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// The test binary is also the service that the tests of this file kill.
const (
	serveURL   = "ZHIJIA_TEST_SERVE_URL"
	serveAhead = "ZHIJIA_TEST_SERVE_AHEAD" // how far the service's clock is ahead
)

func TestMain(m *testing.M) {
	if url := os.Getenv(serveURL); url != "" {
		if err := serveForTest(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// The database server of the tests outlives them; localdb waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

func serveForTest(url string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, url, store.Options{MaxConns: 8, Institution: store.Default})
	if err != nil {
		return err
	}
	ahead, err := time.ParseDuration(os.Getenv(serveAhead))
	if err != nil {
		return err
	}
	now := func() time.Time { return time.Now().Add(ahead) }
	svc, err := appraisal.New(ctx, db, appraisal.Options{})
	if err != nil {
		return err
	}
	g := gate.New(gate.Options{DB: db, Now: now})
	if _, err := New(g, Options{Appraisal: svc}); err != nil {
		return err
	}
	if err := pages.Register(g, pages.Options{Appraisal: svc}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return g.Serve(ctx, l)
}

// startService runs the service as a process of its own and returns its
// address and a function that kills it.
func startService(t *testing.T, url string, ahead time.Duration) (base string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveURL+"="+url, serveAhead+"="+ahead.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // reports the kill
	})
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the service did not start: %v", err)
	}
	return "http://" + strings.TrimSpace(line), kill
}

// sent is one request and what was answered.
type sent struct {
	idempotency string
	body        string
	reply       []byte // nil: no answer arrived
}

// storm posts valuations until told to stop, and reports each.
func storm(client *http.Client, base, key string, clients int, stop <-chan struct{}, report func(sent)) {
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				s := sent{idempotency: fmt.Sprintf("c%d-%d", n, i), body: fmt.Sprintf(`{"text":{"title":"电池正极材料 %d-%d","abstract":"%s"}}`, n, i, gatetest.Battery)}
				s.reply, _ = post(client, base, key, s)
				report(s)
				if s.reply == nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

func post(client *http.Client, base, key string, s sent) ([]byte, int) {
	r, err := http.NewRequest(http.MethodPost, base+"/v1/valuations", strings.NewReader(s.body))
	if err != nil {
		return nil, 0
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", s.idempotency)
	resp, err := client.Do(r)
	if err != nil {
		return nil, 0
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated {
		return nil, resp.StatusCode
	}
	return b, resp.StatusCode
}

// stormUntil runs a storm and calls strike after the given number of answers.
func stormUntil(client *http.Client, base, key string, answers int, strike func()) []sent {
	var (
		mu   sync.Mutex
		all  []sent
		once sync.Once
		stop = make(chan struct{})
	)
	storm(client, base, key, 4, stop, func(s sent) {
		mu.Lock()
		all = append(all, s)
		n := len(all)
		mu.Unlock()
		if n >= answers {
			once.Do(func() {
				strike()
				close(stop)
			})
		}
	})
	return all
}

// checkKept asks for everything that was answered: the same bytes, intact and
// replaying. It then repeats every request: what was answered is answered the
// same, what was not is carried out.
func checkKept(t *testing.T, client *http.Client, base, key string, all []sent) {
	t.Helper()
	answered := 0
	ask := func(method, path string) []byte {
		r, err := http.NewRequest(method, base+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, b, err)
		}
		return b
	}
	for _, s := range all {
		if s.reply == nil {
			continue
		}
		answered++
		id := gatetest.Decode[stored](t, s.reply).ID
		if got := ask(http.MethodGet, "/v1/valuations/"+id); !bytes.Equal(got, s.reply) {
			t.Errorf("%s: other bytes after the restart", id)
		}
	}
	if answered == 0 {
		t.Fatal("nothing was answered before the kill")
	}
	// Every stored record is whole, also one whose answer was lost.
	var list struct{ Valuations []struct{ ID string } }
	if err := json.Unmarshal(ask(http.MethodGet, "/v1/valuations?limit=200"), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Valuations) < answered {
		t.Errorf("%d answered, %d stored", answered, len(list.Valuations))
	}
	for _, v := range list.Valuations {
		var r appraisal.Replay
		if err := json.Unmarshal(ask(http.MethodPost, "/v1/valuations/"+v.ID+":replay"), &r); err != nil || !r.Intact || !r.Identical {
			t.Errorf("%s after the restart: %+v %v", v.ID, r, err)
		}
	}
	for _, s := range all {
		again, status := post(client, base, key, s)
		switch {
		case again == nil:
			t.Errorf("%s cannot be repeated: %d", s.idempotency, status)
		case s.reply != nil && !bytes.Equal(again, s.reply):
			t.Errorf("%s was answered twice, differently", s.idempotency)
		}
	}
}

// kill -9 of the service while it values: nothing that was answered is lost,
// nothing is half there, and every request can be repeated.
func TestServiceKilledDuringValuations(t *testing.T) {
	url := storetest.URL(t)
	db, err := store.Open(t.Context(), url, store.Options{MaxConns: 2, Institution: store.Default})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key := gatetest.NewKey(t, db, time.Time{}, people.Officer)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()

	base, kill := startService(t, url, 0)
	all := stormUntil(client, base, key, 30, kill)
	// The next one is ten minutes later by its clock, past every lease.
	base, _ = startService(t, url, 10*time.Minute)
	checkKept(t, client, base, key, all)
}

// kill -9 of PostgreSQL while the service values: the same, and the service
// recovers by itself.
func TestPostgresKilledDuringValuations(t *testing.T) {
	dir, err := os.MkdirTemp("", "zhijia-kill-") // the server's user must be able to search it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	o := localdb.Options{DataDir: dir, Grace: time.Second} // durable: fsync stays on
	cluster, err := localdb.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	url := cluster.URL(localdb.Role)
	if err := store.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if err := storetest.AddInstitutions(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), url, store.Options{MaxConns: 6, Institution: store.Default})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key := gatetest.NewKey(t, db, time.Time{}, people.Officer)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	base, _ := startService(t, url, 0)
	all := stormUntil(client, base, key, 20, func() {
		pid, err := cluster.PID()
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Error(err)
		}
	})
	// Backends of the killed server may hold its shared memory for a moment.
	again, err := localdb.Start(t.Context(), o)
	for deadline := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(deadline); {
		again, err = localdb.Start(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()

	// The same process answers again; its clock did not move, so requests that
	// hung in the kill are repeated against one whose leases have passed.
	ready := func() bool {
		resp, err := client.Get(base + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode == http.StatusOK
	}
	for deadline := time.Now().Add(30 * time.Second); !ready(); {
		if time.Now().After(deadline) {
			t.Fatal("the service did not recover")
		}
	}
	later, _ := startService(t, url, 10*time.Minute)
	checkKept(t, client, later, key, all)
}

// A stop finishes what was accepted and refuses what comes after.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- w.gate.Serve(ctx, l) }()
	base := "http://" + l.Addr().String()

	// A request whose body is still on its way when the stop is ordered.
	body, feed := io.Pipe()
	r, err := http.NewRequest(http.MethodPost, base+"/v1/valuations", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.Key)
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	type outcome struct {
		status int
		err    error
	}
	answered := make(chan outcome, 1)
	go func() {
		resp, err := client.Do(r)
		if err != nil {
			answered <- outcome{err: err}
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		answered <- outcome{status: resp.StatusCode}
	}()
	if _, err := io.WriteString(feed, `{"number":`); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); inFlight(t, w.gate) < 1; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the request never arrived")
		}
	}
	stop()
	<-w.gate.Draining()
	if _, err := io.WriteString(feed, `"`+gatetest.KnownNumber+`"}`); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	if got := <-answered; got.err != nil || got.status != http.StatusCreated {
		t.Errorf("the request in flight: %+v", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if p := gatetest.Problem(t, w.Get("/readyz")); p.Code != "draining" {
		t.Errorf("readiness after the stop: %+v", p)
	}
}

// inFlight reads from the metrics how many requests are being answered.
func inFlight(t *testing.T, g *gate.Gate) int {
	t.Helper()
	w := httptest.NewRecorder()
	g.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	_, rest, _ := strings.Cut(w.Body.String(), "\nzhijia_http_in_flight ")
	figure, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(figure)
	if err != nil {
		t.Fatalf("in flight: %q", figure)
	}
	return n
}
