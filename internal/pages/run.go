package pages

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/harness"
	"zhijia/internal/intake"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/pool"
	"zhijia/internal/poolfile"
)

// The pages by which a house runs the program: who may sign in, what was
// imported, watched, measured and done. Each shows a table; some have a form.

var roleNames = []choice{
	{string(people.Officer), "经办（估值、导入、人工意见）"},
	{string(people.Approver), "复核"},
	{string(people.Desk), "信贷（批量、押品、证券化）"},
	{string(people.Evaluator), "评测"},
	{string(people.Auditor), "审计（只读）"},
	{string(people.Admin), "管理员（人员、密钥、外发同意）"},
}

func rolesZh(roles []string) string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = r
		for _, c := range roleNames {
			if c.Value == r {
				out[i], _, _ = strings.Cut(c.Name, "（")
			}
		}
	}
	return strings.Join(out, "、")
}

func rolesOf(c *gin.Context) (out []people.Role) {
	for _, r := range c.PostFormArray("role") {
		out = append(out, people.Role(r))
	}
	return out
}

type (
	personLine struct {
		Login, Name, Roles, SignsIn, Since, State string
		Has                                       map[string]bool
		Off                                       bool
	}
	peoplePage struct {
		page
		List      []personLine
		Roles     []choice
		CanChange bool
	}
	keyLine struct {
		ID, Name, Roles, Owner, Since, Until, State string
		Live                                        bool
	}
	keysPage struct {
		page
		List      []keyLine
		Roles     []choice
		People    []choice
		Made      string // the key just made, shown once
		CanChange bool
		Consent   string
		CanAllow  bool
	}
	tablePage struct {
		page
		Lead  string
		Empty string
		Back  choice // a way to a page nearby
		Head  []string
		Rows  []tableRow
		Next  string // address of the next page

		Upload *upload // a file that makes a new row
	}
	upload struct{ Action, Label, Accept, Button, Said string }

	poolPage struct {
		tablePage
		Tests         []poolTest
		Failing, Open int
	}
	poolTest struct{ Name, Answer, Tone, Why, Missing, Cite string }

	evaluationsPage struct {
		page
		Tasks    []choice
		List     []runLine
		CanStart bool
	}
	runLine struct {
		ID, Started, What, State, Took, Left, Error string
		Done, Total                                 int
		Running                                     bool
	}

	tableRow  struct{ Cells []tableCell }
	tableCell struct {
		Name, Text, Link string
		Data             bool // what it says is data: in no language of ours
	}
	watchPage struct {
		page
		List      []keyValue
		Next      string
		CanChange bool
	}
	importPage struct {
		page
		Datasets  []choice
		Report    *intake.Report
		Dataset   string
		Unread    []importColumn
		Mapped    []importColumn // that were understood
		Preview   []importLine
		CanImport bool
	}
	// importColumn is a header of a file and what it may mean.
	importColumn struct {
		At          int
		Header      string
		Was, Choice string // as it was read, and as it is offered
		Examples    []string
		Columns     []choice
	}
	importLine struct{ Number, Title, Owners, Filed, Classes, Events string }
)

func registerRunPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/people", func(c *gin.Context) error { return s.showPeople(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/people", func(c *gin.Context) error {
		ctx := c.Request.Context()
		_, err := s.gate.People.Add(ctx, people.Of(ctx), c.PostForm("login"), c.PostForm("name"), c.PostForm("password"), rolesOf(c))
		return s.backTo(c, "/officer/people", err, s.showPeople)
	})
	s.pageRoute(http.MethodPost, "/officer/people/{login}/{act}", func(c *gin.Context) error {
		ctx := c.Request.Context()
		var err error
		switch c.Param("act") {
		case "roles":
			_, err = s.gate.People.SetRoles(ctx, people.Of(ctx), c.Param("login"), rolesOf(c))
		case "password":
			_, err = s.gate.People.SetPassword(ctx, people.Of(ctx), c.Param("login"), c.PostForm("password"))
		case "disable":
			_, err = s.gate.People.Disable(ctx, people.Of(ctx), c.Param("login"))
		default:
			err = fault.New(fault.NotFound, "page.unknown", "没有这个操作。", "There is no such act.")
		}
		return s.backTo(c, "/officer/people", err, s.showPeople)
	})
	s.pageRoute(http.MethodGet, "/officer/keys", func(c *gin.Context) error { return s.showKeys(c, http.StatusOK, nil, "") })
	s.pageRoute(http.MethodPost, "/officer/keys", s.makeKey)
	s.pageRoute(http.MethodPost, "/officer/keys/{id}/revoke", func(c *gin.Context) error {
		ctx := c.Request.Context()
		_, err := s.gate.Keys.Revoke(ctx, people.Of(ctx).Name, c.Param("id"))
		return s.backTo(c, "/officer/keys", err, func(c *gin.Context, status int, problem error) error { return s.showKeys(c, status, problem, "") })
	})
	s.pageRoute(http.MethodPost, "/officer/consent", func(c *gin.Context) error {
		ctx := c.Request.Context()
		_, err := s.opt.Audit.SetConsent(ctx, people.Of(ctx).Actor(), c.PostForm("allowed") == "yes")
		return s.backTo(c, "/officer/keys", err, func(c *gin.Context, status int, problem error) error { return s.showKeys(c, status, problem, "") })
	})
	s.pageRoute(http.MethodGet, "/officer/audit", s.showAudit)
	s.pageRoute(http.MethodGet, "/officer/watch", func(c *gin.Context) error { return s.showWatch(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/watch", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p := people.Of(ctx)
		_, err := s.opt.Watch.Add(ctx, p.Institution, p.Actor().Name, split(c.PostForm("numbers")), clipNote(c.PostForm("note")))
		return s.backTo(c, "/officer/watch", err, s.showWatch)
	})
	s.pageRoute(http.MethodPost, "/officer/watch/{number}/remove", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p := people.Of(ctx)
		return s.backTo(c, "/officer/watch", s.opt.Watch.Remove(ctx, p.Institution, p.Actor().Name, c.Param("number")), s.showWatch)
	})
	s.pageRoute(http.MethodGet, "/officer/imports", func(c *gin.Context) error { return s.showImports(c, http.StatusOK, nil, importPage{}) })
	s.filePageRoute(http.MethodPost, "/officer/imports", s.gate.MaxUpload, s.takeImport)
	s.pageRoute(http.MethodGet, "/officer/pools", func(c *gin.Context) error { return s.showPools(c, http.StatusOK, nil) })
	s.filePageRoute(http.MethodPost, "/officer/pools", s.gate.MaxUpload, s.takePool)
	s.pageRoute(http.MethodGet, "/officer/pools/{id}", s.showPool)
	s.pageRoute(http.MethodGet, "/officer/evaluations", func(c *gin.Context) error { return s.showEvaluations(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/evaluations", func(c *gin.Context) error {
		if s.opt.Eval == nil {
			return errEvalOff
		}
		ctx := c.Request.Context()
		o := harness.Options{Type: "test", Note: clipNote(c.PostForm("note")), Smalls: c.PostForm("task") == ""}
		if task := c.PostForm("task"); task != "" {
			o.Tasks = []string{task}
		}
		_, err := s.opt.Eval.Start(ctx, people.Of(ctx).Actor(), o)
		return s.backTo(c, "/officer/evaluations", err, s.showEvaluations)
	})
	s.pageRoute(http.MethodPost, "/officer/evaluations/{id}/stop", func(c *gin.Context) error {
		if s.opt.Eval == nil {
			return errEvalOff
		}
		ctx := c.Request.Context()
		return s.backTo(c, "/officer/evaluations", s.opt.Eval.Stop(ctx, people.Of(ctx).Actor(), c.Param("id")), s.showEvaluations)
	})
	s.pageRoute(http.MethodGet, "/officer/evaluations/{id}/report", func(c *gin.Context) error {
		ctx := c.Request.Context()
		if s.opt.Eval == nil {
			return errEvalOff
		}
		var b strings.Builder // an error half-way must not look like a page
		if err := s.opt.Eval.WriteHTML(ctx, people.Of(ctx).Actor(), &b, c.Param("id")); err != nil {
			return err
		}
		c.Header("Content-Type", "text/html; charset=utf-8")
		c.String(http.StatusOK, "%s", b.String())
		return nil
	})
}

