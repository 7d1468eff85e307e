// Package labelling has officers label patents blind, so that a model can be
// held against them. Start with [Service]: [Service.Draw] makes a sample,
// [Service.Next] serves it to each officer in an order of his own without the
// model's choice or anybody else's, and [Service.CSV] writes the file that
// `zhijia eval agreement` reads.
package labelling

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/prompts"
)

// Limits of a sample.
const (
	MaxPatents = 500
	partRunes  = 6000 // of a part that is shown
)

// Service keeps samples and labels. It is safe for concurrent use.
type Service struct {
	db    *store.DB
	model *judge.Rubric
	set   *prompts.Set
	now   func() time.Time
}

// New returns a service; without a model the samples hold no choices of one.
func New(db *store.DB, model *judge.Rubric, set *prompts.Set, now func() time.Time) *Service {
	return &Service{db, model, set, now}
}

// Passage is a part of a patent as it is shown.
type Passage struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Order asks for a sample.
type Order struct {
	Numbers    []string // of stored patents, in any usual form
	Indicators []string // empty: all that the sheet gives to the model
	Note       string
}

// Draw makes a sample of every patent and indicator of an order. The model's
// choices are those of its kept reading; a patent it has not read has none.
func (s *Service) Draw(ctx context.Context, a store.Actor, o Order) (_ store.LabelSample, err error) {
	defer fault.Wrap(&err, "labelling.Draw")
	bad := func(code, zh, en string) (store.LabelSample, error) {
		return store.LabelSample{}, fault.New(fault.Invalid, code, zh, en)
	}
	sheet := valuation.DefaultAssumptions().Sheet
	all := judge.Indicators(&sheet)
	indicators := o.Indicators
	if len(indicators) == 0 {
		indicators = all
	}
	for _, code := range indicators {
		if !slices.Contains(all, code) {
			return bad("labels.indicator", "没有交由模型评分的指标 "+code+"。", "The model is given no indicator "+code+".")
		}
	}
	switch {
	case len(o.Numbers) == 0:
		return bad("labels.empty", "请给出专利号。", "Give patent numbers.")
	case len(o.Numbers) > MaxPatents:
		return bad("labels.too_many", fmt.Sprintf("一份样本最多 %d 件专利。", MaxPatents), fmt.Sprintf("A sample takes at most %d patents.", MaxPatents))
	case len(o.Note) > 200:
		return bad("labels.note", "说明应不超过 200 字节。", "The note has at most 200 bytes.")
	}
	var items []store.LabelItem
	seen := map[string]bool{}
	for _, text := range o.Numbers {
		n, err := patent.ParseNumber(text)
		if err != nil {
			return store.LabelSample{}, err
		}
		if seen[string(n.Key())] {
			continue
		}
		seen[string(n.Key())] = true
		p, err := s.db.Patent(store.As(ctx, a.Institution), string(n.Key()))
		if err != nil {
			return store.LabelSample{}, err
		}
		chosen := map[string]*int{}
		if s.model != nil {
			if chosen, err = s.model.Chosen(ctx, a, judge.Text{Number: p.Number, Title: p.Title, Abstract: p.Abstract, Claims: p.Claims, Description: p.Description}); err != nil {
				return store.LabelSample{}, err
			}
		}
		parts := map[string]string{"title": p.Title, "abstract": p.Abstract, "claims": p.Claims, "description": p.Description}
		for _, code := range indicators {
			rubric, ok := s.set.Rubric(code)
			if !ok {
				continue
			}
			var shown []Passage
			for _, name := range rubric.Evidence {
				if parts[name] != "" {
					shown = append(shown, Passage{name, clip(parts[name])})
				}
			}
			if len(shown) == 0 {
				continue // nothing to judge by
			}
			body, err := json.Marshal(shown)
			if err != nil {
				return store.LabelSample{}, err
			}
			items = append(items, store.LabelItem{Place: len(items) + 1, Number: p.Number, Indicator: code, Template: rubric.Name(), Parts: body, ModelScore: chosen[code]})
		}
	}
	if len(items) == 0 {
		return bad("labels.no_text", "这些专利没有可供判断的文本。", "These patents have no text to judge by.")
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	sample := store.LabelSample{ID: store.NewID("lbl", now), Note: o.Note, Prompts: s.set.Version(), CreatedBy: a.Name, CreatedAt: now, Items: len(items)}
	if s.model != nil {
		sample.Model = s.model.Client().Config().Model
	}
	return sample, s.db.PutLabelSample(ctx, a, sample, items)
}

func clip(s string) string {
	if r := []rune(s); len(r) > partRunes {
		return string(r[:partRunes]) + "（以下从略）"
	}
	return s
}

// officer is whom labels are kept under.
func officer(a store.Actor) string { return cmp.Or(a.Person, a.Name) }

// Samples lists the samples with how far the actor is.
func (s *Service) Samples(ctx context.Context, a store.Actor) ([]store.LabelSample, error) {
	return s.db.LabelSamples(ctx, a.Institution, officer(a))
}

// Choice is one answer an officer may give.
type Choice struct {
	Key  string `json:"key"` // what is sent back; tells nothing of the score
	Text string `json:"text"`
}

// Question is one item as it is served: passages and choices in words, and
// nothing of what the model or anybody else chose, nor of the number.
type Question struct {
	Sample    string    `json:"sample"`
	Place     int       `json:"place"`
	Indicator string    `json:"indicator"`
	Title     string    `json:"title"`
	Guide     string    `json:"guide"`
	Passages  []Passage `json:"passages"`
	Choices   []Choice  `json:"choices"` // in an order of this officer and item; the last is that it cannot be told
	Done      int       `json:"done"`
	Of        int       `json:"of"`
}

// Unknown is the key of the choice that it cannot be told.
const Unknown = "unknown"

// draws is a source of an order that is the officer's own, the same each time.
func draws(parts ...string) *rand.Rand {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	sum := h.Sum(nil)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])))
}

