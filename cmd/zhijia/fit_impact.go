package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/internal/valuation/impact"
)

// fitImpactCmd fits the statistical scorer of technical impact.
type fitImpactCmd struct {
	Database
	File string `help:"Measure on a JSONL file of patents with forward_citations instead; nothing is stored." placeholder:"FILE"`
}

// Run fits on the store's own corpus and stores the model, or measures on a
// file, and prints the model card.
func (c *fitImpactCmd) Run(g *Globals) error {
	var rows []impact.Row
	space := "file"
	if c.File != "" {
		var err error
		if rows, err = impactFile(c.File); err != nil {
			return err
		}
		return c.fit(g, rows, space, func(string, []byte) error { return nil })
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	id, err := db.ActiveSpaceID(g.ctx)
	if err != nil {
		return err
	}
	if id != 0 {
		s, err := db.Space(g.ctx, id)
		if err != nil {
			return err
		}
		space = s.String()
	}
	if rows, err = db.ImpactRows(g.ctx, id); err != nil {
		return err
	}
	return c.fit(g, rows, space, func(version string, body []byte) error {
		if err := db.PutImpactModel(g.ctx, version, body); err != nil {
			return err
		}
		waiting, err := db.Enact(g.ctx, g.operator(), store.ProposeImpact, version, map[string]any{"version": version, "space": space, "patents": len(rows)}, time.Now().UTC())
		if waiting {
			fmt.Fprintln(g.stderr, waitsZh)
		}
		return err
	})
}

func (c *fitImpactCmd) fit(g *Globals, rows []impact.Row, space string, keep func(version string, body []byte) error) error {
	m, err := impact.Fit(rows, space, 1000)
	if err != nil {
		return fault.New(fault.Invalid, "fit.impact", "可用专利不足（至少100件有被引次数的专利），技术影响力指标保持未知。", "Too few patents with citation counts (100 at least); technical impact stays unknown.").Because(err)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	version := "impact-" + hex.EncodeToString(sum[:6])
	if err := keep(version, body); err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"version": version, "space": space, "stored": c.File == "", "card": m.Card})
	}
	k := m.Card
	fmt.Fprintf(g.stdout, "%s  n = %d, %s, measured on n = %d\nSpearman %.3f%s (bibliographic facts alone %.3f; best single fact, %s, %.3f)\nbeats the best single fact by %.3f%s\n",
		version, k.N, k.Design, k.TestN, k.Spearman, bracket(k.SpearmanInterval), k.BiblioOnly, k.Best, k.BestRho, k.Gain, bracket(k.GainInterval))
	return nil
}

func bracket(i *[2]float64) string {
	if i == nil {
		return ""
	}
	return fmt.Sprintf(" [%.3f, %.3f]", i[0], i[1])
}

func impactFile(name string) ([]impact.Row, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.New(fault.NotFound, "fit.file", "无法读取文件。", "The file cannot be read.").Because(err)
	}
	defer f.Close()
	bad := func(line int, err error) error {
		return fault.New(fault.Invalid, "fit.file", fmt.Sprintf("第 %d 行有误。", line), fmt.Sprintf("Line %d is not valid.", line)).Because(err)
	}
	var rows []impact.Row
	in := bufio.NewScanner(f)
	in.Buffer(nil, 4<<20)
	for line := 1; in.Scan(); line++ {
		var r struct {
			Title    string   `json:"title"`
			Abstract string   `json:"abstract"`
			Cited    *float64 `json:"forward_citations"`
			Filing   string   `json:"filing_date"`
			IPC      string   `json:"ipc"`
		}
		var all map[string]any
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			return nil, bad(line, err)
		}
		if err := json.Unmarshal(in.Bytes(), &all); err != nil {
			return nil, bad(line, err)
		}
		if r.Cited == nil {
			continue
		}
		row := impact.Row{Cohort: "all", Cited: *r.Cited, Facts: map[string]float64{}}
		if r.Filing != "" {
			d, err := calendar.Parse(r.Filing)
			if err != nil {
				return nil, bad(line, err)
			}
			row.Year = d.Year
		}
		if len(r.IPC) >= 3 || row.Year > 0 {
			row.Cohort = fmt.Sprintf("%.3s %d", r.IPC, row.Year)
		}
		for _, k := range []string{"independent_claims", "dependent_claims", "claims", "first_claim_len_chars", "backward_citations", "inventors", "family_size", "n_cpc", "n_ipc"} {
			if n, ok := all[k].(float64); ok {
				row.Facts[k] = n
			}
		}
		// A quarter of the hashed vector's buckets keeps the fit within seconds.
		row.Vector = make([]float32, embed.Dimension/4)
		for i, x := range embed.Hash(r.Title + "\n" + r.Abstract) {
			row.Vector[i%len(row.Vector)] += x
		}
		rows = append(rows, row)
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	return rows, nil
}
