package reading

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func readOf(text string) (out []string) {
	for _, f := range readFacts(text) {
		s := fmt.Sprintf("%s=%v", f.key, f.value)
		if f.blocked != "" {
			s += " !" + f.blocked
		}
		out = append(out, s)
	}
	return out
}

func TestFactsOfMaterials(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		text string
		want []string
	}{
		"register": {
			"专利登记簿副本\n专利号：ZL 2021 1 0345678.3\n发明名称：一种泵\n专利权人：青山大学；海川科技有限公司\n申请日：2021年3月30日\n授权公告日：2022年5月6日\n法律状态：专利权维持\n年费缴纳情况：年费已缴至第5年度\n质押登记：无\n主分类号：F04D 29/42",
			[]string{"patent.number=202110345678.3", "patent.title=一种泵", "patent.owners=[青山大学 海川科技有限公司]", "patent.filing_date=2021-03-30", "patent.grant_date=2022-05-06", "patent.standing=alive", "patent.paid_through_year=5", "patent.pledged=no", "patent.ipc=[F04D 29/42]"},
		},
		"register in cells": {
			"申请日\t2021年3月30日\t授权公告日\t2022.05.06\n专利权人\t青山大学\n专利类型\t发明专利",
			[]string{"patent.filing_date=2021-03-30", "patent.grant_date=2022-05-06", "patent.owners=[青山大学]", "patent.kind=invention"},
		},
		"what is not understood is unknown": {
			"法律状态：尚未终止\n申请日：见附件\n质押登记：详见第三页\n专利类型：发明/实用新型",
			[]string{"patent.standing=<nil> !fact.not_understood", "patent.filing_date=<nil> !fact.not_understood", "patent.pledged=<nil> !fact.not_understood", "patent.kind=<nil> !fact.not_understood"},
		},
		"licence": {
			"专利实施许可合同\n许可方：青山大学\n被许可方：海川科技有限公司\n许可方式：普通许可\n许可使用费：入门费人民币伍拾万元整，另按净销售额的3.5%提成。\n许可期限：5年，自2023年1月1日至2027年12月31日止。",
			[]string{"licence.licensor=青山大学", "licence.licensee=海川科技有限公司", "licence.kind=plain_licence", "licence.lump_sum=500000", "licence.royalty_rate=0.035", "licence.term_years=5", "licence.begins=2023-01-01", "licence.ends=2027-12-31"},
		},
		"licence form with boxes, rate beyond reason, yearly fee": {
			"许可方式：□独占许可 ☑普通许可\n被许可方按销售额的80%支付，许可费每年20万元，许可期限不详。",
			[]string{"licence.kind=<nil> !fact.not_understood", "licence.royalty_rate=<nil> !fact.not_understood"},
		},
		"sheet": {
			"利润表\n单位：万元\n项目\t2023年度\t2022年度\n一、营业收入\t12,000.50\t(300)\n专利产品收入\t800\t650\n净利润\t90\n",
			[]string{"company.revenue@2022=-3e+06", "company.revenue@2023=1.20005e+08", "income.revenue@2022=6.5e+06", "income.revenue@2023=8e+06", "company.net_profit=<nil> !fact.columns"},
		},
		"sheet without a unit": {"项目  2023年  2022年\n专利产品收入  800  650", []string{"income.revenue@2023=<nil> !fact.no_unit", "income.revenue@2022=<nil> !fact.no_unit"}},
		"sentences":            {"公司2022年度专利产品收入为3,200万元，预计2025年专利产品收入将达9000万元。2023年营业收入同比增长200万元。", []string{"income.revenue@2022=3.2e+07"}},
		"receipt":              {"缴费收据\n申请号：202110345678.3\n缴费年度：第8年\n金额合计：2000元\n缴费日期：2024-03-01", []string{"patent.number=202110345678.3", "patent.paid_through_year=8", "receipt.amount=2000", "receipt.date=2024-03-01"}},
		"wrong digit":          {"专利号：ZL202110345678.4", []string{"patent.number=202110345678.4 !fact.check_digit"}},
		"nothing":              {"今天天气很好。", nil},
	} {
		got := readOf(x.text)
		slices.Sort(got)
		slices.Sort(x.want)
		if !slices.Equal(got, x.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, x.want)
		}
	}
}

// Every quote is word for word at its place, and a value is never of another
// field than its label's, whatever stands around it.
func TestFactsStandWhereTheySay(t *testing.T) {
	t.Parallel()
	word := rapid.SampledFrom([]string{"申请日：", "2021年3月30日", "授权公告日", "\t", "\n", "专利权人：", "青山大学", "、", "许可费", "人民币五十万元", "销售额的5%", "单位：万元", "2023年度", "营业收入", " ", "800", "(3)", "年费已缴至第5年度", "\u3000", "法律状态：", "有效", "专利号：ZL202110345678.3", "。"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(word, 0, 40).Draw(t, "words"), "")
		for _, f := range readFacts(text) {
			if f.start < 0 || f.end > len(text) || f.start >= f.end {
				t.Fatalf("%s stands at %d to %d of %d", f.key, f.start, f.end, len(text))
			}
			if f.value == nil != (f.blocked != "") && f.blocked != "fact.check_digit" {
				t.Fatalf("%s: value %v, blocked %q", f.key, f.value, f.blocked)
			}
		}
	})
}

func TestElsewhere(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		text, blocked string
	}{
		{"专利号：ZL202110345678.3\n申请日：2021年3月30日", ""},
		{"专利号：ZL201310543019.6\n申请日：2021年3月30日", "fact.other_patent"},
		{"专利号：ZL202110345678.3\n专利号：ZL201310543019.6\n申请日：2021年3月30日", "fact.several_patents"},
	} {
		all := readFacts(x.text)
		elsewhere("CN202110345678.3", all)
		if got := all[len(all)-1].blocked; got != x.blocked {
			t.Errorf("%q: %q, want %q", x.text, got, x.blocked)
		}
	}
}

func FuzzFacts(f *testing.F) {
	f.Add("申请日：2021年3月30日")
	f.Fuzz(func(t *testing.T, text string) {
		for _, x := range readFacts(text) {
			_ = text[x.start:x.end]
		}
	})
}
