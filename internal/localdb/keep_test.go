package localdb

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// folder returns an empty folder that the server's user can search, which
// t.TempDir is not.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "zhijia-localdb-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// kill -9 of the server, twice: it comes back by itself with what was
// committed, and stays away once the cluster is closed.
func TestAKilledServerComesBack(t *testing.T) {
	c, err := Start(context.Background(), Options{DataDir: folder(t), Keep: true, Say: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	query := func(sql string) (string, error) {
		out, err := exec.Command(c.Program("psql"), c.URL("postgres"), "-qAtc", sql).Output()
		return strings.TrimSpace(string(out)), err
	}
	if _, err := query("CREATE TABLE kept (n integer)"); err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{"1", "2"} {
		if _, err := query("INSERT INTO kept VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		pid, err := c.PID()
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool {
			got, err := query("SELECT count(*) FROM kept")
			again, pidErr := c.PID()
			return err == nil && pidErr == nil && got == want && again != pid
		})
		_ = n
	}
	c.Close()
	waitFor(t, func() bool { _, err := c.PID(); return err != nil && !c.live() })
}

// The folder of the socket is the server's alone: a wider mode is narrowed,
// and what somebody else put there is refused.
func TestSocketFolder(t *testing.T) {
	owner, err := serverUser()
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	for name, prepare := range map[string]func(string) error{
		"new":   func(string) error { return nil },
		"again": func(p string) error { return (&Cluster{socket: p}).makeSocketDir(owner) },
		"widened": func(p string) error {
			if err := (&Cluster{socket: p}).makeSocketDir(owner); err != nil {
				return err
			}
			return os.Chmod(p, 0o777)
		},
	} {
		p := filepath.Join(dir, name)
		if err := prepare(p); err != nil {
			t.Fatal(err)
		}
		if err := (&Cluster{socket: p}).makeSocketDir(owner); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if info, err := os.Lstat(p); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	refused := map[string]func(string) error{
		"link": func(p string) error { return os.Symlink(dir, p) },
		"file": func(p string) error { return os.WriteFile(p, nil, 0o600) },
	}
	if os.Geteuid() == 0 {
		refused["another user's"] = func(p string) error {
			if err := os.Mkdir(p, 0o700); err != nil {
				return err
			}
			return os.Chown(p, 12345, 12345)
		}
	}
	for name, prepare := range refused {
		p := filepath.Join(dir, "refused "+name)
		if err := prepare(p); err != nil {
			t.Fatal(err)
		}
		if err := (&Cluster{socket: p}).makeSocketDir(owner); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the server's programs said goes into the error, not their good-bye.
func TestWords(t *testing.T) {
	for said, want := range map[string]string{
		"creating configuration files ... ok\ninitdb: error: could not create directory \"x\": No space left on device\ninitdb: removing contents of data directory \"x\"\n":            "could not create directory \"x\": No space left on device",
		"2026-11-27 [1] FATAL:  lock file \"postmaster.pid\" already exists\n2026-11-27 [1] HINT:  Is another postmaster running?\n2026-11-27 [1] LOG:  database system is shut down\n": "HINT:  Is another postmaster running?",
		"one\ntwo\nthree\nfour\n": "two; three; four",
	} {
		if got := words([]byte(said)); !strings.Contains(got, want) || strings.Contains(got, "removing contents") {
			t.Errorf("%q: %s", said, got)
		}
	}
	// A cluster that cannot be made says why: its folder is a file.
	dir := folder(t)
	if err := os.WriteFile(filepath.Join(dir, "pg18"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pg17"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(context.Background(), Options{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "pg1") || strings.Contains(err.Error(), "removing contents") {
		t.Errorf("%v", err)
	}
}
