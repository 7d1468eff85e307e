package appraisal

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/damages"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
)

// Request asks for one valuation. A patent number alone is enough when the
// patent is in the store; a text alone is enough without a number. What the
// request states about the patent overrides nothing in the store: it fills
// what the store does not know, and a contradiction is flagged.
type Request struct {
	Number  string   `json:"number,omitempty" doc:"Application or patent number, any usual form, e.g. ZL201310543019.6" maxLength:"40"`
	Bundle  []string `json:"bundle,omitempty" doc:"Numbers of further patents sold together with it" maxItems:"200"`
	Text    *Text    `json:"text,omitempty" doc:"Text of the patent when it is not in the store"`
	Patent  *Facts   `json:"patent,omitempty" doc:"Facts about the patent that the store may not have"`
	Purpose string   `json:"purpose,omitempty" doc:"assignment (default), licence, contribution, pledge, securitisation, reporting, impairment, infringement, disposal, management"`

	Basis    string        `json:"basis,omitempty" doc:"Basis of value; default follows the purpose"`
	Premise  string        `json:"premise,omitempty" doc:"Premise of value; default follows the purpose"`
	Scenario string        `json:"exploitation_scenario,omitempty" doc:"How the patent earns: own use, licence out, block, sell" maxLength:"500"`
	Date     calendar.Date `json:"valuation_date,omitzero" doc:"Only facts public before this date count; default today"`
	Level    float64       `json:"level,omitempty" doc:"Level of the range, 0.5 to 0.99; default 0.80"`

	Market     string                `json:"market,omitempty" doc:"Market of sale: private, showcase, corporate, court, distress, unknown; default follows the purpose, and pledge, securitisation and disposal fix it"`
	MarketFact *valuation.MarketFact `json:"market_fact,omitempty" doc:"What a market above private rests on: listing notice, exchange number, term sheet or named buyer, with date and document"`
	Ask        *float64              `json:"public_ask,omitempty" doc:"Lowest current public ask or open-licence fee for this very patent, yuan: no private figure is above it"`

	LicenceKind string   `json:"licence_kind,omitempty" doc:"For purpose licence: exclusive_licence, sole_licence, plain_licence"`
	LicenceTerm *float64 `json:"licence_term_years,omitempty"`
	Share       *float64 `json:"right_fraction,omitempty" doc:"Co-owned share of the right, (0, 1]; default 1"`

	Income     *income.Facts   `json:"income,omitempty"`
	Cost       *cost.Facts     `json:"cost,omitempty"`
	Option     *option.Facts   `json:"option,omitempty"`
	Damages    *damages.Facts  `json:"damages,omitempty" doc:"For purpose infringement: the acts, loss, gain, licence fee, costs"`
	SaleChance *terms.Quantity `json:"sale_chance,omitempty"`
	Scores     []OfficerScore  `json:"scores,omitempty" doc:"Indicators the officer scores" maxItems:"100"`

	AllowModel *bool `json:"allow_model,omitempty" doc:"Whether the text may be sent to the model endpoint; default follows the institution, and unpublished texts are never sent"`

	Wait bool `json:"wait,omitempty" doc:"Wait for the model to read the text; without it the answer comes at once, with the model's scores only if it read the text before"`

	Borrower string `json:"borrower,omitempty" doc:"Borrower or client for whom the valuation is asked; found again by it, weighs nothing" maxLength:"120"`

	// Blind leaves out every deal of this very patent or its family, as the
	// eval harness must; a past sale of the patent is evidence otherwise.
	Blind bool `json:"blind,omitempty" doc:"Ignore past deals of this very patent and its family"`
}

// Text is what a patent says.
type Text struct {
	Title       string `json:"title" maxLength:"1000"`
	Abstract    string `json:"abstract,omitempty" maxLength:"20000"`
	Claims      string `json:"claims,omitempty" maxLength:"400000"`
	Description string `json:"description,omitempty" maxLength:"2000000"`
	Examination string `json:"examination,omitempty" maxLength:"400000" doc:"What the examiner wrote and cited: office actions, search report, documents compared"`
}

