// Package appraisal carries one valuation from request to stored record:
// gather the evidence, conclude, store. Start with [New].
//
// REST, command line and batch files all reach [Service.Value]. Only the
// gathering touches the world; the conclusion is valuation.Conclude over the
// stored snapshot, so any valuation replays to the same bytes.
package appraisal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/paging"
	"zhijia/internal/patent"
	"zhijia/internal/spaces"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Title is what every output is called. It is never an appraisal report: only
// a licensed institution may issue one (资产评估法 art. 3).
const Title = "估值参考意见"

// Notice states the limits of every output.
const Notice = "本意见由估值系统生成，供内部决策参考，不是资产评估报告，不得用于法定评估目的。"

// Actor is who asks.
type Actor = store.Actor

// Judge scores the indicators that rules cannot read from records: a language
// model behind an endpoint, or the statistical scorer. It never fails the
// valuation: what it cannot tell stays unknown, and a note says why.
type Judge interface {
	Judge(ctx context.Context, s judge.Subject) judge.Judgement
}

// Options configure [New].
type Options struct {
	Judge    Judge             // nil: the model is off
	Embedder spaces.Embedder   // for spaces of an endpoint; nil: local spaces only
	Now      func() time.Time  // default time.Now
	Log      *slog.Logger      // default: discards
	Days     *calendar.Working // default: as shipped
}

// Service values patents. It is safe for concurrent use.
type Service struct {
	db     *store.DB
	judge  Judge
	spaces *spaces.Spaces
	now    func() time.Time
	log    *slog.Logger
	days   *calendar.Working

	shipped valuation.Assumptions
	ledgers *ledgers
	loaded  sync.Map // version -> *hashed, never changed once loaded
}

// New returns a service over a migrated database. It records the assumptions
// the program ships with, and makes them active when none are.
func New(ctx context.Context, db *store.DB, o Options) (_ *Service, err error) {
	defer fault.Wrap(&err, "appraisal.New")
	s := &Service{db: db, judge: o.Judge, now: o.Now, log: o.Log, days: cmp.Or(o.Days, calendar.Shipped()), shipped: valuation.DefaultAssumptions(), ledgers: newLedgers()}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	body, err := json.Marshal(s.shipped)
	if err != nil {
		return nil, err
	}
	ctx = store.As(ctx, store.Public) // what ships with the program is there for all
	if err := db.PutAssumptions(ctx, s.shipped.Version, body, "shipped with the program"); err != nil {
		return nil, err
	}
	if active, err := db.ActiveAssumptions(ctx); err != nil {
		return nil, err
	} else if active == "" {
		if err := db.ActivateAssumptions(ctx, s.shipped.Version); err != nil {
			return nil, err
		}
	}
	s.spaces, err = spaces.New(ctx, db, o.Embedder)
	return s, err
}

// Days returns the working days that fees and deadlines go by.
func (s *Service) Days() *calendar.Working { return s.days }

// Reads reports whether a model can be asked.
func (s *Service) Reads() bool { return s.judge != nil }

// Spaces returns the embedding spaces that comparables are searched in.
func (s *Service) Spaces() *spaces.Spaces { return s.spaces }

// EmbedStored gives every stored text without one a vector in the space in
// use, in the actor's name where texts leave for it. later is true when the
// space is an endpoint's and none is configured here: then the rows are found
// by class and wording until somebody who has it embeds them.
func (s *Service) EmbedStored(ctx context.Context, actor Actor) (later bool, err error) {
	err = s.spaces.EmbedStored(judge.With(ctx, judge.Permit{Actor: actor}), nil)
	if err != nil && fault.Public(err).Code == spaces.CodeOff {
		return true, nil
	}
	return false, err
}

// hashed are assumptions with their hash, which is dear to compute.
type hashed struct {
	valuation.Assumptions
	hash string
}

// snapshot is everything a conclusion is a function of, besides the
// assumptions it names.
type snapshot struct {
	Assignment      valuation.Assignment `json:"assignment"`
	Evidence        valuation.Evidence   `json:"evidence"`
	Assumptions     string               `json:"assumptions"`
	AssumptionsHash string               `json:"assumptions_hash"`
	Revises         string               `json:"revises,omitempty"` // the valuation this one revises
}

// Record is a stored valuation. Its bytes never change.
type Record struct {
	stored  store.Valuation
	revises string
}

