package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"zhijia/eval"
	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/ledger"
	"zhijia/internal/oversight"
	"zhijia/internal/store"
)

// newFile makes a file that was not there and takes it away when what follows
// fails.
func newFile(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.New(fault.Invalid, "file.create", "无法新建 "+name+"（已存在的文件不会被覆盖）。", "Cannot create "+name+"; a file that is there is not overwritten.").Because(err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		os.Remove(name)
		return err
	}
	return nil
}

// supportCmd gathers what a supplier asks for, and nothing that is secret or
// anybody's: settings masked, counts, sizes, work that waits; of a log, of each
// line only what kind of request it was and how it went.
type supportCmd struct {
	serviceFlags
	Out     string `short:"o" required:"" help:"ZIP to write; it must not be there yet." placeholder:"FILE"`
	Log     string `help:"Log of the service, JSON lines; - is standard input." placeholder:"FILE"`
	Metrics string `help:"Address of the service's metrics, on this machine." placeholder:"URL" default:"http://127.0.0.1:8080/metrics"`
}

// Run writes the bundle.
func (c *supportCmd) Run(g *Globals, kctx *kong.Context) error {
	return newFile(c.Out, func(f io.Writer) error {
		z := zip.NewWriter(f)
		put := func(name string, v any) error {
			w, err := z.Create(name)
			if err != nil {
				return err
			}
			if text, ok := v.([]byte); ok {
				_, err = w.Write(text)
				return err
			}
			enc := json.NewEncoder(w)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			return enc.Encode(v)
		}
		var settings bytes.Buffer
		h := *g
		h.JSON, h.stdout = true, &settings
		config := configCmd{c.serviceFlags}
		if err := config.Run(&h, kctx); err != nil {
			return err
		}
		host, names := hostFacts(), []string{}
		for _, e := range os.Environ() { // names alone
			if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "ZHIJIA_") || strings.HasPrefix(name, "DATABASE_") || strings.HasPrefix(name, "OTEL_") || strings.HasPrefix(name, "GO") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		err := errors.Join(put("version.json", version()), put("settings.json", settings.Bytes()), put("host.json", map[string]any{"host": host, "environment_names": names, "made_at": time.Now().UTC()}))
		if err != nil {
			return err
		}
		if err := put("database.json", c.database(g)); err != nil {
			return err
		}
		if body := metricsOf(c.Metrics); body != nil {
			if err := put("metrics.txt", body); err != nil {
				return err
			}
		}
		if c.Log != "" {
			in := g.stdin
			if c.Log != "-" {
				l, err := os.Open(c.Log)
				if err != nil {
					return fault.New(fault.NotFound, "file.open", "无法打开文件 "+c.Log+"。", "Cannot open "+c.Log+".").Because(err)
				}
				defer l.Close()
				in = l
			}
			w, err := z.Create("log.jsonl")
			if err != nil {
				return err
			}
			if err := plainLog(in, w); err != nil {
				return err
			}
		}
		if err := z.Close(); err != nil {
			return err
		}
		fmt.Fprintf(g.stdout, "wrote %s\n", c.Out)
		return nil
	})
}

// database tells the state of the database; what cannot be asked says why, by
// its code.
func (c *supportCmd) database(g *Globals) any {
	out := map[string]any{}
	fail := func(what string, err error) {
		if err != nil {
			out[what+"_error"] = fault.Public(store.Outward(err)).Code
		}
	}
	address, release, err := c.url(g)
	if err != nil {
		fail("open", err)
		return out
	}
	defer release()
	states, err := store.MigrationStates(g.ctx, address)
	fail("migrations", err)
	out["migrations"] = states
	db, err := store.Open(g.ctx, address, store.Options{MaxConns: 2, Institution: g.Institution, Read: c.ReadURL})
	if err != nil {
		fail("open", err)
		return out
	}
	defer db.Close()
	if _, read := db.OnReplica(g.ctx); read != nil {
		out["replica"] = read
	}
	server, err := db.ServerFacts(g.ctx)
	fail("server", err)
	out["server"] = server
	counts, err := db.Counts(g.ctx)
	fail("counts", err)
	out["counts"] = counts
	sizes, err := db.TableSizes(g.ctx)
	fail("tables", err)
	out["tables"] = sizes
	work, err := db.Workload(g.ctx)
	fail("work", err)
	out["work"] = work
	return out
}

