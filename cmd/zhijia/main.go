// Command zhijia values patents: a figure with a range, the priced deals it
// was inferred from, the reasons and the date.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// cli is the command line. One field per subcommand, one file per subcommand.
type cli struct {
	Globals

	Demo           demoCmd           `cmd:"" help:"Value a real patent from the project's own facts; provisions whatever is missing."`
	Value          valueCmd          `cmd:"" help:"Value a patent by number or by text."`
	Find           findCmd           `cmd:"" help:"Find stored patents by number, words or likeness."`
	Compare        compareCmd        `cmd:"" help:"Put stored valuations side by side and say why their figures differ."`
	Since          sinceCmd          `cmd:"" help:"Ask a stored valuation's question again today and say why the figure differs."`
	Revise         reviseCmd         `cmd:"" help:"Revise a stored valuation by the model's reading of its patent."`
	Comparables    comparablesCmd    `cmd:"" help:"Search the priced deals most like a patent."`
	Ingest         ingestCmd         `cmd:"" help:"Take files of patents, transactions, events or citations into the store."`
	Fetch          fetchCmd          `cmd:"" help:"Bring patents in by their numbers from the sources that are configured."`
	Sources        sourcesCmd        `cmd:"" help:"Look after what sources state: kinds, precedence, statements, raw documents."`
	Deals          dealsCmd          `cmd:"" help:"Read priced deals out of notices and contracts."`
	Ledger         ledgerCmd         `cmd:"" help:"Calibrate on the institution's own deals and watch for drift."`
	Registry       registryCmd       `cmd:"" help:"Check patent numbers; find and decide what is told twice."`
	Dossier        dossierCmd        `cmd:"" help:"Show whose a patent is, whether it is alive, until when, and whether it is free."`
	Read           readCmd           `cmd:"" help:"Read for people: claims taken apart, five sentences, differences to the comparables, facts of papers, questions to the borrower."`
	Embed          embedCmd          `cmd:"" help:"Fit, show and search with the text embedder."`
	Classify       classifyCmd       `cmd:"" help:"Propose IPC subclasses for a text."`
	DB             dbCmd             `cmd:"" name:"db" help:"Look after the database."`
	Batch          batchCmd          `cmd:"" help:"Work a loan desk's file of patents: values in, decisions with reasons out."`
	Worker         workerCmd         `cmd:"" help:"Share the work on loan desks' files; any number of machines may."`
	Book           bookCmd           `cmd:"" help:"Watch the patents that secure loans: revalue them; zhijia watch alerts --book shows what is told of them."`
	Watch          watchCmd          `cmd:"" help:"Watch a portfolio: fees, lapses, transfers, pledges, invalidity, loans that outlive a right."`
	Lend           lendCmd           `cmd:"" help:"Evaluate lending rules: policies, decisions, loss sharing, cover, statistics."`
	Audit          auditCmd          `cmd:"" help:"Verify and show the record of who asked what and what came of it."`
	Eval           evalCmd           `cmd:"" help:"Measure how wrong the figures are and whether a change helped."`
	Serve          serveCmd          `cmd:"" help:"Run the service: REST API, documentation and officer's pages."`
	Institutions   institutionsCmd   `cmd:"" help:"Add and list the institutions on this service."`
	People         peopleCmd         `cmd:"" help:"Add, list and disable the people of an institution."`
	Proposals      proposalsCmd      `cmd:"" help:"What one person proposed and another decides."`
	Keys           keysCmd           `cmd:"" help:"Make, list and end API keys."`
	Support        supportCmd        `cmd:"" help:"Write a bundle for a supplier: settings masked, counts, sizes, work that waits; no secret, no text, no name."`
	Validate       validateCmd       `cmd:"" help:"Write the validation pack of model risk: lineage, figures, sensitivity, benchmarks, failures, overrides, limits."`
	Lab            labCmd            `cmd:"" help:"Find out on made-up data what a machine carries and what faults do: generate, measure, soak, hostile, drill."`
	Config         configCmd         `cmd:"" help:"Show the settings the service would run with, secrets masked."`
	Version        versionCmd        `cmd:"" help:"Show the version of this program."`
	Compute        computeCmd        `cmd:"" help:"Evaluate one valuation formula on JSON inputs from standard input."`
	Fit            fitCmd            `cmd:"" help:"Estimate parameters from own data, on request only."`
	Rights         rightsCmd         `cmd:"" help:"Keep the one ledger of what patents, marks, copyrights and layout designs are put up for."`
	Schemes        schemesCmd        `cmd:"" help:"Public schemes: the library, what they pay, what was used."`
	Onestop        onestopCmd        `cmd:"" help:"Everything about a patent at once: identity, owners, term, fees, state, uses, value, lending cap, documents."`
	Statistics     statisticsCmd     `cmd:"" help:"Period statistics of the book or of a ledger, as of a day."`
	Cashflow       cashflowCmd       `cmd:"" help:"How steady an income was: spread, trend, sources, forecast against actual."`
	Intermediaries intermediariesCmd `cmd:"" help:"Appraisers, guarantors, lessors, brokers and rating agencies, and how their figures fared."`
	OpenLicence    openLicenceCmd    `cmd:"" help:"Declarations of open licence."`
	Marks          marksCmd          `cmd:"" help:"Flags of the national statistic of high-value inventions and the track of prosecution."`
	Answer         answerCmd         `cmd:"" help:"Show a stored answer, or work it out again."`
	Chain          chainCmd          `cmd:"" help:"The products over one right, by a generated example."`
	Pool           poolCmd           `cmd:"" help:"Securitise: test, size, stress, simulate, reconcile and disclose a pool of IP-backed receivables."`
	Lease          productCmd        `cmd:"" help:"Decide a finance lease of patents: lessor, title, price, limits, rents to the fen, implied rate."`
	Fund           productCmd        `cmd:"" help:"Roll a fund's patents up: each once, by stake, as a joint range, with concentration, stress and exits."`
	Mark           productCmd        `cmd:"" help:"Value and decide a pledge of registered trademarks."`
	GI             productCmd        `cmd:"" name:"gi" help:"Check what a geographical indication adds to loans: users by day, output, lines."`
	Insurance      productCmd        `cmd:"" help:"Compute a cover: premium, aid, eligibility, losses paid, what a guarantee takes off a loss."`
	Listing        productCmd        `cmd:"" help:"Make the dossier of a firm for the STAR market: attribute test, core technologies, gaps, table."`
	Results        resultsCmd        `cmd:"" help:"List, show and work out again what these products' rules decided and was kept."`
	Prompts        promptsCmd        `cmd:"" help:"List, show and compare the rubric put to the language model."`
	LLM            llmCmd            `cmd:"" name:"llm" help:"Look after the model endpoint: probe, presets, egress log, consent, use."`
}

