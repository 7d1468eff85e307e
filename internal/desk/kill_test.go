package desk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zhijia/internal/appraisal"
	"zhijia/internal/jobs"
	"zhijia/internal/lending"
	"zhijia/internal/localdb"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// The test binary is also the worker that the tests of this file kill.
const (
	workerURL  = "ZHIJIA_TEST_WORKER_URL"
	poisonLine = "ZHIJIA_TEST_POISON_LINE" // the row of this line kills its process
)

func TestMain(m *testing.M) {
	if url := os.Getenv(workerURL); url != "" {
		if err := workForTest(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// The database server of the tests outlives them; localdb waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"), goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(programDir)
		os.Exit(code)
	}))
}

func workForTest(url string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	db, err := store.Open(ctx, url, store.Options{MaxConns: 8, Institution: store.Public})
	if err != nil {
		return err
	}
	now := func() time.Time { return on.Time().Add(9 * time.Hour) }
	svc, err := appraisal.New(ctx, db, appraisal.Options{Now: now})
	if err != nil {
		return err
	}
	d, err := New(db, svc, nil)
	if err != nil {
		return err
	}
	if line := os.Getenv(poisonLine); line != "" {
		d.value = misbehave(func(_ context.Context, row *lending.Row) error {
			if fmt.Sprint(row.Line) == line {
				return syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
			return nil
		})
	}
	return d.Work(ctx, WorkOptions{Rows: 6, Run: jobs.RunOptions{Lease: 2 * time.Second}})
}

// runWorker runs a worker as a process of its own that dies of one line; died
// is closed when it ends.
func runWorker(tb testing.TB, url, poison string) (died <-chan struct{}, end func()) {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerURL+"="+url, poisonLine+"="+poison)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Error(err)
		gone := make(chan struct{})
		close(gone)
		return gone, func() {}
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = cmd.Wait() // reports the signal
	}()
	return gone, func() {
		_ = cmd.Process.Kill()
		<-gone
	}
}

// startWorker runs a worker as a process of its own and returns a function
// that kills it at once, kill -9, and one that ends it in order.
func startWorker(tb testing.TB, url string) (kill, stop func()) {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerURL+"="+url)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	end := func(s os.Signal) func() {
		return sync.OnceFunc(func() {
			_ = cmd.Process.Signal(s)
			_ = cmd.Wait() // reports the signal
		})
	}
	kill, stop = end(syscall.SIGKILL), end(syscall.SIGTERM)
	tb.Cleanup(kill)
	return kill, stop
}

// durable starts a PostgreSQL of the test's own, with fsync.
func durable(t testing.TB) (url string, restart func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "zhijia-desk-") // the server's user must be able to search it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	o := localdb.Options{DataDir: dir, Grace: time.Second}
	cluster, err := localdb.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	url = cluster.URL(localdb.Role)
	if err := store.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if err := storetest.AddInstitutions(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return url, func() {
		pid, err := cluster.PID()
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Fatal(err)
		}
		// It dies when the kernel says so; a dead one that nobody has reaped
		// still has its number.
		for gone := time.Now().Add(5 * time.Second); syscall.Kill(pid, 0) == nil && time.Now().Before(gone); {
			runtime.Gosched()
		}
		// Backends of the killed server may hold its shared memory for a moment.
		again, err := localdb.Start(t.Context(), o)
		for deadline := time.Now().Add(2 * time.Minute); err != nil && time.Now().Before(deadline); {
			again, err = localdb.Start(t.Context(), o)
		}
		if err != nil {
			t.Fatal(err) // nothing would ever finish
		}
		t.Cleanup(func() { _ = again.Close() })
	}
}

// watchOut yields progress through outages of the database.
func watchOut(t *testing.T, d *Desk, id string, visit func(store.Progress)) store.Progress {
	t.Helper()
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for deadline := time.Now().Add(15 * time.Minute); time.Now().Before(deadline); <-retry.C {
		for p, err := range d.Watch(t.Context(), officer, id, 50*time.Millisecond) {
			if err != nil {
				break // the database is away
			}
			visit(p)
			if p.Status == store.BatchFinished {
				return p
			}
		}
	}
	t.Fatal("the batch did not finish")
	return store.Progress{}
}

