package desk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// build builds the real program, once for all tests of the package. It has no
// race detector: the processes that are killed show what is left behind, and
// races are looked for in the tests' own process.
var build = sync.OnceValue(func() error {
	var err error
	if programDir, err = os.MkdirTemp("", "zhijia-program-"); err != nil {
		return err
	}
	if out, err := exec.Command("go", "build", "-o", programDir, "zhijia/cmd/zhijia").CombinedOutput(); err != nil {
		return fmt.Errorf("building: %w\n%s", err, out)
	}
	return nil
})

var programDir string // removed by TestMain

func program(t *testing.T) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(programDir, "zhijia")
}

// start runs the program as a process of its own and returns what kills it,
// kill -9, and what ends it in order.
func start(t *testing.T, bin, url string, args ...string) (kill, stop func()) {
	t.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+url, "ZHIJIA_LOG_LEVEL=error")
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := func(s os.Signal) func() {
		return sync.OnceFunc(func() {
			_ = cmd.Process.Signal(s)
			_ = cmd.Wait() // reports the signal
			_ = log.Close()
		})
	}
	kill, stop = end(syscall.SIGKILL), end(syscall.SIGTERM)
	t.Cleanup(kill)
	return kill, stop
}

// service is a running zhijia serve that can be killed and started again.
type service struct {
	t              *testing.T
	bin, url, base string
	key            string
	kill           func()
}

func (s *service) again() {
	if s.kill != nil {
		s.kill()
	}
	s.kill, _ = start(s.t, s.bin, s.url, "serve", "--listen", strings.TrimPrefix(s.base, "http://"), "--desk-rows", "4")
}

// do asks until the service answers, through its deaths and outages of the
// database.
func (s *service) do(method, path, contentType string, body []byte) (status int, reply []byte) {
	s.t.Helper()
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	var last error
	for range 1200 {
		req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, bytes.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.key)
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			reply, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err == nil && resp.StatusCode < 500 {
				return resp.StatusCode, reply
			}
			if err == nil {
				err = fmt.Errorf("%d %.200s", resp.StatusCode, reply)
			}
		}
		last = err
		<-pause.C
	}
	s.t.Fatalf("%s %s: no answer: %v", method, path, last)
	return 0, nil
}

// The real program under a file of 480 rows, one in twenty dirty, of
// twenty-three kinds: the service is killed while it takes the file in, then
// service and workers are killed at random, and PostgreSQL once. Every row has
// exactly one result, every dirty row its reason, and the result is the same
// bytes each time it is fetched. ZHIJIA_SERVICE_ROWS sets another size.
func TestServiceWorkersAndPostgresKilled(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	url, restart := durable(t)
	bin := program(t)
	d, db := newDesk(t, url)
	rows := rowsOf("ZHIJIA_SERVICE_ROWS", 480)
	table, want := generate(rows)
	kinds := map[string]bool{}
	for _, code := range want {
		kinds[code] = true
	}
	if len(kinds) < 20 {
		t.Fatalf("%d kinds of dirt", len(kinds))
	}
	out, err := exec.Command(bin, "keys", "create", "desk", "--role", "desk", "--institution", officer.Institution, "--database-url", url).Output()
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, bin: bin, url: url, base: "http://" + free.Addr().String(), key: strings.TrimSpace(string(out))}
	_ = free.Close()
	s.again()
	workers := make([]func(), 2)
	for i := range workers {
		workers[i], _ = start(t, bin, url, "worker", "--rows", "6")
	}

	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	w, _ := m.CreateFormFile("file", "贷款清单.xlsx")
	if _, err := io.Copy(w, workbook(t, table)); err != nil {
		t.Fatal(err)
	}
	_ = m.Close()
	path := "/v1/batches?policy=BOCOM-HIST&valuation_date=" + on.String()
	s.do(http.MethodGet, "/v1/batches", "", nil) // it is up
	var wg sync.WaitGroup
	var status int
	var reply []byte
	wg.Go(func() { status, reply = s.do(http.MethodPost, path, m.FormDataContentType(), form.Bytes()) })
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)) // any moment will do
	struck := time.NewTimer(time.Duration(100+r.IntN(1500)) * time.Millisecond)
	<-struck.C
	s.again() // killed while the file is read and stored, or just after
	wg.Wait()
	var b struct {
		ID   string
		Rows int
	}
	if err := json.Unmarshal(reply, &b); err != nil || status/100 != 2 || b.Rows != rows {
		t.Fatalf("%d %.300s", status, reply)
	}
	if status, reply = s.do(http.MethodPost, path, m.FormDataContentType(), form.Bytes()); status != http.StatusOK || !strings.Contains(string(reply), b.ID) {
		t.Errorf("the same file again: %d %.300s", status, reply)
	}

	killed, served, next, restarted := 0, 0, 0, false
	watchOut(t, d, b.ID, func(p store.Progress) {
		if p.Ended() < next || killed+served == 9 {
			return
		}
		next = p.Ended() + p.Rows/12
		switch i := r.IntN(3); {
		case !restarted && p.Ended() > p.Rows*2/5:
			restarted = true
			restart()
		case i < 2 && (killed == 0 || served > 0):
			workers[i]()
			workers[i], _ = start(t, bin, url, "worker", "--rows", "6")
			killed++
		default:
			s.again()
			served++
		}
	})
	if killed == 0 || served == 0 || killed+served < 6 || !restarted {
		t.Errorf("%d workers and %d services killed, PostgreSQL: %t", killed, served, restarted)
	}
	t.Logf("%d rows; %d workers and %d services killed, PostgreSQL killed and started again", rows, killed, served+1)
	checkOnce(t, db, b.ID, rows, len(want))

	_, first := s.do(http.MethodGet, "/v1/batches/"+b.ID+"/result", "", nil)
	s.again()
	_, second := s.do(http.MethodGet, "/v1/batches/"+b.ID+"/result", "", nil)
	result, err := d.Result(t.Context(), officer, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	var third bytes.Buffer
	if err := deskfile.WriteBook(&third, result); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(first, []byte("PK")) || !bytes.Equal(first, second) || !bytes.Equal(first, third.Bytes()) {
		t.Errorf("the result differs: %d, %d and %d bytes", len(first), len(second), third.Len())
	}
	named, scored := 0, 0
	for out, err := range result.Rows {
		if err != nil {
			t.Fatal(err)
		}
		code, dirty := want[out.Valued.Row.Line]
		switch {
		case dirty && out.Status == string(store.RowRefused) && slices.ContainsFunc(out.Faults, func(f fault.Field) bool { return f.Code == code && f.Zh != "" }):
			named++
		case !dirty && out.Status == string(store.RowDone) && out.Decision.Verdict != "":
			scored++
		default:
			t.Errorf("line %d: %s %v, want %q", out.Valued.Row.Line, out.Status, out.Faults, code)
		}
	}
	if named != len(want) || scored != rows-len(want) {
		t.Errorf("%d of %d dirty rows named, %d of %d clean rows scored", named, len(want), scored, rows-len(want))
	}
}
