package llm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	openai "github.com/sashabaranov/go-openai"
	"golang.org/x/sync/errgroup"

	"zhijia/internal/fault"
	"zhijia/prompts"
)

const toolName = "submit_score"

// Vote is one answer after verification.
type Vote struct {
	Order      []int    `json:"order"` // the anchors as they were shown
	Sample     int      `json:"sample"`
	Opposing   bool     `json:"opposing,omitempty"`
	Score      *int     `json:"score"` // nil: cannot tell, or void
	Void       string   `json:"void,omitempty"`
	Confidence *float64 `json:"confidence,omitempty"`
	Quotes     []Quote  `json:"quotes,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	Cached     bool     `json:"cached,omitempty"`
}

// Result is the outcome of one indicator. Score is nil when it cannot be told.
type Result struct {
	Indicator  string         `json:"indicator"`
	Prompt     string         `json:"prompt"`
	Model      string         `json:"model"`
	Score      *int           `json:"score"`
	Unknown    string         `json:"unknown,omitempty"` // why there is no score
	Dispersion float64        `json:"dispersion"`        // share of scored votes unlike the median, [0, 1]
	Confidence float64        `json:"confidence"`        // agreement times share of scored votes, [0, 1]; what the model says of itself is only kept with the votes
	Quotes     []Quote        `json:"quotes,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	Void       map[string]int `json:"void,omitempty"` // votes voided, by reason
	Votes      []Vote         `json:"votes"`
	Cut        []string       `json:"cut,omitempty"` // parts that did not fit the context whole
	Usage      Usage          `json:"usage"`
	Err        error          `json:"-"` // the last failure of a call
}

// Reasons a vote is void.
const (
	VoidJSON     = "not_json"
	VoidSchema   = "wrong_schema"
	VoidTwice    = "contradicts_itself" // one field given twice
	VoidReason   = "reason_not_chinese"
	VoidScale    = "off_scale"
	VoidQuote    = "quote_not_in_text"
	VoidNoQuote  = "no_quote"
	VoidNumber   = "number_not_in_text"
	VoidMoney    = "money"
	VoidAnswer   = "unusable_answer" // refused, truncated, filtered
	VoidCall     = "call_failed"
	minValid     = 0.6 // standards 8.2
	maxDisperse  = 0.5
	maxReason    = 400 // characters
	maxQuotes    = 3
	seedOfSample = 20261123
)

// orders returns p balanced orders of n anchors: in every n of them each
// anchor stands once at each place.
func orders(n, p int) [][]int {
	out := make([][]int, p)
	for i := range out {
		row := make([]int, n)
		for j := range row { // Williams: 0, 1, n-1, 2, n-2, … shifted
			k := (j + 1) / 2
			if j%2 == 0 {
				k = n - k
			}
			row[j] = (k + i) % n
		}
		out[i] = row
	}
	return out
}

// ask is one question to be put.
type ask struct {
	prompt   prompts.Prompt
	order    []int
	sample   int
	opposing bool
	against  int // the score the opposing prompt argues against
}

