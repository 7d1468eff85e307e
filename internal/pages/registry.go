package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/appraisal"
	"zhijia/internal/dossier"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/patent"
	"zhijia/internal/people"
)

type dossierPage struct {
	page
	Dossier  *patent.Dossier
	Owners   string
	Valued   []listLine // the latest valuations of the institution's own
	CanValue bool
	Offer    offer
	Elements []contractElement
}

type contractElement struct {
	Code, Name string
	Stated     bool
}

var contractNames = map[string]string{"parties": "当事人", "debt": "债权种类和数额", "period": "履行期限", "patents": "专利项", "scope": "担保范围"}

func registerRegistryPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/patents", func(c *gin.Context) error {
		form := c.Request.URL.Query()
		if strings.TrimSpace(form.Get("number")) == "" {
			return s.showDossier(c, http.StatusOK, form, nil, nil)
		}
		d, err := s.opt.Dossier.Ask(c.Request.Context(), people.Of(c.Request.Context()).Institution, formDossier(form))
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.NotFound {
				return err
			}
			gate.NoteError(c, err)
			return s.showDossier(c, fault.KindOf(err).HTTPStatus(), form, nil, err)
		}
		return s.showDossier(c, http.StatusOK, form, &d, nil)
	})
}

// formDossier reads the officer's form. An answer left open is unknown.
func formDossier(form url.Values) dossier.Query {
	get := func(k string) string { return strings.TrimSpace(form.Get(k)) }
	q := dossier.Query{Number: get("number"), AsOf: get("as_of"), Maturity: get("maturity"), Pledge: patent.PledgeFacts{
		Twin: patent.Truth(get("twin")), Challenged: patent.Truth(get("challenged")), CoOwnerConsent: patent.Truth(get("consent")), Other: get("other"),
		Declarations: map[string]string{"E10": get("declare_e10"), "E11": get("declare_e11")},
	}}
	for _, name := range strings.FieldsFunc(get("pledgor"), func(r rune) bool { return strings.ContainsRune(";；、\n", r) }) {
		if name = strings.TrimSpace(name); name != "" {
			q.Pledge.Pledgors = append(q.Pledge.Pledgors, name)
		}
	}
	for _, code := range form["contract"] {
		if contractNames[code] != "" {
			q.Pledge.Contract = append(q.Pledge.Contract, code)
		}
	}
	return q
}

// valuedBefore is how many earlier valuations a dossier lists.
const valuedBefore = 5

func (s *Server) showDossier(c *gin.Context, status int, form url.Values, d *patent.Dossier, problem error) error {
	p := dossierPage{page: s.newPage(c, "权利档案"), Dossier: d}
	p.Form = form
	if problem != nil {
		p.Fault = gate.ProblemOf(c.Request, problem)
		if k := fault.KindOf(problem); k != fault.Invalid {
			p.Offer = s.offered(c, strings.TrimSpace(form.Get("number")))
		}
	}
	if d != nil {
		p.Title = d.Display + " 权利档案"
		if p.Owners = strings.Join(d.Owners, "、"); p.Owners == "" {
			p.Owners = "未知"
		}
		ctx := c.Request.Context()
		who := people.Of(ctx)
		p.CanValue = who.May("POST /officer/valuations")
		valued, _, err := s.opt.Appraisal.Valuations(ctx, who.Actor(), appraisal.Query{Number: d.Number}, "", valuedBefore)
		if err != nil {
			return err
		}
		for _, v := range valued {
			p.Valued = append(p.Valued, describeLine(v))
		}
	}
	for _, code := range patent.ContractFields {
		stated := false
		for _, given := range form["contract"] {
			stated = stated || given == code
		}
		p.Elements = append(p.Elements, contractElement{code, contractNames[code], stated})
	}
	return s.show(c, status, "dossier", p)
}

// Zh names an outcome, an allowance or a severity on the page.
func (dossierPage) Zh(code any) string {
	switch x := code.(type) {
	case patent.Outcome:
		return map[patent.Outcome]string{patent.Clear: "不存在", patent.Met: "存在", patent.Declared: "已声明", patent.Open: "未知"}[x]
	case patent.Allowance:
		return map[patent.Allowance]string{patent.Allowed: "可以", patent.WithConsent: "须经同意", patent.Forbidden: "不可以", patent.NotKnown: "未知"}[x]
	case patent.Severity:
		return map[patent.Severity]string{patent.Block: "阻断", patent.Warn: "可声明", patent.Review: "人工"}[x]
	}
	return ""
}
