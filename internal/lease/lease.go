// Package lease decides a finance lease of patents and trademarks: whether this
// lessor may take the object, what the rents are to the fen, what rate they imply
// with fees, and how far the object's value covers what is outstanding.
//
// Start with [Decide]. Amounts are fen, yuan in JSON; rates are shares a year.
package lease

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/pool"
	"zhijia/internal/ruling"
)

//go:embed rules.json
var rulesJSON []byte

//go:embed regions.json
var regionsJSON []byte

// Rules are the rules and figures in force in this version.
var Rules = ruling.Load(rulesJSON)

// Region is a regional rule that admits patents as the object of a lease.
type Region struct {
	Region    string             `json:"region"`
	Doc       string             `json:"doc"`
	Article   string             `json:"article"`
	Dated     calendar.Date      `json:"dated"`
	Precision calendar.Precision `json:"precision,omitempty"`
	Source    string             `json:"source"`
}

// Regions returns the regional rules.
func Regions() (out []Region) {
	if err := json.Unmarshal(regionsJSON, &out); err != nil {
		panic(err) // embedded, checked by a test
	}
	return out
}

// Kinds of lessor, forms and methods.
const (
	LeasingCompany   = "leasing_company"   // 融资租赁公司
	FinancialLeasing = "financial_leasing" // 金融租赁公司

	SaleLeaseback = "sale_leaseback" // 售后回租
	Direct        = "direct"         // 直接租赁

	AnnuityArrears = "annuity_arrears" // 等额租金，后付
	AnnuityAdvance = "annuity_advance" // 等额租金，先付
	EqualPrincipal = "equal_principal" // 等额本金，后付
	Bullet         = "bullet"          // 按期付息，到期还本
)

// Input is a lease as proposed.
type Input struct {
	Label  string        `json:"label,omitempty" zh:"标注"`
	On     calendar.Date `json:"on" zh:"基准日"`
	Lessor Lessor        `json:"lessor" zh:"出租人"`
	Lessee Lessee        `json:"lessee" zh:"承租人"`
	Form   string        `json:"form" zh:"租赁方式" words:"售后回租=sale_leaseback,直接租赁=direct"`

	Price    money.Fen     `json:"price" zh:"购买价款"`
	Deposit  money.Fen     `json:"deposit,omitempty" zh:"保证金"`  // returned at the end
	Fee      money.Fen     `json:"fee,omitempty" zh:"手续费"`      // paid at the start
	Residual money.Fen     `json:"residual,omitempty" zh:"留购价"` // paid at the end
	Rate     *float64      `json:"rate" zh:"租赁年利率"`
	Start    calendar.Date `json:"start" zh:"起租日"`
	Periods  int           `json:"periods" zh:"期数"`
	Every    int           `json:"every_months" zh:"每期月数"`
	Method   string        `json:"method" zh:"租金计算方法" words:"等额租金后付=annuity_arrears,等额本息=annuity_arrears,等额租金先付=annuity_advance,等额本金=equal_principal,到期还本=bullet"`

	RateCap       *float64 `json:"rate_cap,omitempty" zh:"综合收益率上限"`
	RateCapSource string   `json:"rate_cap_source,omitempty" zh:"上限依据"`

	Contract string          `json:"contract,omitempty" zh:"合同号"` // of this lease, so that its own entry in the ledger is no obstacle
	Objects  []Object        `json:"objects" zh:"租赁物"`
	Ledger   []ruling.Burden `json:"ledger,omitempty"` // what the ledger of rights said
}