func (c *Client) request(set *prompts.Set, d *document, q ask, mode Mode) (openai.ChatCompletionRequest, Answer) {
	frame, _ := set.Get("frame", 0)
	var b strings.Builder
	fmt.Fprintf(&b, "评分项：%s %s\n说明：%s\n可引用部分：%s\n锚点（顺序不代表高低）：\n", q.prompt.Indicator, q.prompt.Title, q.prompt.Body, strings.Join(q.prompt.Evidence, "、"))
	shown := make([]string, len(q.order))
	for i, k := range q.order {
		a := q.prompt.Anchors[k]
		shown[i] = strconv.Itoa(a.Score)
		fmt.Fprintf(&b, "- %d：%s\n", a.Score, a.Label)
	}
	b.WriteString("- UNKNOWN：文本不足以判断\n")
	name := frame.Name() + " " + q.prompt.Name()
	if q.opposing {
		oppose, _ := set.Get("oppose", 0)
		b.WriteString("\n" + strings.ReplaceAll(oppose.Body, "{{score}}", strconv.Itoa(q.against)) + "\n")
		name += " " + oppose.Name()
	}
	seed := seedOfSample + q.sample
	req := openai.ChatCompletionRequest{
		//lint:ignore SA1019 most compatible servers know only max_tokens
		Model: c.cfg.Model, MaxTokens: c.cfg.MaxTokens, Seed: &seed,
		Temperature: math.SmallestNonzeroFloat32, // 0 would be left out, and the provider's default used
		Messages: []openai.ChatCompletionMessage{
			{Role: openai.ChatMessageRoleSystem, Content: frame.Body},
			{Role: openai.ChatMessageRoleUser, Content: b.String()},
			{Role: openai.ChatMessageRoleUser, Content: d.message},
		},
	}
	if c.cfg.Samples > 1 {
		req.Temperature = float32(c.cfg.Temperature)
	}
	shape(&req, mode, q.prompt)
	//lint:ignore SA1019 most compatible servers know only max_tokens
	return req, Answer{Text: d.hash, Prompt: name, Params: strings.TrimSpace(fmt.Sprintf("%s t=%g seed=%d order=%s max=%d %s", mode, req.Temperature, seed, strings.Join(shown, ","), req.MaxTokens, c.cfg.Extra))}
}

// shape asks for the answer's form the way the mode can.
func shape(req *openai.ChatCompletionRequest, mode Mode, p prompts.Prompt) {
	schema := answerSchema(p)
	switch mode {
	case JSONSchema:
		req.ResponseFormat = &openai.ChatCompletionResponseFormat{
			Type:       openai.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: toolName, Schema: schema, Strict: true},
		}
	case JSONObject:
		req.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONObject}
	case ToolCall:
		req.Tools = []openai.Tool{{Type: openai.ToolTypeFunction, Function: &openai.FunctionDefinition{Name: toolName, Parameters: schema}}}
		req.ToolChoice = openai.ToolChoice{Type: openai.ToolTypeFunction, Function: openai.ToolFunction{Name: toolName}}
	}
}

func answerSchema(p prompts.Prompt) json.RawMessage {
	scores := make([]string, 0, len(p.Anchors)+1)
	for _, a := range p.Anchors {
		scores = append(scores, strconv.Itoa(a.Score))
	}
	schema, err := json.Marshal(map[string]any{
		"type": "object", "additionalProperties": false, "required": []string{"score", "confidence", "quotes", "reason"},
		"properties": map[string]any{
			"score":      map[string]any{"type": "string", "enum": append(scores, "UNKNOWN")},
			"confidence": map[string]any{"type": "number"},
			"reason":     map[string]any{"type": "string"},
			"quotes": map[string]any{"type": "array", "items": map[string]any{
				"type": "object", "additionalProperties": false, "required": []string{"doc", "text"},
				"properties": map[string]any{"doc": map[string]any{"type": "string", "enum": p.Evidence}, "text": map[string]any{"type": "string"}},
			}},
		},
	})
	if err != nil {
		panic(err) // strings only
	}
	return schema
}

