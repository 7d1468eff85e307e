package intake_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/intake"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// changed returns the names of the fields in which two records differ.
func changed[T any](a, b T) (names []string) {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range x.NumField() {
		if !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			names = append(names, x.Type().Field(i).Name)
		}
	}
	return names
}

func take(t *testing.T, db *store.DB, set, text string) intake.Report {
	t.Helper()
	rep, err := intake.Run(t.Context(), db, nil, actor, set, "f.csv", strings.NewReader(text), intake.Options{})
	if err != nil || rep.Rejected > 0 {
		t.Fatalf("%s\n%+v, %v", text, rep, err)
	}
	return rep
}

// A file with one column more than it must have changes that column and no
// other, whatever was known before; a column that is there and empty changes
// nothing. The text's mark, its hash and the note that it is unpublished stay.
func TestAFileOfFewColumnsOfPatents(t *testing.T) {
	t.Parallel()
	const n = "CN201310543019.6"
	columns := []struct{ header, value, field string }{
		{"公开号", "CN103575513A", "PublicationNumber"},
		{"摘要", "另一摘要", "Abstract"},
		{"权利要求", "1. 另一种。", "Claims"},
		{"说明书", "另一说明书", "Description"},
		{"IPC分类号", "G06F 17/00", "IPC"},
		{"申请日", "2013-11-06", "Filing"},
		{"公开日", "2014-02-13", "Published"},
		{"授权公告日", "2016-03-03", "Grant"},
		{"专利权人", "丙公司", "Owners"},
		{"申请人", "丁公司", "Applicants"},
		{"洛迦诺分类号", "13-03", "Locarno"},
		{"权利人类型", "企业", "OwnerType"},
		{"同族编号", "F2", "FamilyID"},
		{"权利要求数", "11", "ClaimCount"},
		{"独立权利要求数", "3", "IndependentClaims"},
		{"发明人数", "4", "Inventors"},
		{"同族数", "5", "FamilySize"},
		{"被引次数", "6", "CitedBy"},
		{"引用次数", "7", "Cites"},
		{"年费缴至年度", "9", "PaidThroughYear"},
		{"期限补偿天数", "10", "AdjustmentDays"},
		{"药品期限补偿天数", "12", "ExtensionDays"},
		{"未公开", "否", "Confidential"},
		{"来源", "另一来源", "Source"},
		{"数据日期", "2021-01-02", "SourceDate"},
	}
	full := "专利号,专利名称,公开号,摘要,权利要求,说明书,IPC分类号,申请日,公开日,授权公告日,专利权人,申请人,洛迦诺分类号,权利人类型,同族编号,权利要求数,独立权利要求数,发明人数,同族数,被引次数,引用次数,年费缴至年度,期限补偿天数,药品期限补偿天数,未公开,来源,数据日期\n" +
		n + ",一种正极材料,CN103575513B,摘要,1. 一种。,说明书,H01M 4/36,2013-11-05,2014-02-12,2016-03-02,甲大学,甲大学,13-02,高校,F1,10,2,3,4,5,6,8,0,0,是,来源,2020-01-01\n"
	url := storetest.URL(t)
	db, err := store.Open(t.Context(), url, store.Options{MaxConns: 4, Institution: actor.Institution})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	read := func() store.Patent {
		t.Helper()
		p, err := db.Patent(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	take(t, db, "patents", full)
	before := read()
	for i := range reflect.TypeFor[store.Patent]().NumField() {
		if f := reflect.TypeFor[store.Patent]().Field(i); f.Name != "ConfidentialUnknown" && f.Name != "Kind" && f.Name != "ID" && f.Name != "Number" && f.Name != "Title" &&
			!slices.ContainsFunc(columns, func(c struct{ header, value, field string }) bool { return c.field == f.Name }) {
			t.Errorf("the field %s is not tried", f.Name)
		}
	}
	take(t, db, "patents", "专利号,专利名称\n"+n+",一种正极材料\n")
	if got := changed(before, read()); len(got) > 0 {
		t.Errorf("a number and a title change %v", got)
	}
	for _, c := range columns {
		take(t, db, "patents", "专利号,专利名称,"+c.header+"\n"+n+",一种正极材料,\n")
		if got := changed(before, read()); len(got) > 0 {
			t.Errorf("an empty %s changes %v", c.header, got)
		}
		take(t, db, "patents", "专利号,专利名称,"+c.header+"\n"+n+",一种正极材料,"+c.value+"\n")
		if got := changed(before, read()); !slices.Equal(got, []string{c.field}) {
			t.Errorf("a file of %s changes %v", c.header, got)
		}
		take(t, db, "patents", full)
		if got := changed(before, read()); len(got) > 0 {
			t.Errorf("the whole file again, after %s: %v", c.header, got)
		}
	}
	// Two rows of one patent in one file are one record, too.
	take(t, db, "patents", "专利号,专利名称,摘要,年费缴至年度,未公开\n"+n+",一种正极材料,新摘要,,\n"+n+",一种正极材料,,9,\n")
	if got := changed(before, read()); !slices.Equal(got, []string{"Abstract", "PaidThroughYear"}) {
		t.Errorf("two rows change %v", got)
	}
}

// Of two headers that mean one field the one that stands first in the dataset's
// table counts in every order of the file, and the report names the other. Who
// applied is another field: it is not taken for who owns.
func TestTwoHeadersOfOneField(t *testing.T) {
	t.Parallel()
	const n = "CN201310543019.6"
	for _, headers := range [][]string{{"专利权人", "权利人"}, {"权利人", "专利权人"}} {
		cell := map[string]string{"专利权人": "甲公司", "权利人": "乙大学"}
		for range 3 { // chance had its say in each run
			db := storetest.New(t)
			rep := take(t, db, "patents", "专利号,专利名称,"+headers[0]+","+headers[1]+"\n"+n+",一种正极材料,"+cell[headers[0]]+","+cell[headers[1]]+"\n")
			p, err := db.Patent(store.As(t.Context(), actor.Institution), n)
			if err != nil || !slices.Equal(p.Owners, []string{"甲公司"}) || !slices.Equal(rep.Ignored, []string{"权利人"}) {
				t.Fatalf("%v: %v %v %v", headers, p.Owners, rep.Ignored, err)
			}
		}
	}
}

// The same of deals: what follows from other columns is worked out anew, and
// nothing else moves.
func TestAFileOfFewColumnsOfDeals(t *testing.T) {
	t.Parallel()
	columns := []struct {
		header, value string
		fields        []string
	}{
		{"摘要", "另一说明", []string{"Description"}},
		{"专利号", "CN201710601862.3", []string{"Numbers", "PrintedNumbers"}},
		{"专利件数", "2", []string{"Patents"}},
		{"专利类型", "实用新型", []string{"PatentKind"}},
		{"IPC分类号", "G06F 17/00", []string{"IPC"}},
		{"成交价(元)", "2000000", []string{"Amount"}},
		{"币种", "USD", []string{"Currency"}},
		{"汇率", "7.1", []string{"Rate"}},
		{"价格类型", "入门费", []string{"PriceKind", "Exclusion"}},
		{"交易方式", "普通许可", []string{"DealKind"}},
		{"评估值", "3000000", []string{"Appraised"}},
		{"评估方法", "市场法", []string{"Basis"}},
		{"许可年限", "5", []string{"LicenceTerm"}},
		{"提成率", "0.05", []string{"RoyaltyRate"}},
		{"成交日期", "2021-06", []string{"Date", "DateUnit", "PrintedDate"}},
		{"关联交易", "是", []string{"RelatedParty", "Exclusion"}},
		{"出让方", "丙公司", []string{"Seller"}},
		{"受让方", "丁公司", []string{"Buyer"}},
		{"权利人类型", "企业", []string{"OwnerType"}},
		{"来源类型", "登记", []string{"SourceType"}},
		{"来源类型", "高校公示", []string{"SourceType", "Channel"}}, // what the source tells is worked out anew
		{"来源类型", "拍卖", []string{"SourceType", "Market", "Channel"}},
		{"来源类型", "判决", []string{"SourceType", "Market", "Channel"}},
		{"成交方式", "司法拍卖", []string{"Method", "Market", "Channel"}},
		{"成交市场", "挂牌", []string{"Market", "Channel"}},
		{"来源链接", "https://example.invalid/2", []string{"SourceURL"}},
		{"备注", "另一备注", []string{"Notes"}},
		{"同族编号", "F2", []string{"FamilyID"}},
		{"排除代码", "SECRET", []string{"Exclusion"}},
	}
	full := "交易编号,专利名称,摘要,专利号,专利件数,专利类型,IPC分类号,成交价(元),币种,汇率,价格类型,交易方式,评估值,评估方法,许可年限,提成率,成交日期,关联交易,出让方,受让方,权利人类型,来源类型,来源链接,备注,同族编号,成交方式,成交市场\n" +
		"D1,一种正极材料,说明,CN201310543019.6,1,发明,H01M 4/36,1000000,CNY,1,总价,独占许可,1100000,收益法,3,0.03,2020-06-15,否,甲大学,乙公司,高校,自有台账,https://example.invalid/1,备注,F1,协议,私下转让\n"
	db, err := store.Open(t.Context(), storetest.URL(t), store.Options{MaxConns: 4, Institution: actor.Institution})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	read := func() store.Deal {
		t.Helper()
		all, err := db.OwnDeals(t.Context(), []string{"D1"})
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all["D1"]
	}
	take(t, db, "transactions", full)
	before := read()
	take(t, db, "transactions", "交易编号,专利名称\nD1,一种正极材料\n")
	if got := changed(before, read()); len(got) > 0 {
		t.Errorf("an id and a title change %v", got)
	}
	for _, c := range columns {
		take(t, db, "transactions", "交易编号,专利名称,"+c.header+"\nD1,一种正极材料,"+c.value+"\n")
		got := changed(before, read())
		slices.Sort(got)
		slices.Sort(c.fields)
		if !slices.Equal(got, c.fields) {
			t.Errorf("a file of %s changes %v", c.header, got)
		}
		take(t, db, "transactions", full)
		if got := changed(before, read()); len(got) > 0 && c.header != "排除代码" { // a stated exclusion stays until another is stated
			t.Errorf("the whole file again, after %s: %v", c.header, got)
		}
	}
}
