package desk

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/deskfile"
	"zhijia/internal/lending"
	"zhijia/internal/patent"
	"zhijia/internal/store/storetest"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// cellCase is one row of a desk's file and what its decision must and must not
// be.
type cellCase struct {
	ID     string            `json:"id"`
	Set    map[string]string `json:"set"` // cells that differ from the base
	Why    string            `json:"why"`
	Only   []string          `json:"only"`   // verdicts allowed
	Never  []string          `json:"never"`  // verdicts forbidden
	Code   []string          `json:"code"`   // at least one of these among the reasons
	NoCode []string          `json:"nocode"` // none of these
}

// decideCells has a desk decide one row a case, each in a contract of its own,
// and returns the outcomes in the order of the cases.
func decideCells(t *testing.T, base map[string]string, cases []cellCase) []*deskfile.Outcome {
	t.Helper()
	columns := map[string]bool{}
	for _, c := range cases {
		for h := range c.Set {
			columns[h] = true
		}
	}
	for h := range base {
		columns[h] = true
	}
	columns["专利号/申请号"], columns["担保合同号"] = true, true
	header := slices.Sorted(maps.Keys(columns))
	table := [][]string{header}
	for i, c := range cases {
		cells := maps.Clone(base)
		cells["专利号/申请号"] = caseNumber(i)
		cells["担保合同号"] = fmt.Sprintf("C-%03d", i)
		maps.Copy(cells, c.Set)
		row := make([]string, len(header))
		for k, h := range header {
			row[k] = cells[h]
		}
		table = append(table, row)
	}
	d, _ := newDesk(t, storetest.URL(t))
	b, _, err := d.Submit(t.Context(), officer, "cases.xlsx", workbook(t, table), Options{Policy: lending.Policies()[lending.DefaultPolicy], Date: on})
	if err != nil {
		t.Fatal(err)
	}
	stop := work(t, d)
	wait(t, d, officer, b.ID)
	stop()
	r, err := d.Result(t.Context(), officer, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	var out []*deskfile.Outcome
	for o, err := range r.Rows {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
	if len(out) != len(cases) {
		t.Fatalf("%d outcomes of %d cases", len(out), len(cases))
	}
	return out
}

// wrong says in what an outcome differs from what the case wants, or "".
func (c *cellCase) wrong(o *deskfile.Outcome) string {
	verdict, codes := o.Decision.Zh, []string{}
	for _, r := range o.Decision.Reasons {
		codes = append(codes, r.Code)
	}
	for _, f := range o.Faults {
		codes = append(codes, f.Code)
	}
	if o.Status != "done" {
		verdict = lending.Supplement.Zh()
	}
	has := func(want string) bool { return slices.Contains(codes, want) }
	switch {
	case len(c.Only) > 0 && !slices.Contains(c.Only, verdict):
		return fmt.Sprintf("%s %v, want %v", verdict, codes, c.Only)
	case slices.Contains(c.Never, verdict):
		return fmt.Sprintf("%s %v, never %v", verdict, codes, c.Never)
	case len(c.Code) > 0 && !slices.ContainsFunc(c.Code, has):
		return fmt.Sprintf("%s %v, want one of %v", verdict, codes, c.Code)
	case slices.ContainsFunc(c.NoCode, has):
		return fmt.Sprintf("%s %v, want none of %v", verdict, codes, c.NoCode)
	}
	return ""
}

// cellFile is a file of cases: the base of every row, and what each changes.
type cellFile struct {
	Base  map[string]string `json:"base"`
	Cases []cellCase        `json:"cases"`
}

func readCells(t *testing.T, path string) (file cellFile, found bool) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		return file, false
	}
	if err := json.Unmarshal(body, &file); err != nil {
		t.Fatal(err)
	}
	return file, true
}

// The cells that were met in real files, with the decisions pledge law allows.
func TestSharedCells(t *testing.T) {
	t.Parallel()
	file, found := readCells(t, "../../../shared/cases/desk.json")
	if !found {
		t.Skip("needs ../shared/cases/desk.json")
	}
	decideFile(t, file)
}

// decideFile decides each case of a file from its row alone: no store is asked,
// and the value is given. TestCellsOfRows shows that a store decides the same.
func decideFile(t *testing.T, file cellFile) {
	t.Helper()
	right := 0
	for i, c := range file.Cases {
		cells := maps.Clone(file.Base)
		cells["专利号/申请号"] = caseNumber(i)
		maps.Copy(cells, c.Set)
		o := decideAlone(t, cells, nil)
		if wrong := c.wrong(&o); wrong != "" {
			t.Errorf("%s (%s): %s %v", c.ID, c.Why, wrong, c.Set)
			continue
		}
		right++
	}
	t.Logf("%d of %d right", right, len(file.Cases))
}

