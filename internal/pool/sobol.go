package pool

import "math/rand/v2"

// sobolDims is how many dimensions of the quasi-random sequence are used; the
// common factor is the first, the industry and region factors follow, and
// anything beyond is pseudo-random.
const sobolDims = 16

// joeKuo are the primitive polynomials and initial direction numbers of Joe
// and Kuo (new-joe-kuo-6) for dimensions 2 to 16; dimension 1 is van der
// Corput.
var joeKuo = [sobolDims - 1]struct {
	s, a uint32
	m    [6]uint32
}{
	{1, 0, [6]uint32{1}},
	{2, 1, [6]uint32{1, 3}},
	{3, 1, [6]uint32{1, 3, 1}},
	{3, 2, [6]uint32{1, 1, 1}},
	{4, 1, [6]uint32{1, 1, 3, 3}},
	{4, 4, [6]uint32{1, 3, 5, 13}},
	{5, 2, [6]uint32{1, 1, 5, 5, 17}},
	{5, 4, [6]uint32{1, 1, 5, 5, 5}},
	{5, 7, [6]uint32{1, 1, 7, 11, 19}},
	{5, 11, [6]uint32{1, 1, 5, 1, 1}},
	{5, 13, [6]uint32{1, 1, 1, 3, 11}},
	{5, 14, [6]uint32{1, 3, 5, 5, 31}},
	{6, 1, [6]uint32{1, 3, 3, 9, 7, 49}},
	{6, 13, [6]uint32{1, 1, 1, 15, 21, 21}},
	{6, 16, [6]uint32{1, 3, 1, 13, 27, 49}},
}

// sobol is the sequence with one random digital shift per replicate and
// dimension, which makes every replicate an unbiased sample.
type sobol struct {
	v     [sobolDims][32]uint32
	shift [][sobolDims]uint32
}

func newSobol(seed uint64, replicates int) *sobol {
	s := &sobol{shift: make([][sobolDims]uint32, replicates)}
	for j := range 32 {
		s.v[0][j] = 1 << (31 - j)
	}
	for d, p := range joeKuo {
		v := &s.v[d+1]
		n := int(p.s)
		for j := range 32 {
			if j < n {
				v[j] = p.m[j] << (31 - j)
				continue
			}
			v[j] = v[j-n] ^ v[j-n]>>p.s
			for k := 1; k < n; k++ {
				if p.a>>(n-1-k)&1 == 1 {
					v[j] ^= v[j-k]
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(seed, 0x5eed0f50b01))
	for i := range s.shift {
		for d := range s.shift[i] {
			s.shift[i][d] = r.Uint32()
		}
	}
	return s
}

// at is the point with the given index of a replicate, strictly inside (0, 1).
func (s *sobol) at(replicate int, index uint32, dim int) float64 {
	x := s.shift[replicate][dim]
	for j := 0; index != 0; j, index = j+1, index>>1 {
		if index&1 == 1 {
			x ^= s.v[dim][j]
		}
	}
	return (float64(x) + 0.5) / (1 << 32)
}
