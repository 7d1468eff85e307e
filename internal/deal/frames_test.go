package deal_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/deal"
)

// saysWho are sentences with the same meaning: S sells P to B for 80万元.
var saysWho = []string{
	"S拟将P以80万元转让给B。", "S同意把P卖给B，转让价80万元。", "S已将P过户至B，成交价80万元。",
	"S向B转让P，转让费80万元。", "B向S购买了P，价款80万元。", "B从S处购得P，价款80万元。",
	"经协商，P由S转让予B，转让价格80万元。", "B出资80万元受让S的P。", "B以80万元的价格买下S名下的P。",
	"P归S所有，现由B以80万元承接。", "S与B签订合同，将P转让给对方，合同金额80万元。", "B与S签订合同，受让P，合同金额80万元。",
}

// TestWhoDealsWithWhom holds the skeletons of sentences to what they say,
// whatever the names, the order and the verb.
func TestWhoDealsWithWhom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		town := rapid.SampledFrom([]string{"青岚", "云溪", "霜桥", "沧浪"})
		trade := rapid.SampledFrom([]string{"光电", "机械", "涂料", "投资", "仪表", "水务"})
		seller := town.Draw(t, "town") + rapid.SampledFrom([]string{"理工大学", "材料研究所", "市人民医院", "农业科学院"}).Draw(t, "seller")
		buyer := town.Draw(t, "town of the buyer") + trade.Draw(t, "trade") + rapid.SampledFrom([]string{"有限公司", "股份有限公司", "有限责任公司", "集团有限公司"}).Draw(t, "form")
		if rapid.Bool().Draw(t, "two companies") {
			seller = town.Draw(t, "town of the seller") + "晨阳" + trade.Draw(t, "trade of the seller") + "有限公司"
		}
		sentence := rapid.SampledFrom(saysWho).Draw(t, "sentence")
		text := strings.NewReplacer("S", seller, "B", buyer, "P", "“一种泵壳密封结构”专利（ZL202110345678.3）").Replace(sentence) + "\n2023年5月8日\n"
		reading, err := deal.Read(text)
		if err != nil || len(reading.Rows) != 1 {
			t.Fatalf("%s: %+v, %v", text, reading, err)
		}
		r := reading.Rows[0]
		if r.Seller != seller || r.Buyer != buyer || r.Amount == nil || *r.Amount != 800_000 {
			t.Fatalf("%shave %s to %s for %s", text, r.Seller, r.Buyer, amount(r.Amount))
		}
	})
}

// TestSidesByTheirLabels holds labels to their parts: what a side does, and what
// it is called.
func TestSidesByTheirLabels(t *testing.T) {
	for _, first := range []string{"", "拟", "◆ "} {
		for buys, sells := range map[string]string{
			"受让主体": "出让主体", "承接单位": "处置单位", "受让": "出让", "购买企业": "出售企业", "买家": "卖家", "被许可机构": "许可机构", "引进单位名称": "转让单位名称", "变更后": "变更前",
		} {
			for _, mark := range []string{"：", "\t"} {
				text := fmt.Sprintf("专利转让信息\n%s%s%s青岚光电有限公司\n%s%s%s云溪仪表厂\n专利号：ZL202110345678.3\n转让价：8万元\n2023年5月8日\n", first, buys, mark, first, sells, mark)
				reading, err := deal.Read(text)
				if err != nil || len(reading.Rows) != 1 || reading.Rows[0].Buyer != "青岚光电有限公司" || reading.Rows[0].Seller != "云溪仪表厂" {
					t.Errorf("%s%+v, %v", text, reading.Rows, err)
				}
			}
		}
	}
}