var errEvalOff = fault.New(fault.Unavailable, "eval.off", "本实例未启用评测。", "Evaluation is not enabled on this instance.")

func (s *Server) showPeople(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	v := peoplePage{page: s.newPage(c, "人员"), Roles: roleNames, CanChange: p.May("POST /officer/people")}
	if problem != nil {
		v.Fault = labelled(gate.ProblemOf(c.Request, problem), map[string]string{"login": "用户名", "name": "姓名", "password": "密码", "roles": "角色"})
		for _, k := range []string{"login", "name"} {
			v.Form.Set(k, c.PostForm(k))
		}
	}
	list, err := s.gate.People.List(ctx, p.Institution)
	if err != nil {
		return err
	}
	for _, x := range list {
		l := personLine{Login: x.Login, Name: x.Name, Roles: rolesZh(x.Roles), Since: shortTime(x.CreatedAt), State: "在用", Has: map[string]bool{}, Off: x.DisabledAt != nil}
		for _, r := range x.Roles {
			l.Has[r] = true
		}
		switch {
		case x.Provider:
			l.SignsIn = "统一身份认证"
		case x.Password:
			l.SignsIn = "密码"
		default:
			l.SignsIn = "尚无密码"
		}
		if x.DisabledAt != nil {
			l.State = shortTime(*x.DisabledAt) + " 停用"
		}
		v.List = append(v.List, l)
	}
	return s.show(c, status, "people", v)
}

func (s *Server) makeKey(c *gin.Context) error {
	ctx := c.Request.Context()
	r := people.Request{Name: strings.TrimSpace(c.PostForm("name")), Login: c.PostForm("login"), Roles: rolesOf(c)}
	var err error
	if text := strings.TrimSpace(c.PostForm("expires")); text != "" {
		var d calendar.Date
		if d, err = calendar.Parse(text); err != nil {
			err = fault.New(fault.Invalid, "field.date", "到期日不是有效日期。", "The day it ends is not a date.", fault.Field{Field: "expires", Code: "field.date", Zh: "不是有效日期", En: "not a date"})
		} else {
			r.Expires = d.AddDays(1).Time()
		}
	}
	plain := ""
	if err == nil {
		plain, _, err = s.gate.Keys.Create(ctx, people.Of(ctx), r)
	}
	if err != nil && fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if err != nil {
		gate.NoteError(c, err)
		return s.showKeys(c, fault.KindOf(err).HTTPStatus(), err, "")
	}
	return s.showKeys(c, http.StatusOK, nil, plain)
}

func (s *Server) showKeys(c *gin.Context, status int, problem error, made string) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	v := keysPage{page: s.newPage(c, "密钥与外发同意"), Roles: roleNames, Made: made, CanChange: p.May("POST /officer/keys"), CanAllow: p.May("POST /officer/consent")}
	if made != "" {
		c.Header("Cache-Control", "no-store")
	}
	if problem != nil {
		v.Fault = labelled(gate.ProblemOf(c.Request, problem), map[string]string{"name": "用途", "expires": "到期日", "login": "归属", "roles": "角色"})
		v.Form.Set("name", c.PostForm("name"))
	}
	named := map[string]string{}
	list, err := s.gate.People.List(ctx, p.Institution)
	if err != nil {
		return err
	}
	for _, x := range list {
		named[x.ID] = x.Name
		if x.DisabledAt == nil {
			v.People = append(v.People, choice{x.Login, x.Name})
		}
	}
	keys, err := s.gate.Keys.List(ctx)
	if err != nil {
		return err
	}
	now := s.gate.Now()
	for _, k := range keys {
		if k.Institution != p.Institution {
			continue
		}
		l := keyLine{ID: k.ID, Name: k.Name, Roles: rolesZh(k.Roles), Owner: named[k.Person], Since: shortTime(k.CreatedAt), Until: "不限", State: "有效", Live: true}
		if l.Owner == "" {
			l.Owner = "系统"
		}
		if k.ExpiresAt != nil {
			l.Until = shortTime(*k.ExpiresAt)
			if k.ExpiresAt.Before(now) {
				l.State, l.Live = "已到期", false
			}
		}
		if k.RevokedAt != nil {
			l.State, l.Live = shortTime(*k.RevokedAt)+" 吊销", false
		}
		v.List = append(v.List, l)
	}
	allowed, err := s.opt.Audit.Consent(ctx, p.Institution)
	if err != nil {
		return err
	}
	switch {
	case allowed == nil:
		v.Consent = "未作设定：已公开的文本可送模型服务评分"
	case *allowed:
		v.Consent = "已同意外发已公开的文本"
	default:
		v.Consent = "已禁止：任何文本都不外发"
	}
	return s.show(c, status, "keys", v)
}

