package internal_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// allowed is the import table of docs/decisions/0001: what each
// package of the house may import of the house. A package that is not listed
// fails the test, so a new room is a decision and not an accident.
var allowed = map[string][]string{
	"internal/fault":    {},
	"internal/money":    {"internal/fault"},
	"internal/calendar": {"internal/fault"},

	"internal/patent":   {"internal/fault", "internal/calendar", "internal/money"},
	"internal/quote":    {},
	"internal/claim":    {},
	"internal/deal":     {"internal/fault", "internal/calendar", "internal/patent"},
	"internal/embed":    {"internal/fault", "internal/accuracy"},
	"internal/accuracy": {"internal/fault"},

	// The theories of valuation: none imports another, nor Conclude.
	"internal/valuation/terms":      {"internal/fault", "internal/calendar", "internal/money", "internal/patent"},
	"internal/valuation/market":     theory,
	"internal/valuation/madeledger": {}, // draws ledgers for tests; knows no model of prices
	"internal/valuation/income":     theory,
	"internal/valuation/cost":       theory,
	"internal/valuation/option":     theory,
	"internal/valuation/damages":    theory,
	"internal/valuation/indicator":  theory,
	"internal/valuation/impact":     append([]string{"internal/accuracy"}, theory...),
	// What stands over the theories: the list of formulas, and Conclude.
	"internal/valuation/formula": append(slices.Clone(theories), theory...),
	"internal/valuation":         append(slices.Clone(theories), theory...),

	"internal/encumbrance": {"internal/fault", "internal/calendar", "internal/money", "internal/patent", "internal/mark"},
	"internal/scheme":      {"internal/fault", "internal/calendar", "internal/money", "internal/lending"},

	"internal/lending": append([]string{"internal/valuation"}, append(slices.Clone(theories), theory...)...),
	"internal/pool":    append([]string{"internal/valuation"}, append(slices.Clone(theories), theory...)...),

	"internal/ruling":    {"internal/fault"},
	"internal/mark":      {"internal/ruling", "internal/lending", "internal/fault", "internal/calendar", "internal/money", "internal/patent"},
	"internal/insurance": {"internal/ruling", "internal/lending", "internal/fault", "internal/calendar", "internal/money", "internal/patent"},
	"internal/listing":   {"internal/ruling", "internal/fault", "internal/calendar", "internal/money", "internal/patent"},
	"internal/fund":      {"internal/ruling", "internal/fault", "internal/calendar", "internal/money", "internal/patent"},
	"internal/lease":     {"internal/ruling", "internal/lending", "internal/pool", "internal/fault", "internal/calendar", "internal/money", "internal/patent"},

	"internal/localdb":     {"internal/fault"},
	"internal/store":       append([]string{"migrations", "eval"}, domain...),
	"internal/llm":         {"internal/fault", "internal/strict"},
	"internal/provider":    {"internal/fault"},
	"internal/sheet":       {"internal/fault", "internal/calendar", "internal/money"},
	"internal/document":    {"internal/fault", "internal/sheet"},
	"internal/chart":       {},
	"internal/opinion":     append([]string{"internal/chart"}, domain...),
	"internal/deskfile":    append([]string{"internal/sheet", "internal/opinion"}, domain...),
	"internal/productfile": append([]string{"internal/sheet", "internal/strict"}, domain...),
	"internal/poolfile":    append([]string{"internal/sheet", "internal/strict"}, domain...),

	"internal/jobs":      {"internal/fault", "internal/store"},
	"internal/spaces":    append([]string{"internal/store"}, domain...),
	"internal/dossier":   append([]string{"internal/store", "internal/connect"}, domain...),
	"internal/chain":     append([]string{"internal/store", "internal/sheet", "internal/dossier", "internal/appraisal", "internal/desk"}, domain...),
	"internal/judge":     append([]string{"internal/store", "internal/jobs", "internal/llm", "prompts"}, domain...),
	"internal/paging":    {"internal/fault"},
	"internal/strict":    {"internal/fault"},
	"internal/appraisal": append([]string{"internal/paging", "internal/store", "internal/opinion", "internal/spaces", "internal/judge", "internal/dossier"}, domain...),
	"internal/desk":      append([]string{"internal/paging", "internal/store", "internal/jobs", "internal/deskfile", "internal/opinion", "internal/dossier", "internal/appraisal"}, domain...),
	"internal/arranger":  append([]string{"internal/paging", "internal/store", "internal/jobs"}, domain...),
	"internal/watch":     append([]string{"internal/paging", "internal/store", "internal/jobs"}, domain...),
	"internal/harness":   append([]string{"internal/store", "internal/jobs", "internal/intake", "internal/sheet", "internal/judge", "internal/appraisal", "internal/llm", "eval"}, domain...),

	"internal/connect": {"internal/fault", "internal/calendar", "internal/patent", "internal/sheet", "internal/document"}, "internal/product": append([]string{"internal/paging", "internal/store", "internal/appraisal", "internal/productfile"}, domain...),

	"internal/intake": append([]string{"internal/paging", "internal/store", "internal/sheet", "internal/appraisal", "internal/connect", "internal/dossier"}, domain...),

	"internal/fetch": append([]string{"internal/store", "internal/jobs", "internal/connect", "internal/intake", "internal/appraisal"}, domain...),

	"internal/ledger": append([]string{"internal/paging", "internal/store", "internal/jobs", "internal/intake", "internal/appraisal"}, domain...),

	"internal/labelling": append([]string{"internal/store", "internal/judge", "prompts"}, domain...),

	"internal/reading": append([]string{"internal/paging", "internal/store", "internal/judge", "internal/dossier", "internal/appraisal", "prompts"}, domain...),

	"internal/people": append([]string{"internal/store", "internal/appraisal"}, domain...),
	"internal/audit":  append([]string{"internal/paging", "internal/store"}, domain...),

	"internal/gate":  {"internal/fault", "internal/jobs", "internal/people", "internal/store"},
	"internal/api":   append([]string{"internal/gate", "internal/harness"}, edge...),
	"internal/pages": append([]string{"internal/chart", "internal/sheet", "internal/harness", "internal/gate", "internal/provider", "prompts"}, edge...),

	"prompts":    {"internal/fault"},
	"migrations": {},
	"eval":       {},
}

