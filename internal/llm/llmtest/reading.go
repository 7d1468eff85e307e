package llmtest

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	"zhijia/internal/llm"
	"zhijia/prompts"
)

// Specimen is the title of the text that a probe has read.
const Specimen = "一种便携式水杯的密封盖"

// Probe reports whether the request is a client's connection test.
func (r *Request) Probe() bool {
	return len(r.Messages) > 0 && strings.Contains(r.Messages[len(r.Messages)-1].Content, Specimen)
}

// Item is one indicator as it is asked.
type Item struct {
	Code    string
	Parts   []string          // that may be quoted
	Letters map[string]string // letter -> the anchor in words
}

// Choice is what the double of a model says of an item.
type Choice struct {
	Letter, Also, Doc, Quote, Reason string
}

var (
	itemHead = regexp.MustCompile(`(?m)^【([A-Z]\d+(?:\.\d+)?)】`)
	codes    = regexp.MustCompile(`([甲乙])段口令：([0-9A-F]{6})`)
	letters  = regexp.MustCompile(`(?m)^([A-H])\. (.+)$`)
	parts    = regexp.MustCompile(`可引用部分：(.+)`)
)

func (r *Request) user() string { return r.Messages[len(r.Messages)-1].Content }

// Items reads what is asked.
func (r *Request) Items() []Item {
	text := r.user()
	if i := strings.Index(text, ">>>"); i >= 0 {
		text = text[i:]
	}
	var out []Item
	at := itemHead.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		block := text[m[0]:end]
		item := Item{Code: text[m[2]:m[3]], Letters: map[string]string{}}
		for _, l := range letters.FindAllStringSubmatch(block, -1) {
			item.Letters[l[1]] = l[2]
		}
		if p := parts.FindStringSubmatch(block); p != nil {
			item.Parts = strings.Split(p[1], "、")
		}
		out = append(out, item)
	}
	return out
}

// Echo is what the question wants repeated.
func (r *Request) Echo() string {
	found := map[string]string{}
	for _, m := range codes.FindAllStringSubmatch(r.user(), -1) {
		if m[1] == "乙" || found[m[1]] == "" {
			found[m[1]] = m[2]
		}
	}
	return found["甲"] + "-" + found["乙"]
}

// Part returns a part of the text that is to be read.
func (r *Request) Part(name string) string {
	text, _, _ := strings.Cut(r.user(), ">>>")
	_, text, ok := strings.Cut(text, "\n["+name+"]")
	if !ok {
		return ""
	}
	_, text, _ = strings.Cut(text, "\n")
	for _, next := range prompts.Parts {
		text, _, _ = strings.Cut(text, "\n["+next+"]")
	}
	return text
}

// Read answers a question well: every item with what choose says, and a quote
// from the first part that may be quoted where it says none.
func Read(r Request, choose func(Item) Choice) string {
	var b strings.Builder
	echo, _ := json.Marshal(r.Echo())
	b.WriteString(`{"echo":` + string(echo))
	for _, item := range r.Items() {
		c := choose(item)
		if c.Reason == "" {
			c.Reason = "依据文本判断。"
		}
		quotes := []map[string]string{}
		if c.Quote == "" && c.Letter != "UNKNOWN" {
			for _, p := range item.Parts {
				if text := []rune(r.Part(p)); len(text) >= 8 {
					c.Doc, c.Quote = p, string(text[:min(len(text), 16)])
					break
				}
			}
		}
		if c.Quote != "" {
			quotes = append(quotes, map[string]string{"doc": c.Doc, "text": c.Quote})
		}
		body, _ := json.Marshal(struct {
			Quotes []map[string]string `json:"quotes"`
			Reason string              `json:"reason"`
			Choice string              `json:"choice"`
			Also   string              `json:"also"`
		}{quotes, c.Reason, c.Letter, c.Also})
		key, _ := json.Marshal(item.Code)
		b.WriteString("," + string(key) + ":" + string(body))
	}
	return b.String() + "}"
}

var embedded = sync.OnceValue(func() *prompts.Set {
	set, err := prompts.Load("")
	if err != nil {
		panic(err)
	}
	return set
})

// Letter is the letter under which an item shows the anchor of a score.
func (i Item) Letter(score int) string {
	p, _ := embedded().Rubric(i.Code)
	at := slices.IndexFunc(p.Anchors, func(a prompts.Anchor) bool { return a.Score == score })
	if at < 0 {
		return "UNKNOWN"
	}
	for letter, words := range i.Letters {
		if words == p.Anchors[at].Label {
			return letter
		}
	}
	return "UNKNOWN"
}

// Always answers every item with the anchor of one score.
func Always(score int) func(Request) Reply {
	return func(r Request) Reply {
		return Reply{Content: Read(r, func(i Item) Choice { return Choice{Letter: i.Letter(score)} })}
	}
}

// Gate lets everything out and counts what passes.
type Gate struct {
	mu      sync.Mutex
	Sent    []llm.Egress
	Used    llm.Usage
	Kept    map[string]llm.Answer
	Vectors map[string][]float32
	Refuse  error // of consent
}

// Open returns the gate for a client. It keeps answers and vectors in memory
// where keep says so.
func (g *Gate) Open(keep bool) llm.Gate {
	g.Kept, g.Vectors = map[string]llm.Answer{}, map[string][]float32{}
	out := llm.Gate{
		Consent: func(context.Context) error { return g.Refuse },
		Budget: func(context.Context, llm.Usage) (func(context.Context, llm.Usage) error, error) {
			return func(_ context.Context, used llm.Usage) error {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.Used.Add(used)
				return nil
			}, nil
		},
		EgressLog: func(_ context.Context, e llm.Egress) error {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.Sent = append(g.Sent, e)
			return nil
		},
	}
	if keep {
		out.Cache = llm.Cache{
			Find: func(_ context.Context, key string) (llm.Answer, bool, error) {
				g.mu.Lock()
				defer g.mu.Unlock()
				a, ok := g.Kept[key]
				return a, ok, nil
			},
			Keep: func(ctx context.Context, a llm.Answer) error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				g.mu.Lock()
				defer g.mu.Unlock()
				g.Kept[a.Key] = a
				return nil
			},
			FindVector: func(_ context.Context, space, hash string) ([]float32, bool, error) {
				g.mu.Lock()
				defer g.mu.Unlock()
				v, ok := g.Vectors[space+hash]
				return v, ok, nil
			},
			KeepVector: func(_ context.Context, space, hash string, v []float32) error {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.Vectors[space+hash] = v
				return nil
			},
		}
	}
	return out
}

// Through returns a gate that lets everything out and keeps nothing.
func Through() llm.Gate { return new(Gate).Open(false) }
