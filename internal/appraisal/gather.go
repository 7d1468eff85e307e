package appraisal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/patent"
	"zhijia/internal/spaces"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// Deadlines of the gathering steps: a slow step costs its evidence, not the
// answer.
const (
	embedDeadline = 800 * time.Millisecond
	dealsDeadline = 5 * time.Second
)

// gather turns a request into an assignment and everything known about its
// subject before the valuation date.
func (s *Service) gather(ctx context.Context, actor Actor, req *Request, today calendar.Date) (a valuation.Assignment, g *gathering, err error) {
	number, err := req.check(today)
	if err != nil {
		return a, nil, err
	}
	if req.Date.IsZero() {
		req.Date = today
	}
	if req.Purpose == "" {
		req.Purpose = string(terms.PurposeAssignment)
	}
	g = &gathering{Service: s, actor: actor, req: req, asOf: req.Date}
	if g.inForce, err = s.db.InForce(ctx); err != nil {
		return a, nil, err
	}
	if g.under, err = s.assumptions(ctx, g.inForce.Assumptions); err != nil {
		return a, nil, err
	}
	ctx = judge.With(ctx, judge.Permit{Actor: actor, Allow: req.AllowModel}) // for what is no patent's text, e.g. a probe
	if err := g.subjects(ctx, number); err != nil {
		return a, nil, err
	}
	g.startReads(ctx)
	if err := g.legal(); err != nil {
		return a, nil, err
	}
	vector, space := g.vector(ctx)
	if err := g.comparables(ctx, vector, space); err != nil {
		return a, nil, err
	}
	if err := g.indicators(ctx); err != nil {
		return a, nil, err
	}
	g.ev.Unreviewed = append(g.inForce.Unreviewed, g.ev.Unreviewed...)
	g.ev.Income, g.ev.Cost, g.ev.Option, g.ev.SaleChance = req.Income, req.Cost, req.Option, req.SaleChance
	g.ev.Ask, g.ev.Damages = req.Ask, req.Damages
	if err := g.openLicences(ctx); err != nil {
		return a, nil, err
	}
	g.ev.DataCutoff = g.cutoff
	g.ev.Versions = map[string]string{
		"similarity": store.SimilarityVersion,
		"rules":      rulesVersion,
		"space":      g.ev.Retrieval.Space,
	}
	if f := req.MarketFact; f != nil { // who asks proposes; approval is another person's, never the request's own word
		f.ProposedBy, f.ApprovedBy = actor.Name, ""
	}
	a = valuation.Assignment{
		Purpose: terms.Purpose(req.Purpose), Basis: terms.Basis(req.Basis), Premise: terms.Premise(req.Premise),
		ExploitationScenario: req.Scenario, Date: req.Date, Level: req.Level, RightFraction: terms.ValueOr(req.Share, 0),
		LicenceKind: terms.DealKind(req.LicenceKind), LicenceTerm: req.LicenceTerm,
		Owner: terms.OwnerType(g.patents[0].OwnerType), Market: market.Sale(req.Market), MarketFact: req.MarketFact, Encumbered: encumbered(g.states),
	}
	for i := range g.patents {
		a.Subject = append(a.Subject, member(&g.patents[i], g.asOf))
	}
	if f := a.MarketFact; f != nil {
		proposed, approved, err := s.db.Approval(ctx, actor.Institution, store.ProposeMarket, marketSubject(&a))
		if err != nil {
			return a, nil, err
		}
		if approved != "" {
			f.ProposedBy, f.ApprovedBy = proposed, approved
		}
	}
	return a, g, nil
}

// openLicences adds the fees at which the very patent is open to everybody on the day. One that was taken is a
// deal besides, see the declarations' own place.
func (g *gathering) openLicences(ctx context.Context) error {
	if len(g.patents) != 1 || g.patents[0].Number == "" || g.req.Blind {
		return nil
	}
	declared, err := g.db.OpenLicences(ctx, g.actor.Institution, g.patents[0].Number)
	if err != nil {
		return err
	}
	for _, l := range declared {
		fee := l.Total(g.under.Market.LicenceDiscount.Value)
		if fee <= 0 || !l.Declared.Before(g.asOf) || !l.Withdrawn.IsZero() && l.Withdrawn.Before(g.asOf) {
			continue
		}
		g.ev.Open = append(g.ev.Open, valuation.OpenLicence{Number: l.Number, Declared: l.Declared, Fee: fee, Years: l.Years, Source: l.Source})
		g.consulted(l.Declared)
	}
	return nil
}

