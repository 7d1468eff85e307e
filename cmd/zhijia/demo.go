package main

import (
	"fmt"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/opinion"
	"zhijia/internal/store"
)

// demoPatent is a real patent with a published price: it was sold the day
// after the demo's valuation date, so the opinion can be held against it.
const (
	demoPatent = "ZL200810027800.7"
	demoDate   = "2019-11-26"
	demoPrice  = "40,000 元"
)

type demoCmd struct {
	Database
	Lang string `help:"Language of the opinion." enum:"zh,en" default:"zh"`
}

func (c *demoCmd) Help() string {
	return "Loads the project's own facts, values a real patent as of the day of its sale without seeing the sale, and prints the opinion."
}

func (c *demoCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	svc, err := appraisal.New(g.ctx, db, appraisal.Options{Days: g.days})
	if err != nil {
		return err
	}
	if err := db.LoadFacts(g.ctx); err != nil {
		return err
	}
	if err := svc.Spaces().EmbedStored(store.As(g.ctx, store.Public), nil); err != nil {
		return err
	}
	record, err := svc.Value(g.ctx, appraisal.Actor{Name: "demo", Institution: g.Institution}, appraisal.Request{
		Number: demoPatent, Date: calendar.MustParse(demoDate),
	})
	if err != nil {
		return err
	}
	if g.JSON {
		return printRecord(g, record)
	}
	if err := printOpinion(g, record, opinion.Lang(c.Lang)); err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, `
The patent was sold on %s for %s; the opinion above was formed without that deal.

What next:
  go run ./cmd/zhijia value ZL201310543019.6             another patent of the store, as of today
  go run ./cmd/zhijia value --title "一种锂离子电池正极材料" --ipc "H01M 4/36"
  go run ./cmd/zhijia dossier ZL200810027800.7           what is known of this right, and what is missing for a pledge
  go run ./cmd/zhijia batch template --out desk.xlsx     a loan desk's file; batch run desk.xlsx --out results.xlsx decides it
  go run ./cmd/zhijia keys create me --role officer      a key, shown once
  go run ./cmd/zhijia serve                              the service: REST, officer's pages, documentation
`, demoDate, demoPrice)
	return nil
}

// printOpinion writes the record as the opinion a person reads.
func printOpinion(g *Globals, r *appraisal.Record, lang opinion.Lang) error {
	o, err := r.Opinion(nil)
	if err != nil {
		return err
	}
	return o.Text(g.stdout, lang)
}

// printRecord writes the stored bytes, as every other face serves them.
func printRecord(g *Globals, r *appraisal.Record) error {
	b, err := r.JSON()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(g.stdout, "%s\n", b)
	return err
}
