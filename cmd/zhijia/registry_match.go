package main

import (
	"fmt"
	"strings"
	"time"

	"zhijia/internal/intake"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

type registryMatchCmd struct {
	Database
	Kind []string `enum:"party,deal,patent" default:"party,deal,patent" help:"What to look for."`
}

var matchZh = map[store.MatchKind]string{store.MatchParty: "主体", store.MatchDeal: "交易", store.MatchPatent: "专利"}

// Run looks for what is told twice.
func (c *registryMatchCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	kinds := make([]store.MatchKind, len(c.Kind))
	for i, k := range c.Kind {
		kinds[i] = store.MatchKind(k)
	}
	rep, err := intake.Match(g.ctx, db, g.operator(), kinds, time.Now())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(rep)
	}
	for _, k := range kinds {
		fmt.Fprintf(g.stdout, "%s：%d 条记录，自动认定相同 %d 对，待人工核对 %d 对\n", matchZh[k], rep.Entries[k], rep.Same[k], rep.Waiting[k])
	}
	fmt.Fprintf(g.stdout, "新发现 %d 对\n", rep.New)
	return nil
}

type registryReviewCmd struct {
	Database
	Kind  string `enum:"party,deal,patent," default:"" help:"Only these."`
	All   bool   `help:"Also pairs taken without asking and those decided."`
	After string `help:"Id of the last pair of the page before."`
	Limit int    `default:"50"`
}

var bandZh = map[patent.Band]string{patent.Same: "相同", patent.Uncertain: "待定", patent.Different: "不同"}

// Run lists what waits for a person.
func (c *registryReviewCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := db.Matches(g.ctx, g.operator().Institution, store.MatchFilter{Kind: store.MatchKind(c.Kind), Waiting: !c.All, After: c.After, Limit: c.Limit})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(list)
	}
	for _, m := range list {
		fmt.Fprintf(g.stdout, "%s  %s  %s  %.2f\n  甲：%s\n  乙：%s\n  理由：%s\n", m.ID, matchZh[m.Kind], bandZh[m.Band], m.Score, m.AShown, m.BShown, strings.Join(m.Reasons, "；"))
		if m.Verdict != "" {
			fmt.Fprintf(g.stdout, "  已核对：%s（%s，%s，%s）\n", bandZh[m.Verdict], m.Reason, m.DecidedBy, m.DecidedAt.Format(time.DateOnly))
		}
	}
	fmt.Fprintf(g.stdout, "共 %d 对\n", len(list))
	return nil
}

type registryDecideCmd struct {
	Database
	ID      string `arg:"" help:"The pair's id."`
	Verdict string `arg:"" enum:"same,different" help:"same or different."`
	Reason  string `required:"" help:"Why; it stays on record."`
}

// Run records a decision.
func (c *registryDecideCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	m, history, err := db.DecideMatch(g.ctx, g.operator().Institution, c.ID, patent.Band(c.Verdict), c.Reason, g.operator().Name, time.Now().UTC())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"pair": m, "history": history})
	}
	fmt.Fprintf(g.stdout, "%s 记为%s；历次结论 %d 条\n", m.ID, bandZh[m.Verdict], len(history))
	return nil
}