// checkOnce asserts that every row has exactly one result: one valuation, one
// audit entry, nothing lost and nothing doubled.
func checkOnce(t *testing.T, db *store.DB, id string, rows, refused int) {
	t.Helper()
	var done, failed, valuations, entries, lines, doubled int
	err := db.Queue().QueryRow(t.Context(), `
		SELECT count(*) FILTER (WHERE status = 'done'), count(*) FILTER (WHERE status = 'failed'), (SELECT count(*) FROM valuations),
			(SELECT count(*) FROM audit WHERE action = 'batch.row'), (SELECT count(DISTINCT subject) FROM audit WHERE action = 'batch.row'),
			(SELECT count(*) FROM (SELECT valuation FROM batch_rows WHERE valuation IS NOT NULL GROUP BY 1 HAVING count(*) > 1) x)
		FROM batch_rows WHERE batch = $1`, id).Scan(&done, &failed, &valuations, &entries, &lines, &doubled)
	if err != nil {
		t.Fatal(err)
	}
	want := rows - refused
	if done+failed != want || valuations != done || entries != want || lines != want || doubled != 0 {
		t.Errorf("%d done, %d failed of %d; %d valuations; %d audit entries for %d rows; %d doubled", done, failed, want, valuations, entries, lines, doubled)
	}
	if failed > 0 {
		t.Errorf("%d rows were given up though nothing was wrong with them", failed)
	}
	_, breaks, err := db.VerifyAudit(t.Context(), nil, appraisal.Intact)
	if err != nil || len(breaks) > 0 {
		t.Errorf("audit: %v %v", breaks, err)
	}
}

// kill -9 of workers at random while they work: each row has exactly one
// result.
func TestWorkersKilled(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	d, db := newDesk(t, url)
	table, want := generate(size() / 3)
	b := mustSubmit(t, d, officer, unearning(table))
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)) // any moment will do
	kills := make([]func(), 3)
	bin := program(t)
	for i := range kills {
		kills[i], _ = start(t, bin, url, "worker", "--rows", "6")
	}
	killed, next := 0, 0
	watchOut(t, d, b.ID, func(p store.Progress) {
		if step := p.Rows / 8; p.Ended() < next || killed == 6 {
			return
		} else {
			next = p.Ended() + step
		}
		i := r.IntN(len(kills))
		kills[i]()
		killed++
		kills[i], _ = start(t, bin, url, "worker", "--rows", "6")
	})
	if killed != 6 {
		t.Errorf("%d workers killed", killed)
	}
	checkOnce(t, db, b.ID, len(table)-1, len(want))
}

// kill -9 of PostgreSQL while workers work: they go on when it is back.
func TestPostgresKilled(t *testing.T) {
	t.Parallel()
	url, restart := durable(t)
	d, db := newDesk(t, url)
	table, want := generate(size() / 5)
	b := mustSubmit(t, d, officer, unearning(table))
	bin := program(t)
	start(t, bin, url, "worker", "--rows", "6")
	killWorker, _ := start(t, bin, url, "worker", "--rows", "6")
	struck := false
	watchOut(t, d, b.ID, func(p store.Progress) {
		if !struck && p.Ended() > p.Rows/3 {
			struck = true
			restart()
			killWorker()
			start(t, bin, url, "worker", "--rows", "6")
		}
	})
	if !struck {
		t.Error("the server was never killed")
	}
	checkOnce(t, db, b.ID, len(table)-1, len(want))
}

// A worker that is told to stop finishes what it has in hand.
func TestWorkerStops(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	d, db := newDesk(t, url)
	table, _ := generate(200)
	b := mustSubmit(t, d, officer, unearning(table))
	_, stop := start(t, program(t), url, "worker", "--rows", "6")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	enough := errors.New("enough")
	for p, err := range d.Watch(ctx, officer, b.ID, 10*time.Millisecond) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Done > 20 {
			cancel(enough)
			break
		}
	}
	stop()
	var running int
	if err := db.Queue().QueryRow(t.Context(), `SELECT count(*) FROM jobs WHERE owner IS NOT NULL`).Scan(&running); err != nil || running != 0 {
		t.Errorf("%d chunks left in hand, %v", running, err)
	}
}
