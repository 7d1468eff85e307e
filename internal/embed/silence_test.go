package embed

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatGetsNoClass(t *testing.T) {
	t.Parallel()
	for why, texts := range map[Silence][]string{
		SilentName: {
			"手机支付系统商标名称", "格力空调商标", "注册商标老干妈", "商标：电池之星", "小米科技有限责任公司", "锂电池正极材料集团",
			"ACME® 智能电池管理系统", "图像识别软件名称", "《手机支付系统》商标", "某某传感器品牌", "光伏发电网域名",
		},
		SilentNotChinese: {"", "！！！", "lithium ion battery cathode material", "LED照明driver circuit with dimming", "αβγδ εζη", "12345678", "qqq www eee"},
		SilentTooLittle:  {"电池", "阿里巴巴", "测试测试测试测试", "的的的的的的", "啊啊啊啊啊啊啊啊"},
		SilentUnlike: {
			"农夫山泉", "王老吉凉茶", "海尔牌电冰箱", "大白兔奶糖", "飞天茅台酒", "全聚德烤鸭", "床前明月光疑是地上霜", "今天天气很好我们去公园散步",
			"恭喜发财大吉大利", "天地玄黄宇宙洪荒", "关于召开二〇二四年度股东大会的通知", "张三李四王五赵六", "龘靐齉爩鱻麤灪龖",
		},
		"": {
			"一种锂离子电池正极材料的制备方法", "商标图像检索方法及系统", "一种注册商标自动识别装置", "用于检测瓶罐商标质量的装置", "车牌识别方法", "基于区块链的域名解析方法",
			"公司财务数据处理系统", "LED照明灯具", "注册商标防伪标签的印刷设备",
		},
	} {
		for _, text := range texts {
			got, reason := Shipped().Classes(text, 3)
			if reason != why || (why == "") != (len(got) > 0) {
				t.Errorf("%q: %q, want %q; %v", text, reason, why, got)
			}
			if zh, en := reason.Texts(); reason != "" && (zh == "" || en == "") {
				t.Errorf("%q says nothing", reason)
			}
		}
	}
}

// BenchmarkAbstention trains on four fifths of the shared texts and reports the
// share without a class among the rest, which should be one in twenty at most,
// and among characters of titles in random order and characters at random,
// which should get none for the most part; and how many right symbols, and how
// many taken from another text, are said to contradict their text. It takes a
// minute.
func BenchmarkAbstention(b *testing.B) {
	for b.Loop() {
		abstention(b)
	}
}

func abstention(t *testing.B) {
	titles := sharedExamples(t, "cn_titles_ipc.csv", "ipc_subclasses", "publication_numbers")
	sets := []LabelledSet{{"titles", titles}, {"city", sharedExamples(t, "cn_city_abstracts_ipc.csv", "main_ipc", "applicant")}}
	var seen []Example
	held := map[string][]Example{}
	var all []Example
	for _, set := range sets {
		known, kept := Split(set.Examples)
		seen = append(seen, known...)
		all = append(all, kept...)
		for _, e := range kept {
			kind := set.Name
			if strings.Contains(e.Text, "\n") {
				kind += " with abstract"
			}
			held[kind] = append(held[kind], e)
		}
	}
	m, err := labelled(seen, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	m.classes.Sharpness, m.classes.Weight, m.classes.Faint = m.calibrate(all, &Card{})
	silent := func(texts []string) float64 {
		n := 0
		for _, text := range texts {
			if got, _ := m.Classes(text, 1); got == nil {
				n++
			}
		}
		return float64(n) / float64(len(texts))
	}
	for name, set := range held {
		texts := make([]string, len(set))
		for i, e := range set {
			texts[i] = e.Text
		}
		rate := silent(texts)
		t.ReportMetric(rate, "no-class-of-"+strings.ReplaceAll(name, " ", "-"))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for name, set := range held {
		right, wrong := 0, 0
		for _, e := range set {
			if m.Contradicts(e.Text, e.IPC) != nil {
				right++
			}
			if m.Contradicts(e.Text, set[rng.IntN(len(set))].IPC) != nil {
				wrong++
			}
		}
		for kind, n := range map[string]int{"right": right, "another's": wrong} {
			t.ReportMetric(float64(n)/float64(len(set)), "contradicted-"+kind+"-of-"+strings.ReplaceAll(name, " ", "-"))
		}
	}
	var pool []rune
	for _, e := range titles {
		pool = append(pool, []rune(e.Text)...)
	}
	for name, draw := range map[string]func() rune{
		"characters of titles in random order": func() rune { return pool[rng.IntN(len(pool))] },
		"any Han characters":                   func() rune { return 0x4e00 + rune(rng.IntN(20_000)) },
	} {
		texts := make([]string, 500)
		for i := range texts {
			for range 16 {
				texts[i] += string(draw())
			}
		}
		rate := silent(texts)
		t.ReportMetric(rate, "no-class-of-"+strings.ReplaceAll(name, " ", "-"))
	}
}

// sharedExamples reads a set of labelled texts that is not part of the project.
func sharedExamples(t testing.TB, file, symbols, group string) []Example {
	f, err := os.Open(filepath.Join("../../../shared/data", file))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the shared texts are not here: " + file)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []Example
	for _, cells := range rows[1:] {
		row := map[string]string{}
		for i, name := range rows[0] {
			row[strings.TrimPrefix(name, "\ufeff")] = cells[i]
		}
		e := Example{Text: row["title"], IPC: strings.Split(row[symbols], "|"), Group: row[group]}
		if Subclass(e.IPC[0]) == "" {
			continue
		}
		out = append(out, e)
		if a := row["abstract"]; a != "" {
			e.Text += "\n" + a
			out = append(out, e)
		}
	}
	return out
}