// table fills the rows of a table page; each row has a cell for each heading.
func (v *tablePage) row(links []string, texts ...string) {
	r := tableRow{}
	for i, text := range texts {
		cell := tableCell{Name: v.Head[i], Text: text}
		if i < len(links) {
			cell.Link = links[i]
		}
		r.Cells = append(r.Cells, cell)
	}
	v.Rows = append(v.Rows, r)
}

// actZh names the acts of the record in the officer's words, by their first part
// where the whole is not named.
var actZh = map[string]string{
	"valuation": "估值", "valuation.override": "人工意见", "import": "导入", "key.create": "发放密钥", "key.revoke": "吊销密钥", "person": "人员", "batch": "批量", "proposal": "提议与复核",
	"policy": "政策", "programme": "方案", "book": "在册押品", "offer": "占用", "watch": "关注", "alert": "预警", "consent": "外发同意", "match": "核对", "deal": "成交", "pool": "证券化", "assumptions": "参数",
	"evaluation": "评测", "institution": "机构", "session": "登录", "webhook": "推送", "space": "向量空间", "ledger": "台账", "rubric": "评分标准", "interest": "权利占用", "hold": "额度占用",
}

func actName(act string) string {
	if name := actZh[act]; name != "" {
		return name
	}
	first, _, _ := strings.Cut(act, ".")
	if name := actZh[first]; name != "" {
		return name
	}
	return "其他"
}

func (s *Server) showAudit(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	subject := strings.TrimSpace(c.Query("subject"))
	list, next, err := s.opt.Audit.Entries(ctx, p.Institution, subject, c.Query("cursor"), queueLines)
	if err != nil {
		return err
	}
	v := tablePage{page: s.newPage(c, "审计记录"), Lead: "每一条都与前一条以哈希相连，不能改动；校验用 zhijia audit verify。", Empty: "没有记录。", Head: []string{"序号", "时间", "何人", "何事", "对象", "内容"}}
	v.Wide = true
	for i := range list {
		e := &list[i]
		links := []string{}
		if strings.HasPrefix(e.Subject, "val_") {
			links = []string{"", "", "", "", "/officer/valuations/" + url.PathEscape(e.Subject)}
		}
		v.row(links, strconv.FormatInt(e.Seq, 10), shortTime(e.At), e.Actor, actName(e.Action), e.Subject, auditDetail(e.Detail))
		cells := v.Rows[len(v.Rows)-1].Cells
		cells[2].Data, cells[4].Data = true, true
	}
	if next != "" {
		v.Next = "/officer/audit?" + url.Values{"cursor": {next}, "subject": {subject}}.Encode()
	}
	return s.show(c, http.StatusOK, "table", v)
}

// auditDetail words the parts of an entry that have a name.
func auditDetail(raw json.RawMessage) string {
	var body map[string]any
	if json.Unmarshal(raw, &body) != nil {
		return ""
	}
	parts := []string{}
	for k, x := range body {
		name := payloadZh[k]
		if name == "" {
			continue
		}
		switch x.(type) {
		case string, float64, bool:
			parts = append(parts, name+"："+strings.TrimSpace(fmt.Sprint(x)))
		}
	}
	slices.Sort(parts)
	text := []rune(strings.Join(parts, "；"))
	return string(text[:min(len(text), 200)])
}

