package appraisal

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Begun is a form that somebody began and did not send.
type Begun struct {
	ID, Title string
	Form      url.Values
	UpdatedAt time.Time
}

// Filter is a list as somebody likes to see it.
type Filter = store.Filter

// owner is whose drafts and filters they are: the person, or the key where nobody stands behind it.
func owner(a Actor) string { return cmp.Or(a.Person, "key:"+a.Name) }

// maxDraft bounds a form that is kept, bytes.
const maxDraft = 1 << 20

// KeepDraft keeps a form for its owner and returns its id; an empty id makes a new draft.
func (s *Service) KeepDraft(ctx context.Context, actor Actor, id, title string, form url.Values) (_ string, err error) {
	defer fault.Wrap(&err, "appraisal.KeepDraft")
	body, err := json.Marshal(form)
	if err != nil {
		return "", err
	}
	if len(body) > maxDraft {
		return "", fault.New(fault.TooLarge, "draft.too_large", "草稿超过 1 MB，未能保存。", "The draft has more than 1 MB and is not kept.")
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	if !validDraft(id) {
		id = store.NewID("dft", now)
	}
	return id, s.db.PutDraft(ctx, actor.Institution, owner(actor), store.Draft{ID: id, Title: clean(title, 200), Form: body, UpdatedAt: now})
}

// validDraft reports whether an id is one of ours: it comes back from a form.
func validDraft(id string) bool {
	return strings.HasPrefix(id, "dft_") && len(id) == 36 && strings.Trim(id[4:], "0123456789abcdef") == ""
}

// clean is what somebody called a thing, without what no name has.
func clean(s string, runes int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || hostileControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	if r := []rune(s); len(r) > runes {
		s = string(r[:runes])
	}
	return s
}

// Drafts returns what the actor began, the latest first.
func (s *Service) Drafts(ctx context.Context, actor Actor) (out []Begun, err error) {
	defer fault.Wrap(&err, "appraisal.Drafts")
	list, err := s.db.Drafts(ctx, actor.Institution, owner(actor))
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		b := Begun{ID: d.ID, Title: d.Title, UpdatedAt: d.UpdatedAt.UTC()}
		if err := json.Unmarshal(d.Form, &b.Form); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// DropDraft removes a draft.
func (s *Service) DropDraft(ctx context.Context, actor Actor, id string) error {
	return s.db.DropDraft(ctx, actor.Institution, owner(actor), id)
}

// KeepFilter keeps a list's query under a name.
func (s *Service) KeepFilter(ctx context.Context, actor Actor, list, name, query string) error {
	name = clean(name, 40)
	if name == "" || len(query) > 2000 || !utf8.ValidString(query) {
		return fault.New(fault.Invalid, "filter.name", "请为筛选起一个名字（不超过 40 字）。", "Give the filter a name of at most 40 characters.", fault.Field{Field: "name", Code: "filter.name", Zh: "缺少名称", En: "missing"})
	}
	return s.db.PutFilter(ctx, actor.Institution, owner(actor), list, Filter{Name: name, Query: query})
}

// Filters returns the actor's filters of a list.
func (s *Service) Filters(ctx context.Context, actor Actor, list string) ([]Filter, error) {
	return s.db.Filters(ctx, actor.Institution, owner(actor), list)
}

// DropFilter removes a filter.
func (s *Service) DropFilter(ctx context.Context, actor Actor, list, name string) error {
	return s.db.DropFilter(ctx, actor.Institution, owner(actor), list, name)
}

// Secured is a loan that a patent secures.
type Secured = store.BookedUnder

// LoansOn returns the institution's loans that a patent secures, the latest first.
func (s *Service) LoansOn(ctx context.Context, actor Actor, number string) ([]Secured, error) {
	return s.db.LoansOn(ctx, actor.Institution, number)
}
