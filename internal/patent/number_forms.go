package patent

import (
	"fmt"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
)

// Key is the one name of a patent: every form of its number from which the
// application can be computed gives the same key, so that records, rows,
// offers and pools that write it differently meet. An application number's key
// is its normal form (CN201310543019.6); a publication number of 1985 to 1988
// is the application number; a later publication's key is its number with the
// letter of its kind code and without the digit of a corrected or amended
// edition (CN101677391B for CN101677391B8). Which application a later
// publication belongs to, only a record tells: see [Relate].
type Key string

// KeyOf returns the key of what is written as a number, and of a text that is none the text itself, without its margins.
func KeyOf(text string) Key {
	if n, err := ParseNumber(text); err == nil {
		return n.Key()
	}
	return Key(strings.TrimSpace(text))
}

// Key returns the number's key.
func (n Number) Key() Key {
	switch {
	case n.PCT && n.Form == Foreign:
		office, year, serial := n.international()
		return Key(fmt.Sprintf("PCT/%s%d/%s", office, year, padded(serial, 6)))
	case n.Form == Foreign:
		bare := n.bare()
		if n.Office == "EP" { // the check digit of an application is computed, not told
			bare, _, _ = strings.Cut(bare, ".")
		}
		return Key(bare + n.letter())
	case n.Form == Publication && len(n.compact) == 8:
		return Key("CN" + n.compact + "." + string(CheckDigit(n.compact)))
	case n.Form == Publication:
		return Key("CN" + n.compact + n.letter())
	}
	return Key(n.String())
}

// bare is a number of another office without its kind code.
func (n Number) bare() string { return strings.TrimSuffix(n.compact, n.Code) }

// letter is the kind code without the digit of the edition.
func (n Number) letter() string { return n.Code[:min(1, len(n.Code))] }

// Relation says whether two numbers name one patent.
type Relation string

// Relations.
const (
	OnePatent   Relation = "same"
	PossiblyOne Relation = "possible" // only a record, a register or an office's number service can tell
	TwoPatents  Relation = "different"
)

// Relate compares two numbers. It computes and looks nothing up: two
// application numbers are one or are not; the documents of one serial number
// (CN101234567A and CN101234567B) are published under one application as a
// rule, and a publication, an application and an international application of
// the same kind may be one.
func Relate(a, b Number) Relation {
	x, y := a.NamesApplication(), b.NamesApplication()
	switch {
	case a.Key() == b.Key():
		return OnePatent
	case a.Kind != "" && b.Kind != "" && a.Kind != b.Kind:
		return TwoPatents
	case a.PCT && b.PCT && a.Office != b.Office && a.Year == b.Year: // an international application and its entry into China
		return PossiblyOne
	case a.Office != b.Office || x && y:
		return TwoPatents
	case a.Form == Foreign:
		if a.bare() == b.bare() && (a.Office != "US" || a.Code == "" || b.Code == "") {
			return PossiblyOne
		}
		return TwoPatents
	case x || y: // an application against a publication of the same kind
		return PossiblyOne
	case a.compact == b.compact: // the publication and the grant of one application
		return PossiblyOne
	case len(a.compact) == 9 && len(b.compact) == 9 && a.Code != "" && a.letter() == b.letter():
		return TwoPatents // two documents of one step
	case a.oneSerial() && b.oneSerial():
		return TwoPatents
	}
	return PossiblyOne // before 2007 publication and grant were numbered apart
}

// NamesApplication reports whether the number is an application's, or a
// publication's from which the application can be computed: the key is an
// application number.
func (n Number) NamesApplication() bool {
	return n.Form == Application || n.Form == Publication && len(n.compact) == 8
}

// oneSerial reports whether a publication number is of the years since August
// 2007, in which all documents of one application bear its first number.
func (n Number) oneSerial() bool {
	return len(n.compact) == 9 && (n.Kind != Invention || n.compact[:3] > "100")
}

