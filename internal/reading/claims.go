package reading

import (
	"context"

	"zhijia/internal/claim"
	"zhijia/internal/store"
)

// Claims are a patent's claims taken apart, by rules alone.
type Claims struct {
	Number string `json:"number,omitempty"`
	Title  string `json:"title,omitempty"`
	By     string `json:"by" enum:"rule" doc:"No model is asked."`
	claim.Tree
}

// Claims reads the claims of a patent.
func (s *Service) Claims(ctx context.Context, actor store.Actor, a Ask) (Claims, error) {
	p, err := s.subject(ctx, actor, a)
	if err != nil {
		return Claims{}, err
	}
	return Claims{p.Number, p.Title, ByRule, p.tree}, nil
}
