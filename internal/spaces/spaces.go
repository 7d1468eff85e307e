// Package spaces keeps the embedding spaces of the stored texts: which one is in
// use, what embeds into it, and the switch to another while requests are
// served. Start with [New].
package spaces

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"zhijia/internal/accuracy"
	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Embedder turns texts into vectors of one space: an endpoint, or the local
// model.
type Embedder interface {
	// Embed returns one vector per text, in order.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	// EmbedProbe embeds a text that is always the same, anew each time.
	EmbedProbe(ctx context.Context) ([]float32, error)
	// EmbedModel names what embeds.
	EmbedModel() string
}

// Spaces are the embedding spaces of a store. It is safe for concurrent use.
type Spaces struct {
	db       *store.DB
	embedder Embedder // of an endpoint's space; nil: local spaces only
	held     atomic.Pointer[Space]
}

// New returns the spaces of a migrated database. When none is in use the
// one of the shipped model becomes so. A nil embedder serves local spaces only.
func New(ctx context.Context, db *store.DB, embedder Embedder) (*Spaces, error) {
	s := &Spaces{db: db, embedder: embedder}
	return s, s.ensure(ctx)
}

// Names of the local models in a space.
const (
	shippedModel = "shipped" // comes with the program; its body is not stored
	trainedModel = "classes" // learned from the store's own texts and symbols
	svdModel     = "svd"     // fitted on the store's own texts, too few of them with symbols
)

// CodeOff says that the space in use is an endpoint's and none is configured.
const CodeOff = "embedder.off"

// Space is a stored space with what embeds into it.
type Space struct {
	store.Space
	model    *embed.Model // nil: an endpoint
	endpoint Embedder
	head     *embed.Head // on the endpoint's vectors; nil: they are taken as they come
}

// endpointBody is what is stored of an endpoint's space.
type endpointBody struct {
	Probe []float32   `json:"probe"` // the vector of one text, by which a changed model is noticed
	Head  *embed.Head `json:"head,omitempty"`
}

// ensure makes the shipped model's space active when there is none, and fills
// one anew when an upgraded program ships another model, or can no longer read
// the one that an older program fitted.
func (s *Spaces) ensure(ctx context.Context) error {
	id, err := s.db.ActiveSpaceID(ctx)
	if err != nil {
		return err
	}
	model := embed.Shipped()
	if id != 0 {
		active, err := s.db.Space(ctx, id)
		if err != nil || active.Provider != store.LocalProvider || active.Version == model.Version() {
			return err
		}
		if active.Model != shippedModel {
			if _, err := embed.Load(active.Body); !errors.Is(err, embed.ErrFormat) {
				return err
			}
			// Fitted by an older program: its texts are searched by the shipped
			// model until somebody fits anew.
		}
	}
	space := &Space{model: model, Space: store.Space{
		Provider: store.LocalProvider, Model: shippedModel, Version: model.Version(), Dimension: embed.Dimension, FittedOn: int64(model.Documents()),
	}}
	if space.ID, err = s.db.PutSpace(ctx, space.Space); err != nil {
		return err
	}
	if id == 0 {
		return s.db.ActivateSpace(ctx, space.ID)
	}
	return s.switchTo(ctx, space, nil, func() error { return s.db.ActivateSpace(ctx, space.ID) })
}

// Active returns the space in use. The model is loaded once per space.
func (s *Spaces) Active(ctx context.Context) (*Space, error) {
	id, err := s.db.ActiveSpaceID(ctx)
	if err != nil {
		return nil, err
	}
	return s.Numbered(ctx, id)
}

// Numbered returns the space of an id, which the caller has read as the one in use.
func (s *Spaces) Numbered(ctx context.Context, id int) (*Space, error) {
	if held := s.held.Load(); held != nil && held.ID == id {
		return held, nil
	}
	stored, err := s.db.Space(ctx, id)
	if err != nil {
		return nil, err
	}
	space := &Space{Space: stored}
	switch {
	case stored.Provider != store.LocalProvider:
		if s.embedder == nil {
			return nil, fault.New(fault.Unavailable, CodeOff, "当前向量空间需要向量服务，但未配置。", "The active embedding space needs an endpoint, and none is configured.")
		}
		if err := same(ctx, &stored, s.embedder); err != nil {
			return nil, err
		}
		var body endpointBody
		if err := json.Unmarshal(stored.Body, &body); err != nil {
			return nil, err
		}
		space.endpoint, space.head = s.embedder, body.Head
	case stored.Model == shippedModel:
		space.model = embed.Shipped()
	default:
		if space.model, err = embed.Load(stored.Body); err != nil {
			return nil, err
		}
	}
	s.held.Store(space)
	return space, nil
}