// Siblings are the keys of the other documents of the same application, as far
// as the number tells: since August 2007 the publication, the grant and a later
// edition bear one serial number (standard ZC 0007-2012). Nil for an application
// number and for documents numbered apart.
func (n Number) Siblings() (keys []Key) {
	if n.Form != Publication || !n.oneSerial() {
		return nil
	}
	for _, letter := range map[Kind]string{Invention: "ABC", UtilityModel: "UY", Design: "S"}[n.Kind] {
		if string(letter) != n.letter() {
			keys = append(keys, Key("CN"+n.compact+string(letter)))
		}
	}
	return keys
}

// docdbKind is the letter that DOCDB and Google write behind an application
// number of a kind of right.
var docdbKind = map[Kind]string{Invention: "A", UtilityModel: "U", Design: "S"}

// Forms are the ways in which other sources write a number; a form that cannot
// be computed, or that the source does not have, is empty.
type Forms struct {
	Office string `json:"office,omitempty"` // as the register prints it: 202310123456.6, CN116012345B
	DOCDB  string `json:"docdb,omitempty"`  // CN 202310123456 A, CN 116012345 B, CN 2016079715 W
	EPODOC string `json:"epodoc,omitempty"` // CN20231123456, CN116012345B, WO2016CN79715
	Google string `json:"google,omitempty"` // CN202310123456.6A, CN116012345B
	Query  string `json:"query,omitempty"`  // BigQuery and Lens: CN-116012345-B
}

// Forms returns what other sources write for the number. Of a Chinese
// application before October 2003 and of a design there is no EPODOC form that
// could be computed.
func (n Number) Forms() Forms {
	switch {
	case n.Form == Application:
		digits := n.compact[:len(n.compact)-1]
		f := Forms{Office: n.String()[2:], Google: n.String() + docdbKind[n.Kind]}
		if len(digits) == 12 {
			f.DOCDB = "CN " + digits + " " + docdbKind[n.Kind]
		}
		if len(digits) == 12 && n.Year > 2003 && n.Kind != Design {
			f.EPODOC = "CN" + digits
			if digits[5] == '0' { // the serial has seven digits where it needs them, else six
				f.EPODOC = "CN" + digits[:5] + digits[6:]
			}
			if n.Kind == UtilityModel {
				f.EPODOC += "U"
			}
		}
		return f
	case n.PCT && n.Form == Foreign:
		office, year, serial := n.international()
		short := strings.TrimLeft(serial, "0")
		f := Forms{Office: n.String(), EPODOC: fmt.Sprintf("WO%d%s%s", year, office, padded(short, 5))}
		if year > 2003 {
			f.DOCDB = fmt.Sprintf("%s %d%s W", office, year, padded(serial, 6))
		}
		return f
	case n.Form == Publication:
		f := Forms{Office: n.String(), Google: n.String(), EPODOC: "CN" + n.compact}
		if n.Code != "" {
			f.DOCDB, f.Query = "CN "+n.compact+" "+n.Code, "CN-"+n.compact+"-"+n.Code
		}
		if n.letter() != "A" {
			f.EPODOC += n.letter()
		}
		return f
	}
	return Forms{Office: n.String(), Google: n.String()}
}

// international returns receiving office, year and serial number of an
// international application.
func (n Number) international() (office string, year int, serial string) {
	number, serial, _ := strings.Cut(strings.TrimPrefix(n.compact, "PCT/"), "/")
	return number[:2], n.Year, serial
}

func padded(serial string, n int) string {
	return strings.Repeat("0", max(0, n-len(serial))) + serial
}