// marketLabel is what is proposed when a valuation is asked for in a market
// above private: these patents, that market, on that fact.
func marketLabel(a *valuation.Assignment) map[string]any {
	patents := make([]string, len(a.Subject))
	for i := range a.Subject {
		if patents[i] = a.Subject[i].Number; patents[i] == "" {
			patents[i] = a.Subject[i].Title
		}
	}
	return map[string]any{"patents": patents, "market": a.Market, "kind": a.MarketFact.Kind, "date": a.MarketFact.Date, "document": a.MarketFact.Document}
}

// marketSubject names a label: the same patents, market and fact are the same
// label, whoever asks and for whatever day.
func marketSubject(a *valuation.Assignment) string {
	body, err := json.Marshal(marketLabel(a))
	if err != nil {
		panic(err) // strings and a date
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16])
}

// gathering is the evidence of one request while it is being collected.
type gathering struct {
	*Service
	actor   Actor
	req     *Request
	asOf    calendar.Date
	inForce store.InForce
	under   *hashed        // the assumptions in force
	stored  store.Patent   // the subject as the store has it
	patents []store.Patent // the subject, then the rest of the bundle
	states  []patent.State // of the same patents, before asOf
	ev      valuation.Evidence
	cutoff  calendar.Date
	pending bool // the model has not read the subject yet

	events func() (map[string][]patent.Event, error)
	cohort func() (store.Cohort, error)
}

// startReads starts the look-ups that wait for nothing but the subject.
func (g *gathering) startReads(ctx context.Context) {
	numbers := make([]string, len(g.patents))
	for i := range g.patents {
		numbers[i] = g.patents[i].Number
	}
	g.events = ahead(func() (map[string][]patent.Event, error) { return g.db.Events(ctx, numbers) })
	g.cohort = func() (store.Cohort, error) { return store.Cohort{}, nil }
	if ipc := g.patents[0].IPC; len(ipc) > 0 && len(ipc[0]) >= 4 {
		g.cohort = ahead(func() (store.Cohort, error) { return g.db.Cohort(ctx, ipc[0][:4], g.asOf) })
	}
}

// ahead starts f at once and returns its answer when asked for it.
func ahead[T any](f func() (T, error)) func() (T, error) {
	once := sync.OnceValues(f)
	go func() { _, _ = once() }() // the caller gets the same answer
	return once
}

func (g *gathering) warn(code, zh, en string) {
	g.ev.Warnings = append(g.ev.Warnings, terms.Note{Code: code, Zh: zh, En: en})
}

func (g *gathering) missing(code, zh, en, next string) {
	g.ev.Missing = append(g.ev.Missing, terms.Note{Code: code, Zh: zh, En: en, Next: next})
}

// consulted moves the data cut-off to the latest record used.
func (g *gathering) consulted(d calendar.Date) {
	if d.Before(g.asOf) && d.After(g.cutoff) {
		g.cutoff = d
	}
}

