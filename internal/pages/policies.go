package pages

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/lending"
	"zhijia/internal/people"
)

// Policies and loan products are files: an officer registers a version, takes a
// preset over as his own, sets two beside each other, and takes one away to edit.
// Another person reviews it, as every proposal.

// maxPolicy bounds the file of one policy.
const maxPolicy = 1 << 20

func registerPolicyPages(s *Server) {
	s.filePageRoute(http.MethodPost, "/officer/lending/policies", maxPolicy, s.putPolicy)
	s.pageRoute(http.MethodPost, "/officer/lending/adopt", s.adoptPolicy)
	s.pageRoute(http.MethodGet, "/officer/lending/policies/{name}", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p, err := s.opt.Desk.Policy(ctx, people.Of(ctx).Actor(), c.Param("name"))
		if err != nil {
			return err
		}
		body, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			return err
		}
		gate.Attach(c, "application/json", "policy.json", p.ID+"-"+p.Version+".json")
		_, err = c.Writer.Write(append(body, '\n'))
		return err
	})
}

// putPolicy registers the version of a policy, or of a loan product, that a file
// holds.
func (s *Server) putPolicy(c *gin.Context) error {
	ctx := c.Request.Context()
	actor := people.Of(ctx).Actor()
	body, err := uploaded(c, maxPolicy)
	if err == nil && c.PostForm("kind") == "programme" {
		var g lending.Programme
		if g, err = lending.LoadProgramme(body); err == nil {
			err = s.opt.Desk.PutProgramme(ctx, actor, g)
		}
	} else if err == nil {
		var p lending.Policy
		if p, err = lending.LoadPolicy(body); err == nil {
			err = s.opt.Desk.PutPolicy(ctx, actor, p)
		}
	}
	return s.backTo(c, "/officer/lending?kept=1", err, s.showLending)
}

// uploaded is the one file of a form, whole.
func uploaded(c *gin.Context, most int64) ([]byte, error) {
	head, err := c.FormFile("file")
	if err != nil || head.Size == 0 {
		return nil, gate.ErrNoFile
	}
	file, err := head.Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, most))
}

// adoptPolicy registers a preset, or an earlier version, as a version of the
// institution's own.
func (s *Server) adoptPolicy(c *gin.Context) error {
	ctx := c.Request.Context()
	actor := people.Of(ctx).Actor()
	p, err := s.opt.Desk.Policy(ctx, actor, c.PostForm("from"))
	if err == nil {
		p.ID, p.Version, p.Label = strings.TrimSpace(c.PostForm("id")), strings.TrimSpace(c.PostForm("version")), "own"
		if name := strings.TrimSpace(c.PostForm("name")); name != "" {
			p.Name = name
		}
		err = s.opt.Desk.PutPolicy(ctx, actor, p)
	}
	return s.backTo(c, "/officer/lending?kept=1", err, s.showLending)
}

// comparePolicies sets two policies beside each other, what differs first. Their
// parts are named as in the file.
func (s *Server) comparePolicies(c *gin.Context, names []string) (rows []comparedRow, err error) {
	if len(names) != 2 {
		return nil, fault.New(fault.Invalid, "policy.compare", "请选择两份政策。", "Choose two policies.")
	}
	ctx := c.Request.Context()
	var flat [2]map[string]string
	for i, name := range names {
		p, err := s.opt.Desk.Policy(ctx, people.Of(ctx).Actor(), name)
		if err != nil {
			return nil, err
		}
		body, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return nil, err
		}
		flat[i] = map[string]string{}
		lay("", v, flat[i])
	}
	keys := maps.Clone(flat[0])
	maps.Copy(keys, flat[1])
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		rows = append(rows, comparedRow{Name: policyPart(k), Differs: flat[0][k] != flat[1][k], Cells: []string{flat[0][k], flat[1][k]}})
	}
	slices.SortStableFunc(rows, func(a, b comparedRow) int {
		switch {
		case a.Differs == b.Differs:
			return 0
		case a.Differs:
			return -1
		}
		return 1
	})
	return rows, nil
}

// lay lays a document out by the paths of its parts.
func lay(path string, v any, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			lay(strings.TrimPrefix(path+"."+k, "."), x, out)
		}
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			body, _ := json.Marshal(v[i]) // it came from JSON
			parts[i] = string(body)
		}
		out[path] = strings.Join(parts, "、")
	case float64:
		out[path] = strconv.FormatFloat(v, 'f', -1, 64)
	case nil:
	default:
		out[path] = fmt.Sprint(v)
	}
}

// policyParts names the parts of a policy's file; a rule is named by its code.
var policyParts = map[string]string{
	"id": "编号", "version": "版本", "name": "名称", "label": "性质", "source": "来源", "value": "值", "amount": "金额", "severity": "轻重",
	"caps": "质押率上限", "invention": "发明", "utility_model": "实用新型", "design": "外观设计", "tenor_months": "期限（月）", "internal_limit": "内部估值上限", "negotiated_limit": "协商估值上限",
	"four_eyes_above": "须两人复核的金额", "rules": "规则", "threshold": "门槛", "trademark": "商标", "cover_discount": "到期覆盖折扣", "deviation_red": "与市场偏差红线", "deviation_review": "与市场偏差须复核", "haircuts": "折扣", "licensed": "已许可", "stale": "资料陈旧", "uncalibrated": "未校准的", "red_drop": "红色预警降幅", "yellow_drop": "黄色预警降幅", "revaluation": "重估间隔（月）", "stale_days": "资料多久算陈旧（天）", "usual": "常见区间", "ranges": "常见区间", "basis": "押品价值所用的价值类型",
}

func policyPart(path string) string {
	parts := strings.Split(path, ".")
	for i, p := range parts {
		if name := policyParts[p]; name != "" {
			parts[i] = name
		}
	}
	return strings.Join(parts, " · ")
}

// comparedPolicies are the two that a query names.
func comparedPolicies(q url.Values) []string {
	return slices.DeleteFunc([]string{q.Get("a"), q.Get("b")}, func(s string) bool { return s == "" })
}