// parse reads the endpoint's text strictly: one JSON object of the schema,
// alone or in one code fence, and nothing else.
func parse(content string) (score string, confidence *float64, quotes []Quote, reason string, void string) {
	text := strings.TrimSpace(content)
	if rest, ok := strings.CutPrefix(text, "```"); ok {
		if rest, ok = strings.CutSuffix(rest, "```"); ok {
			text = strings.TrimPrefix(rest, "json")
		}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	var v struct {
		Score      json.RawMessage `json:"score"`
		Confidence *float64        `json:"confidence"`
		Reason     *string         `json:"reason"`
		Quotes     []struct {
			Doc       string `json:"doc"`
			Text      string `json:"text"`
			Start     int    `json:"start"`
			End       int    `json:"end"`
			Claim     any    `json:"claim"`
			Paragraph any    `json:"paragraph"`
		} `json:"quotes"`
	}
	if !json.Valid([]byte(text)) {
		return "", nil, nil, "", VoidJSON
	}
	if repeatsKey([]byte(text)) {
		return "", nil, nil, "", VoidTwice
	}
	if err := dec.Decode(&v); err != nil {
		return "", nil, nil, "", VoidSchema
	}
	if v.Reason == nil || v.Score == nil || v.Confidence == nil || len([]rune(*v.Reason)) > maxReason || len(v.Quotes) > maxQuotes ||
		*v.Confidence < 0 || *v.Confidence > 1 {
		return "", nil, nil, "", VoidSchema
	}
	for _, q := range v.Quotes {
		quotes = append(quotes, Quote{Part: q.Doc, Text: q.Text})
	}
	return strings.Trim(string(bytes.TrimSpace(v.Score)), `"`), v.Confidence, quotes, *v.Reason, ""
}

// repeatsKey reports an object that says one thing twice: which of the two is
// meant is not ours to choose.
func repeatsKey(text []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(text))
	type level struct {
		object, key bool
		seen        map[string]bool
	}
	var open []level
	for {
		token, err := dec.Token()
		if err != nil {
			return false // the end: the text is valid
		}
		top := len(open) - 1
		if name, ok := token.(string); ok && top >= 0 && open[top].object && open[top].key {
			if open[top].seen[name] {
				return true
			}
			open[top].seen[name], open[top].key = true, false
			continue
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if top >= 0 {
				open[top].key = true // after this value comes a key
			}
			open = append(open, level{object: token == json.Delim('{'), key: true, seen: map[string]bool{}})
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
		default:
			if top >= 0 {
				open[top].key = true
			}
		}
	}
}

// verify turns an answer into a vote. A vote that fails any guard is void and
// shows nothing of what the model wrote.
func verify(content string, d *document, q ask) Vote {
	v := Vote{Sample: q.sample, Opposing: q.opposing}
	for _, k := range q.order {
		v.Order = append(v.Order, q.prompt.Anchors[k].Score)
	}
	score, confidence, quotes, reason, void := parse(content)
	if void != "" {
		v.Void = void
		return v
	}
	number, known := 0, score != "UNKNOWN"
	if known {
		n, err := strconv.Atoi(score)
		if err != nil || !slices.ContainsFunc(q.prompt.Anchors, func(a prompts.Anchor) bool { return a.Score == n }) {
			v.Void = VoidScale
			return v
		}
		number = n
	}
	if known && q.prompt.Language == "zh" && !strings.ContainsFunc(reason, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		v.Void = VoidReason
		return v
	}
	if len(d.foreignNumbers(reason)) > 0 {
		v.Void = VoidNumber
		return v
	}
	if speaksOfMoney(reason) {
		v.Void = VoidMoney
		return v
	}
	var found []Quote
	for _, x := range quotes {
		at, ok := d.locate(x.Part, x.Text)
		if !ok || !slices.Contains(q.prompt.Evidence, x.Part) {
			v.Void = VoidQuote
			return v
		}
		if speaksOfMoney(at.Text) {
			v.Void = VoidMoney
			return v
		}
		found = append(found, at)
	}
	if known && len(found) == 0 {
		v.Void = VoidNoQuote
		return v
	}
	v.Confidence, v.Quotes, v.Reason = confidence, found, reason
	if known {
		v.Score = &number
	}
	return v
}