// Facts are bibliographic facts a request may state.
type Facts struct {
	Kind      string        `json:"kind,omitempty" doc:"invention, utility_model, design"`
	IPC       []string      `json:"ipc,omitempty" maxItems:"100"`
	Filing    calendar.Date `json:"filing_date,omitzero"`
	Grant     calendar.Date `json:"grant_date,omitzero"`
	Published calendar.Date `json:"publication_date,omitzero"`
	Owners    []string      `json:"owners,omitempty" maxItems:"50"`
	OwnerType string        `json:"owner_type,omitempty" doc:"university, institute, firm, individual"`
	Claims    *int          `json:"claims,omitempty"`
	Family    *int          `json:"family,omitempty"`
	Inventors *int          `json:"inventors,omitempty"`
	CitedBy   *int          `json:"cited_by,omitempty"`

	DeclaredInvalid bool `json:"declared_invalid,omitempty" doc:"Declared invalid by a decision that is not final yet: no figure is given"`
}

// OfficerScore is one indicator scored by an officer.
type OfficerScore struct {
	Code   string  `json:"code"`
	Score  float64 `json:"score" doc:"0 to 100"`
	Reason string  `json:"reason" maxLength:"2000"`
}

// Limits on the text of one request, in bytes.
const (
	maxTitle       = 1000
	maxAbstract    = 20_000
	maxClaims      = 400_000
	maxDescription = 2_000_000
	maxExamination = 400_000
)

