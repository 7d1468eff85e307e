package desk

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/deskfile"
	"zhijia/internal/deskfile/exporttest"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// results reads a finished batch.
func results(t *testing.T, d *Desk, id string) (r deskfile.Result, out []*deskfile.Outcome) {
	t.Helper()
	r, err := d.Result(t.Context(), officer, id)
	if err != nil {
		t.Fatal(err)
	}
	for o, err := range r.Rows {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
	return r, out
}

func codesIn(o *deskfile.Outcome) (codes []string) {
	for _, r := range o.Decision.Reasons {
		codes = append(codes, r.Code)
	}
	return codes
}

// Exports go from file to decisions without an edit: every row is valued and
// decided, what is pledged or has ended is refused, and a list without
// borrowers is screened. Then the same file is sent again before and after the
// register has said more, and a file whose headers nobody knows is mapped once.
func TestExportsDecided(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	stop := work(t, d)
	defer stop()
	o := Options{Policy: lending.Policies()[lending.DefaultPolicy], Date: on, Unit: ""}
	decide := func(name string, body []byte, o Options) (store.Batch, bool) {
		t.Helper()
		b, fresh, err := d.Submit(t.Context(), officer, name, bytes.NewReader(body), o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wait(t, d, officer, b.ID)
		return b, fresh
	}
	for _, f := range exporttest.Files() {
		b, _ := decide(f.Name, f.Body, o)
		_, rows := results(t, d, b.ID)
		bad := 0
		rows = slices.DeleteFunc(rows, func(o *deskfile.Outcome) bool {
			if o.Status != "done" {
				bad++
			}
			return o.Status != "done"
		})
		if bad != f.Broken || len(rows) != len(f.Rows) {
			t.Errorf("%s: %d rows decided and %d not, want %d and %d", f.Shape, len(rows), bad, len(f.Rows), f.Broken)
			continue
		}
		for i, row := range rows {
			want := &f.Rows[i]
			codes := codesIn(row)
			switch v := row.Decision.Verdict; {
			case (want.Pledged == "yes" || want.Ended) && v == lending.Accept:
				t.Errorf("%s row %d: accepted %v", f.Shape, i+1, codes)
			case row.Valued.Row.Portfolio == f.Borrowers:
				t.Errorf("%s row %d: portfolio %v", f.Shape, i+1, row.Valued.Row.Portfolio)
			case !f.Borrowers && (slices.Contains(codes, "L02") || slices.Contains(codes, "E06") || !slices.Contains(codes, "S01")):
				t.Errorf("%s row %d asks a list for a loan: %v", f.Shape, i+1, codes)
			}
		}
	}

	// The same file again: the same batch while nothing changed, which the store
	// says; then decided anew, saying of each row whether it changed.
	f := exporttest.Files()[11]
	first, fresh := decide(f.Name, f.Body, o)
	if fresh {
		t.Error("the same file on the same facts is decided twice")
	}
	event := store.LegalEvent{Number: mustKey(t, f.Rows[0].Number), Event: patent.Event{Code: "PP01", Effective: calendar.New(2026, 11, 2), Source: "公报"}}
	if err := db.MergeEvents(t.Context(), []store.LegalEvent{event}); err != nil {
		t.Fatal(err)
	}
	if err := d.DecideAgain(t.Context(), officer, first.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, d, officer, first.ID)
	if _, rows := results(t, d, first.ID); !slices.Contains(codesIn(rows[0]), "E05") || slices.Contains(codesIn(rows[0]), "D10") || rows[1].UnchangedSince != on || !rows[0].UnchangedSince.IsZero() {
		t.Errorf("decided again on the register's news: %v, unchanged %v and %v", codesIn(rows[0]), rows[0].UnchangedSince, rows[1].UnchangedSince)
	}
	if same, err := d.Redecide(t.Context(), first.ID); err != nil || !same {
		t.Errorf("decided on the stored facts: %v %v", same, err)
	}
	second, fresh := decide(f.Name, f.Body, o)
	_, rows := results(t, d, second.ID)
	if !fresh || rows[0].Decision.Verdict != lending.Refuse || !slices.Contains(codesIn(rows[0]), "E05") {
		t.Errorf("fresh %v: %v", fresh, codesIn(rows[0]))
	}
	if rows[0].UnchangedSince != on || rows[2].UnchangedSince != on { // as the first batch says, decided again
		t.Errorf("unchanged since %v and %v", rows[0].UnchangedSince, rows[2].UnchangedSince)
	}

	// Decided again after a right has lapsed and the ledger has new deals: the
	// lapsed one is worth nothing, what moved says from what and why, and a third
	// decision on the same facts says that it stands.
	lapse := store.LegalEvent{Number: mustKey(t, f.Rows[2].Number), Event: patent.Event{Code: "CF01", Effective: calendar.New(2026, 10, 9), Source: "公报"}}
	if err := db.MergeEvents(t.Context(), []store.LegalEvent{lapse}); err != nil {
		t.Fatal(err)
	}
	stockBooked(t, d, db)
	for range 2 {
		if err := d.DecideAgain(t.Context(), officer, second.ID); err != nil {
			t.Fatal(err)
		}
		wait(t, d, officer, second.ID)
	}
	_, again := results(t, d, second.ID)
	moved := 0
	for i, row := range again {
		was := row.Valued.Before
		switch {
		case was == nil && row.Valued.Point != rows[i].Valued.Point, was != nil && was.Point != rows[i].Valued.Point, (was == nil) == slices.Contains(codesIn(row), "D11"):
			t.Errorf("row %d: %v, %+v after %v", i+1, row.Valued.Point, was, rows[i].Valued.Point)
		case was != nil && i != 2:
			moved++
		}
	}
	lapsed := again[2].Valued
	if lapsed.Before == nil || lapsed.Before.Point == 0 || lapsed.Point != 0 || len(lapsed.Before.News) != 1 || lapsed.Before.News[0].Code != "CF01" || moved == 0 {
		t.Errorf("lapsed: %v, %+v; %d other rows moved", lapsed.Point, lapsed.Before, moved)
	}
	if same, err := d.Redecide(t.Context(), second.ID); err != nil || !same {
		t.Errorf("decided on the stored facts: %v %v", same, err)
	}
	if broken, err := d.VerifyBatches(t.Context()); err != nil || len(broken) > 0 {
		t.Errorf("the record: %v %v", broken, err)
	}

	numberFormsDecideAlike(t, d, db)

	// Headers nobody knows are offered with a guess, mapped once, remembered.
	body := []byte("我行内部编码甲,授信主体,标的物名称,拟放款(万元),到期日\n" + strings.TrimPrefix(f.Rows[0].Number, "CN") + ",清越精密机械有限公司,一种轴承,10,2027-11-30\n")
	list, err := d.Headings(t.Context(), officer, "自有.csv", bytes.NewReader(body), "")
	if err != nil || len(list) != 5 {
		t.Fatal(list, err)
	}
	for _, h := range list {
		if h.Header == "我行内部编码甲" && (h.Guess != "number" || len(h.Examples) != 1) {
			t.Errorf("%+v", h)
		}
	}
	if _, _, err := d.Submit(t.Context(), officer, "自有.csv", bytes.NewReader(body), o); fault.Public(err).Code != "file.no_number" {
		t.Errorf("%v", err)
	}
	mapped := o
	mapped.Columns = map[string]string{"我行内部编码甲": "专利号/申请号", "授信主体": "borrower", "标的物名称": "title", "拟放款(万元)": "拟贷金额"}
	decide("自有.csv", body, mapped)
	b, _ := decide("自有2.csv", bytes.Replace(body, []byte(",10,"), []byte(",20,"), 1), o) // remembered by the set of headers
	if _, rows := results(t, d, b.ID); rows[0].Valued.Row.Borrower != "清越精密机械有限公司" || rows[0].Valued.Row.Loan.Yuan() != 200_000 {
		t.Errorf("%+v", rows[0].Valued.Row)
	}
	_, _, err = d.Submit(t.Context(), officer, "自有.csv", bytes.NewReader(body), Options{Policy: o.Policy, Date: on, Columns: map[string]string{"授信主体": "没有的列"}})
	if fault.Public(err).Code != "map.column" {
		t.Errorf("%v", err)
	}

	// The workbook: what the officer signs on one page wide, and no collateral to
	// report but what was accepted.
	r, rows := results(t, d, second.ID)
	var book bytes.Buffer
	if err := deskfile.WriteBook(&book, r); err != nil {
		t.Fatal(err)
	}
	x, err := excelize.OpenReader(&book)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	review, err := x.GetRows("审阅")
	reported, err2 := x.GetRows("押品报送")
	if err != nil || err2 != nil || len(review) != len(rows)+1 || len(reported) != 1 {
		t.Errorf("%d rows to sign, %d to report: %v %v", len(review), len(reported), err, err2)
	}
	if layout, err := x.GetPageLayout("审阅"); err != nil || layout.FitToWidth == nil || *layout.FitToWidth != 1 {
		t.Errorf("%+v %v", layout, err)
	}
}

func mustKey(t *testing.T, number string) string {
	t.Helper()
	n, err := patent.ParseNumber(number)
	if err != nil {
		t.Fatal(err)
	}
	return string(n.Key())
}

// Renaming a number's form changes no decision, of a patent that is in the
// store as of one that is not, whatever else the row says.
func numberFormsDecideAlike(t *testing.T, d *Desk, db *store.DB) {
	t.Helper()
	if err := db.MergePatents(t.Context(), []store.Patent{{
		Number: booked, Kind: "invention", Title: "一种激光器相对强度噪声的测量装置及方法", Filing: calendar.New(2013, 11, 5), Owners: []string{"甲公司"}, PublicationNumber: "CN103543019B", Source: "test",
	}}, 0, nil); err != nil {
		t.Fatal(err)
	}
	decide := func(number string, cells [3]string) string {
		t.Helper()
		body := "借款人名称,专利号,专利名称,专利类型,申请日,授权公告日,专利权人,共有人及同意,年费缴至年度,他项权利,上年产品收入(万元),拟贷金额(万元),拟到期日,担保合同号\n甲公司," + number +
			",一种激光器测量装置,发明,2013-11-05,2016-05-04,甲公司," + cells[0] + ",14," + cells[1] + "," + cells[2] + ",1,2027-10-31,C-1\n"
		for line, err := range deskfile.Read(strings.NewReader(body), "f.csv", deskfile.Options{On: on}) {
			if err != nil || len(line.Faults) > 0 {
				t.Fatalf("%s: %v %+v", number, err, line.Faults)
			}
			v, _, err := Value(t.Context(), db, d.appraisal, officer, line.Row, on, false)
			if err != nil {
				t.Fatalf("%s: %v", number, err)
			}
			x := lending.Decide([]lending.Valued{v}, lending.Options{Policy: lending.Policies()["BOCOM-HIST"]}, on).Rows[0]
			return fmt.Sprint(x.Verdict, x.Reasons, x.Conditions, x.Lendable, x.Pledgeable, v.Point, v.Key)
		}
		return ""
	}
	// The book follows the patent: booked under one of its numbers, it is pledged
	// under all of them.
	loan := Loan{Contract: "ZH-1", Borrower: "甲公司", Balance: 1_00, Maturity: on.AddYears(1), Policy: "BOCOM-HIST", Approval: "信贷审批委员会同意", Rows: []lending.Row{{Number: "CN103543019A"}}}
	if got, err := d.Book(t.Context(), officer, loan); err != nil || got.Patents[0].Number != booked {
		t.Errorf("booked by its publication: %+v %v", got.Patents, err)
	}
	loan.Contract, loan.Rows = "ZH-2", []lending.Row{{Number: "ZL201310543019.6"}}
	if _, err := d.Book(t.Context(), officer, loan); fault.KindOf(err) != fault.Conflict {
		t.Errorf("booked again by its application: %v", err)
	}
	stranger := "201310100001" + string(patent.CheckDigit("201310100001"))
	forms := map[string][]string{
		booked:          {"ZL201310543019.6", "2013105430196", "201310543019.6", "zl 2013 1 0543019.6", "ＣＮ201310543019.6", "CN103543019B", "CN103543019A", "CN 201310543019 A"},
		"CN" + stranger: {"ZL" + stranger, stranger, "CN" + stranger[:12] + "." + stranger[12:], " zl" + stranger[:4] + " 1 " + stranger[5:]},
	}
	for _, cells := range [][3]string{{"无", "无 2026-11-20", "1000"}, {"乙大学：不同意", "质押 2026-11-20", ""}, {"", "有效 2026-11-20", ""}, {"无", "宣告专利权部分无效 2026-11-20", ""}} {
		for number, others := range forms {
			want := decide(number, cells)
			for _, form := range others {
				if got := decide(form, cells); got != want {
					t.Errorf("%s as %s, %v: %s\nwant %s", number, form, cells, got, want)
				}
			}
		}
	}
}
