package sheet

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What spreadsheets take for a date, a percentage and a number (ECMA-376 part
// 1, 18.8.31; the examples are those of the number format help of Excel and of
// LibreOffice Calc).
func TestNumberFormats(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]cellFormat{
		"#,##0;[Magenta]-#,##0": asNumber, "#,##0.00_);[Red](#,##0.00)": asNumber, "[Yellow][<=100]0;[Cyan][>100]0.0": asNumber, "[Blue]0.00;[Red]-0.00;0": asNumber, `0.00 "d"`: asNumber, "0.00E+00": asNumber, "##0.0e-0": asNumber,
		"General": asNumber, "[Red]General": asNumber, "_ * #,##0_ ;_ * -#,##0_ ": asNumber, `[$￥-804]#,##0.00`: asNumber, `#,##0"年"`: asNumber, "# ?/?": asNumber, "@": asNumber, `0\d`: asNumber, "[White]0;[Black]-0": asNumber,
		"0%": asPercent, "0.00%;[Red]-0.00%": asPercent, "[Green]0.0%": asPercent, `0.00"%"`: asNumber,
		"yyyy-mm-dd": asDate, "[$-804]yyyy年m月d日": asDate, `yyyy"年"m"月"d"日"`: asDate, "m/d/yy h:mm": asDate, "[h]:mm:ss": asDate, "[mm]:ss": asDate, "mm:ss.0": asDate, "[Red]yyyy.mm.dd": asDate, "d-mmm-yy": asDate, "[$-F800]dddd, mmmm dd, yyyy": asDate,
		"[$-411]ge.m.d": asDate, "h:mm AM/PM": asDate, "[Magenta]h:mm": asDate, "[DBNum1][$-804]yyyy年m月d日": asDate,
	} {
		if got := formatOf("164", code); got != want {
			t.Errorf("%s: %d, want %d", code, got, want)
		}
	}
}

// A colour, a condition, a locale, quoted text and a section for negative
// numbers change nothing in what a format reads.
func TestWhatAFormatShowsDoesNotReadIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		core := rapid.SampledFrom([]string{"#,##0", "0.00", "0%", "0.0%", "yyyy-mm-dd", "h:mm", "d/m/yy", "[h]:mm"}).Draw(t, "core")
		colour := rapid.SampledFrom([]string{"", "[Black]", "[Blue]", "[Cyan]", "[Green]", "[Magenta]", "[Red]", "[White]", "[Yellow]", "[Color 12]", "[红色]"}).Draw(t, "colour")
		condition := rapid.SampledFrom([]string{"", "[>100]", "[<=1]", "[<>0]", "[$-804]", "[$￥-804]"}).Draw(t, "condition")
		text := rapid.SampledFrom([]string{"", `"yd"`, `\h`, "_m", "*s", `"100%"`}).Draw(t, "text")
		second := rapid.SampledFrom([]string{"", ";-0", ";[Magenta]-#,##0", ";yyyy", ";0%", ";;", `;"d"@`}).Draw(t, "second")
		code := colour + condition + core + text + second
		if got, want := formatOf("164", code), formatOf("164", core); got != want {
			t.Fatalf("%s: %d, %s alone %d", code, got, core, want)
		}
		if got := formatOf("164", strings.ToUpper(code)); got != formatOf("164", code) {
			t.Fatalf("%s: case changes it", code)
		}
	})
}