// Score puts the given indicators of the rubric to the endpoint, one call per
// indicator, order and sample. It returns one result per indicator in the
// order given; what failed, was void or did not come in time is unknown with
// the reason. Only a cancelled context is an error, and answers that arrived
// before it are kept.
func (c *Client) Score(ctx context.Context, set *prompts.Set, p Patent, indicators []string) ([]Result, error) {
	d := newDocument(p, c.cfg.ContextLimit)
	results := make([]Result, len(indicators))
	mode, err := c.Probe(ctx)
	if err != nil {
		for i, code := range indicators {
			results[i] = Result{Indicator: code, Model: c.cfg.Model, Unknown: "endpoint", Err: err}
		}
		if errors.Is(err, context.Canceled) {
			return results, err
		}
		return results, nil
	}
	var group errgroup.Group
	group.SetLimit(4 * c.cfg.Concurrency)
	at := sitting{client: c, set: set, document: d, number: p.Number, mode: mode, put: atOnce, chat: c.chat}
	for i, code := range indicators {
		rubric, ok := set.Rubric(code)
		if !ok {
			results[i] = Result{Indicator: code, Unknown: "no_rubric"}
			continue
		}
		group.Go(func() error {
			results[i] = at.score(ctx, rubric)
			return nil
		})
	}
	_ = group.Wait()
	if errors.Is(ctx.Err(), context.Canceled) {
		return results, ctx.Err()
	}
	return results, nil
}

// sitting is one patent before the endpoint.
type sitting struct {
	client   *Client
	set      *prompts.Set
	document *document
	number   string
	mode     Mode
	put      func(n int, ask func(i int))
	chat     func(context.Context, openai.ChatCompletionRequest, Answer, string) (reply, error)
}

func atOnce(n int, ask func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { ask(i) })
	}
	wg.Wait()
}

func inTurn(n int, ask func(i int)) {
	for i := range n {
		ask(i)
	}
}

// score puts one indicator.
func (s *sitting) score(ctx context.Context, rubric prompts.Prompt) Result {
	c, d := s.client, s.document
	r := Result{Indicator: rubric.Indicator, Prompt: rubric.Name(), Model: c.cfg.Model, Void: map[string]int{}, Cut: d.cut}
	readable := slices.ContainsFunc(rubric.Evidence, func(part string) bool { return d.parts[part] != "" })
	if !readable {
		r.Unknown = "no_text"
		return r
	}
	var asks []ask
	for _, o := range orders(len(rubric.Anchors), c.cfg.Permutations) {
		for n := range c.cfg.Samples {
			// Repeated orders (more permutations than anchors) are new samples.
			asks = append(asks, ask{prompt: rubric, order: o, sample: n + c.cfg.Samples*(len(asks)/(c.cfg.Samples*len(rubric.Anchors)))})
		}
	}
	s.ask(ctx, asks, &r)
	r.conclude(len(asks))
	if c.cfg.Oppose && r.Score != nil {
		against := *r.Score
		s.ask(ctx, []ask{{prompt: rubric, order: asks[0].order, opposing: true, against: against}}, &r)
		r.conclude(len(asks))
	}
	return r
}

// ask puts all questions and appends the votes in their order.
func (s *sitting) ask(ctx context.Context, asks []ask, r *Result) {
	votes := make([]Vote, len(asks))
	var mu sync.Mutex
	s.put(len(asks), func(i int) {
		q := asks[i]
		req, a := s.client.request(s.set, s.document, q, s.mode)
		got, err := s.chat(ctx, req, a, "score "+q.prompt.Name()+" "+cmp.Or(s.number, "text "+s.document.hash[:12]))
		v := Vote{Sample: q.sample, Opposing: q.opposing}
		var bad badAnswer
		switch {
		case errors.As(err, &bad):
			v.Void = VoidAnswer
		case err != nil && got.content == "":
			v.Void = VoidCall
		default:
			v = verify(got.content, s.document, q)
			v.Cached = got.cached
		}
		votes[i] = v
		mu.Lock()
		defer mu.Unlock()
		r.Usage.Add(got.usage)
		if err != nil {
			r.Err = err
		}
	})
	for _, v := range votes {
		if v.Void != "" {
			r.Void[v.Void]++
		}
	}
	r.Votes = append(r.Votes, votes...)
}

