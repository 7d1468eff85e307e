package main

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/dossier"
	"zhijia/internal/patent"
)

type dossierCmd struct {
	Database
	Number   string   `arg:"" help:"Application or patent number, any usual form."`
	AsOf     string   `name:"as-of" help:"Only what was public by this day counts, YYYY-MM-DD. Default: today."`
	Pledgor  []string `help:"Name of a party that would pledge the patent; repeatable." sep:"none"`
	Maturity string   `help:"Last day of the debt the pledge would secure, YYYY-MM-DD."`
	Contract []string `help:"What the pledge contract states: parties, debt, period, patents, scope." enum:"parties,debt,period,patents,scope" placeholder:"ELEMENT"`
	Twin     string   `help:"Whether the same invention was filed the same day as the other kind." enum:"yes,no,unknown" default:"unknown"`
	Invalid  string   `name:"challenged" help:"Whether an invalidation was filed." enum:"yes,no,unknown" default:"unknown"`
	Consent  string   `help:"Whether every co-owner agrees." enum:"yes,no,unknown" default:"unknown"`
	Other    string   `help:"Another obstacle an officer found; none when there is none."`

	Declare map[string]string `help:"Declaration that clears a ground, e.g. E10=TEXT; only E10 and E11 can be cleared." placeholder:"CODE=TEXT"`
}

// Run prints the dossier.
func (c *dossierCmd) Run(g *Globals) error {
	n, err := patent.ParseNumber(c.Number)
	if err != nil {
		return err
	}
	on, err := optionalDate("--as-of", c.AsOf)
	if err != nil {
		return err
	}
	if on.IsZero() {
		on = calendar.InChina(time.Now())
	}
	facts := patent.PledgeFacts{
		Pledgors: c.Pledgor, Contract: c.Contract, Twin: patent.Truth(c.Twin), Challenged: patent.Truth(c.Invalid),
		CoOwnerConsent: patent.Truth(c.Consent), Other: c.Other, Declarations: c.Declare,
	}
	if facts.Maturity, err = optionalDate("--maturity", c.Maturity); err != nil {
		return err
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	d, err := dossier.Read(g.ctx, db, g.operator().Institution, n, facts, on, g.days)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(d)
	}
	return printDossier(g, &d)
}

func printDossier(g *Globals, d *patent.Dossier) error {
	out := bufio.NewWriter(g.stdout)
	line := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	line("权利档案  %s  %s", d.Display, d.Title)
	line("截至 %s", d.On)
	line("")
	line("类型      %s", d.KindZh)
	for _, c := range d.IPC {
		line("分类      %s  %s / %s", c.Symbol, c.Section.Zh, c.Class.Zh)
	}
	owners := "未知"
	if len(d.Owners) > 0 {
		owners = strings.Join(d.Owners, "、")
	}
	line("专利权人  %s", owners)
	line("状态      %s", d.StandingZh)
	if d.StaleDays != nil {
		line("          最近一条公告距今 %d 天", *d.StaleDays)
	}
	if d.Term.RemainingDays != nil {
		line("保护期    %d 年，最后受保护日 %s，剩余 %d 天", d.Term.Years, d.Term.LastProtected, *d.Term.RemainingDays)
		for _, x := range []struct {
			zh   string
			days *int
		}{{"期限补偿", d.Term.Adjustment}, {"药品期限补偿", d.Term.Extension}} {
			if x.days != nil {
				line("          含%s %d 天", x.zh, *x.days)
			}
		}
	}
	line("年费      %s", d.Fees.Zh)
	if !d.Fees.Due.IsZero() {
		line("          第 %d 年度 %s 元，应于 %s 前缴纳", d.Fees.Year, d.Fees.Fee, d.Fees.PayBy)
	}
	if d.CostToKeep != nil {
		line("          维持至届满尚需 %s 元（不含滞纳金与减缴）", *d.CostToKeep)
	}
	line("\n记载（来源，日期）")
	for _, s := range d.Statements {
		date := s.Date.String()
		if date == "" {
			date = "日期未载"
		}
		line("  %s：%s（%s，%s）", s.Zh, s.Value, s.Source, date)
	}
	line("\n还可以做什么")
	words := map[patent.Allowance]string{patent.Allowed: "可以", patent.WithConsent: "须经同意", patent.Forbidden: "不可以", patent.NotKnown: "未知"}
	for _, u := range d.Uses {
		line("  %s：%s  %s", u.Zh, words[u.Allowed], strings.Join(u.Reasons, "；"))
	}
	line("\n质押登记：%s", d.Eligibility.Zh)
	outcomes := map[patent.Outcome]string{patent.Clear: "不存在", patent.Met: "存在", patent.Declared: "已声明", patent.Open: "未知"}
	severities := map[patent.Severity]string{patent.Block: "阻断", patent.Warn: "可声明", patent.Review: "人工"}
	for _, f := range d.Eligibility.Findings {
		line("  %s [%s] %s：%s", f.Code, severities[f.Severity], f.Zh, outcomes[f.Outcome])
		for _, text := range []string{f.Reason, f.Declared} {
			if text != "" {
				line("      %s", text)
			}
		}
	}
	list := func(title string, rows []string) {
		if len(rows) > 0 {
			line("\n%s", title)
			for _, r := range rows {
				line("  %s", r)
			}
		}
	}
	list("相互矛盾的记载", d.Conflicts)
	gaps := make([]string, len(d.Missing))
	for i, m := range d.Missing {
		gaps[i] = m.Zh + "（请提供：" + m.Supply + "）"
	}
	list("缺少", gaps)
	list("应备材料", d.Documents)
	return out.Flush()
}
