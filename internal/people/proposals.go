package people

import (
	"context"
	"encoding/json"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Proposal is what one person proposed and another has to decide.
type Proposal struct {
	ID         string          `json:"id"`
	Kind       string          `json:"kind" enum:"override,market_label,policy,consent,fit,assumptions,impact,space,rubric,validity,booking,pool_period,pool_reopen"`
	Zh         string          `json:"zh" doc:"The kind in Chinese."`
	Subject    string          `json:"subject" doc:"What it is about, e.g. an override's id."`
	Payload    json.RawMessage `json:"payload" doc:"What exactly is proposed."`
	ProposedBy string          `json:"proposed_by"`
	ProposedAt time.Time       `json:"proposed_at"`
	ExpiresAt  time.Time       `json:"expires_at"`
	Status     string          `json:"status" enum:"open,approved,refused,withdrawn,expired"`
	DecidedBy  string          `json:"decided_by,omitempty"`
	DecidedAt  *time.Time      `json:"decided_at,omitempty"`
	Note       string          `json:"note,omitempty"`
	Own        bool            `json:"own" doc:"The caller proposed it: he can withdraw it and not decide it."`
}

var kindZh = map[store.ProposalKind]string{
	store.ProposeOverride: "人工意见", store.ProposeMarket: "成交市场标签", store.ProposePolicy: "质押政策", store.ProposeConsent: "同意文本外发",
	store.ProposeFit: "启用拟合参数", store.ProposeAssumptions: "启用估值参数", store.ProposeImpact: "启用技术影响力模型", store.ProposeSpace: "切换向量空间",
	store.ProposeRubric: "评分标准（提示词）", store.ProposeValidity: "成交效力判定", store.ProposeBooking: "超限额放款登记",
	store.ProposePeriod: "资产池期间结账", store.ProposeReopening: "重新打开资产池期间",
}

func (s *People) describe(p *store.Proposal, by Principal) Proposal {
	d := Proposal{
		ID: p.ID, Kind: string(p.Kind), Zh: kindZh[p.Kind], Subject: p.Subject, Payload: p.Payload, ProposedBy: p.ProposedBy, ProposedAt: p.ProposedAt.UTC(), ExpiresAt: p.ExpiresAt.UTC(),
		Status: p.Status, DecidedBy: p.DecidedBy, DecidedAt: p.DecidedAt, Note: p.Note,
		Own: p.Proposer != "" && p.Proposer == by.PersonID || p.Proposer == "" && p.ProposedBy == by.Actor().Name,
	}
	if p.Status == store.Undecided && !p.ExpiresAt.After(s.now()) {
		d.Status = store.Expired
	}
	return d
}

// Proposals returns one page of an institution's proposals, newest first, and
// the cursor of the next; waiting: only what waits for the caller.
func (s *People) Proposals(ctx context.Context, by Principal, waiting bool, cursor string, limit int) (_ []Proposal, next string, err error) {
	found, err := s.db.Proposals(ctx, by.Institution, store.ProposalQuery{Waiting: waiting, For: by.PersonID, After: cursor, Now: s.now()}, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	list := make([]Proposal, len(found))
	for i := range found {
		list[i] = s.describe(&found[i], by)
	}
	return list, next, nil
}

// Decide approves, refuses or withdraws a proposal: act is one of these words.
func (s *People) Decide(ctx context.Context, by Principal, id, act, note string) (Proposal, error) {
	status := map[string]string{"approve": store.Approved, "refuse": store.Refused, "withdraw": store.Withdrawn}[act]
	allowed := Access["POST /v1/proposals/{id}:"+act]
	switch {
	case status == "":
		return Proposal{}, fault.New(fault.NotFound, "proposal.act", "没有这种处理方式。", "There is no such decision.")
	case !Permitted(by.Roles, allowed):
		return Proposal{}, fault.New(fault.Forbidden, "auth.role", "您的角色无权使用此功能。", "Your role may not do this.")
	}
	p, err := s.db.DecideProposal(ctx, by.Actor(), id, status, note, s.now().UTC().Truncate(time.Microsecond))
	if err != nil {
		return Proposal{}, err
	}
	return s.describe(&p, by), nil
}

// ApproveOverride approves what was proposed about an override.
func (s *People) ApproveOverride(ctx context.Context, by Principal, override string) error {
	return s.DecideOverride(ctx, by, override, "approve", "")
}

// DecideOverride approves, refuses or withdraws what was proposed about an override.
func (s *People) DecideOverride(ctx context.Context, by Principal, override, act, note string) error {
	id, err := s.db.ProposalAbout(ctx, by.Institution, store.ProposeOverride, override)
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.NotFound, "override.unknown", "没有这条人工意见。", "There is no such override.")
	}
	if err != nil {
		return err
	}
	_, err = s.Decide(ctx, by, id, act, note)
	return err
}
