package connect

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// xmlRecords are the elements that hold what is read, and how.
var xmlRecords = map[string]func(*node) ([]Record, error){
	"PRSRecord":                prsRecord,
	"PatentDocumentAndRelated": cnipaDocument,
	"exchange-document":        one(exchangeDocument),
	"patent-family":            patentFamily,
	"fulltext-document":        one(fulltextDocument),
}

func one(f func(*node) (Record, error)) func(*node) ([]Record, error) {
	return func(n *node) ([]Record, error) {
		r, err := f(n)
		if err != nil {
			return nil, err
		}
		return []Record{r}, nil
	}
}

func noNumber() error {
	return fault.New(fault.Invalid, "record.number", "记录中没有可识别的申请号或公开号。", "The record names no application or publication that is recognised.")
}

// prsRecord reads one legal event of the office's package. The number is told
// twice, in either order: the original has the check digit.
func prsRecord(n *node) ([]Record, error) {
	r := Record{Source: "cnipa_prs"}
	if err := r.reference(n.all("ApplicationReference")); err != nil {
		return nil, err
	}
	for _, ref := range n.all("ApplicationReference") {
		if d := day(ref.first("Date").words()); r.Filing.IsZero() {
			r.Filing = d
		}
	}
	code, wording := n.to("PRSCode").words(), cmp.Or(n.to("PRSValue").words(), n.to("PRSInformation").words())
	means, known := Code(code)
	if by, ok := Wording(wording); ok && (!known || means == "" || means == "CE01" || means == "C32") {
		means, known = by, true
	}
	if !known {
		return nil, fault.New(fault.Invalid, "event.unknown", "未识别的法律状态代码："+clip(code, 20)+" "+clip(wording, 60)+"。", "An unknown code of a legal event: "+clip(code, 20)+".")
	}
	if means == "" {
		r.note("%s %s", code, clip(wording, 80))
	} else {
		e := patent.Event{Code: means, Gazette: day(n.to("PRSPublicationDate").words())}
		_, ps := pairs(n.to("PRSInformation").words())
		told(&e, ps)
		r.add(e)
	}
	r.AsOf = day(n.to("PRSPublicationDate").words())
	r.end()
	return []Record{r}, nil
}

// reference takes the number of an application from its references.
func (r *Record) reference(refs []*node) error {
	slices.SortStableFunc(refs, func(a, b *node) int { // the original first
		rank := func(n *node) int {
			if f := n.get("dataFormat"); f == "original" {
				return 0
			}
			return 1
		}
		return cmp.Compare(rank(a), rank(b))
	})
	var failed error
	for _, ref := range refs {
		number := ref.first("DocNumber").words()
		if number == "" {
			continue
		}
		if !strings.HasPrefix(number, "CN") {
			number = "CN" + number
		}
		if failed = r.number(number); failed == nil {
			return nil
		}
	}
	if failed != nil {
		return failed
	}
	return noNumber()
}

