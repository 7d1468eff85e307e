package desk

import (
	"context"
	"strconv"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// OptionTexts are a batch's options as somebody wrote them, in a query, a form
// or flags. An empty one is not given.
type OptionTexts struct{ Policy, Date, Product, Unit, Priority string }

// ReadOptions reads the options of a batch for every entrance, with the policy
// and the programmes the institution means.
func (d *Desk) ReadOptions(ctx context.Context, actor appraisal.Actor, x OptionTexts) (o Options, err error) {
	o.Product, o.Unit = x.Product, x.Unit
	if x.Date != "" {
		if o.Date, err = calendar.Parse(x.Date); err != nil {
			return o, fault.New(fault.Invalid, "date.shape", "估值基准日应写作 YYYY-MM-DD。", "Write the valuation date as YYYY-MM-DD.",
				fault.Field{Field: "valuation_date", Code: "date.shape", Zh: "日期应写作 YYYY-MM-DD", En: "write the date as YYYY-MM-DD"})
		}
	}
	if x.Unit != "" && x.Unit != "元" && x.Unit != "万元" {
		return o, fault.New(fault.Invalid, "unit.unknown", "单位应为元或万元。", "The unit must be 元 or 万元.")
	}
	if x.Priority != "" {
		if o.Priority, err = strconv.Atoi(x.Priority); err != nil || o.Priority < 1 || o.Priority > 4 {
			return o, fault.New(fault.Invalid, "batch.priority", "优先级应为 1 到 4。", "The priority must be 1 to 4.")
		}
	}
	if len(x.Policy) > 200 {
		return o, fault.New(fault.Invalid, "policy.unknown", "没有这个质押政策。", "There is no such policy.")
	}
	if o.Policy, err = d.Policy(ctx, actor, x.Policy); err != nil {
		return o, err
	}
	o.Programmes, err = d.WithProgrammes(ctx, actor, nil)
	return o, err
}
