// Package prompts holds the rubric put to the language model: versioned
// templates with a header, Chinese first, embedded in the binary. A folder may
// override single templates. Start with [Load].
package prompts

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"zhijia/internal/fault"
)

//go:embed zh/*.md
var embedded embed.FS

// Prompt is one template.
type Prompt struct {
	ID        string   `json:"id" yaml:"id"`
	Version   int      `json:"version" yaml:"version"`
	Kind      Kind     `json:"kind" yaml:"kind"`
	Indicator string   `json:"indicator,omitempty" yaml:"indicator"` // code on the indicator sheet, of a rubric
	Title     string   `json:"title" yaml:"title"`
	Language  string   `json:"language" yaml:"language"`
	Evidence  []string `json:"evidence,omitempty" yaml:"evidence"` // parts of the patent that may be quoted
	Anchors   []Anchor `json:"anchors,omitempty" yaml:"anchors"`   // ascending by score
	Body      string   `json:"body" yaml:"-"`
	Hash      string   `json:"hash" yaml:"-"`   // SHA-256 of the file, hex
	Source    string   `json:"source" yaml:"-"` // "embedded" or the file's path
	File      string   `json:"-" yaml:"-"`      // the template as it stands in its file
}

// Kind says what a template is for.
type Kind string

// The kinds: the frame every call starts with, one rubric per indicator, the
// opposing question of the cross-examination, and what is asked of a text
// besides scores. Tasks are no part of a set's version: no study is about them.
const (
	Frame  Kind = "frame"
	Rubric Kind = "rubric"
	Oppose Kind = "oppose"
	Task   Kind = "task"
)

// Anchor is one level of a scale and what a patent at that level looks like.
type Anchor struct {
	Score int    `json:"score" yaml:"score"` // 0 to 100, higher is worth more
	Label string `json:"label" yaml:"label"`
}

// Parts are the parts of a patent a rubric may name as evidence; examination
// is what its examiner wrote and cited.
var Parts = []string{"title", "abstract", "claims", "examination", "description"}

// Name is "id@version", as stored with a score.
func (p *Prompt) Name() string { return fmt.Sprintf("%s@%d", p.ID, p.Version) }

// Set is the templates in use and every older version beside them.
type Set struct {
	prompts []Prompt // by id, then version ascending
}

// Load returns the embedded templates, with those in dir added or in their
// place (same id and version). An empty dir adds nothing. Files that are not
// .md are ignored; a malformed template is an error.
func Load(dir string) (_ *Set, err error) {
	defer fault.Wrap(&err, "prompts.Load(%s)", dir)
	s := &Set{}
	if err := s.read(embedded, "zh", "embedded"); err != nil {
		return nil, err
	}
	if dir != "" {
		if err := s.read(os.DirFS(dir), ".", dir); err != nil {
			return nil, invalid(err)
		}
	}
	slices.SortFunc(s.prompts, func(a, b Prompt) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), cmp.Compare(a.Version, b.Version))
	})
	for _, id := range []string{"frame", "oppose"} {
		if _, ok := s.Get(id, 0); !ok {
			return nil, fmt.Errorf("no template %q", id)
		}
	}
	return s, nil
}

func invalid(err error) error {
	return fault.New(fault.Invalid, "prompts.invalid", "提示词目录有误，请按所示位置修改。", "A prompt template is malformed.").Because(err)
}

