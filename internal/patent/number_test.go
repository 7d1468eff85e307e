package patent

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, normal, kind, code string }{
		{"201710601862.3", "CN201710601862.3", "invention", ""},
		{"ZL 2017 1 0601862.3", "CN201710601862.3", "invention", ""},
		{"ＺＬ２０１７１０６０１８６２．３", "CN201710601862.3", "invention", ""},
		{"cn2017106018623", "CN201710601862.3", "invention", ""},
		{"95115608.x", "CN95115608.X", "invention", ""},
		{"CN00118464.4", "CN00118464.4", "invention", ""},
		{"011086084", "CN01108608.4", "invention", ""},
		{"202010123456.2", "CN202010123456.2", "invention", ""},
		{"202010123456.7", "", "", "number.check_digit"},
		{"201710601862", "", "", "number.check_digit_missing"},
		{"201740601862.3", "", "", "number.type_digit"},
		{"CN111504366B", "CN111504366B", "invention", ""},
		{"CN215771194U", "CN215771194U", "utility_model", ""},
		{"CN1329838A", "CN1329838A", "invention", ""},
		{"ZL111504366B", "", "", "number.publication_as_patent"},
		{"CN115771194U", "", "", "number.publication_code"},
		{"US6199157", "US6199157", "", ""},
		{"PCT/CN2016/079715", "PCT/CN2016/079715", "", ""},
		{"", "", "", "number.empty"},
		{"一种电池", "", "", "number.characters"},
		{"'; DROP TABLE patents; --", "", "", "number.characters"},
		{"12345", "", "", "number.length"},
	} {
		n, err := ParseNumber(c.in)
		switch {
		case c.code != "":
			if err == nil || !strings.HasPrefix(err.Error(), c.code+":") {
				t.Errorf("%q: %v, want %s", c.in, err, c.code)
			}
		case err != nil:
			t.Errorf("%q: %v", c.in, err)
		case n.String() != c.normal || string(n.Kind) != c.kind:
			t.Errorf("%q: %s %s, want %s %s", c.in, n, n.Kind, c.normal, c.kind)
		}
	}
}

func TestNormalFormIsAFixedPoint(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`(20(0[3-9]|[12][0-9])[12389][0-9]{7})|((8[5-9]|9[0-9]|0[0-2])[12389][0-9]{5})`).Draw(t, "digits")
		n, err := ParseNumber(digits + "." + string(CheckDigit(digits)))
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{n.String(), n.Display()} {
			again, err := ParseNumber(form)
			if err != nil || again != n {
				t.Fatalf("%s reads as %v, %v", form, again, err)
			}
		}
		// Every wrong single digit is caught.
		i := rapid.IntRange(0, len(digits)-1).Draw(t, "place")
		d := byte('0' + rapid.IntRange(0, 9).Draw(t, "digit"))
		if d != digits[i] && CheckDigit(digits[:i]+string(d)+digits[i+1:]) == CheckDigit(digits) {
			t.Fatalf("%s with %c at %d is not caught", digits, d, i)
		}
	})
}

func FuzzParseNumber(f *testing.F) {
	f.Add("ZL 2017 1 0601862.3")
	f.Add("CN111504366B")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNumber(s)
		if err != nil {
			return
		}
		if again, err := ParseNumber(n.String()); err != nil || again != n {
			t.Fatalf("%q reads as %q, which reads as %q, %v", s, n, again, err)
		}
	})
}

// The known blind spot of twelve-digit numbers: digits 1 and 9, 2 and 10, 3
// and 11, 4 and 12 weigh the same, so swapping them leaves the check digit.
func TestUndetectableSwaps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := []byte(rapid.StringMatching(`20(0[3-9]|[12][0-9])[12389][0-9]{7}`).Draw(t, "digits"))
		check := CheckDigit(string(d))
		for i := range d {
			for j := i + 1; j < len(d); j++ {
				s := append([]byte{}, d...)
				s[i], s[j] = s[j], s[i]
				blind := d[i] == d[j] || j == i+8
				if j == i+1 && !blind && CheckDigit(string(s)) == check {
					t.Fatalf("%s: neighbours %d and %d swapped unseen", d, i+1, j+1)
				}
				if blind && CheckDigit(string(s)) != check {
					t.Fatalf("%s: digits %d and %d", d, i+1, j+1)
				}
			}
		}
	})
}