// record takes a stored valuation. What it revises stands at the end of its
// snapshot, which is long: it is only read where it says so.
func record(v store.Valuation) *Record {
	r := &Record{stored: v}
	if tail := v.Snapshot[max(0, len(v.Snapshot)-200):]; bytes.Contains(tail, []byte(`"revises":"val_`)) {
		var snap struct {
			Revises string `json:"revises"`
		}
		if json.Unmarshal(v.Snapshot, &snap) == nil {
			r.revises = snap.Revises
		}
	}
	return r
}

// Revises returns the id of the valuation that this one revises, or "".
func (r *Record) Revises() string { return r.revises }

// ID returns the record's id.
func (r *Record) ID() string { return r.stored.ID }

// CreatedAt returns when it was given, UTC.
func (r *Record) CreatedAt() time.Time { return r.stored.CreatedAt }

// Hash returns the SHA-256 over assumptions, snapshot and conclusion, in hex.
func (r *Record) Hash() string { return hex.EncodeToString(r.stored.Hash) }

// Number returns the subject's number in normal form, or "".
func (r *Record) Number() string { return strings.Join(r.stored.Numbers, ";") }

// Request returns what was asked, as understood.
func (r *Record) Request() (req Request, err error) {
	return req, json.Unmarshal(r.stored.Request, &req)
}

// Snapshot returns the assignment and the evidence the conclusion rests on.
func (r *Record) Snapshot() (valuation.Assignment, valuation.Evidence, error) {
	var s snapshot
	err := json.Unmarshal(r.stored.Snapshot, &s)
	return s.Assignment, s.Evidence, err
}

// Conclusion returns the conclusion.
func (r *Record) Conclusion() (c valuation.Conclusion, err error) {
	err = json.Unmarshal(r.stored.Conclusion, &c)
	return c, err
}

// document is the JSON a record is served as.
type document struct {
	ID         string          `json:"id"`
	Title      string          `json:"title"`
	Notice     string          `json:"notice"`
	CreatedAt  time.Time       `json:"created_at"`
	CreatedBy  string          `json:"created_by"`
	Number     string          `json:"number,omitempty"`
	Request    json.RawMessage `json:"request"`
	Assignment json.RawMessage `json:"assignment"`
	Conclusion json.RawMessage `json:"conclusion"`
	Hash       string          `json:"hash"`
	Revises    string          `json:"revises,omitempty"`
}

// JSON returns the record as every face serves it, byte for byte the same.
func (r *Record) JSON() ([]byte, error) {
	assignment, err := firstMember(r.stored.Snapshot, "assignment")
	if err != nil {
		return nil, err
	}
	return marshal(document{
		ID: r.stored.ID, Title: Title, Notice: Notice, CreatedAt: r.stored.CreatedAt, CreatedBy: r.stored.CreatedBy,
		Number: strings.Join(r.stored.Numbers, ";"), Request: r.stored.Request, Assignment: assignment, Conclusion: r.stored.Conclusion, Hash: r.Hash(), Revises: r.revises,
	})
}

// firstMember returns the value of an object's first member, which must have
// the given name, without reading on: what follows is long.
func firstMember(object []byte, name string) (value json.RawMessage, err error) {
	dec := json.NewDecoder(bytes.NewReader(object))
	for _, want := range []json.Token{json.Delim('{'), name} {
		if got, err := dec.Token(); err != nil || got != want {
			return nil, fmt.Errorf("snapshot does not begin with %q (%v)", name, err)
		}
	}
	return value, dec.Decode(&value)
}

// marshal is the one JSON form of this package: no HTML escapes, no trailing
// newline.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Value gathers the evidence as of the request's date, concludes, and stores
// the result before it returns.
func (s *Service) Value(ctx context.Context, actor Actor, req Request) (_ *Record, err error) {
	defer fault.Wrap(&err, "appraisal.Value")
	ctx = store.As(ctx, actor.Institution)
	d, err := s.Draft(ctx, actor, req)
	if err != nil {
		return nil, err
	}
	v := &d.Valuation
	v.ID = store.MadeID(ctx, "val", v.CreatedAt)
	err = s.db.PutValuation(ctx, v, store.Act{Institution: actor.Institution, Actor: actor.Name, Action: "valuation", Subject: v.ID, Detail: map[string]any{
		"valuation": v.ID, "valuation_hash": v.Hash, "number": strings.Join(v.Numbers, ";"), "purpose": v.Purpose, "as_of": v.AsOf, "versions": d.Conclusion.Versions,
	}})
	if store.Made(err) { // by an earlier try of the same request
		*v, err = s.db.Valuation(ctx, actor.Institution, v.ID)
	}
	if err != nil {
		return nil, err
	}
	return record(d.Valuation), nil
}