// conclude takes the median of the scored votes. asked is how many were asked
// besides the opposing ones.
func (r *Result) conclude(asked int) {
	r.Score, r.Unknown, r.Quotes, r.Reason, r.Dispersion, r.Confidence = nil, "", nil, "", 0, 0
	var scores []int
	unsure, far, opposed := 0, 0, 0
	for _, v := range r.Votes {
		switch {
		case v.Opposing:
		case v.Score != nil:
			scores = append(scores, *v.Score)
		case v.Void == "":
			unsure++
		}
	}
	if float64(len(scores)) < minValid*float64(asked) || len(scores) == 0 {
		r.Unknown = "too_few_valid"
		if unsure > 0 && float64(len(scores)+unsure) >= minValid*float64(asked) {
			r.Unknown = "cannot_tell"
		} else if r.Void[VoidCall] == asked {
			r.Unknown = "endpoint"
		}
		return
	}
	slices.Sort(scores)
	median := scores[(len(scores)-1)/2] // an anchor, also for an even count
	for _, s := range scores {
		if s != median {
			far++
		}
	}
	for _, v := range r.Votes {
		if v.Opposing && v.Score != nil && abs(*v.Score-median) > 20 {
			opposed++ // the evidence for the other side is as quotable as ours
		}
	}
	r.Dispersion = float64(far) / float64(len(scores))
	r.Confidence = (1 - r.Dispersion) * float64(len(scores)) / float64(asked)
	switch {
	case r.Dispersion > maxDisperse:
		r.Unknown = "dispersed"
		return
	case opposed > 0:
		r.Unknown = "opposed"
		return
	}
	r.Score = &median
	for _, v := range r.Votes {
		if v.Score != nil && *v.Score == median && !v.Opposing {
			r.Quotes, r.Reason = v.Quotes, v.Reason
			break
		}
	}
}

func abs(x int) int { return max(x, -x) }

// Probe returns the mode the endpoint takes, finding it when it is not known.
func (c *Client) Probe(ctx context.Context) (Mode, error) {
	if mode := c.Mode(); mode != "" {
		return mode, nil
	}
	select { // one caller finds out; the others wait, each no longer than it may
	case c.probing <- struct{}{}:
		defer func() { <-c.probing }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if mode := c.Mode(); mode != "" {
		return mode, nil
	}
	return c.Reprobe(ctx)
}

// Mode returns the mode in use, empty when it is not known.
func (c *Client) Mode() Mode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mode
}

// Forget drops what a probe found, unless the mode was set by hand: the next
// call finds it again.
func (c *Client) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mode = c.cfg.Mode
}

// Reprobe finds the best mode the endpoint really honours, asking it anew. A
// mode set by hand is kept.
func (c *Client) Reprobe(ctx context.Context) (Mode, error) {
	if c.cfg.Mode != "" {
		return c.cfg.Mode, nil
	}
	p := prompts.Prompt{Anchors: []prompts.Anchor{{Score: 20, Label: "a"}, {Score: 80, Label: "b"}}, Evidence: []string{"title"}}
	for _, mode := range Modes {
		//lint:ignore SA1019 most compatible servers know only max_tokens
		req := openai.ChatCompletionRequest{Model: c.cfg.Model, MaxTokens: 200, Temperature: math.SmallestNonzeroFloat32, Messages: []openai.ChatCompletionMessage{
			{Role: openai.ChatMessageRoleSystem, Content: "Connection test. Reply with exactly this JSON object and nothing else."},
			{Role: openai.ChatMessageRoleUser, Content: `{"score":"UNKNOWN","confidence":0,"quotes":[],"reason":"ok"}`},
		}}
		shape(&req, mode, p)
		q, err := c.question(req, Answer{}, "probe "+string(mode))
		if err != nil {
			return "", err
		}
		got, err := c.send(ctx, req, q)
		var bad badAnswer
		switch {
		case fault.KindOf(err) == fault.Unsupported || errors.As(err, &bad):
			continue
		case err != nil:
			return "", err
		}
		if _, _, _, _, void := parse(got.content); void == "" {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.mode = mode
			return mode, nil
		}
	}
	return "", fault.New(fault.Unsupported, "llm.no_mode", "模型服务不能按要求给出结构化结果。", "The endpoint does not answer in any structured form.")
}