// subjects resolves the numbers against the store and completes them from the
// request.
func (g *gathering) subjects(ctx context.Context, number *patent.Number) error {
	p := store.Patent{Source: "request"}
	if number != nil {
		stored, err := g.db.Patent(ctx, string(number.Key()))
		switch {
		case err == nil:
			p = stored
		case fault.KindOf(err) == fault.NotFound && g.req.Text != nil:
			p.Number = string(number.Key())
			g.warn("SUBJECT-NOT-STORED", "专利不在库中，仅按请求所给内容估值。", "The patent is not in the store; it is valued from what the request gives.")
		case fault.KindOf(err) == fault.NotFound:
			p.Number = string(number.Key())
			g.byNumber(*number)
		default:
			return err
		}
		if number.NamesApplication() && !p.Filing.IsZero() && p.Filing.Year != number.Year {
			g.warn("FILING-YEAR", "申请日与申请号中的年份不一致，请核对。", "The filing date contradicts the year in the application number.")
		}
	}
	g.stored = p
	g.complete(&p)
	if number != nil {
		g.fromNumber(&p, *number)
	}
	g.patents = []store.Patent{p}
	seen := map[string]bool{p.Number: true}
	for _, text := range g.req.Bundle {
		n, err := patent.ParseNumber(text)
		if err != nil {
			return err
		}
		if seen[string(n.Key())] {
			g.warn("BUNDLE-DUPLICATE", "组合中重复的专利只计一次："+n.String()+"。", "A patent named twice in the bundle counts once: "+n.String()+".")
			continue
		}
		seen[string(n.Key())] = true
		stored, err := g.db.Patent(ctx, string(n.Key()))
		if fault.KindOf(err) == fault.NotFound {
			stored, err = store.Patent{Source: "request", Number: string(n.Key())}, nil
			g.byNumber(n)
		}
		if err != nil {
			return err
		}
		g.fromNumber(&stored, n)
		g.patents = append(g.patents, stored)
	}
	for i := range g.patents {
		p := &g.patents[i]
		if market.Contradicts(p.OwnerType, p.Owners) {
			return fault.New(fault.Invalid, "owner.contradiction", "权利人类型与名称不符："+strings.Join(p.Owners, "、")+"。请核对后重新提交。", "The type of the owner contradicts the names: "+strings.Join(p.Owners, ", ")+".")
		}
		if p.OwnerType == "" {
			p.OwnerType = market.OwnersOf(p.Owners)
		}
		if p.Kind == "" {
			// An unknown kind is valued as the cheaper one: telling a worse fact must never pay.
			p.Kind = string(patent.UtilityModel)
			g.missing("KIND", "未说明专利类型，暂按实用新型处理。", "The kind of patent is not stated; it is valued as a utility model, the cheaper one.", "说明是发明、实用新型还是外观设计")
		}
		if !p.Published.IsZero() && !p.Published.Before(g.asOf) {
			g.warn("NOT-PUBLIC", "估值基准日前该专利尚未公开，文本不作为公开信息。", "The patent was not public before the valuation date.")
		}
	}
	return nil
}

// byNumber says that of a patent nothing is known but its number.
func (g *gathering) byNumber(n patent.Number) {
	zh, en := "类型", "the kind that its number shows"
	if n.NamesApplication() && !n.PCT {
		zh, en = "类型和申请年份", "the kind and the filing year that its number shows"
	}
	g.missing("TEXT", "库中没有 "+n.String()+"，仅按号码所示的"+zh+"估值，区间较宽。", n.String()+" is not in the store; it is valued from "+en+", in a wide range.", "导入该专利，或在请求中提供题名、摘要、权利要求和分类号")
}

// fromNumber fills what the number itself says: the kind, and the year of filing where no filing date is known. The first
// of January is the day that leaves the shortest life. The number of an international application names the year it entered
// the office, which says nothing of when its term began.
func (g *gathering) fromNumber(p *store.Patent, n patent.Number) {
	if p.Kind == "" {
		p.Kind = string(n.Kind)
	}
	if !n.NamesApplication() || !p.Filing.IsZero() || n.PCT {
		return
	}
	p.Filing = calendar.New(n.Year, time.January, 1)
	if p.Grant.IsZero() || p.Filing.Before(p.Grant) {
		g.missing("FILING-DATE", n.String()+" 的申请日不明，按申请号年份的 1 月 1 日计，剩余期限取最短。", "The filing date of "+n.String()+" is not known: the first day of the year of its number is taken, which leaves the shortest life.", "提供申请日")
	}
}

