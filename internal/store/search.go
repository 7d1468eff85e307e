package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/valuation"
)

// Everything that is particular to the vector index lives in this file.
const (
	hnswM              = 16
	hnswEfConstruction = 64
	// An ef_search of 100 gave a recall at 10 of 0.995 and more at 100,000
	// vectors; below that recall moved from build to build.
	hnswEfSearch = 100
	// A search takes so many by vector for each patent asked for, and at least
	// leastFetched, before it orders them by the similarity, which reads wording
	// too: of 300 titles 3 in a hundred had their own abstract beyond 44.
	overFetch    = 4
	leastFetched = 200
	// A filtered approximate search returns ten rows that are silently not the
	// ten nearest, so filtered sets up to this size are scanned exactly.
	exactUpTo = 20_000
)

// PatentFilter narrows a search of the corpus.
type PatentFilter struct {
	IPC         []string      // subclasses, classes or sections: H01M, H01, H
	FiledBefore calendar.Date // zero: any
	Kind        string        // empty: any
	Not         []string      // numbers left out
}

func (f PatentFilter) empty() bool {
	return len(f.IPC) == 0 && f.FiledBefore.IsZero() && f.Kind == "" && len(f.Not) == 0
}

// PatentHit is a patent found.
type PatentHit struct {
	Number     string               `json:"number"`
	Title      string               `json:"title"`
	Kind       string               `json:"kind,omitempty"`
	IPC        []string             `json:"ipc"`
	Filing     calendar.Date        `json:"filing_date"`
	Distance   float64              `json:"distance"` // cosine
	Similarity valuation.Similarity `json:"similarity"`
}

// PatentSearch is the answer, nearest first, and how it was found: exact,
// hnsw, or hnsw_filtered.
type PatentSearch struct {
	Hits []PatentHit `json:"hits"`
	Path string      `json:"path"`
	Read *Reading    `json:"read_from,omitempty"` // nil: no replica is configured
}

// SearchPatents returns the k patents of a space most like a text by the
// store's one similarity, chosen among more that are near by vector distance.
func (db *DB) SearchPatents(ctx context.Context, space Space, vector []float32, text string, f PatentFilter, k int) (_ PatentSearch, err error) {
	defer fault.Wrap(&err, "store.SearchPatents")
	if vector == nil {
		return PatentSearch{}, fault.New(fault.Invalid, "search.text", "检索文本为空。", "The text to search for is empty.")
	}
	if k < 1 || k > 1000 {
		return PatentSearch{}, fault.New(fault.Invalid, "search.limit", "返回数量应为 1 到 1000。", "Between 1 and 1,000 patents can be asked for.")
	}
	ctx, read := db.OnReplica(ctx)
	near, path, err := db.nearest(ctx, space, vector, f, max(leastFetched, overFetch*k))
	if err != nil {
		return PatentSearch{}, err
	}
	subject := features{terms: embed.Bigrams(text), vector: vector}
	out := PatentSearch{Path: path, Read: read}
	for _, n := range near {
		s, _ := similarity(subject, features{vector: n.vector, terms: embed.Bigrams(n.text), ipc: n.IPC})
		n.Similarity = s
		out.Hits = append(out.Hits, n.PatentHit)
	}
	slices.SortStableFunc(out.Hits, func(a, b PatentHit) int {
		return cmp.Or(cmp.Compare(b.Similarity.Total, a.Similarity.Total), strings.Compare(a.Number, b.Number))
	})
	seen := map[string]bool{} // an own record and the public one
	out.Hits = slices.DeleteFunc(out.Hits, func(h PatentHit) bool { twice := seen[h.Number]; seen[h.Number] = true; return twice })
	out.Hits = out.Hits[:min(k, len(out.Hits))]
	return out, nil
}

// Nearest returns the numbers of the k patents nearest by vector distance, and
// the path taken; exact forces the exact scan, to measure the other against.
func (db *DB) Nearest(ctx context.Context, space Space, vector []float32, k int, exact bool) (numbers []string, path string, err error) {
	defer fault.Wrap(&err, "store.Nearest")
	var near []neighbour
	if exact {
		near, err = db.scan(ctx, space, vector, PatentFilter{}, k)
		path = "exact"
	} else {
		near, path, err = db.nearest(ctx, space, vector, PatentFilter{}, k)
	}
	for _, n := range near {
		numbers = append(numbers, n.Number)
	}
	return numbers, path, err
}

