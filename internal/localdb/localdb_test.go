package localdb

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	dir, err := os.MkdirTemp("", "zhijia-localdb-") // not t.TempDir: the server's user must be able to search it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	o := Options{DataDir: dir, Volatile: true, Say: func(s string) { t.Log(s) }}

	// Several programs at once share one server.
	clusters := make([]*Cluster, 4)
	var wg sync.WaitGroup
	for i := range clusters {
		wg.Go(func() {
			c, err := Start(ctx, o)
			if err != nil {
				t.Error(err)
				return
			}
			clusters[i] = c
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	first, err := clusters[0].PID()
	if err != nil {
		t.Fatal(err)
	}
	query := func(c *Cluster) error {
		return exec.Command(c.Program("psql"), c.URL("postgres"), "-Atc", "SELECT 1").Run()
	}
	for _, c := range clusters {
		if pid, _ := c.PID(); pid != first {
			t.Errorf("pid %d, want the shared %d", pid, first)
		}
		if err := query(c); err != nil {
			t.Error(err)
		}
	}

	// A killed server is started again on the same data, although a backend
	// that computes has not noticed yet and holds the server's shared memory.
	busy := exec.Command(clusters[0].Program("psql"), clusters[0].URL("postgres"), "-Atc", "SELECT count(*) FROM generate_series(1, 10000000)")
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		out, err := exec.Command(clusters[0].Program("psql"), clusters[0].URL("postgres"), "-Atc", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series(1, 1000%' AND pid <> pg_backend_pid()").Output()
		return err == nil && strings.TrimSpace(string(out)) == "1"
	})
	defer func() { _ = busy.Wait() }() // its server is gone
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return !clusters[0].live() })
	again, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := query(again); err != nil {
		t.Error(err)
	}

	// The last one out turns off the light.
	for _, c := range append(clusters, again) {
		c.Close()
	}
	waitFor(t, func() bool { _, err := again.PID(); return err != nil && !again.live() })
}

func TestProductionRefused(t *testing.T) {
	t.Setenv("ZHIJIA_ENV", "production")
	if _, err := Start(context.Background(), Options{}); err == nil {
		t.Fatal("a production environment got a managed database")
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatal("waited a minute")
		}
	}
}