// sameDirection is the least cosine of two vectors of one text that one model
// gave; rounding and batching move it by less.
const sameDirection = 0.999

// same reports, as a fault, that an endpoint no longer embeds as it did when
// the space was filled: its vectors would be compared with others' all the
// same.
func same(ctx context.Context, space *store.Space, e Embedder) error {
	changed := func(zh, en string) error {
		return fault.New(fault.Conflict, "embedder.changed", "向量服务的模型与当前向量空间（"+space.String()+"）不同："+zh+"。请重新运行 zhijia embed use。",
			"The endpoint's model is not the one of the space in use ("+space.String()+"): "+en+". Run zhijia embed use again.")
	}
	if e.EmbedModel() != space.Model {
		return changed("现为 "+e.EmbedModel(), "it is "+e.EmbedModel())
	}
	var body endpointBody
	if err := json.Unmarshal(space.Body, &body); err != nil {
		return err
	}
	was := body.Probe
	is, err := e.EmbedProbe(ctx)
	if err != nil {
		return err
	}
	if len(is) != len(was) {
		return changed(fmt.Sprintf("维数现为 %d", len(is)), fmt.Sprintf("it has %d dimensions", len(is)))
	}
	cosine := 0.0
	a, b := Unit(was), Unit(is)
	if a == nil || b == nil {
		return changed("探测向量为零", "the probe's vector is zero")
	}
	for i := range a {
		cosine += float64(a[i]) * float64(b[i])
	}
	if cosine < sameDirection {
		return changed(fmt.Sprintf("同一文本的两个向量夹角余弦为 %.3f", cosine), fmt.Sprintf("the cosine of one text's two vectors is %.3f", cosine))
	}
	return nil
}

// EmbedOne returns the vector of a text in this space.
func (sp *Space) EmbedOne(ctx context.Context, text string) ([]float32, error) {
	vectors, err := sp.Embed(ctx, []string{text})
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}

// Embed returns the vectors of texts in this space.
func (sp *Space) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if sp.endpoint != nil {
		vectors, err := sp.endpoint.Embed(ctx, texts)
		if err != nil {
			return nil, err
		}
		for i, v := range vectors {
			if sp.head != nil && len(v) == sp.head.Inputs() {
				v = sp.head.Apply(v)
			}
			if len(v) != sp.Dimension {
				return nil, errors.New("the endpoint answered with another dimension than its space has")
			}
			vectors[i] = Unit(v)
		}
		return vectors, nil
	}
	out := make([][]float32, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = sp.model.Embed(text)
	}
	return out, nil
}

// EmbedLocally returns the active space and the vectors of texts when the
// space is local, and no vectors when it belongs to an endpoint.
func (s *Spaces) EmbedLocally(ctx context.Context, texts []string) (space int, vectors [][]float32, err error) {
	defer fault.Wrap(&err, "spaces.EmbedLocally")
	sp, err := s.Active(ctx)
	if err != nil || sp.endpoint != nil {
		return 0, nil, err
	}
	vectors, err = sp.all(ctx, texts)
	return sp.ID, vectors, err
}

// FromEndpoint reports whether texts leave this system to be embedded.
func (sp *Space) FromEndpoint() bool { return sp.endpoint != nil }

// all embeds many texts: an endpoint takes them as one request, the local
// model uses every processor.
func (sp *Space) all(ctx context.Context, texts []string) ([][]float32, error) {
	if sp.endpoint != nil {
		return sp.Embed(ctx, texts)
	}
	vectors := make([][]float32, len(texts))
	workers := min(runtime.GOMAXPROCS(0), len(texts))
	var group errgroup.Group
	for w := range workers {
		group.Go(func() error {
			for i := w; i < len(texts); i += workers {
				v, err := sp.EmbedOne(ctx, texts[i])
				if err != nil {
					return err
				}
				vectors[i] = v
			}
			return nil
		})
	}
	return vectors, group.Wait()
}

// EmbedStored gives every deal and patent without a current vector in the
// active space one, and reports progress as it goes.
func (s *Spaces) EmbedStored(ctx context.Context, progress func(done int)) (err error) {
	defer fault.Wrap(&err, "spaces.EmbedStored")
	space, err := s.Active(ctx)
	if err != nil {
		return err
	}
	return s.embedInto(ctx, space, progress)
}

