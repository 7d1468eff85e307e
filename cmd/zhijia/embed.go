package main

import (
	"fmt"
	"net/url"

	"zhijia/internal/appraisal"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/spaces"
	"zhijia/internal/store"
)

type embedCmd struct {
	Fit    embedFitCmd    `cmd:"" help:"Fit the local embedder on the stored texts and switch to it; requests are served throughout."`
	Train  embedTrainCmd  `cmd:"" help:"Learn the map from wording to patent classes from files; makes the model that ships."`
	Weigh  embedWeighCmd  `cmd:"" help:"Learn the weights of the similarity of comparables from files; makes those that ship."`
	Use    embedUseCmd    `cmd:"" help:"Embed the stored texts through an OpenAI-compatible endpoint and switch to it."`
	Status embedStatusCmd `cmd:"" help:"Show the embedding space in use."`
	Search embedSearchCmd `cmd:"" help:"Search the stored patents for a text."`
}

type embedFitCmd struct {
	Database
	Seed  uint64 `help:"Equal corpus and seed give an equal model." default:"1"`
	Force bool   `help:"Switch although the new space is not better on the texts held out, or too few have symbols to tell."`
}

func (c *embedFitCmd) Run(g *Globals) error {
	svc, done, err := c.service(g)
	if err != nil {
		return err
	}
	defer done()
	f, err := svc.Spaces().Fit(g.ctx, g.operator(), c.Seed, c.Force, func(stage string, n int) {
		if terminal(g.stderr) {
			fmt.Fprintf(g.stderr, "\r%-8s %8d ", stage, n)
		}
	})
	if err != nil {
		return err
	}
	if g.JSON {
		out := map[string]any{"switched": f.Switched, "held_out": f.Held}
		if f.Held > 0 {
			out["ndcg10_before"], out["ndcg10_after"] = f.Old, f.New
		}
		out["waiting"] = f.Waiting
		if f.Switched || f.Waiting {
			out["space"], out["fitted_on"], out["card"] = f.Space.String(), f.Space.FittedOn, f.Card
		}
		return g.print(out)
	}
	if f.Held > 0 {
		fmt.Fprintf(g.stdout, "finding the same subclass among %d texts held out, nDCG@10: space in use %.3f, new space %.3f\n", f.Held, f.Old, f.New)
	} else {
		fmt.Fprintln(g.stdout, "too few stored texts have IPC symbols to say whether a new space would be better")
	}
	if f.Waiting {
		fmt.Fprintln(g.stdout, waitsZh)
		return nil
	}
	if !f.Switched {
		fmt.Fprintln(g.stdout, "the space in use stays; --force switches all the same")
		return nil
	}
	fmt.Fprintf(g.stdout, "now using %s, fitted on %d documents\n", f.Space, f.Space.FittedOn)
	return nil
}

type embedUseCmd struct {
	Database
	LLM  llm.Config     `embed:"" prefix:"llm-"`
	Head spaces.HeadUse `enum:"auto,on,off" default:"auto" help:"Put a map to IPC subclasses, learned from the stored texts with symbols, on the endpoint's vectors: auto only when it finds the same subclass better on texts held out."`
}

func (c *embedUseCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	client, err := llm.New(c.LLM, judge.Gate(db, &c.LLM))
	if err != nil {
		return err
	}
	svc, err := appraisal.New(g.ctx, db, appraisal.Options{Embedder: client, Days: g.days})
	if err != nil {
		return err
	}
	u, err := url.Parse(c.LLM.BaseURL)
	if err != nil {
		return err
	}
	used, err := svc.Spaces().UseEndpoint(judge.With(g.ctx, judge.Permit{Actor: g.operator()}), g.operator(), u.Host, c.LLM.EmbedModel, client, c.Head, func(stage string, n int) {
		if terminal(g.stderr) {
			fmt.Fprintf(g.stderr, "\r%-8s %8d ", stage, n)
		}
	})
	if err != nil {
		return err
	}
	if g.JSON {
		out := map[string]any{"space": used.Space.String(), "waiting": used.Waiting, "head": used.Head, "held_out": used.Held}
		if used.Held > 0 {
			out["ndcg10_without_head"], out["ndcg10_with_head"] = used.Without, used.With
		}
		return g.print(out)
	}
	switch {
	case used.Held > 0:
		fmt.Fprintf(g.stdout, "finding the same subclass among %d texts held out, nDCG@10: the endpoint's vectors %.3f, with a map to classes on top %.3f\n", used.Held, used.Without, used.With)
	case c.Head != spaces.HeadOff:
		fmt.Fprintln(g.stdout, "too few stored texts have IPC symbols to say whether a map to classes would help")
	}
	if used.Waiting {
		fmt.Fprintln(g.stdout, waitsZh)
		return nil
	}
	fmt.Fprintf(g.stdout, "now using %s\n", used.Space)
	return nil
}

type embedStatusCmd struct{ Database }

func (c *embedStatusCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	if _, err := appraisal.New(g.ctx, db, appraisal.Options{Days: g.days}); err != nil { // makes the first space
		return err
	}
	id, err := db.ActiveSpaceID(g.ctx)
	if err != nil {
		return err
	}
	space, err := db.Space(g.ctx, id)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"space": space.String(), "fitted_on": space.FittedOn})
	}
	fmt.Fprintf(g.stdout, "%s, fitted on %d documents\n", space, space.FittedOn)
	return nil
}

type embedSearchCmd struct {
	Database
	modelFlags
	Text  string   `arg:"" help:"What to search for: a title, an abstract, a claim."`
	IPC   []string `help:"Only these IPC subclasses, classes or sections."`
	Limit int      `help:"Patents shown." default:"10"`
}

func (c *embedSearchCmd) Run(g *Globals) error {
	svc, _, done, err := c.scoredService(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	found, err := svc.Spaces().SearchPatents(judge.With(g.ctx, judge.Permit{Actor: g.operator()}), c.Text, store.PatentFilter{IPC: c.IPC}, c.Limit)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(found)
	}
	for _, h := range found.Hits {
		fmt.Fprintf(g.stdout, "%.3f  %s  %s\n", h.Similarity.Total, h.Number, h.Title)
	}
	fmt.Fprintf(g.stdout, "(%s)\n", found.Path)
	return nil
}
