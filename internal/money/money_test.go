package money

import (
	"encoding/json"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		unit Unit
		want Fen
		ok   bool
	}{
		{"1234.56", Yuan, 123456, true},
		{"1,234.5", Yuan, 123450, true},
		{"￥１２３．４", Yuan, 12340, true},
		{"-3", Yuan, -300, true},
		{"12.5", Wan, 12_500_000, true},
		{"0.000001", Wan, 1, true},
		{"1.2", Yi, 12_000_000_000, true},
		{"0.001", Yuan, 0, false}, // finer than a fen
		{"", Yuan, 0, false},
		{".", Yuan, 0, false},
		{"1.2.3", Yuan, 0, false},
		{"1e5", Yuan, 0, false},
		{"0x10", Yuan, 0, false},
		{"NaN", Yuan, 0, false},
		{"1000000000000001", Yuan, 0, false}, // beyond Max
		{"=1+1", Yuan, 0, false},
	} {
		got, err := Parse(c.text, c.unit)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("Parse(%q, %d) = %d, %v", c.text, c.unit, got, err)
		}
	}
}

func TestUnitsAreOnceDeclaredAndOnceApplied(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := Fen(rapid.Int64Range(-1e12, 1e12).Draw(t, "fen"))
		wan := new(big.Rat).SetFrac64(int64(f), int64(Wan)).FloatString(6)
		fromWan, err := Parse(wan, Wan)
		if err != nil || fromWan != f {
			t.Fatalf("%s 万元 reads as %s, %v, want %s", wan, fromWan, err, f)
		}
		fromYuan, err := Parse(f.String(), Yuan)
		if err != nil || fromYuan != f {
			t.Fatalf("%s reads as %s, %v", f, fromYuan, err)
		}
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back Fen
		if err := json.Unmarshal(b, &back); err != nil || back != f {
			t.Fatalf("%s in JSON reads as %s, %v", b, back, err)
		}
	})
}

func TestAllocateLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := Fen(rapid.Int64Range(-1e15, 1e15).Draw(t, "fen"))
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1e9), 1, 12).Draw(t, "weights")
		weights[0]++
		parts, err := f.Allocate(weights)
		if err != nil {
			t.Fatal(err)
		}
		var sum, total Fen
		for _, w := range weights {
			total += Fen(w)
		}
		for i, p := range parts {
			sum += p
			exact := new(big.Rat).SetFrac64(int64(f), 1)
			exact.Mul(exact, big.NewRat(weights[i], int64(total)))
			diff := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(int64(p)))
			if diff.Abs(diff).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("part %d is %d, exactly %s", i, p, exact.FloatString(3))
			}
		}
		if sum != f {
			t.Fatalf("parts sum to %d, want %d", sum, f)
		}
	})
}

func TestMulRatioRoundsHalfAwayFromZero(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		f        Fen
		num, den int64
		want     Fen
	}{{5, 1, 2, 3}, {-5, 1, 2, -3}, {4, 1, 3, 1}, {5, 1, 3, 2}, {7, 2, -4, -4}, {1e15, 999, 1000, 999_000_000_000_000}} {
		if got := c.f.MulRatio(c.num, c.den); got != c.want {
			t.Errorf("%d·%d/%d = %d, want %d", c.f, c.num, c.den, got, c.want)
		}
	}
	if got := Fen(10_000_000).MulRate(0.0435); got != 435_000 {
		t.Errorf("4.35%% of 100,000 yuan is %s", got)
	}
}

func TestZh(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		yuan float64
		want string
	}{{1234567, "123万元"}, {1234, "1,230元"}, {123_456_789, "1.23亿元"}, {0, "0元"}, {-56_000, "-5.6万元"}, {9999.6, "10,000元"}} {
		if got := Zh(c.yuan, 3); got != c.want {
			t.Errorf("Zh(%g) = %s, want %s", c.yuan, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1,234.56")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Parse(s, Yuan)
		if err != nil {
			return
		}
		if back, err := Parse(v.String(), Yuan); err != nil || back != v {
			t.Fatalf("%q reads as %s, which reads as %s", s, v, back)
		}
	})
}