func (s *Spaces) embedInto(ctx context.Context, space *Space, progress func(done int)) error {
	const batch = 500
	done := 0
	deals := func(ctx context.Context, id int, after store.Unembedded, limit int) ([]store.Unembedded, error) {
		return s.db.UnembeddedDeals(ctx, id, after, limit, space.endpoint == nil)
	}
	patents := func(ctx context.Context, id int, after store.Unembedded, limit int) ([]store.Unembedded, error) {
		return s.db.UnembeddedPatents(ctx, id, after, limit, space.endpoint == nil)
	}
	for _, pending := range []func(context.Context, int, store.Unembedded, int) ([]store.Unembedded, error){deals, patents} {
		var last store.Unembedded
		for {
			rows, err := pending(ctx, space.ID, last, batch)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				break
			}
			last = rows[len(rows)-1]
			texts := make([]string, len(rows))
			for i, r := range rows {
				texts[i] = r.Text
			}
			vectors, err := space.all(ctx, texts)
			if err != nil {
				return err
			}
			if err := s.db.PutVectors(ctx, space.ID, rows, vectors); err != nil {
				return err
			}
			done += len(rows)
			if progress != nil {
				progress(done)
			}
		}
	}
	return nil
}

// HeadUse says whether a map to patent classes is put on an endpoint's vectors.
type HeadUse string

// The ways.
const (
	HeadAuto HeadUse = "auto" // when it finds the same subclass better on the texts held out
	HeadOn   HeadUse = "on"   // whenever it can be learned
	HeadOff  HeadUse = "off"
)

// Used is what [Spaces.UseEndpoint] came to.
type Used struct {
	Space         store.Space
	Waiting       bool    // the switch is proposed and waits for another person
	Head          bool    // a map to classes stands on the endpoint's vectors
	Held          int     // texts with symbols that the head of the comparison was not fitted on
	Without, With float64 // nDCG@10 for "same subclass" among them, without a head and with one; 0 when Held is 0
}

// UseEndpoint embeds every stored row through an endpoint into a space of its
// own, beside the one in use, and switches in one step. provider and model
// name the space; the endpoint's first vector tells its dimension. A head is
// learned from the stored texts that have symbols.
func (s *Spaces) UseEndpoint(ctx context.Context, actor store.Actor, provider, model string, e Embedder, head HeadUse, progress func(stage string, done int)) (u Used, err error) {
	defer fault.Wrap(&err, "spaces.UseEndpoint(%s, %s)", provider, model)
	probe, err := e.EmbedProbe(ctx)
	if err != nil {
		return u, err
	}
	body := endpointBody{Probe: probe}
	space := &Space{endpoint: e, Space: store.Space{Provider: provider, Model: model, Dimension: len(probe)}}
	if head != HeadOff {
		if progress != nil {
			progress("head", 0)
		}
		if body.Head, err = s.headOf(ctx, space, head, &u); err != nil {
			return u, err
		}
	}
	if space.Body, err = json.Marshal(body); err != nil {
		return u, err
	}
	sum := sha256.Sum256(space.Body)
	space.Version = "endpoint-" + hex.EncodeToString(sum[:4])
	if body.Head != nil {
		space.head, space.Dimension, space.Version, u.Head = body.Head, body.Head.Dimension(), "head-"+hex.EncodeToString(sum[:4]), true
	}
	if space.ID, err = s.db.PutSpace(ctx, space.Space); err != nil {
		return u, err
	}
	card := map[string]any{"space": space.String(), "head": u.Head}
	if u.Held > 0 {
		card["held_out"], card["ndcg10_without_head"], card["ndcg10_with_head"] = u.Held, u.Without, u.With
	}
	u.Waiting, err = s.propose(ctx, actor, space, progress, card)
	u.Space = space.Space
	return u, err
}

