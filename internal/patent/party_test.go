package patent

import (
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCreditCode(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"91350100M000100Y43", "914403001922038216", "9144030071526726XG", "91330100799655058B", "９１３５０１００m000100y43"} {
		if _, err := ParseCreditCode(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for s, code := range map[string]string{
		"91350100M000100Y44": "credit_code.check", "91350100M000100Y4": "credit_code.length", "91350100I000100Y43": "credit_code.characters", "": "credit_code.length",
	} {
		if _, err := ParseCreditCode(s); err == nil || !strings.HasPrefix(err.Error(), code+":") {
			t.Errorf("%s: %v, want %s", s, err, code)
		}
	}
	rapid.Check(t, func(t *rapid.T) { // every wrong single character is caught
		code := creditCode(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)))
		wrong := []byte(code)
		i := rapid.IntRange(0, 17).Draw(t, "at")
		wrong[i] = creditAlphabet[rapid.IntRange(0, 30).Draw(t, "with")]
		if _, err := ParseCreditCode(string(wrong)); (err == nil) != (string(wrong) == code) {
			t.Fatalf("%s for %s: %v", wrong, code, err)
		}
	})
}

func TestFindParty(t *testing.T) {
	t.Parallel()
	p := NewParties([]Party{
		{Name: "甲乙科技（上海）有限公司", Code: "91350100M000100Y43", Former: []string{"甲乙贸易（上海）有限公司"}},
		{Name: "某某生物医药股份有限公司"},
		{Name: "华新电子材料有限公司"},
		{Name: "华兴电子材料有限公司"},
		{Name: "张三"},
		{Name: "张三"},
	})
	for _, c := range []struct {
		q     Party
		party int // -1: none
		band  Band
	}{
		{Party{Name: "甲乙科技(上海)有限责任公司"}, 0, Same},
		{Party{Name: "甲乙贸易(上海)有限公司"}, 0, Same},
		{Party{Name: "甲乙科技海上有限公司"}, 0, Same},
		{Party{Name: "全无关系有限公司", Code: "91350100M000100Y43"}, 0, Same},
		{Party{Name: "甲乙科技（上海）有限公司", Code: "914403001922038216"}, 0, Uncertain},
		{Party{Name: "某某生物医药有限公司"}, 1, Uncertain},
		{Party{Name: "华新电子材料有限公司"}, 2, Same},
		{Party{Name: "华星电子材料有限公司"}, 2, Uncertain},
		{Party{Name: "张三"}, 4, Uncertain},
		{Party{Name: "另一家公司"}, -1, ""},
		{Party{}, -1, ""},
	} {
		got := p.Find(c.q)
		switch {
		case c.party < 0 && len(got) > 0:
			t.Errorf("%+v: %+v", c.q, got)
		case c.party >= 0 && (len(got) == 0 || got[0].Party != c.party || got[0].Band != c.band || len(got[0].Reasons) == 0):
			t.Errorf("%+v: %+v, want %d %s", c.q, got, c.party, c.band)
		}
	}
}

func FuzzFindParty(f *testing.F) {
	p := NewParties([]Party{{Name: "甲乙科技（上海）有限公司"}})
	f.Add("甲乙科技", "91350100M000100Y43")
	f.Fuzz(func(t *testing.T, name, code string) {
		for _, m := range p.Find(Party{Name: name, Code: code}) {
			if m.Party != 0 || m.Score <= 0 || m.Score > 1 {
				t.Errorf("%+v", m)
			}
		}
	})
}

func creditCode(rng *rand.Rand) string {
	b := []byte("91")
	for len(b) < 17 {
		b = append(b, creditAlphabet[rng.IntN(31)])
	}
	for i := range 31 {
		if s, err := ParseCreditCode(string(b) + creditAlphabet[i:i+1]); err == nil {
			return s
		}
	}
	return ""
}