// cnipaDocument reads the office's document: of a design its parts have names of
// their own.
func cnipaDocument(n *node) ([]Record, error) {
	r := Record{Source: "cnipa_document"}
	bib := n.to("BibliographicData")
	if bib == nil {
		bib = n.to("DesignBibliographicData")
	}
	if err := r.reference(bib.deep("ApplicationReference")); err != nil {
		return nil, err
	}
	kind, number := n.get("kind"), n.get("docNumber")
	if p, err := patent.ParseNumber("CN" + number + kind); err == nil && number != "" {
		r.names(p)
	}
	r.Filing = day(bib.first("ApplicationReference").first("Date").words())
	r.dated(kind, day(n.get("datePublication")))
	for _, d := range bib.deep("RelatedPublicationDoc") {
		if p, err := patent.ParseNumber(d.first("DocNumber").words()); err == nil && strings.HasPrefix(p.Code, "A") {
			r.Published = day(d.first("Date").words())
		}
	}
	for _, t := range append(bib.deep("InventionTitle"), bib.deep("DesignTitle")...) {
		r.Title = cmp.Or(r.Title, t.words())
	}
	for _, c := range append(bib.deep("ClassificationIPCR"), bib.deep("ClassificationIPC")...) {
		r.class(c.to("Text").words())
	}
	for _, c := range append(bib.deep("ClassificationLocarno"), bib.deep("LocarnoClassification")...) {
		r.Locarno = append(r.Locarno, locarnoOf(c.words())...)
	}
	names := func(of string) (out []string) {
		for _, x := range bib.deep(of) {
			if s := tidyName(x.first("Name").words()); s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	r.Applicants, r.Owners = names("Applicant"), names("Assignee")
	if k := len(names("Inventor")); k > 0 {
		r.Inventors = &k
	}
	r.Abstract = clip(n.to("Abstract").words(), 20_000)
	var claims []string
	independent := 0
	for _, c := range n.to("Claims").all("Claim") {
		if text := c.words(); text != "" {
			claims = append(claims, text)
			if !dependent.MatchString(text) {
				independent++
			}
		}
	}
	r.claimed(claims, independent)
	r.AsOf = day(n.get("datePublication"))
	r.end()
	return []Record{r}, nil
}

// dependent is how a claim begins that rests on another.
var dependent = regexp.MustCompile(`^\s*(?:\d+\s*[.、．]\s*)?(?:(?:根据|如|按照|依据|一种(?:如|根据|采用|使用|利用)).{0,12}权利要求|.{0,60}?\b(?:of|to|in|with|by) (?:any (?:one )?of )?claims? \d)`)

func (r *Record) claimed(claims []string, independent int) {
	if len(claims) == 0 {
		return
	}
	k := len(claims)
	r.ClaimCount = &k
	if independent > 0 && patent.Han(claims[0]) { // of other languages the rule above is not sure
		r.Independent = &independent
	}
	if text := strings.Join(claims, "\n"); len(text) <= 400_000 {
		r.Claims = text
	}
}

// class takes a symbol of the IPC as printed; what is none is noted.
func (r *Record) class(text string) {
	if text == "" {
		return
	}
	if r.Kind == "design" && locarnoClass.MatchString(text) {
		r.Locarno = append(r.Locarno, locarnoOf(text)...)
		return
	}
	c, err := patent.ParseIPC(ipcTail.ReplaceAllString(strings.Join(strings.Fields(text), " "), ""))
	if err != nil {
		r.note("分类号未识别：%s", clip(text, 60))
		return
	}
	if s := c.String(); !slices.Contains(r.IPC, s) {
		r.IPC = append(r.IPC, s)
	}
}

// ipcTail are the letters that OPS puts behind a symbol: level, position, value,
// and the office and day of it.
var ipcTail = regexp.MustCompile(`(?: +[A-Z]{1,2}| +\d{8}[A-Z0-9 ]*)+$`)

func documentIDs(refs []*node) map[string]*node {
	out := map[string]*node{}
	for _, ref := range refs {
		for _, id := range ref.all("document-id") {
			kind := cmp.Or(id.get("document-id-type"), ref.get("data-format"), "docdb")
			if out[kind] == nil {
				out[kind] = id
			}
		}
	}
	return out
}

// identify takes publication and application of DOCDB.
func (r *Record) identify(publication, application map[string]*node) (kind string, err error) {
	if id := publication["docdb"]; id != nil {
		kind = id.to("kind").words()
		if p, err := patent.ParseNumber(id.to("country").words() + id.to("doc-number").words() + kind); err == nil {
			r.Publication = string(p.Key())
			r.Kind = string(p.Kind)
		}
		r.dated(kind, day(id.to("date").words()))
	}
	for _, form := range []string{"docdb", "original", "epodoc"} {
		id := application[form]
		if id == nil {
			continue
		}
		text := id.to("doc-number").words()
		if form != "epodoc" {
			text = cmp.Or(id.to("country").words(), country(r.Publication)) + text
		}
		if n, e := patent.ParseNumber(text); e == nil && n.NamesApplication() {
			r.names(n)
			break
		}
	}
	for _, form := range []string{"docdb", "epodoc", "original"} {
		r.Filing = cmp.Or(r.Filing, day(application[form].to("date").words()))
	}
	if r.Number = cmp.Or(r.Number, r.Publication); r.Number == "" {
		return kind, noNumber()
	}
	return kind, nil
}

func country(key string) string {
	if len(key) >= 2 {
		return key[:2]
	}
	return ""
}

// exchangeDocument reads the bibliographic data of OPS and of DOCDB.
func exchangeDocument(n *node) (Record, error) {
	r := Record{Source: "epo_docdb"}
	if n.get("status") == "not found" {
		return r, fault.New(fault.NotFound, "source.not_found", "EPO 没有该文献："+n.get("country")+n.get("doc-number")+n.get("kind")+"。", "The EPO does not have the document "+n.get("country")+n.get("doc-number")+n.get("kind")+".")
	}
	bib := n.to("bibliographic-data")
	if _, err := r.identify(documentIDs(bib.all("publication-reference")), documentIDs(bib.all("application-reference"))); err != nil {
		return r, err
	}
	r.FamilyID = n.get("family-id")
	for _, c := range append(bib.to("classifications-ipcr").all("classification-ipcr"), bib.to("classification-ipc").all("text")...) {
		r.class(cmp.Or(c.to("text").words(), c.words()))
	}
	for _, t := range bib.all("invention-title") {
		r.titled(t.get("lang"), t.words())
	}
	r.Applicants = parties(bib.to("parties", "applicants"), "applicant", "applicant-name")
	if k := len(parties(bib.to("parties", "inventors"), "inventor", "inventor-name")); k > 0 {
		r.Inventors = &k
	}
	for _, a := range n.all("abstract") {
		if text := clip(a.words(), 20_000); r.Abstract == "" || a.get("lang") == "zh" || a.get("lang") == "ol" {
			r.Abstract = text
		}
	}
	if bib.to("references-cited") != nil {
		k := len(bib.to("references-cited").all("citation"))
		r.Cites = &k
	}
	r.divisional(bib.to("priority-claims").all("priority-claim"))
	r.end()
	return r, nil
}

// titled takes a title by its language: the original or Chinese one is the
// title, the English one its translation.
func (r *Record) titled(lang, text string) {
	switch strings.ToLower(lang) {
	case "zh", "ol", "cn", "chi":
		r.Title = text
	case "en", "eng":
		r.TitleEn = text
	}
	if r.Title == "" || !patent.Han(r.Title) && patent.Han(text) {
		r.Title = text
	}
}

// parties prefers the names as printed; the lists of the two forms need not
// match. Where only one script is there, it is that.
func parties(list *node, item, name string) (out []string) {
	byForm := map[string][]string{}
	for _, x := range list.all(item) {
		if s := tidyName(x.to(name, "name").words()); s != "" {
			f := x.get("data-format")
			byForm[f] = append(byForm[f], s)
		}
	}
	for _, f := range []string{"original", "docdba", "", "docdb", "epodoc"} {
		if len(byForm[f]) > 0 {
			return byForm[f]
		}
	}
	return nil
}

// divisional notes the parent of an application that is numbered in its own
// year and has the parent's day.
func (r *Record) divisional(claims []*node) {
	own, err := patent.ParseNumber(r.Number)
	if err != nil || !own.NamesApplication() || r.Filing.IsZero() || own.Year <= r.Filing.Year {
		return
	}
	for _, c := range claims {
		for _, id := range c.all("document-id") {
			n, err := patent.ParseNumber(cmp.Or(id.to("country").words(), "CN") + strings.TrimPrefix(id.to("doc-number").words(), "CN"))
			if err == nil && n.NamesApplication() && n.Office == "CN" && string(n.Key()) != r.Number && n.Year <= r.Filing.Year {
				r.Parent = string(n.Key())
				return
			}
		}
	}
	r.note("申请号的年份%d晚于申请日%s：应为分案申请，原案未载明", own.Year, r.Filing)
}

// patentFamily reads a family with its legal events: one record for each Chinese
// publication. How large the family is goes by applications.
func patentFamily(n *node) ([]Record, error) {
	var out []Record
	applications, publications := map[string]bool{}, []string{}
	members := n.all("family-member")
	for _, m := range members {
		ref := m.to("application-reference")
		applications[cmp.Or(ref.get("doc-id"), ref.words())] = true
		if id := documentIDs(m.all("publication-reference"))["docdb"]; id != nil {
			if p, err := patent.ParseNumber(id.to("country").words() + id.to("doc-number").words() + id.to("kind").words()); err == nil {
				publications = append(publications, string(p.Key()))
			}
		}
	}
	slices.Sort(publications)
	publications = slices.Compact(publications)
	truncated := strings.EqualFold(n.get("truncatedFamily"), "true") || strings.EqualFold(n.get("truncatedFamily"), "yes")
	for _, m := range members {
		r := Record{Source: "epo_docdb", FamilyID: m.get("family-id")}
		publication := documentIDs(m.all("publication-reference"))
		if c := publication["docdb"].to("country").words(); c != "CN" {
			continue
		}
		if _, err := r.identify(publication, documentIDs(m.all("application-reference"))); err != nil {
			return out, err
		}
		if truncated {
			r.note("同族过大，来源只给出其中一部分（%d 件），未计同族数", len(members))
		} else if k := len(applications); k > 0 {
			r.FamilySize, r.Family = &k, publications
		}
		r.divisional(m.all("priority-claim"))
		for _, l := range m.all("legal") {
			r.legal(l)
		}
		r.end()
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.NotFound, "source.not_found", "同族中没有中国专利。", "The family has no Chinese patent.")
	}
	return out, nil
}

// legal takes an event of INPADOC. Its code is padded; its sign says nothing
// about a lender's risk and is not read.
func (r *Record) legal(l *node) {
	code := strings.TrimSpace(l.get("code"))
	if l.to("L008EP") != nil {
		code = cmp.Or(strings.TrimSpace(l.to("L008EP").words()), code)
	}
	more := l.to("L500EP")
	if code == "REG" {
		code = cmp.Or(more.to("L502EP").words(), code)
	}
	exchanged := day(l.to("L018EP").words())
	if exchanged.After(r.AsOf) {
		r.AsOf = exchanged
	}
	means, known := Code(code)
	if !known || means == "" {
		r.note("INPADOC %s %s %s", code, l.to("L007EP").words(), clip(l.get("desc"), 80))
		return
	}
	e := patent.Event{Code: means, Gazette: day(l.to("L007EP").words()), Effective: day(more.to("L525EP").words())}
	var free []string
	for _, t := range more.all("L510EP") {
		free = append(free, t.words())
		_, ps := pairs(t.words())
		told(&e, ps)
	}
	if o := tidyName(more.to("L509EP").words()); o != "" && len(e.After) == 0 && means == "TR01" {
		e.After = []string{o}
	}
	if means == "PLDC" || means == "LICC" || means == "RINS" || means == "C32" {
		r.note("INPADOC %s %s：%s", code, e.Gazette, clip(strings.Join(free, "; "), 300))
	}
	r.add(e)
}

// fulltextDocument reads claims: one element of claims holds many.
func fulltextDocument(n *node) (Record, error) {
	r := Record{Source: "epo_docdb"}
	ref := n.to("bibliographic-data").all("publication-reference")
	if _, err := r.identify(documentIDs(ref), nil); err != nil {
		return r, err
	}
	var claims []string
	independent := 0
	for _, c := range n.to("claims").deep("claim-text") {
		if text := c.words(); text != "" {
			claims = append(claims, text)
			if !dependent.MatchString(text) {
				independent++
			}
		}
	}
	r.claimed(claims, independent)
	r.end()
	return r, nil
}
