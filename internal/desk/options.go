package desk

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// OptionTexts are a batch's options as somebody wrote them, in a query, a form
// or flags. An empty one is not given.
type OptionTexts struct{ Policy, Date, Product, Unit, Priority, Readings string }

// Whether a batch's rows wait for the model to read their patents. It is settled
// before the first row and told; each row is decided once. A reading that comes
// later makes a revision, and an alert where it crosses a cap, and never another
// decision by itself: see [Desk.ReadLater].
const (
	ReadingsAwaited = "await"
	ReadingsKept    = "kept" // only what the model has read before is used
)

// ReadingsOf tells whether a batch's rows wait for the model.
func ReadingsOf(b *Batch) string {
	var o struct {
		Readings string `json:"readings"`
	}
	_ = json.Unmarshal(b.Options, &o) // written by Submit
	return cmp.Or(o.Readings, ReadingsAwaited)
}

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
	switch x.Readings {
	case "", ReadingsAwaited:
	case ReadingsKept:
		o.Readings = ReadingsKept
	default:
		return o, fault.New(fault.Invalid, "batch.readings", "模型评阅方式应为 await（等待）或 kept（只用已有的评阅）。", "Readings are await or kept.",
			fault.Field{Field: "readings", Code: "batch.readings", Zh: "应为 await 或 kept", En: "await or kept"})
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
