package harness

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"zhijia/internal/accuracy"
	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// document is one text of a retrieval set. A query is the document's own
// query text; relevant are the other documents that share a label, or, for a
// known item, the document itself.
type document struct {
	id     string
	query  string
	text   string
	labels []string
	group  string // whose it is; a group is never divided
}

type documentSet struct {
	docs  []document
	known bool            // known items: the answer is the document itself
	learn []embed.Example // of a part: what may be learned from
}

// readDocuments reads a retrieval set: JSONL of documents {id, title,
// abstract, claims, labels}, of known items {id, query, text}, or of anything
// with the fields the task names (query, answer); or a CSV with title and
// labels (or ipc_subclasses, ipc or main_ipc, separated by |).
func readDocuments(raw []byte, t Task) (*documentSet, error) {
	var rows []map[string]any
	if trimmed := bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), " \r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		for n, line := range bytes.Split(trimmed, []byte("\n")) {
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			var row map[string]any
			if err := json.Unmarshal(line, &row); err != nil {
				return nil, documentsFault("line %d is not a JSON object: %v", n+1, err)
			}
			rows = append(rows, row)
		}
	} else {
		table, err := readTable(trimmed)
		if err != nil || len(table) < 2 {
			return nil, documentsFault("neither JSON lines nor a CSV with rows")
		}
		for _, cells := range table[1:] {
			row := map[string]any{}
			for i, h := range table[0] {
				row[strings.ToLower(strings.TrimSpace(h))] = cells[i]
			}
			rows = append(rows, row)
		}
	}
	set := &documentSet{}
	text := func(row map[string]any, names ...string) string {
		var parts []string
		for _, n := range names {
			if s, ok := row[n].(string); ok && strings.TrimSpace(s) != "" {
				parts = append(parts, strings.TrimSpace(s))
			}
		}
		return strings.Join(parts, "\n")
	}
	seen := map[string]bool{}
	for i, row := range rows {
		d := document{id: cmp.Or(text(row, "id"), text(row, "publication_numbers"), text(row, "publication_number"), text(row, "application_number"), "line "+strconv.Itoa(i+1))}
		switch {
		case t.Query != "" && row["query"] == nil:
			d.query, d.text = text(row, t.Query), text(row, strings.Split(t.Answer, "+")...)
			set.known = true
		case row["query"] != nil:
			d.query, d.text = text(row, "query"), text(row, "text")
			set.known = true
		default:
			d.text = text(row, "title", "abstract", "claims")
			d.query = d.text
			d.labels, d.group = labelsOf(row), text(row, "applicant")
		}
		if t.Query != "" && row["query"] == nil && (d.query == "" || d.text == "") {
			continue // the row has no such field: it is of another kind
		}
		if d.text == "" || d.query == "" {
			return nil, documentsFault("document %s has no text", d.id)
		}
		if seen[d.id] {
			return nil, documentsFault("id %s appears twice", d.id)
		}
		seen[d.id] = true
		set.docs = append(set.docs, d)
	}
	if len(set.docs) < 2 {
		return nil, documentsFault("fewer than two documents")
	}
	return set, nil
}

func labelsOf(row map[string]any) []string {
	for _, name := range []string{"labels", "label", "ipc_subclasses"} {
		switch v := row[name].(type) {
		case string:
			return strings.FieldsFunc(v, func(r rune) bool { return r == '|' || r == ';' })
		case []any:
			var out []string
			for _, x := range v {
				out = append(out, fmt.Sprint(x))
			}
			return out
		}
	}
	for _, name := range []string{"ipc", "main_ipc"} { // whole symbols
		if v, ok := row[name].(string); ok {
			return embed.Subclasses(strings.FieldsFunc(v, func(r rune) bool { return r == '|' || r == ';' }))
		}
	}
	return nil
}

func documentsFault(format string, args ...any) error {
	return fault.New(fault.Invalid, "eval.documents", "检索数据集有误。", fmt.Sprintf("The retrieval set: "+format, args...)+".")
}

// searcher ranks every document of the set for a query, best first; skip is
// the position of the query's own document, or -1.
type searcher func(query string, skip, k int) ([]int, error)