// headOf learns a head from the stored texts with symbols, and says whether it
// is better on those held out. It is nil when it is not, or when too few have
// any.
func (s *Spaces) headOf(ctx context.Context, space *Space, use HeadUse, u *Used) (*embed.Head, error) {
	var examples []embed.Example
	if err := s.db.EachText(ctx, func(t store.CorpusText) {
		if len(embed.Subclasses(t.IPC)) > 0 {
			examples = append(examples, embed.Example{Text: t.Text, IPC: t.IPC, Group: t.Owner, Kin: t.Kin})
		}
	}); err != nil {
		return nil, err
	}
	if most := embed.HeadEntries / space.Dimension; len(examples) > most { // an even sample
		all := examples
		examples = make([]embed.Example, most)
		for i := range examples {
			examples[i] = all[i*len(all)/most]
		}
	}
	seen, held := embed.Split(examples)
	if len(seen) < embed.LeastExamples || space.Dimension >= embed.HeadLimit {
		return nil, nil
	}
	vectorsOf := func(of []embed.Example) ([][]float32, error) {
		texts := make([]string, len(of))
		for i, e := range of {
			texts[i] = e.Text
		}
		return space.Embed(ctx, texts)
	}
	known, err := vectorsOf(seen)
	if err != nil {
		return nil, err
	}
	kept, err := vectorsOf(held)
	if err != nil {
		return nil, err
	}
	const seed = 1
	if len(held) >= leastHeld {
		trial, err := embed.FitHead(known, seen, seed)
		if err != nil {
			return nil, err
		}
		n := min(len(held), heldAtMost)
		labels := make([][]string, n)
		with := make([][]float32, n)
		for i, e := range held[:n] {
			labels[i], with[i] = embed.Subclasses(e.IPC), trial.Apply(kept[i])
		}
		u.Held, u.Without, u.With = n, sameSubclass(kept[:n], labels), sameSubclass(with, labels)
	}
	if use == HeadAuto && (u.Held == 0 || u.With <= u.Without) {
		return nil, nil
	}
	return embed.FitHead(append(known, kept...), append(seen, held...), seed)
}

// propose fills a space and makes it the one in use, or, where another person
// of the institution approves, proposes that.
func (s *Spaces) propose(ctx context.Context, actor store.Actor, space *Space, progress func(stage string, done int), card map[string]any) (waiting bool, err error) {
	err = s.switchTo(ctx, space, progress, func() error {
		waiting, err = s.db.Enact(ctx, actor, store.ProposeSpace, strconv.Itoa(space.ID), card, time.Now().UTC().Truncate(time.Microsecond))
		return err
	})
	return waiting, err
}

// switchTo fills a space and makes it the one in use by activate.
func (s *Spaces) switchTo(ctx context.Context, space *Space, progress func(stage string, done int), activate func() error) error {
	if progress == nil {
		progress = func(string, int) {}
	}
	if err := s.embedInto(ctx, space, func(n int) { progress("embed", n) }); err != nil {
		return err
	}
	counts, err := s.db.Counts(ctx)
	if err != nil {
		return err
	}
	if counts.Patents >= indexFrom {
		progress("index", int(counts.Patents))
		if err := s.db.BuildVectorIndex(ctx, space.Space); err != nil {
			return err
		}
	}
	// Rows that arrived meanwhile went into the old space only.
	if err := s.embedInto(ctx, space, nil); err != nil {
		return err
	}
	if err := activate(); err != nil {
		return err
	}
	return s.embedInto(ctx, space, nil)
}

// indexFrom is the corpus from which unfiltered search goes through an
// approximate index; below it the exact scan is as fast.
const indexFrom = 20_000

// Fitted is what a fit on the store's own texts came to.
type Fitted struct {
	Space    store.Space
	Card     embed.Card
	Switched bool
	Waiting  bool    // the switch is proposed and waits for another person
	Held     int     // texts with symbols that neither model of the comparison was fitted on
	Old, New float64 // nDCG@10 for "same subclass" among them, of the space in use and of the new one; 0 when Held is 0
}

