package main

import "fmt"

type institutionsCmd struct {
	Add  institutionsAddCmd  `cmd:"" help:"Add an institution, or give one another name."`
	List institutionsListCmd `cmd:"" help:"List the institutions."`

	Interests institutionsInterestsCmd `cmd:"" help:"Decide whether an institution tells others that it noted an interest in a patent, and is told so; off from the start."`
}

type institutionsInterestsCmd struct {
	Database
	ID    string `arg:""`
	Share bool   `xor:"word" required:"" help:"Tell and be told: that another institution noted an interest, the day, and whether it is registered; never who."`
	Keep  bool   `xor:"word" required:"" help:"Neither tell nor be told."`
}

// Run decides it.
func (c *institutionsInterestsCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	return db.ShareInterests(g.ctx, c.ID, c.Share, g.operator().Name)
}

type institutionsAddCmd struct {
	Database
	ID   string `arg:"" help:"1 to 40 lower-case letters, digits or dashes."`
	Name string `arg:"" help:"E.g. \"某某银行\"."`
}

// Run adds it.
func (c *institutionsAddCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	return db.PutInstitution(g.ctx, c.ID, c.Name, g.operator().Name)
}

type institutionsListCmd struct{ Database }

// Run lists them.
func (c *institutionsListCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := db.Institutions(g.ctx)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(list)
	}
	for _, i := range list {
		fmt.Fprintf(g.stdout, "%-40s %s\n", i.ID, i.Name)
	}
	return nil
}