func (s *Set) read(fsys fs.FS, dir, source string) error {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".md" {
			continue
		}
		raw, err := fs.ReadFile(fsys, path.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		p, err := Parse(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
		if p.Source = source; source != "embedded" {
			p.Source = path.Join(source, e.Name())
		}
		if i := slices.IndexFunc(s.prompts, func(q Prompt) bool { return q.ID == p.ID && q.Version == p.Version }); i >= 0 {
			s.prompts[i] = p
		} else {
			s.prompts = append(s.prompts, p)
		}
	}
	return nil
}

// Parse reads one template: a YAML header between two lines of "---", then
// the body.
func Parse(raw []byte) (p Prompt, err error) {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	rest, ok := bytes.CutPrefix(raw, []byte("---\n"))
	header, body, found := bytes.Cut(rest, []byte("\n---\n"))
	if !ok || !found {
		return p, errors.New("no header between two lines of ---")
	}
	if err := yaml.UnmarshalWithOptions(header, &p, yaml.Strict()); err != nil {
		return p, err
	}
	p.Body = strings.TrimSpace(string(body))
	sum := sha256.Sum256(raw)
	p.Hash, p.File = hex.EncodeToString(sum[:]), string(raw)
	switch {
	case p.ID == "" || p.Version < 1 || p.Language == "" || p.Title == "" || p.Body == "":
		return p, errors.New("id, version (from 1), title, language and a body are required")
	case !slices.Contains([]Kind{Frame, Rubric, Oppose, Task}, p.Kind):
		return p, fmt.Errorf("kind %q is not frame, rubric, oppose or task", p.Kind)
	case p.Kind != Rubric:
		return p, nil
	case p.Indicator == "" || len(p.Anchors) < 2 || len(p.Evidence) == 0:
		return p, errors.New("a rubric needs an indicator, at least two anchors and the parts that may be evidence")
	}
	for i, a := range p.Anchors {
		if a.Score < 0 || a.Score > 100 || a.Label == "" || i > 0 && a.Score <= p.Anchors[i-1].Score {
			return p, fmt.Errorf("anchor %d: scores ascend within 0 to 100 and each has a label", i+1)
		}
	}
	for _, e := range p.Evidence {
		if !slices.Contains(Parts, e) {
			return p, fmt.Errorf("evidence %q is not a part of a patent", e)
		}
	}
	return p, nil
}

// Version names the newest templates of scoring together: what is asked is the
// same where it is.
func (s *Set) Version() string {
	h := sha256.New()
	for i, p := range s.prompts {
		if p.Kind != Task && (i+1 == len(s.prompts) || s.prompts[i+1].ID != p.ID) {
			fmt.Fprintf(h, "%s %s\n", p.Name(), p.Hash)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// Own names the newest templates of scoring that do not ship with the program.
func (s *Set) Own() (names []string) {
	for i, p := range s.prompts {
		if p.Kind != Task && (i+1 == len(s.prompts) || s.prompts[i+1].ID != p.ID) && p.Source != "embedded" {
			names = append(names, p.Name())
		}
	}
	return names
}

// All returns every template, by id and version.
func (s *Set) All() []Prompt { return slices.Clone(s.prompts) }

// Get returns a template; version 0 asks for the newest.
func (s *Set) Get(id string, version int) (Prompt, bool) {
	for _, p := range slices.Backward(s.prompts) {
		if p.ID == id && (version == 0 || p.Version == version) {
			return p, true
		}
	}
	return Prompt{}, false
}

// Rubric returns the newest rubric of an indicator.
func (s *Set) Rubric(indicator string) (Prompt, bool) {
	for _, p := range slices.Backward(s.prompts) {
		if p.Kind == Rubric && p.Indicator == indicator {
			return p, true
		}
	}
	return Prompt{}, false
}

// Text is the template as shown and compared: title, anchors and body.
func (p *Prompt) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  (%s)\n", p.Name(), p.Title, p.Language)
	if p.Indicator != "" {
		fmt.Fprintf(&b, "indicator %s, evidence from %s\n", p.Indicator, strings.Join(p.Evidence, ", "))
	}
	for _, a := range p.Anchors {
		fmt.Fprintf(&b, "%3d  %s\n", a.Score, a.Label)
	}
	return b.String() + "\n" + p.Body + "\n"
}

// Diff returns the lines of two templates: "-" only in a, "+" only in b, " "
// in both.
func Diff(a, b Prompt) []string {
	x, y := strings.Split(strings.TrimSpace(a.Text()), "\n"), strings.Split(strings.TrimSpace(b.Text()), "\n")
	// longest[i][j] is the longest common subsequence of x[i:] and y[j:].
	longest := make([][]int, len(x)+1)
	for i := range longest {
		longest[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if longest[i][j] = max(longest[i+1][j], longest[i][j+1]); x[i] == y[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(x) || j < len(y) {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			out = append(out, " "+x[i])
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && longest[i+1][j] >= longest[i][j+1]:
			out = append(out, "-"+x[i])
			i++
		default:
			out = append(out, "+"+y[j])
			j++
		}
	}
	return out
}
