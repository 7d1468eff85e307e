package deal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// view is a text as the rules see it: width, script, quotation marks and the
// blanks of a scan folded away. Every byte of it knows the piece of the
// original it stands for.
type view struct {
	text  string // the original
	s     string // folded
	at    []int32
	to    []int32 // byte range in the original of the rune that a byte of s belongs to
	noisy bool    // blanks stand between characters, as in a scan
}

// span is a piece of the folded text, in bytes.
type span struct{ a, b int }

func (s span) empty() bool { return s.b <= s.a }

// quote returns what the original has for a piece of the folded text.
func (v *view) quote(s span) Quote {
	start, end := int(v.at[s.a]), int(v.to[s.b-1])
	return Quote{Text: v.text[start:end], Start: start, End: end}
}

// value returns the original of a piece as a value: the script and width of
// the source, without the blanks and marks that a scan or a page put in.
func (v *view) value(s span) string {
	var out []rune
	gap := false
	for _, r := range v.quote(s).Text {
		switch {
		case unicode.IsSpace(r):
			gap = true
		case unicode.Is(unicode.Cf, r) || r == '*' && strings.Contains(v.quote(s).Text, "**"):
		default:
			if n := len(out); gap && n > 0 && out[n-1] < 0x2e80 && r < 0x2e80 {
				out = append(out, ' ')
			}
			gap = false
			out = append(out, r)
		}
	}
	return strings.TrimSpace(string(out))
}

// simplified maps the traditional characters of the words that the rules know.
var simplified = pairs("專专轉转讓让擬拟將将與与許许價价號号萬万億亿貳贰參叁陸陆圓元圜元幣币總总類类標标賣卖買买廠厂醫医學学關关聯联權权約约簽签訂订發发實实獨独費费額额評评競竞執执終终國国業业務务資资產产種种間间開开師师處处經经條条電电動动機机構构設设術术檢检測测車车門门東东臺台兩两項项雙双後后無无見见負负責责貨货員员園园團团體体對对應应個个屬属證证書书記记當当會会達达銀银題题風风備备償偿傳传單单從从復复擔担據据換换數数時时檔档決决況况準准滿满為为爲为營营獎奖獲获環环現现異异碼码確确稱称積积節节範范納纳級级結结給给統统網网線线續续義义聲声職职藝艺藥药衛卫補补裝装規规視视計计託托訴诉認认說说請请論论變变質质購购軟软輸输這这進进運运過过違违適适選选還还醫医針针錄录長长際际隨随險险雜杂離离預预顯显餘余審审寫写幾几尋寻屆届層层歸归歷历氣气減减區区匯汇協协參叁啟启員员問问壓压壹壹廣广強强彈弹戶户擇择擴扩擬拟斷断於于極极榮荣樣样構构樓楼權权殘残毀毁沒没淨净測测無无煉炼熱热爭争牆墙狀状獻献產产畢毕盡尽監监眾众礎础禮礼稅税競竞簡简納纳組组經经維维編编緣缘縣县繳缴聽听臨临興兴舉举舊旧茲兹華华萬万葉叶蓋盖處处術术製制複复規规覺觉計计訊讯討讨訓训託托設设訪访許许診诊詢询試试該该詳详認认語语誤误課课調调談谈諾诺謀谋證证識识議议護护讀读貢贡財财販贩貫贯貴贵貸贷貿贸賀贺賃赁資资賠赔賣卖質质賬账賺赚贈赠趙赵踐践車车軌轨軍军較较載载輔辅輕轻輛辆輪轮輯辑辦办農农連连週周遊游運运遠远郵邮鄉乡鄭郑醫医釋释鈔钞銷销鋼钢錢钱錯错鍵键鎮镇長长門门閉闭開开間间閱阅陽阳階阶際际陳陈隊队雖虽雙双離离難难電电靜静響响頁页頂顶項项順顺須须領领頭头頻频顆颗題题額额願愿類类顧顾飛飞馬马驗验體体魚鱼麗丽齊齐龍龙")

func pairs(s string) map[rune]rune {
	m := map[rune]rune{}
	var from rune
	for i, r := range []rune(s) {
		if i%2 == 0 {
			from = r
		} else {
			m[from] = r
		}
	}
	return m
}

var marks = map[rune]rune{
	'：': ':', '；': ';', '（': '(', '）': ')', '〔': '(', '〕': ')', '「': '“', '」': '”', '『': '“', '』': '”', '〝': '“', '〞': '”',
	'．': '.', '—': '-', '–': '-', '－': '-', '−': '-', '―': '-', '～': '~', '〜': '~', '￥': '¥', '％': '%', '／': '/', '｜': '|', '│': '|', '┃': '|', '║': '|', '━': '-', '─': '-', '═': '-', '○': '〇', '◯': '〇',
}