// Lessor is who buys and lets.
type Lessor struct {
	Name     string `json:"name" zh:"名称"`
	Kind     string `json:"kind" zh:"类型" words:"融资租赁公司=leasing_company,金融租赁公司=financial_leasing"`
	Region   string `json:"region,omitempty" zh:"注册地"`
	Approval string `json:"approval,omitempty" zh:"监管同意文件"` // of a financial leasing company for this kind of object

	NetAssets   *money.Fen `json:"net_assets,omitempty" zh:"净资产"`
	RiskAssets  *money.Fen `json:"risk_assets,omitempty" zh:"风险资产"`
	TotalAssets *money.Fen `json:"total_assets,omitempty" zh:"总资产"`
	LeaseAssets *money.Fen `json:"lease_assets,omitempty" zh:"租赁资产"`
	Securities  *money.Fen `json:"securities,omitempty" zh:"固定收益类证券"`

	// Balances before this lease.
	ToLessee     *money.Fen `json:"to_lessee,omitempty" zh:"对该承租人余额"`
	ToGroup      *money.Fen `json:"to_group,omitempty" zh:"对该集团余额"`
	ToRelated    *money.Fen `json:"to_related,omitempty" zh:"对该关联方余额"`
	ToAllRelated *money.Fen `json:"to_all_related,omitempty" zh:"对全部关联方余额"`
}

// Lessee is who sells or uses, and pays.
type Lessee struct {
	Name    string       `json:"name" zh:"名称"`
	Code    string       `json:"credit_code,omitempty" zh:"统一社会信用代码"`
	InGroup patent.Truth `json:"in_group,omitempty" zh:"属于集团"`
	Related patent.Truth `json:"related,omitempty" zh:"是出租人关联方"`
}

// Object is one right let.
type Object struct {
	Number      string        `json:"number" zh:"专利号"`
	Title       string        `json:"title,omitempty" zh:"名称"`
	OwnerBefore string        `json:"owner_before,omitempty" zh:"原权利人"`
	OwnerNow    string        `json:"owner_now,omitempty" zh:"登记权利人"`
	Transferred calendar.Date `json:"transfer_registered,omitzero" zh:"转移登记日"`
	Expiry      calendar.Date `json:"expiry,omitzero" zh:"届满日"` // the right has ended on this day

	Low    *money.Fen `json:"low,omitempty" zh:"估值下限"`
	Value  *money.Fen `json:"value,omitempty" zh:"估值"`
	High   *money.Fen `json:"high,omitempty" zh:"估值上限"`
	Source string     `json:"value_source,omitempty" zh:"估值来源"`

	Pledged   patent.Truth `json:"pledged,omitempty" zh:"已质押"`
	Preserved patent.Truth `json:"preserved,omitempty" zh:"已保全"`
	Pooled    patent.Truth `json:"pooled,omitempty" zh:"已入池"`
	Exclusive patent.Truth `json:"exclusively_licensed,omitempty" zh:"已独占许可"`
	Leased    patent.Truth `json:"leased_elsewhere,omitempty" zh:"已另行租赁"`
	Earns     patent.Truth `json:"earns,omitempty" zh:"产生收益"`
}

// Rent is one line of the schedule.
type Rent struct {
	Number    int           `json:"number" zh:"期次"`
	Date      calendar.Date `json:"date" zh:"支付日"`
	Rent      money.Fen     `json:"rent" zh:"租金"`
	Interest  money.Fen     `json:"interest" zh:"其中利息"`
	Principal money.Fen     `json:"principal" zh:"其中本金"`
	Balance   money.Fen     `json:"balance" zh:"未收本金"`
	Value     *money.Fen    `json:"value" zh:"租赁物估值"`  // as the term runs down; null: not known
	Low       *money.Fen    `json:"low" zh:"租赁物估值下限"`  // the lower end on the same path
	Cover     *float64      `json:"cover" zh:"下限覆盖倍数"` // low / balance; null without either
}

// Schedule is a lease's rents.
type Schedule struct {
	Exact    float64   `json:"exact_rent"`          // yuan, before rounding; the first rent where they differ
	Rents    []Rent    `json:"rents" zh:"租金表"`      // sum to price plus interest less the residual
	Total    money.Fen `json:"total" zh:"租金合计"`     // of the rents
	Interest money.Fen `json:"interest" zh:"利息合计"`  // of the whole lease
	Residual money.Fen `json:"residual" zh:"期末留购价"` // paid at the end
}

