package patent

import "regexp"

// kindWords are the kinds of patent as desks, offices and data vendors write
// them: the kind, and what is put before and behind it.
var kindWords = regexp.MustCompile(`(?i)^(?:中国|国家|国内|职务|已?授权|有效)*(?:(发明|invention|[ab]\d?)|(实用新型|实用|新型|utility[ _]model|[uy]\d?)|(外观设计|外观|设计|design|s\d?))(?:创造|专利权|专利|权|类|型|[(（\-— ]|[)）]|已?授权|公开|公布|公告|申请)*$`)

// KindOf reads the kind of a patent as it is written: 发明授权, 实用新型专利权,
// B. It is empty for what names no kind.
func KindOf(text string) Kind {
	m := kindWords.FindStringSubmatch(text)
	switch {
	case m == nil:
		return ""
	case m[1] != "":
		return Invention
	case m[2] != "":
		return UtilityModel
	}
	return Design
}