func (s *Server) showWatch(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	v := watchPage{page: s.newPage(c, "关注的专利"), CanChange: p.May("POST /officer/watch")}
	if problem != nil {
		v.Fault = labelled(gate.ProblemOf(c.Request, problem), map[string]string{"numbers": "专利号", "note": "备注"})
		v.Form.Set("numbers", c.PostForm("numbers"))
		v.Form.Set("note", c.PostForm("note"))
	}
	list, next, err := s.opt.Watch.Patents(ctx, p.Institution, c.Query("cursor"), queueLines)
	if err != nil {
		return err
	}
	v.Next = next
	for _, x := range list {
		note := x.Note
		if note != "" {
			note += "；"
		}
		v.List = append(v.List, keyValue{x.Number, note + x.AddedBy + "，" + shortTime(x.AddedAt)})
	}
	return s.show(c, status, "watch", v)
}

var datasetNames = map[string]string{"patents": "专利著录", "events": "法律状态公告", "transactions": "成交", "citations": "引用"}

func (s *Server) showImports(c *gin.Context, status int, problem error, v importPage) error {
	v.page = s.newPage(c, "导入")
	p := people.Of(c.Request.Context())
	v.CanImport = p.May("POST /officer/imports")
	v.Wide = true
	if problem != nil {
		v.Fault = labelled(gate.ProblemOf(c.Request, problem), map[string]string{"file": "文件", "dataset": "内容"})
	}
	for _, d := range intake.Datasets() {
		name := datasetNames[d]
		if name == "" {
			name = d
		}
		v.Datasets = append(v.Datasets, choice{d, name})
	}
	if v.Dataset == "" {
		v.Dataset = "patents"
	}
	if v.Report != nil {
		v.columns()
	}
	return s.show(c, status, "imports", v)
}

// sourceFields are the fields that only a known source's table has.
var sourceFields = map[string]string{"model_ask": "来源自己的评分或估价（不作价格）", "status": "来源推算的法律状态（只核对）", "flags": "未写日期的事件", "events": "法律事件", "applicants": "申请人"}

// columns offers each header of the file its meaning.
func (v *importPage) columns() {
	var fields []choice
	for field, names := range intake.Headers(v.Dataset) {
		name := field
		if len(names) > 0 {
			name = names[0]
		}
		fields = append(fields, choice{field, name})
	}
	slices.SortFunc(fields, func(a, b choice) int { return strings.Compare(a.Name, b.Name) })
	for _, u := range v.Report.Unread {
		v.Unread = append(v.Unread, importColumn{At: len(v.Unread), Header: u.Header, Choice: u.Guess, Examples: u.Examples, Columns: fields})
	}
	for _, header := range slices.Sorted(maps.Keys(v.Report.Mapping)) {
		field := v.Report.Mapping[header]
		offered := fields
		if field != "-" && !slices.ContainsFunc(fields, func(f choice) bool { return f.Value == field }) { // of the source's own table
			offered = append(fields[:len(fields):len(fields)], choice{field, cmp.Or(sourceFields[field], "来源所列："+field)})
		}
		v.Mapped = append(v.Mapped, importColumn{At: len(v.Unread) + len(v.Mapped), Header: header, Was: field, Choice: field, Columns: offered})
	}
	for i := range v.Report.Preview {
		if i == 5 {
			break
		}
		r := &v.Report.Preview[i]
		l := importLine{Number: r.Number, Title: r.Title, Owners: strings.Join(r.Owners, "、"), Classes: strings.Join(r.IPC[:min(3, len(r.IPC))], "、")}
		if l.Number == "" {
			l.Number = r.Publication
		}
		if l.Owners == "" && len(r.Applicants) > 0 {
			l.Owners = "申请人 " + strings.Join(r.Applicants, "、")
		}
		if !r.Filing.IsZero() {
			l.Filed = r.Filing.String()
		}
		for k, e := range r.Events {
			if k == 3 {
				l.Events += fmt.Sprintf("，等 %d 条", len(r.Events))
				break
			}
			if k > 0 {
				l.Events += "；"
			}
			l.Events += e.Effective.String() + " " + patent.Codes[e.Code]
		}
		v.Preview = append(v.Preview, l)
	}
}

