package patent

import "testing"

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
