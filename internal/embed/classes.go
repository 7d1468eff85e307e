package embed

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Card says what a model was fitted on and how it did on texts it had not
// seen. Figures are of held-out examples, none of which shares a group (an
// applicant, a publication) with one the figures' model was fitted on.
type Card struct {
	Data     string  `json:"data,omitempty"`        // what the examples are, in words
	Hash     string  `json:"hash,omitempty"`        // SHA-256 of the examples
	Made     string  `json:"made,omitempty"`        // day the model was fitted, YYYY-MM-DD
	Examples int     `json:"examples,omitempty"`    // labelled texts
	Held     int     `json:"held_out,omitempty"`    // texts the figures below are of
	First    float64 `json:"first_right,omitempty"` // share of the texts whose most probable subclass is one of theirs
	FirstOf5 float64 `json:"among_five,omitempty"`  // share with one of theirs among the five most probable
	// LogLoss is the mean of -ln p, p being what was given to the subclasses of
	// the text together. Two numbers of the calibration were fitted on the same
	// held-out texts, so it is a little low.
	LogLoss float64 `json:"log_loss,omitempty"`
}

// classes turns the learned part of a vector into probabilities of subclasses.
type classes struct {
	Names     []string  `json:"names"`     // subclasses, sorted
	Prior     []float64 `json:"prior"`     // logarithm of the share of examples
	Sharpness float64   `json:"sharpness"` // factor of the score before the softmax, fitted on held-out texts
	Weight    float64   `json:"weight"`    // of the prior, fitted on held-out texts
	Faint     float64   `json:"faint"`     // length of the projection below which a text is unlike the examples

	directions *block // by subclass, in the learned dimensions
	placed     []int  // the classes with a place in a vector, the most frequent ones
}

func (c *classes) valid(width int) bool {
	return len(c.Names) > 0 && len(c.Names) == len(c.Prior) && width+min(len(c.Names), mostClasses) < Dimension
}

// place gives the most frequent classes their places in a vector.
func (c *classes) place() {
	c.placed = make([]int, len(c.Names))
	for i := range c.placed {
		c.placed[i] = i
	}
	if len(c.placed) > mostClasses {
		slices.SortStableFunc(c.placed, func(a, b int) int { return cmp.Compare(c.Prior[b], c.Prior[a]) })
		c.placed = c.placed[:mostClasses]
		slices.Sort(c.placed)
	}
}

// The softmax of the part of a vector: sharper than the calibrated one, because
// the sum of many small probabilities says nothing of two texts.
const (
	sharpInVector = 20
	priorInVector = 0.7
)

// roots are the square roots of the probabilities of the placed classes.
func (c *classes) roots(v []float32) []float32 {
	p := c.probabilities(v, sharpInVector, priorInVector)
	out := make([]float32, len(c.placed))
	for i, j := range c.placed {
		out[i] = float32(math.Sqrt(p[j]))
	}
	return out
}

// Class is a subclass proposed for a text, with its probability in [0, 1].
type Class struct {
	Subclass    string  `json:"subclass" doc:"IPC subclass, e.g. H01M."`
	Probability float64 `json:"probability" doc:"That the text belongs there; calibrated on texts held out. All subclasses together make 1."`
	Name        string  `json:"name" doc:"What the subclass is about, in Chinese, abridged; empty when not known."`
}

// Card returns what the model was fitted on and its held-out figures.
func (m *Model) Card() Card { return m.card }

// Silence is why no class is proposed for a text; "" when some are.
type Silence string

// The kinds of texts that get no class.
const (
	SilentUntrained  Silence = "untrained"   // the model learned no classes
	SilentNotChinese Silence = "not_chinese" // fewer Han characters than other letters
	SilentTooLittle  Silence = "too_little"  // fewer than four different Han characters
	SilentName       Silence = "name"        // a trademark, a company, a domain
	SilentUnlike     Silence = "unlike"      // wording the model does not know, or known words that point nowhere
)

