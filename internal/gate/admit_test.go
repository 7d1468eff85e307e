package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the order in which requests come and go, no more are inside than there are places, none of one institution beyond
// its share, and every place is free at the end.
func TestTurnstile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 6).Draw(t, "places")
		share := rapid.IntRange(1, places).Draw(t, "share")
		s := newTurnstile(places, share, 5, time.Minute)
		var inside [3]atomic.Int32
		var all atomic.Int32
		var wg sync.WaitGroup
		for i := range rapid.IntRange(1, 30).Draw(t, "requests") {
			who := rapid.IntRange(0, 2).Draw(t, "who")
			ctx, cancel := context.WithCancel(context.Background())
			if rapid.Bool().Draw(t, "leaves") {
				go cancel()
			}
			wg.Go(func() {
				defer cancel()
				leave, after, err := s.enter(ctx, fmt.Sprint(who))
				if err != nil {
					if !errors.Is(err, context.Canceled) && !errors.Is(err, errQueue) || after < 1 {
						t.Errorf("%d: %v, %d s", i, err, after)
					}
					return
				}
				defer leave()
				defer all.Add(-1)
				defer inside[who].Add(-1)
				if mine, of := inside[who].Add(1), all.Add(1); int(mine) > share || int(of) > places {
					t.Errorf("%d of %d, %d of %d", mine, share, of, places)
				}
				for range rand.IntN(100) {
					_ = s.order
				}
			})
		}
		wg.Wait()
		if s.free != places || len(s.inside)+len(s.waiting)+len(s.order)+len(s.took) > 0 {
			t.Errorf("%d free of %d, %v %v %v", s.free, places, s.inside, s.waiting, s.order)
		}
	})
}

// Who comes behind a full queue of another is let in with the next place, and who waits too long is told so.
func TestInstitutionsAreLetInByTurns(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newTurnstile(1, 1, 100, time.Minute)
	leave, _, err := s.enter(ctx, "hostile")
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var mu sync.Mutex
	var wg sync.WaitGroup
	enter := func(who string, waiting int) {
		wg.Go(func() {
			leave, _, err := s.enter(ctx, who)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, who)
			mu.Unlock()
			leave()
		})
		for n := 0; n < waiting; { // until it stands in the queue
			s.mu.Lock()
			n = len(s.waiting[who])
			s.mu.Unlock()
		}
	}
	for i := range 50 {
		enter("hostile", i+1)
	}
	enter("other", 1)
	leave()
	wg.Wait()
	if order[0] != "other" && order[1] != "other" {
		t.Errorf("the other came after %v", order[:5])
	}
	s.wait = 0
	if leave, _, err = s.enter(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if _, after, err := s.enter(ctx, "b"); !errors.Is(err, errBusy) || after < 1 {
		t.Errorf("%v, %d", err, after)
	}
	leave()
}

// Slow requests have fewer places, and never fewer than a few; those of another institution have as many as before.
func TestSlowRequestsHaveFewerPlaces(t *testing.T) {
	t.Parallel()
	s := newTurnstile(32, 24, 100, time.Minute)
	for took, want := range map[time.Duration]int{0: 24, soonEnough: 24, 2 * soonEnough: 12, time.Minute: aFew} {
		s.took["slow"] = took
		if got := s.places("slow"); got != want || s.places("other") != 24 {
			t.Errorf("%s: %d, want %d", took, got, want)
		}
	}
}
