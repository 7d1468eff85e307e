package lending

import (
	"strconv"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// Collateral is a row of the regulator's collateral table IE_006_603
// (ip-finance 2.5, S14). LTV is of the whole contract, not of the item.
type Collateral struct {
	ID        string        `json:"YPBH"`      // 押品编号
	Name      string        `json:"YPMC"`      // 押品名称
	Type      string        `json:"YPLX"`      // 押品类型
	Owner     string        `json:"YPSYRMC"`   // 押品所有人名称
	OwnerCode string        `json:"YPSYRZJHM"` // 押品所有人证件号码
	Contract  string        `json:"DBHTH"`     // 担保合同号
	First     *money.Fen    `json:"PGJZ"`      // 起始估值: the first value the bank recognised; nil until it does
	Latest    money.Fen     `json:"YXRDJZ"`    // 最新估值
	Pledged   money.Fen     `json:"YDYJZ"`     // 已抵押价值: 0, a second pledge is not registered
	Rank      int           `json:"CZQSW"`     // 处置权顺位
	LTV       *float64      `json:"DZYL"`      // 抵质押率, percent
	Title     string        `json:"QZDJHM"`    // 权证登记号码: the patent's number
	State     string        `json:"DZYWZT"`    // 抵质押物状态
	Currency  string        `json:"BZ"`
	Collected calendar.Date `json:"CJRQ"` // 采集日期
}

// Report returns the regulator's row of a decided row; first is the value the
// bank recognised at the start, nil when this valuation is the first.
func Report(v *Valued, d *Decision, c *Contract, first *money.Fen, on calendar.Date) Collateral {
	r := Collateral{
		ID: v.Row.Number, Name: v.Row.Title, Type: kindZh[v.Row.Kind], Owner: v.Row.Borrower, Contract: v.Row.Contract,
		First: first, Latest: v.Point, Rank: 1, Title: v.Row.Number, State: stateZh(v), Currency: "CNY", Collected: on,
	}
	if c.Key != v.Row.Contract {
		r.Contract = ""
	}
	if v.Row.Contract != "" {
		r.ID = v.Row.Contract + "-" + strconv.Itoa(v.Row.Line)
	}
	if len(v.Row.Owners) > 0 {
		r.Owner = v.Row.Owners[0]
	}
	if len(v.Row.Owners) == 0 || sameBody(v.Row.Owners[0], v.Row.Borrower) {
		r.OwnerCode = v.Row.CreditCode
	}
	if first == nil && d.Verdict == Accept {
		r.First = &r.Latest
	}
	if c.LTV != nil {
		x := 100 * *c.LTV
		r.LTV = &x
	}
	return r
}

func sameBody(a, b string) bool {
	coreA, formA := patent.NormalName(a)
	coreB, formB := patent.NormalName(b)
	return coreA == coreB && formA == formB
}

var kindZh = map[patent.Kind]string{patent.Invention: "发明专利权", patent.UtilityModel: "实用新型专利权", patent.Design: "外观设计专利权", Trademark: "商标专用权"}

func stateZh(v *Valued) string {
	switch {
	case v.State.Standing == patent.Dead:
		return "失效"
	case v.State.Pledged == patent.Yes:
		return "已质押"
	case v.State.Preserved == patent.Yes:
		return "保全"
	case v.State.Standing == patent.Alive:
		return "有效"
	}
	return "未知"
}