// joined rewrites country, number, kind code and possibly a day, separated as
// OPS, Lens and BigQuery do (CN.116012345.B, CN_116012345_B_20240806,
// CN-116012345-B, JP.(2006-147056).A.20060526), to one word.
func joined(s string) (string, bool) {
	at := strings.IndexAny(s, "._- ")
	if at != 2 || len(s) > maxNumber {
		return "", false
	}
	parts := strings.Split(strings.ToUpper(s), s[at:at+1])
	if inner, ok := strings.CutPrefix(s[at+1:], "("); ok { // a number that has separators itself
		number, rest, found := strings.Cut(inner, ")"+s[at:at+1])
		if !found {
			return "", false
		}
		number = strings.NewReplacer("-", "", "/", "", ".", "", " ", "").Replace(number)
		parts = append([]string{strings.ToUpper(s[:2]), number}, strings.Split(strings.ToUpper(rest), s[at:at+1])...)
	}
	if len(parts) != 3 && len(parts) != 4 || !letters(parts[0]) || len(parts[2]) == 0 || !kindCode(parts[2]) {
		return "", false
	}
	if len(parts) == 4 {
		if _, err := calendar.Parse(parts[3]); err != nil || len(parts[3]) != 8 {
			return "", false
		}
	}
	if digits, rest := splitDigits(parts[1]); len(digits) == 0 || rest != "" {
		return "", false
	}
	return parts[0] + parts[1] + parts[2], true
}

// parseInternational reads an international application as EPODOC
// (WO2016CN79715) and DOCDB (CN2016079715W) write it.
func parseInternational(text string) (Number, bool, error) {
	year, office, serial := "", "", ""
	if rest, ok := strings.CutPrefix(text, "WO"); ok {
		digits, tail := splitDigits(rest)
		if len(digits) != 4 || len(tail) < 3 || !letters(tail[:2]) {
			return Number{}, false, nil
		}
		year, office, serial = digits, tail[:2], strings.TrimSuffix(tail[2:], "W")
	} else if number, ok := strings.CutSuffix(text, "W"); ok && len(number) > 2 && letters(number[:2]) && number[:2] != "WO" {
		digits, rest := splitDigits(number[2:])
		if rest != "" || len(digits) != 10 && len(digits) != 7 {
			return Number{}, false, nil
		}
		office, year, serial = number[:2], digits[:len(digits)-6], digits[len(digits)-6:]
		if len(digits) == 7 { // two figures of the year and five of the serial, until 2003
			year, serial = digits[:2], digits[2:]
		}
	} else {
		return Number{}, false, nil
	}
	width := 6
	if y, err := strconv.Atoi(year); err != nil || y < 2004 {
		width = 5
	}
	n, err := parsePCT(office + year + "/" + padded(serial, width))
	return n, true, err
}

// parseData reads an application number as databases write it: without its
// check digit, behind CN, as 12 digits or (EPODOC) with a serial number of six,
// and with the kind letter that DOCDB, Google and EPODOC add. The check digit is
// computed.
func parseData(digits, letter string) (Number, error) {
	if len(digits) == 11 {
		if digits[:4] < "2004" {
			return invalid("epodoc_early", "EPODOC 形式的申请号在 2004 年以前无法换算，请填写申请号（2003 年 10 月前 8 位）及校验位。",
				"An EPODOC number of before 2004 cannot be converted; give the application number (8 digits before October 2003) with its check digit.")
		}
		digits = digits[:5] + "0" + digits[5:]
	}
	n, err := parseApplication(digits, string(CheckDigit(digits)))
	if err != nil {
		return n, err
	}
	n.Computed = true
	return withLetter(n, letter)
}

// withLetter checks the kind letter behind an application number: U is a
// utility model, S a design, A any of them, as data sets differ.
func withLetter(n Number, letter string) (Number, error) {
	if letter == "" || letter[0] == 'A' || letter[:1] == docdbKind[n.Kind] {
		return n, nil
	}
	return invalid("application_code", fmt.Sprintf("申请号后的字母 %s 与号码的种类位不一致，请核对是否为 %s。", letter, n),
		fmt.Sprintf("The letter %s behind the application number contradicts its kind digit; is it %s?", letter, n))
}
