package intake_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/connect"
	"zhijia/internal/dossier"
	"zhijia/internal/intake"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// Each of the shared samples is recognised and read to what it states: owner,
// applicant, days, class, events with the day they took effect.
func TestSharedSamples(t *testing.T) {
	t.Parallel()
	const battery, charger, pack, method, film = "CN202310123456.6", "CN202220345678.3", "CN202130567890.5", "CN201810234567.3", "CN201910876549.X"
	vendor := map[string]string{
		battery: "示例动力科技有限公司|示例新能源科技有限公司|2023-02-08|2024-08-06|H01M 10/48|TR01 2024-10-22", charger: "示例电气有限公司|示例电气有限公司|2022-02-21|2022-07-19|H02J 7/00|CF01 2025-02-21",
		pack: "示例电气有限公司|示例电气有限公司|2021-08-27|2021-12-10||GR01 2021-12-10", film: "示例大学、示例新材料（天津）有限公司|示例大学|2019-09-17|2021-06-15|C01B 32/184|GR01 2021-06-15",
	}
	for name, c := range map[string]struct {
		source   string
		accepted int64
		rejected int64
		facts    map[string]string // number -> owners|applicants|filed|granted|main class|an event
	}{
		"incopat.csv": {"incopat", 5, 0, map[string]string{
			battery: "示例动力科技有限公司|示例新能源科技有限公司|2023-02-08|2024-08-06|H01M 10/48|PE01 2025-03-18", charger: vendor[charger], pack: vendor[pack], film: "示例大学、示例新材料（天津）有限公司|示例大学|2019-09-17|2021-06-15|C01B 32/184|GR01 2021-06-15",
			method: "示例大学|示例大学|2018-03-21||G06F 17/11|RJ01 2022-03-08",
		}},
		"incopat.xlsx":                        {"incopat", 5, 0, map[string]string{charger: vendor[charger]}},
		"patsnap.csv":                         {"patsnap", 5, 0, map[string]string{battery: vendor[battery], charger: vendor[charger], pack: vendor[pack], film: vendor[film]}},
		"patsnap.xlsx":                        {"patsnap", 5, 0, map[string]string{battery: vendor[battery]}},
		"innojoy.csv":                         {"innojoy", 5, 0, map[string]string{battery: vendor[battery], charger: vendor[charger], film: vendor[film]}},
		"cnipa_pss.csv":                       {"cnipa_pss", 5, 0, map[string]string{charger: "示例电气有限公司||2022-02-21|2022-07-19|H02J 7/00|CE01 2022-07-19"}},
		"cnipa_cpquery.xlsx":                  {"cnipa_cpquery,cnipa_fees", 20, 0, map[string]string{battery: "示例动力科技有限公司||2023-02-08||||paid 3"}},
		"cnipa_fees_paid.csv":                 {"cnipa_fees", 5, 0, map[string]string{film: "||||||paid 7"}},
		"cnipa_fees_due.csv":                  {"cnipa_fees", 5, 0, nil},
		"cnipa_fees_late.csv":                 {"cnipa_fees", 5, 0, nil},
		"google_patents.csv":                  {"google", 5, 0, map[string]string{"CN116012345B": "|示例新能源科技有限公司|2023-02-08|2024-08-06||"}},
		"lens_export.csv":                     {"lens", 5, 0, map[string]string{battery: "|SHILI NEW ENERGY TECH CO LTD|2023-02-08|2024-08-06|H01M 10/48|"}},
		"lens_api.json":                       {"lens", 1, 0, map[string]string{battery: "|SHILI NEW ENERGY TECH CO LTD|2023-02-08|2024-08-06|H01M 10/48|"}},
		"bigquery_publications.jsonl":         {"bigquery", 6, 0, map[string]string{film: "|示例大学|2019-09-17||C01B 32/184|"}},
		"himmpat_mcp.json":                    {"himmpat", 1, 1, map[string]string{battery: "|示例新能源科技有限公司|2023-02-08|2024-08-06||"}},
		"patsnap_api.json":                    {"patsnap", 1, 1, map[string]string{battery: "||2023-02-08|2024-08-06||PE01 2025-03-18|paid 3"}},
		"cnipa_prs.xml":                       {"cnipa_prs", 5, 0, map[string]string{charger: "||2022-02-21|||CF01 2025-02-21"}},
		"cnipa_document.xml":                  {"cnipa_document", 1, 0, map[string]string{battery: "示例新能源科技有限公司|示例新能源科技有限公司|2023-02-08|2024-08-06|H01M 10/48|"}},
		"cnipa_gazette.txt":                   {"cnipa_gazette", 6, 0, map[string]string{battery: "||2023-02-08|2024-08-06||PC01 2026-03-20"}},
		"register_extract_recalled.txt":       {"register", 1, 0, map[string]string{battery: "示例动力科技有限公司||2023-02-08|2024-08-06|H01M 10/48|PE01 2025-03-18|paid 3"}},
		"ops/02_biblio_cn_grant.xml":          {"epo_docdb", 1, 0, map[string]string{battery: "|示例新能源科技有限公司|2023-02-08|2024-08-06|H01M 10/48|"}},
		"ops/03_biblio_cn_post_two.json":      {"epo_docdb", 1, 1, map[string]string{charger: "|示例电气有限公司|2022-02-21|2022-07-19|H02J 7/00|"}},
		"ops/04_family_cn_divisional.xml":     {"epo_docdb", 4, 0, map[string]string{"CN201210107777.9": "||2008-12-12|2015-11-04||"}},
		"ops/05_legal_cn.xml":                 {"epo_docdb", 2, 0, map[string]string{battery: "||2023-02-08|2024-08-06||TR01 2024-10-22", "CN200880123999.1": "||2008-12-12|||PLDC 2014-05-14"}},
		"ops/09_claims_one_claim_element.xml": {"epo_docdb", 1, 0, nil},
	} {
		body, err := os.ReadFile(filepath.Join("../../../shared/data/connect", name))
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("the shared samples are not here")
		}
		if err != nil {
			t.Fatal(err)
		}
		var list []connect.Statement
		rep, err := intake.Run(t.Context(), nil, nil, actor, "patents", name, strings.NewReader(string(body)), intake.Options{DryRun: true, Record: func(r connect.Record) error {
			list = append(list, connect.Statement{Record: r})
			return nil
		}})
		if err != nil || rep.Source != c.source || rep.Accepted != c.accepted || rep.Rejected != c.rejected {
			t.Errorf("%s: %q, %d taken, %d rejected: %v %+v", name, rep.Source, rep.Accepted, rep.Rejected, err, rep.Rejects)
		}
		for number, want := range c.facts {
			of := slices.DeleteFunc(slices.Clone(list), func(s connect.Statement) bool { return s.Number != number })
			r := connect.Resolve(of, connect.DefaultPrecedence())
			w := strings.Split(want, "|")
			class := ""
			if len(r.IPC) > 0 {
				class = r.IPC[0]
			}
			if got := []string{strings.Join(r.Owners, "、"), strings.Join(r.Applicants, "、"), r.Filing.String(), r.Grant.String(), class}; len(of) == 0 || !slices.Equal(got, w[:5]) && w[4] != "" || !slices.Equal(got[:4], w[:4]) {
				t.Errorf("%s: %s: %q, want %q", name, number, got, w)
			}
			if events := connect.Events(of); w[5] != "" && !slices.ContainsFunc(events, func(e patent.Event) bool { return e.Code+" "+e.Effective.String() == w[5] }) {
				t.Errorf("%s: %s: no %s in %+v", name, number, w[5], events)
			}
			if len(w) > 6 && (r.PaidThrough == nil || "paid "+fmt.Sprint(*r.PaidThrough) != w[6]) {
				t.Errorf("%s: %s: want %s", name, number, w[6])
			}
		}
	}
}

