package patent

import (
	"strings"
	"testing"
)

// The kinds of patent as vendors and desks write them; what is no kind is none.
func TestKindOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Kind{
		"发明": Invention, "发明专利权": Invention, "授权发明": Invention, "发明授权": Invention, "中国发明专利": Invention, "发明（已授权）": Invention, "发明创造专利": Invention, "发明公开": Invention, "B": Invention, "Invention": Invention,
		"实用新型专利权": UtilityModel, "新型": UtilityModel, "utility model": UtilityModel, "U": UtilityModel, "外观设计专利权": Design, "外观": Design, "S": Design,
		"布图设计": "", "发明人": "", "非发明": "", "发明/实用新型": "", "专利": "", "": "",
	} {
		if got := KindOf(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// The documents of one application bear one serial number since August 2007, and
// none before.
func TestSiblings(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"CN103543019A": "CN103543019B CN103543019C", "CN103543019B": "CN103543019A CN103543019C", "CN203543019U": "CN203543019Y", "CN303543019S": "", "CN201310543019.6": "", "CN1234567C": "", "US10123456B2": "",
	} {
		n, err := ParseNumber(number)
		if err != nil {
			t.Fatal(number, err)
		}
		got := ""
		for _, k := range n.Siblings() {
			got += " " + string(k)
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("%s: %s, want %s", number, got, want)
		}
	}
}