// Draft is a valuation that is concluded and not stored yet, with what was
// found about its subject.
type Draft struct {
	Valuation  store.Valuation
	Conclusion valuation.Conclusion
	Subject    store.Patent // completed from the request; ID 0: the store does not know it
	Stored     store.Patent // as the store has it: what is missing here and not in Subject, the request states
	State      patent.State // before the valuation date
	Pending    bool         // the model has not read the subject yet: a revision may follow
}

// Draft does all of [Service.Value] but store it, for a caller that stores more
// in the same transaction.
func (s *Service) Draft(ctx context.Context, actor Actor, req Request) (_ *Draft, err error) {
	defer fault.Wrap(&err, "appraisal.Draft")
	ctx = store.As(ctx, actor.Institution)
	now := s.now().UTC().Truncate(time.Microsecond)
	assignment, g, err := s.gather(ctx, actor, &req, calendar.InChina(now))
	if err != nil {
		return nil, err
	}
	snap := snapshot{Assignment: assignment, Evidence: g.ev, Assumptions: g.under.Version, AssumptionsHash: g.under.hash}
	v, conclusion, err := conclude(actor, &req, &snap, g.under, now)
	if err != nil {
		return nil, err
	}
	if conclusion.MarketUnreviewed {
		if err := s.db.Propose(ctx, actor, store.ProposeMarket, marketSubject(&assignment), marketLabel(&assignment), now); err != nil {
			return nil, err
		}
	}
	return &Draft{Valuation: v, Conclusion: conclusion, Subject: g.patents[0], Stored: g.stored, State: g.states[0], Pending: g.pending}, nil
}

// conclude makes the record of a snapshot.
func conclude(actor Actor, req *Request, snap *snapshot, assumptions *hashed, now time.Time) (v store.Valuation, c valuation.Conclusion, err error) {
	if c, err = valuation.Conclude(snap.Assignment, snap.Evidence, assumptions.Assumptions); err != nil {
		return v, c, err
	}
	v = store.Valuation{
		ID: store.NewID("val", now), CreatedAt: now, CreatedBy: actor.Name, Institution: actor.Institution,
		Numbers: subjectNumbers(snap.Assignment), Title: snap.Assignment.Subject[0].Title, Purpose: string(snap.Assignment.Purpose), AsOf: snap.Assignment.Date,
		Status: string(c.Status), Point: c.Value.Point, Low: c.Value.Low, High: c.Value.High,
		Assumptions: assumptions.Version,
	}
	if v.Request, err = marshal(req); err != nil {
		return v, c, err
	}
	if v.Snapshot, err = marshal(snap); err != nil {
		return v, c, err
	}
	if v.Conclusion, err = marshal(c); err != nil {
		return v, c, err
	}
	v.Hash = recordHash(snap.AssumptionsHash, v.Snapshot, v.Conclusion)
	return v, c, nil
}

func subjectNumbers(a valuation.Assignment) []string {
	numbers := make([]string, 0, len(a.Subject))
	for _, p := range a.Subject {
		if p.Number != "" {
			numbers = append(numbers, p.Number)
		}
	}
	return numbers
}

func recordHash(assumptions string, snapshot, conclusion []byte) []byte {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(assumptions), snapshot, conclusion} {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return h.Sum(nil)
}

// assumptions returns a stored version.
func (s *Service) assumptions(ctx context.Context, version string) (_ *hashed, err error) {
	if a, ok := s.loaded.Load(version); ok {
		return a.(*hashed), nil
	}
	stored, ok, err := s.db.Assumptions(ctx, version)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.New(fault.NotFound, "assumptions.unknown", "没有参数版本 "+version+"。", "There are no assumptions "+version+".")
	}
	a, err := valuation.LoadAssumptions(stored.Body)
	if err != nil {
		return nil, err
	}
	h := &hashed{a, a.Hash()}
	s.loaded.Store(version, h)
	return h, nil
}

// Get returns a stored valuation of the actor's institution.
func (s *Service) Get(ctx context.Context, actor Actor, id string) (*Record, error) {
	ctx = store.As(ctx, actor.Institution)
	v, err := s.db.Valuation(ctx, actor.Institution, id)
	if err != nil {
		return nil, err
	}
	return record(v), nil
}

// What is read of stored valuations is as stored.
type (
	Summary  = store.ValuationSummary
	Override = store.Override
	Query    = store.ValuationQuery
)