// Next serves the next item that the actor has not labelled; nil when he has
// labelled all.
func (s *Service) Next(ctx context.Context, a store.Actor, sample string) (*Question, error) {
	found, err := s.db.LabelSample(ctx, a.Institution, sample, officer(a))
	if err != nil {
		return nil, err
	}
	items, err := s.db.LabelItems(ctx, a.Institution, sample)
	if err != nil {
		return nil, err
	}
	labels, err := s.db.Labels(ctx, a.Institution, sample, officer(a))
	if err != nil {
		return nil, err
	}
	done := map[int]bool{}
	for _, l := range labels {
		done[l.Place] = true
	}
	for _, i := range draws(sample, officer(a)).Perm(len(items)) {
		if x := &items[i]; !done[x.Place] {
			q, err := s.question(sample, officer(a), x)
			if err != nil {
				return nil, err
			}
			q.Done, q.Of = len(labels), found.Items
			return q, nil
		}
	}
	return nil, nil
}

func (s *Service) question(sample, who string, x *store.LabelItem) (*Question, error) {
	rubric, err := s.rubric(x)
	if err != nil {
		return nil, err
	}
	q := &Question{Sample: sample, Place: x.Place, Indicator: x.Indicator, Title: rubric.Title, Guide: rubric.Body}
	if err := json.Unmarshal(x.Parts, &q.Passages); err != nil {
		return nil, err
	}
	for place, at := range order(sample, who, x.Place, len(rubric.Anchors)) {
		q.Choices = append(q.Choices, Choice{strconv.Itoa(place + 1), rubric.Anchors[at].Label})
	}
	q.Choices = append(q.Choices, Choice{Unknown, "从这些文字无法判断"})
	return q, nil
}

func order(sample, who string, place, n int) []int {
	return draws(sample, who, strconv.Itoa(place)).Perm(n)
}