// Globals are the flags every subcommand shares.
type Globals struct {
	ConfigFile kong.ConfigFlag `name:"config" env:"ZHIJIA_CONFIG" placeholder:"FILE" help:"Settings file, YAML or JSON; keys are the names of flags."`

	Institution string `default:"default" env:"ZHIJIA_INSTITUTION" placeholder:"ID" help:"Institution the command works for; public is the operator's corpus, which everybody reads."`

	Key string `name:"key" env:"ZHIJIA_KEY" secret:"true" placeholder:"KEY" help:"Key of the person in whose name the command acts and is put on record; without it, whoever runs the program on this machine."`

	JSON bool `help:"Print JSON for programs instead of text for people." env:"ZHIJIA_JSON"`

	Calendar string `placeholder:"FILE" env:"ZHIJIA_CALENDAR" help:"Holidays and make-up days announced after this program was built, by year; the form of internal/calendar/china.json."`

	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	days   *calendar.Working
	who    *people.Principal // whose key is given
}

// print writes v as one indented JSON document to standard output.
func (g *Globals) print(v any) error {
	enc := json.NewEncoder(g.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: tests call it. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	exited, status := false, 0
	parser, err := kong.New(&c,
		kong.Name("zhijia"),
		kong.Description("Zhijia (知价) values patents: a figure with a range, the priced deals behind it, the reasons and the date."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited, status = true, code }),
		kong.UsageOnError(),
		kong.Configuration(yamlConfig),
	)
	if err != nil {
		fmt.Fprintln(stderr, "zhijia:", err)
		return fault.Internal.ExitCode()
	}
	kctx, err := parser.Parse(args)
	if exited { // --help printed itself
		return status
	}
	if err != nil {
		var pe *kong.ParseError
		if errors.As(err, &pe) {
			_ = pe.Context.PrintUsage(true)
		}
		fmt.Fprintln(stderr, "zhijia:", err)
		return 64
	}
	c.ctx, c.stdin, c.stdout, c.stderr = ctx, stdin, stdout, stderr
	if c.days, err = workingDays(c.Calendar); err == nil {
		err = kctx.Run(&c.Globals)
	}
	if err = store.Outward(err); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = fault.New(fault.Timeout, "interrupted", "已按要求中断。已完成的部分保留，再次运行同一命令即可继续。", "Interrupted as asked. What was done is kept; run the command again to go on.").Because(err)
		}
		report(&c.Globals, err)
		return fault.KindOf(err).ExitCode()
	}
	return 0
}

// workingDays returns the calendar of the program with the years of a file, if
// there is one.
func workingDays(path string) (*calendar.Working, error) {
	if path == "" {
		return calendar.Shipped(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "calendar.read", "工作日历文件无法读取："+path+"。", "The file of working days cannot be read: "+path+".").Because(err)
	}
	return calendar.Shipped().Extend(data)
}

// report tells a person (or, with --json, a program) what went wrong. On a
// terminal the operator is the user, so the cause is shown too.
func report(g *Globals, err error) {
	pub := fault.Public(err)
	if g.JSON {
		_ = json.NewEncoder(g.stderr).Encode(map[string]any{
			"kind": pub.Kind.String(), "code": pub.Code, "zh": pub.Zh, "en": pub.En, "errors": pub.Fields, "detail": err.Error(),
		})
		return
	}
	fmt.Fprintf(g.stderr, "zhijia: %s [%s]\n", pub.Zh, pub.Code)
	for _, f := range pub.Fields {
		fmt.Fprintf(g.stderr, "  %s: %s [%s]\n", f.Field, f.Zh, f.Code)
	}
	fmt.Fprintf(g.stderr, "  %v\n", err)
}
