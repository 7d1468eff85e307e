package appraisal

import (
	"context"
	"fmt"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// Remark is what can be said of a field of a request before it is valued.
type Remark struct {
	Field string `json:"field" doc:"Path in the request."`
	Kind  string `json:"kind" enum:"fault,look,known,proposed" doc:"fault: it would be refused; look: it does not fit something else; known: what it was read as or what is on file; proposed: a value to accept or change."`
	Value string `json:"value,omitempty" doc:"Of what is proposed."`
	Zh    string `json:"zh"`
	En    string `json:"en"`
}

// The kinds of remark.
const (
	RemarkFault    = "fault"
	RemarkLook     = "look"
	RemarkKnown    = "known"
	RemarkProposed = "proposed"
)

// Check says what is wrong with a request, what its number and dates mean, and what class and market it would be valued in,
// with the reason. Nothing is valued, stored or sent.
func (s *Service) Check(ctx context.Context, actor Actor, req Request) (out []Remark, err error) {
	defer fault.Wrap(&err, "appraisal.Check")
	ctx = store.As(ctx, actor.Institution)
	out = []Remark{}
	say := func(kind, field, value, zh, en string) { out = append(out, Remark{field, kind, value, zh, en}) }
	today := calendar.InChina(s.now())
	if _, err := req.check(today); err != nil {
		if fault.KindOf(err) != fault.Invalid {
			return nil, err
		}
		for _, f := range fault.Public(err).Fields {
			say(RemarkFault, f.Field, "", f.Zh, f.En)
		}
	}
	on := req.Date
	if on.IsZero() {
		on = today
	}
	facts := Facts{}
	if req.Patent != nil {
		facts = *req.Patent
	}
	var known *store.Patent
	kind, filing := patent.Kind(facts.Kind), facts.Filing
	n, numberErr := patent.ParseNumber(req.Number)
	if req.Number != "" && numberErr == nil && n.Office == "CN" {
		p, err := s.db.Patent(ctx, string(n.Key()))
		switch {
		case err == nil:
			known = &p
			say(RemarkKnown, "number", "", fmt.Sprintf("库中已有：%s%s", p.Title, dated("，申请日 ", p.Filing)), fmt.Sprintf("on file: %s%s", p.Title, dated(", filed ", p.Filing)))
			if filing.IsZero() {
				filing = p.Filing
			} else if !p.Filing.IsZero() && p.Filing != filing {
				say(RemarkLook, "patent.filing_date", "", "与库中的申请日 "+p.Filing.String()+" 不符", "the filing date on file is "+p.Filing.String())
			}
			if kind == "" {
				kind = patent.Kind(p.Kind)
			}
		case fault.KindOf(err) == fault.NotFound:
			say(RemarkKnown, "number", "", "库中没有这件专利，请填写名称；有摘要、权利要求更好", "not on file: give its title, better with abstract and claims")
		default:
			return nil, err
		}
		if kind == "" {
			kind = n.Kind
		} else if n.Kind != "" && n.Kind != kind {
			say(RemarkLook, "patent.kind", "", "号码所示类型是"+n.Kind.Zh(), "the number is that of "+string(n.Kind))
		}
		if n.Year > 0 && !filing.IsZero() && n.Year != filing.Year {
			say(RemarkLook, "patent.filing_date", "", fmt.Sprintf("号码是 %d 年申请的，与申请日不符", n.Year), fmt.Sprintf("the number was given in %d, in another year than the filing date", n.Year))
		}
		if n.Year > on.Year {
			say(RemarkLook, "number", "", fmt.Sprintf("号码是 %d 年申请的，晚于估值基准日", n.Year), fmt.Sprintf("the number was given in %d, after the valuation date", n.Year))
		}
	}
	if !filing.IsZero() {
		switch ends := patent.Expiry(kind, filing, 0); {
		case filing.After(today):
			say(RemarkLook, "patent.filing_date", "", "申请日在今天之后", "filed after today")
		case filing.After(on):
			say(RemarkLook, "patent.filing_date", "", "申请日在估值基准日之后", "filed after the valuation date")
		case ends.IsZero():
		case !ends.After(on):
			say(RemarkLook, "patent.filing_date", "", "不计期限补偿，保护期已于 "+ends.String()+" 届满", "without an extension the term ended on "+ends.String())
		default:
			say(RemarkKnown, "patent.filing_date", "", fmt.Sprintf("保护期至 %s，自基准日起还有 %.1f 年", ends.AddDays(-1), float64(on.DaysUntil(ends))/365.25), fmt.Sprintf("protected until %s, %.1f years from the valuation date", ends.AddDays(-1), float64(on.DaysUntil(ends))/365.25))
		}
	}
	switch {
	case len(facts.IPC) > 0:
	case known != nil && len(known.IPC) > 0:
		say(RemarkKnown, "patent.ipc", "", "库中的分类号："+strings.Join(known.IPC[:min(3, len(known.IPC))], "、"), "classes on file: "+strings.Join(known.IPC[:min(3, len(known.IPC))], ", "))
	default:
		text := ""
		if known != nil {
			text = known.Title + " " + known.Abstract
		}
		if req.Text != nil {
			text = req.Text.Title + " " + req.Text.Abstract
		}
		if strings.TrimSpace(text) == "" {
			break
		}
		if found := embed.Suggest(text, nil, 3); len(found.Classes) > 0 {
			best := found.Classes[0]
			say(RemarkProposed, "patent.ipc", best.Subclass, fmt.Sprintf("按名称与摘要的用词，最像 %s（概率 %.0f%%）", best.Subclass, 100*best.Probability), fmt.Sprintf("by the words of title and abstract most like %s (probability %.0f%%)", best.Subclass, 100*best.Probability))
		} else if found.Silence != nil {
			say(RemarkKnown, "patent.ipc", "", "不建议分类："+found.Silence.Zh, "no class is proposed: "+found.Silence.En)
		}
	}
	purpose := terms.Purpose(req.Purpose)
	if purpose == "" {
		purpose = terms.PurposeAssignment
	}
	if sale, fixed := valuation.SaleFor(purpose); req.Market == "" && sale != "" {
		zh, en := "该目的通常按此市场估值；有挂牌、意向书或具名买方时可改", "the purpose is usually valued in this market; change it where there is a listing, a term sheet or a named buyer"
		if fixed {
			zh, en = "该目的的成交市场固定，不能更改", "the purpose fixes this market"
		}
		say(RemarkProposed, "market", string(sale), zh, en)
	}
	return out, nil
}

func dated(label string, d calendar.Date) string {
	if d.IsZero() {
		return ""
	}
	return label + d.String()
}