// changedColumns are the columns whose meaning a person changed.
func changedColumns(form url.Values) map[string]string {
	out := chosenColumns(form)
	for n := range maxHeadings {
		if was := form.Get(fmt.Sprintf("was.%d", n)); was != "" && form.Get(fmt.Sprintf("column.%d", n)) == was {
			delete(out, form.Get(fmt.Sprintf("header.%d", n)))
		}
	}
	return out
}

// takeImport checks a file, or takes it in. Headers that were not understood are
// shown with what they may mean, for the person to say.
func (s *Server) takeImport(c *gin.Context) error {
	ctx := c.Request.Context()
	v := importPage{Dataset: c.PostForm("dataset")}
	if !slices.Contains(intake.Datasets(), v.Dataset) {
		v.Dataset = ""
		return s.showImports(c, fault.Invalid.HTTPStatus(), fault.New(fault.Invalid, "import.dataset", "请选择文件的内容。", "Say what the file holds.", fault.Field{Field: "dataset", Code: "import.dataset", Zh: "未选择", En: "missing"}), v)
	}
	again := func(err error) error {
		switch k := fault.KindOf(err); k {
		case fault.Invalid, fault.NotFound, fault.Unsupported, fault.TooLarge, fault.Conflict:
			gate.NoteError(c, err)
			return s.showImports(c, k.HTTPStatus(), err, v)
		}
		return err
	}
	head, err := c.FormFile("file")
	if err != nil || head.Size == 0 {
		return again(gate.ErrNoFile)
	}
	file, err := head.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	o := intake.Options{DryRun: c.PostForm("act") != "take", Map: changedColumns(c.Request.PostForm)}
	rep, err := s.opt.Intake.Take(ctx, people.Of(ctx).Actor(), v.Dataset, gate.FileName(head.Filename), file, o)
	if err != nil {
		return again(err)
	}
	v.Report = &rep
	return s.showImports(c, http.StatusOK, nil, v)
}

// takePool keeps the pool that a workbook holds and shows how it was tested.
func (s *Server) takePool(c *gin.Context) error {
	ctx := c.Request.Context()
	who := people.Of(ctx)
	body, err := uploaded(c, s.gate.MaxUpload)
	var deal pool.Deal
	if err == nil {
		deal, err = poolfile.ReadBook(bytes.NewReader(body))
	}
	to := "/officer/pools"
	if err == nil {
		rec, _, put := s.opt.Arranger.Create(ctx, who.Institution, who.Name, deal)
		if err = put; err == nil {
			to += "/" + url.PathEscape(rec.ID)
		}
	}
	return s.backTo(c, to, err, s.showPools)
}

func (s *Server) showPools(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	list, next, err := s.opt.Arranger.Pools(ctx, people.Of(ctx).Institution, c.Query("cursor"), queueLines)
	if err != nil {
		return err
	}
	v := tablePage{page: s.newPage(c, "证券化"), Empty: "还没有资产池。导入一份工作簿即可开始。", Head: []string{"名称", "基准日", "专利件数", "状态", "建立"}}
	if p.May("POST /officer/pools") {
		v.Upload = &upload{Action: "/officer/pools", Label: "资产池工作簿（XLSX）", Accept: ".xlsx", Button: "导入资产池", Said: "正在导入并检验，已用"}
	}
	if problem != nil {
		v.Fault = labelled(gate.ProblemOf(c.Request, problem), map[string]string{"file": "文件"})
	}
	for _, x := range list {
		state := "在册"
		if x.Released {
			state = "已解除"
		}
		v.row([]string{"/officer/pools/" + url.PathEscape(x.ID)}, x.Name, x.CutOff.String(), strconv.Itoa(x.Patents), state, x.CreatedBy+"，"+shortTime(x.CreatedAt))
		cells := v.Rows[len(v.Rows)-1].Cells
		cells[0].Data, cells[4].Data = true, true
	}
	if next != "" {
		v.Next = "/officer/pools?cursor=" + url.QueryEscape(next)
	}
	return s.show(c, status, "table", v)
}