// rubric is the one an item was drawn with.
func (s *Service) rubric(x *store.LabelItem) (prompts.Prompt, error) {
	for _, p := range s.set.All() {
		if p.Name() == x.Template {
			return p, nil
		}
	}
	return prompts.Prompt{}, fault.New(fault.Conflict, "labels.template_gone", "该样本所用的评分模板 "+x.Template+" 已不在模板目录中。", "The template "+x.Template+" of this sample is no longer there.")
}

// Label keeps an officer's choice by its key.
func (s *Service) Label(ctx context.Context, a store.Actor, sample string, place int, key string) error {
	items, err := s.db.LabelItems(ctx, a.Institution, sample)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(items, func(x store.LabelItem) bool { return x.Place == place })
	if i < 0 {
		return fault.New(fault.NotFound, "labels.item_unknown", "没有这道题。", "There is no such item.")
	}
	rubric, err := s.rubric(&items[i])
	if err != nil {
		return err
	}
	l := store.Label{Place: place, Officer: officer(a)}
	if key != Unknown {
		n, err := strconv.Atoi(key)
		if err != nil || n < 1 || n > len(rubric.Anchors) {
			return fault.New(fault.Invalid, "labels.choice", "请选择一项，或选“无法判断”。", "Choose one, or that it cannot be told.")
		}
		score := rubric.Anchors[order(sample, l.Officer, place, len(rubric.Anchors))[n-1]].Score
		l.Score = &score
	}
	return s.db.PutLabel(ctx, a.Institution, sample, l, s.now().UTC().Truncate(time.Microsecond))
}

// CSV writes the file of a study: one line an item, an officer a column. Only
// officers who labelled every item are in it, two at least; who they are is not.
// It returns how many they are and how many were left out.
func (s *Service) CSV(ctx context.Context, a store.Actor, sample string, w io.Writer) (officers, leftOut int, err error) {
	defer fault.Wrap(&err, "labelling.CSV")
	if _, err := s.db.LabelSample(ctx, a.Institution, sample, officer(a)); err != nil {
		return 0, 0, err
	}
	items, err := s.db.LabelItems(ctx, a.Institution, sample)
	if err != nil {
		return 0, 0, err
	}
	labels, err := s.db.Labels(ctx, a.Institution, sample, "")
	if err != nil {
		return 0, 0, err
	}
	byOfficer := map[string]map[int]*int{}
	for _, l := range labels {
		if byOfficer[l.Officer] == nil {
			byOfficer[l.Officer] = map[int]*int{}
		}
		byOfficer[l.Officer][l.Place] = l.Score
	}
	var who []string
	for name, said := range byOfficer {
		if len(said) == len(items) {
			who = append(who, name)
		} else {
			leftOut++
		}
	}
	slices.Sort(who)
	if len(who) < 2 {
		return len(who), leftOut, fault.New(fault.Conflict, "labels.unfinished", fmt.Sprintf("至少需要两人标完全部 %d 题；现有 %d 人标完，%d 人未标完。", len(items), len(who), leftOut),
			fmt.Sprintf("Two officers at least must have labelled all %d items; %d have, %d have not.", len(items), len(who), leftOut))
	}
	out := csv.NewWriter(w)
	header := []string{"patent", "class", "indicator", "model"}
	for i := range who {
		header = append(header, "officer_"+strconv.Itoa(i+1))
	}
	_ = out.Write(header) // Flush below tells
	for _, x := range items {
		line := []string{x.Number, s.class(ctx, a, x.Number), x.Indicator, grade(x.ModelScore)}
		for _, name := range who {
			line = append(line, grade(byOfficer[name][x.Place]))
		}
		_ = out.Write(line)
	}
	out.Flush()
	return len(who), leftOut, out.Error()
}

// class is the section of the main IPC symbol, empty where it is not known.
func (s *Service) class(ctx context.Context, a store.Actor, number string) string {
	p, err := s.db.Patent(store.As(ctx, a.Institution), number)
	if err != nil || len(p.IPC) == 0 || p.IPC[0] == "" {
		return ""
	}
	return p.IPC[0][:1]
}

func grade(score *int) string {
	if score == nil {
		return "UNKNOWN"
	}
	return strconv.Itoa(*score)
}
