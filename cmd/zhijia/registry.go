package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

type registryCmd struct {
	Check registryCheckCmd `cmd:"" help:"Check numbers, one a line, from standard input."`
}

type registryCheckCmd struct{}

func (c *registryCheckCmd) Help() string {
	return "Reads one number a line in any usual form and says whether it is valid, its normal form and kind, or what is wrong and how to mend it. With --json one object a line."
}

// checked is what is said of one number.
type checked struct {
	Input   string `json:"input"`
	Valid   bool   `json:"valid"`
	Normal  string `json:"normal,omitempty"`
	Display string `json:"display,omitempty"`
	Form    string `json:"form,omitempty"` // application, publication, foreign
	Kind    string `json:"kind,omitempty"` // invention, utility_model, design
	PCT     bool   `json:"pct,omitempty"`
	Code    string `json:"code,omitempty"`
	Reason  string `json:"reason"` // Chinese; empty when valid
	En      string `json:"reason_en,omitempty"`
}

func check(line string) checked {
	n, err := patent.ParseNumber(line)
	if err != nil {
		pub := fault.Public(err)
		return checked{Input: line, Code: pub.Code, Reason: pub.Zh, En: pub.En}
	}
	return checked{Input: line, Valid: true, Normal: n.String(), Display: n.Display(), Form: string(n.Form), Kind: string(n.Kind), PCT: n.PCT}
}

// Run checks every line; an empty line is skipped.
func (c *registryCheckCmd) Run(g *Globals) error {
	in := bufio.NewScanner(g.stdin)
	in.Buffer(make([]byte, 0, 64<<10), 1<<20)
	out := bufio.NewWriterSize(g.stdout, 256<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	total, valid := 0, 0
	for in.Scan() {
		line := strings.TrimSpace(strings.TrimPrefix(in.Text(), "\ufeff"))
		if line == "" {
			continue
		}
		x := check(line)
		total++
		if x.Valid {
			valid++
		}
		switch {
		case g.JSON:
			if err := enc.Encode(x); err != nil {
				return err
			}
		case x.Valid:
			fmt.Fprintf(out, "%s\t有效\t%s\t%s\n", line, x.Display, patent.Kind(x.Kind).Zh())
		default:
			fmt.Fprintf(out, "%s\t无效\t%s [%s]\n", line, x.Reason, x.Code)
		}
	}
	if err := in.Err(); err != nil {
		return fault.New(fault.Invalid, "file.line", "有一行过长，无法读取。", "A line is too long to be read.").Because(err)
	}
	if !g.JSON {
		fmt.Fprintf(out, "共 %d 个，有效 %d 个\n", total, valid)
	}
	return out.Flush()
}