// Cells written from what pledge law asks, before the grammar was looked at.
func TestCellsOfFiles(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"testdata/cells.json", "testdata/cells_second.json"} {
		file, found := readCells(t, path)
		if !found {
			t.Fatal(path + " is missing")
		}
		decideFile(t, file)
	}
}

// Rows as desks write them, in words of our own, through a desk and its store.
func TestCellsOfRows(t *testing.T) {
	t.Parallel()
	base := map[string]string{
		"借款人名称": "宁波海棠新能源有限公司", "专利名称": "一种固态电解质膜及其制备方法", "专利类型": "发明", "申请日": "2018-05-14", "授权公告日": "2020-07-21", "专利权人": "宁波海棠新能源有限公司",
		"共有人及同意(Y/N)": "无", "年费缴至年度": "10", "质押/保全/无效/许可状态(as-of日期)": "无 2026-11-18", "上年产品收入(万元)": "1200", "许可费率(可空)": "1%", "拟贷金额(万元)": "0.1", "拟到期日": "2027-09-30",
	}
	const state, consent, owners = "质押/保全/无效/许可状态(as-of日期)", "共有人及同意(Y/N)", "专利权人"
	accept, refuse := []string{"可受理"}, []string{"不予受理"}
	joint := "宁波海棠新能源有限公司;宁波大学"
	cases := []cellCase{
		{ID: "as it is", Only: accept},
		{ID: "lists under one 无", Set: map[string]string{state: "无质押、保全、无效、许可 2026-11-18"}, Only: accept},
		{ID: "a pledge that was lifted says nothing of the rest", Set: map[string]string{state: "专利质押登记已注销 2026-11-18"}, Never: accept, NoCode: []string{"E09"}},
		{ID: "frozen in turn", Set: map[string]string{state: "轮候冻结 2026-11-18"}, Only: refuse, Code: []string{"E05"}},
		{ID: "expired", Set: map[string]string{state: "专利权有效期届满 2026-11-18"}, Only: refuse, Code: []string{"E02"}},
		{ID: "wholly invalid, whatever is declared", Set: map[string]string{state: "宣告专利权全部无效 2026-11-18", "声明": "E11：双方知悉无效程序，仍同意办理质押登记"}, Only: refuse, Code: []string{"E02"}},
		{ID: "a declaration that clears", Set: map[string]string{state: "被请求无效;无质押、保全 2026-11-18", "声明": "E11：双方知悉无效宣告程序，仍同意办理质押登记"}, Only: accept},
		{ID: "a text nobody knows", Set: map[string]string{state: "以卷宗为准 2026-11-18"}, Never: append(accept, "不予受理"), Code: []string{"F02"}},
		{ID: "consent in words", Set: map[string]string{owners: joint, consent: "宁波大学已书面同意质押"}, Only: accept},
		{ID: "consent taken back", Set: map[string]string{owners: joint, consent: "宁波大学同意；2026年10月撤回"}, Never: accept},
		{ID: "consent refused", Set: map[string]string{owners: joint, consent: "宁波大学未同意"}, Only: refuse, Code: []string{"E08"}},
		{ID: "an owner behind a slash", Set: map[string]string{owners: "宁波海棠新能源有限公司/宁波大学"}, Never: accept, Code: []string{"E08"}},
		{ID: "a third party agrees", Set: map[string]string{"借款人名称": "舟山渔火科技有限公司", "出质人及同意(Y/N)": "宁波海棠新能源有限公司;Y"}, Only: accept},
		{ID: "a third party refuses", Set: map[string]string{"借款人名称": "舟山渔火科技有限公司", "出质人及同意(Y/N)": "宁波海棠新能源有限公司 不同意"}, Only: refuse, Code: []string{"T01"}},
		{ID: "a third party is silent", Set: map[string]string{"借款人名称": "舟山渔火科技有限公司", "出质人及同意(Y/N)": "宁波海棠新能源有限公司"}, Never: accept, Code: []string{"T01"}},
		{ID: "software", Set: map[string]string{"专利类型": "软著", "专利号/申请号": "2021SR0123456"}, Never: accept, Code: []string{"right.copyright"}},
		{ID: "software by its number", Set: map[string]string{"专利类型": "", "专利号/申请号": "软著登字第1234567号"}, Never: accept, Code: []string{"right.copyright"}},
		{ID: "owner above", Set: map[string]string{owners: "〃"}, Never: accept},
		{ID: "a remark on a pledge", Set: map[string]string{"备注": "该专利已质押给中国银行"}, Never: accept, Code: []string{"F02"}},
		{ID: "a divisional", Set: map[string]string{"申请日": "2015-01-05", "授权公告日": "2019-07-21", "年费缴至年度": "13"}, Only: accept},
		{ID: "time of day", Set: map[string]string{"申请日": "2018-05-14T09:30:00", "拟到期日": "2027/9/30 0:00"}, Only: accept},
		{ID: "fees in words", Set: map[string]string{"年费缴至年度": "已缴至第10年度"}, Only: accept},
		{ID: "an invention with a twin in the file", Set: map[string]string{"专利名称": "一种双座阀"}, NoCode: []string{"E10"}},
		{ID: "its twin", Set: map[string]string{"专利名称": "一种双座阀", "专利类型": "实用新型", "专利号/申请号": "CN201820012345" + "." + string(patent.CheckDigit("201820012345"))}, Never: accept, Code: []string{"E10"}},
		{ID: "fees to a day", Set: map[string]string{"年费缴至年度": "2028-05-13"}, Only: accept},
	}
	outcomes := decideCells(t, base, cases)
	decidesTheSame(t, outcomes)
	for i, o := range outcomes {
		if wrong := cases[i].wrong(o); wrong != "" {
			t.Errorf("%s (%s): %s %v", cases[i].ID, cases[i].Why, wrong, cases[i].Set)
		}
		if strings.Contains(cases[i].ID, "twin") { // told by the row beside it
			continue
		}
		cells := maps.Clone(base)
		cells["专利号/申请号"], cells["担保合同号"] = caseNumber(i), "C-1"
		maps.Copy(cells, cases[i].Set)
		if alone := decideAlone(t, cells, nil); alone.Status != o.Status || alone.Decision.Verdict != o.Decision.Verdict || alone.Decision.Pledgeable != o.Decision.Pledgeable {
			t.Errorf("%s: from the row alone %s, pledgeable %q; with a store %s, %q", cases[i].ID, alone.Decision.Zh, alone.Decision.Pledgeable, o.Decision.Zh, o.Decision.Pledgeable)
		}
		word := slices.ContainsFunc(o.Decision.Conditions, func(r lending.Reason) bool { return r.Code == "W01" && r.Supply != "" })
		if o.Decision.Zh == "可受理" && !word {
			t.Errorf("%s: accepted on the row's word without the register's copy", cases[i].ID)
		}
	}
}

