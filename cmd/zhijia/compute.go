package main

import (
	"fmt"
	"io"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/valuation/formula"
	"zhijia/internal/valuation/terms"
)

// maxInputs bounds the JSON a formula reads.
const maxInputs = 4 << 20

// computeCmd evaluates one named formula on JSON inputs from standard input.
type computeCmd struct {
	Method string `arg:"" optional:"" help:"Formula, e.g. relief_from_royalty; see --list."`
	List   bool   `help:"List the formulas with their inputs."`
}

// Run prints {"value", "workings", …} or, for people, the workings as a tree.
func (c *computeCmd) Run(g *Globals) error {
	if c.List || c.Method == "" {
		return c.list(g)
	}
	raw, err := io.ReadAll(io.LimitReader(g.stdin, maxInputs+1))
	if err != nil {
		return err
	}
	if len(raw) > maxInputs {
		return fault.New(fault.TooLarge, "compute.too_large", "输入超过 4 MiB。", "the inputs are larger than 4 MiB")
	}
	res, err := formula.Compute(c.Method, raw)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(res)
	}
	fmt.Fprintf(g.stdout, "%s = %v %s\n%s (%s)\n", res.Method, res.Value, res.Unit, res.Formula, res.Source)
	printWorkings(g.stdout, res.Workings, 1)
	for _, n := range res.Notes {
		fmt.Fprintln(g.stdout, "注:", n)
	}
	return nil
}

func printWorkings(w io.Writer, tree []terms.Working, depth int) {
	for _, n := range tree {
		fmt.Fprintf(w, "%s%-28s %20.6f %s", strings.Repeat("  ", depth), n.Key, n.Value, n.Unit)
		if n.Formula != "" {
			fmt.Fprintf(w, "  = %s", n.Formula)
		}
		fmt.Fprintln(w)
		printWorkings(w, n.Children, depth+1)
	}
}

func (c *computeCmd) list(g *Globals) error {
	all := formula.Methods()
	if g.JSON {
		return g.print(all)
	}
	for _, m := range all {
		fmt.Fprintf(g.stdout, "%s: %s\n  %s (%s)\n", m.Name, m.Summary, m.Formula, m.Source)
		for _, in := range m.Inputs {
			def := "required"
			if in.Default != "" {
				def = "default " + in.Default
			}
			fmt.Fprintf(g.stdout, "    %-26s %-8s %-6s %s. %s", in.Name, in.Type, in.Unit, def, in.Doc)
			if len(in.Aliases) > 0 {
				fmt.Fprintf(g.stdout, " (also %s)", strings.Join(in.Aliases, ", "))
			}
			fmt.Fprintln(g.stdout)
		}
	}
	return nil
}
