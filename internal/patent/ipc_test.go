package patent

import "testing"

func FuzzParseIPC(f *testing.F) {
	for _, s := range []string{"H01M 10/0525", "h01m10/0525", "A61K", "", "H01M/", "Ａ６１Ｋ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseIPC(s)
		if err != nil {
			return
		}
		if again, err := ParseIPC(c.String()); err != nil || again != c {
			t.Errorf("%q reads as %q, which reads as %q, %v", s, c, again, err)
		}
	})
}

func FuzzParseCreditCode(f *testing.F) {
	f.Add("91350100M000100Y43")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		code, err := ParseCreditCode(s)
		if err != nil {
			return
		}
		if again, err := ParseCreditCode(code); err != nil || again != code {
			t.Errorf("%q reads as %q, which reads as %q, %v", s, code, again, err)
		}
	})
}