type neighbour struct {
	PatentHit
	text   string
	vector []float32
}

func (db *DB) nearest(ctx context.Context, space Space, vector []float32, f PatentFilter, k int) ([]neighbour, string, error) {
	indexed, err := db.hasVectorIndex(ctx, space.ID)
	if err != nil {
		return nil, "", err
	}
	filtered := !f.empty()
	if indexed && filtered {
		n, err := db.countFiltered(ctx, f)
		if err != nil {
			return nil, "", err
		}
		indexed = n > exactUpTo
	}
	if indexed {
		near, err := db.walk(ctx, space, vector, f, k)
		if err != nil {
			return nil, "", err
		}
		switch {
		case len(near) < k: // fewer than asked for may mean the walk missed some
		case filtered:
			return near, "hnsw_filtered", nil
		default:
			return near, "hnsw", nil
		}
	}
	near, err := db.scan(ctx, space, vector, f, k)
	return near, "exact", err
}

const neighbourColumns = `p.number, p.title, coalesce(p.kind, ''), p.ipc, p.filing_date, concat_ws(E'\n', p.title, p.abstract, p.claims), n.vector, n.distance`

func scanNeighbour(row pgx.CollectableRow) (neighbour, error) {
	var n neighbour
	var v pgvector.HalfVector
	err := row.Scan(&n.Number, &n.Title, &n.Kind, &n.IPC, &n.Filing, &n.text, &v, &n.Distance)
	n.vector = v.Slice()
	return n, err
}

// where writes the filter as SQL over patents p, with its arguments after the
// given ones.
func (f PatentFilter) where(args []any) (string, []any) {
	clauses := []string{"true"}
	add := func(format string, arg any) {
		args = append(args, arg)
		clauses = append(clauses, fmt.Sprintf(format, len(args)))
	}
	switch whole := !slices.ContainsFunc(f.IPC, func(s string) bool { return len(s) != 4 }); {
	case len(f.IPC) == 0:
	case whole: // an index finds equal subclasses, not patterns
		add("p.subclass = ANY($%d)", f.IPC)
	default:
		patterns := make([]string, len(f.IPC))
		for i, s := range f.IPC {
			patterns[i] = strings.NewReplacer(`\`, ``, `%`, ``, `_`, ``).Replace(s) + "%"
		}
		add("p.subclass LIKE ANY($%d)", patterns)
	}
	if !f.FiledBefore.IsZero() {
		add("p.filing_date < $%d", f.FiledBefore)
	}
	if f.Kind != "" {
		add("p.kind = $%d", f.Kind)
	}
	if len(f.Not) > 0 {
		add("p.number <> ALL($%d)", f.Not)
	}
	return strings.Join(clauses, " AND "), args
}

// scan computes every distance of the filtered set. MATERIALIZED keeps the
// planner from choosing the approximate index behind our back.
func (db *DB) scan(ctx context.Context, space Space, vector []float32, f PatentFilter, k int) ([]neighbour, error) {
	where, args := f.where([]any{space.ID, pgvector.NewHalfVector(vector), k})
	rows, err := db.pool.Query(ctx, `
		WITH c AS MATERIALIZED (
			SELECT v.patent_id, v.vector FROM patent_vectors v JOIN patents p ON p.id = v.patent_id
			WHERE v.space_id = $1 AND v.`+visible+` AND `+where+`),
		n AS (SELECT patent_id, vector, vector <=> $2 AS distance FROM c ORDER BY vector <=> $2, patent_id LIMIT $3)
		SELECT `+neighbourColumns+` FROM n JOIN patents p ON p.id = n.patent_id ORDER BY n.distance, p.id`, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanNeighbour)
}

// walk searches the graph, far enough for k.
func (db *DB) walk(ctx context.Context, space Space, vector []float32, f PatentFilter, k int) (near []neighbour, err error) {
	where, args := f.where([]any{pgvector.NewHalfVector(vector), k})
	err = db.look(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL hnsw.ef_search = %d; SET LOCAL hnsw.iterative_scan = relaxed_order; SET LOCAL enable_seqscan = off`, min(1000, max(hnswEfSearch, 2*k))))
		if err != nil {
			return err
		}
		// Constants, not parameters: the partial index is found by them.
		rows, err := tx.Query(ctx, fmt.Sprintf(`
			WITH n AS MATERIALIZED (
				SELECT v.patent_id, v.vector, v.vector::halfvec(%[1]d) <=> $1::halfvec(%[1]d) AS distance
				FROM patent_vectors v JOIN patents p ON p.id = v.patent_id
				WHERE v.space_id = %[2]d AND v.%[4]s AND %[3]s
				ORDER BY v.vector::halfvec(%[1]d) <=> $1::halfvec(%[1]d) LIMIT $2)
			SELECT `+neighbourColumns+` FROM n JOIN patents p ON p.id = n.patent_id ORDER BY n.distance, p.id`, space.Dimension, space.ID, where, visible), args...)
		if err != nil {
			return err
		}
		near, err = pgx.CollectRows(rows, scanNeighbour)
		return err
	})
	return near, err
}