// prepareRetrieval answers every query by every system of the task, so that
// search paths and embedding spaces stand side by side on the same queries.
func (s *Service) prepareRetrieval(ctx context.Context, t Task) (*plan, error) {
	if s.Product.Embed == nil && (slices.Contains(t.Systems, "endpoint") || slices.Contains(t.Systems, "endpoint_head")) {
		return nil, &absentError{"no embedding endpoint is configured"}
	}
	raw, err := s.open(t.Dataset)
	if err != nil {
		return nil, err
	}
	set, err := readDocuments(raw, t)
	if err != nil {
		return nil, err
	}
	parts, models, err := s.divide(t, set)
	if err != nil {
		return nil, err
	}
	type question struct{ part, q int }
	var questions []question
	for k, p := range parts {
		for _, q := range p.queries() {
			questions = append(questions, question{k, q})
		}
	}
	if len(questions) == 0 {
		return nil, documentsFault("no document shares a label with another")
	}
	if t.Limit > 0 && len(questions) > t.Limit {
		rng := rand.New(rand.NewPCG(t.Seed, 1))
		rng.Shuffle(len(questions), func(i, j int) { questions[i], questions[j] = questions[j], questions[i] })
		questions = questions[:t.Limit]
		slices.SortFunc(questions, func(a, b question) int { return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.q, b.q)) })
	}
	systems := make([]map[string]searcher, len(parts))
	versions := map[string]string{}
	var drops []func()
	drop := func() {
		for _, d := range drops {
			d()
		}
	}
	for k, p := range parts {
		var v map[string]string
		var d func()
		if systems[k], v, d, err = s.buildSystems(ctx, t, p, models[k]); err != nil {
			drop()
			return nil, err
		}
		if d != nil {
			drops = append(drops, d)
		}
		for name, is := range v {
			if len(parts) > 1 {
				name += fmt.Sprintf(" of part %d", k+1)
			}
			versions[name] = is
		}
	}
	ids := make([]string, len(questions))
	for i, q := range questions {
		ids[i] = parts[q.part].docs[q.q].id
	}
	return &plan{
		dataset: DatasetID{Name: datasetName(t.Dataset), SHA256: digest(raw)}, cases: ids, versions: versions, close: drop,
		answer: func(_ context.Context, i int) (Sample, error) {
			q := questions[i]
			return parts[q.part].ask(t, systems[q.part], q.q)
		},
		summarise: func(samples []Sample, opt accuracy.Options) (*Summary, error) {
			return summariseRetrieval(t, set, len(parts), samples, opt)
		},
	}, nil
}

