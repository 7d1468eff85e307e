package pages

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/gate"
	"zhijia/internal/money"
	"zhijia/internal/people"
)

type (
	keyValue     struct{ Key, Value string }
	proposalLine struct {
		ID, Kind, By, At, Until, State, Decided string
		Facts, Acts                             []keyValue
	}
	proposalsPage struct {
		page
		Lines []proposalLine
		All   bool
		Next  string
	}
)

var stateZh = map[string]string{
	"open": "待另一人复核（未经复核）", "approved": "已复核同意", "refused": "复核不同意", "withdrawn": "已撤回", "expired": "已过期（未经复核）",
}

func registerProposalPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/proposals", func(c *gin.Context) error { return s.showProposals(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/proposals/{id}/{act}", func(c *gin.Context) error {
		ctx := c.Request.Context()
		_, err := s.gate.People.Decide(ctx, people.Of(ctx), c.Param("id"), c.Param("act"), clipNote(c.PostForm("note")))
		return s.backTo(c, "/officer/proposals", err, s.showProposals)
	})
}

// showProposals shows what waits for the caller, or with all=1 everything.
func (s *Server) showProposals(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	all := c.Query("all") != ""
	list, next, err := s.gate.People.Proposals(ctx, p, !all, c.Query("cursor"), queueLines)
	if err != nil {
		return err
	}
	v := proposalsPage{page: s.newPage(c, "待我处理"), All: all, Next: next}
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
	}
	approves := p.May("POST /v1/proposals/{id}:approve") && p.PersonID != ""
	for i := range list {
		x := &list[i]
		line := proposalLine{ID: x.ID, Kind: x.Zh, By: x.ProposedBy, At: shortTime(x.ProposedAt), State: stateZh[x.Status], Facts: proposalFacts(x)}
		if x.DecidedAt != nil {
			line.Decided = strings.TrimSpace(x.DecidedBy + " " + shortTime(*x.DecidedAt) + " " + x.Note)
		}
		if x.Status == "open" {
			line.Until = shortTime(x.ExpiresAt)
			switch {
			case x.Own && p.May("POST /v1/proposals/{id}:withdraw"):
				line.Acts = []keyValue{{"撤回", "withdraw"}}
			case approves && !x.Own:
				line.Acts = []keyValue{{"同意", "approve"}, {"不同意", "refuse"}}
			}
		}
		v.Lines = append(v.Lines, line)
	}
	return s.show(c, status, "proposals", v)
}

var payloadZh = map[string]string{
	"valuation": "估值参考意见", "value": "金额（元）", "reason": "理由", "patents": "专利", "market": "成交市场", "kind": "依据种类", "date": "依据日期", "document": "依据文件",
	"id": "编号", "version": "版本", "name": "名称", "allowed": "同意外发", "basis": "价值类型",
	"deal": "成交", "code": "效力代码（空为可比）", "before": "原代码", "own_deals": "自有成交数", "decision": "检验结论", "deals": "成交数", "events": "事件数", "worse": "外推检验变差", "forced": "强制启用",
	"space": "向量空间", "documents": "文本数", "held_out": "检验文本数", "ndcg10_before": "现用空间 nDCG@10", "ndcg10_after": "新空间 nDCG@10", "prompts": "更改的提示词",
	"contract": "担保合同", "borrower": "借款人", "balance": "余额（元）", "maturity": "到期日", "policy": "质押政策",
}

// proposalFacts words what is proposed; of a long document the lines that name it.
func proposalFacts(p *people.Proposal) (facts []keyValue) {
	var body map[string]any
	if json.Unmarshal(p.Payload, &body) != nil {
		return []keyValue{{"内容", string(p.Payload)}}
	}
	for k, x := range body {
		name, known := payloadZh[k]
		if !known {
			continue
		}
		text := fmt.Sprint(x)
		switch x := x.(type) {
		case float64:
			if text = strconv.FormatFloat(x, 'f', -1, 64); k == "value" || k == "balance" {
				text = money.Zh(x, 6)
			}
		case bool:
			text = map[bool]string{true: "是", false: "否"}[x]
		case []any:
			parts := make([]string, min(len(x), 20))
			for i := range parts {
				parts[i] = fmt.Sprint(x[i])
			}
			text = strings.Join(parts, "、")
			if len(x) > len(parts) {
				text += " 等" + strconv.Itoa(len(x)) + "件"
			}
		}
		facts = append(facts, keyValue{name, text})
	}
	slices.SortFunc(facts, func(a, b keyValue) int { return strings.Compare(a.Key, b.Key) })
	return append(facts, keyValue{"对象", p.Subject})
}