// complete fills from the request what the store does not know. The store
// wins where both speak; a contradiction is flagged.
func (g *gathering) complete(p *store.Patent) {
	differs := func(field string) {
		g.warn("CONFLICT-"+field, "请求内容与库中记录不一致，以库中记录为准："+field+"。", "The request contradicts the store, which was followed: "+field+".")
	}
	text := func(field string, dst *string, given string) {
		switch {
		case given == "":
		case *dst == "":
			*dst = given
		case *dst != given:
			differs(field)
		}
	}
	date := func(field string, dst *calendar.Date, given calendar.Date) {
		switch {
		case given.IsZero():
		case dst.IsZero():
			*dst = given
		case *dst != given:
			differs(field)
		}
	}
	count := func(field string, dst **int, given *int) {
		switch {
		case given == nil:
		case *dst == nil:
			*dst = given
		case **dst != *given:
			differs(field)
		}
	}
	if t := g.req.Text; t != nil {
		text("title", &p.Title, t.Title)
		text("abstract", &p.Abstract, t.Abstract)
		text("claims", &p.Claims, t.Claims)
		text("description", &p.Description, t.Description)
	}
	if f := g.req.Patent; f != nil {
		text("kind", &p.Kind, f.Kind)
		text("owner_type", &p.OwnerType, f.OwnerType)
		date("filing_date", &p.Filing, f.Filing)
		date("grant_date", &p.Grant, f.Grant)
		date("publication_date", &p.Published, f.Published)
		count("claims", &p.ClaimCount, f.Claims)
		count("family", &p.FamilySize, f.Family)
		count("inventors", &p.Inventors, f.Inventors)
		count("cited_by", &p.CitedBy, f.CitedBy)
		if len(p.IPC) == 0 {
			for _, s := range f.IPC {
				if c, err := patent.ParseIPC(s); err == nil {
					p.IPC = append(p.IPC, c.String())
				}
			}
		}
		switch {
		case len(p.Owners) > 0:
		case market.Contradicts(g.stored.OwnerType, f.Owners):
			differs("owners")
		default:
			p.Owners = f.Owners
		}
	}
}

// legal states the standing of each patent as public before T. Silence is
// "unknown".
func (g *gathering) legal() error {
	events, err := g.events()
	if err != nil {
		return err
	}
	for i := range g.patents {
		p := &g.patents[i]
		s := patent.Reduce(events[p.Number], g.asOf.AddDays(-1))
		g.states = append(g.states, s)
		g.consulted(s.LastSeen)
		state := valuation.LegalState{Number: p.Number, State: valuation.StateUnknown, AsOf: s.LastSeen, Source: "gazette events on file"}
		switch s.Standing {
		case patent.Alive:
			state.State, state.Since = valuation.Alive, s.Since
		case patent.Dead:
			state.State, state.Reason, state.Since = valuation.Dead, s.Reason, s.Since
		case patent.Pending:
			g.warn("PENDING", "尚未授权，权利能否成立未定。", "Not granted yet; whether the right will stand is open.")
		}
		expiry := patent.Expiry(patent.Kind(p.Kind), p.Filing, p.AddedBy(g.asOf))
		if !expiry.IsZero() && !g.asOf.Before(expiry) && state.State != valuation.Dead {
			state.State, state.Reason, state.Since = valuation.Dead, "expired", expiry
			state.Source = "term from the filing date"
		}
		if state.State == valuation.StateUnknown {
			if state.AsOf.IsZero() {
				state.AsOf, state.Source = p.SourceDate, p.Source
			}
		}
		for _, c := range s.Conflicts {
			g.warn("LEGAL-CONFLICT", "法律状态记录相互矛盾，请核对登记簿："+c, "The legal events on file contradict each other; check the register.")
		}
		if !s.LastSeen.IsZero() && s.LastSeen.DaysUntil(g.asOf) > staleAfter {
			g.warn("LEGAL-STALE", fmt.Sprintf("最近一条法律状态公告距基准日已 %d 天，请更新。", s.LastSeen.DaysUntil(g.asOf)), "The latest legal event on file is old; update the register.")
		}
		if i == 0 && g.req.Patent != nil {
			state.Contested = g.req.Patent.DeclaredInvalid
		}
		if len(s.Owners) > 0 {
			p.Owners = s.Owners
		}
		g.ev.Legal = append(g.ev.Legal, state)
	}
	g.ev.Fees = feeFacts(&g.patents[0], g.asOf)
	return nil
}