// Texts says in Chinese and English why no class is proposed.
func (s Silence) Texts() (zh, en string) {
	switch s {
	case SilentUntrained:
		return "当前模型未学习分类。", "The model learned no classes."
	case SilentNotChinese:
		return "文本不是中文，请提供中文标题或摘要。", "The text is not Chinese; give a Chinese title or abstract."
	case SilentTooLittle:
		return "文本太短，请提供完整的标题或摘要。", "There is too little text; give the whole title or an abstract."
	case SilentName:
		return "文本是商标、企业或域名等名称，不是技术方案。", "The text is the name of a trademark, a company or a domain and no technical matter."
	case SilentUnlike:
		return "该文本与模型学习过的文本不相似，请提供中文标题或摘要。", "The text is unlike those the model learned from; give a Chinese title or abstract."
	}
	return "", ""
}

const (
	// leastKnown is the share of a text's pairs of characters that the model
	// must have learned. BenchmarkAbstention shows what it costs.
	leastKnown = 0.25
	// leastSure is the probability of the most probable class below which the
	// distribution is too flat to propose anything.
	leastSure = 0.015
	// Characters of technical words in no order: few pairs are known, and what is
	// known points nowhere.
	fewKnown = 0.4
	unsure   = 0.12
)

// Classes returns the k most probable IPC subclasses of a text, most probable
// first, or none and the reason when the text is not one to classify.
func (m *Model) Classes(text string, k int) ([]Class, Silence) {
	if m.classes == nil {
		return nil, SilentUntrained
	}
	switch han, different, letters := letters(text); {
	case 2*han < letters || han == 0:
		return nil, SilentNotChinese
	case different < 4:
		return nil, SilentTooLittle
	}
	if isName(text) {
		return nil, SilentName
	}
	tf := counts(text)
	v := m.block.project(m.weigh(tf))
	known := m.known(tf)
	if known < leastKnown || length(v) < m.classes.Faint {
		return nil, SilentUnlike
	}
	p := m.classes.probabilities(v, m.classes.Sharpness, m.classes.Weight)
	out := make([]Class, len(p))
	for i, x := range p {
		out[i] = Class{m.classes.Names[i], x, SubclassName(m.classes.Names[i])}
	}
	slices.SortFunc(out, func(a, b Class) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.Subclass, b.Subclass))
	})
	if p := out[0].Probability; p < leastSure || known < fewKnown && p < unsure {
		return nil, SilentUnlike
	}
	return out[:min(k, len(out))], ""
}

// What a search reads of proposed classes: the most probable ones until they
// have enough together, at most mostSearched of them, and none when those have
// too little together.
const (
	mostSearched = 8
	enough       = 0.8
	tooLittle    = 0.5
)

// ToSearch returns the subclasses of a text without a symbol that comparables
// are sought in, most probable first; none when the text does not say enough.
func ToSearch(text string) []Class {
	found, _ := Shipped().Classes(text, mostSearched)
	sum := 0.0
	for i, c := range found {
		if sum += c.Probability; sum >= enough {
			return found[:i+1]
		}
	}
	if sum < tooLittle {
		return nil
	}
	return found
}

// A stated symbol contradicts a text strongly when the text speaks for another
// class with surelyOther, and for the stated classes with hardlyStated at most.
// BenchmarkAbstention has how often that is said of right symbols and of wrong
// ones.
const (
	surelyOther  = 0.8
	hardlyStated = 0.005
)

// Contradiction is a stated symbol that a text speaks against.
type Contradiction struct {
	Proposed Class   `json:"proposed" doc:"The subclass the text speaks for."`
	Stated   float64 `json:"stated_probability" doc:"Of the classes (first three characters) stated, together."`
}

// Contradicts holds the IPC symbols stated for a text against it; nil when they
// agree, or when the text or the symbols say too little.
func (m *Model) Contradicts(text string, ipc []string) *Contradiction {
	stated := Subclasses(ipc)
	found, silence := m.Classes(text, math.MaxInt)
	if silence != "" || len(stated) == 0 || found[0].Probability < surelyOther {
		return nil
	}
	c := &Contradiction{Proposed: found[0]}
	for _, f := range found {
		if slices.ContainsFunc(stated, func(s string) bool { return s[:3] == f.Subclass[:3] }) {
			c.Stated += f.Probability
		}
	}
	if c.Stated > hardlyStated {
		return nil
	}
	return c
}

