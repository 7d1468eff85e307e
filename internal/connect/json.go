package connect

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// jsonRecords reads what is known in a value of JSON, wherever it stands in it:
// answers come in envelopes, lists and bundles. A refusal in an envelope is an
// error.
func jsonRecords(v any) (out []Record, errs []error) {
	ids := map[string]string{}
	himmpatIDs(v, 0, ids)
	walkJSON(v, 0, ids, func(r Record, err error) {
		if err != nil {
			errs = append(errs, err)
			return
		}
		r.end()
		out = append(out, r)
	})
	return joinRecords(out), errs
}

// joinRecords makes one record of those that an answer has of one patent in
// parts: what stands first counts.
func joinRecords(list []Record) (out []Record) {
	index := map[string]int{}
	for _, r := range list {
		key := r.Source + " " + r.Number
		i, ok := index[key]
		if !ok && r.Publication != "" { // parts may be named by the publication alone
			i, ok = index[r.Source+" "+r.Publication]
		}
		if !ok {
			index[key] = len(out)
			if r.Publication != "" {
				index[r.Source+" "+r.Publication] = len(out)
			}
			out = append(out, r)
			continue
		}
		absorb(&out[i], r)
	}
	return out
}

// absorb fills what a record leaves open with another of the same source and
// patent.
func absorb(to *Record, r Record) {
	if n, err := patent.ParseNumber(r.Number); err == nil && n.NamesApplication() {
		to.Number = r.Number
	}
	to.Publication, to.Kind = cmp.Or(to.Publication, r.Publication), cmp.Or(to.Kind, r.Kind)
	to.Title, to.TitleEn, to.Abstract, to.Claims = cmp.Or(to.Title, r.Title), cmp.Or(to.TitleEn, r.TitleEn), cmp.Or(to.Abstract, r.Abstract), cmp.Or(to.Claims, r.Claims)
	to.Filing, to.Published, to.Grant = cmp.Or(to.Filing, r.Filing), cmp.Or(to.Published, r.Published), cmp.Or(to.Grant, r.Grant)
	to.FamilyID, to.Parent = cmp.Or(to.FamilyID, r.FamilyID), cmp.Or(to.Parent, r.Parent)
	to.Status, to.StatusText, to.ModelAsk = cmp.Or(to.Status, r.Status), cmp.Or(to.StatusText, r.StatusText), cmp.Or(to.ModelAsk, r.ModelAsk)
	for _, x := range []struct {
		to   *[]string
		from []string
	}{{&to.IPC, r.IPC}, {&to.Locarno, r.Locarno}, {&to.Applicants, r.Applicants}, {&to.Owners, r.Owners}, {&to.Family, r.Family}} {
		if len(*x.to) == 0 {
			*x.to = x.from
		}
	}
	for _, x := range []struct{ to, from **int }{
		{&to.ClaimCount, &r.ClaimCount},
		{&to.Independent, &r.Independent},
		{&to.Inventors, &r.Inventors},
		{&to.FamilySize, &r.FamilySize},
		{&to.CitedBy, &r.CitedBy},
		{&to.Cites, &r.Cites},
		{&to.PaidThrough, &r.PaidThrough},
	} {
		*x.to = cmp.Or(*x.to, *x.from)
	}
	for _, e := range r.Events {
		to.add(e)
	}
	for _, f := range r.Flags {
		to.flag(f)
	}
	for _, n := range r.Notes {
		to.note("%s", n)
	}
	to.Fees = append(to.Fees, r.Fees...)
	if r.AsOf.After(to.AsOf) {
		to.AsOf = r.AsOf
	}
	to.end()
}

// himmpatIDs finds which publication an id of HimmPat stands for.
func himmpatIDs(v any, depth int, ids map[string]string) {
	if depth > maxDepth {
		return
	}
	switch x := v.(type) {
	case []any:
		for _, one := range x {
			himmpatIDs(one, depth+1, ids)
		}
	case map[string]any:
		if id, pn := plain(x["id"]), plain(x["pn"]); id != "" && pn != "" {
			ids[id] = pn
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			himmpatIDs(x[k], depth+1, ids)
		}
	}
}