// theory is what a theory of valuation may import.
var theory = []string{"internal/fault", "internal/calendar", "internal/money", "internal/patent", "internal/valuation/terms"}

// theories of valuation that [valuation.Conclude] joins.
var theories = []string{
	"internal/valuation/market", "internal/valuation/income", "internal/valuation/cost",
	"internal/valuation/option", "internal/valuation/indicator", "internal/valuation/damages",
}

var domain = []string{
	"internal/fault", "internal/money", "internal/calendar", "internal/patent", "internal/quote", "internal/claim", "internal/embed",
	"internal/accuracy", "internal/deal", "internal/valuation", "internal/lending", "internal/pool",
	"internal/encumbrance", "internal/scheme",
	"internal/ruling", "internal/lease", "internal/fund", "internal/mark", "internal/insurance", "internal/listing",
	"internal/valuation/terms", "internal/valuation/market", "internal/valuation/income", "internal/valuation/cost",
	"internal/valuation/option", "internal/valuation/indicator", "internal/valuation/damages", "internal/valuation/impact", "internal/valuation/formula",
}

// edge is what the REST API and the pages may call: use cases and the plain
// values they answer with, never the store.
var edge = append([]string{
	"internal/paging", "internal/strict", "internal/people", "internal/audit", "internal/arranger", "internal/watch", "internal/opinion", "internal/deskfile", "internal/poolfile", "internal/dossier", "internal/appraisal", "internal/intake", "internal/ledger", "internal/desk", "internal/fetch", "internal/chain",
	"internal/reading", "internal/labelling", "internal/product", "internal/productfile",
}, domain...)

// pure packages may not reach the clock, the network, a database or a log.
var pure = domain

var impure = []string{"net", "os", "database/sql", "log", "log/slog", "os/exec", "net/url"}

// The queue is a library: no statement names its tables, its times are times, and
// who works is said by a lease of ours and by no lock of the server's. Every kind
// of job bounds what one institution may have in the queue, but for those of the
// house, of which there is one.
func TestTheQueueIsUsedAsMeant(t *testing.T) {
	house := []string{"sweeps", "retention", "revaluations-due", "refreshes", "ledger-drift"}
	kind := regexp.MustCompile(`jobs\.Kind\[[^\]]+(\{\})?\]\{Name: *"?([^",]+)[^}]*\}`)
	found := 0
	for _, root := range []string{".", "../migrations", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".sql") {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, word := range []string{"river_", "pg_locks", "scheduled_at"} {
				if strings.Contains(string(raw), word) {
					t.Errorf("%s names %s", path, word)
				}
			}
			for _, m := range kind.FindAllStringSubmatch(string(raw), -1) {
				if m[2] == "job.Args.Name" {
					continue // the house's own, called for by the clock
				}
				found++
				if !slices.Contains(house, m[2]) && !strings.Contains(m[0], "Queued: ") && !strings.Contains(m[0], "Open: ") || !strings.Contains(m[0], "Timeout: ") {
					t.Errorf("%s: a kind of job without a bound of an institution or without a time: %s", path, m[0])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 13 {
		t.Errorf("%d kinds of job found", found)
	}
}

func TestLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "zhijia/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		pkg, imports, _ := strings.Cut(line, " ")
		pkg = strings.TrimPrefix(pkg, "zhijia/")
		if pkg == "cmd/zhijia" || pkg == "internal" || strings.HasSuffix(pkg, "test") {
			continue // cmd may import everything; test kits (storetest, llmtest) serve every layer
		}
		may, listed := allowed[pkg]
		if !listed {
			t.Errorf("%s is not in the import table", pkg)
			continue
		}
		for _, imp := range strings.Fields(imports) {
			inHouse, ok := strings.CutPrefix(imp, "zhijia/")
			if ok && !slices.Contains(may, inHouse) {
				t.Errorf("%s may not import %s", pkg, inHouse)
			}
			if slices.Contains(pure, pkg) && slices.Contains(impure, imp) && pkg != "internal/fault" && pkg != "internal/calendar" {
				t.Errorf("%s is pure domain and may not import %s", pkg, imp)
			}
		}
	}
}