// divide returns the parts of a set that are asked apart, each with the model
// that learned classes from the other parts and from the task's further sets. A
// set that the shipped model did not learn from is one part with that model.
// Without a word of dividing a set that it did learn from has no model, and is
// searched with one that learned no class.
func (s *Service) divide(t Task, set *documentSet) ([]*documentSet, []*embed.Model, error) {
	base := func(dataset string) string { return path.Base(strings.TrimPrefix(dataset, "data:")) }
	if !slices.Contains(shippedLearned, base(t.Dataset)) || set.known {
		return []*documentSet{set}, []*embed.Model{embed.Shipped()}, nil
	}
	if t.Folds < 2 {
		return []*documentSet{set}, []*embed.Model{nil}, nil
	}
	var others []embed.Example
	for _, file := range t.Learn {
		raw, err := s.open(file)
		if err != nil {
			return nil, nil, err
		}
		more, err := readDocuments(raw, Task{})
		if err != nil {
			return nil, nil, err
		}
		others = append(others, more.examples()...)
	}
	parts := make([]*documentSet, t.Folds)
	for k := range parts {
		parts[k] = &documentSet{}
	}
	for _, d := range set.docs {
		h := sha256.Sum256([]byte(cmp.Or(d.group, d.id)))
		p := parts[int(h[0])%t.Folds]
		p.docs = append(p.docs, d)
	}
	models := make([]*embed.Model, t.Folds)
	for k := range parts {
		learn := slices.Clone(others)
		for j, p := range parts {
			if j != k {
				learn = append(learn, p.examples()...)
			}
		}
		parts[k].learn = learn
		if len(learn) < embed.LeastExamples {
			return nil, nil, documentsFault("%d documents with IPC symbols are too few to learn classes from", len(learn))
		}
		var err error
		if t.Kind == KindClasses {
			models[k], err = embed.Train(learn, nil, embed.Card{}, t.Seed)
		} else {
			models[k], err = embed.Learn(learn, t.Seed)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return parts, models, nil
}

// examples are the documents to learn from: each as it is, and a text of a
// title and more also as its title alone.
func (set *documentSet) examples() []embed.Example {
	var out []embed.Example
	for _, d := range set.docs {
		group := cmp.Or(d.group, d.id)
		if title, _, more := strings.Cut(d.text, "\n"); more {
			out = append(out, embed.Example{Text: title, IPC: d.labels, Group: group})
		}
		out = append(out, embed.Example{Text: d.text, IPC: d.labels, Group: group})
	}
	return out
}

// queries are the documents that have something to find.
func (set *documentSet) queries() []int {
	count := map[string]int{}
	for _, d := range set.docs {
		for _, l := range d.labels {
			count[l]++
		}
	}
	var out []int
	for i, d := range set.docs {
		if set.known || slices.ContainsFunc(d.labels, func(l string) bool { return count[l] > 1 }) {
			out = append(out, i)
		}
	}
	return out
}

func (set *documentSet) relevant(query, answer int) bool {
	if set.known {
		return query == answer
	}
	return query != answer && slices.ContainsFunc(set.docs[query].labels, func(l string) bool { return slices.Contains(set.docs[answer].labels, l) })
}

func (set *documentSet) ask(t Task, systems map[string]searcher, q int) (Sample, error) {
	d := set.docs[q]
	x := Sample{Status: "ok", Title: clip(d.query, 40), Values: map[string]float64{}, Loss: map[string]float64{}}
	if len(d.labels) > 0 {
		x.Cluster = d.labels[0]
	}
	total, skip := 1, -1
	if !set.known {
		total, skip = 0, q
		for i := range set.docs {
			if set.relevant(q, i) {
				total++
			}
		}
	}
	x.Values["relevant"] = float64(total)
	for k, name := range t.Systems {
		ranked, err := systems[name](d.query, skip, t.K)
		if err != nil {
			return x, err
		}
		hits := make([]bool, len(ranked))
		for i, r := range ranked {
			hits[i] = set.relevant(q, r)
		}
		r, err := accuracy.ScoreRetrieval(hits, total, t.K)
		if err != nil {
			return x, err
		}
		x.Values[name+".ndcg"], x.Values[name+".recall"], x.Values[name+".precision"], x.Values[name+".mrr"] = r.NDCG, r.Recall, r.Precision, r.MRR
		if k == 0 {
			x.Loss["one_minus_ndcg"], x.Loss["one_minus_mrr"] = 1-r.NDCG, 1-r.MRR
			for _, id := range ranked[:min(3, len(ranked))] {
				x.Evidence = append(x.Evidence, Evidence{ID: set.docs[id].id, Title: clip(set.docs[id].text, 40)})
			}
		}
	}
	return x, nil
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

var systemNames = map[string]string{
	"hash": "vector: hash, no fit", "fitted": "vector: n-gram fitted on the set", "lexical": "lexical: bigram overlap",
	"bm25": "lexical: BM25, 1-2-grams", "hybrid": "hybrid: fitted + lexical", "random": "random order",
	"learned":  "vector: map learned from classes of other texts",
	"endpoint": "vector: an endpoint's", "endpoint_head": "vector: an endpoint's with a map to classes on top",
	"store_exact": "product: exact distance", "store_hnsw": "product: HNSW index", "store_similarity": "product: similarity of comparables",
}

func summariseRetrieval(t Task, set *documentSet, parts int, samples []Sample, opt accuracy.Options) (*Summary, error) {
	sum := countStatuses(samples)
	kind := "documents that share a label are relevant"
	if set.known {
		kind = "the one relevant document is the query's own"
	}
	at := "@" + strconv.Itoa(t.K)
	table := Table{
		Title: "Search paths and spaces 检索路径与向量空间", Header: []string{"system", "n", "nDCG" + at, "MRR" + at, "recall" + at, "precision" + at},
		Caption: fmt.Sprintf("%d documents%s; %s. Brackets: 95%% interval%s.", len(set.docs), map[bool]string{true: fmt.Sprintf(" in %d parts, each searched among itself by models that learned from the others", parts)}[parts > 1], kind, map[bool]string{true: "", false: ", clustered by first label"}[set.known]),
	}
	var clusters []string
	for _, x := range samples {
		clusters = append(clusters, clusterOf(x))
	}
	if set.known || allDistinct(clusters) {
		clusters = nil
	}
	losses := map[string][]float64{}
	for _, name := range t.Systems {
		row := []string{cmp.Or(systemNames[name], name), strconv.Itoa(len(samples))}
		for _, metric := range []string{"ndcg", "mrr", "recall", "precision"} {
			v := make([]float64, len(samples))
			for i, x := range samples {
				v[i] = x.Values[name+"."+metric]
			}
			f, err := accuracy.MeanFigure(v, clusters, opt)
			if err != nil {
				return nil, err
			}
			sum.add(name, metric, len(samples), f)
			row = append(row, number(f))
			if metric == "ndcg" {
				for i := range v {
					v[i] = 1 - v[i]
				}
				losses[name] = v
			}
		}
		table.Rows = append(table.Rows, row)
	}
	sum.Tables = append(sum.Tables, table)
	pairs := Table{Title: "Default path against the others, paired 默认路径与其他路径的配对比较", Header: []string{"against", "n", "nDCG lost by the default", "detectable from", "verdict at 99%"}, Caption: "Below zero the default path is better."}
	for _, name := range t.Systems[1:] {
		c, err := accuracy.Compare(losses[name], losses[t.Systems[0]], clusters, opt)
		if err != nil {
			return nil, err
		}
		pairs.Rows = append(pairs.Rows, []string{cmp.Or(systemNames[name], name), strconv.Itoa(c.N), number(c.Difference), number(c.MDE), string(c.Verdict)})
	}
	if len(pairs.Rows) > 0 {
		sum.Tables = append(sum.Tables, pairs)
	}
	return sum, nil
}

// buildSystems indexes the set for every system the task names.
func (s *Service) buildSystems(ctx context.Context, t Task, set *documentSet, learned *embed.Model) (_ map[string]searcher, versions map[string]string, drop func(), err error) {
	var stored func()
	defer func() {
		if err != nil && stored != nil {
			stored()
		}
	}()
	texts := make([]string, len(set.docs))
	for i, d := range set.docs {
		texts[i] = d.text
	}
	versions = map[string]string{}
	// Scores that several systems share are made once per query.
	parts := map[string]func(string) []float64{}
	var model *embed.Model
	part := func(name string) (func(string) []float64, error) {
		if f := parts[name]; f != nil {
			return f, nil
		}
		var f func(string) []float64
		switch name {
		case "hash":
			f = vectorScores(texts, embed.Hash)
		case "fitted":
			var err error
			if model, err = embed.Train(nil, texts, embed.Card{}, t.Seed); err != nil {
				return nil, err
			}
			versions["embedding"] = model.Version()
			f = vectorScores(texts, model.Embed)
		case "learned":
			if learned == nil {
				return nil, taskFault("system learned needs folds on a set that the shipped model learned from")
			}
			versions["learned_embedding"] = learned.Version()
			f = vectorScores(texts, learned.Embed)
		case "endpoint", "endpoint_head":
			var err error
			if f, err = s.endpointScores(ctx, t, set, texts, name == "endpoint_head", versions); err != nil {
				return nil, err
			}
		case "lexical":
			f = overlapScores(texts)
		case "bm25":
			f = bm25Scores(texts)
		default:
			return nil, taskFault("retrieval system %q is unknown", name)
		}
		parts[name] = lastAnswer(f)
		return parts[name], nil
	}
	out := map[string]searcher{}
	for _, name := range t.Systems {
		switch name {
		case "hybrid":
			vector, err := part("fitted")
			if err != nil {
				return nil, nil, nil, err
			}
			lexical, err := part("lexical")
			if err != nil {
				return nil, nil, nil, err
			}
			out[name] = byScore(func(query string) []float64 {
				a, b := vector(query), lexical(query)
				sum := make([]float64, len(a))
				for i := range a {
					sum[i] = (a[i] + b[i]) / 2
				}
				return sum
			})
		case "random":
			rng := rand.New(rand.NewPCG(t.Seed, 2))
			out[name] = byScore(func(string) []float64 {
				v := make([]float64, len(texts))
				for i := range v {
					v[i] = rng.Float64()
				}
				return v
			})
		case "store_exact", "store_hnsw", "store_similarity":
			if stored != nil {
				continue // all of them were made for the first
			}
			used := learned
			if used == nil {
				if _, err := part("fitted"); err != nil {
					return nil, nil, nil, err
				}
				used = model
			}
			versions["store_embedding"] = used.Version()
			var searches map[string]searcher
			if searches, stored, err = s.storeSystems(ctx, texts, used); err != nil {
				return nil, nil, nil, err
			}
			maps.Copy(out, searches)
		default:
			f, err := part(name)
			if err != nil {
				return nil, nil, nil, err
			}
			out[name] = byScore(f)
		}
	}
	return out, versions, stored, nil
}

// endpointScores are by an endpoint's vectors, with a head learned from the
// other parts or as they come.
func (s *Service) endpointScores(ctx context.Context, t Task, set *documentSet, texts []string, head bool, versions map[string]string) (func(string) []float64, error) {
	through, name, err := s.Product.Embed()
	if err != nil {
		return nil, err
	}
	versions["endpoint"] = name
	queries := make([]string, len(set.docs))
	at := map[string]int{}
	for i, d := range set.docs {
		queries[i], at[d.query] = d.query, i
	}
	vectors, err := through(ctx, texts)
	if err != nil {
		return nil, err
	}
	asked, err := through(ctx, queries)
	if err != nil {
		return nil, err
	}
	finish := func(v []float32) []float32 { return v }
	if head {
		learn := set.learn
		if most := embed.HeadEntries / max(1, len(vectors[0])); len(learn) > most {
			learn = learn[:most]
		}
		known := make([]string, len(learn))
		for i, e := range learn {
			known[i] = e.Text
		}
		of, err := through(ctx, known)
		if err != nil {
			return nil, err
		}
		h, err := embed.FitHead(of, learn, t.Seed)
		if err != nil {
			return nil, taskFault("system endpoint_head needs folds and texts with IPC symbols to learn from: %v", err)
		}
		finish = h.Apply
	}
	unit := func(v []float32) []float32 {
		v = slices.Clone(finish(v))
		sum := 0.0
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		for i := range v {
			v[i] /= float32(math.Sqrt(max(sum, 1e-30)))
		}
		return v
	}
	for i := range vectors {
		vectors[i], asked[i] = unit(vectors[i]), unit(asked[i])
	}
	return func(query string) []float64 {
		out := make([]float64, len(vectors))
		for i, v := range vectors {
			out[i] = embed.Cosine(asked[at[query]], v)
		}
		return out
	}, nil
}

// shippedLearned are the sets that the shipped model was trained on.
var shippedLearned = []string{"cn_titles_ipc.csv", "cn_city_abstracts_ipc.csv"}

// storeSystems are the product's own searches of its corpus: exact distance,
// the HNSW index, and the similarity comparables are chosen by.
func (s *Service) storeSystems(ctx context.Context, texts []string, model *embed.Model) (_ map[string]searcher, drop func(), err error) {
	ctx = store.As(ctx, store.Default)
	db, drop, err := s.Product.Scratch(ctx)
	if err != nil {
		return nil, nil, err
	}
	remove := drop // a return of an error leaves drop nil
	defer func() {
		if err != nil {
			remove()
		}
	}()
	patents := make([]store.Patent, len(texts))
	at := make(map[string]int, len(texts))
	for i, text := range texts {
		number := fmt.Sprintf("document-%d", i)
		patents[i] = store.Patent{Number: number, Title: text, Source: "evaluation"}
		at[number] = i
	}
	if err := db.MergePatents(ctx, patents, 0, nil); err != nil {
		return nil, nil, err
	}
	var body bytes.Buffer
	if err := model.Save(&body); err != nil {
		return nil, nil, err
	}
	space := store.Space{Provider: store.LocalProvider, Model: "chars-1-2", Version: model.Version(), Dimension: embed.Dimension, Body: body.Bytes(), FittedOn: int64(len(texts))}
	if space.ID, err = db.PutSpace(ctx, space); err != nil {
		return nil, nil, err
	}
	rows, err := db.UnembeddedPatents(ctx, space.ID, store.Unembedded{}, len(texts), true)
	if err != nil {
		return nil, nil, err
	}
	vectors := make([][]float32, len(rows))
	for i, r := range rows {
		vectors[i] = model.Embed(r.Text)
	}
	if err := db.PutVectors(ctx, space.ID, rows, vectors); err != nil {
		return nil, nil, err
	}
	if err := db.BuildVectorIndex(ctx, space); err != nil {
		return nil, nil, err
	}
	positions := func(numbers []string, skip, k int) []int {
		var out []int
		for _, n := range numbers {
			if i := at[n]; i != skip && len(out) < k {
				out = append(out, i)
			}
		}
		return out
	}
	nearest := func(exact bool) searcher {
		return func(query string, skip, k int) ([]int, error) {
			// The product itself falls back to the exact scan when the index
			// returns too few, as it does on a small set.
			numbers, _, err := db.Nearest(ctx, space, model.Embed(query), k+1, exact)
			return positions(numbers, skip, k), err
		}
	}
	return map[string]searcher{
		"store_exact": nearest(true), "store_hnsw": nearest(false),
		"store_similarity": func(query string, skip, k int) ([]int, error) {
			found, err := db.SearchPatents(ctx, space, model.Embed(query), query, store.PatentFilter{}, k+1)
			numbers := make([]string, len(found.Hits))
			for i, h := range found.Hits {
				numbers[i] = h.Number
			}
			return positions(numbers, skip, k), err
		},
	}, drop, nil
}

// lastAnswer remembers the scores of the last query.
func lastAnswer(f func(string) []float64) func(string) []float64 {
	var query string
	var scores []float64
	return func(q string) []float64 {
		if scores == nil || q != query {
			query, scores = q, f(q)
		}
		return scores
	}
}

// byScore returns the k best documents, ties by position.
func byScore(score func(query string) []float64) searcher {
	return func(query string, skip, k int) ([]int, error) {
		v := score(query)
		best := make([]int, 0, k+1)
		for i, s := range v {
			if i == skip || math.IsNaN(s) {
				continue
			}
			at, _ := slices.BinarySearchFunc(best, s, func(j int, s float64) int {
				if v[j] >= s {
					return -1
				}
				return 1
			})
			if at < k {
				best = slices.Insert(best, at, i)
				best = best[:min(len(best), k)]
			}
		}
		return best, nil
	}
}

func vectorScores(texts []string, vector func(string) []float32) func(string) []float64 {
	vectors := make([][]float32, len(texts))
	var wg sync.WaitGroup
	for half := range 2 {
		wg.Go(func() {
			for i := half; i < len(texts); i += 2 {
				vectors[i] = vector(texts[i])
			}
		})
	}
	wg.Wait()
	return func(query string) []float64 {
		q := vector(query)
		out := make([]float64, len(vectors))
		for i, v := range vectors {
			out[i] = embed.Cosine(q, v)
		}
		return out
	}
}

func overlapScores(texts []string) func(string) []float64 {
	sets := make([][]int32, len(texts))
	for i, t := range texts {
		sets[i] = embed.Bigrams(t)
	}
	return func(query string) []float64 {
		q := embed.Bigrams(query)
		out := make([]float64, len(sets))
		for i, s := range sets {
			out[i] = embed.Overlap(q, s)
		}
		return out
	}
}

// bm25Scores is Okapi BM25 (k1 1.2, b 0.75) over character 1- and 2-grams, the
// lexical reference of the field.
func bm25Scores(texts []string) func(string) []float64 {
	const k1, b = 1.2, 0.75
	type posting struct {
		doc int
		tf  float64
	}
	index := map[string][]posting{}
	length := make([]float64, len(texts))
	total := 0.0
	for i, t := range texts {
		for g, n := range gramCounts(t) {
			index[g] = append(index[g], posting{i, n})
			length[i] += n
		}
		total += length[i]
	}
	avg := total / float64(len(texts))
	return func(query string) []float64 {
		out := make([]float64, len(texts))
		grams := gramCounts(query)
		terms := make([]string, 0, len(grams))
		for g := range grams {
			terms = append(terms, g)
		}
		slices.Sort(terms) // sums must not depend on map order
		for _, g := range terms {
			ps := index[g]
			idf := math.Log(1 + (float64(len(texts))-float64(len(ps))+0.5)/(float64(len(ps))+0.5))
			for _, p := range ps {
				out[p.doc] += idf * p.tf * (k1 + 1) / (p.tf + k1*(1-b+b*length[p.doc]/avg))
			}
		}
		return out
	}
}

func gramCounts(s string) map[string]float64 {
	r := []rune(strings.ToLower(s))
	out := make(map[string]float64, 2*len(r))
	for i := range r {
		out[string(r[i])]++
		if i+1 < len(r) {
			out[string(r[i:i+2])]++
		}
	}
	return out
}
