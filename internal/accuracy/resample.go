package accuracy

// resample is the scratch memory of one bootstrap worker: how often each
// sample was drawn. Statistics are computed from the counts, so a draw copies
// no data.
type resample struct {
	count   []uint16
	members [][]int32 // clusters; nil when every sample is its own
}

func newResample(n int, members [][]int32) resample {
	return resample{count: make([]uint16, n), members: members}
}

// draw resamples with replacement: n samples, or as many clusters as there
// are.
func (r *resample) draw(rng *splitmix) {
	clear(r.count)
	if r.members == nil {
		n := uint64(len(r.count))
		// Two indices from one 64-bit number, each of 32 bits, rejected where
		// 2^32 is not a multiple of n.
		limit := (1 << 32) % n
		for left := n; left > 0; {
			v := rng.next()
			a, b := (v>>32)*n, (v&0xffffffff)*n
			if a&0xffffffff >= limit {
				r.count[a>>32]++
				left--
			}
			if left > 0 && b&0xffffffff >= limit {
				r.count[b>>32]++
				left--
			}
		}
		return
	}
	n := uint64(len(r.members))
	for range r.members {
		for _, i := range r.members[rng.below(n)] {
			r.count[i]++
		}
	}
}