// Result is a lease decided.
type Result struct {
	Label    string          `json:"label,omitempty" zh:"标注"`
	On       calendar.Date   `json:"on" zh:"基准日"`
	Decision ruling.Decision `json:"decision" zh:"结论"`

	End      calendar.Date `json:"end" zh:"租赁期末"`
	Schedule Schedule      `json:"schedule" zh:"租金"`

	Implied   *float64 `json:"implied_rate" zh:"综合年利率（名义）"` // nominal a year, with fee, deposit and residual; null: see implied_why
	Effective *float64 `json:"effective_rate" zh:"综合年利率（有效）"`
	NoRate    string   `json:"implied_why,omitempty" zh:"综合年利率说明"`
	MinCover  *float64 `json:"min_cover" zh:"最低覆盖倍数"`

	Pool *PoolFeed `json:"pool,omitempty"` // nil while the title is not registered
}

// PoolFeed is the lease as an asset of a securitisation pool.
type PoolFeed struct {
	Asset pool.Asset `json:"asset"`
	IPs   []pool.IP  `json:"patents"`
}

// Check refuses what cannot be a lease, each fault under its own code.
func (in *Input) Check() error {
	var f ruling.Faults
	f.Wrong(in.On.IsZero(), "on", "lease.on", "请填写基准日", "is missing")
	f.Wrong(in.Lessor.Kind != LeasingCompany && in.Lessor.Kind != FinancialLeasing, "lessor.kind", "lease.lessor_kind", "应为融资租赁公司（leasing_company）或金融租赁公司（financial_leasing）", "must be leasing_company or financial_leasing")
	f.Wrong(strings.TrimSpace(in.Lessor.Name) == "", "lessor.name", "lease.lessor", "请填写出租人名称", "is missing")
	f.Wrong(strings.TrimSpace(in.Lessee.Name) == "", "lessee.name", "lease.lessee", "请填写承租人名称", "is missing")
	f.Wrong(in.Form != SaleLeaseback && in.Form != Direct, "form", "lease.form", "应为售后回租（sale_leaseback）或直接租赁（direct）", "must be sale_leaseback or direct")
	f.Wrong(in.Price <= 0 || in.Price > money.Max, "price", "lease.price", "购买价款应大于 0", "must be above zero")
	f.Wrong(in.Rate == nil || !(*in.Rate >= 0 && *in.Rate <= 5), "rate", "lease.rate", "租赁年利率应在 0 到 5 之间，如 0.0435", "must lie between 0 and 5, e.g. 0.0435")
	f.Wrong(in.Start.IsZero(), "start", "lease.start", "请填写起租日", "is missing")
	f.Wrong(in.Periods < 1 || in.Periods > 600, "periods", "lease.periods", "期数应为 1 到 600", "must be 1 to 600")
	f.Wrong(in.Every != 1 && in.Every != 2 && in.Every != 3 && in.Every != 4 && in.Every != 6 && in.Every != 12, "every_months", "lease.every", "每期月数应为 1、2、3、4、6 或 12", "must be 1, 2, 3, 4, 6 or 12")
	f.Wrong(in.Method != AnnuityArrears && in.Method != AnnuityAdvance && in.Method != EqualPrincipal && in.Method != Bullet, "method", "lease.method", "应为 annuity_arrears、annuity_advance、equal_principal 或 bullet", "must be annuity_arrears, annuity_advance, equal_principal or bullet")
	f.Wrong(in.Residual < 0 || in.Residual >= max(in.Price, 1), "residual", "lease.residual", "留购价应不为负且低于购买价款", "must not be negative and lie below the price")
	f.Wrong(in.Deposit < 0 || in.Fee < 0 || in.Deposit+in.Fee >= max(in.Price, 1), "deposit", "lease.outlay", "保证金与手续费不得为负，合计应低于购买价款", "deposit and fee may not be negative and must lie below the price together")
	f.Wrong(in.RateCap != nil && (!(*in.RateCap > 0 && *in.RateCap <= 5) || in.RateCapSource == ""), "rate_cap", "lease.rate_cap", "上限应大于 0，并写明依据", "must be above zero and name its source")
	f.Wrong(len(in.Objects) == 0 || len(in.Objects) > 1000, "objects", "lease.objects", "租赁物应为 1 到 1000 件", "must be 1 to 1,000")
	for _, x := range []*money.Fen{in.Lessor.NetAssets, in.Lessor.RiskAssets, in.Lessor.TotalAssets, in.Lessor.LeaseAssets, in.Lessor.Securities, in.Lessor.ToLessee, in.Lessor.ToGroup, in.Lessor.ToRelated, in.Lessor.ToAllRelated} {
		f.Wrong(x != nil && (*x < 0 || *x > money.Max), "lessor", "lease.amount", "出租人的金额不得为负", "amounts of the lessor may not be negative")
	}
	seen := map[patent.Key]int{}
	for i := range in.Objects {
		o := &in.Objects[i]
		at := fmt.Sprintf("objects[%d]", i)
		key := patent.Key(o.Number)
		if n, err := patent.ParseNumber(o.Number); err == nil {
			key = n.Key()
		}
		f.Wrong(o.Number == "", at+".number", "lease.object_number", "请填写专利号或注册号", "is missing")
		j, twice := seen[key]
		f.Wrong(twice, at+".number", "lease.object_twice", fmt.Sprintf("与第 %d 件重复", j+1), fmt.Sprintf("repeats object %d", j+1))
		seen[key] = i
		f.Wrong(!ordered(o.Low, o.Value, o.High), at+".value", "lease.value", "估值应不为负，且下限 ≤ 估值 ≤ 上限", "must not be negative and in order low, value, high")
	}
	return f.Err()
}

