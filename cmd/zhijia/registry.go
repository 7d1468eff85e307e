package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

type registryCmd struct {
	Check  registryCheckCmd  `cmd:"" help:"Check numbers, one a line, from standard input."`
	Term   registryTermCmd   `cmd:"" help:"Work out a term from dates, with the adjustment and extension the facts would give."`
	Match  registryMatchCmd  `cmd:"" help:"Look for parties, deals and patents told twice."`
	Review registryReviewCmd `cmd:"" help:"List the pairs that wait for a person to decide."`
	Decide registryDecideCmd `cmd:"" help:"Decide whether a pair is one; the decision holds from then on."`
}

type registryCheckCmd struct{}

func (c *registryCheckCmd) Help() string {
	return "Reads one number a line in any usual form and says whether it is valid, its normal form and kind, or what is wrong and how to mend it. With --json one object a line."
}

// checked is what is said of one number. Input, valid, normal, kind and reason
// are always there.
type checked struct {
	Input   string `json:"input"`
	Valid   bool   `json:"valid"`
	Normal  string `json:"normal"`
	Kind    string `json:"kind"` // invention, utility_model, design; empty for numbers of other offices
	Display string `json:"display,omitempty"`
	Form    string `json:"form,omitempty"` // application, publication, foreign
	Office  string `json:"office,omitempty"`
	PCT     bool   `json:"pct,omitempty"`

	// Key is the same for every form of one number; Computed says that the
	// check digit was not given, so that nothing in the number was checked.
	Key      string        `json:"key,omitempty"`
	Computed bool          `json:"check_digit_computed,omitempty"`
	Forms    *patent.Forms `json:"forms,omitempty"`

	Code   string `json:"code,omitempty"`
	Reason string `json:"reason"` // Chinese; empty when valid
	En     string `json:"reason_en,omitempty"`
}

// check says what is to be said of a number in a year.
func check(line string, year int) checked {
	n, err := patent.ParseNumber(line)
	if err == nil && n.Year > year {
		err = fault.New(fault.Invalid, "number.year", fmt.Sprintf("申请年份 %d 尚未到来。", n.Year), fmt.Sprintf("The filing year %d has not come yet.", n.Year))
	}
	if err != nil {
		pub := fault.Public(err)
		return checked{Input: line, Code: pub.Code, Reason: pub.Zh, En: pub.En}
	}
	forms := n.Forms()
	return checked{
		Input: line, Valid: true, Normal: n.String(), Display: n.Display(), Form: string(n.Form), Kind: string(n.Kind), Office: n.Office, PCT: n.PCT,
		Key: string(n.Key()), Computed: n.Computed, Forms: &forms,
	}
}

// maxCheckLine bounds what is read of one line; the rest of it is passed over.
const maxCheckLine = 4 << 10

// Run checks every line. With --json every line has its object, also an empty
// one, so that objects and lines stay in step; people see no empty lines.
func (c *registryCheckCmd) Run(g *Globals) error {
	in := bufio.NewReaderSize(g.stdin, 64<<10)
	out := bufio.NewWriterSize(g.stdout, 256<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	year := time.Now().Year()
	total, valid := 0, 0
	for {
		line, err := readLine(in)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fault.New(fault.Invalid, "file.read", "输入无法读取。", "The input cannot be read.").Because(err)
		}
		if line == "" && !g.JSON {
			continue
		}
		x := check(line, year)
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
			fmt.Fprintf(out, "%s\t有效\t%s\t%s\n", line, x.Display, checkedKind(x))
		default:
			fmt.Fprintf(out, "%s\t无效\t%s [%s]\n", line, x.Reason, x.Code)
		}
	}
	if !g.JSON {
		fmt.Fprintf(out, "共 %d 个，有效 %d 个\n", total, valid)
	}
	return out.Flush()
}

func checkedKind(x checked) string {
	switch patent.Form(x.Form) {
	case patent.Publication:
		return patent.Kind(x.Kind).Zh() + "，公开（公告）号"
	case patent.Foreign:
		if x.PCT {
			return "国际申请号"
		}
		return x.Office + " 文献号或申请号"
	}
	if x.Computed {
		return patent.Kind(x.Kind).Zh() + "，校验位由前面的数字算出，未经核对"
	}
	return patent.Kind(x.Kind).Zh()
}

// readLine returns the next line without blanks around it and without what
// goes beyond maxCheckLine; io.EOF when there is none.
func readLine(in *bufio.Reader) (string, error) {
	var kept []byte
	read := false
	for {
		part, more, err := in.ReadLine()
		if err != nil {
			if err == io.EOF && read {
				break
			}
			return "", err
		}
		read = true
		if more || kept != nil {
			kept = append(kept, part[:min(len(part), maxCheckLine-len(kept))]...)
			if more {
				continue
			}
		} else {
			kept = part[:min(len(part), maxCheckLine)]
		}
		break
	}
	return strings.TrimSpace(strings.TrimPrefix(string(kept), "\ufeff")), nil
}
