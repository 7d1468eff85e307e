package claim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func codes(t Tree) (out []string) {
	for _, p := range t.Problems {
		out = append(out, fmt.Sprintf("%d %s", p.Claim, p.Code))
	}
	return out
}

// shape is a tree in short: number, kind, category, parents.
func shape(t Tree) string {
	var b strings.Builder
	for _, c := range t.Claims {
		fmt.Fprintf(&b, "%d %s %s %v; ", c.Number, map[Kind]string{Independent: "I", Dependent: "D", Referring: "R", Unclear: "?"}[c.Kind], c.Category, c.Parents)
	}
	return strings.TrimSpace(b.String())
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		text, want string
		problems   []string
	}{
		"lines": {
			"1. 一种水杯密封盖，其特征在于，包括盖体和密封圈。\n2. 根据权利要求1所述的密封盖，其特征在于，所述密封圈为硅胶圈。\n3. 如权利要求1或2所述的密封盖，其特征在于，盖体为塑料。",
			"1 I product []; 2 D product [1]; 3 D product [1 2];", nil,
		},
		"one line, full width, all kinds": {
			"１．一种正极材料，其特征在于：含有镍和钴。２．一种如权利要求1所述的正极材料的制备方法，其特征在于，包括混合；烧结。3．权利要求1所述正极材料在锂离子电池中的应用。4、一种锂离子电池，包括权利要求1所述的正极材料。5、根据权利要求２所述的制备方法，其特征在于，烧结温度为800℃。",
			"1 I product []; 2 R method []; 3 R use []; 4 R product []; 5 D method [2];", nil,
		},
		"range and any": {
			"1、一种装置，包括：泵；阀。\n2、按照权利要求1的装置，其中泵为齿轮泵。\n3、根据权利要求1所述的装置，其特征是阀为球阀。\n4、依据权利要求1-3中任意一项所述的装置，其特征在于，还包括管。\n5、使用权利要求1至4任一项所述装置的供水方法，其特征在于，包括启动泵。",
			"1 I product []; 2 D product [1]; 3 D product [1]; 4 D product [1 2 3]; 5 R method [];", nil,
		},
		"multiple on multiple": {
			"1.一种甲方法，包括步骤一。\n2.根据权利要求1所述的方法，其特征在于，加热。\n3.根据权利要求1或2所述的方法，其特征在于，冷却。\n4.根据权利要求2或3所述的方法，其特征在于，干燥。",
			"1 I method []; 2 D method [1]; 3 D method [1 2]; 4 D method [2 3];",
			[]string{"4 claims.multiple_on_multiple"},
		},
		"forward, cycle, self, missing": {
			"1. 一种泵，其特征在于，包括壳。\n2. 根据权利要求3所述的泵，其特征在于，壳为钢。\n3. 根据权利要求2所述的泵，其特征在于，壳为铁。\n4. 根据权利要求4所述的泵，其特征在于，红色。\n5. 根据权利要求9所述的泵，其特征在于，蓝色。",
			"1 I product []; 2 ? product []; 3 ? product [2]; 4 ? product []; 5 ? product [];",
			[]string{"2 claims.reference_cycle", "2 claims.reference_forward", "3 claims.reference_unclear", "4 claims.reference_self", "5 claims.reference_missing"},
		},
		"steps inside a claim are no claims": {
			"1. 一种制备方法，其特征在于，包括以下步骤：\n1、混合原料；\n2、烘干；\n3、烧结1.5小时。\n2. 根据权利要求1所述的制备方法，其特征在于，烘干温度为80℃。",
			"1 I method []; 2 D method [1];", nil,
		},
		"product made by the method": {
			"1. 一种涂料的制备方法，其特征在于，混合。\n2. 根据权利要求1所述的制备方法制得的涂料。",
			"1 I method []; 2 R product [];", nil,
		},
		"gap and no stop": {
			"1. 一种泵，包括壳\n3. 根据权利要求1所述的泵，其特征在于，壳为钢。",
			"1 I product []; 3 D product [1];",
			[]string{"1 claims.no_full_stop", "3 claims.number_order"},
		},
		"subject differs": {
			"1. 一种泵，其特征在于，包括壳。\n2. 根据权利要求1所述的阀，其特征在于，壳为钢。",
			"1 I product []; 2 D product [1];",
			[]string{"2 claims.subject_differs"},
		},
		"no number":        {"一种泵，其特征在于，包括壳和轴。", "1 I product [];", []string{"0 claims.unnumbered"}},
		"all before":       {"1. 一种泵，包括壳。\n2. 根据权利要求1所述的泵，其特征在于，铁壳。\n3. 根据上述任一权利要求所述的泵，其特征在于，红色。", "1 I product []; 2 D product [1]; 3 D product [1 2];", nil},
		"Chinese numerals": {"1. 一种泵，包括壳。\n2. 根据权利要求一所述的泵，其特征在于，铁壳。", "1 I product []; 2 ? product [];", []string{"2 claims.reference_unread"}},
		"English":          {"1. A pump comprising a shell.\n2. The pump of claim 1.", "", []string{"0 claims.language"}},
		"nothing":          {" \n", "", []string{"0 claims.none"}},
		"and":              {"1. 一种泵，包括壳。\n2. 根据权利要求1所述的泵，其特征在于，铁壳。\n3. 根据权利要求1和2所述的泵，其特征在于，红色。", "1 I product []; 2 D product [1]; 3 D product [1 2];", []string{"3 claims.not_alternative"}},
	} {
		tree := Parse(x.text)
		if got := shape(tree); got != x.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, x.want)
		}
		if got := codes(tree); !slices.Equal(got, x.problems) {
			t.Errorf("%s: problems %v, want %v", name, got, x.problems)
		}
	}
}