// feeFacts are the annual fees known paid before a day: a year stated paid
// counts once it has begun, so no later payment is seen.
func feeFacts(p *store.Patent, asOf calendar.Date) *income.FeeFacts {
	year := patent.PatentYear(p.Filing, asOf.AddDays(-1))
	if p.PaidThroughYear == nil || year == 0 {
		return nil
	}
	account := patent.FeeAccount{Kind: patent.Kind(p.Kind), Filing: p.Filing, Granted: p.Grant, PaidThrough: p.PaidThroughYear, Added: p.AddedBy(asOf)}
	facts := &income.FeeFacts{PaidThrough: min(*p.PaidThroughYear, year)}
	for _, fee := range account.Schedule() {
		facts.Schedule = append(facts.Schedule, fee.Yuan())
	}
	return facts
}

// staleAfter is the age, in days, from which the latest event on file is
// pointed out as old.
const staleAfter = 365

// vector returns the subject's vector and its space; nil when there is no
// text or the embedder did not answer in time.
func (g *gathering) vector(ctx context.Context) ([]float32, *spaces.Space) {
	ctx, cancel := context.WithTimeout(ctx, embedDeadline)
	defer cancel()
	space, err := g.spaces.Numbered(ctx, g.inForce.Space)
	if fault.KindOf(err) == fault.Forbidden && err != nil {
		g.keptText()
		return nil, nil
	}
	if err != nil {
		g.log.WarnContext(ctx, "no embedding space", "err", err)
		pub := fault.Public(err)
		g.warn("EMBEDDER-OFF", "文本向量服务不可用，可比案例仅按分类号与字面相似检索。"+pub.Zh, "The embedder is not available; comparables are found by class and wording only. "+pub.En)
		return nil, nil
	}
	var sum []float32
	for i := range g.patents {
		p := &g.patents[i]
		var v []float32
		if p.ID != 0 {
			v, err = g.db.PatentVector(ctx, space.ID, p.ID)
		}
		if err == nil && v == nil {
			var ok bool
			if v, ok, err = g.embed(ctx, space, p); err == nil && !ok {
				g.keptText()
				return nil, space
			}
		}
		if err != nil {
			g.log.WarnContext(ctx, "embedding failed", "err", err)
			pub := fault.Public(err)
			g.warn("EMBEDDER-OFF", "文本向量服务没有应答，可比案例仅按分类号与字面相似检索。"+pub.Zh, "The embedder did not answer; comparables are found by class and wording only. "+pub.En)
			return nil, space
		}
		if sum == nil {
			sum = append(sum, v...)
			continue
		}
		for j := range sum {
			sum[j] += v[j]
		}
	}
	return spaces.Unit(sum), space
}

func (g *gathering) keptText() {
	g.warn("TEXT-KEPT", "文本未获准外发，未送向量服务，可比案例仅按分类号与字面相似检索。", "The text may not leave this system; comparables are found by class and wording only.")
}

// embed embeds a text in a space unless the space is an endpoint's and the
// text may not leave for it: then ok is false.
func (g *gathering) embed(ctx context.Context, space *spaces.Space, p *store.Patent) (v []float32, ok bool, err error) {
	permit := g.permit(p)
	if space.FromEndpoint() {
		if ok, err := judge.MayLeave(ctx, g.db, permit); err != nil || !ok {
			return nil, false, err
		}
	}
	v, err = space.EmbedOne(judge.With(ctx, permit), p.Text())
	return v, true, err
}

