package patent

import "zhijia/internal/calendar"

// Marks are what is stated of a patent for the national statistic of high-value
// inventions (高价值发明专利: the five classes of the 14th five-year plan) and of
// the track of its prosecution. Unknown is not no.
type Marks struct {
	Emerging Truth `json:"emerging"` // strategic emerging industry
	Abroad   Truth `json:"abroad"`   // family members abroad
	Award    Truth `json:"award"`    // national science award or China patent award

	Track     string        `json:"track,omitempty"` // ordinary, priority, pre_examined; empty: unknown
	Requested calendar.Date `json:"requested,omitzero"`
	Accepted  calendar.Date `json:"accepted,omitzero"`
	Source    string        `json:"source,omitempty"`
}

// Tracks names the tracks of prosecution.
var Tracks = map[string]string{"ordinary": "普通", "priority": "优先审查", "pre_examined": "预审"}

// HighValue is whether an invention counts, and by which classes.
type HighValue struct {
	Counts  Truth    `json:"counts"`
	Classes []string `json:"classes"` // Chinese, of those that are met
	Unknown []string `json:"unknown"` // Chinese, of those nobody stated
}

// tenYears is how long an invention has been kept for the second class: valid for
// more than ten years from filing.
const tenYears = 10

// HighValueOn says whether a patent in force is a high-value invention on a day:
// one class is enough. Only inventions in force count; pledged counts where
// financing was realised (class five, with securitisation).
func HighValueOn(kind Kind, alive, financed Truth, filing, on calendar.Date, m Marks) HighValue {
	h := HighValue{Counts: No, Classes: []string{}, Unknown: []string{}}
	if kind != "" && kind != Invention || alive == No {
		return h
	}
	kept := DontSay
	if !filing.IsZero() {
		kept = No
		if filing.AddYears(tenYears).Before(on) {
			kept = Yes
		}
	}
	for _, c := range []struct {
		zh     string
		answer Truth
	}{
		{"战略性新兴产业的发明专利", m.Emerging},
		{"在海外有同族专利权的发明专利", m.Abroad},
		{"维持年限超过10年的发明专利", kept},
		{"实现较高质押融资金额的发明专利", financed},
		{"获得国家科学技术奖或中国专利奖的发明专利", m.Award},
	} {
		switch c.answer {
		case Yes:
			h.Classes = append(h.Classes, c.zh)
		case No:
		default:
			h.Unknown = append(h.Unknown, c.zh)
		}
	}
	switch {
	case kind == "" || alive != Yes:
		h.Counts = DontSay
		h.Unknown = append(h.Unknown, "是否为有效的发明专利")
	case len(h.Classes) > 0:
		h.Counts = Yes
	case len(h.Unknown) > 0:
		h.Counts = DontSay
	}
	return h
}
