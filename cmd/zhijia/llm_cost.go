package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/prompts"
)

type llmCostCmd struct {
	Database
	Prompts  string  `name:"prompts" env:"ZHIJIA_PROMPTS" group:"Model" placeholder:"DIR" help:"Folder whose templates override the embedded ones."`
	Number   string  `arg:"" help:"Patent number; its text is counted and not sent."`
	PriceIn  float64 `help:"Yuan per million prompt tokens by your contract, for presets whose price is not published."`
	PriceOut float64 `help:"Yuan per million answer tokens, likewise."`
	Context  int     `help:"Tokens of patent text per call." default:"12000"`
}

func (c *llmCostCmd) Help() string {
	return "Counts, on the safe side, the tokens of one reading of a stored patent and prices them by preset: one call, and the three a reading takes at most. Nothing is sent. A provider's cache makes what follows the first call cheaper."
}

func (c *llmCostCmd) Run(g *Globals) error {
	n, err := patent.ParseNumber(c.Number)
	if err != nil {
		return err
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	p, err := db.Patent(store.As(g.ctx, g.operator().Institution), string(n.Key()))
	if err != nil {
		return err
	}
	set, err := prompts.Load(c.Prompts)
	if err != nil {
		return err
	}
	cfg := llm.Config{BaseURL: "http://127.0.0.1/v1", Model: "none", Mode: llm.JSONSchema, ContextLimit: c.Context} // never called
	rubric, err := judge.NewRubric(g.ctx, db, cfg, set, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	most, err := rubric.Cost(g.ctx, judge.Text{Number: p.Number, Title: p.Title, Abstract: p.Abstract, Claims: p.Claims, Description: p.Description})
	if err != nil {
		return err
	}
	type line struct {
		Preset string  `json:"preset"`
		Model  string  `json:"model"`
		One    float64 `json:"yuan_one_call"`
		Most   float64 `json:"yuan_most"`
	}
	var lines []line
	for _, p := range llm.Presets() {
		if c.PriceIn > 0 && p.PriceIn == 0 { // as the user's contract says
			p.PriceIn, p.PriceOut = c.PriceIn, c.PriceOut
		}
		if p.PriceIn > 0 {
			yuan := (float64(most.Prompt)*p.PriceIn + float64(most.Answer)*p.PriceOut) / 1e6
			lines = append(lines, line{p.Name, p.Model, yuan, 3 * yuan})
		}
	}
	if g.JSON {
		return g.print(map[string]any{"prompt_tokens": most.Prompt, "answer_tokens": most.Answer, "presets": lines})
	}
	fmt.Fprintf(g.stdout, "一次评阅最多 %d 词元输入、%d 词元输出（偏高估计）\n", most.Prompt, most.Answer)
	var unpriced []string
	for _, p := range llm.Presets() {
		if !slices.ContainsFunc(lines, func(l line) bool { return l.Preset == p.Name }) {
			unpriced = append(unpriced, p.Name)
		}
	}
	for _, l := range lines {
		fmt.Fprintf(g.stdout, "  %-10s %-20s 一次 %.4f 元，最多三次 %.4f 元\n", l.Preset, l.Model, l.One, l.Most)
	}
	if len(unpriced) > 0 {
		fmt.Fprintf(g.stdout, "  无公开单价或用自有机器（可用 --price-in、--price-out 填合同价）：%s\n", strings.Join(unpriced, "、"))
	}
	return nil
}
