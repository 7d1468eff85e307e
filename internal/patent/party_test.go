package patent

import (
	"fmt"
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

var (
	places = strings.Fields("上海 北京 深圳 广州 杭州 苏州 南京 武汉 成都 西安 天津 重庆 宁波 无锡 青岛 长沙 合肥 厦门 福州 济南 大连 沈阳 郑州 常州 东莞 佛山 珠海 南通 嘉兴 昆山")
	trades = strings.Fields("科技 电子科技 生物科技 信息技术 新材料 智能装备 医疗器械 生物医药 环保科技 新能源 机械制造 汽车零部件 网络科技 软件 化工 光电技术 半导体 自动化设备 食品 建筑材料")
	marks  = []rune("华新兴达盛恒瑞天成泰康安宏远东方海明德金信诚创智联通光大中科博雅凯丰隆昌永利顺和美佳立宇航飞云龙腾鼎力源润泽益民生同济正元百嘉迪森维思特克诺奥尔伟业捷晟祥裕富春江山河星辰")
)

func makeName(rng *rand.Rand) string {
	var mark string
	for range 2 + rng.IntN(3) {
		mark += string(marks[rng.IntN(len(marks))])
	}
	place, trade, form := places[rng.IntN(len(places))], trades[rng.IntN(len(trades))], "有限公司"
	if rng.IntN(6) == 0 {
		form = "股份有限公司"
	}
	if rng.IntN(3) == 0 {
		return mark + trade + "（" + place + "）" + form
	}
	return place + mark + trade + form
}

// noise writes a name as another source might.
func noise(rng *rand.Rand, x Party) (Party, string) {
	r := []rune(x.Name)
	at := 1 + rng.IntN(5)
	switch k := rng.IntN(100); {
	case k < 12:
		return Party{Name: x.Name}, "exact"
	case k < 32:
		return Party{Name: strings.NewReplacer("（", "(", "）", ")", "科技", "科 技").Replace(x.Name)}, "width, brackets, spaces"
	case k < 52:
		return Party{Name: strings.Replace(x.Name, "有限公司", "有限责任公司", 1)}, "legal form"
	case k < 67:
		if len(x.Former) > 0 {
			return Party{Name: x.Former[0]}, "former name"
		}
		return Party{Name: x.Name + " "}, "exact"
	case k < 77:
		return Party{Name: makeName(rng), Code: x.Code}, "code, other name"
	case k < 87:
		r[at], r[at+1] = r[at+1], r[at]
		return Party{Name: string(r)}, "neighbours swapped"
	case k < 97:
		if rng.IntN(2) == 0 {
			return Party{Name: string(append(r[:at:at], r[at+1:]...))}, "character left out"
		}
		return Party{Name: string(append(r[:at:at], r[at-1:]...))}, "character doubled"
	default:
		r[at] = marks[rng.IntN(len(marks))]
		return Party{Name: string(r)}, "another character"
	}
}

// matching measures automatic matches: a fifth as many questions again are
// about parties that are not in the register.
func matching(n, questions int) (precision, recall float64, review int, missed map[string]string) {
	rng := rand.New(rand.NewPCG(7, 11))
	list := make([]Party, 0, n)
	taken := map[string]bool{}
	fresh := func() string {
		for {
			name := makeName(rng)
			if core, form := NormalName(name); !taken[core+form] {
				taken[core+form] = true
				return name
			}
		}
	}
	for range n {
		x := Party{Name: fresh(), Code: creditCode(rng)}
		if rng.IntN(2) == 0 {
			x.Former = []string{fresh()}
		}
		list = append(list, x)
	}
	p := NewParties(list)
	right, wrong := 0, 0
	asked, hit := map[string]int{}, map[string]int{}
	for range questions {
		i := rng.IntN(n)
		q, kind := noise(rng, list[i])
		asked[kind]++
		switch found := p.Find(q); {
		case len(found) == 0:
		case found[0].Band == Same && found[0].Party == i:
			right++
			hit[kind]++
		case found[0].Band == Same:
			wrong++
		default:
			review++
		}
	}
	for range questions / 5 {
		if found := p.Find(Party{Name: fresh()}); len(found) > 0 && found[0].Band == Same {
			wrong++
		}
	}
	missed = map[string]string{}
	for kind, n := range asked {
		missed[kind] = fmt.Sprintf("%d of %d", hit[kind], n)
	}
	return float64(right) / float64(right+wrong), float64(right) / float64(questions), review, missed
}

func TestMatchingMeasured(t *testing.T) {
	t.Parallel()
	precision, recall, review, kinds := matching(5_000, 5_000)
	t.Logf("n = 5000: precision %.4f, recall %.4f, %d for review, %v", precision, recall, review, kinds)
	if precision < 0.99 || recall < 0.95 {
		t.Errorf("precision %.4f, recall %.4f", precision, recall)
	}
}

func BenchmarkMatching100k(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		precision, recall, review, kinds := matching(100_000, 20_000)
		b.ReportMetric(precision, "precision")
		b.ReportMetric(recall, "recall")
		b.ReportMetric(float64(review), "review")
		b.Logf("%v", kinds)
	}
}