// Suggestion is the answer about a text for programs: the command and the
// service give the same.
type Suggestion struct {
	Classes []Class  `json:"classes" nullable:"false" doc:"Most probable first; empty when none is proposed."`
	Silence *Refusal `json:"silence,omitempty" doc:"Why no class is proposed."`
	Model   string   `json:"model" doc:"Version of the model that proposed them."`

	Contradiction *Contradiction `json:"contradiction,omitempty" doc:"Of the symbols stated, when the text speaks strongly against all of them."`
}

// Refusal is a [Silence] with its texts.
type Refusal struct {
	Code Silence `json:"code" enum:"untrained,not_chinese,too_little,name,unlike"`
	Zh   string  `json:"zh"`
	En   string  `json:"en"`
}

// Suggest proposes at most k classes for a text by the model that ships, and
// holds the symbols stated for it against it.
func Suggest(text string, stated []string, k int) Suggestion {
	found, silence := Shipped().Classes(text, k)
	out := Suggestion{Classes: append([]Class{}, found...), Model: Shipped().Version(), Contradiction: Shipped().Contradicts(text, stated)}
	if silence != "" {
		zh, en := silence.Texts()
		out.Silence = &Refusal{silence, zh, en}
	}
	return out
}

func (c *classes) probabilities(v []float32, sharpness, weight float64) []float64 {
	p := make([]float64, len(c.Names))
	largest := math.Inf(-1)
	for i := range p {
		p[i] = sharpness*Cosine(v, c.directions.row(i)) + weight*c.Prior[i]
		largest = max(largest, p[i])
	}
	sum := 0.0
	for i := range p {
		p[i] = math.Exp(p[i] - largest)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// letters counts the Han characters of a text, the different ones among them,
// and all letters.
func letters(text string) (han, different, letters int) {
	seen := map[rune]bool{}
	for _, r := range text {
		if unicode.Is(unicode.Han, r) {
			han++
			seen[r] = true
		}
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return han, len(seen), letters
}

// known is the share of the pairs of characters that the model has a row for;
// 1 for a text without pairs.
func (m *Model) known(tf []counted) float64 {
	all, known := 0, 0
	for _, c := range tf {
		if !c.gram.pair() {
			continue
		}
		all += c.n
		if _, ok := m.terms[c.gram]; ok {
			known += c.n
		}
	}
	if all == 0 {
		return 1
	}
	return float64(known) / float64(all)
}

// nameLength is the most characters a name has; a longer text is a description.
const nameLength = 40

var (
	// A name ends in what it is the name of. A technical title may speak of a
	// trademark or a company, but ends in a method or a thing.
	nameEndings = []string{
		"商标", "商标名称", "商标名", "商标图样", "商标图形", "商标标识", "商标注册", "商标申请", "商标权", "商标转让",
		"品牌", "品牌名", "品牌名称", "商号", "字号", "域名", "企业名称", "公司名称", "产品名称", "公司", "集团", "著作权", "软件名称",
	}
	nameBeginnings = []string{"注册商标", "商标：", "商标:", "商标名称", "品牌：", "品牌:", "品牌名称", "商号：", "商号:", "域名：", "域名:"}
	technicalEnds  = []string{"方法", "装置", "系统", "设备", "机", "器", "结构", "工艺", "介质", "终端", "平台", "仪", "标签", "机构", "组件"}
)

// isName reports whether a short text says of itself that it is the name of a
// trademark, a company or a domain.
func isName(text string) bool {
	text = strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) && r != '：' })
	if utf8.RuneCountInString(text) > nameLength || strings.ContainsRune(text, '\n') {
		return false
	}
	has := func(list []string, is func(s, part string) bool) bool {
		return slices.ContainsFunc(list, func(part string) bool { return is(text, part) })
	}
	if strings.ContainsAny(text, "®™") || has(nameEndings, strings.HasSuffix) {
		return true
	}
	return has(nameBeginnings, strings.HasPrefix) && !has(technicalEnds, strings.HasSuffix)
}

func length(v []float32) float64 { return math.Sqrt(Cosine(v, v)) }