func (s *Server) showPool(c *gin.Context) error {
	ctx := c.Request.Context()
	p, err := s.opt.Arranger.Pool(ctx, people.Of(ctx).Institution, c.Param("id"))
	if err != nil {
		return err
	}
	d := p.Deal
	report := d.Test()
	v := poolPage{tablePage: tablePage{page: s.newPage(c, d.Name), Empty: "这个资产池没有资产。", Back: choice{"/officer/pools", "证券化"}, Head: []string{"资产", "债务人", "余额", "到期"}}}
	for _, x := range report.Results {
		t := poolTest{Name: x.Name, Answer: x.Answer.Zh(), Why: x.Why, Missing: strings.Join(x.Missing, "、"), Cite: x.Cite}
		switch x.Answer {
		case pool.Fail:
			t.Tone, v.Failing = "red", v.Failing+1
		case pool.Pass, pool.Waived:
			t.Tone = "accept"
		default:
			t.Tone, v.Open = "yellow", v.Open+1
		}
		v.Tests = append(v.Tests, t)
	}
	v.Lead = fmt.Sprintf("基准日 %s，设立日 %s，债务人 %d 名，资产 %d 笔，专利 %d 件。", d.CutOff, d.Closing, len(d.Obligors), len(d.Assets), len(d.Patents))
	if d.Generated {
		v.Lead += "数据为虚构。"
	}
	for i := range d.Assets[:min(len(d.Assets), 200)] {
		a := &d.Assets[i]
		name := a.Obligor
		if k := slices.IndexFunc(d.Obligors, func(o pool.Obligor) bool { return o.ID == a.Obligor }); k >= 0 {
			name = d.Obligors[k].Name
		}
		v.row(nil, a.ID, name, zhMoney(a.Principal), a.Maturity.String())
		v.Rows[len(v.Rows)-1].Cells[1].Data = true
	}
	return s.show(c, http.StatusOK, "pool", v)
}

var runStates = map[string]string{"running": "进行中", "finished": "已完成", "failed": "未完成", "stopped": "已停止", "interrupted": "已中断"}

func (s *Server) showEvaluations(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	if s.opt.Eval == nil {
		return errEvalOff
	}
	list, err := s.opt.Eval.Runs(ctx, people.Of(ctx).Actor(), queueLines)
	if err != nil {
		return err
	}
	v := evaluationsPage{page: s.newPage(c, "评测"), CanStart: p.May("POST /officer/evaluations")}
	v.Wide = true
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
	}
	if v.CanStart && s.opt.Eval.Files != nil {
		tasks, err := harness.Registry(s.opt.Eval.Files)
		if err != nil {
			return err
		}
		for i := range tasks {
			v.Tasks = append(v.Tasks, choice{tasks[i].Name, v.Say(tasks[i].Title.Zh, tasks[i].Title.En)})
		}
	}
	for i := range list {
		r := &list[i]
		state := runStates[string(r.Status)]
		if state == "" {
			state = "未知"
		}
		l := runLine{ID: r.ID, Started: shortTime(r.Started), What: runTasks(r, v.Say), State: state, Took: "—", Error: r.Error, Running: r.Finished == nil && r.Status == "running"}
		for k := range r.Tasks {
			l.Done, l.Total = l.Done+r.Tasks[k].Done, l.Total+r.Tasks[k].Total
		}
		switch {
		case r.Finished != nil:
			l.Took = r.Finished.Sub(r.Started).Round(time.Second).String()
		case l.Running:
			l.Left = timeLeft(s.gate.Now().Sub(r.Started), l.Done, l.Total)
			v.Refresh = 5
		}
		v.List = append(v.List, l)
	}
	return s.show(c, status, "evaluations", v)
}

func runTasks(r *harness.Run, say func(zh, en string) string) string {
	names := make([]string, 0, len(r.Tasks))
	done, total := 0, 0
	for i := range r.Tasks {
		t := &r.Tasks[i]
		names = append(names, say(t.Task.Title.Zh, t.Task.Title.En))
		done, total = done+t.Done, total+t.Total
	}
	text := strings.Join(names, "、")
	if runes := []rune(text); len(runes) > 80 {
		text = string(runes[:80]) + "…"
	}
	if total > 0 {
		text += fmt.Sprintf("（%d / %d）", done, total)
	}
	if r.Note != "" {
		text += "；" + r.Note
	}
	return text
}
