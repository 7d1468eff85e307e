package valuation

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/damages"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// unreadByValues are figures of the assumptions that no valuation of
// [figureScenes] is moved by, each with the reason.
var unreadByValues = map[string]string{
	"anchors":                           "the scale a judge and an officer score on",
	"sheet.scale":                       "bounds of a score",
	"sheet.scenarios.0.weights.G.right": "a gate multiplies, whatever its weight",
	"sheet.scenarios.1.weights.G.right": "a gate multiplies, whatever its weight",
	"sheet.scenarios.2.weights.G.right": "a gate multiplies, whatever its weight",
	"sheet.scenarios.3.weights.G.right": "a gate multiplies, whatever its weight",
	"sheet.scenarios.4.weights.G.right": "a gate multiplies, whatever its weight",
	"grades.min_n_eff":                  "bounds a grade at C, which the widths of today never reach",
	"renewal":                           "a lower bound, 0 under a schedule whose fees never fall; shown, never reconciled",

	"screening": "read before a deal counts: TestScreeningFiguresAreRead changes each",

	"price_model": "its own tests change each of its figures",
}

// figureScene is a subject with facts.
type figureScene struct {
	asg Assignment
	ev  Evidence
}

// figureScenes are subjects of every purpose, kind, owner and age with every
// kind of fact.
func figureScenes(as Assumptions) []figureScene {
	var out []figureScene
	for i, purpose := range terms.Purposes {
		for k, owner := range []terms.OwnerType{terms.OwnerFirm, terms.OwnerUniversity, terms.OwnerIndividual, ""} {
			kind, term := patent.Invention, 20
			if (i+k)%3 == 0 {
				kind, term = patent.UtilityModel, 10
			}
			asg := anAssignment()
			first := &asg.Subject[0]
			asg.Purpose, asg.Owner, first.Number, first.Kind, first.FamilyID = purpose, owner, "Y", kind, "f"
			first.Filing = asg.Date.AddYears(-(5*k + i) % term).AddDays(-30)
			first.Grant, first.Expiry = first.Filing.AddYears(2), first.Filing.AddYears(term)
			if k == 1 {
				first.Grant = calendar.Date{}
			}
			second := *first
			second.Number, second.Family, second.CitedBy = "Z", ptr(4), ptr(3)
			asg.Subject = append(asg.Subject, second)
			ev := everyMethodsFacts()
			ev.Income = &income.Facts{Current: terms.Exactly(1e9)}
			if i%2 == 0 {
				ev.Income = someIncome()
				ev.Income.Decay, ev.Income.EconomicLife, ev.Income.Tax = nil, nil, nil
			}
			switch rule := as.Purposes[purpose]; rule.Basis {
			case terms.BasisContract:
				ev.Income.Inputs = terms.InputsContract
			case terms.BasisRecoverable:
				ev.Income.Inputs = terms.InputsOwner
			default:
				ev.Income.Inputs = terms.InputsMarket
			}
			if purpose == terms.PurposeLicence {
				asg.LicenceTerm = ptr(1.5)
				asg.LicenceKind = []terms.DealKind{terms.DealPlainLicence, terms.DealSoleLicence, terms.DealExclusiveLicence, ""}[k]
			}
			if k == 2 {
				ev.Damages = &damages.Facts{Loss: terms.Exactly(1e6), Multiplier: ptr(9.0), Wilful: ptr(true)}
			} else if k == 1 {
				ev.Damages = &damages.Facts{From: calendar.New(2019, 1, 1), To: calendar.New(2019, 12, 31)}
			}
			if ev.Income.Industry = as.Royalty.Bands[(4*i+k)%len(as.Royalty.Bands)].Industry; k == 3 {
				ev.Income.Industry = ""
			}
			if ev.Indicators = everyScore(30+20*float64(k), terms.ByOfficer); k == 1 {
				ev.Indicators = ev.Indicators[:8]
			}
			for _, g := range append(slices.Clone(as.Royalty.Groups), as.Discount.Risks...) {
				for n, f := range g.Factors {
					if k%2 == 0 && len(f.ByRight) == 0 {
						s := 20 + 10*float64((n+k)%7)
						ev.Indicators = append(ev.Indicators, terms.IndicatorScore{Code: f.Code, Score: &s, Evaluator: terms.ByModel})
					}
				}
			}
			out = append(out, figureScene{asg, ev})
		}
	}
	return out
}

// conclusion is the scene's, without the names of versions.
func (s *figureScene) conclusion(t *testing.T, as Assumptions) []byte {
	as.Simulation.Paths = (as.Simulation.Paths + 63) / 64
	c, err := Conclude(s.asg, s.ev, as)
	if err != nil {
		t.Fatal(err)
	}
	c.Versions = nil
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every figure of the assumptions moves a valuation, is refused when it is
// changed, or is listed with the reason.
func TestEveryFigureIsRead(t *testing.T) {
	t.Parallel()
	var tree any
	if err := json.Unmarshal(assumptionsJSON, &tree); err != nil {
		t.Fatal(err)
	}
	scenes := figureScenes(DefaultAssumptions())
	base := make([][]byte, len(scenes))
	for i := range scenes {
		base[i] = scenes[i].conclusion(t, DefaultAssumptions())
	}
	last := 0 // the scene that moved last is asked first
	moves := func(as Assumptions) bool {
		for i := range scenes {
			k := (last + i) % len(scenes)
			if !bytes.Equal(base[k], scenes[k].conclusion(t, as)) {
				last = k
				return true
			}
		}
		return false
	}
	var walk func(path string, v any, set func(any))
	walk = func(path string, v any, set func(any)) {
		for prefix := range unreadByValues {
			if strings.Contains("."+path+".", "."+prefix+".") {
				return
			}
		}
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(strings.TrimPrefix(path+"."+k, "."), x, func(n any) { v[k] = n })
			}
		case []any:
			for i, x := range v {
				walk(path+"."+strconv.Itoa(i), x, func(n any) { v[i] = n })
			}
		case float64:
			moved := false
			for _, to := range []float64{v*1.3 + 0.01, v*0.6 - 0.01, v * 8, v / 8} {
				set(to)
				raw, err := json.Marshal(tree)
				if err != nil {
					t.Fatal(err)
				}
				as, err := LoadAssumptions(raw)
				if moved = err != nil || moves(as); moved {
					break
				}
			}
			if set(v); !moved {
				t.Errorf("%s = %v moves no valuation", path, v)
			}
		}
	}
	walk("", tree, nil)
}