func (g *gathering) comparables(ctx context.Context, vector []float32, space *spaces.Space) error {
	ctx, cancel := context.WithTimeout(ctx, dealsDeadline)
	defer cancel()
	subject := &g.patents[0]
	q := store.ComparableQuery{
		Before: g.asOf, Vector: vector, Text: subject.Text(), IPC: subject.IPC, Kind: patent.Kind(subject.Kind), Blind: g.req.Blind,
	}
	if space != nil {
		q.Space = space.ID
	}
	for i := range g.patents {
		p := &g.patents[i]
		q.Numbers = append(q.Numbers, p.Number)
		if p.FamilyID != "" {
			q.Family = append(q.Family, p.FamilyID)
		}
		if i > 0 {
			q.IPC = append(q.IPC, p.IPC...)
		}
	}
	if len(q.IPC) == 0 {
		for _, c := range embed.ToSearch(subject.Text()) {
			q.Proposed = append(q.Proposed, valuation.ProposedClass{Subclass: c.Subclass, Probability: math.Round(1e4*c.Probability) / 1e4})
		}
	}
	found, err := g.db.Comparables(ctx, q)
	if err != nil {
		return err
	}
	own := func(c *valuation.Comparable) bool { return q.Blind && overlaps(c, &q) }
	ref, last, err := g.ledger(ctx, g.actor.Institution, g.inForce.Deals, g.asOf, g.under, own)
	if err != nil {
		return err
	}
	g.consulted(last)
	found.Retrieval.Considered, g.ev.Ledger = ref.Deals, ref
	g.ev.Comparables, g.ev.Excluded, g.ev.Retrieval = found.Admitted, found.Excluded, found.Retrieval
	if space != nil && vector != nil {
		g.ev.Retrieval.Space = space.Space.String()
	}
	if len(subject.IPC) == 0 {
		zh, en := "缺少 IPC 分类号，可比案例检索范围放宽至全部领域。", "Without an IPC symbol the search for comparables covers every field."
		switch c := embed.Suggest(subject.Text(), nil, 1).Classes; {
		case len(q.Proposed) > 0:
			zh = fmt.Sprintf("缺少 IPC 分类号，可比案例按文本推定的分类检索：%s。请核对。", proposedText(q.Proposed, "、"))
			en = fmt.Sprintf("There is no IPC symbol; comparables are sought by the class proposed from text: %s. Please check it.", proposedText(q.Proposed, "; "))
		case len(c) > 0:
			zh += fmt.Sprintf("按文本推定的分类 %s，p = %.2f，把握不足，未用于检索，请核对。", c[0].Subclass, c[0].Probability)
			en += fmt.Sprintf(" Class proposed from text: %s, p = %.2f; that is too unsure, and it was not used. Please check it.", c[0].Subclass, c[0].Probability)
		}
		g.missing("IPC", zh, en, "补充主 IPC 分类号")
	}
	if x := embed.Shipped().Contradicts(subject.Text(), subject.IPC); x != nil {
		stated := strings.Join(embed.Subclasses(subject.IPC), "、")
		g.warn("IPC-CONTRADICTED", fmt.Sprintf("所述分类号 %s 与文本明显不符：文本推定的分类为 %s，p = %.2f，所述大类合计 p = %.2f。请核对分类号与文本是否属于同一专利。", stated, x.Proposed.Subclass, x.Proposed.Probability, x.Stated),
			fmt.Sprintf("The stated symbol %s contradicts the text: class proposed from text %s, p = %.2f; the stated classes have p = %.2f together. Check whether symbol and text are of one patent.", stated, x.Proposed.Subclass, x.Proposed.Probability, x.Stated))
	}
	return nil
}

// proposedText names the proposed classes, at most three of them.
func proposedText(classes []valuation.ProposedClass, between string) string {
	var out []string
	for _, c := range classes[:min(3, len(classes))] {
		out = append(out, fmt.Sprintf("%s，p = %.2f", c.Subclass, c.Probability))
	}
	text := strings.Join(out, between)
	if between == "; " {
		text = strings.ReplaceAll(text, "，", ", ")
	}
	return text
}