// MadeBetween asks for the valuations made from one day in China to another, both
// counted; a zero date leaves its side open.
func MadeBetween(from, to calendar.Date) (q Query) {
	midnight := func(d calendar.Date) time.Time {
		t := d.Time()
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, calendar.China)
	}
	if !from.IsZero() {
		q.From = midnight(from)
	}
	if !to.IsZero() {
		q.Until = midnight(to.AddDays(1))
	}
	return q
}

// Valuations returns one page of the institution's stored valuations that are
// asked for, newest first, and the cursor of the next.
func (s *Service) Valuations(ctx context.Context, actor Actor, q Query, cursor string, limit int) (_ []Summary, next string, err error) {
	for field, text := range map[string]string{"title": q.Title, "q": q.Words, "borrower": q.Borrower, "status": q.Status, "purpose": q.Purpose, "created_by": q.By} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, hostileControl) {
			return nil, "", fault.New(fault.Invalid, "text.control_characters", "含有非法字符（控制字符或非 UTF-8 编码），请清理后重试。", "Contains control characters or invalid UTF-8; clean it and try again.",
				fault.Field{Field: field, Code: "text.control_characters", Zh: "含有非法字符", En: "control characters or invalid UTF-8"})
		}
	}
	at, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := s.db.Valuations(ctx, actor.Institution, q, at.At, at.ID, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(v *Summary) paging.Place { return paging.Place{At: v.CreatedAt, ID: v.ID} })
	return page, next, nil
}

// Figures returns what a stored valuation gives, yuan: its point, nil when it
// gave none, and its range.
func (r *Record) Figures() (point *float64, low, high float64) {
	return r.stored.Point, r.stored.Low, r.stored.High
}

// Replay is the outcome of repeating a stored valuation from its snapshot.
type Replay struct {
	ID        string `json:"id"`
	Identical bool   `json:"identical"` // the repeated conclusion has the same bytes
	Intact    bool   `json:"intact"`    // the stored bytes match the stored hash
	Hash      string `json:"hash"`      // stored
	Repeated  string `json:"repeated"`  // of the repeated conclusion
}

