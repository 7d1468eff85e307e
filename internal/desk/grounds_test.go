package desk

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

var update = flag.Bool("update", false, "write the golden files anew")

// groundCase is one ground with one sort of evidence: cells of the desk's file
// and events on file.
type groundCase struct {
	code, sort string
	cells      map[string]string
	events     []patent.Event
}

func groundCases() []groundCase {
	event := func(code, day string) patent.Event {
		return patent.Event{Code: code, Effective: calendar.MustParse(day), Source: "公报"}
	}
	granted := patent.Event{Code: "GR01", Effective: calendar.MustParse("2020-06-09"), Source: "公报"}
	owned := func(names ...string) patent.Event {
		return patent.Event{Code: "TR01", Effective: calendar.MustParse("2021-03-01"), After: names, Source: "公报"}
	}
	const state, consent, owners, elements = "质押/保全/无效/许可状态(as-of日期)", "共有人及同意(Y/N)", "专利权人", "质押合同要素"
	model := map[string]string{"专利类型": "实用新型", "专利号/申请号": "CN202320100001." + string(patent.CheckDigit("202320100001")), "申请日": "2023-03-12", "授权公告日": "2023-12-01", "年费缴至年度": "5"}
	with := func(base map[string]string, more ...string) map[string]string {
		out := map[string]string{}
		for k, v := range base {
			out[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	set := func(more ...string) map[string]string { return with(nil, more...) }
	return []groundCase{
		{"E01", "positive", set(), []patent.Event{granted, owned("乙科技有限公司")}},
		{"E01", "negative", set(), []patent.Event{granted, owned("甲科技有限公司")}},
		{"E01", "unknown", set(owners, "-"), nil},
		{"E01", "contradicted", set(owners, "甲科技有限公司等2人"), nil},
		{"E02", "positive", set(state, "未缴年费终止失效 2026-11-20"), nil},
		{"E02", "negative", set(), []patent.Event{granted}},
		{"E02", "unknown", set(state, "-"), nil},
		{"E02", "contradicted", set(state, "失效 2026-11-20"), []patent.Event{granted}},
		{"E03", "positive", set(state, "实质审查的生效 2026-11-20", "授权公告日", ""), nil},
		{"E03", "negative", set(), []patent.Event{granted}},
		{"E03", "unknown", set("授权公告日", "详见附件"), nil},
		{"E03", "contradicted", set(state, "审中 2026-11-20"), nil},
		{"E04", "positive", set("年费缴至年度", "8"), nil},
		{"E04", "negative", set("年费缴至年度", "第10年度"), nil},
		{"E04", "unknown", set("年费缴至年度", "正常"), nil},
		{"E04", "contradicted", set("年费缴至年度", "已缴至第8年度或第10年度"), nil},
		{"E05", "positive", set(state, "查封 2026-11-20"), nil},
		{"E05", "negative", set(state, "无质押、保全、无效、许可 2026-11-20"), nil},
		{"E05", "unknown", set(state, "有效 2026-11-20"), nil},
		{"E05", "contradicted", set(state, "无质押、保全 2026-11-20"), []patent.Event{granted, event("PP01", "2026-10-08")}},
		{"E06", "positive", set("拟到期日", "2038-03-12"), nil},
		{"E06", "negative", set("拟到期日", "2038-03-11"), nil},
		{"E06", "unknown", set("拟到期日", "同上"), nil},
		{"E06", "contradicted", set("申请日", "2019-03-12"), nil},
		{"E07", "positive", set(elements, "已签订，未约定质押担保范围"), nil},
		{"E07", "negative", set(elements, "五项要素齐全"), nil},
		{"E07", "unknown", set(elements, "未签订"), nil},
		{"E07", "contradicted", set(elements, "齐全，缺担保范围"), nil},
		{"E08", "positive", set(owners, "甲科技有限公司;浙江大学", consent, "浙江大学没有同意"), nil},
		{"E08", "negative", set(owners, "甲科技有限公司;浙江大学", consent, "浙江大学;Y"), nil},
		{"E08", "unknown", set(owners, "甲科技有限公司，浙江大学", consent, "浙江大学：不反对"), nil},
		{"E08", "contradicted", set(owners, "甲科技有限公司;浙江大学", consent, "无"), nil},
		{"E09", "positive", set(state, "专利权质押合同登记的生效 2026-11-20"), nil},
		{"E09", "negative", set(state, "无质押、保全、无效、许可 2026-11-20"), nil},
		{"E09", "unknown", set(state, "曾质押 2026-11-20"), nil},
		{"E09", "contradicted", set(state, "无 2026-11-20"), []patent.Event{granted, {Code: "PE01", Effective: calendar.MustParse("2025-05-06"), Registration: "Y2025980000001", Party: "丙银行", Source: "公报"}}},
		{"E10", "positive", with(model, "声明", "E10：存在同日申请"), nil},
		{"E10", "declared", with(model, "声明", "E10：双方知悉同日申请，仍同意办理质押登记"), nil},
		{"E10", "negative", with(model, "声明", "E10：没有同日申请"), nil},
		{"E10", "unknown", model, nil},
		{"E10", "contradicted", with(model, "声明", "E10：可能有同日申请"), nil},
		{"E11", "positive", set(state, "无效宣告请求;无质押、保全 2026-11-20"), nil},
		{"E11", "declared", set(state, "无效宣告请求;无质押、保全 2026-11-20", "声明", "E11：双方知悉无效宣告程序，仍同意办理质押登记"), nil},
		{"E11", "negative", set(state, "无 2026-11-20"), nil},
		{"E11", "unknown", set(state, "无质押、保全 2026-11-20"), nil},
		{"E11", "contradicted", set(state, "无效宣告请求;无质押、保全 2026-11-20", "声明", "E11：质权人不同意继续办理"), nil},
		{"E12", "positive", set(state, "专利权部分无效 2026-11-20"), nil},
		{"E12", "negative", set(), nil},
		{"E12", "unknown", set("备注", "该专利涉权属纠纷"), nil},
		{"E12", "contradicted", set(state, "专利权部分无效;有效 2026-11-20"), nil},
	}
}

// The twelve statutory grounds, each with evidence for it, against it, none,
// and evidence that contradicts itself, as the officer reads them.
func TestGroundsFromTheFile(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	fmt.Fprintln(&out, lending.RulesVersion)
	for _, c := range groundCases() {
		d := decideGround(t, c)
		about := func(r lending.Reason) bool { return r.Code == c.code || r.Basis == lending.OfFile }
		fmt.Fprintf(&out, "%s %s：%s\n", c.code, c.sort, d.Zh)
		for _, r := range d.Reasons {
			if about(r) {
				fmt.Fprintf(&out, "  %s %s（%s）→%s\n", r.Code, r.Zh, r.Evidence, r.Supply)
			}
		}
		for _, r := range d.Conditions {
			if about(r) {
				fmt.Fprintf(&out, "  办理条件 %s %s（%s）→%s\n", r.Code, r.Zh, r.Evidence, r.Supply)
			}
		}
		hit := slices.ContainsFunc(d.Reasons, func(r lending.Reason) bool {
			return r.Code == c.code && (r.Severity != lending.Warns || c.code == "E10")
		})
		switch {
		case c.sort == "positive" && !hit, c.sort == "negative" && hit:
			t.Errorf("%s %s: %+v", c.code, c.sort, d.Reasons)
		case c.sort == "contradicted" && d.Verdict == lending.Accept:
			t.Errorf("%s %s is accepted", c.code, c.sort)
		}
	}
	const file = "testdata/grounds.txt"
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("differs from %s; run with -update and read the difference:\n%s", file, out.String())
	}
}

// decideGround decides the row of a case without a store: its value is given.
func decideGround(t rapid.TB, c groundCase) lending.Decision {
	t.Helper()
	cells := map[string]string{
		"借款人名称": "甲科技有限公司", "专利号/申请号": "CN201810100001." + string(patent.CheckDigit("201810100001")), "专利名称": "一种装置", "专利类型": "发明", "申请日": "2018-03-12", "授权公告日": "2020-06-09",
		"专利权人": "甲科技有限公司", "共有人及同意(Y/N)": "无", "年费缴至年度": "10", "质押/保全/无效/许可状态(as-of日期)": "无 2026-11-20", "上年产品收入(万元)": "1000", "拟贷金额(万元)": "10", "拟到期日": "2027-10-31", "担保合同号": "C-1",
	}
	maps.Copy(cells, c.cells)
	return decideAlone(t, cells, c.events).Decision
}

// decideAlone reads one row out of a file and decides it on what it says and on
// events of the register; its value is given.
func decideAlone(t rapid.TB, cells map[string]string, events []patent.Event) deskfile.Outcome {
	t.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	header := slices.Sorted(maps.Keys(cells))
	row := make([]string, len(header))
	for i, h := range header {
		row[i] = cells[h]
	}
	if err := w.WriteAll([][]string{header, row}); err != nil {
		t.Fatal(err)
	}
	o := deskfile.Outcome{Status: "done"}
	var v lending.Valued
	for line, err := range deskfile.Read(&b, "f.csv", deskfile.Options{On: on}) {
		if err != nil {
			t.Fatal(err)
		}
		if v.Row = line.Row; len(line.Faults) > 0 {
			o.Status, o.Faults = "refused", line.Faults
		}
	}
	policy := lending.Policies()[lending.DefaultPolicy]
	if v.Row.Kind == patent.UtilityModel {
		policy = lending.Policies()["BOCOM-HIST"] // the template takes none
	}
	v.Status, v.Point, v.Low, v.High, v.Forced, v.Calibration = valuation.Valued, money.Fen(100*money.Wan), money.Fen(80*money.Wan), money.Fen(120*money.Wan), money.Fen(50*money.Wan), "conformal"
	v.FromRow, v.State, v.Expiry = len(events) == 0, patent.Reduce(events, on), patent.Expiry(v.Row.Kind, v.Row.Filing, 0)
	stored := store.Patent{Owners: v.Row.Owners, Filing: v.Row.Filing}
	if v.FromRow {
		stored = store.Patent{}
	}
	v.Eligibility = patent.CheckPledge(pledgeFacts(&v, &stored, &stored, on, calendar.Shipped()))
	if len(o.Faults) > 0 {
		v = lending.Refused(v.Row, fault.Field{Code: o.Faults[0].Code, Zh: o.Faults[0].Zh})
	}
	o.Valued, o.Decision = v, lending.Decide([]lending.Valued{v}, lending.Options{Policy: policy}, on).Rows[0]
	return o
}

// A negation, condition or doubt before a consent never leads to an acceptance,
// whoever's consent it is and whichever cell holds it; a plain yes does.
func TestNoConsentIsReadOutOfARefusal(t *testing.T) {
	t.Parallel()
	const owner, partner = "甲科技有限公司", "浙江大学"
	rapid.Check(t, func(t *rapid.T) {
		consent := rapid.SampledFrom([]string{"同意", "已同意", "书面同意", "同意质押", "同意出质", "已出具同意函"}).Draw(t, "consent")
		negation := rapid.SampledFrom([]string{"", "不", "未", "没有", "尚未", "并未", "从未", "拒绝", "待", "暂不", "不再", "如获批准后", "曾", "原则上", "是否", "未必", "无法"}).Draw(t, "negation")
		cells := map[string]string{"专利权人": owner + ";" + partner, "共有人及同意(Y/N)": partner + rapid.SampledFrom([]string{"", "：", " ", ":"}).Draw(t, "joint") + negation + consent}
		if rapid.Bool().Draw(t, "third party") {
			cells = map[string]string{"借款人名称": "乙科技有限公司", "出质人及同意(Y/N)": owner + rapid.SampledFrom([]string{"", "：", " ", ";"}).Draw(t, "joint") + negation + consent}
			if rapid.Bool().Draw(t, "apart") {
				cells = map[string]string{"借款人名称": "乙科技有限公司", "出质人": owner, "出质人是否同意": negation + consent}
			}
		}
		d := decideGround(t, groundCase{cells: cells})
		if (d.Verdict == lending.Accept) != (negation == "") {
			t.Fatalf("%v: %s %+v", cells, d.Zh, d.Reasons)
		}
	})
}

// What the row alone states carries the register's copy as a condition, of a day
// that the policy allows; a statement a day older than that is accepted no more.
func TestTheRowsWordIsAsFreshAsThePolicyAsks(t *testing.T) {
	t.Parallel()
	limit := int(lending.Policies()[lending.DefaultPolicy].StaleDays.Value)
	for _, third := range []bool{false, true} {
		for age, want := range map[int]lending.Verdict{0: lending.Accept, limit - 1: lending.Accept, limit: lending.Accept, limit + 1: lending.Supplement} {
			cells := map[string]string{"质押/保全/无效/许可状态(as-of日期)": "无 " + on.AddDays(-age).String()}
			if third {
				cells["借款人名称"], cells["出质人及同意(Y/N)"] = "乙科技有限公司", "甲科技有限公司;Y"
			}
			d := decideGround(t, groundCase{cells: cells})
			copied := slices.ContainsFunc(d.Conditions, func(r lending.Reason) bool {
				return r.Code == "W01" && strings.Contains(r.Supply, on.AddDays(-limit).String())
			})
			signs := slices.ContainsFunc(d.Conditions, func(r lending.Reason) bool { return r.Code == "T01" })
			if d.Verdict != want || !copied || signs != third {
				t.Errorf("%d days old, third party %v: %s %+v, conditions %+v", age, third, d.Zh, d.Reasons, d.Conditions)
			}
		}
	}
}