// indicators scores what rules can, then what the judge may read.
func (g *gathering) indicators(ctx context.Context) error {
	p := &g.patents[0]
	facts := ruleFacts{patent: member(p, g.asOf), asOf: g.asOf}
	if s := &g.states[0]; s.Standing == patent.Alive || s.Standing == patent.Dead {
		facts.legalKnown = true
		facts.pledged, facts.preserved, facts.challenged = truth(s.Pledged), truth(s.Preserved), truth(s.Challenged)
		licensed, coOwned := len(s.Licences) > 0, len(p.Owners) > 1
		facts.licensed, facts.coOwned = &licensed, &coOwned
		facts.transfers, facts.licences = s.Transfers, len(s.Licences)
		facts.partlyVoid, facts.survived = s.PartlyVoid, s.Survived
	}
	c, err := g.cohort()
	if err != nil {
		return err
	}
	facts.cohort = cohort{c.Recent, c.Prior, c.Owners}
	scores := scoreRules(facts)
	for _, o := range g.req.Scores {
		score := o.Score
		scores = append(scores, terms.IndicatorScore{
			Code: o.Code, Score: &score, Evaluator: terms.ByOfficer, Reason: o.Reason, Version: g.actor.Name, AsOf: g.asOf,
		})
	}
	switch {
	case g.judge == nil:
		g.warn("MODEL-OFF", "未启用模型评分，相关指标未知，区间相应放宽。", "Model scoring is off; its indicators are unknown and the range is wider.")
	case patent.Kind(p.Kind) == patent.Design: // no value is given on one: nothing to pay a model for
	default:
		judged := g.judge.Judge(ctx, g.subject(p))
		scores = append(scores, judged.Scores...)
		g.ev.Warnings = append(g.ev.Warnings, judged.Notes...)
		g.ev.ModelUse, g.pending = judged.Use, judged.Pending
		if judged.Unreviewed {
			g.ev.Unreviewed = append(g.ev.Unreviewed, "rubric")
		}
	}
	switch x, err := g.impact(ctx, p); {
	case err != nil:
		return err
	case x != nil:
		scores = append(scores, *x)
	}
	g.ev.Indicators = scores
	return nil
}

// subject is what a judge may read of a patent.
func (g *gathering) subject(p *store.Patent) judge.Subject {
	s := judge.Subject{
		Text:   judge.Text{Number: p.Number, Title: p.Title, Abstract: p.Abstract, Claims: p.Claims, Description: p.Description},
		Permit: g.permit(p), Wait: g.req.Wait, AsOf: g.asOf,
	}
	if g.req.Text != nil {
		s.Examination = g.req.Text.Examination
	}
	return s
}

// permit is what was said about a text's leaving.
func (g *gathering) permit(p *store.Patent) judge.Permit {
	return judge.Permit{Actor: g.actor, Allow: g.req.AllowModel, Unpublished: p.Unpublished()}
}

func truth(t patent.Truth) *bool {
	switch t {
	case patent.Yes, patent.No:
		yes := t == patent.Yes
		return &yes
	}
	return nil
}

// encumbered reports a pledge, a preservation or an exclusive licence on any
// of the patents; nil when the events on file do not say.
func encumbered(states []patent.State) *bool {
	said := false
	for i := range states {
		s := &states[i]
		exclusive := slices.ContainsFunc(s.Licences, func(c patent.Claim) bool { return strings.Contains(c.Kind, "独占") })
		if s.Pledged == patent.Yes || s.Preserved == patent.Yes || exclusive {
			return truth(patent.Yes)
		}
		said = said || s.Pledged == patent.No
	}
	if said {
		return truth(patent.No)
	}
	return nil
}

// member maps a stored patent to what the valuation knows of it before a day.
func member(p *store.Patent, asOf calendar.Date) terms.Patent {
	m := terms.Patent{
		Number: p.Number, Kind: patent.Kind(p.Kind), Title: p.Title, IPC: p.IPC,
		Filing: p.Filing, Grant: p.Grant, Expiry: patent.Expiry(patent.Kind(p.Kind), p.Filing, p.AddedBy(asOf)),
		Claims: p.ClaimCount, Family: p.FamilySize, Inventors: p.Inventors, CitedBy: p.CitedBy, FamilyID: p.FamilyID,
	}
	if n := len(p.Owners); n > 0 {
		m.Assignees = &n
	}
	if n := subclasses(p.IPC); n > 0 {
		m.Subclasses = &n
	}
	if text := p.Text(); text != "" {
		m.TextHash = hex.EncodeToString(store.TextHash(text))
	}
	return m
}

// Comparables searches the priced deals for a text or a stored patent without
// valuing it.
func (s *Service) Comparables(ctx context.Context, actor Actor, req Request) (_ store.Comparables, err error) {
	defer fault.Wrap(&err, "appraisal.Comparables")
	ctx, read := s.db.OnReplica(store.As(ctx, actor.Institution))
	_, g, err := s.gather(ctx, actor, &req, calendar.InChina(s.now()))
	if err != nil {
		return store.Comparables{}, err
	}
	return store.Comparables{Admitted: g.ev.Comparables, Excluded: g.ev.Excluded, Retrieval: g.ev.Retrieval, Read: read}, nil
}