// caseNumber is the number of a case's patent.
func caseNumber(i int) string {
	digits := fmt.Sprintf("201812%06d", 1000+7*i)
	digits = "20181" + digits[5:]
	return "CN" + digits + "." + string(patent.CheckDigit(digits))
}

// decidesTheSame: what the batch drops of its rows to save memory is nothing that
// a decision reads.
func decidesTheSame(t *testing.T, outcomes []*deskfile.Outcome) {
	t.Helper()
	var full, slim []lending.Valued
	words := interner{}
	for i, o := range outcomes {
		v := o.Valued
		if i%3 == 0 {
			v.Flags = append(slices.Clone(v.Flags), terms.Flag{Note: terms.Note{Code: valuation.FlagUnreviewed, Zh: "未经复核"}})
		}
		full = append(full, v)
		v.Eligibility.Findings = slices.Clone(v.Eligibility.Findings)
		words.slim(&v)
		slim = append(slim, v)
	}
	for name, policy := range lending.Policies() {
		policy.Rules = maps.Clone(policy.Rules)
		policy.Rules["P17"] = lending.Rule{Severity: lending.Supplements, Source: "测试"}
		a, err := json.Marshal(lending.Decide(full, lending.Options{Policy: policy}, on))
		b, err2 := json.Marshal(lending.Decide(slim, lending.Options{Policy: policy}, on))
		if err != nil || err2 != nil || string(a) != string(b) || !strings.Contains(string(a), "P17") {
			t.Errorf("%s: the slim rows are decided otherwise, or nobody reads who approved: %v %v", name, err, err2)
		}
	}
}
