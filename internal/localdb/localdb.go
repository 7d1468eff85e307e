// Package localdb provisions and runs a private PostgreSQL with pgvector when
// no DATABASE_URL is configured: for trial, development and tests, never for
// production.
//
// [Start] is the way in. It takes the binaries from a cached private prefix,
// provisions one from Debian's own packages when there is none, or falls back
// to a PostgreSQL of the host that offers the extension. The cluster listens
// on a unix socket only and runs as an unprivileged user when started by root.
// Programs that use one data folder share one cluster; a watchdog stops it
// when the last of them is gone, however it went.
package localdb

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zhijia/internal/fault"
)

//go:embed provision.sh
var provisionScript string

// Options configure [Start]. The zero value is what the program uses.
type Options struct {
	// DataDir holds the cluster, one folder per PostgreSQL major inside it.
	// Default: the user's state folder.
	DataDir string
	// Volatile turns fsync off: for tests only.
	Volatile bool
	// Grace is how long an unused cluster lives on.
	Grace time.Duration
	// Keep starts the server again when it was killed, as long as the cluster is
	// not closed: for a program that goes on for months.
	Keep bool
	// Say is told, in English, what is being done when it takes a while.
	Say func(string)
}

// Cluster is a running private cluster. Close it to let go of it.
type Cluster struct {
	bin    string // folder of the server's programs
	data   string // folder of the cluster
	socket string // folder of the unix socket
	users  *os.File

	stop context.CancelFunc // ends keep; nil: it does not run
	kept chan struct{}      // closed when keep has ended
}

const (
	// Role owns every database of a private cluster.
	Role = "zhijia"
	port = "5432"
)

// Start returns a live cluster, provisioning, creating and starting it as
// needed. It fails with fault.Unavailable, naming each way that was tried and
// the ways out.
func Start(ctx context.Context, o Options) (_ *Cluster, err error) {
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if strings.EqualFold(os.Getenv("ZHIJIA_ENV"), "production") {
		return nil, fault.New(fault.Unavailable, "localdb.production",
			"生产环境不使用内置数据库，请设置 DATABASE_URL。",
			"A production environment never uses the managed database; set DATABASE_URL.")
	}
	if runtime.GOOS != "linux" {
		return nil, unavailable([]error{fmt.Errorf("the managed database runs on Linux only, this is %s", runtime.GOOS)})
	}
	b, err := binaries(ctx, o.Say)
	if err != nil {
		return nil, err
	}
	if o.DataDir == "" {
		if o.DataDir, err = stateDir(); err != nil {
			return nil, unavailable([]error{err})
		}
	}
	c := &Cluster{bin: b.dir, data: filepath.Join(o.DataDir, "pg"+b.major)}
	sum := sha256.Sum256([]byte(c.data))
	c.socket = filepath.Join(os.TempDir(), "zhijia-"+hex.EncodeToString(sum[:6]))
	if err := c.start(ctx, o); err != nil {
		if c.users != nil {
			c.users.Close()
		}
		return nil, unavailable([]error{fmt.Errorf("starting PostgreSQL in %s: %w", c.data, err)})
	}
	if o.Keep {
		keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
		c.stop, c.kept = stop, make(chan struct{})
		go c.keep(keeping, o)
	}
	return c, nil
}

// keep looks every second whether the server still listens, and starts it
// again when it was killed. Of several programs that keep one cluster the first
// starts it, the others find it live.
func (c *Cluster) keep(ctx context.Context, o Options) {
	defer close(c.kept)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if c.live() {
			continue
		}
		o.Say("the managed database is gone; starting it again")
		if err := c.serveOnce(ctx, o); err != nil && ctx.Err() == nil {
			o.Say("the managed database did not start again: " + err.Error())
		}
	}
}

// URL returns the connection string of a database of the cluster.
func (c *Cluster) URL(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&port=%s&user=%s", database, c.socket, port, Role)
}

// Program returns the path of one of the server's programs, e.g. pg_dump.
func (c *Cluster) Program(name string) string { return filepath.Join(c.bin, name) }