func isHan(r rune) bool   { return unicode.Is(unicode.Han, r) || r == '〇' }
func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func foldRune(r rune) rune {
	if m, ok := marks[r]; ok {
		return m
	}
	if m, ok := simplified[r]; ok {
		return m
	}
	switch {
	case r == '，':
		return r // parts clauses; the ASCII comma parts thousands
	case r >= 0xff01 && r <= 0xff5e:
		return r - 0xfee0
	case r == '\t' || r == '\n':
		return r
	case r == '\r' || r == '\v' || r == '\f' || r == '\u2028' || r == '\u2029' || r == '\u0085':
		return '\n'
	case unicode.IsSpace(r):
		return ' '
	}
	return r
}

type piece struct {
	r      rune
	at, to int32
	wide   bool // printed full width
}

// newView folds a text.
func newView(text string) *view {
	v := &view{text: text, noisy: scanned(text)}
	var line []piece
	all := make([]piece, 0, utf8.RuneCountInString(text))
	flush := func() {
		kept := tidyLine(line, v.noisy)
		openLabel(kept)
		all = append(all, kept...)
		line = line[:0]
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		p := piece{r: foldRune(r), at: int32(i), to: int32(i + size), wide: r >= 0xff01 && r <= 0xff5e}
		i += size
		if r == '\r' && i < len(text) && text[i] == '\n' || unicode.Is(unicode.Cf, r) || r == utf8.RuneError || unicode.IsControl(r) && p.r != '\n' && p.r != '\t' {
			continue
		}
		if r == '*' && (i < len(text) && text[i] == '*' || p.at > 0 && text[p.at-1] == '*') || r == '`' {
			continue
		}
		line = append(line, p)
		if p.r == '\n' {
			flush()
		}
	}
	flush()
	all = unwrap(all)
	mendDigits(all, v.noisy)
	var b strings.Builder
	b.Grow(len(text))
	v.at, v.to = make([]int32, 0, len(text)), make([]int32, 0, len(text))
	for i, p := range all {
		if p.r == ',' || p.r == '，' {
			thousands := i > 0 && i+3 < len(all) && isDigit(all[i-1].r) && isDigit(all[i+1].r) && isDigit(all[i+2].r) && isDigit(all[i+3].r) && (i+4 >= len(all) || !isDigit(all[i+4].r))
			switch {
			case p.r == ',' && !thousands:
				p.r = '，'
			case p.r == '，' && thousands && all[i-1].wide && all[i+1].wide:
				p.r = ','
			}
			if p.wide && !(thousands && all[i-1].wide && all[i+1].wide) {
				p.r = '，'
			}
		}
		n, _ := b.WriteRune(p.r)
		for range n {
			v.at, v.to = append(v.at, p.at), append(v.to, p.to)
		}
	}
	v.s = b.String()
	return v
}

// scanned reports whether blanks stand between the characters of a text: more
// than one in twelve Chinese characters is followed by a single one.
func scanned(text string) bool {
	han, split := 0, 0
	var a, b rune
	for _, r := range text {
		if isHan(r) {
			han++
			if b == ' ' && isHan(a) {
				split++
			}
		}
		a, b = b, r
	}
	return han >= 30 && split*12 > han
}