// Fit learns the local embedder from the store's own texts and IPC symbols, and
// from families and citations where the store has them.
// A fifth of the texts, owners apart, first says whether the new space finds
// the same subclass better than the one in use; only then, or when forced, is
// every row embedded in it and the switch made, in one step. Requests are
// served throughout, from the old space and then from the new.
func (s *Spaces) Fit(ctx context.Context, actor store.Actor, seed uint64, force bool, progress func(stage string, done int)) (_ Fitted, err error) {
	defer fault.Wrap(&err, "spaces.Fit")
	if progress == nil {
		progress = func(string, int) {}
	}
	var corpus []string
	var examples []embed.Example
	if err := s.db.EachText(ctx, func(t store.CorpusText) {
		if len(t.IPC) > 0 && embed.Subclass(t.IPC[0]) != "" {
			examples = append(examples, embed.Example{Text: t.Text, IPC: t.IPC, Group: t.Owner, Kin: t.Kin})
		} else {
			corpus = append(corpus, t.Text)
		}
	}); err != nil {
		return Fitted{}, err
	}
	if len(corpus)+len(examples) < 2 {
		return Fitted{}, fault.New(fault.Invalid, "corpus.small", "库中文本不足，请先导入专利。", "There are too few texts to fit on; ingest patents first.")
	}
	progress("fit", len(corpus)+len(examples))
	var f Fitted
	if err := s.compare(ctx, examples, corpus, seed, &f); err != nil {
		return f, err
	}
	if f.New <= f.Old && !force {
		return f, nil
	}
	model, err := embed.Train(examples, corpus, embed.Card{Data: "the store's own texts"}, seed)
	if err != nil {
		return f, err
	}
	f.Card = model.Card()
	var body bytes.Buffer
	if err := model.Save(&body); err != nil {
		return f, err
	}
	name := trainedModel
	if f.Card.Held == 0 {
		name = svdModel
	}
	space := &Space{model: model, Space: store.Space{
		Provider: store.LocalProvider, Model: name, Version: model.Version(), Dimension: embed.Dimension,
		Body: body.Bytes(), FittedOn: int64(model.Documents()),
	}}
	if space.ID, err = s.db.PutSpace(ctx, space.Space); err != nil {
		return f, err
	}
	f.Space = space.Space
	f.Waiting, err = s.propose(ctx, actor, space, progress, map[string]any{"space": space.String(), "documents": space.FittedOn, "held_out": f.Held, "ndcg10_before": f.Old, "ndcg10_after": f.New, "forced": force})
	f.Switched = err == nil && !f.Waiting
	return f, err
}

// heldAtMost bounds the texts of a comparison, whose work grows with their
// number squared; with fewer than leastHeld it says nothing.
const (
	heldAtMost = 2000
	leastHeld  = 20
)

// compare measures the space in use and one fitted without the held-out texts
// on these.
func (s *Spaces) compare(ctx context.Context, examples []embed.Example, corpus []string, seed uint64, f *Fitted) error {
	seen, held := embed.Split(examples)
	if len(seen) < embed.LeastExamples || len(held) < leastHeld {
		return nil
	}
	held = held[:min(len(held), heldAtMost)]
	trial, err := embed.Train(seen, corpus, embed.Card{}, seed)
	if err != nil {
		return err
	}
	active, err := s.Active(ctx)
	if err != nil {
		return err
	}
	texts := make([]string, len(held))
	labels := make([][]string, len(held))
	for i, e := range held {
		texts[i], labels[i] = e.Text, embed.Subclasses(e.IPC)
	}
	f.Held = len(held)
	for space, out := range map[*Space]*float64{active: &f.Old, {model: trial}: &f.New} {
		vectors, err := space.all(ctx, texts)
		if err != nil {
			return err
		}
		*out = sameSubclass(vectors, labels)
	}
	return nil
}

// sameSubclass is the mean nDCG@10 over the texts of finding others that share
// a subclass, by inner product.
func sameSubclass(vectors [][]float32, labels [][]string) float64 {
	const k = 10
	sum, queries := 0.0, 0
	scores := make([]float64, len(vectors))
	order := make([]int, 0, len(vectors))
	for q := range vectors {
		relevant := func(i int) bool {
			return slices.ContainsFunc(labels[q], func(l string) bool { return slices.Contains(labels[i], l) })
		}
		order = order[:0]
		all := 0
		for i := range vectors {
			if i == q {
				continue
			}
			scores[i] = embed.Cosine(vectors[q], vectors[i])
			order = append(order, i)
			if relevant(i) {
				all++
			}
		}
		if all == 0 {
			continue
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
		found := make([]bool, min(k, len(order)))
		for rank := range found {
			found[rank] = relevant(order[rank])
		}
		r, _ := accuracy.ScoreRetrieval(found, all, k) // one at least is relevant, so there is a score
		sum += r.NDCG
		queries++
	}
	if queries == 0 {
		return 0
	}
	return sum / float64(queries)
}

// SearchPatents returns the patents of the corpus most like a text.
func (s *Spaces) SearchPatents(ctx context.Context, text string, f store.PatentFilter, k int) (_ store.PatentSearch, err error) {
	defer fault.Wrap(&err, "spaces.SearchPatents")
	space, err := s.Active(ctx)
	if err != nil {
		return store.PatentSearch{}, err
	}
	vector, err := space.EmbedOne(ctx, text)
	if err != nil {
		return store.PatentSearch{}, err
	}
	return s.db.SearchPatents(ctx, space.Space, Unit(vector), text, f, k)
}

// Unit scales a vector to length 1; the zero vector and nil give nil, which
// means "no text".
func Unit(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return nil
	}
	scale := float32(1 / math.Sqrt(sum))
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = x * scale
	}
	return out
}