// ordered reports that the amounts that are known are not negative and ascend.
func ordered(amounts ...*money.Fen) bool {
	last := money.Fen(0)
	for _, x := range amounts {
		if x == nil {
			continue
		}
		if *x < last || *x > money.Max {
			return false
		}
		last = *x
	}
	return true
}

// period is the rate of one period as a fraction: rate·months/12, the rate taken
// to twelve decimals.
func (in *Input) period(f money.Fen) money.Fen {
	return f.MulRatio(int64(math.Round(*in.Rate*1e12))*int64(in.Every), 12e12)
}

// Rents computes the schedule, exact to the fen: interest of a period is
// balance·rate·months/12, rounded once, and the last rent takes what rounding
// left, so that the rents and the residual sum to the price and the interest.
// The level rent in arrears is (P − RV·v^n)·i/(1−v^n) with v = 1/(1+i), in
// advance that divided by 1+i (any textbook of annuities). The input must have
// passed [Input.Check].
func (in *Input) Rents() (s Schedule) {
	n, p, rv := in.Periods, in.Price, in.Residual
	i := *in.Rate * float64(in.Every) / 12
	v := math.Pow(1+i, -float64(n))
	level := (p - rv).Yuan() / float64(n)
	if i > 0 {
		level = (p.Yuan() - rv.Yuan()*v) * i / (1 - v)
	}
	s.Residual = rv
	end := rv // balance after the last rent
	if in.Method == AnnuityAdvance {
		level /= 1 + i
		end, _ = money.FromYuan(rv.Yuan() / (1 + i)) // the residual falls due a period after the last rent
	}
	s.Exact = level
	rent, _ := money.FromYuan(level)
	weights := make([]int64, n)
	for k := range weights {
		weights[k] = 1
	}
	parts, _ := (p - rv).Allocate(weights)
	balance := p
	for k := 1; k <= n; k++ {
		r := Rent{Number: k, Date: in.Start.AddMonths(k * in.Every), Interest: in.period(balance)}
		if in.Method == AnnuityAdvance {
			r.Date = in.Start.AddMonths((k - 1) * in.Every)
			if k == 1 {
				r.Interest = 0
			}
		}
		switch in.Method {
		case EqualPrincipal:
			r.Principal = parts[k-1]
		case Bullet:
			if k == n {
				r.Principal = p - rv
			}
		default:
			r.Principal = rent - r.Interest
			if k == n {
				r.Principal = balance - end
			}
		}
		r.Rent = r.Interest + r.Principal
		balance -= r.Principal
		r.Balance = balance
		s.Rents = append(s.Rents, r)
		s.Total += r.Rent
		s.Interest += r.Interest
	}
	s.Interest += rv - end // of the period between the last rent in advance and the residual
	if in.Method == EqualPrincipal || in.Method == Bullet {
		s.Exact = s.Rents[0].Rent.Yuan()
	}
	return s
}