// tidyLine drops the blanks of a scan: all in a noisy text, those of a line of
// single characters (拍 卖 公 告) in any.
func tidyLine(line []piece, noisy bool) []piece {
	if !noisy {
		words, single := 0, 0
		length, han := 0, true
		end := func() {
			if length > 0 {
				words++
				if length == 1 && han {
					single++
				}
			}
			length, han = 0, true
		}
		for _, p := range line {
			switch {
			case p.r == ' ' || p.r == '\n':
				end()
			default:
				length++
				han = han && isHan(p.r)
			}
		}
		end()
		if words < 2 || single < words {
			return tightLabel(line)
		}
	}
	kept := make([]piece, 0, len(line))
	for i, p := range line {
		if p.r == ' ' {
			// Two words of Latin letters stay two.
			if i > 0 && i+1 < len(line) && latin(line[i-1].r) && latin(line[i+1].r) && !strings.ContainsRune("OolI", line[i+1].r) && !(len(kept) > 0 && (kept[len(kept)-1].r == 'Z' || isDigit(kept[len(kept)-1].r))) {
				kept = append(kept, p)
			}
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// openLabel reads 【专利号】ZL…, [专利号] ZL… and 专利号--ZL… at the beginning of
// a line as 专利号:ZL….
func openLabel(line []piece) {
	from := 0
	for from < len(line) && line[from].r == ' ' {
		from++
	}
	if from == len(line) {
		return
	}
	if line[from].r != '【' && line[from].r != '[' {
		dashLabel(line[from:])
		return
	}
	for i := from + 1; i+1 < len(line) && i <= from+10; i++ {
		switch r := line[i].r; {
		case (r == '】' || r == ']') && i > from+2 && line[i+1].r != '\n':
			line[from].r, line[i].r = ' ', ':'
			return
		case !isHan(r) && !isDigit(r):
			return
		}
	}
}

// dashLabel reads (4)受让方--某公司 as (4)受让方:某公司.
func dashLabel(line []piece) {
	for i, words := 0, 0; i+2 < len(line) && i < 16; i++ {
		switch r := line[i].r; {
		case r == '-' && line[i+1].r == '-' && words >= 2:
			line[i].r, line[i+1].r = ':', ' '
			return
		case isHan(r):
			words++
		case words == 1 && r == '、' && strings.ContainsRune(numeral, line[i-1].r): // 二、受让人--
			words = 0
		case words > 0 || !isDigit(r) && !strings.ContainsRune("().、 *·◆●■", r) && (r < '①' || r > '⑳'):
			return
		}
	}
}

// tightLabel drops the blanks inside a label that is spread: 受 让 方:.
func tightLabel(line []piece) []piece {
	from := 0
	for from < len(line) && strings.ContainsRune(" ◇◆●○■□▲△·•*-", line[from].r) {
		from++
	}
	end, han, gap := from, 0, true
	for ; end < len(line) && end < from+24 && line[end].r != ':'; end++ {
		switch r := line[end].r; {
		case r == ' ':
			gap = true
		case !isHan(r) || !gap:
			return line
		default:
			han, gap = han+1, false
		}
	}
	if end == len(line) || line[end].r != ':' || han < 2 {
		return line
	}
	kept := make([]piece, 0, len(line))
	for i, p := range line[:end] {
		if p.r != ' ' || i < from {
			kept = append(kept, p)
		}
	}
	return append(kept, line[end:]...)
}

// unwrap takes out the line breaks that part a title, a bracket or an amount:
// the line before ends inside it, and the next line ends it.
func unwrap(all []piece) []piece {
	const most = 70 // characters of a line that such a piece may take
	kept := make([]piece, 0, len(all))
	lineAt := 0 // of the line in kept
	for i, p := range all {
		if p.r == '\n' && i > 0 && i+1 < len(all) && splits(kept[max(lineAt, len(kept)-most):], all[i+1:min(len(all), i+1+most)]) {
			continue
		}
		kept = append(kept, p)
		if p.r == '\n' {
			lineAt = len(kept)
		}
	}
	return kept
}

// splits reports whether a line break stands inside a title, a bracket, a list
// or an amount.
func splits(before, after []piece) bool {
	if len(before) == 0 || after[0].r == '\n' {
		return false
	}
	last, first := before[len(before)-1].r, after[0].r
	switch {
	case strings.ContainsRune(chineseFigures+"0123456789", last) && strings.ContainsRune("万亿元", first):
		return len(after) == 1 || !isHan(after[1].r) || strings.ContainsRune("元整人", after[1].r)
	case last == '、' && (isHan(first) || first == '“'):
		return true
	}
	for _, pair := range []string{"“”", "()"} {
		opening, closing := []rune(pair)[0], []rune(pair)[1]
		if open := lastOf(before, opening); open < 0 || lastOf(before[open:], closing) >= 0 || len(before)-open < 2 {
			continue
		}
		for _, p := range after {
			switch {
			case p.r == closing:
				return true
			case p.r == '\n' || p.r == opening || p.r == '\t' || p.r == '|':
				return false
			}
		}
	}
	return false
}

func lastOf(line []piece, r rune) int {
	for i := len(line) - 1; i >= 0; i-- {
		if line[i].r == r {
			return i
		}
	}
	return -1
}

func latin(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// mendDigits takes O for 0 and l and I for 1 among digits.
func mendDigits(all []piece, noisy bool) {
	look := func(r rune) (rune, bool) {
		switch r {
		case 'O', 'o':
			return '0', true
		case 'l', 'I':
			return '1', true
		}
		return r, false
	}
	for i := range all {
		digit, ok := look(all[i].r)
		if !ok {
			continue
		}
		before := i > 0 && isDigit(all[i-1].r)
		after := i+1 < len(all) && isDigit(all[i+1].r)
		if i+1 < len(all) && !after {
			_, after = look(all[i+1].r)
			after = after && before
		}
		if before && after || noisy && (before || after) {
			all[i].r = digit
		}
	}
}