func TestElements(t *testing.T) {
	t.Parallel()
	tree := Parse("1. 一种水杯，包括杯体，其特征在于，还包括：盖（6，7）；密封圈，嵌入所述盖内。\n2. 根据权利要求1所述的水杯，其特征在于，所述盖为钢，所述密封圈为硅胶。")
	var got []string
	for _, c := range tree.Claims {
		for _, p := range c.Pieces {
			got = append(got, string(p.Role)+"|"+p.Text)
		}
	}
	want := []string{"subject|一种水杯", "preamble|，包括杯体", "transition|，其特征在于，", "element|还包括：盖（6，7）；", "element|密封圈，嵌入所述盖内。", "subject|根据权利要求1所述的水杯", "transition|，其特征在于，", "element|所述盖为钢，", "element|所述密封圈为硅胶。"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if c := tree.Claims[0]; c.Subject != "水杯" || c.Elements != 3 || !slices.Equal(c.Children, []int{2}) || tree.Claims[1].Depth != 1 || tree.Claims[1].Subject != "水杯" {
		t.Errorf("%+v", tree.Claims)
	}
}

// The pieces of a claim put together are its text; a parent stands before its
// child; nobody's root is a dependent claim; every child has its parent.
func TestWhatEveryTreeKeeps(t *testing.T) {
	t.Parallel()
	word := rapid.SampledFrom([]string{
		"一种泵", "其特征在于，", "包括", "：", "；", "，", "。", "\n", "权利要求", "根据", "如", "所述的", "任一项", "1", "2", "3", "10", "1-3", "或", "和", "至", ". ", "、", "方法", "用途", "壳（6，7", "）", "Ａ", "上述任一权利要求", "\xff", " ",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(word, 0, 60).Draw(t, "words"), "")
		tree := Parse(text)
		at := map[int]Claim{}
		for _, c := range tree.Claims {
			at[c.Number] = c
		}
		for i, c := range tree.Claims {
			var b strings.Builder
			for _, p := range c.Pieces {
				b.WriteString(p.Text)
				if text[p.Start:p.End] != p.Text {
					t.Fatalf("%q is not at its place", p.Text)
				}
			}
			if b.String() != c.Text {
				t.Fatalf("pieces %q, claim %q", b.String(), c.Text)
			}
			for _, n := range c.Parents {
				if !slices.ContainsFunc(tree.Claims[:i], func(p Claim) bool { return p.Number == n && slices.Contains(p.Children, c.Number) }) {
					t.Fatalf("claim %d leans on %d", c.Number, n)
				}
			}
			for _, n := range c.Roots {
				if k := at[n].Kind; k != Independent && k != Referring {
					t.Fatalf("root %d of %d is %s", n, c.Number, k)
				}
			}
		}
	})
}

// What was written by the grammar is read as it was written.
func TestGrammarIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "claims")
		var b strings.Builder
		parents := map[int][]int{}
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, "%d%s", i, rapid.SampledFrom([]string{".", ". ", "、", "．"}).Draw(t, "mark"))
			if i == 1 || rapid.IntRange(0, 4).Draw(t, "alone") == 0 {
				b.WriteString("一种换热器，其特征在于，包括管" + strings.Repeat("和板", i%3) + "。")
			} else {
				lead := rapid.SampledFrom([]string{"根据", "如", "按照", "依据"}).Draw(t, "lead")
				low := rapid.IntRange(1, i-1).Draw(t, "low")
				high := rapid.IntRange(low, i-1).Draw(t, "high")
				list := fmt.Sprint(low)
				for k := low; k <= high; k++ {
					parents[i] = append(parents[i], k)
				}
				if high > low {
					list = fmt.Sprintf("%d%s%d%s", low, rapid.SampledFrom([]string{"-", "至", "～"}).Draw(t, "dash"), high, rapid.SampledFrom([]string{"任一项", "中任意一项", "任意一项"}).Draw(t, "any"))
				}
				b.WriteString(lead + "权利要求" + list + "所述的换热器，其特征在于，所述管为铜管。")
			}
			b.WriteString(rapid.SampledFrom([]string{"\n", "", "\n\n", " "}).Draw(t, "end"))
		}
		tree := Parse(b.String())
		if len(tree.Claims) != n {
			t.Fatalf("%d of %d claims in %q", len(tree.Claims), n, b.String())
		}
		for _, c := range tree.Claims {
			if !slices.Equal(c.Parents, append([]int{}, parents[c.Number]...)) || c.Subject != "换热器" {
				t.Fatalf("claim %d: %v %q, want %v", c.Number, c.Parents, c.Subject, parents[c.Number])
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("1. 一种泵。2. 根据权利要求1所述的泵。")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range Parse(text).Claims {
			if text[c.Start:c.End] != c.Text {
				t.Fatal("a claim is not at its place")
			}
		}
	})
}