// flows are the lessor's cash flows at the start of each period: what it pays
// is negative.
func (in *Input) flows(s *Schedule) []money.Fen {
	out := make([]money.Fen, in.Periods+1)
	out[0] = in.Fee + in.Deposit - in.Price
	for k, r := range s.Rents {
		at := k + 1
		if in.Method == AnnuityAdvance {
			at = k
		}
		out[at] += r.Rent
	}
	out[in.Periods] += in.Residual - in.Deposit
	return out
}

// implied solves the rate of a period at which the flows are worth nothing, by
// bisection. why says in Chinese why there is none, or not one only.
func implied(flows []money.Fen) (rate float64, why string) {
	changes, last := 0, money.Fen(0)
	for _, x := range flows {
		if x != 0 && last != 0 && (x > 0) != (last > 0) {
			changes++
		}
		if x != 0 {
			last = x
		}
	}
	if changes == 0 {
		return 0, "出租人没有净投入，或没有净回收，不存在内部收益率"
	}
	if changes > 1 {
		return 0, "现金流方向改变多于一次（如期末退还保证金大于最后一期租金），内部收益率可能不唯一；可改为以保证金冲抵末期租金后重算"
	}
	npv := func(r float64) (sum float64) {
		for k := len(flows) - 1; k >= 0; k-- {
			sum = sum/(1+r) + flows[k].Yuan()
		}
		return sum
	}
	low, high := -0.9, 10.0
	if (npv(low) > 0) == (npv(high) > 0) {
		return 0, "内部收益率超出 -90% 到 1000%"
	}
	sign := npv(low) > 0
	for range 200 {
		mid := (low + high) / 2
		if (npv(mid) > 0) == sign {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2, ""
}

// Decide computes and decides a lease.
func Decide(in Input) (_ Result, err error) {
	if err := in.Check(); err != nil {
		return Result{}, err
	}
	out := Result{Label: in.Label, On: in.On, End: in.Start.AddMonths(in.Periods * in.Every), Schedule: in.Rents()}
	if r, why := implied(in.flows(&out.Schedule)); why != "" {
		out.NoRate = why
	} else {
		nominal, effective := r*12/float64(in.Every), math.Pow(1+r, 12/float64(in.Every))-1
		out.Implied, out.Effective = &nominal, &effective
	}
	in.cover(&out)
	r := Rules.Under()
	in.admit(r)
	registered := true
	for i := range in.Objects {
		registered = in.object(r, &in.Objects[i], out.End) && registered
	}
	r.Ledger("L19", in.Ledger)
	in.price(r)
	in.yield(r, &out)
	in.coverRules(r, &out)
	in.limits(r)
	out.Decision = r.Decide()
	if registered {
		out.Pool = in.feed(&out)
	}
	return out, nil
}

// cover runs the object's value down the lease as [lending.TermLeft] does for
// collateral.
func (in *Input) cover(out *Result) {
	for _, o := range in.Objects {
		if o.Low == nil || o.Value == nil || o.Expiry.IsZero() {
			return // one object unknown makes the sum unknown
		}
	}
	for k := range out.Schedule.Rents {
		rent := &out.Schedule.Rents[k]
		value, low := in.worth(rent.Date)
		rent.Value, rent.Low = &value, &low
		if rent.Balance > 0 {
			x := float64(low) / float64(rent.Balance)
			rent.Cover = &x
			if out.MinCover == nil || x < *out.MinCover {
				out.MinCover = &x
			}
		}
	}
}

// worth is what the objects are worth on a day, as their terms run down.
func (in *Input) worth(on calendar.Date) (value, low money.Fen) {
	d := Rules.Value("cover_discount")
	for _, o := range in.Objects {
		left := 0.0
		if on.Before(o.Expiry) {
			left = min(lending.TermLeft(in.On.YearsUntil(o.Expiry), on.YearsUntil(o.Expiry), d), 1)
		}
		value += o.Value.MulRate(left)
		low += o.Low.MulRate(left)
	}
	return value, low
}

// admit is rule L01: what this kind of lessor may take.
func (in *Input) admit(r *ruling.Ruling) {
	l := &in.Lessor
	if l.Kind == FinancialLeasing {
		const source = "金融租赁公司管理办法第五条（租赁物限设备等）；2023年7月149号文：不得以非设备类资产做售后回租（51haodu.com/t/MGsyZFY2ZmN6RA==，据报道）"
		if l.Approval == "" {
			r.Cite("L01", ruling.Block, "", "金融租赁公司，租赁物为知识产权，不属于设备资产", "改由融资租赁公司办理，或提供监管部门同意的文件", source)
		} else {
			r.Cite("L01", ruling.Review, "", "金融租赁公司提供了文件："+l.Approval, "核对文件是否准许以知识产权为租赁物", source)
		}
		return
	}
	for _, g := range Regions() {
		if strings.Contains(l.Region, g.Region) && !in.On.Before(g.Dated.LastDay(g.Precision)) {
			r.Cite("L01", ruling.Pass, "", "融资租赁公司，注册地"+l.Region+"，当地规定准许以知识产权为租赁物", "", g.Region+" "+strings.TrimSpace(g.Doc+" "+g.Article)+"；"+g.Source)
			return
		}
	}
	if l.Region == "" {
		r.Add("L01", ruling.Unknown, "", "未填写出租人注册地", "出租人注册地")
		return
	}
	r.Add("L01", ruling.Review, "", "没有收录"+l.Region+"在基准日准许以知识产权为租赁物的规定", "当地准许以知识产权为租赁物的规定，或监管部门意见")
}

// object answers the rules of one object; registered says that the lessor has
// the title.
func (in *Input) object(r *ruling.Ruling, o *Object, end calendar.Date) (registered bool) {
	switch {
	case o.OwnerNow != "" && !o.Transferred.IsZero() && !o.Transferred.After(in.On) && !patent.SameName(o.OwnerNow, in.Lessor.Name):
		r.Add("L02", ruling.Block, o.Number, "登记权利人为"+o.OwnerNow+"，不是出租人"+in.Lessor.Name, "核实转移登记")
	case o.Transferred.IsZero():
		r.Add("L02", ruling.Unknown, o.Number, "未见转移登记", "转移登记手续合格通知书")
	case o.Transferred.After(in.On):
		r.Add("L02", ruling.Unknown, o.Number, "转移登记日"+o.Transferred.String()+"在基准日之后，基准日尚未登记", "转移登记手续合格通知书")
	default:
		registered = true
		r.Add("L02", ruling.Pass, o.Number, o.Transferred.String()+"登记", "")
	}
	switch {
	case o.Expiry.IsZero():
		r.Add("L04", ruling.Unknown, o.Number, "届满日未知", "申请日和专利类型，或登记簿副本")
	case !patent.OutlivesDebt(o.Expiry, end):
		r.Add("L04", ruling.Block, o.Number, "租赁期末"+end.String()+"，权利"+o.Expiry.String()+"已届满", "缩短租期")
	default:
		r.Add("L04", ruling.Pass, o.Number, "租赁期末"+end.String()+"，权利至"+o.Expiry.AddDays(-1).String(), "")
	}
	if in.Form == SaleLeaseback {
		switch {
		case o.OwnerBefore == "":
			r.Add("L05", ruling.Unknown, o.Number, "未填写原权利人", "转让前的登记簿副本")
		case !patent.SameName(o.OwnerBefore, in.Lessee.Name):
			r.Add("L05", ruling.Block, o.Number, "原权利人为"+o.OwnerBefore+"，承租人为"+in.Lessee.Name, "由权利人出售，或改为直接租赁")
		default:
			r.Add("L05", ruling.Pass, o.Number, "原权利人即承租人", "")
		}
	}
	var burdens, unknown []string
	for _, x := range []struct {
		zh string
		is patent.Truth
	}{{"质押", o.Pledged}, {"保全", o.Preserved}, {"入池", o.Pooled}, {"独占许可", o.Exclusive}, {"另行租赁", o.Leased}} {
		switch x.is {
		case patent.Yes:
			burdens = append(burdens, x.zh)
		case patent.No:
		default:
			unknown = append(unknown, x.zh)
		}
	}
	switch {
	case len(burdens) > 0:
		r.Add("L06", ruling.Block, o.Number, "已"+strings.Join(burdens, "、"), "先解除，再办理租赁")
	case len(unknown) > 0:
		r.Add("L06", ruling.Unknown, o.Number, "不知是否有："+strings.Join(unknown, "、"), "登记簿副本和权利人声明")
	default:
		r.Add("L06", ruling.Pass, o.Number, "均无", "")
	}
	switch o.Earns {
	case patent.Yes:
		r.Add("L07", ruling.Pass, o.Number, "能够产生收益", "")
	case patent.No:
		r.Add("L07", ruling.Block, o.Number, "不产生收益", "更换租赁物")
	default:
		r.Add("L07", ruling.Unknown, o.Number, "没有收益资料", "使用该权利的产品收入或许可合同")
	}
	return registered
}

// price is rule L03.
func (in *Input) price(r *ruling.Ruling) {
	var value, high money.Fen
	for _, o := range in.Objects {
		if o.Value == nil || o.High == nil {
			r.Add("L03", ruling.Unknown, "", o.Number+"没有估值区间", "估值参考意见（下限、估值、上限）")
			return
		}
		value += *o.Value
		high += *o.High
	}
	evidence := fmt.Sprintf("价款%s元，估值%s元，上限%s元", in.Price, value, high)
	switch {
	case in.Price > high:
		r.Add("L03", ruling.Block, "", evidence, "降低价款至不高于估值上限")
	case in.Price > value:
		r.Add("L03", ruling.Warn, "", evidence+"：高于估值，注意虚高作价被认定为借贷", "说明作价依据")
	default:
		r.Add("L03", ruling.Pass, "", evidence, "")
	}
}

// yield is rule L08.
func (in *Input) yield(r *ruling.Ruling, out *Result) {
	switch {
	case in.RateCap == nil:
		r.Add("L08", ruling.Unknown, "", "本机构没有填写上限；没有找到统一的法定上限", "本机构综合收益率上限及依据")
	case out.Effective == nil:
		r.Cite("L08", ruling.Unknown, "", out.NoRate, "现金流安排的说明", in.RateCapSource)
	case *out.Effective > *in.RateCap:
		r.Cite("L08", ruling.Block, "", fmt.Sprintf("综合有效年利率%.4f%%，上限%.4f%%", 100**out.Effective, 100**in.RateCap), "降低利率或手续费", in.RateCapSource)
	default:
		r.Cite("L08", ruling.Pass, "", fmt.Sprintf("综合有效年利率%.4f%%，上限%.4f%%", 100**out.Effective, 100**in.RateCap), "", in.RateCapSource)
	}
}

// coverRules are rules L09 and L10.
func (in *Input) coverRules(r *ruling.Ruling, out *Result) {
	rents := out.Schedule.Rents
	known := rents[0].Low != nil
	switch {
	case !known:
		r.Add("L09", ruling.Unknown, "", "租赁物的估值或届满日未知", "估值参考意见和届满日")
	case out.MinCover != nil && *out.MinCover < 1:
		first := ""
		for _, x := range rents {
			if x.Cover != nil && *x.Cover < 1 {
				first = x.Date.String()
				break
			}
		}
		r.Add("L09", ruling.Warn, "", fmt.Sprintf("最低%.2f倍，自%s起不足", *out.MinCover, first), "增加租赁物、保证金或缩短租期")
	default:
		r.Add("L09", ruling.Pass, "", "各期均不低于 1 倍", "")
	}
	if in.Residual == 0 {
		return
	}
	if !known {
		r.Add("L10", ruling.Unknown, "", "期末价值未知", "估值参考意见和届满日")
		return
	}
	if value, _ := in.worth(out.End); in.Residual > value {
		r.Add("L10", ruling.Warn, "", fmt.Sprintf("留购价%s元，期末价值%s元", in.Residual, value), "降低留购价")
	} else {
		r.Add("L10", ruling.Pass, "", fmt.Sprintf("留购价%s元，期末价值%s元", in.Residual, value), "")
	}
}

// limits are rules L11 to L18: the lessor's own ratios, with this lease in them.
func (in *Input) limits(r *ruling.Ruling) {
	l := &in.Lessor
	if l.Kind == FinancialLeasing {
		r.Add("L18", ruling.Review, "", "本系统未收录金融租赁公司的监管指标", "本机构监管指标测算")
		return
	}
	related := in.Lessee.Related
	for _, x := range []struct {
		code, figure, zh string
		of, to           *money.Fen
		with             bool         // this lease adds to it
		least            bool         // the figure is a floor
		applies          patent.Truth // No: the rule does not touch this lease
	}{
		{"L11", "risk_assets_to_net_assets", "风险资产", l.RiskAssets, l.NetAssets, true, false, patent.Yes},
		{"L12", "lease_assets_share", "租赁资产", l.LeaseAssets, l.TotalAssets, true, true, patent.Yes},
		{"L13", "securities_share", "固定收益类证券", l.Securities, l.NetAssets, false, false, patent.Yes},
		{"L14", "single_lessee", "对该承租人余额", l.ToLessee, l.NetAssets, true, false, patent.Yes},
		{"L15", "single_group", "对该集团余额", l.ToGroup, l.NetAssets, true, false, in.Lessee.InGroup},
		{"L16", "one_related", "对该关联方余额", l.ToRelated, l.NetAssets, true, false, related},
		{"L17", "all_related", "对全部关联方余额", l.ToAllRelated, l.NetAssets, true, false, related},
	} {
		switch {
		case x.applies == patent.No:
			r.Add(x.code, ruling.Pass, "", "本笔不涉及", "")
		case x.applies != patent.Yes:
			r.Add(x.code, ruling.Unknown, "", "不知承租人是否属于集团或关联方", "承租人的集团和关联关系说明")
		case x.of == nil || x.to == nil:
			r.Add(x.code, ruling.Unknown, "", x.zh+"或其分母未知", "出租人最近一期监管报表（"+x.zh+"、净资产、总资产）")
		default:
			amount := *x.of
			if x.with {
				amount += in.Price
			}
			bound := x.to.MulRate(Rules.Value(x.figure))
			evidence := fmt.Sprintf("%s%s元（含本笔），界限%s元", x.zh, amount, bound)
			if !x.with {
				evidence = fmt.Sprintf("%s%s元，界限%s元", x.zh, amount, bound)
			}
			if x.least && amount < bound || !x.least && amount > bound {
				r.Add(x.code, ruling.Block, "", evidence, "调整规模后再办理")
			} else {
				r.Add(x.code, ruling.Pass, "", evidence, "")
			}
		}
	}
}

// feed is the lease as a pool takes it.
func (in *Input) feed(out *Result) *PoolFeed {
	a := pool.Asset{
		ID: "lease-" + in.Start.String(), Obligor: in.Lessee.Name, Kind: pool.Lease, Principal: in.Price, Rate: *in.Rate, Start: in.Start, Maturity: out.End,
		Amortise: "schedule", EveryMonth: in.Every, IPFormed: pool.Yes,
	}
	for _, r := range out.Schedule.Rents {
		a.Schedule = append(a.Schedule, pool.Due{Date: r.Date, Principal: r.Principal, Interest: r.Interest})
	}
	f := &PoolFeed{}
	for _, o := range in.Objects {
		a.Patents = append(a.Patents, o.Number)
		ip := pool.IP{Number: o.Number, Title: o.Title, Owner: in.Lessor.Name, Expires: o.Expiry, Registered: "转移登记 " + o.Transferred.String()}
		if o.Low != nil && o.Value != nil && o.High != nil {
			ip.Value = &pool.Value{Low: o.Low.Yuan(), Point: o.Value.Yuan(), High: o.High.Yuan(), Date: in.On, Source: o.Source}
		}
		f.IPs = append(f.IPs, ip)
	}
	if in.Residual > 0 {
		last := &a.Schedule[len(a.Schedule)-1]
		if last.Date == out.End {
			last.Principal += in.Residual
		} else {
			end := out.Schedule.Rents[len(out.Schedule.Rents)-1].Balance
			a.Schedule = append(a.Schedule, pool.Due{Date: out.End, Principal: end, Interest: in.Residual - end})
		}
	}
	f.Asset = a
	return f
}
