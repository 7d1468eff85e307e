package main

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"text/tabwriter"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/opinion"
	"zhijia/internal/strict"
	"zhijia/internal/valuation"
)

// subject are the flags that say what is to be valued.
type subject struct {
	Number   string   `arg:"" optional:"" help:"Application or patent number, any usual form, e.g. ZL201310543019.6."`
	Title    string   `help:"Title, when the patent is not in the store."`
	Abstract string   `help:"Abstract, when the patent is not in the store."`
	Claims   string   `help:"Claims, when the patent is not in the store."`
	IPC      []string `help:"IPC symbols, main one first, e.g. \"H01M 4/36\"."`
	Kind     string   `help:"invention, utility_model or design."`
	Filed    string   `help:"Filing date, YYYY-MM-DD."`
	Owner    string   `help:"Type of the owner: university, institute, firm, individual."`
	Market   string   `help:"Market of sale: private, showcase, corporate, court, distress, unknown. Default: the purpose decides. Above private needs market_fact in --request."`
	AsOf     string   `name:"as-of" help:"Valuation date, YYYY-MM-DD; only facts public before it count. Default: today."`
	Request  string   `help:"A JSON file with the whole request, as POST /v1/valuations takes it; - is standard input." placeholder:"FILE"`
}

const maxRequest = 4 << 20

func (s *subject) request(g *Globals) (req appraisal.Request, err error) {
	if s.Request != "" {
		in := g.stdin
		if s.Request != "-" {
			f, err := os.Open(s.Request)
			if err != nil {
				return req, fault.New(fault.NotFound, "file.open", "无法打开文件 "+s.Request+"。", "Cannot open "+s.Request+".").Because(err)
			}
			defer f.Close()
			in = f
		}
		body, err := io.ReadAll(io.LimitReader(in, maxRequest))
		if err != nil {
			return req, err
		}
		return req, strict.Decode(body, &req, "request.json", "请求含有未知字段，或取值无法识别。", "The request has an unknown field or a value that is not recognised.")
	}
	req.Number = s.Number
	if s.Title != "" {
		req.Text = &appraisal.Text{Title: s.Title, Abstract: s.Abstract, Claims: s.Claims}
	}
	facts := appraisal.Facts{Kind: s.Kind, IPC: s.IPC, OwnerType: s.Owner}
	if facts.Filing, err = optionalDate("--filed", s.Filed); err != nil {
		return req, err
	}
	if facts.Kind != "" || facts.IPC != nil || facts.OwnerType != "" || s.Filed != "" {
		req.Patent = &facts
	}
	req.Market = s.Market
	req.Date, err = optionalDate("--as-of", s.AsOf)
	return req, err
}

func optionalDate(flag, text string) (calendar.Date, error) {
	if text == "" {
		return calendar.Date{}, nil
	}
	d, err := calendar.Parse(text)
	if err != nil {
		return d, fault.New(fault.Invalid, "date.shape", "日期格式应为 YYYY-MM-DD："+flag+"。", flag+" wants a date as YYYY-MM-DD.")
	}
	return d, nil
}

type valueCmd struct {
	Database
	modelFlags
	sourceFlags
	subject
	Purpose string `help:"assignment, licence, contribution, pledge, securitisation, reporting, impairment, infringement, disposal or management." default:"assignment"`
	Lang    string `help:"Language of the opinion." enum:"zh,en" default:"zh"`
	Wait    bool   `help:"Wait for the model to read the text. Without it the answer comes at once, with the model's scores only if it read the text before."`
	Fetch   bool   `help:"Bring the patent in by its number first, from the sources that are configured."`
	HTML    string `name:"html" help:"Also write the opinion as one printable page." placeholder:"FILE"`
}

func (c *valueCmd) Run(g *Globals) error {
	req, err := c.request(g)
	if err != nil {
		return err
	}
	if req.Purpose == "" {
		req.Purpose = c.Purpose
	}
	req.Wait = req.Wait || c.Wait
	if c.Fetch {
		if err := c.fetchFirst(g, &c.Database, &c.modelFlags, req.Number); err != nil {
			return err
		}
	}
	svc, _, done, err := c.scoredService(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	record, err := svc.Value(g.ctx, g.operator(), req)
	if err != nil {
		return err
	}
	if c.HTML != "" {
		if err := writeOpinionPage(c.HTML, record, opinion.Lang(c.Lang)); err != nil {
			return err
		}
	}
	if g.JSON {
		return printRecord(g, record)
	}
	return printOpinion(g, record, opinion.Lang(c.Lang))
}

func writeOpinionPage(path string, r *appraisal.Record, lang opinion.Lang) error {
	o, err := r.Opinion(nil)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := o.HTML(f, lang); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// operator is who acts: the person or system whose key is given, else who runs
// the program on this machine.
func (g *Globals) operator() appraisal.Actor {
	if g.who != nil {
		return g.who.Actor()
	}
	a := appraisal.Actor{Name: "cli", Institution: g.Institution}
	if u, err := user.Current(); err == nil {
		a.Name = "cli:" + u.Username
	}
	return a
}

// service opens the database and the valuation service over it.
func (d *Database) service(g *Globals) (*appraisal.Service, func(), error) {
	db, done, err := d.open(g)
	if err != nil {
		return nil, nil, err
	}
	svc, err := appraisal.New(g.ctx, db, appraisal.Options{Days: g.days})
	if err != nil {
		done()
		return nil, nil, err
	}
	return svc, done, nil
}

// comparablesFound is what is printed for programs.
type comparablesFound struct {
	Comparables []valuation.Comparable `json:"comparables"`
	Excluded    []valuation.Comparable `json:"excluded"`
	Retrieval   valuation.Retrieval    `json:"retrieval"`
	Read        *appraisal.Reading     `json:"read_from,omitempty"`
}

type comparablesCmd struct {
	Database
	modelFlags
	subject
	Limit int `help:"Deals shown." default:"20"`
}

func (c *comparablesCmd) Run(g *Globals) error {
	req, err := c.request(g)
	if err != nil {
		return err
	}
	svc, _, done, err := c.scoredService(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	found, err := svc.Comparables(g.ctx, g.operator(), req)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(comparablesFound{found.Admitted, found.Excluded, found.Retrieval, (*appraisal.Reading)(found.Read)})
	}
	fmt.Fprintf(g.stdout, "%d priced deals before the date, searched by %s at IPC level %s\n\n", found.Retrieval.Returned, found.Retrieval.Path, found.Retrieval.Level)
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "similarity\tdeal\tdate\tprice\tpatents\ttitle")
	for i, d := range found.Admitted {
		if i == c.Limit {
			break
		}
		patents, amount := "?", "?"
		if d.Patents != nil {
			patents = fmt.Sprint(*d.Patents)
		}
		if d.Amount != nil {
			amount = money.Zh(*d.Amount, 3)
		}
		fmt.Fprintf(w, "%.3f\t%s\t%s\t%s\t%s\t%s\n", d.Similar.Total, d.DealID, d.Date, amount, patents, d.Title)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "\nSeen and not used:\n")
	for i, d := range found.Excluded {
		if i == c.Limit {
			break
		}
		fmt.Fprintf(w, "%.3f\t%s\t%s\t%s\n", d.Similar.Total, d.DealID, d.Exclusion, d.Title)
	}
	return w.Flush()
}