// No header names two fields: the report of a file would be chance.
func TestNoHeaderNamesTwoFields(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for field, list := range intake.Headers("patents") {
		for _, h := range list {
			if before, twice := seen[h]; twice && before != field {
				t.Errorf("%s names %s and %s", h, before, field)
			}
			seen[h] = field
		}
	}
}

// Files of different sources in any order, each also twice, make the same
// patent, the same events and the same dossier; only what an officer later says
// himself counts anew.
func TestOrderOfFilesChangesNothing(t *testing.T) {
	t.Parallel()
	db, svc := setup(t, storetest.URL(t))
	for _, i := range []string{"a", "b"} {
		if err := db.PutInstitution(t.Context(), i, "机构"+i, "test"); err != nil {
			t.Fatal(err)
		}
	}
	n := patent.Number{}
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		if round++; round > 3 { // each costs imports
			return
		}
		digits := fmt.Sprintf("20221%07d", 1000000+round)
		number, publication := digits+"."+string(patent.CheckDigit(digits)), fmt.Sprintf("CN1151%05d", round)
		files := []struct{ name, body string }{
			{"incopat.csv", "申请号,公开(公告)号,标题,申请人,当前权利人,专利类型,申请日,授权公告日,专利有效性,法律状态,法律文书日期,合享价值度,公开国别\nCN" + number + "," + publication + "B,一种接头,甲厂,乙公司,发明授权,20220110,20240305,有效,授权 | 20240305; 权利转移 | 20250107,20250107,9,中国\n"},
			{"patsnap.csv", "公开(公告)号,标题,[标]当前申请(专利权)人,申请号,申请日,授权日,专利类型,简单法律状态,法律状态/事件,转让人,受让人,权利转移生效日,专利价值\n" + publication + "B,一种接头,乙公司,CN" + number + ",2022-01-10,2024-03-05,授权发明,有效,授权 | 权利转移,甲厂,乙公司,2024-12-20,$ 5\n"},
			{"google.csv", "search URL:,https://x.invalid\nid,title,assignee,inventor/author,priority date,filing/creation date,publication date,grant date,result link\nCN-" + publication[2:] + "-A,Joint,甲厂,张甲,2022-01-10,2022-01-10,2022-06-07,,https://x.invalid\n"},
			{"gazette.txt", "专利权质押合同登记的生效\n专利号:ZL" + number + "\n登记号:Y2025980000001\n登记生效日:20250210\n出质人:乙公司\n质权人:丙银行\n"},
			{"register.txt", "专利登记簿副本\n专利号：" + number + "\n发明名称：一种管接头\n申请日：2022年01月10日\n授权公告日：2024年03月05日\n专利权人：乙公司\n法律状态：专利权维持\n年费缴纳情况：已缴纳至第 4 年度\n出具日期：2025年03月01日\n"},
			{"own.csv", "专利号,专利名称,专利权人,IPC分类号\n" + number + ",接头,丁公司,F16L 1/00\n"},
		}
		var err error
		if n, err = patent.ParseNumber(number); err != nil {
			rt.Fatal(err)
		}
		say := func(institution string, order []int) string {
			who := actor
			who.Institution = institution
			for _, i := range order {
				rep, err := intake.Run(t.Context(), db, svc, who, "patents", files[i].name, strings.NewReader(files[i].body), intake.Options{})
				if err != nil || rep.Rejected > 0 || rep.Accepted != 1 {
					rt.Fatalf("%s: %+v %v", files[i].name, rep, err)
				}
			}
			ctx := store.As(t.Context(), institution)
			p, err := db.Patent(ctx, string(n.Key()))
			if err != nil {
				rt.Fatal(err)
			}
			p.ID = 0
			d, err := dossier.Read(ctx, db, institution, n, patent.PledgeFacts{}, calendar.Date{Year: 2025, Month: 6, Day: 1}, calendar.Shipped())
			if err != nil {
				rt.Fatal(err)
			}
			a, _ := json.Marshal(p)
			b, _ := json.Marshal(d)
			return string(a) + "\n" + string(b)
		}
		plain := []int{0, 1, 2, 3, 4, 5}
		first := say("a", plain)
		order := rapid.Permutation(append(slices.Clone(plain), 0, 3, 5)).Draw(rt, "order")
		if again := say("b", order); first != again {
			i := 0
			for i < min(len(first), len(again)) && first[i] == again[i] {
				i++
			}
			i = max(0, i-200)
			rt.Fatalf("in the order %v:\n%s\n%s", order, first[i:min(len(first), i+600)], again[i:min(len(again), i+600)])
		}
		if !strings.Contains(first, `"owners":["乙公司"]`) || !strings.Contains(first, "一种管接头") || strings.Contains(first, "$ 5\",\"price") {
			rt.Fatalf("%s", first)
		}
	})
}
