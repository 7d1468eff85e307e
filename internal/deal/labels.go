package deal

import (
	"cmp"
	"slices"
	"strings"
)

// What a label of a party is made of. It is read by its parts and not from a
// list: what comes first (拟, 最终, 项目), which side does what (受让, 出让), and
// what the side is called (方, 人, 单位, 名称).
const (
	labelFirst = `(?:拟|意向|最终|本次|该|本|项目|专利权?|标的物?|成果|技术|合同|交易|现|实际|申报|登记|[甲乙丙丁]方|[0-9一二三四五六七八九十]{1,2}[、.)]?|[(◆●■▲·•* -])*`
	labelLast  = `(?:各方|一方|双方|方|人|单位|企业|公司|机构|主体|对象|主|家|者|院校|高校|学校|工厂)?(?:名称|全称|姓名|名单|情况|信息|是谁)?[)]?`
	takesSide  = `(?:被分许可|被再许可|被许可|被授权|受许可|获许可|获授权|受让|承让|承接|接收|接受|接手|引进|买受|购买|购入|收购|买入|竞得|竞买成功|摘牌|摘得|中标|中选|得标|成交|买断|付款|缴款|交款|转化|转让给|许可给|卖给|授予|落户|得)`
	givesSide  = `(?:分许可|再许可|转让|出让|让与|让渡|许可|授权|出售|售让|售出|卖出|售|供|处置|委托处置|收款|送拍|交付)`
)

var (
	// takesLabel and givesLabel are whole labels; a bare 成交 or 转化 is none.
	takesLabel = compile(`^` + labelFirst + `(?:` + takesSide + labelLast + `|买(?:方|家|主|受人|入方)?` + labelLast + `|(?:变更|转移|转让|过户)后(?:的)?(?:专利权|权利)?人?|现(?:专利权|权利)人)$`)
	givesLabel = compile(`^` + labelFirst + `(?:` + givesSide + labelLast + `|卖(?:方|家|主)?` + labelLast + `|(?:变更|转移|转让|过户)前(?:的)?(?:专利权|权利)?人?|原(?:专利权|权利)人)$`)
	noSide     = compile(`^(?:成交|转化|转让|许可|授权|交易|委托|竞买成功|交付|接受|落户|供)$|转化(?:方|形|情|单|名|信|人)|成交(?:情况|信息|名单|方|者)|(?:转让|许可|授权|交易|收购|受让|购买|成交|处置|交付|出售)(?:情况|信息|名单|名称)|(?:委托|交付)(?:对象)`)
	otherFirm  = compile(`^(?:[0-9一二三四五六七八九十]{1,2}[、.)]|[(◆●■▲·•* -])*(?:拟|意向)(?:转让|出让|许可|授权|让与|出售)(?:使用|实施)?(?:的)?(?:企业|公司|对象|厂家)(?:名称|全称)?$`)
	labelEnds  = compile(`[:\t|]|  +`)
	inBrackets = compile(`\([^()\n]*\)`)
)

// side says which side a label announces.
func side(label string) (buys, sells bool) {
	if len(label) > 60 || len(label) < 3 || !strings.ContainsAny(label, "让许授承接引买购收竞摘中得成断付缴交落转卖售处送变现原供") {
		return false, false
	}
	label = strings.Trim(label, " \t")
	label = strings.NewReplacer(" ", "", "”", "", "“", "").Replace(label)
	if i := strings.IndexByte(label, '('); i > 0 {
		inside := strings.TrimSuffix(label[i+1:], ")")
		if party := sideWord.FindString(label); party == label[:i] || label[:i] == "" { // 甲方(原转让方)
			label = strings.TrimPrefix(inside, "原")
		} else {
			label = inBrackets.ReplaceAllString(label, "")
		}
	}
	if noSide.MatchString(label) {
		return false, false
	}
	if otherFirm.MatchString(label) { // 拟许可企业: whom the body that speaks means to license
		return true, false
	}
	return takesLabel.MatchString(label), givesLabel.MatchString(label)
}

// openLabels reads the parties of lines and cells whose label is told by its
// parts: 转化对象:某公司, 得主 | 某人, 变更后 某厂.
func (d *document) openLabels(sp span) (seller, buyer party) {
	first, _ := slices.BinarySearchFunc(d.lines, sp.a, func(l span, a int) int { return cmp.Compare(l.b, a) })
	for _, l := range d.lines[first:] {
		if l.a >= sp.b {
			break
		}
		l = span{max(l.a, sp.a), min(l.b, sp.b, l.a+farthest)}
		text := d.s[l.a:l.b]
		for at := 0; at < len(text); {
			m := labelEnds.FindStringIndex(text[at:])
			one := 0
			if m == nil {
				// 变更前 某研究所: a short line, parted by one blank
				if one = strings.IndexByte(text[at:], ' '); one <= 0 || len(text)-at > 120 {
					break
				}
				m = []int{one, one + 1}
			}
			label := text[at : at+m[0]]
			for _, edge := range []string{"，", "；", ";", "。"} {
				if i := strings.LastIndex(label, edge); i >= 0 {
					label = label[i+len(edge):]
				}
			}
			at += m[1]
			buys, sells := side(label)
			if buys == sells {
				continue
			}
			from := l.a + at
			for from < l.b && strings.IndexByte(": \t|", d.s[from]) >= 0 {
				from++
			}
			p, ok := d.partiesAt(from, l.b)
			if !ok {
				continue
			}
			if buys {
				buyer = orElse(buyer, p)
			} else {
				seller = orElse(seller, p)
			}
		}
	}
	return seller, buyer
}
