// Package fetch brings patents in by their numbers from the sources that are
// configured: at once for some, as a job for thousands, and again for those that
// secure loans. Start with [Service.Get].
package fetch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/connect"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/jobs"
	"zhijia/internal/paging"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// Service fetches for a process.
type Service struct {
	db      *store.DB
	svc     *appraisal.Service
	queue   *jobs.Queue // nil: no jobs, at once only
	config  connect.Config
	sources []connect.Source
	now     func() time.Time
}

// missLife is how long a final refusal is believed.
const missLife = 7 * 24 * time.Hour

// AtOnce is how many numbers are fetched without a job.
const AtOnce = 100

type workKey struct{}

// work is for whom requests leave, and how many did.
type work struct {
	actor    appraisal.Actor
	requests *atomic.Int64
	most     int64
}

// New returns the service; sleep is nil but in tests.
func New(db *store.DB, svc *appraisal.Service, queue *jobs.Queue, c connect.Config, now func() time.Time, sleep func(context.Context, time.Duration) error) (*Service, error) {
	s := &Service{db: db, svc: svc, queue: queue, config: c, now: now}
	var err error
	s.sources, err = connect.New(c, connect.Gate{
		Pass: func(ctx context.Context, e connect.Egress) error {
			w, ok := ctx.Value(workKey{}).(*work)
			if !ok {
				return errors.New("fetch: nobody asked")
			}
			if w.requests.Add(1) > w.most {
				return fault.New(fault.RateLimited, "fetch.budget", "本次取数的请求数已用完，可稍后继续。", "The requests of this fetch are used up; it can be resumed.")
			}
			return db.PutEgress(ctx, store.Egress{Institution: w.actor.Institution, Actor: w.actor.Name, What: e.What, Host: e.Host, Bytes: int64(e.Bytes), Hash: e.Hash})
		},
		State: func(ctx context.Context, source string) (int64, int64, time.Time, string, error) {
			return db.SourceUsage(ctx, source, now())
		},
		Used: func(ctx context.Context, source string, size int64) error {
			return db.AddSourceUsage(context.WithoutCancel(ctx), source, 1, size, now())
		},
		Pause: db.PauseSource,
		Now:   now,
		Sleep: sleep,
		Read:  s.file,
	})
	return s, err
}

