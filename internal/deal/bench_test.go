package deal_test

import (
	"fmt"
	"strings"
	"testing"

	"zhijia/internal/deal"
)

// long is a text of 200 kB of each form that notices take.
func long() map[string]string {
	const size = 200_000
	filler := "本次交易已经学校办公会议审议通过，交易各方不存在关联关系。项目组在国家重点研发计划支持下历时5年完成，2022年度实现销售收入1,200万元，产品在12家企业应用。\n"
	return map[string]string{
		"table": "青山大学专利转让公示\n\n受让方：海川科技有限公司\n\n专利号\t专利名称\t转让价（万元）\n" + repeated("NUMBER\t一种高压离心泵及其密封检测方法\t6.8\n", size) + "\n公示期：2023年5月8日至2023年5月22日\n青山大学科技处\n2023年5月8日\n",
		"prose": "青山大学专利转让公示\n\n青山大学拟将发明专利“一种泵”（专利号：ZL202110345678.3）转让给海川科技有限公司，转让价格为人民币30万元。\n" + strings.Repeat(filler, size/len(filler)) + "\n青山大学科技处\n2023年5月8日\n",
		"items": "青山大学专利转让公示\n\n" + repeated("NUMBER，一种高压离心泵，转让给海川科技有限公司，转让价格3.5万元；\n", size) + "\n2023年5月8日\n",
	}
}

func BenchmarkRead(b *testing.B) {
	for name, text := range long() {
		b.Run(fmt.Sprintf("%s-%dkB", name, len(text)/1000), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := deal.Read(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