// plainLiterals are numeric literals of the valuation packages that are not
// assumptions, by file and text, each with the reason. 0, 1, 2, 10, 100 and
// powers of ten that serve as guards need no reason.
var plainLiterals = map[string]string{
	"bases.go 3":             "median, low and high of one figure",
	"damages/damages.go 0.9": "the ninetieth percentile", "damages/damages.go 0.1": "the tenth percentile",
	"check.go 12": "December", "check.go 31": "its last day",
	"conclude_income.go 50":                "the middle of a score's scale",
	"admission.go 4":                       "half an sd, squared",
	"market.go 40":                         "deals shown; moves no value",
	"market.go .005":                       "half a percent: a deal that moved the figure by less is said not to have",
	"conclude_income.go 0.005":             "half a fen",
	"terms/quantity.go 1.2815515655446004": "Φ⁻¹(0.9)",
	"income/draw.go 0.99":                  "lowest rate a root is sought at",
	"terms/quantity.go 4":                  "beta-PERT's mean is (low + 4·mode + high)/6",
	"terms/quantity.go 6":                  "beta-PERT's mean",
	"terms/quantity.go 3":                  "mean of a triangle",
	"terms/quantity.go 0.8":                "a triangle of beta-PERT's mean and about its sd",
	"terms/quantity.go 0.5":                "the median",
	"income/inputs.go 365":                 "days of a year",
	"income/simulate.go 64":                "iterations of a fixed point",
	"income/simulate.go 27":                "splitmix64", "income/simulate.go 30": "splitmix64", "income/simulate.go 31": "splitmix64",
	"income/simulate.go 11": "bits of a fraction", "income/simulate.go 53": "bits of a fraction",
	"income/simulate.go 0.1": "the tenth percentile", "income/simulate.go 0.9": "the ninetieth percentile",
	"cost/cost.go 0.1": "the tenth percentile", "cost/cost.go 0.9": "the ninetieth percentile",
	"conclude.go 0.1": "the tenth percentile", "conclude.go 0.9": "the ninetieth percentile",
	"indicator/canonical.go 3": "an order",
	"indicator/sheet.go 80":    "a grade's bound, in fifths of the scale; moves no value", "indicator/sheet.go 60": "a grade's bound",
	"indicator/sheet.go 40": "a grade's bound", "indicator/sheet.go 20": "a grade's bound",
	"income/solve.go 200": "halvings of an interval",
	"conclude.go 20":      "ten, twenty, thirty and fifty percent are shown",
	"conclude.go 30":      "shown",
	"conclude.go 50":      "shown",
	"conclude.go 0.80":    "the level when none is asked for; part of the outward contract",
	"opinion.go 0.80":     "the level a forecast sd is calibrated at",
	"opinion.go 0.90":     "upper end of that level",
	"narrow.go .1":        "a fifth of a distribution",
	"narrow.go .3":        "a fifth of a distribution",
	"narrow.go .5":        "a fifth of a distribution",
	"narrow.go .7":        "a fifth of a distribution",
	"narrow.go .9":        "a fifth of a distribution",
	"narrow.go 20":        "members of a bundle up to which missing evidence is worked out: a bound on work",
	"opinion.go 0.8":      "level from which a narrow range is worth an alarm",
	"royalty.go 50":       "the middle of a score's scale",
	"subject.go 10000":    "patents of a bundle",
}

// No other numeric literal decides a value: what is not an assumption is
// listed with its reason.
func TestNoFigureHidesInTheCode(t *testing.T) {
	t.Parallel()
	free := []string{"0", "0.0", "1", "1.0", "2", "2.0", "10", "100", "0.5"}
	// The prior of the market approach has its own tests; formulas list their
	// inputs' defaults; impact and the validation's bounds decide no value.
	skip := []string{"subject.go", "conclusion.go"}
	files, _ := filepath.Glob("*.go")
	for _, room := range []string{"terms", "income", "cost", "option", "indicator", "damages"} {
		more, _ := filepath.Glob(room + "/*.go")
		files = append(files, more...)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(skip, name) {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.INT && lit.Kind != token.FLOAT || slices.Contains(free, lit.Value) || strings.Contains(lit.Value, "e") || strings.HasPrefix(lit.Value, "0x") {
				return true
			}
			if plainLiterals[name+" "+lit.Value] == "" && plainLiterals[filepath.Base(name)+" "+lit.Value] == "" {
				t.Errorf("%s: %s is neither an assumption nor listed with its reason", fset.Position(lit.Pos()), lit.Value)
			}
			return true
		})
	}
}