// PID returns the process id of the running server.
func (c *Cluster) PID() (int, error) {
	b, err := os.ReadFile(filepath.Join(c.data, "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strconv.Atoi(first)
}

// Close lets go of the cluster. The last one to let go stops it.
func (c *Cluster) Close() error {
	if c.stop != nil {
		c.stop()
		<-c.kept
	}
	return c.users.Close()
}

type installation struct{ dir, major string }

// binaries finds or provisions a PostgreSQL that offers pgvector.
func binaries(ctx context.Context, say func(string)) (installation, error) {
	cache, err := cacheDir()
	if err != nil {
		return installation{}, unavailable([]error{err})
	}
	suites := []struct{ suite, major string }{{"forky", "18"}, {"trixie", "17"}}
	prefix := func(major string) string { return filepath.Join(cache, "pg"+major) }
	in := func(major string) installation {
		return installation{filepath.Join(prefix(major), "usr/lib/postgresql", major, "bin"), major}
	}
	for _, s := range suites {
		if _, err := os.Stat(filepath.Join(prefix(s.major), ".ok")); err == nil {
			return in(s.major), nil
		}
	}
	var failures []error
	for _, s := range suites {
		say(fmt.Sprintf("provisioning PostgreSQL %s with pgvector into %s (once, about 15 s, 90 MB)", s.major, prefix(s.major)))
		cmd := exec.CommandContext(ctx, "bash", "-s", prefix(s.major), s.suite, s.major)
		cmd.Stdin = strings.NewReader(provisionScript)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return in(s.major), nil
		}
		failures = append(failures, fmt.Errorf("provision %s %s: %w: %s", s.suite, s.major, err, words(out)))
		if ctx.Err() != nil {
			return installation{}, ctx.Err()
		}
	}
	hosts, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	for i := len(hosts) - 1; i >= 0; i-- {
		major := strings.Split(hosts[i], "/")[4]
		if _, err := os.Stat("/usr/share/postgresql/" + major + "/extension/vector.control"); err == nil {
			return installation{filepath.Dir(hosts[i]), major}, nil
		}
	}
	failures = append(failures, errors.New("no PostgreSQL of this machine offers the extension vector"))
	return installation{}, unavailable(failures)
}

func unavailable(failures []error) error {
	return fault.New(fault.Unavailable, "localdb.unavailable",
		"无法准备内置数据库。请设置 DATABASE_URL 指向带 pgvector（0.8.4 以上）的 PostgreSQL，或运行 docker compose -f deploy/compose.yaml up --build。",
		"The managed database cannot be prepared. Set DATABASE_URL to a PostgreSQL with pgvector 0.8.4 or later, or run: docker compose -f deploy/compose.yaml up --build",
	).Because(errors.Join(failures...))
}

// words returns what a program of the server said went wrong: the lines that
// name an error, with their hints; else its last lines.
func words(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var said []string
	for _, l := range lines {
		if grave.MatchString(l) {
			said = append(said, strings.TrimSpace(l))
		}
	}
	if len(said) == 0 {
		said = lines[max(0, len(lines)-3):]
	}
	return strings.Join(said[:min(len(said), 8)], "; ")
}

var grave = regexp.MustCompile(`(?i)\b(fatal|panic|error|hint|detail):|could not|cannot|no such|not found|no space|denied`)

// cacheDir and stateDir must be searchable by the unprivileged user the
// server runs as, which root's home folder is not.
func cacheDir() (string, error) {
	if d := os.Getenv("ZHIJIA_CACHE_DIR"); d != "" {
		return filepath.Abs(d)
	}
	if os.Geteuid() == 0 {
		return "/var/cache/zhijia", nil
	}
	d, err := os.UserCacheDir()
	return filepath.Join(d, "zhijia"), err
}

func stateDir() (string, error) {
	if d := os.Getenv("ZHIJIA_DATA_DIR"); d != "" {
		return filepath.Abs(d)
	}
	if os.Geteuid() == 0 {
		return "/var/lib/zhijia", nil
	}
	if d := os.Getenv("XDG_STATE_HOME"); d != "" {
		return filepath.Join(d, "zhijia"), nil
	}
	d, err := os.UserHomeDir()
	return filepath.Join(d, ".local/state/zhijia"), err
}

func (c *Cluster) start(ctx context.Context, o Options) (err error) {
	if err := os.MkdirAll(filepath.Dir(c.data), 0o755); err != nil {
		return err
	}
	// Everyone who uses the cluster holds a shared lock on this file for as
	// long as it lives; the watchdog waits for an exclusive one.
	if c.users, err = os.OpenFile(c.data+".users", os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return err
	}
	if err := flock(ctx, c.users, syscall.LOCK_SH); err != nil {
		return err
	}
	return c.serveOnce(ctx, o)
}

// serveOnce makes and starts the cluster unless it is live, one program at a
// time.
func (c *Cluster) serveOnce(ctx context.Context, o Options) error {
	owner, err := serverUser()
	if err != nil {
		return err
	}
	starting, err := os.OpenFile(c.data+".start", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer starting.Close()
	if err := flock(ctx, starting, syscall.LOCK_EX); err != nil {
		return err
	}
	if err := c.makeSocketDir(owner); err != nil {
		return err
	}
	if c.live() {
		return nil
	}
	if _, err := os.Stat(filepath.Join(c.data, "PG_VERSION")); err != nil {
		o.Say("creating a private cluster in " + c.data)
		if err := c.initialise(ctx, owner); err != nil {
			return err
		}
	}
	if err := c.launch(ctx, owner, o); err != nil {
		return err
	}
	return c.createDatabase(owner)
}

// createDatabase makes the program's own database in a new cluster.
func (c *Cluster) createDatabase(owner *syscall.Credential) error {
	psql := func(query string) (string, error) {
		out, err := c.command(owner, c.Program("psql"), c.URL("postgres"), "-qAtc", query).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("psql: %w: %s", err, words(out))
		}
		return strings.TrimSpace(string(out)), nil
	}
	there, err := psql(`SELECT 1 FROM pg_database WHERE datname = '` + Role + `'`)
	if err != nil || there == "1" {
		return err
	}
	_, err = psql(`CREATE DATABASE ` + Role)
	return err
}

// makeSocketDir makes the folder of the socket, which nobody but the server's
// user and root may enter: whoever could put another socket there would be
// taken for the database. One that somebody else made is refused.
func (c *Cluster) makeSocketDir(owner *syscall.Credential) error {
	uid := os.Geteuid()
	if owner != nil {
		uid = int(owner.Uid)
	}
	switch err := os.Mkdir(c.socket, 0o700); {
	case err == nil:
		if owner != nil {
			if err := os.Chown(c.socket, uid, int(owner.Gid)); err != nil {
				return err
			}
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	info, err := os.Lstat(c.socket)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != uid {
		return fmt.Errorf("the folder %s of the database's socket is not the server's own (user %d); remove it, or set TMPDIR to another place", c.socket, uid)
	}
	return os.Chmod(c.socket, 0o700)
}

func (c *Cluster) live() bool {
	conn, err := net.Dial("unix", filepath.Join(c.socket, ".s.PGSQL."+port))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func (c *Cluster) command(owner *syscall.Credential, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner, Setsid: true}
	return cmd
}

func (c *Cluster) initialise(ctx context.Context, owner *syscall.Credential) error {
	building := c.data + ".new"
	if err := os.RemoveAll(building); err != nil {
		return err
	}
	if err := os.Mkdir(building, 0o700); err != nil {
		return err
	}
	if owner != nil {
		if err := os.Chown(building, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	out, err := c.command(owner, c.Program("initdb"), "-D", building, "-U", Role,
		"--auth-local=peer", "--auth-host=reject", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, words(out))
	}
	me, err := user.Current()
	if err != nil {
		return err
	}
	ident := fmt.Sprintf("m %s %s\n", me.Username, Role)
	if owner != nil {
		u, err := user.LookupId(strconv.Itoa(int(owner.Uid)))
		if err != nil {
			return err
		}
		ident += fmt.Sprintf("m %s %s\n", u.Username, Role)
	}
	for name, text := range map[string]string{
		"pg_hba.conf":   "local all all peer map=m\n",
		"pg_ident.conf": ident,
	} {
		if err := os.WriteFile(filepath.Join(building, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.Rename(building, c.data)
}

// watchdog waits until nobody holds the shared lock, grants the grace, and
// stops the server while holding the lock alone, so that a newcomer waits and
// then starts it again.
const watchdog = `
exec 9<"$1"
while :; do
	flock -x 9
	flock -u 9
	sleep "$2"
	if flock -xn 9; then
		"$3" -D "$4" -m fast -w -t 60 stop || "$3" -D "$4" -m immediate stop
		exit
	fi
	sleep 0.2
done`

func (c *Cluster) launch(ctx context.Context, owner *syscall.Credential, o Options) error {
	args := []string{
		"-D", c.data, "-k", c.socket, "-p", port,
		"-c", "listen_addresses=", "-c", "jit=off", "-c", "max_connections=200",
		"-c", "shared_buffers=256MB", "-c", "maintenance_work_mem=256MB", "-c", "max_wal_size=2GB",
		"-c", "default_toast_compression=lz4",
		"-c", "random_page_cost=1.1", // what fits in memory or on an SSD
		"-c", "dynamic_shared_memory_type=mmap",
	}
	if o.Volatile {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
	}
	logFile, err := os.OpenFile(c.data+".log", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer logFile.Close()
	for deadline := time.Now().Add(inheritance); ; {
		from, err := logFile.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		err = c.serve(ctx, owner, args, logFile)
		if err == nil {
			break
		}
		if said, readErr := logged(logFile.Name(), from); readErr != nil || !bytes.Contains(said, []byte("pre-existing shared memory block")) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	dog := c.command(owner, "bash", "-c", watchdog, "zhijia-db-watchdog", c.users.Name(),
		fmt.Sprintf("%.1f", o.Grace.Seconds()), c.Program("pg_ctl"), c.data)
	if err := dog.Start(); err != nil {
		return err
	}
	go dog.Wait()
	return nil
}

// inheritance is how long a start waits for the backends of a server that was
// killed: until the last has noticed, they hold its shared memory.
const inheritance = 15 * time.Second

// serve starts the server and waits until it takes queries.
func (c *Cluster) serve(ctx context.Context, owner *syscall.Credential, args []string, logFile *os.File) error {
	from, err := logFile.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	server := c.command(owner, c.Program("postgres"), args...)
	server.Stdout, server.Stderr = logFile, logFile
	if err := server.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- server.Wait() }() // reaps it, or a dead server would look alive
	deadline := time.Now().Add(60 * time.Second)
	for {
		if c.live() && c.accepts(ctx, owner) {
			return nil
		}
		select {
		case err := <-exited:
			said, _ := logged(logFile.Name(), from)
			return fmt.Errorf("the server ended at once (%v): %s", err, words(said))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			said, _ := logged(logFile.Name(), from)
			return fmt.Errorf("the server did not answer within a minute: %s", words(said))
		}
	}
}

// logged returns what was written to the log since an offset, at most 64 KiB.
func logged(name string, from int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.NewSectionReader(f, from, 64<<10))
}

// accepts reports whether the server takes queries, not only connections
// (it refuses them while it recovers).
func (c *Cluster) accepts(ctx context.Context, owner *syscall.Credential) bool {
	cmd := c.command(owner, c.Program("pg_isready"), "-q", "-h", c.socket, "-p", port)
	return cmd.Run() == nil && ctx.Err() == nil
}

// serverUser returns whom the server runs as: nil for the current user,
// because PostgreSQL refuses to run as root.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("started as root, and there is neither a user postgres nor nobody to run the server as")
}

// flock waits for the lock without blocking cancellation.
func flock(ctx context.Context, f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
