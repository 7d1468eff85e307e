package patent

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/fault"
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

// What registers, letters and spreadsheets really contain.
func TestOddNumbers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		// application numbers
		"专利号：ZL 2017 1 0601862.3":  "CN201710601862.3",
		"申请号:201710601862.3":       "CN201710601862.3",
		"'201710601862.3":          "CN201710601862.3",
		`"201710601862.3"`:         "CN201710601862.3",
		"\ufeff201710601862.3\r\n": "CN201710601862.3",
		"CNZL201710601862.3":       "CN201710601862.3",
		"ZLCN201710601862.3":       "CN201710601862.3",
		"zl２０１７１０６０１８６２·３":         "CN201710601862.3",
		"2017-1-0601862.3":         "CN201710601862.3",
		"2017\u200910601862。3":     "CN201710601862.3",
		"95115608.×":               "CN95115608.X",
		"ＺＬ９５１１５６０８．ｘ":             "CN95115608.X",
		"95115608X":                "CN95115608.X",
		"CN95115608.X":             "CN95115608.X",
		"ZL 95 1 15608.X":          "CN95115608.X",
		"200480012345.8":           "number.check_digit",
		"201710601862":             "number.check_digit_missing",
		"ZL201710601862":           "number.check_digit_missing",
		"95115608":                 "number.check_digit_missing",
		"95715608":                 "number.type_digit",
		"201740601862":             "number.type_digit",
		"20171060186.3":            "number.length",
		"201710601862.33":          "number.check_digit_shape",
		"201710601862.":            "number.check_digit_shape",
		"201710601862.A":           "number.check_digit_shape",
		"2O1710601862.3":           "number.letter",
		"198510601862.3":           "number.year",
		"04118464.4":               "number.year",
		"2.01711E12":               "number.spreadsheet",
		"201710601862,3":           "number.characters",
		// 1985 to 1988: no check digit, and the publication has the same number
		"85100001":    "CN85100001." + string(CheckDigit("85100001")),
		"ZL85100001":  "CN85100001." + string(CheckDigit("85100001")),
		"CN 88212345": "CN88212345." + string(CheckDigit("88212345")),
		"CN85100001A": "CN85100001A",
		"CN87100001B": "CN87100001B",
		"88212345U":   "CN88212345U",
		"CN86300001S": "CN86300001S",
		"CN86300001U": "number.publication_code",
		"CN88100001C": "number.publication_period",
		"CN95115608A": "number.publication_year",
		// seven digits, 1989 to 2007
		"CN1030001A": "CN1030001A", "cn1003001b": "CN1003001B", "CN1020584C": "CN1020584C", "CN2030001U": "CN2030001U", "CN2144896Y": "CN2144896Y",
		"CN3003001S": "CN3003001S", "CN3020001D": "CN3020001D", "CN1329838": "CN1329838", "1329838A": "CN1329838A",
		"CN4329838A": "number.publication_kind", "CN2144896A": "number.publication_code", "1329838": "number.bare_digits",
		// nine digits since 2007
		"CN101000001A": "CN101000001A", "CN100378905C": "CN100378905C", "CN 111504366 B": "CN111504366B", "ＣＮ１１１５０４３６６Ｂ": "CN111504366B",
		"CN200941234Y": "CN200941234Y", "CN215771194U": "CN215771194U", "CN300600001D": "CN300600001D", "CN305000001S": "CN305000001S",
		"CN101677391B8": "CN101677391B8", "CN101677391A9": "CN101677391A9", "CN100378905C1": "CN100378905C1", "公开号 CN101000001A": "CN101000001A",
		"授权公告号：CN111504366B": "CN111504366B", "CN111504366": "CN111504366",
		"CN111504366C": "number.publication_period", "CN202771194Y": "number.publication_period", "CN305000001D": "number.publication_period",
		"CN401000001A": "number.publication_kind", "CN111504366U": "number.publication_code", "CN111504366E": "number.publication_code",
		"CN111504366A10": "number.letter", "CN1115043667A": "number.publication_length", "ZL111504366B": "number.publication_as_patent", "201310543": "number.bare_digits",
		// international and foreign
		"PCT/CN2019/123456": "PCT/CN2019/123456", "pct/cn2019/123456": "PCT/CN2019/123456", "PCT/CN99/00123": "PCT/CN99/00123", "PCT/CN2003/00123": "PCT/CN2003/00123",
		"PCT/CN2003/000123": "PCT/CN2003/000123", "PCTCN2019123456": "PCT/CN2019/123456", "PCT CN2019/123456": "PCT/CN2019/123456", "PCT/JP9600123": "PCT/JP96/00123",
		"PCT/CN2019": "number.pct_shape", "PCT/CN2019/12": "number.pct_shape", "PCT/2019/123456": "number.pct_shape", "PCT/CN1919/123456": "number.year",
		"WO2019/123456A1": "WO2019123456A1", "WO 2019/123456 A1": "WO2019123456A1", "WO2019123456": "WO2019123456", "WO 99/12345": "WO9912345", "WO03/012345A2": "WO03012345A2",
		"US10123456B2": "US10123456B2", "US 6,199,157 B1": "US6199157B1", "US2010/0123456 A1": "US20100123456A1", "US20100123456A1": "US20100123456A1",
		"USD700000S1": "USD700000S1", "USRE43210E": "USRE43210E", "US 12/345,678": "US12/345678", "US6199157": "US6199157",
		"EP1234567B1": "EP1234567B1", "EP 1 234 567 A1": "EP1234567A1", "EP12345678.9": "EP12345678.9",
		"JP2019123456A": "JP2019123456A", "JP 2019-123456 A": "JP2019123456A", "JPH10-123456A": "JPH10123456A", "JPS60123456A": "JPS60123456A", "JP6123456B2": "JP6123456B2",
		"KR20190123456A": "KR20190123456A", "KR 10-2019-0123456 A": "KR1020190123456A", "KR101234567B1": "KR101234567B1", "KR10-1234567": "KR101234567",
		"DE102010012345A1": "DE102010012345A1", "GB2345678A": "GB2345678A", "TWI123456B": "TWI123456B",
		"WO123": "number.foreign_shape", "EP12": "number.foreign_shape", "US": "number.foreign_shape", "KR123456789012345": "number.foreign_shape", "WO2019,123456": "number.characters",
		// no numbers
		"ZL": "number.shape", "CN": "number.shape", "X": "number.shape", "无": "number.characters", "-": "number.empty", "ZL201310543019.6（发明）": "CN201310543019.6", "ZL201310543019.6（实用新型）": "number.kind", "实用新型专利号：ZL201310543019.6": "number.kind",
		strings.Repeat("1", 65): "number.too_long",
		// around the number: brackets, quotes, labels, sentences
		"（201310543019.6）": "CN201310543019.6", "【ZL201310543019.6】": "CN201310543019.6", "<201310543019.6>": "CN201310543019.6",
		"“201310543019.6”": "CN201310543019.6", "‘201310543019.6": "CN201310543019.6", `="201310543019.6"`: "CN201310543019.6",
		"ZL201310543019.6。": "CN201310543019.6", "ZL201310543019.6；": "CN201310543019.6", "ZL201310543019.6.": "CN201310543019.6",
		"ZL：201310543019.6": "CN201310543019.6", "ZL.201310543019.6": "CN201310543019.6", "ZL No.201310543019.6": "CN201310543019.6",
		"专利号为ZL201310543019.6": "CN201310543019.6", "中国发明专利ZL201310543019.6号": "CN201310543019.6", "专利号（ZL）201310543019.6": "CN201310543019.6",
		"申请号/专利号：201310543019.6": "CN201310543019.6", "第201310543019.6号": "CN201310543019.6", "ZL201310543019.6 发明": "CN201310543019.6",
		"Patent No. ZL201310543019.6": "CN201310543019.6", "App. No. 201310543019.6": "CN201310543019.6", "95115608.χ": "CN95115608.X",
		"（202010123456.7）": "number.check_digit", "专利号为ZL202010123456.7": "number.check_digit", "CN103575513 (A)": "CN103575513A", "公告号：CN103575513（B）": "CN103575513B",
		// what a spreadsheet made of it
		"2.01310543019E+11": "number.spreadsheet", "2.01e+11": "number.spreadsheet", "2013105430196.0": "number.spreadsheet", "201310543019.60": "number.spreadsheet",
		// more than one
		"CN111504366A|CN111504366B": "number.several", "201310543019.6、201710601862.3": "number.several", "201310543019.6 201710601862.3": "number.several",
		"CN111504366B|CN111504366B": "number.characters",
		// other offices as they print them
		"U.S. 10,123,456": "US10123456", "US Pat. No. 6,199,157": "US6199157", "特開2019-123456": "JP2019123456", "JP特許第6123456号": "JP6123456",
		"特開平10-123456": "JPH10123456",
	} {
		n, err := ParseNumber(in)
		got := n.String()
		if err != nil {
			got, _, _ = strings.Cut(err.Error(), ":")
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// A number that cannot be taken names the one that was probably meant.
func TestProbableNumbers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2.01310543019E+11": "CN201310543019.6", "2.013105430196E+12": "CN201310543019.6", "2013105430196.0": "CN201310543019.6", "201310543019.60": "CN201310543019.6",
		"2O131O543019.6": "CN201310543019.6", "20l310543019.6": "CN201310543019.6", "202010123456.7": "202010123456.2", "201710601862": "201710601862.3",
		"CN111504366A|CN111504366B": "CN111504366A、CN111504366B", "201310543019，6": "，", "201310543019_6": "_",
	} {
		_, err := ParseNumber(in)
		if pub := fault.Public(err); err == nil || !strings.Contains(pub.Zh, want) {
			t.Errorf("%q: %v does not say %s", in, pub.Zh, want)
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
	for _, s := range []string{"CN111504366B", "85100001", "PCTCN2019123456", "US 12/345,678", "JPH10-123456A", "专利号：95115608.×", "（发明）ZL 201310543019.6。", "特開平10-123456", "2.01310543019E+11", "a|b", "CN.116012345.B", "CN_116012345_B_20240806", "CN20131543019", "CN201711161723.XA", "WO2016CN79715", "CN 2016079715 W", "JP.(2006-147056).A.20060526", "CN85100001A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNumber(s)
		if err != nil {
			return
		}
		again, err := ParseNumber(n.String())
		if n.Computed = false; err != nil || again != n {
			t.Fatalf("%q reads as %q, which reads as %q, %v", s, n, again, err)
		}
		f := n.Forms()
		for _, form := range []string{string(n.Key()), f.Office, f.DOCDB, f.EPODOC, f.Google, f.Query} {
			m, err := ParseNumber(form)
			if form != "" && (err != nil || Relate(n, m) == TwoPatents) {
				t.Fatalf("%q is written %q, which reads as %q, %v", s, form, m, err)
			}
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
