package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Walk the whole record and name what does not hold."`
	Head   auditHeadCmd   `cmd:"" help:"Tie the chains of all institutions together and print the tie's number and hash, to be kept elsewhere."`
	Show   auditShowCmd   `cmd:"" help:"Show entries."`
}

type auditVerifyCmd struct {
	Database
	Anchors string `help:"A file of heads kept elsewhere, one a line, as audit head --append writes it." type:"existingfile" placeholder:"FILE"`

	Head string `help:"A tie kept elsewhere, as audit head prints it: finds a record whose end was cut off or that was rewritten." placeholder:"SEQ:HASH"`
}

// Run verifies; a record that does not hold ends with an error.
func (c *auditVerifyCmd) Run(g *Globals) error {
	var known []store.AuditHead
	add := func(text string) error {
		var h store.AuditHead
		if n, err := fmt.Sscanf(text, "%d:%x", &h.Seq, &h.Hash); n != 2 || err != nil || len(h.Hash) != 32 {
			return fault.New(fault.Invalid, "audit.head", "请按 audit head 打印的形式给出：编号:哈希。", "Give the head as audit head prints it: SEQ:HASH.")
		}
		known = append(known, h)
		return nil
	}
	if c.Head != "" {
		if err := add(c.Head); err != nil {
			return err
		}
	}
	if c.Anchors != "" {
		body, err := os.ReadFile(c.Anchors)
		if err != nil {
			return err
		}
		for _, line := range strings.Fields(string(body)) {
			if err := add(line); err != nil {
				return err
			}
		}
	}
	d, db, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	state, breaks, err := db.VerifyAudit(g.ctx, known, appraisal.Intact)
	if err != nil {
		return err
	}
	batches, err := d.VerifyBatches(g.ctx)
	if err != nil {
		return err
	}
	breaks = append(breaks, batches...)
	if g.JSON {
		if breaks == nil {
			breaks = []store.AuditBreak{}
		}
		if err := g.print(map[string]any{"entries": state.Entries, "chains": state.Chains, "head": fmt.Sprintf("%d:%x", state.Tie.Seq, state.Tie.Hash), "intact": len(breaks) == 0, "breaks": breaks}); err != nil {
			return err
		}
	} else {
		for _, b := range breaks {
			fmt.Fprintf(g.stdout, "%s\n", b.Zh)
		}
		if len(breaks) == 0 {
			fmt.Fprintf(g.stdout, "审计记录完整：%d 个机构 %d 条，最后一次联结 %d:%x\n", state.Chains, state.Entries, state.Tie.Seq, state.Tie.Hash)
		}
	}
	if len(breaks) > 0 {
		return fault.New(fault.Conflict, "audit.broken", fmt.Sprintf("审计记录有 %d 处不符。", len(breaks)), fmt.Sprintf("The audit record does not hold in %d places.", len(breaks)))
	}
	return nil
}

type auditHeadCmd struct {
	Database
	Append string `help:"Also append it to a file on other storage, for audit verify --anchors." placeholder:"FILE"`

	Every time.Duration `help:"Do so again and again, e.g. 24h, until told to stop." placeholder:"DURATION"`
}

// Run ties and prints, once or at intervals.
func (c *auditHeadCmd) Run(g *Globals) error {
	for {
		if err := c.once(g); err != nil || c.Every <= 0 {
			return err
		}
		select {
		case <-time.After(c.Every):
		case <-g.ctx.Done():
			return nil
		}
	}
}

func (c *auditHeadCmd) once(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	tie, err := db.TieAudit(g.ctx)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%d:%x\n", tie.Seq, tie.Hash)
	if c.Append != "" {
		f, err := os.OpenFile(c.Append, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fault.New(fault.Invalid, "file.create", "无法写入 "+c.Append+"。", "Cannot write "+c.Append+".").Because(err)
		}
		if _, err := f.WriteString(line); err != nil {
			f.Close()
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(tie)
	}
	_, err = fmt.Fprint(g.stdout, line)
	return err
}

type auditShowCmd struct {
	Database
	Subject string `arg:"" optional:"" help:"Only entries about this, e.g. a batch's id."`
	After   int64  `help:"Only entries after this number."`
	Limit   int    `default:"50" help:"Entries shown."`
}

// Run prints entries.
func (c *auditShowCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	entries, err := db.Audit(g.ctx, g.Institution, c.Subject, c.After, c.Limit)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(entries)
	}
	for i := range entries {
		e := &entries[i]
		var detail bytes.Buffer
		if json.Compact(&detail, e.Detail) != nil {
			detail.WriteString("?")
		}
		fmt.Fprintf(g.stdout, "%d  %s  %s  %s  %s  %s\n", e.Seq, e.At.Format(time.RFC3339), e.Actor, e.Action, e.Subject, clipBytes(detail.Bytes(), 160))
	}
	return nil
}

func clipBytes(b []byte, n int) string {
	s := strings.ToValidUTF8(string(b), "?")
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