// check validates the request and returns the subject number, nil when it has
// none. Every fault found is reported, not only the first.
func (r *Request) check(today calendar.Date) (*patent.Number, error) {
	var fields []fault.Field
	bad := func(field, code, zh, en string) {
		fields = append(fields, fault.Field{Field: field, Code: code, Zh: zh, En: en})
	}
	// The law, the fees and the prices are those of Chinese patents.
	read := func(field, text string) *patent.Number {
		n, err := patent.ParseNumber(text)
		if err != nil {
			pub := fault.Public(err)
			bad(field, pub.Code, pub.Zh, pub.En)
			return nil
		}
		if n.Office != "CN" {
			bad(field, "number.foreign", "这是其他国家或国际组织的号码（"+n.Office+"），本系统只为中国专利估值；请给出中国申请号或专利号。", "This is a number of another office ("+n.Office+"); Chinese patents alone are valued here. Give the Chinese application or patent number.")
		}
		return &n
	}
	var number *patent.Number
	if r.Number != "" {
		number = read("number", r.Number)
	}
	for i, s := range r.Bundle {
		read(fmt.Sprintf("bundle[%d]", i), s)
	}
	if r.Number == "" && r.Text == nil {
		bad("number", "subject.missing", "请给出专利号，或给出标题和摘要。", "Give a patent number, or a title and abstract.")
	}
	if r.Text != nil {
		if strings.TrimSpace(r.Text.Title) == "" {
			bad("text.title", "text.title_missing", "请填写专利标题。", "The text needs a title.")
		}
		for _, part := range []struct {
			field, text string
			limit       int
		}{
			{"text.title", r.Text.Title, maxTitle},
			{"text.abstract", r.Text.Abstract, maxAbstract},
			{"text.claims", r.Text.Claims, maxClaims},
			{"text.description", r.Text.Description, maxDescription},
			{"text.examination", r.Text.Examination, maxExamination},
		} {
			if len(part.text) > part.limit {
				bad(part.field, "text.too_long", fmt.Sprintf("超过长度上限（%d 字节），请缩短。", part.limit), fmt.Sprintf("Longer than %d bytes; shorten it.", part.limit))
			}
			if !utf8.ValidString(part.text) || strings.ContainsFunc(part.text, hostileControl) {
				bad(part.field, "text.control_characters", "含有非法字符（控制字符或非 UTF-8 编码），请清理后重试。", "Contains control characters or invalid UTF-8; clean it and try again.")
			}
		}
	}
	oneOf := func(field, value string, allowed ...string) {
		if value == "" {
			return
		}
		for _, a := range allowed {
			if value == a {
				return
			}
		}
		bad(field, field+".unknown", fmt.Sprintf("取值应为：%s。", strings.Join(allowed, "、")), "Must be one of "+strings.Join(allowed, ", ")+".")
	}
	oneOf("purpose", r.Purpose, words(terms.Purposes[:])...)
	oneOf("basis", r.Basis, words(terms.Bases[:])...)
	oneOf("premise", r.Premise, words(terms.Premises[:])...)
	if r.Income != nil {
		oneOf("income.inputs", string(r.Income.Inputs), words(terms.AllInputs[:])...)
	}
	oneOf("licence_kind", r.LicenceKind, string(terms.DealExclusiveLicence), string(terms.DealSoleLicence), string(terms.DealPlainLicence))
	if f := r.Patent; f != nil {
		oneOf("patent.kind", f.Kind, string(patent.Invention), string(patent.UtilityModel), string(patent.Design))
		oneOf("patent.owner_type", f.OwnerType, string(terms.OwnerUniversity), string(terms.OwnerInstitute), string(terms.OwnerFirm), string(terms.OwnerIndividual), string(terms.OwnerUnknown))
		for i, s := range f.IPC {
			if _, err := patent.ParseIPC(s); err != nil {
				pub := fault.Public(err)
				bad(fmt.Sprintf("patent.ipc[%d]", i), pub.Code, pub.Zh, pub.En)
			}
		}
		if !f.Filing.IsZero() && !f.Grant.IsZero() && f.Grant.Before(f.Filing) {
			bad("patent.grant_date", "date.order", "授权公告日早于申请日，请核对。", "Granted before it was filed; check the dates.")
		}
		for _, c := range []struct {
			field string
			n     *int
		}{{"patent.claims", f.Claims}, {"patent.family", f.Family}, {"patent.inventors", f.Inventors}, {"patent.cited_by", f.CitedBy}} {
			if c.n != nil && (*c.n < 0 || *c.n > 100_000) {
				bad(c.field, "count.range", "应为 0 到 100000 的整数。", "Must be between 0 and 100,000.")
			}
		}
	}
	if !r.Date.IsZero() && (r.Date.Year < 1985 || r.Date.After(today.AddDays(1))) {
		bad("valuation_date", "date.range", "估值基准日应在 1985 年之后且不晚于今天。", "The valuation date must lie between 1985 and today.")
	}
	if r.Level != 0 && (math.IsNaN(r.Level) || r.Level < 0.5 || r.Level > 0.99) {
		bad("level", "level.range", "区间置信水平应在 0.5 到 0.99 之间。", "The level must lie between 0.5 and 0.99.")
	}
	if s := r.Share; s != nil && !(*s > 0 && *s <= 1) {
		bad("right_fraction", "share.range", "权利份额应在 0 到 1 之间。", "The share of the right must lie in (0, 1].")
	}
	if len(r.Borrower) > 480 {
		bad("borrower", "text.too_long", "超过长度上限（120 字），请缩短。", "Longer than 120 characters; shorten it.")
	}
	if !utf8.ValidString(r.Borrower) || strings.ContainsFunc(r.Borrower, hostileControl) {
		bad("borrower", "text.control_characters", "含有非法字符（控制字符或非 UTF-8 编码），请清理后重试。", "Contains control characters or invalid UTF-8; clean it and try again.")
	}
	seen := map[string]bool{}
	for i, s := range r.Scores {
		field := fmt.Sprintf("scores[%d]", i)
		switch {
		case math.IsNaN(s.Score) || s.Score < 0 || s.Score > 100:
			bad(field, "score.range", "评分应在 0 到 100 之间。", "A score lies between 0 and 100.")
		case strings.TrimSpace(s.Reason) == "":
			bad(field, "score.reason_missing", "请写明评分理由。", "Give the reason for the score.")
		case seen[s.Code]:
			bad(field, "score.duplicate", "同一指标评分重复。", "The same indicator is scored twice.")
		}
		seen[s.Code] = true
	}
	if len(fields) > 0 {
		return nil, fault.New(fault.Invalid, "request.invalid", "请求有误，请按下列提示修改后重试。", "The request is not valid; see the fields.", fields...)
	}
	return number, nil
}

// words are the values of a closed vocabulary.
func words[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, x := range all {
		out[i] = string(x)
	}
	return out
}

// hostileControl reports control characters other than the white space a
// text may contain, and bidirectional overrides that make a text read other
// than it is stored.
func hostileControl(c rune) bool {
	switch c {
	case '\n', '\r', '\t':
		return false
	case '\u202a', '\u202b', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068':
		return true
	}
	return unicode.Is(unicode.Cc, c)
}
