// Package spaces keeps the embedding spaces of the stored texts: which one is in
// use, what embeds into it, and the switch to another while requests are
// served. Start with [New].
package spaces

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Embedder turns texts into vectors of one space: an endpoint, or the local
// model.
type Embedder interface {
	// Embed returns one vector per text, in order.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Spaces are the embedding spaces of a store. It is safe for concurrent use.
type Spaces struct {
	db       *store.DB
	embedder Embedder // of an endpoint's space; nil: local spaces only
	held     atomic.Pointer[Space]
}

// New returns the spaces of a migrated database. When none is in use the
// stateless local one becomes so. A nil embedder serves local spaces only.
func New(ctx context.Context, db *store.DB, embedder Embedder) (*Spaces, error) {
	s := &Spaces{db: db, embedder: embedder}
	return s, s.ensure(ctx)
}

// Space is a stored space with what embeds into it.
type Space struct {
	store.Space
	model    *embed.Model // nil: the stateless hash, or an endpoint
	endpoint Embedder
}

// ensure makes the stateless local space active when there is none.
func (s *Spaces) ensure(ctx context.Context) error {
	id, err := s.db.ActiveSpaceID(ctx)
	if err != nil || id != 0 {
		return err
	}
	id, err = s.db.PutSpace(ctx, store.Space{Provider: store.LocalProvider, Model: "chars-1-2", Version: store.HashVersion, Dimension: embed.Dimension})
	if err != nil {
		return err
	}
	return s.db.ActivateSpace(ctx, id)
}

// Active returns the space in use. The model is loaded once per space.
func (s *Spaces) Active(ctx context.Context) (*Space, error) {
	id, err := s.db.ActiveSpaceID(ctx)
	if err != nil {
		return nil, err
	}
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
			return nil, fault.New(fault.Unavailable, "embedder.off", "当前向量空间需要向量服务，但未配置。", "The active embedding space needs an endpoint, and none is configured.")
		}
		space.endpoint = s.embedder
	case stored.Version != store.HashVersion:
		if space.model, err = embed.Load(stored.Body); err != nil {
			return nil, err
		}
	}
	s.held.Store(space)
	return space, nil
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
		if sp.model != nil {
			out[i] = sp.model.Embed(text)
		} else {
			out[i] = embed.Hash(text)
		}
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
	patents := func(ctx context.Context, id int, after store.Unembedded, limit int) ([]store.Unembedded, error) {
		return s.db.UnembeddedPatents(ctx, id, after, limit, space.endpoint == nil)
	}
	for _, pending := range []func(context.Context, int, store.Unembedded, int) ([]store.Unembedded, error){s.db.UnembeddedDeals, patents} {
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

// UseEndpoint embeds every stored row through an endpoint into a space of its
// own, beside the one in use, and switches in one step. provider and model
// name the space; the endpoint's first vector tells its dimension.
func (s *Spaces) UseEndpoint(ctx context.Context, provider, model string, e Embedder, progress func(stage string, done int)) (_ store.Space, err error) {
	defer fault.Wrap(&err, "spaces.UseEndpoint(%s, %s)", provider, model)
	probe, err := e.Embed(ctx, []string{"专利"})
	if err != nil {
		return store.Space{}, err
	}
	space := &Space{endpoint: e, Space: store.Space{Provider: provider, Model: model, Version: "endpoint", Dimension: len(probe[0])}}
	if space.ID, err = s.db.PutSpace(ctx, space.Space); err != nil {
		return store.Space{}, err
	}
	return space.Space, s.switchTo(ctx, space, progress)
}

// switchTo fills a space and makes it the one in use.
func (s *Spaces) switchTo(ctx context.Context, space *Space, progress func(stage string, done int)) error {
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
	if err := s.db.ActivateSpace(ctx, space.ID); err != nil {
		return err
	}
	return s.embedInto(ctx, space, nil)
}

// indexFrom is the corpus from which unfiltered search goes through an
// approximate index; below it the exact scan is as fast.
const indexFrom = 20_000

// Fit learns the local embedder from the store's own texts, embeds every row
// in the new space beside the old one, and switches in one step. Requests are
// served throughout, from the old space and then from the new.
func (s *Spaces) Fit(ctx context.Context, seed uint64, progress func(stage string, done int)) (_ store.Space, err error) {
	defer fault.Wrap(&err, "spaces.Fit")
	if progress == nil {
		progress = func(string, int) {}
	}
	var texts []string
	if err := s.db.EachText(ctx, func(text string) { texts = append(texts, text) }); err != nil {
		return store.Space{}, err
	}
	if len(texts) < 2 {
		return store.Space{}, fault.New(fault.Invalid, "corpus.small", "库中文本不足，请先导入专利。", "There are too few texts to fit on; ingest patents first.")
	}
	progress("fit", len(texts))
	model, err := embed.Fit(texts, seed)
	if err != nil {
		return store.Space{}, err
	}
	var body bytes.Buffer
	if err := model.Save(&body); err != nil {
		return store.Space{}, err
	}
	space := &Space{model: model, Space: store.Space{
		Provider: store.LocalProvider, Model: "chars-1-2+svd", Version: model.Version(), Dimension: embed.Dimension,
		Body: body.Bytes(), FittedOn: int64(model.Documents()),
	}}
	if space.ID, err = s.db.PutSpace(ctx, space.Space); err != nil {
		return store.Space{}, err
	}
	return space.Space, s.switchTo(ctx, space, progress)
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
