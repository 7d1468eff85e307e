package appraisal

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// Reading says from which server an answer was read.
type Reading store.Reading

// FoundPatent is a patent that a search found, and how.
type FoundPatent struct {
	store.PatentLine
	By       string   `json:"found_by" enum:"number,words,likeness" doc:"number: it is the one asked for; words: every word stands in its number, title, owners, classes or abstract; likeness: its text is near."`
	Likeness *float64 `json:"likeness" doc:"0 to 1, of the texts; null where words were looked for alone."`
}

// FoundPatents is the answer to a search for patents, best first.
type FoundPatents struct {
	Words    []string      `json:"words" doc:"What was looked for, as separated."`
	Number   string        `json:"number,omitempty" doc:"Normal form, when the text is a patent's number."`
	Patents  []FoundPatent `json:"patents"`
	Read     *Reading      `json:"read_from,omitempty" doc:"Which server answered, where a replica is configured."`
	ByVector bool          `json:"by_vector" doc:"Whether likeness was looked for: false where the text would have to leave this system for it."`
}

// maxFindText bounds what is looked for, in characters.
const maxFindText = 500

// FindPatents looks for patents by a number in any form, by words of title, owners, classes and abstract, and by likeness of
// text, over all that the institution sees. The text does not leave the system.
func (s *Service) FindPatents(ctx context.Context, actor Actor, text string, limit int) (out FoundPatents, err error) {
	defer fault.Wrap(&err, "appraisal.FindPatents")
	ctx = store.As(ctx, actor.Institution)
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return out, fault.New(fault.Invalid, "find.empty", "请填写要查找的专利号、名称、权利人、分类号或文字。", "Give a number, title, owner, class or words to look for.")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, hostileControl):
		return out, fault.New(fault.Invalid, "text.control_characters", "含有非法字符（控制字符或非 UTF-8 编码），请清理后重试。", "Contains control characters or invalid UTF-8; clean it and try again.")
	case utf8.RuneCountInString(text) > maxFindText:
		return out, fault.New(fault.Invalid, "text.too_long", "查找的文字不得超过 500 字。", "At most 500 characters can be looked for.")
	}
	out.Patents = []FoundPatent{}
	ctx, read := s.db.OnReplica(ctx)
	out.Read = (*Reading)(read)
	seen := map[string]bool{}
	add := func(by string, likeness *float64, lines ...store.PatentLine) {
		for _, p := range lines {
			if !seen[p.Number] && len(out.Patents) < limit {
				seen[p.Number] = true
				out.Patents = append(out.Patents, FoundPatent{p, by, likeness})
			}
		}
	}
	out.Words = strings.Fields(strings.NewReplacer("，", " ", "、", " ", "；", " ", "　", " ").Replace(text))
	if len(out.Words) == 0 {
		out.Words = []string{text}
	}
	if n, err := patent.ParseNumber(text); err == nil {
		out.Number = string(n.Key())
		lines, err := s.db.PatentLines(ctx, []string{out.Number})
		if err != nil {
			return out, err
		}
		add("number", nil, lines...)
		if len(lines) > 0 {
			return out, nil
		}
	}
	out.Words = out.Words[:min(len(out.Words), 12)]
	lines, err := s.db.PatentsWith(ctx, out.Words, 4*limit)
	if err != nil {
		return out, err
	}
	inTitle := func(p store.PatentLine) (n int) {
		for _, w := range out.Words {
			if strings.Contains(strings.ToLower(p.Title), strings.ToLower(w)) {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(lines, func(a, b store.PatentLine) int {
		return cmp.Or(cmp.Compare(inTitle(b), inTitle(a)), b.Filing.Compare(a.Filing), strings.Compare(a.Number, b.Number))
	})
	add("words", nil, lines...)
	space, err := s.spaces.Active(ctx)
	if err != nil {
		return out, err
	}
	if space.FromEndpoint() || len(out.Patents) >= limit || len(embed.Bigrams(text)) == 0 {
		return out, nil
	}
	near, err := s.spaces.SearchPatents(ctx, text, store.PatentFilter{}, limit)
	if fault.Public(err).Code == "search.text" && err != nil {
		return out, nil // no word of it is known
	}
	if err != nil {
		return out, err
	}
	out.ByVector = true
	numbers := make([]string, 0, len(near.Hits))
	for _, h := range near.Hits {
		numbers = append(numbers, h.Number)
	}
	if lines, err = s.db.PatentLines(ctx, numbers); err != nil {
		return out, err
	}
	for _, h := range near.Hits {
		i := slices.IndexFunc(lines, func(p store.PatentLine) bool { return p.Number == h.Number })
		if likeness := h.Similarity.Total; i >= 0 && likeness >= leastLike {
			add("likeness", &likeness, lines[i])
		}
	}
	return out, nil
}

// leastLike is the likeness below which a text is not shown as near: likelier of another class than of the same.
const leastLike = 0.1
