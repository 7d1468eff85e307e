package patent

import (
	"encoding/json"
	"reflect"
	"testing"

	"zhijia/internal/calendar"
)

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

// FuzzReduce feeds events as an import would hand them over: whatever they say,
// the state is told, in any order and on any day the same.
func FuzzReduce(f *testing.F) {
	f.Add([]byte(`[{"code":"GR01","effective":"2012-06-06"},{"code":"PE01","effective":"2014-03-01","registration":"a"},{"code":"CF01","effective":"2018-07-01","gazette":"2019-02-01"}]`), 3000)
	f.Add([]byte(`[{"code":"??","effective":"2012-06-06"},{"code":"IW01","effective":"2012-06-06"},{"code":"RR01","effective":"2012-06-06"}]`), 0)
	f.Fuzz(func(t *testing.T, raw []byte, days int) {
		var events []Event
		if json.Unmarshal(raw, &events) != nil || len(events) > 50 {
			return
		}
		day := calendar.New(2010, 1, 1).AddDays(days % 20000)
		want := Reduce(events, day)
		for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
			events[i], events[j] = events[j], events[i]
		}
		if got := Reduce(events, day); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\n%+v", got, want)
		}
		if len(Uses(want, Holdings{})) != len(acts) || len(CheckPledge(PledgeFacts{State: want}).Findings) != len(Grounds) {
			t.Error("an answer is missing")
		}
	})
}

// Symbols as offices and vendors print them are one symbol; a class of Locarno
// is none.
func TestPrintedIPC(t *testing.T) {
	for text, want := range map[string]string{
		"E01B3/32(2006.01)I": "E01B 3/32", "E01B 3/32 (2006.01)": "E01B 3/32", "Int.Cl.7 H01M 10/42": "H01M 10/42", "Int. Cl. G01N21/88": "G01N 21/88", "H01M0010/0525": "H01M 10/0525",
		"H01M0004360000": "H01M 4/36", "H01M0010052500": "H01M 10/0525", "H01M4": "H01M 4/00", "H04W  84/    20            A I": "H04W 84/20", "h01m10/0525": "H01M 10/0525", "H01M": "H01M",
		"14-03": "", "LOC(13)Cl.14-03": "", "-": "", "H01MX": "", "H01M 0/00": "", "H01M 12345/00": "", "H01M10/0525 foo": "",
	} {
		if c, err := ParseIPC(text); (err == nil) != (want != "") || err == nil && c.String() != want {
			t.Errorf("%q: %q %v, want %q", text, c, err, want)
		}
	}
}