func hostFacts() map[string]any {
	facts := map[string]any{"os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": runtime.NumCPU()}
	for name, path := range map[string]string{"load": "/proc/loadavg", "memory": "/proc/meminfo", "kernel": "/proc/version"} {
		if b, err := os.ReadFile(path); err == nil {
			lines := strings.SplitN(string(b), "\n", 4)
			facts[name] = lines[:min(3, len(lines))]
		}
	}
	return facts
}

// metricsOf reads the metrics of a service on this machine; nil: none runs.
func metricsOf(address string) []byte {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" && u.Hostname() != "::1" {
		return nil
	}
	client := &http.Client{Timeout: 3 * time.Second}
	resp, err := client.Get(address)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	return body
}

// logKeys are the members of a line of the log that name no person, patent,
// address or secret.
var logKeys = []string{"time", "level", "msg", "route", "status", "bytes", "ms", "code", "trace", "trace_id", "id", "job", "kind", "version"}

// plainLog copies of every line what logKeys names; what is no JSON is counted
// and left out.
func plainLog(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 16<<20)
	enc, other := json.NewEncoder(out), 0
	for lines.Scan() {
		var line map[string]any
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			other++
			continue
		}
		kept := map[string]any{}
		for _, k := range logKeys {
			switch v := line[k].(type) {
			case string, float64, bool:
				kept[k] = v
			}
		}
		if err := enc.Encode(kept); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return enc.Encode(map[string]any{"lines_left_out": other})
}

// validateCmd writes the validation pack of model risk.
type validateCmd struct {
	Database
	Out    string  `short:"o" required:"" help:"ZIP to write; it must not be there yet." placeholder:"FILE"`
	Sample int     `help:"Stored valuations that sensitivity is measured on, the newest." default:"10"`
	Share  float64 `help:"By which every figure is made smaller and larger." default:"0.1"`
}

// Help says what is in it.
func (c *validateCmd) Help() string {
	return "One ZIP of plain files: where the data come from, every figure of the assumptions with its source, how much each moves stored valuations, the harness's recorded benchmarks, where they were worst, drift of own deals, a study of officers' figures beside the model's, limits of use. Run zhijia eval gate to repeat the benchmarks."
}

// Run writes the pack.
func (c *validateCmd) Run(g *Globals) error {
	if !(c.Share > 0 && c.Share < 1) || c.Sample < 1 || c.Sample > 1000 {
		return fault.New(fault.Invalid, "validate.options", "--share 应在 0 与 1 之间，--sample 应为 1 至 1000。", "--share lies between 0 and 1, --sample between 1 and 1,000.")
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	svc, err := appraisal.New(g.ctx, db, appraisal.Options{Days: g.days})
	if err != nil {
		return err
	}
	var sum oversight.Summary
	err = newFile(c.Out, func(f io.Writer) error {
		sum, err = oversight.Pack(g.ctx, db, svc, ledger.New(db, time.Now), g.operator(), oversight.Options{Sample: c.Sample, Share: c.Share, Program: programVersion(), Eval: eval.FS, Now: time.Now()}, f)
		return err
	})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(sum)
	}
	fmt.Fprintf(g.stdout, "%s：%d 个文件；参数 %d 个，其中 %d 个会改变 %d 份估值中的至少一份；%s\n", c.Out, len(sum.Files), sum.Figures, sum.Moving, sum.Measured, sum.Overrides.Zh)
	return nil
}