// Replay repeats only the conclusion, from the stored snapshot under the
// stored assumptions.
func (s *Service) Replay(ctx context.Context, actor Actor, id string) (_ Replay, err error) {
	defer fault.Wrap(&err, "appraisal.Replay(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	v, snap, model, assumptions, err := s.stored(ctx, actor, id)
	if err != nil {
		return Replay{}, err
	}
	c, err := valuation.ConcludeBy(model, snap.Assignment, snap.Evidence, assumptions.Assumptions)
	if err != nil {
		return Replay{}, err
	}
	conclusion, err := marshal(c)
	if err != nil {
		return Replay{}, err
	}
	repeated := recordHash(assumptions.hash, v.Snapshot, conclusion)
	return Replay{
		ID:        id,
		Identical: bytes.Equal(conclusion, v.Conclusion),
		Intact:    Intact(v),
		Hash:      hex.EncodeToString(v.Hash),
		Repeated:  hex.EncodeToString(repeated),
	}, nil
}

// stored reads a valuation with what it rested on: its snapshot with the deals it names, the version of the mathematics and
// the assumptions.
func (s *Service) stored(ctx context.Context, actor Actor, id string) (v *store.Valuation, snap snapshot, model string, under *hashed, err error) {
	found, err := s.db.Valuation(ctx, actor.Institution, id)
	if err != nil {
		return nil, snap, "", nil, err
	}
	v = &found
	if err = json.Unmarshal(v.Snapshot, &snap); err != nil {
		return nil, snap, "", nil, err
	}
	if under, err = s.assumptions(ctx, snap.Assumptions); err != nil {
		return nil, snap, "", nil, err
	}
	var named struct {
		Versions struct {
			Model string `json:"valuation_model"`
		} `json:"versions"`
	}
	if json.Unmarshal(v.Conclusion, &named) != nil || !Intact(v) {
		named.Versions.Model = valuation.ModelVersion // an altered record names no version to rely on
	}
	return v, snap, named.Versions.Model, under, s.attach(ctx, &snap.Evidence, snap.Assignment.Date, under)
}

// Influences says what each deal does to the market figure of a stored valuation.
func (s *Service) Influences(ctx context.Context, actor Actor, id string) (_ valuation.Influences, err error) {
	defer fault.Wrap(&err, "appraisal.Influences(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	_, snap, model, under, err := s.stored(ctx, actor, id)
	if err != nil {
		return valuation.Influences{}, err
	}
	return valuation.InfluencesBy(model, snap.Assignment, snap.Evidence, under.Assumptions)
}

// Intact reports whether the bytes of a stored valuation match its hash.
func Intact(v *store.Valuation) bool {
	var snap struct {
		AssumptionsHash string `json:"assumptions_hash"`
	}
	return json.Unmarshal(v.Snapshot, &snap) == nil && bytes.Equal(recordHash(snap.AssumptionsHash, v.Snapshot, v.Conclusion), v.Hash)
}

// Override records an officer's figure beside the model's. The valuation
// stays as it was; both figures and the reason are kept.
// An evidence file, if any, is kept with it.
func (s *Service) Override(ctx context.Context, actor Actor, id string, value float64, reason string, evidence Evidence) (_ store.Override, err error) {
	defer fault.Wrap(&err, "appraisal.Override(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	var fields []fault.Field
	if math.IsNaN(value) || value < 0 || value > 1e15 {
		fields = append(fields, fault.Field{Field: "value", Code: "value.range", Zh: "金额应为 0 到 1e15 元。", En: "The figure must lie between 0 and 1e15 yuan."})
	}
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > 4000 {
		fields = append(fields, fault.Field{Field: "reason", Code: "reason.missing", Zh: "请写明调整理由（不超过 4000 字节）。", En: "Give the reason, in at most 4,000 bytes."})
	}
	if strings.ContainsFunc(reason, hostileControl) {
		fields = append(fields, fault.Field{Field: "reason", Code: "text.control_characters", Zh: "含有控制字符，请清理后重试。", En: "It contains control characters; clean it and try again."})
	}
	switch {
	case len(evidence.Content) > MaxEvidence:
		fields = append(fields, fault.Field{Field: "evidence", Code: "evidence.too_large", Zh: "附件不得超过 4 MB。", En: "The file may have 4 MB at most."})
	case len(evidence.Content) > 0 && (evidence.Name == "" || len(evidence.Name) > 480 || strings.ContainsFunc(evidence.Name, hostileControl)):
		fields = append(fields, fault.Field{Field: "evidence", Code: "evidence.name", Zh: "附件的文件名有误。", En: "The file has no usable name."})
	case len(evidence.Content) == 0:
		evidence = Evidence{}
	}
	if len(fields) > 0 {
		return store.Override{}, fault.New(fault.Invalid, "request.invalid", "请求有误，请按下列提示修改后重试。", "The request is not valid; see the fields.", fields...)
	}
	v, err := s.db.Valuation(ctx, actor.Institution, id)
	if err != nil {
		return store.Override{}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	o := store.Override{ID: store.MadeID(ctx, "ovr", now), Status: store.Undecided, ValuationID: id, CreatedAt: now, Officer: actor.Name, Value: value, Reason: reason, Evidence: evidence.Name}
	err = s.db.PutOverride(ctx, actor, o, evidence.Content, store.Act{Institution: actor.Institution, Actor: actor.Name, Action: "valuation.override", Subject: id, Detail: map[string]any{
		"before": v.Point, "after": value, "reason": reason, "override": o.ID, "evidence": evidence.Name,
	}})
	if store.Made(err) { // by an earlier try of the same request
		var all []store.Override
		if all, err = s.db.Overrides(ctx, actor.Institution, id); err == nil {
			o = all[slices.IndexFunc(all, func(x store.Override) bool { return x.ID == o.ID })]
		}
	}
	return o, err
}

// Evidence is the paper that an officer's own figure rests on.
type Evidence struct {
	Name    string
	Content []byte
}

// MaxEvidence bounds a file of evidence, bytes.
const MaxEvidence = 4 << 20

// OverrideFile returns the evidence of an officer's figure.
func (s *Service) OverrideFile(ctx context.Context, actor Actor, override string) (e Evidence, err error) {
	e.Name, e.Content, err = s.db.OverrideFile(ctx, actor.Institution, override)
	return e, err
}

// Overrides returns the officers' figures beside a valuation, oldest first.
func (s *Service) Overrides(ctx context.Context, actor Actor, id string) ([]store.Override, error) {
	ctx = store.As(ctx, actor.Institution)
	if _, err := s.db.Valuation(ctx, actor.Institution, id); err != nil {
		return nil, err
	}
	return s.db.Overrides(ctx, actor.Institution, id)
}