// himmpatState reads what HimmPat works out of the state: checked, not taken.
func himmpatState(pn string, m map[string]any) (Record, error) {
	r := Record{Source: "himmpat"}
	err := r.publicationOf(pn)
	r.StatusText = map[string]string{"I": "有效", "P": "审中", "D": "失效"}[plain(m["state"])]
	r.Grant = day(plain(m["grd"]))
	return r, err
}

func walkJSON(v any, depth int, ids map[string]string, yield func(Record, error)) {
	if depth > maxDepth {
		return
	}
	switch x := v.(type) {
	case []any:
		for _, one := range x {
			walkJSON(one, depth+1, ids, yield)
		}
	case map[string]any:
		if err := refusedJSON(x); err != nil {
			yield(Record{}, err)
			return
		}
		for _, shape := range jsonShapes {
			if !slices.ContainsFunc(shape.keys, func(k string) bool { _, ok := x[k]; return !ok }) {
				shape.read(x, yield)
				return
			}
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if state, ok := x[k].(map[string]any); ok && ids[k] != "" && state["stc"] != nil {
				yield(himmpatState(ids[k], state))
				continue
			}
			walkJSON(x[k], depth+1, ids, yield)
		}
	}
}

// refusedJSON tells a refusal that comes with HTTP 200.
func refusedJSON(m map[string]any) error {
	if s, ok := m["status"].(bool); ok && !s {
		return fault.New(fault.Unavailable, "source.refused", "来源拒绝了请求："+plain(m["error_code"])+" "+clip(plain(m["error_msg"]), 200)+"。", "The source refused: "+plain(m["error_code"])+" "+clip(plain(m["error_msg"]), 200)+".")
	}
	if code := plain(m["code"]); code != "" && code != "200" && m["message"] != nil {
		return fault.New(fault.Unavailable, "source.refused", "来源拒绝了请求："+code+" "+clip(plain(m["message"]), 200)+"。", "The source refused: "+code+" "+clip(plain(m["message"]), 200)+".")
	}
	return nil
}

// jsonShapes are the objects that are read, by keys that they all have.
var jsonShapes = []struct {
	source string
	keys   []string
	read   func(map[string]any, func(Record, error))
}{
	{"epo_docdb", []string{"ops:world-patent-data"}, opsJSON},
	{"lens", []string{"lens_id", "doc_number"}, single(lensRecord)},
	{"lens", []string{"lens_id", "biblio"}, single(lensRecord)},
	{"bigquery", []string{"publication_number", "title_localized"}, single(bigQueryRecord)},
	{"bigquery", []string{"publication_number", "application_number_formatted"}, single(bigQueryRecord)},
	{"patsnap", []string{"pn", "patsnap_legal_data"}, single(patsnapLegal)},
	{"patsnap", []string{"pn", "simple_legal_status"}, single(patsnapStatus)},
	{"patsnap", []string{"pn", "bibliographic_data"}, single(patsnapWrapped)},
	{"patsnap", []string{"pn", "claims"}, single(patsnapClaims)},
	{"patsnap", []string{"apno", "fee_to_pay"}, single(patsnapFees)},
	{"patsnap", []string{"pledge_number", "pn"}, single(patsnapPledge)},
	{"patsnap", []string{"publication_reference", "application_reference"}, single(patsnapBiblio)},
	{"himmpat", []string{"applicationReferenceModel"}, single(himmpatPublication)},
	{"himmpat", []string{"pn", "ap", "ti"}, single(himmpatBrief)},
}

func single(f func(map[string]any) (Record, error)) func(map[string]any, func(Record, error)) {
	return func(m map[string]any, yield func(Record, error)) { yield(f(m)) }
}

func opsJSON(m map[string]any, yield func(Record, error)) {
	for _, root := range badgerfish("world-patent-data", m["ops:world-patent-data"], 0) {
		for name, read := range xmlRecords {
			for _, n := range root.deep(name) {
				list, err := read(n)
				if err != nil {
					yield(Record{}, err)
				}
				for _, r := range list {
					yield(r, nil)
				}
			}
		}
	}
}

func (r *Record) publicationOf(text string) error {
	n, err := patent.ParseNumber(text)
	if err != nil {
		return err
	}
	r.names(n)
	return nil
}

