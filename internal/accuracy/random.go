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