// file reads a file of the folder as an import does.
func (s *Service) file(ctx context.Context, path string, each func(connect.Record) error) (err error) {
	w, ok := ctx.Value(workKey{}).(*work)
	if !ok {
		return errors.New("fetch: nobody asked")
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = intake.Run(ctx, s.db, nil, w.actor, "patents", filepath.Base(path), f, intake.Options{DryRun: true, Record: each})
	return err
}

// Sources lists the ids of what is configured.
func (s *Service) Sources() []string {
	out := []string{}
	for _, x := range s.sources {
		out = append(out, x.ID())
	}
	return out
}

// NameOf names a source for people.
func NameOf(source string) string { return connect.OriginOf(source).Zh }

// Outcome is what one source had of one patent.
type Outcome struct {
	Source    string   `json:"source"`
	Found     bool     `json:"found"`
	Documents []string `json:"documents,omitempty"` // SHA-256 of the raw documents
	Code      string   `json:"code,omitempty"`      // why there is nothing
	Zh        string   `json:"zh,omitempty"`
	En        string   `json:"en,omitempty"`
	Final     bool     `json:"final,omitempty"` // it is not asked again for a week
}

// Result is what came of one number.
type Result struct {
	Asked    string    `json:"asked"`
	Number   string    `json:"number,omitempty"`
	State    string    `json:"state"` // found, missing, failed, refused
	Title    string    `json:"title,omitempty"`
	Outcomes []Outcome `json:"sources"`
	Code     string    `json:"code,omitempty"`
	Zh       string    `json:"zh,omitempty"`
	En       string    `json:"en,omitempty"`
}

// Report is what came of a fetch at once.
type Report struct {
	AsOf     calendar.Date `json:"as_of"`
	Sources  []string      `json:"sources"`
	Found    int           `json:"found"`
	Missing  int           `json:"missing"`
	Failed   int           `json:"failed"`
	Requests int64         `json:"requests"`
	Results  []Result      `json:"results"`
}

// Options of a fetch.
type Options struct {
	Most  int      // requests; 0: ten a number and a hundred
	Only  []string // sources; empty: all that are configured
	Again bool     // ask, too, what a source said finally that it does not have
}

// Get fetches numbers at once. A number that is none, or whose patent is noted
// as unpublished, is refused and does not leave.
func (s *Service) Get(ctx context.Context, actor appraisal.Actor, numbers []string, o Options) (rep Report, err error) {
	defer fault.Wrap(&err, "fetch.Get")
	if err := s.ready(o.Only); err != nil {
		return rep, err
	}
	if len(numbers) == 0 {
		return rep, fault.New(fault.Invalid, "fetch.empty", "请给出至少一个专利号。", "Give at least one number.")
	}
	w := &work{actor: actor, requests: new(atomic.Int64), most: int64(cmp.Or(o.Most, 10*len(numbers)+100))}
	ctx = context.WithValue(store.As(ctx, actor.Institution), workKey{}, w)
	rep = Report{AsOf: calendar.InChina(s.now()), Sources: s.Sources(), Results: []Result{}}
	at := map[string]int{}
	var asked []connect.Asked
	for _, text := range numbers {
		n, err := patent.ParseNumber(text)
		if err != nil {
			pub := fault.Public(err)
			rep.Results = append(rep.Results, Result{Asked: text, State: "refused", Outcomes: []Outcome{}, Code: pub.Code, Zh: pub.Zh, En: pub.En})
			continue
		}
		key := string(n.Key())
		if _, twice := at[key]; twice {
			continue
		}
		at[key] = len(rep.Results)
		r := Result{Asked: text, Number: key, Outcomes: []Outcome{}}
		a := connect.Asked{Number: n}
		p, err := s.db.Patent(ctx, key)
		switch {
		case err == nil && p.Confidential:
			r.State, r.Code, r.Zh, r.En = "refused", "patent.confidential", "该专利标为未公开，其号码不会发往外部来源。", "The patent is noted as unpublished; its number is not sent out."
			rep.Results = append(rep.Results, r)
			continue
		case err == nil:
			a.Publication = p.PublicationNumber
		case fault.KindOf(err) != fault.NotFound:
			return rep, err
		}
		rep.Results = append(rep.Results, r)
		asked = append(asked, a)
	}
	if len(asked) > 0 {
		stopped := s.ask(ctx, asked, o, func(key string, out Outcome) {
			r := &rep.Results[at[key]]
			r.Outcomes = append(r.Outcomes, out)
		})
		if stopped != nil {
			return rep, stopped
		}
	}
	for i := range rep.Results {
		r := &rep.Results[i]
		if r.State == "" {
			r.judge()
		}
		switch r.State {
		case "found":
			rep.Found++
			if p, err := s.db.Patent(ctx, r.Number); err == nil {
				r.Number, r.Title = p.Number, p.Title
			}
		case "missing":
			rep.Missing++
		default:
			rep.Failed++
		}
	}
	rep.Requests = min(w.requests.Load(), w.most)
	return rep, nil
}

// judge tells the state from what the sources had.
func (r *Result) judge() {
	r.State = "missing"
	for _, o := range r.Outcomes {
		switch {
		case o.Found:
			r.State, r.Code, r.Zh, r.En = "found", "", "", ""
			return
		case !o.Final:
			r.State, r.Code, r.Zh, r.En = "failed", o.Code, o.Zh, o.En
		case r.State == "missing":
			r.Code, r.Zh, r.En = o.Code, o.Zh, o.En
		}
	}
}

func (s *Service) ready(only []string) error {
	if len(s.sources) == 0 {
		return fault.New(fault.Unavailable, "source.none", "未配置任何来源。请设置 ZHIJIA_OPS_KEY、ZHIJIA_PATSNAP_KEY、ZHIJIA_LENS_TOKEN、ZHIJIA_SOURCE_URL 或 ZHIJIA_SOURCE_FOLDER（见 docs/connect.md），或改为导入文件。",
			"No source is configured. Set one of ZHIJIA_OPS_KEY, ZHIJIA_PATSNAP_KEY, ZHIJIA_LENS_TOKEN, ZHIJIA_SOURCE_URL and ZHIJIA_SOURCE_FOLDER (docs/connect.md), or import a file.")
	}
	for _, id := range only {
		if !slices.Contains(s.Sources(), id) {
			return fault.New(fault.Invalid, "source.unknown", "来源“"+id+"”没有配置，已配置："+strings.Join(s.Sources(), "、")+"。", "The source "+id+" is not configured; configured are "+strings.Join(s.Sources(), ", ")+".")
		}
	}
	return nil
}

// ask puts the numbers to each source in turn and stores what it has. An error
// is of the store or of the caller; what a source refuses is an outcome.
func (s *Service) ask(ctx context.Context, asked []connect.Asked, o Options, tell func(key string, out Outcome)) error {
	for _, source := range s.sources {
		if len(o.Only) > 0 && !slices.Contains(o.Only, source.ID()) {
			continue
		}
		keys := make([]string, len(asked))
		for i := range asked {
			keys[i] = string(asked[i].Number.Key())
		}
		gone := map[string]string{}
		if !o.Again {
			var err error
			if gone, err = s.db.SourceMisses(ctx, source.ID(), keys, s.now().Add(-missLife)); err != nil {
				return err
			}
		}
		var open []connect.Asked
		for i, a := range asked {
			if code, ok := gone[keys[i]]; ok {
				tell(keys[i], Outcome{Source: source.ID(), Code: code, Zh: "该来源一周内已答复没有该专利", En: "The source said within a week that it does not have it.", Final: true})
				continue
			}
			open = append(open, a)
		}
		if len(open) == 0 {
			continue
		}
		answers, failed := source.Fetch(ctx, open)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.store(ctx, source.ID(), answers); err != nil {
			return err
		}
		for i := range answers {
			a := &answers[i]
			out := Outcome{Source: source.ID(), Found: len(a.Records) > 0 && a.Err == nil}
			for _, d := range a.Documents {
				if d.Hash != "" {
					out.Documents = append(out.Documents, d.Hash)
				}
			}
			switch {
			case a.Err != nil || failed != nil && len(a.Records) == 0 && a.Missing == "":
				pub := fault.Public(cmp.Or(a.Err, failed))
				out.Code, out.Zh, out.En = pub.Code, pub.Zh, pub.En
				out.Found = len(a.Records) > 0
			case a.Missing != "":
				out.Code, out.Zh, out.En, out.Final = a.Missing, a.MissingZh, "The source does not have it.", true
				if source.ID() != "folder" {
					if err := s.db.PutSourceMiss(ctx, source.ID(), string(a.Key), a.Missing, s.now()); err != nil {
						return err
					}
				}
			}
			tell(string(a.Key), out)
		}
		// What one source tells of its publication number helps the next.
		for i := range asked {
			for _, a := range answers {
				if a.Key != asked[i].Number.Key() || asked[i].Publication != "" {
					continue
				}
				for _, r := range a.Records {
					if r.Publication != "" {
						asked[i].Publication = max(asked[i].Publication, r.Publication) // B after A
					}
				}
			}
		}
	}
	return nil
}

// store keeps the raw documents and what their records state.
func (s *Service) store(ctx context.Context, source string, answers []connect.Answer) error {
	put := map[string]bool{}
	byDocument := map[string][]connect.Record{}
	names := map[string]connect.Document{}
	for i := range answers {
		a := &answers[i]
		if len(a.Records) == 0 {
			continue
		}
		for _, d := range a.Documents {
			if d.Hash == "" || put[d.Hash] {
				continue
			}
			put[d.Hash] = true
			kept := store.SourceDocument{Hash: d.Hash, Source: d.Source, Address: d.Address, MediaType: d.MediaType, Size: int64(len(d.Body)), At: s.now()}
			if slices.Contains(s.config.KeepRaw, source) {
				kept.Body = d.Body
			}
			if err := s.db.PutSourceDocument(ctx, kept); err != nil {
				return err
			}
		}
		d := a.Documents[len(a.Documents)-1]
		key := d.Hash + " " + d.Address
		byDocument[key], names[key] = append(byDocument[key], a.Records...), d
	}
	for _, key := range slices.Sorted(maps.Keys(byDocument)) {
		d := names[key]
		doc := intake.Document{Hash: d.Hash, Name: d.Address, Retrieved: calendar.InChina(s.now())}
		if err := intake.Merge(ctx, s.db, s.svc, byDocument[key], doc); err != nil {
			return err
		}
	}
	return nil
}

// State is how far a fetch of many numbers is.
type State struct {
	ID         string     `json:"id"`
	Status     string     `json:"status"` // running, finished, stopped
	Reason     string     `json:"reason"` // asked, refresh
	Most       int        `json:"most_requests"`
	Requests   int        `json:"requests"`
	Waiting    int        `json:"waiting"`
	Found      int        `json:"found"`
	Missing    int        `json:"missing"`
	Failed     int        `json:"failed"`
	Error      string     `json:"error,omitempty"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
}

type order struct {
	ID    string `json:"id"`
	Actor string `json:"actor"`
}

var (
	fetches   = jobs.Kind[order]{Name: "fetches", Queued: 1, Open: 10, Timeout: 10 * time.Minute}
	refreshes = jobs.Kind[struct{}]{Name: "refreshes", Timeout: 10 * time.Minute}
)

// Start orders a fetch of many numbers as a job.
func (s *Service) Start(ctx context.Context, actor appraisal.Actor, numbers []string, o Options) (State, error) {
	return s.start(ctx, actor, numbers, o, "asked")
}

func (s *Service) start(ctx context.Context, actor appraisal.Actor, numbers []string, o Options, reason string) (st State, err error) {
	defer fault.Wrap(&err, "fetch.Start")
	if err := s.ready(o.Only); err != nil {
		return st, err
	}
	var keys []string
	var bad []fault.Field
	for i, text := range numbers {
		n, err := patent.ParseNumber(text)
		if err != nil {
			pub := fault.Public(err)
			if len(bad) < 20 {
				bad = append(bad, fault.Field{Field: "body.numbers[" + strconv.Itoa(i) + "]", Code: pub.Code, Zh: pub.Zh, En: pub.En})
			}
			continue
		}
		keys = append(keys, string(n.Key()))
	}
	if len(bad) > 0 {
		return st, fault.New(fault.Invalid, "fetch.numbers", "有号码无法识别，见各项说明。", "Some numbers are not recognised; see the fields.", bad...)
	}
	if len(keys) == 0 {
		return st, fault.New(fault.Invalid, "fetch.empty", "请给出至少一个专利号。", "Give at least one number.")
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	f := store.Fetch{ID: store.NewID("fetch", now), Actor: actor.Name, Reason: reason, Most: cmp.Or(o.Most, 10*len(keys)+100), Only: o.Only, Again: o.Again, StartedAt: now}
	ctx = store.As(ctx, actor.Institution)
	err = s.db.Transact(ctx, func(tx pgx.Tx) error {
		if err := s.db.AddFetch(ctx, tx, f, keys); err != nil {
			return err
		}
		return fetches.Add(ctx, s.queue, tx, actor.Institution, jobs.Order[order]{Key: f.ID, Subject: f.ID, Args: order{f.ID, actor.Name}})
	})
	if err != nil {
		return st, err
	}
	return s.State(ctx, actor, f.ID)
}

// Resume has a fetch that was stopped go on with further requests.
func (s *Service) Resume(ctx context.Context, actor appraisal.Actor, id string, more int) (st State, err error) {
	defer fault.Wrap(&err, "fetch.Resume(%s)", id)
	if st, err = s.State(ctx, actor, id); err != nil {
		return st, err
	}
	if st.Status != "stopped" {
		return st, fault.New(fault.Conflict, "fetch.not_stopped", "该任务没有停下，无需继续。", "The fetch is not stopped.")
	}
	ctx = store.As(ctx, actor.Institution)
	err = s.db.Transact(ctx, func(tx pgx.Tx) error {
		if err := s.db.ResumeFetch(ctx, tx, id, cmp.Or(more, 10*st.Waiting+100)); err != nil {
			return err
		}
		return fetches.Add(ctx, s.queue, tx, actor.Institution, jobs.Order[order]{Key: id, Subject: id, Args: order{id, actor.Name}})
	})
	if err != nil {
		return st, err
	}
	return s.State(ctx, actor, id)
}

// State returns how far a fetch is.
func (s *Service) State(ctx context.Context, actor appraisal.Actor, id string) (State, error) {
	f, err := s.db.Fetch(store.As(ctx, actor.Institution), id)
	return State{f.ID, f.Status, f.Reason, f.Most, f.Requests, f.Waiting, f.Found, f.Missing, f.Failed, f.Error, f.StartedAt, f.FinishedAt}, err
}

// turnNumbers is how many numbers a turn asks for.
const turnNumbers = 50

// Workers work fetches, and order those of booked patents when their time has
// come.
func (s *Service) Workers() []jobs.Worker {
	if len(s.sources) == 0 || s.queue == nil {
		return nil
	}
	list := []jobs.Worker{fetches.Worker(2, s.turn)}
	if s.config.RefreshDays > 0 {
		list = append(list, refreshes.Worker(1, func(ctx context.Context, _ *jobs.Turn, _ struct{}) (jobs.Next, error) {
			return jobs.Done, s.refresh(ctx)
		}).Every(time.Hour))
	}
	return list
}

func (s *Service) refresh(ctx context.Context) error {
	stale, err := s.db.StaleBooked(ctx, s.now().AddDate(0, 0, -s.config.RefreshDays), 1000)
	if err != nil {
		return err
	}
	for _, institution := range slices.Sorted(maps.Keys(stale)) {
		if _, err := s.start(ctx, appraisal.Actor{Name: "refresh", Institution: institution}, stale[institution], Options{}, "refresh"); err != nil {
			return err
		}
	}
	return nil
}

// turn asks for some numbers of a fetch. A source that must not be asked for now
// leaves the rest waiting: the fetch is stopped and can be resumed.
func (s *Service) turn(ctx context.Context, t *jobs.Turn, o order) (jobs.Next, error) {
	ctx = store.As(ctx, t.Institution)
	f, err := s.db.Fetch(ctx, o.ID)
	if err != nil {
		return jobs.Done, err
	}
	waiting, err := s.db.FetchNumbers(ctx, o.ID, "waiting", "", turnNumbers)
	if err != nil {
		return jobs.Again, err
	}
	settle := func(next jobs.Next, done []store.FetchNumber, requests int, status, problem string) jobs.Next {
		return next.With(func(ctx context.Context, tx pgx.Tx) error {
			return s.db.SettleFetch(ctx, tx, o.ID, done, requests, status, problem, s.now())
		})
	}
	if len(waiting) == 0 {
		return settle(jobs.Done, nil, 0, "finished", ""), nil
	}
	left := f.Most - f.Requests
	if left <= 0 {
		return settle(jobs.Done, nil, 0, "stopped", "请求数已用完，可继续 (the requests are used up; it can be resumed)"), nil
	}
	numbers := make([]string, len(waiting))
	for i := range waiting {
		numbers[i] = waiting[i].Number
	}
	rep, err := s.Get(ctx, appraisal.Actor{Name: o.Actor, Institution: t.Institution}, numbers, Options{Most: left, Only: f.Only, Again: f.Again})
	if err != nil {
		return jobs.Again, err
	}
	// Where nothing came through, the source is away, and no number is to blame.
	away := rep.Found+rep.Missing == 0
	var done []store.FetchNumber
	held := ""
	for _, r := range rep.Results {
		switch state := r.State; {
		case state == "failed" && (paused(r.Code) || away && unreached(r.Code)):
			held = r.Zh
		case state == "found" || state == "missing":
			done = append(done, store.FetchNumber{Number: r.Asked, State: state, Detail: r.Code})
		default:
			done = append(done, store.FetchNumber{Number: r.Asked, State: "failed", Detail: r.Code})
		}
	}
	if held != "" {
		return settle(jobs.Done, done, int(rep.Requests), "stopped", held), nil
	}
	return settle(jobs.Again, done, int(rep.Requests), "running", ""), nil
}

// unreached are the failures of a source that is away.
func unreached(code string) bool {
	return slices.Contains([]string{"source.down", "source.unreachable", "source.timeout"}, code)
}

// Number is one number of a fetch and what came of it.
type Number = store.FetchNumber

// Numbers returns one page of a fetch's numbers, of a state or of any, and the
// cursor of the next.
func (s *Service) Numbers(ctx context.Context, actor appraisal.Actor, id, state, cursor string, limit int) (_ []Number, next string, err error) {
	defer fault.Wrap(&err, "fetch.Numbers(%s)", id)
	at, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	if _, err := s.State(ctx, actor, id); err != nil {
		return nil, "", err
	}
	list, err := s.db.FetchNumbers(store.As(ctx, actor.Institution), id, state, at.ID, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(list, limit, func(n *Number) paging.Place { return paging.Place{ID: n.Number} })
	return page, next, nil
}

// paused are the refusals that pass.
func paused(code string) bool {
	return slices.Contains([]string{"source.paused", "source.quota_hour", "source.quota_week", "source.throttled", "fetch.budget", "source.refused"}, code)
}
