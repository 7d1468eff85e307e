package accuracy

import (
	"math/bits"
	"sync"
)

// splitmix is the SplitMix64 generator (Steele, Lea and Flood 2014). It is
// small enough to be inlined into the resampling loop, and every draw of a
// bootstrap gets its own stream, so results do not depend on how draws are
// shared among workers.
type splitmix uint64

// stream returns the generator of the given draw.
func stream(seed uint64, draw int) splitmix {
	s := splitmix(seed)
	s = splitmix(s.next() + uint64(draw)*0xd1342543de82ef95)
	return splitmix(s.next())
}

func (s *splitmix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a uniform integer in [0, n) without bias (Lemire 2019).
func (s *splitmix) below(n uint64) int {
	hi, lo := bits.Mul64(s.next(), n)
	if lo < n {
		for limit := -n % n; lo < limit; {
			hi, lo = bits.Mul64(s.next(), n)
		}
	}
	return int(hi)
}

// meanOf is the mean of len(v) draws from v with replacement, two draws from
// each 64-bit number.
func (s *splitmix) meanOf(v []float64) float64 {
	n := uint64(len(v))
	limit := (1 << 32) % n
	var even, odd float64
	for left := n; left > 0; {
		x := s.next()
		a, b := (x>>32)*n, (x&0xffffffff)*n
		if a&0xffffffff >= limit {
			even += v[a>>32]
			left--
		}
		if left > 0 && b&0xffffffff >= limit {
			odd += v[b>>32]
			left--
		}
	}
	return (even + odd) / float64(n)
}

// inParallel calls work(w, workers) for w = 0..workers-1 and waits for all.
// Workers write to places of their own, so the outcome is the same for any
// number of them.
func inParallel(workers int, work func(w, workers int)) {
	if workers <= 1 {
		work(0, 1)
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { work(w, workers) })
	}
	wg.Wait()
}
