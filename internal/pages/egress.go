package pages

import (
	"fmt"
	"net/http"
	"time"

	"zhijia/internal/people"

	"github.com/gin-gonic/gin"
)

type (
	egressLine struct{ At, Actor, What, Host, Size, Hash string }
	egressPage struct {
		page
		Lines   []egressLine
		Next    string
		Consent string
	}
)

const egressLines = 100

// showEgress shows the officer what left.
func (s *Server) showEgress(c *gin.Context) error {
	ctx := c.Request.Context()
	log, next, err := s.opt.Audit.Sent(ctx, people.Of(ctx).Institution, c.Query("cursor"), egressLines)
	if err != nil {
		return err
	}
	p := people.Of(ctx)
	allowed, err := s.opt.Audit.Consent(ctx, p.Institution)
	if err != nil {
		return err
	}
	e := egressPage{page: s.newPage(c, "文本外发记录"), Next: next}
	switch {
	case allowed == nil:
		e.Consent = "本机构未作设定：已公开的专利文本可送模型服务评分，未公开的须在请求中逐次同意。"
	case *allowed:
		e.Consent = "本机构已同意：已公开的专利文本可送模型服务评分，未公开的须在请求中逐次同意。"
	default:
		e.Consent = "本机构已禁止：任何文本都不外发。"
	}
	for _, x := range log {
		e.Lines = append(e.Lines, egressLine{x.At.UTC().Format(time.DateTime), x.Actor, x.What, x.Host, fmt.Sprintf("%.1f KB", float64(x.Bytes)/1000), x.Hash})
	}
	return s.show(c, http.StatusOK, "egress", e)
}
