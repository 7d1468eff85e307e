package storetest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/store"
)

// owners are the conditions on the owner in the store's statements: own rows,
// own and public rows, those of a parameter.
var owners = regexp.MustCompile(`(?i)\b(?:[a-z_]+\.)?institution (?:= (?:\(SELECT institution_now\(\)\)|institution_now\(\))|IN \(\(SELECT institution_now\(\)\), 'public'\)|= \$\d+\b)`)

// Bare takes the conditions on the owner out of a statement: they hold for every
// row whenever the statement runs for an institution. In the service's own scope,
// which no request has, they stay: there the database draws no wall.
func Bare(sql string) (bare string, n int) {
	n = len(owners.FindAllStringIndex(sql, -1))
	return owners.ReplaceAllString(sql, `(current_setting('zhijia.institution', true) <> '*' OR $0)`), n
}

// BareURL is the address of a proxy before the database at a URL that takes the
// conditions on the owner out of every statement on its way, and how many
// statements had one: what still keeps institutions apart is the database alone.
func BareURL(t testing.TB, to string) (through string, stripped *atomic.Int64) {
	t.Helper()
	stripped = new(atomic.Int64)
	return proxy(t, to, func(start []byte) []byte { return start }, func(sql string) string {
		bare, n := Bare(sql)
		if n > 0 {
			stripped.Add(1)
		}
		return bare
	}), stripped
}

// ProxyURL is the address of a proxy before the database at a URL that changes
// nothing; with owner, but that the program works in the name of whoever logs in:
// the owner of the tables, before whom there is no wall. It is for measuring what
// the walls cost, one as far away as the other.
func ProxyURL(t testing.TB, to string, owner bool) string {
	t.Helper()
	role := []byte("role\x00" + store.Role + "\x00")
	return proxy(t, to, func(start []byte) []byte {
		if i := bytes.Index(start, role); owner && i > 0 {
			start = slices.Delete(bytes.Clone(start), i, i+len(role))
			binary.BigEndian.PutUint32(start, uint32(len(start)))
		}
		return start
	}, func(sql string) string { return sql })
}

// proxy passes everything on to the database at a URL, the first message and
// every statement as they are changed.
func proxy(t testing.TB, to string, first func([]byte) []byte, statement func(string) string) string {
	t.Helper()
	config, err := pgx.ParseConfig(to)
	if err != nil {
		t.Fatal(err)
	}
	network, address := "tcp", net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	if config.Host != "" && config.Host[0] == '/' {
		network, address = "unix", config.Host+"/.s.PGSQL."+strconv.Itoa(int(config.Port))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed with the test
			}
			server, err := net.Dial(network, address)
			if err != nil {
				client.Close()
				continue
			}
			go func() { _, _ = io.Copy(client, server); client.Close() }()
			go func() { _ = forward(server, client, first, statement); server.Close() }()
		}
	}()
	at, err := url.Parse("postgres:///" + config.Database + "?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	at.User, at.Host = url.UserPassword(config.User, config.Password), l.Addr().String()
	return at.String()
}

// forward passes a client's messages on.
func forward(server io.Writer, client io.Reader, first func([]byte) []byte, statement func(string) string) error {
	message := func(head int) ([]byte, error) { // the length is the last four bytes of the head and counts itself
		b := make([]byte, head)
		if _, err := io.ReadFull(client, b); err != nil {
			return nil, err
		}
		body := make([]byte, max(0, int(binary.BigEndian.Uint32(b[head-4:]))-4))
		_, err := io.ReadFull(client, body)
		return append(b, body...), err
	}
	start, err := message(4)
	if err != nil {
		return err
	}
	if _, err := server.Write(first(start)); err != nil {
		return err
	}
	for {
		m, err := message(5)
		if err != nil {
			return err
		}
		from, to := 5, len(m)
		switch m[0] {
		case 'Q':
			to--
		case 'P':
			from += bytes.IndexByte(m[5:], 0) + 1
			to = from + bytes.IndexByte(m[from:], 0)
		default:
			from = to
		}
		if from < to {
			if sql := statement(string(m[from:to])); sql != string(m[from:to]) {
				m = append(append(bytes.Clone(m[:from]), sql...), m[to:]...)
				binary.BigEndian.PutUint32(m[1:5], uint32(len(m)-1))
			}
		}
		if _, err := server.Write(m); err != nil {
			return err
		}
	}
}
