package paging

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever place a page ended at, its cursor leads back there.
func TestCursorLeadsBackToItsPlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Place{ID: rapid.StringN(1, 200, maxID).Draw(t, "id")}
		if rapid.Bool().Draw(t, "timed") {
			p.At = time.UnixMicro(rapid.Int64Range(1, 1<<52).Draw(t, "micros")).UTC()
		}
		got, err := Read(p.Cursor())
		if err != nil || got != p {
			t.Fatalf("%+v became %+v, %v", p, got, err)
		}
	})
}

// Pages joined are the list, without gap or repeat, whatever the limit.
func TestPagesJoinedAreTheList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, limit := rapid.IntRange(0, 30).Draw(t, "lines"), rapid.IntRange(1, 12).Draw(t, "limit")
		cursor, seen := "", int64(0)
		for {
			after, err := ReadNumber(cursor)
			if err != nil {
				t.Fatal(err)
			}
			var read []int64
			for k := after + 1; k <= int64(n) && len(read) < limit+1; k++ {
				read = append(read, k)
			}
			page, next := Cut(read, limit, func(k *int64) Place { return Numbered(*k) })
			if page == nil || len(page) > limit {
				t.Fatalf("page %v", page)
			}
			for _, k := range page {
				if k != seen+1 {
					t.Fatalf("%d after %d", k, seen)
				}
				seen = k
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if seen != int64(n) {
			t.Fatalf("%d of %d lines", seen, n)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "x", Place{ID: "abc"}.Cursor(), Numbered(-1).Cursor(), Place{At: time.UnixMicro(5), ID: "v"}.Cursor(), "LS0u"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Read(s)
		if err != nil && !errors.Is(err, ErrCursor) {
			t.Fatalf("%q: %v", s, err)
		}
		if err == nil && s != "" && p.ID == "" {
			t.Fatalf("%q: a place without an id", s)
		}
		if n, err := ReadNumber(s); err == nil && n < 0 {
			t.Fatalf("%q: %d", s, n)
		}
	})
}