func (db *DB) countFiltered(ctx context.Context, f PatentFilter) (n int, err error) {
	where, args := f.where([]any{exactUpTo + 1})
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM patents p WHERE p.`+visible+` AND `+where+` LIMIT $1) x`, args...).Scan(&n)
	return n, err
}

func indexName(space int) string { return fmt.Sprintf("patent_vectors_hnsw_%d", space) }

func (db *DB) hasVectorIndex(ctx context.Context, space int) (has bool, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = $1 AND i.indisvalid)`, indexName(space)).Scan(&has)
	return has, err
}

// BuildVectorIndex builds the approximate index of a space while the table is
// being read and written. A build that was interrupted is made anew.
func (db *DB) BuildVectorIndex(ctx context.Context, space Space) (err error) {
	defer fault.Wrap(&err, "store.BuildVectorIndex(%s)", space)
	has, err := db.hasVectorIndex(ctx, space.ID)
	if err != nil || has {
		return err
	}
	conn, err := db.login(ctx) // an index is its table's owner's to make
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	workers := 2
	if db.serialIndexBuild {
		workers = 0
	}
	name := indexName(space.ID)
	for _, q := range []string{
		`SET maintenance_work_mem = '1GB'`, // the graph is built in memory or many times slower
		fmt.Sprintf(`SET max_parallel_maintenance_workers = %d`, workers),
		`DROP INDEX IF EXISTS ` + name,
		fmt.Sprintf(`CREATE INDEX CONCURRENTLY %s ON patent_vectors USING hnsw ((vector::halfvec(%d)) halfvec_cosine_ops)
			WITH (m = %d, ef_construction = %d) WHERE space_id = %d`, name, space.Dimension, hnswM, hnswEfConstruction, space.ID),
	} {
		if _, err := conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// CorpusText is the text of a deal or a patent with what a model may learn from.
type CorpusText struct {
	Text  string
	IPC   []string
	Owner string // who owns the patent or sold it; "" unknown

	// Kin are the patent family, and what the patent cites or is cited as: texts
	// that share one belong together.
	Kin []string
}

// EachText calls use with the text of every deal and patent the institution
// sees, in a fixed order.
func (db *DB) EachText(ctx context.Context, use func(CorpusText)) (err error) {
	defer fault.Wrap(&err, "store.EachText")
	rows, err := db.pool.Query(ctx, `
		SELECT text, ipc, owner, kin FROM (
			SELECT 0 AS part, id, concat_ws(E'\n', title, description) AS text, coalesce(ipc, '{}') AS ipc, coalesce(seller, '') AS owner, '{}'::text[] AS kin FROM deals WHERE `+visible+`
			UNION ALL
			SELECT 1, number, concat_ws(E'\n', title, abstract, claims), coalesce(ipc, '{}'), coalesce(owners[1], ''),
				array_remove(ARRAY['family ' || family_id, 'cited ' || number], NULL) || ARRAY(SELECT 'cited ' || c.cited FROM citations c WHERE c.institution = patents.institution AND c.citing = patents.number ORDER BY c.cited LIMIT 50) FROM patents WHERE `+visible+`) t
		ORDER BY part, id`)
	if err != nil {
		return err
	}
	var t CorpusText
	_, err = pgx.ForEachRow(rows, []any{&t.Text, &t.IPC, &t.Owner, &t.Kin}, func() error {
		use(t)
		t.IPC, t.Kin = nil, nil // the next row fills slices of its own
		return nil
	})
	return err
}
