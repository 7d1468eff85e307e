package harness

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"zhijia/internal/accuracy"
	"zhijia/internal/embed"
)

// prepareClasses asks the subclasses of texts whose symbols are known, of a
// model that did not learn from them.
func (s *Service) prepareClasses(t Task) (*plan, error) {
	raw, err := s.open(t.Dataset)
	if err != nil {
		return nil, err
	}
	set, err := readDocuments(raw, t)
	if err != nil {
		return nil, err
	}
	if set.known {
		return nil, documentsFault("a set of queries and answers has no classes")
	}
	parts, models, err := s.divide(t, set)
	if err != nil {
		return nil, err
	}
	type question struct {
		doc   document
		model *embed.Model
	}
	var questions []question
	versions := map[string]string{}
	for k, p := range parts {
		if models[k] == nil {
			return nil, taskFault("the shipped model learned from this set; give the task folds")
		}
		versions[fmt.Sprintf("classes of part %d", k+1)] = models[k].Version()
		for _, d := range p.docs {
			if d.labels = embed.Subclasses(d.labels); len(d.labels) > 0 {
				questions = append(questions, question{d, models[k]})
			}
		}
	}
	if len(questions) == 0 {
		return nil, documentsFault("no document has an IPC symbol")
	}
	if t.Limit > 0 && len(questions) > t.Limit {
		rng := rand.New(rand.NewPCG(t.Seed, 1))
		rng.Shuffle(len(questions), func(i, j int) { questions[i], questions[j] = questions[j], questions[i] })
		questions = questions[:t.Limit]
	}
	ids := make([]string, len(questions))
	for i, q := range questions {
		ids[i] = q.doc.id
	}
	return &plan{
		dataset: DatasetID{Name: datasetName(t.Dataset), SHA256: digest(raw)}, cases: ids, versions: versions,
		answer: func(_ context.Context, i int) (Sample, error) {
			return askClass(questions[i].model, questions[i].doc), nil
		},
		summarise: summariseClasses,
	}, nil
}

// leastGiven bounds the loss of a subclass that the model never saw.
const leastGiven = 1e-4

func askClass(m *embed.Model, d document) Sample {
	x := Sample{Status: "ok", Title: clip(d.text, 40), Cluster: d.group, Values: map[string]float64{}, Loss: map[string]float64{}, Tags: map[string]string{"section": d.labels[0][:1]}}
	found, silence := m.Classes(d.text, math.MaxInt)
	if silence != "" {
		x.Status, x.Reason = "abstained", string(silence)
		x.Loss["log_loss"] = -math.Log(leastGiven)
		return x
	}
	own := 0.0
	for rank, c := range found {
		if !slices.Contains(d.labels, c.Subclass) {
			continue
		}
		own += c.Probability
		if rank == 0 {
			x.Values["first"] = 1
		}
		if rank < 5 {
			x.Values["among_five"] = 1
		}
	}
	x.Values["given"] = found[0].Probability
	x.Values["known"] = map[bool]float64{true: 1}[own > 0]
	x.Loss["log_loss"] = -math.Log(max(own, leastGiven))
	x.Evidence = []Evidence{{ID: found[0].Subclass, Similarity: found[0].Probability}}
	return x
}

func summariseClasses(samples []Sample, opt accuracy.Options) (*Summary, error) {
	sum := countStatuses(samples)
	table := Table{
		Title: "Subclasses proposed by section 按部统计的小类建议", Header: []string{"section", "n", "first right", "one of five right", "log loss", "without a class"},
		Caption: "A proposal is right when the text has that subclass; a text without one counts as not right. Log loss: mean of -ln of what was given to the text's subclasses together, at most " + fmt.Sprintf("%.1f", -math.Log(leastGiven)) + ". Brackets: 95% interval, clustered by applicant where one is stated.",
	}
	for _, section := range []string{"", "A", "B", "C", "D", "E", "F", "G", "H"} {
		var of []Sample
		for _, x := range samples {
			if section == "" || x.Tags["section"] == section {
				of = append(of, x)
			}
		}
		if len(of) == 0 {
			continue
		}
		var clusters []string
		for i, x := range of {
			clusters = append(clusters, clusterOf(x))
			if x.Cluster == "" {
				clusters[i] = x.Case
			}
		}
		if allDistinct(clusters) {
			clusters = nil
		}
		name := section
		if name == "" {
			name = "all"
		}
		row := []string{name, strconv.Itoa(len(of))}
		for _, figure := range []string{"first", "among_five", "log_loss", "abstained"} {
			v := make([]float64, len(of))
			for i, x := range of {
				switch figure {
				case "log_loss":
					v[i] = x.Loss[figure]
				case "abstained":
					v[i] = map[bool]float64{true: 1}[x.Status == "abstained"]
				default:
					v[i] = x.Values[figure]
				}
			}
			f, err := accuracy.MeanFigure(v, clusters, opt)
			if err != nil {
				return nil, err
			}
			sum.add(map[bool]string{true: "classes", false: "section_" + section}[section == ""], figure, len(of), f)
			row = append(row, number(f))
		}
		table.Rows = append(table.Rows, row)
	}
	sum.Tables = append(sum.Tables, table)
	return sum, calibrationOfClasses(sum, samples, opt)
}

// calibrationOfClasses holds the probability given to the first proposal
// against how often it was right, by tenths.
func calibrationOfClasses(sum *Summary, samples []Sample, opt accuracy.Options) error {
	const bins = 10
	var given, right [bins]float64
	var n [bins]int
	all, gap := 0, 0.0
	for _, x := range samples {
		if x.Status != "ok" {
			continue
		}
		k := min(bins-1, int(x.Values["given"]*bins))
		given[k] += x.Values["given"]
		right[k] += x.Values["first"]
		n[k]++
		all++
	}
	table := Table{
		Title: "Reliability of the first proposal 首选建议的可靠性", Header: []string{"probability given", "n", "mean given", "found right"},
		Caption: "Exact 95% interval of the share that was right. A text may have several subclasses, and each of them counts as right, while the probabilities of all subclasses make 1: so it may be right more often than said.",
	}
	level := opt.Level
	if level == 0 {
		level = 0.95
	}
	for k := range n {
		if n[k] == 0 {
			continue
		}
		f, err := accuracy.ClopperPearson(int(right[k]), n[k], level)
		if err != nil {
			return err
		}
		mean := given[k] / float64(n[k])
		gap += math.Abs(given[k] - right[k])
		sum.Calibration = append(sum.Calibration, accuracy.CalibrationPoint{Level: mean, Coverage: f, N: n[k]})
		table.Rows = append(table.Rows, []string{fmt.Sprintf("%.1f to %.1f", float64(k)/bins, float64(k+1)/bins), strconv.Itoa(n[k]), fmt.Sprintf("%.3f", mean), number(f)})
	}
	if all > 0 {
		sum.add("classes", "calibration_gap", all, accuracy.Figure{Value: gap / float64(all), Low: math.NaN(), High: math.NaN(), Reason: "no interval is computed"})
	}
	sum.Tables = append(sum.Tables, table)
	return nil
}