func lensRecord(m map[string]any) (Record, error) {
	r := Record{Source: "lens"}
	app, pub := at(m, "biblio", "application_reference"), at(m, "biblio", "publication_reference")
	if text := plain(at(app, "doc_number")); text != "" {
		_ = r.publicationOf(cmp.Or(plain(at(app, "jurisdiction")), plain(m["jurisdiction"])) + text) // the publication may be all there is
	}
	kind := cmp.Or(plain(m["kind"]), plain(at(pub, "kind")))
	number := cmp.Or(plain(m["doc_number"]), plain(at(pub, "doc_number")))
	if err := r.publicationOf(cmp.Or(plain(m["jurisdiction"]), plain(at(pub, "jurisdiction"))) + number + kind); err != nil && r.Number == "" {
		return r, err
	}
	r.Filing = day(plain(at(app, "date")))
	r.dated(kind, day(cmp.Or(plain(m["date_published"]), plain(at(pub, "date")))))
	for _, t := range many(at(m, "biblio", "invention_title")) {
		r.titled(plain(at(t, "lang")), plain(at(t, "text")))
	}
	for _, a := range many(m["abstract"]) {
		if text := plain(at(a, "text")); r.Abstract == "" || patent.Han(text) {
			r.Abstract = clip(text, 20_000)
		}
	}
	names := func(v any) (out []string) {
		for _, x := range many(v) {
			if s := tidyName(cmp.Or(plain(at(x, "extracted_name", "value")), plain(at(x, "name")))); s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	parties := at(m, "biblio", "parties")
	r.Applicants, r.Owners = names(at(parties, "applicants")), names(at(parties, "owners_all"))
	if k := len(names(at(parties, "inventors"))); k > 0 {
		r.Inventors = &k
	}
	for _, c := range many(at(m, "biblio", "classifications_ipcr", "classifications")) {
		r.class(plain(at(c, "symbol")))
	}
	r.CitedBy = whole(at(m, "biblio", "cited_by", "patent_count"))
	r.FamilySize = whole(at(m, "families", "simple_family", "size"))
	r.StatusText = plain(at(m, "legal_status", "patent_status"))
	if d := day(plain(at(m, "legal_status", "grant_date"))); !d.IsZero() {
		r.Grant = d
	}
	claims := []string{}
	for _, set := range many(m["claims"]) {
		if len(claims) > 0 && plain(at(set, "lang")) != "zh" {
			continue
		}
		claims = claims[:0]
		for _, c := range many(at(set, "claims")) {
			claims = append(claims, texts(at(c, "claim_text"))...)
		}
	}
	r.claimed(claims, 0)
	return r, nil
}

func whole(v any) *int {
	s := plain(v)
	if s == "" || len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return nil
	}
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return &n
}

func bigQueryRecord(m map[string]any) (Record, error) {
	r := Record{Source: "bigquery"}
	code := plain(m["kind_code"])
	if err := r.publicationOf(plain(m["publication_number"])); err != nil {
		return r, err
	}
	for _, k := range []string{"application_number", "application_number_formatted"} {
		text := plain(m[k])
		// The letter behind the number differs from set to set: the digits count.
		if n, err := patent.ParseNumber(text); err == nil && n.NamesApplication() {
			r.names(n)
			break
		} else if n, err := patent.ParseNumber(strings.TrimRight(strings.NewReplacer("CN-", "CN", "-", "").Replace(text), "AUFS")); err == nil && n.NamesApplication() {
			r.names(n)
			break
		}
	}
	for _, t := range many(m["title_localized"]) {
		r.titled(plain(at(t, "language")), plain(at(t, "text")))
	}
	for _, a := range many(m["abstract_localized"]) {
		if text := plain(at(a, "text")); r.Abstract == "" || plain(at(a, "language")) == "zh" {
			r.Abstract = clip(text, 20_000)
		}
	}
	r.Filing = day(plain(m["filing_date"]))
	r.dated(code, day(plain(m["publication_date"])))
	if g := day(plain(m["grant_date"])); !g.IsZero() {
		r.Grant = g
	}
	r.Applicants = texts(m["assignee"])
	if len(r.Applicants) == 0 {
		for _, a := range many(m["assignee_harmonized"]) {
			r.Applicants = append(r.Applicants, tidyName(plain(at(a, "name"))))
		}
	}
	if k := len(many(m["inventor"])); k > 0 {
		r.Inventors = &k
	}
	for _, c := range many(m["ipc"]) {
		r.class(plain(at(c, "code")))
	}
	if f := plain(m["family_id"]); f != "-1" {
		r.FamilyID = f
	}
	return r, nil
}

func patsnapWrapped(m map[string]any) (Record, error) {
	b, _ := m["bibliographic_data"].(map[string]any)
	r, err := patsnapBiblio(b)
	if err != nil {
		if err = r.publicationOf(plain(m["pn"])); err != nil {
			return r, err
		}
	}
	return r, nil
}

func patsnapBiblio(m map[string]any) (Record, error) {
	r := Record{Source: "patsnap"}
	app, pub := at(m, "application_reference"), at(m, "publication_reference")
	_ = r.publicationOf(cmp.Or(plain(at(app, "country")), "CN") + plain(at(app, "doc_number"))) // the publication may be all there is
	kind := plain(at(pub, "kind"))
	if err := r.publicationOf(plain(at(pub, "country")) + plain(at(pub, "doc_number")) + kind); err != nil && r.Number == "" {
		return r, err
	}
	r.Filing = day(plain(at(app, "date")))
	r.dated(kind, day(plain(at(pub, "date"))))
	if d := day(plain(at(m, "dates_of_public_availability", "printed_with_granted"))); !d.IsZero() {
		r.Grant = d
	}
	for _, t := range many(m["invention_title"]) {
		r.titled(plain(at(t, "lang")), plain(at(t, "text")))
	}
	for _, a := range many(m["abstracts"]) {
		r.Abstract = cmp.Or(r.Abstract, clip(stripHTML(plain(at(a, "text"))), 20_000))
	}
	names := func(v any) (out []string) {
		for _, x := range many(v) {
			if s := tidyName(cmp.Or(plain(at(x, "name")), plain(x))); s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	parties := at(m, "parties")
	r.Applicants, r.Owners = names(at(parties, "applicants")), names(at(parties, "assignees"))
	if k := len(names(at(parties, "inventors"))); k > 0 {
		r.Inventors = &k
	}
	r.class(plain(at(m, "classification_data", "classification_ipcr", "main")))
	for _, c := range texts(at(m, "classification_data", "classification_ipcr", "further")) {
		r.class(c)
	}
	return r, nil
}

func patsnapLegal(m map[string]any) (Record, error) {
	r := Record{Source: "patsnap"}
	if err := r.publicationOf(plain(m["pn"])); err != nil {
		return r, err
	}
	official := many(at(m, "patsnap_legal_data", "official_legal_data"))
	list := official
	if len(list) == 0 {
		list = many(at(m, "patsnap_legal_data", "inpadoc_legal_data"))
	}
	for _, x := range list {
		code, wording := plain(at(x, "event_code")), plain(at(x, "event_desc"))
		means, known := Code(code)
		if by, ok := Wording(wording); ok && (!known || means == "") {
			means, known = by, true
		}
		if !known || means == "" {
			r.note("%s %s", code, clip(wording, 80))
			continue
		}
		e := patent.Event{Code: means, Gazette: day(plain(at(x, "event_date")))}
		_, ps := pairs(plain(at(x, "event_others")))
		told(&e, ps)
		r.add(e)
	}
	return r, nil
}

func patsnapStatus(m map[string]any) (Record, error) {
	r := Record{Source: "patsnap"}
	err := r.publicationOf(plain(m["pn"]))
	for _, s := range texts(m["simple_legal_status"]) {
		if s = cmp.Or(map[string]string{"0": "失效", "1": "有效", "2": "审中"}[s], s); statusOf(s) != "" {
			r.StatusText = s
		}
	}
	for _, s := range texts(m["event_status"]) {
		if word := map[string]string{"61": "权利转移", "62": "许可", "63": "质押", "71": "保全"}[s]; word != "" {
			r.flag(word)
		}
	}
	return r, err
}

var tags = regexp.MustCompile(`<[^<>]*>`)

// stripHTML leaves the words of a text in which a source has mark-up.
func stripHTML(s string) string {
	s = strings.NewReplacer("<br>", "\n", "<br/>", "\n", "</div>", "\n", "&nbsp;", " ", "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
	return strings.TrimSpace(tags.ReplaceAllString(s, ""))
}

// patsnapClaims reads claims, but not those that the source takes from another
// member of the family.
func patsnapClaims(m map[string]any) (Record, error) {
	r := Record{Source: "patsnap"}
	if err := r.publicationOf(plain(m["pn"])); err != nil {
		return r, err
	}
	if related := plain(m["pn_related"]); related != "" && related != plain(m["pn"]) {
		r.note("权利要求取自同族的%s，不是本专利的文本，未采用", clip(related, 40))
		return r, nil
	}
	var claims []string
	for _, c := range many(m["claims"]) {
		for _, t := range many(at(c, "claim_text")) {
			if s := stripHTML(plain(t)); s != "" {
				claims = append(claims, s)
			}
		}
	}
	independent := 0
	for _, c := range claims {
		if !dependent.MatchString(c) {
			independent++
		}
	}
	r.claimed(claims, independent)
	return r, nil
}

func patsnapPledge(m map[string]any) (Record, error) {
	r := Record{Source: "patsnap"}
	if err := r.publicationOf(plain(m["pn"])); err != nil {
		return r, err
	}
	r.pledge(func(k string) string {
		return plain(m[map[string]string{"pledge_number": "pledge_number", "pledgor": "pledgor", "pledgee": "pledgee", "pledge_date": "effective_date", "pledge_released": "release_date"}[k]])
	})
	return r, nil
}

func patsnapFees(m map[string]any) (Record, error) {
	r := Record{Source: "patsnap"}
	if err := r.publicationOf(plain(m["apno"])); err != nil {
		return r, err
	}
	r.StatusText = plain(m["legal_status"])
	line := func(list any, keys map[string]string) {
		for _, x := range many(list) {
			r.fee(func(k string) string { return plain(at(x, keys[k])) })
		}
	}
	line(m["fee_to_pay"], map[string]string{"fee_kind": "fee_type", "fee_amount": "payment_amount", "fee_due": "payment_dateline", "fee_status": "payment_status"})
	paid := r.PaidThrough
	for _, x := range many(m["paid_fee"]) {
		r.PaidThrough = nil
		r.fee(func(k string) string {
			return plain(at(x, map[string]string{"fee_kind": "fee_type", "fee_amount": "paid_amount", "fee_paid": "payment_date"}[k]))
		})
		if r.PaidThrough != nil && (paid == nil || *r.PaidThrough > *paid) {
			paid = r.PaidThrough
		}
	}
	r.PaidThrough = paid
	for _, x := range many(m["overdue_fine"]) {
		r.Fees = append(r.Fees, Fee{
			Kind: "年费滞纳金", From: day(plain(at(x, "start_date"))), To: day(plain(at(x, "end_date"))),
			Amount: plain(at(x, "annual_fee_amount")), Surcharge: plain(at(x, "late_payment_fee")), Total: plain(at(x, "sum")),
		})
	}
	return r, nil
}

func himmpatBrief(m map[string]any) (Record, error) {
	r := Record{Source: "himmpat", Title: plain(m["ti"]), Abstract: plain(m["ab"]), Filing: day(plain(m["apd"])), Applicants: texts(m["as"])}
	_ = r.publicationOf(plain(m["ap"])) // the publication may be all there is
	n, err := patent.ParseNumber(plain(m["pn"]))
	if err != nil && r.Number == "" {
		return r, err
	}
	if err == nil {
		r.names(n)
		r.dated(n.Code, day(plain(m["pd"])))
	}
	return r, nil
}

func himmpatPublication(m map[string]any) (Record, error) {
	r := Record{Source: "himmpat"}
	app, pub := at(m, "applicationReferenceModel"), at(m, "publicationReferenceModel")
	_ = r.publicationOf(plain(at(app, "ap"))) // the publication may be all there is
	n, err := patent.ParseNumber(plain(at(pub, "pn")))
	if err != nil && r.Number == "" {
		return r, err
	}
	if err == nil {
		r.names(n)
		r.dated(cmp.Or(plain(at(pub, "pnty")), n.Code), day(plain(at(pub, "pd"))))
	}
	r.Filing, r.Title, r.Abstract = day(plain(at(app, "apd"))), plain(at(m, "inventionTitleModel", "tio")), clip(plain(at(m, "abstractModel", "abc")), 20_000)
	for _, a := range many(at(m, "partiesModel", "applicant")) {
		r.Applicants = append(r.Applicants, tidyName(plain(at(a, "pa"))))
	}
	if k := len(many(at(m, "partiesModel", "inventor"))); k > 0 {
		r.Inventors = &k
	}
	return r, nil
}
