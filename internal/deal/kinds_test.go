package deal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/deal"
)

// Kinds of wording, each with texts of its own. A row is written
// numbers|amount|price kind|deal kind|seller|buyer|date|status; - is any.
func TestKindsOfWording(t *testing.T) {
	const pump, valve, clamp = "202110345678.3", "202010877213.8", "201920714405.X"
	for name, c := range map[string]struct {
		text string
		rows []string
	}{
		"items whose lines are set in, one deal each": {
			"【成交快讯】海州技术市场2024年3月成交信息\n\n（1）一种泵壳（专利号" + pump + "）\n  卖方：青山大学　买方：海川科技有限公司　成交价：3.8万元\n（2）锻件夹具（专利号" + clamp + "）\n  卖方：青山大学　买方：明远装备有限公司　成交价：2.6万元\n信息发布日期：2024年3月29日\n",
			[]string{pump + "|38000.00|each|assignment|青山大学|海川科技有限公司|2024-03-29|-", clamp + "|26000.00|each|assignment|青山大学|明远装备有限公司|2024-03-29|-"},
		},
		"a ceiling of the milestones alone": {
			"关于签署专利许可协议的公告\n\n海川生物股份有限公司于2022年12月5日与明远医疗器械有限公司签署《专利许可协议》，海川生物股份有限公司授予明远医疗器械有限公司独家实施专利“一种泵壳”（" + pump + "）的权利，后者支付首付款人民币2,000万元，累计不超过1.5亿元的里程碑付款，以及净销售额6%的提成。\n",
			[]string{pump + "|20000000.00|upfront_plus_royalty|exclusive_licence|海川生物股份有限公司|明远医疗器械有限公司|2022-12-05|-"},
		},
		"a letter to the buyer": {
			"致：海川陶瓷股份有限公司\n贵司来函收悉。我校确认，已于2023年9月25日将第" + pump + "号发明专利“一种泵壳”转让予贵司，转让费30万元已于9月28日收讫。\n青山陶瓷学院\n2023年10月12日\n",
			[]string{pump + "|300000.00|total|assignment|青山陶瓷学院|海川陶瓷股份有限公司|2023-09-25|-"},
		},
		"whom a notice means to license": {
			"青山大学专利许可（独占）公示\n一、专利：一种泵壳，ZL" + pump + "\n二、拟许可企业：海川科技有限公司\n三、许可价格：总价60万元\n四、公示期：自2024年1月2日至2024年1月16日止\n青山大学\n2024年1月2日\n",
			[]string{pump + "|600000.00|total|exclusive_licence|青山大学|海川科技有限公司|2024-01-02|-"},
		},
		"a session, whose count is of all lots": {
			"海州日报讯 12月8日，在第三届科技成果竞价（拍卖）会上，来自青山大学的发明专利“一种泵壳”经过11轮竞价，最终被海川科技有限公司以158万元拍得。该专利起拍价为60万元，专利号为ZL" + pump + "。会上共推出21项成果。\n（2023年12月9日）\n",
			[]string{pump + "|1580000.00|hammer|auction|青山大学|海川科技有限公司|2023-12-08|-"},
		},
		"a person told by a trade": {
			"海州中学教师顾晚舟所有的“一种泵壳”实用新型专利（ZL" + clamp + "），2023年4月3日以2,000元转让予海川仪器有限公司。\n",
			[]string{clamp + "|2000.00|total|assignment|顾晚舟|海川仪器有限公司|2023-04-03|-"},
		},
		"labels in square brackets": {
			"科技成果转让信息\n\n【专利名称】一种离心泵叶轮平衡方法\n【专利号】ZL" + pump + "\n【专利权人】青山大学\n【意向企业】海川科技有限公司\n【转让价格】12万元\n【公示时间】2023/5/8—2023/5/22\n\n青山大学科技处\n",
			[]string{pump + "|120000.00|total|assignment|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"the buyer asks for it": {
			"明远装备有限公司近日来函，有意购买我校《阀门密封检测方法》（ZL" + valve + "）的全部权利。学校同意以人民币壹拾伍万元整出让。\n公示期七天。\n\n海州理工学院科技处\n2024年3月5日\n",
			[]string{valve + "|150000.00|total|assignment|海州理工学院|明远装备有限公司|2024-03-05|proposed"},
		},
		"taken from whom, as an object": {
			"技术交易鉴证结果\n\n经海州技术产权交易所鉴证，启正新材料有限公司受让北岭化工研究所“膜分离装置”专利（ZL" + pump + "），成交价88万元。\n合同签订日：2022年4月8日\n",
			[]string{pump + "|880000.00|total|assignment|北岭化工研究所|启正新材料有限公司|2022-04-08|concluded"},
		},
		"a contract got by the other side": {
			"青山大学专利转让情况通报\n\n海川科技有限公司于2021年12月9日与我校签署合同，购得我校“一种泵壳”（ZL" + pump + "），价款6.5万元。\n\n青山大学\n2021年12月20日\n",
			[]string{pump + "|65000.00|total|assignment|青山大学|海川科技有限公司|2021-12-09|concluded"},
		},
		"a report of lots": {
			"高校专利拍卖会成交快报\n\n2022年9月23日，拍卖会举行：\n【1号】青山大学选送的《一种泵壳》（专利号：" + pump + "），10万元起拍，落槌价31万元，由海川科技有限公司竞得；\n【2号】海州理工学院选送的《阀门密封检测方法》（专利号：" + valve + "），22万元起拍，无人出价，未能成交。\n",
			[]string{pump + "|310000.00|hammer|auction|青山大学|海川科技有限公司|2022-09-23|concluded", valve + "|220000.00|ask|auction|海州理工学院||2022-09-23|ask"},
		},
		"steps of a bidding are no price": {
			"专利权网络拍卖公告\n\n拍卖标的：北岭化工研究所持有的“膜分离装置”发明专利（专利号 " + pump + "）\n起拍价：¥320,000\n保证金：¥30,000\n加价阶梯：¥2,000\n自由竞价时间：2024年5月20日9:00至5月22日9:00\n发布时间：2024年4月29日\n",
			[]string{pump + "|320000.00|ask|auction|北岭化工研究所||2024-04-29|ask"},
		},
		"a person who bids": {
			"海川机械有限公司破产管理人报告\n\n本管理人将海川机械有限公司名下专利“夹具”（ZL" + clamp + "）上网拍卖。一拍起拍价5万元，无人报名；2022年11月15日由自然人竞买人欧阳澄以4.2万元竞得。\n\n海川机械有限公司管理人\n2022年11月21日\n",
			[]string{clamp + "|42000.00|hammer|auction|海川机械有限公司|欧阳澄|2022-11-15|concluded"},
		},
		"a final bid": {
			"技术产权成交公告\n\n受让人  海川科技有限公司\n出让人  青山大学\n标的  “离心泵叶轮平衡方法”发明专利权\n专利号  ZL" + pump + "\n挂牌价  160,000元\n竞价方式  动态报价\n最终报价  201,000元\n成交确认日  2023-10-17\n",
			[]string{pump + "|201000.00|hammer|auction|青山大学|海川科技有限公司|2023-10-17|concluded"},
		},
		"an amount in two units": {
			"专利权转让合同\n\n转让方：青山大学\n受让方：海川科技有限公司\n标的：一种泵壳，ZL" + pump + "\n转让费共计12万5千元，2021年6月10日前支付6万元。\n本合同于2021年5月19日签订。\n",
			[]string{pump + "|125000.00|total|assignment|青山大学|海川科技有限公司|2021-05-19|concluded"},
		},
		"a sublicence under a head licence": {
			"再许可合同\n\n许可人：海川科技有限公司\n被许可人：启正新材料有限公司\n许可人依据其与青山大学于2020年1月订立的独占许可合同，以普通许可形式再许可被许可人使用专利“一种泵壳”（ZL" + pump + "），再许可费3万元。\n本合同于2021年5月19日签订。\n",
			[]string{pump + "|30000.00|total|plain_licence|海川科技有限公司|启正新材料有限公司|2021-05-19|concluded"},
		},
		"licences to and fro": {
			"关于专利互授许可的协议\n\n（1）海川科技有限公司授权启正新材料有限公司使用“一种泵壳”（ZL" + pump + "），普通许可；\n（2）启正新材料有限公司授权海川科技有限公司使用“阀门密封检测方法”（ZL" + valve + "），普通许可；\n（3）上述授权均为无偿。\n\n签署日期：2022年1月14日\n",
			[]string{pump + "|0.00|free|plain_licence|海川科技有限公司|启正新材料有限公司|2022-01-14|concluded", valve + "|0.00|free|plain_licence|启正新材料有限公司|海川科技有限公司|2022-01-14|concluded"},
		},
		"a valuation in a title": {
			"专利权转让合同书\n\n甲方（受让）：海川科技有限公司\n乙方（出让）：青山大学\n\n标的及价款：\n（1）《一种泵壳》，ZL" + pump + "，45,000元；\n（2）《设备价值评估与收益预测方法》，ZL" + valve + "，120,000元。\n\n签约时间：2019年11月28日\n",
			[]string{pump + "|45000.00|each|assignment|青山大学|海川科技有限公司|2019-11-28|concluded", valve + "|120000.00|each|assignment|青山大学|海川科技有限公司|2019-11-28|concluded"},
		},
		"one price for each of an item": {
			"青山大学成果转让公告\n\n我校与海川科技有限公司于2024年2月26日签订转让合同，标的如下：\nA. 发明专利“离心泵叶轮平衡方法”（ZL" + pump + "），作价22.5万元；\nB. 专利“阀门密封检测方法”（ZL" + valve + "）、“锻件夹具”（ZL" + clamp + "），各1.5万元；\n\n青山大学\n2024年3月1日\n",
			[]string{pump + "|225000.00|each|assignment|青山大学|海川科技有限公司|2024-02-26|concluded", valve + "|15000.00|each|assignment|青山大学|海川科技有限公司|2024-02-26|concluded", clamp + "|15000.00|each|assignment|青山大学|海川科技有限公司|2024-02-26|concluded"},
		},
		"a mark that changes the unit": {
			"青山大学专利转让明细表（单位：元）\n\n签约日\t成果\t专利号\t受让方\t金额\n2020/1/16\t一种泵壳\tZL" + pump + "\t海川科技有限公司\t12,000\n2020/5/29\t阀门检测方法\tZL" + valve + "\t启正新材料有限公司\t28.6#\n注：标#的金额单位为万元。\n",
			[]string{pump + "|12000.00|each|assignment|青山大学|海川科技有限公司|2020-01-16|-", valve + "|286000.00|each|assignment|青山大学|启正新材料有限公司|2020-05-29|-"},
		},
		"quoted corrections": {
			"关于更正专利转让公示的说明\n\n本校9月2日公示的向海川科技有限公司转让专利事项有误：\n原文“专利号：ZL202110345687.9”，应为“ZL" + pump + "”；\n原文“转让价格：3.6万元”，应改为“转让价格：3.06万元”。\n青山大学\n2023年9月6日\n",
			[]string{pump + "|30600.00|total|assignment|青山大学|海川科技有限公司|2023-09-06|proposed"},
		},
		"put into a company": {
			"青山大学科技成果作价入股公示\n\n成果：“一种泵壳”，ZL" + pump + "。\n方式：以上述发明专利作价270万元，投入海州启帆科技有限公司，取得其30%股权。\n公示期间：2021年4月19日起15日\n青山大学\n",
			[]string{pump + "|2700000.00|total|contribution|青山大学|海州启帆科技有限公司|2021-04-19|proposed"},
		},
		"an open licence with a yearly fee": {
			"青山大学专利开放许可声明\n\n专利“一种泵壳”（ZL" + pump + "），许可使用费每年1.5万元，被许可人不得转给他人使用。\n声明日：2023年12月11日\n",
			[]string{pump + "|15000.00|ask|plain_licence|青山大学||2023-12-11|ask"},
		},
		"so much for every unit sold": {
			"北岭化工研究所专利许可公示\n\n我所拟以排他方式许可海川科技有限公司实施发明专利“膜清洗方法”（ZL" + pump + "），入门费35万元，此后每销售一台设备提取600元。自合同签订之日起4年有效。\n\n北岭化工研究所\n2020年10月12日\n",
			[]string{pump + "|350000.00|upfront_plus_royalty|sole_licence|北岭化工研究所|海川科技有限公司|2020-10-12|proposed"},
		},
		"a first year that is free": {
			"专利开放许可声明\n\n专利权人：青山大学\n专利名称：一种泵壳；专利号：ZL" + pump + "\n许可费：每年2万元，首年免收\n许可期：自公告之日起至2026年3月31日\n公告日：2023年4月12日\n",
			[]string{pump + "|20000.00|ask|plain_licence|青山大学||2023-04-12|ask"},
		},
		"licensed in a manner": {
			"专利实施许可公示\n\n北岭化工研究所拟将下列专利以独占许可方式授权海川科技有限公司实施，许可费120万元，许可期限5年：ZL" + pump + " 一种提纯方法\n公示日期：2020年9月8日至2020年9月22日\n北岭化工研究所\n",
			[]string{pump + "|1200000.00|total|exclusive_licence|北岭化工研究所|海川科技有限公司|2020-09-08|proposed"},
		},
		"a manner of sale is no sale": {
			"青山大学附属第一医院成果转化公示\n\n成果名称：一种净化罩\n专利号：ZL" + pump + "\n权利人：青山大学附属第一医院\n拟受让企业：海川科技有限公司\n成交方式及价格：协议定价，13万元\n公示时间：2023年2月20日—2023年3月6日\n",
			[]string{pump + "|130000.00|total|assignment|青山大学附属第一医院|海川科技有限公司|2023-02-20|proposed"},
		},
		"signed on the day of the board": {
			"证券代码：300999\n海川股份有限公司关于购买专利权的公告\n\n公司拟以自有资金向北岭化工研究所购买“膜分离装置”（ZL" + pump + "）专利，交易价格为260万元。2022年3月18日，公司第五届董事会第七次会议审议通过，同日双方签署转让协议。\n\n海川股份有限公司董事会\n2022年3月21日\n",
			[]string{pump + "|2600000.00|total|assignment|北岭化工研究所|海川股份有限公司|2022-03-18|concluded"},
		},
		"a table with a price left open": {
			"专利许可公示\n\n许可方：青山大学\n被许可方：海川科技有限公司\n\n|专利号|名称|许可方式|许可费|\n|---|---|---|---|\n|ZL" + pump + "|一种泵壳|独占许可|60万元|\n|ZL" + valve + "|阀门密封检测方法|普通许可|面议|\n\n公示期：2023.05.08-2023.05.22\n",
			[]string{pump + "|600000.00|each|exclusive_licence|青山大学|海川科技有限公司|2023-05-08|proposed", valve + "||none|plain_licence|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"a corrected name": {
			"更正公告\n\n我校发布的专利转让公示中，转让价格由“26万元”更正为“28万元”，受让方名称由“海川材料有限公司”更正为“海川科技有限公司”。\n专利名称：一种泵壳，专利号ZL" + pump + "。\n青山大学\n2023年3月8日\n",
			[]string{pump + "|280000.00|total|assignment|青山大学|海川科技有限公司|2023-03-08|proposed"},
		},
		"prices in turn": {
			"青山大学专利转让公示\n\n拟将1.一种泵壳（ZL" + pump + "）2.阀门密封检测方法（ZL" + valve + "）转让给海川科技有限公司，转让费依次为1万元、8万元。\n2022年10月10日\n",
			[]string{pump + "|10000.00|each|assignment|青山大学|海川科技有限公司|2022-10-10|proposed", valve + "|80000.00|each|assignment|青山大学|海川科技有限公司|2022-10-10|proposed"},
		},
		"an open licence for nothing": {
			"专利开放许可声明\n\n专利权人：青山大学\n专利号：ZL" + pump + "\n发明名称：泵壳\n许可使用费：0元\n声明日：2023年5月10日\n",
			[]string{pump + "|0.00|free|plain_licence|青山大学||2023-05-10|ask"},
		},
		"whose the lot is": {
			"专利权转让项目成交信息\n标的名称：北岭化工研究所“膜分离装置”发明专利（" + pump + "）\n成交方式：网络竞价\n成交价：人民币53.5万元\n受让方：海川科技有限公司\n合同签订日期：2021-06-18\n",
			[]string{pump + "|535000.00|hammer|auction|北岭化工研究所|海川科技有限公司|2021-06-18|concluded"},
		},
		"sold off after auctions that failed": {
			"海川机械有限公司管理人关于专利权处置的报告\n\n海川机械有限公司名下专利“夹具”（ZL" + clamp + "）经两次拍卖流拍后，于2023年4月3日以10.6万元变卖给启正新材料有限公司。\n海川机械有限公司管理人\n2023年4月10日\n",
			[]string{clamp + "|106000.00|hammer|auction|海川机械有限公司|启正新材料有限公司|2023-04-03|concluded"},
		},
		"a person who sells, and a short name": {
			"海州省高级人民法院民事判决书\n\n上诉人明远装备有限公司。\n查明：2015年4月8日，高建国与明远公司签订专利权转让合同，高建国将ZL" + clamp + "“夹具”实用新型专利转让给明远装备有限公司，转让费28万元。明远公司已付10万元。\n判决：驳回上诉，维持原判。\n二〇一八年九月三日\n",
			[]string{clamp + "|280000.00|total|assignment|高建国|明远装备有限公司|2015-04-08|concluded"},
		},
		"the fee of the head licence": {
			"专利分许可协议\n分许可人：海川科技有限公司\n分被许可人：启正新材料有限公司\n根据2019年5月10日青山大学与分许可人签订的《独占实施许可合同》（许可费100万元），分许可人将ZL" + pump + "“泵壳”以普通许可方式分许可给分被许可人，分许可费为人民币12万元。\n签订日期：2020年7月1日\n",
			[]string{pump + "|120000.00|total|plain_licence|海川科技有限公司|启正新材料有限公司|2020-07-01|concluded"},
		},
		"a day of signing without a year": {
			"本报讯 4月18日，青山大学与海川科技有限公司签订专利转让协议，将“单晶铜箔制备技术”发明专利以1,200万元转让给后者。（2023年4月20日《海州日报》）\n",
			[]string{"|12000000.00|total|assignment|青山大学|海川科技有限公司|2023-04-18|concluded"},
		},
		"a period told in days first": {
			"青山大学专利转让公示\n\n发明人\t专利号\t专利名称\t受让人\t价格\n李某\tZL" + pump + "\t一种泵壳\t海川科技有限公司\t人民币6万元整\n公示期为15日（2023年9月4日-2023年9月18日）。\n青山大学科研院\n",
			[]string{pump + "|60000.00|-|assignment|青山大学|海川科技有限公司|2023-09-04|proposed"},
		},
		"a label that is spread": {
			"青山大学附属第一医院关于专利转让的公示\n我院拟转让发明专利1项：\n专利名称：一种体位固定架\n申请号：" + pump + "\n受 让 方：海川科技有限公司\n转让价格：32万元\n公示时间：2022.7.4至2022.7.18\n",
			[]string{pump + "|320000.00|total|assignment|青山大学附属第一医院|海川科技有限公司|2022-07-04|proposed"},
		},
		"a letter of confirmation to a person": {
			"网络拍卖成交确认书\n标的物：启正印刷有限公司（破产）“夹具”专利权（ZL" + clamp + "）\n用户姓名李卫民通过竞买号T7712于2022/09/14在启正印刷有限公司管理人于网络平台开展的公开竞价中，以最高应价胜出。\n成交价格：¥23,500\n",
			[]string{clamp + "|23500.00|hammer|auction|启正印刷有限公司|李卫民|2022-09-14|concluded"},
		},
		"bought from a person": {
			"股票代码：430999\n海川股份有限公司购买资产的公告\n公司以人民币95万元的价格，从自然人马国良处购买发明专利“泵壳”（专利号ZL" + pump + "）。\n协议签署日期：2019年8月15日\n海川股份有限公司董事会\n2019年8月16日\n",
			[]string{pump + "|950000.00|total|assignment|马国良|海川股份有限公司|2019-08-15|concluded"},
		},
		"a subsidiary by its name": {
			"股票代码：430999\n海川股份有限公司关于授权子公司使用专利的公告\n公司将“泵壳”（ZL" + pump + "）以普通许可方式无偿许可控股子公司海川智造（海州）有限公司使用，2020年3月1日签署许可合同。\n海川股份有限公司董事会\n2020年3月2日\n",
			[]string{pump + "|0.00|free|plain_licence|海川股份有限公司|海川智造（海州）有限公司|2020-03-01|concluded"},
		},
		"parties of an award": {
			"仲裁裁决书（摘要）\n申请人：青山大学 被申请人：海川科技有限公司\n2020年6月1日，双方签订专利权转让合同，约定申请人将“泵壳”（ZL" + pump + "）专利权以150万元转让予被申请人。\n裁决：被申请人支付剩余转让款100万元。\n海州仲裁委员会 2021年9月2日\n",
			[]string{pump + "|1500000.00|total|assignment|青山大学|海川科技有限公司|2020-06-01|concluded"},
		},
		"held by one, published by another": {
			"公示\n拟将青山大学持有的下列知识产权作价入股海州启帆科技有限公司：\n1．泵壳（ZL" + pump + "），作价80万元\n2．阀门（ZL" + valve + "），作价20万元\n公示期：2021年10月8日-10月22日\n青山大学资产经营有限公司\n",
			[]string{pump + "|800000.00|each|contribution|青山大学|海州启帆科技有限公司|2021-10-08|proposed", valve + "|200000.00|each|contribution|青山大学|海州启帆科技有限公司|2021-10-08|proposed"},
		},
		"labels in English": {
			"Patent Licence Notice\nLicensor: Qingshan University\nLicensee: Haichuan Pumps Inc.\nLicense type: sole license\nPatent No.: ZL " + pump + "\nLicense fee: CNY 600,000, payable in two instalments of CNY 300,000\nSigning Date: March 3, 2021\n",
			[]string{pump + "|600000.00|total|sole_licence|Qingshan University|Haichuan Pumps Inc.|2021-03-03|concluded"},
		},
		"money put into a company": {
			"青山大学专利作价增资公示\n青山大学拟以“泵壳”（ZL" + pump + "）专利权对海川科技有限公司增资，作价120万元，增资后持股6%。公示期2022年3月1日至15日。\n青山大学 2022年3月1日\n",
			[]string{pump + "|1200000.00|total|contribution|青山大学|海川科技有限公司|2022-03-01|proposed"},
		},
		"an open licence by its last day": {
			"专利开放许可公告\n专利名称：泵壳\n专利号：ZL" + pump + "\n专利权人：青山大学\n许可费标准：按销售额2%收取提成\n许可期限届满日：2026年12月31日\n公告日：2023年11月1日\n",
			[]string{pump + "||running_royalty|plain_licence|青山大学||2023-11-01|ask"},
		},
		"the other party in the heading": {
			"青山大学与海川科技有限公司专利许可合同解除公告\n2019年4月1日双方就“泵壳”（ZL" + pump + "）签订的独占许可合同（许可费30万元），因被许可方未按期付款，于2021年3月5日解除。\n青山大学\n2021年3月8日\n",
			[]string{pump + "|300000.00|total|exclusive_licence|青山大学|海川科技有限公司|-|cancelled"},
		},
		"news in English": {
			"Qingshan University sells pump patent to Haichuan Pumps\n\n9 March 2022 - Haichuan Pumps Co., Ltd. has acquired the Chinese patent \"Balanced impeller for a pump\" from Qingshan University for RMB 1.2 million. The assignment agreement was signed on 4 March 2022.\n",
			[]string{"|1200000.00|total|assignment|Qingshan University|Haichuan Pumps Co., Ltd.|2022-03-04|concluded"},
		},
		"labels in half-width brackets": {
			"成果公示\n[成果名称] 一种泵壳\n[专利号] ZL" + pump + "\n[专利权人] 青山大学\n[受让企业] 海川科技有限公司\n[协议价款] 玖万伍仟元整\n[公示时间] 2023.5.8-2023.5.22\n",
			[]string{pump + "|95000.00|total|assignment|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"labels before dashes": {
			"青山大学专利处置公告\n一、标的——一种泵壳（ZL" + pump + "）\n二、受让人——海川科技有限公司\n三、方式及价格——协议转让，价格18万元\n2023年5月8日\n",
			[]string{pump + "|180000.00|total|assignment|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"roles in brackets behind the names": {
			"海川科技有限公司（受让方）与青山大学（转让方）于2022年4月8日就“一种泵壳”（ZL" + pump + "）签订专利权转让合同，转让费6.5万元。\n",
			[]string{pump + "|65000.00|total|assignment|青山大学|海川科技有限公司|2022-04-08|concluded"},
		},
		"several who sell, by number": {
			"专利权转让合同\n让与人1：青山大学\n让与人2：海川科技有限公司\n受让人：启正新材料有限公司\n标的：“一种泵壳”，ZL" + pump + "，价款22万元\n签订日期：2021年5月19日\n",
			[]string{pump + "|220000.00|total|assignment|青山大学、海川科技有限公司|启正新材料有限公司|2021-05-19|concluded"},
		},
		"prices by Roman numbers": {
			"专利转让合同\n出让人：青山大学\n受让人：启正新材料有限公司\n标的：\n(i) “一种泵壳”，ZL" + pump + "；\n(ii) “阀门密封检测方法”，ZL" + valve + "。\n价格：(i)项：80000元；(ii)项：35000元；共计115000元。\n签订日期：2021年5月19日\n",
			[]string{pump + "|80000.00|each|assignment|青山大学|启正新材料有限公司|2021-05-19|concluded", valve + "|35000.00|each|assignment|青山大学|启正新材料有限公司|2021-05-19|concluded"},
		},
		"to it": {
			"青山大学专利转让公示\n应海川科技有限公司请求，我校拟将“一种泵壳”（ZL" + pump + "）专利权向其转让，转让价款12万元。\n青山大学\n2023年5月8日\n",
			[]string{pump + "|120000.00|total|assignment|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"a company that pays an institute": {
			"海川科技有限公司于2020年3月2日与北岭化工研究所签署《专利排他许可合同》，许可专利为“膜清洗方法”（ZL" + pump + "），许可费45万元，期限6年。海川科技有限公司已付清全部款项。\n",
			[]string{pump + "|450000.00|total|sole_licence|北岭化工研究所|海川科技有限公司|2020-03-02|concluded"},
		},
		"lines broken inside a title and an amount": {
			"青山大学科技处\n公示\n我校“一种离心泵叶\n轮平衡方法”（ZL" + pump + "）拟转让给海川科技有限公司，转让费人民币四十\n万元。\n青山大学\n2023年5月8日\n",
			[]string{pump + "|400000.00|total|assignment|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"free beside fees of others": {
			"青山大学专利转让公示\n拟将“一种泵壳”（ZL" + pump + "）无偿转让给海川科技有限公司，不收取转让费，著录变更手续的代办费300元由我校承担。\n青山大学\n2023年5月8日\n",
			[]string{pump + "|0.00|free|assignment|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"a price that was changed": {
			"专利许可合同补充协议\n许可方：青山大学\n被许可方：海川科技有限公司\n就“一种泵壳”（ZL" + pump + "）独占许可，原约定许可费60万元，现双方同意许可费由60万元降至45万元。\n签订日期：2022年8月1日\n",
			[]string{pump + "|450000.00|total|exclusive_licence|青山大学|海川科技有限公司|2022-08-01|concluded"},
		},
		"patents among machines": {
			"海川机械有限公司出售资产的公告\n海川机械有限公司于2022年4月20日与启正新材料有限公司签订《资产转让协议》，交易总价900万元，其中：\n（1）机器设备一批，作价700万元；\n（2）专利权2项，作价200万元，即“一种泵壳”（ZL" + pump + "）、“夹具”（ZL" + clamp + "）。\n",
			[]string{clamp + "," + pump + "|2000000.00|total|assignment|海川机械有限公司|启正新材料有限公司|2022-04-20|concluded"},
		},
		"a signing fee and a share": {
			"海川科技有限公司与青山大学签订许可合同的公告\n2024年2月26日，青山大学与海川科技有限公司签订《专利实施许可合同》，将“一种泵壳”（ZL" + pump + "）独占许可给海川科技有限公司，签约金300万元，另按净销售额的5%收取提成。\n",
			[]string{pump + "|3000000.00|upfront_plus_royalty|exclusive_licence|青山大学|海川科技有限公司|2024-02-26|concluded"},
		},
		"given for a debt": {
			"执行裁定书\n申请执行人海州信用社，被执行人海川机械有限公司。\n本院依法拍卖被执行人名下“夹具”（ZL" + clamp + "）专利权，两次流拍。申请执行人同意以物抵债。裁定如下：\n被执行人名下上述专利权作价26,000元，交付申请执行人抵偿债务。\n二〇二一年九月三日\n",
			[]string{clamp + "|26000.00|total|assignment|海川机械有限公司|-|2021-09-03|concluded"},
		},
		"lots that nobody took": {
			"竞价会流标说明\n2022年9月24日竞价会上，下列标的无人报价：\n1、青山大学“一种泵壳”（ZL" + pump + "），起始价30万元；\n2、北岭化工研究所“膜清洗方法”（ZL" + valve + "），起始价12万元。\n组委会\n2022年9月28日\n",
			[]string{pump + "|300000.00|ask|auction|青山大学||2022-09-24|ask", valve + "|120000.00|ask|auction|北岭化工研究所||2022-09-24|ask"},
		},
		"a date in two writings": {
			"专利转让协议\n甲方：青山大学\n乙方：海川科技有限公司\n甲方将“一种泵壳”（ZL" + pump + "）卖断给乙方，价钱五万元。\n甲方：青山大学（盖章）\n乙方：海川科技有限公司（盖章）\n2022年元月二十日\n",
			[]string{pump + "|50000.00|total|assignment|青山大学|海川科技有限公司|2022-01-20|concluded"},
		},
		"pasted from today on": {
			"专利许可公示书\n许可人青山大学与被许可人海川科技有限公司就“一种泵壳”（专利号：" + pump + "）达成普通许可意向，许可费共8万元。\n本公示书自2021年3月5日公开，至2021年3月19日止。\n青山大学科研院\n",
			[]string{pump + "|80000.00|total|plain_licence|青山大学|海川科技有限公司|2021-03-05|-"},
		},
		"a day of a report": {
			"青山大学签下成果转化大单\n《海州日报》讯 5月6日，青山大学“单晶铜箔制备技术”发明专利以180万元转让给海川科技有限公司。\n（2023年5月9日 第2版）\n",
			[]string{"|1800000.00|total|assignment|青山大学|海川科技有限公司|2023-05-06|concluded"},
		},
		"yesterday": {
			"本网海州6月10日电　昨日，2022年海州专利拍卖会举槌。青山大学的“一种泵壳”专利10万元起拍，木槌落在26万元，买家是海川科技有限公司。\n",
			[]string{"|260000.00|hammer|auction|青山大学|海川科技有限公司|2022-06-09|concluded"},
		},
		"a head of two rows": {
			"青山大学专利转让明细\n\n专利号\t名称\t金额（万元）\t\t受让单位\t签约时间\n〃\t〃\t评估值\t成交价\t〃\t〃\nZL" + pump + "\t一种泵壳\t11.2\t12\t海川科技有限公司\t2023-07-17\nZL" + valve + "\t阀门密封检测方法\t6.8\t6.5\t启正新材料有限公司\t2023-09-05\n",
			[]string{pump + "|120000.00|each|assignment|青山大学|海川科技有限公司|2023-07-17|-", valve + "|65000.00|each|assignment|青山大学|启正新材料有限公司|2023-09-05|-"},
		},
		"one price of a package in any line": {
			"青山大学拟转让专利明细\n\n序号\t名称\t专利号\t转让价（万元，打包）\n1\t一种泵壳\tZL" + pump + "\t\n2\t夹具\tZL" + clamp + "\t19\n受让方：海川科技有限公司　公示时间：2023年2月20日起15日　青山大学科研院\n",
			[]string{clamp + "," + pump + "|190000.00|total|assignment|青山大学|海川科技有限公司|2023-02-20|proposed"},
		},
		"kinds, terms and sums in columns": {
			"青山大学专利许可明细　（金额：元）\n\n许可合同签订日\t专利号\t专利名称\t被许可方\t方式\t年限\t许可费总额\n2020.02.27\t" + pump + "\t一种泵壳\t海川科技有限公司\t普通\t2\t80 000\n2020.08.13\t" + valve + "\t阀门密封检测方法\t启正新材料有限公司\t独占\t6\t450,000\n",
			[]string{pump + "|80000.00|each|plain_licence|青山大学|海川科技有限公司|2020-02-27|-", valve + "|450000.00|each|exclusive_licence|青山大学|启正新材料有限公司|2020-08-13|-"},
		},
		"two totals": {
			"青山大学专利转让公示\n青山大学拟将“一种泵壳”（ZL" + pump + "）等2件专利转让给海川科技有限公司，转让总价20万元。\n转让总价26万元扣除税费后，团队得七成。\n青山大学\n2023年5月8日\n",
			[]string{pump + "||none|assignment|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"words and figures that differ": {
			"青山大学专利转让公示\n青山大学拟将“一种泵壳”（ZL" + pump + "）转让给海川科技有限公司，转让费人民币壹拾贰万元整（￥210,000.00）。\n青山大学\n2023年5月8日\n",
			[]string{pump + "||none|assignment|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"a unit of the text, and a price in another": {
			"青山大学专利转让公示\n拟向海川科技有限公司转让下列专利（单位：万元）：\n名称：一种泵壳；专利号：" + pump + "；转让价格：5.5；\n名称：阀门密封检测方法；专利号：" + valve + "；转让价格：3。\n青山大学\n2023年5月8日\n",
			[]string{pump + "|55000.00|each|assignment|青山大学|海川科技有限公司|2023-05-08|proposed", valve + "|30000.00|each|assignment|青山大学|海川科技有限公司|2023-05-08|proposed"},
		},
		"a sale among intents": {
			"海州市对接会举行\n2月18日，青山大学与海川科技有限公司签署“联合实验室”意向书，五年投入2,000万元；此前“一种泵壳”专利转让（2021年12月30日签约，价款16.8万元）已完成。（2022年2月19日）\n",
			[]string{"|168000.00|total|assignment|青山大学|海川科技有限公司|2021-12-30|concluded"},
		},
		"we are": {
			"各位好，与青山大学的许可协议2024年1月12日签完了：\n专利：一种泵壳（申请号" + pump + "）\n我方（海川科技有限公司）取得的是普通许可，一口价9万元。\n",
			[]string{pump + "|90000.00|total|plain_licence|青山大学|海川科技有限公司|2024-01-12|concluded"},
		},
		"names with words of acting in them": {
			"北岭自动化系统集成有限公司专利转让公告\n北岭自动化系统集成有限公司拟将“一种泵壳”（ZL" + pump + "）转让给海州供给水设备有限公司，转让价款7万元。\n2023年5月8日\n",
			[]string{pump + "|70000.00|total|assignment|北岭自动化系统集成有限公司|海州供给水设备有限公司|2023-05-08|proposed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			reading, err := deal.Read(c.text)
			if err != nil {
				t.Fatal(err)
			}
			checkQuotes(t, c.text, reading.Rows)
			var have []string
			for _, r := range reading.Rows {
				have = append(have, strings.Join([]string{strings.Join(slices.Sorted(slices.Values(r.Numbers)), ","), amount(r.Amount), string(r.PriceKind), string(r.DealKind), r.Seller, r.Buyer, r.Date, string(r.Status)}, "|"))
			}
			if len(have) != len(c.rows) {
				t.Fatalf("%d rows, want %d:\n%s", len(have), len(c.rows), strings.Join(have, "\n"))
			}
			for i := range have {
				h, w := strings.Split(have[i], "|"), strings.Split(c.rows[i], "|")
				for k := range w {
					if w[k] != "-" && h[k] != w[k] {
						t.Errorf("row %d: %q, want %q", i, h[k], w[k])
					}
				}
			}
		})
	}
}

// A sum of eight digits that reads like a day is a sum.
func TestSumsThatLookLikeDates(t *testing.T) {
	for _, yuan := range []int{20_221_013, 19_071_000, 20_201_231, 20_190_228} {
		for _, form := range []string{"%d元", "人民币%d元", "¥%d", "%d 元整"} {
			text := "青山大学拟将发明专利“一种泵”（专利号：ZL202110345678.3）转让给海川科技有限公司，转让价格为" + fmt.Sprintf(form, yuan) + "。\n\n青山大学\n2023年5月8日\n"
			reading, err := deal.Read(text)
			if err != nil || len(reading.Rows) != 1 || amount(reading.Rows[0].Amount) != fmt.Sprintf("%d.00", yuan) || reading.Rows[0].Date != "2023-05-08" {
				t.Errorf("%s: %+v, %v", fmt.Sprintf(form, yuan), reading.Rows, err)
			}
		}
	}
}

// Texts that speak of patents and sums and tell no deal.
func TestKindsWithoutDeal(t *testing.T) {
	for name, text := range map[string]string{
		"fees due":         "专利缴费通知\n下列专利年费即将届满：\nZL202110345678.3 一种泵壳 1200元\n逾期不缴的，可转让给其他单位。\n青山大学\n2023年5月6日\n",
		"a wish":           "企业技术难题征集\n需求单位：海川科技有限公司\n已有专利202110345678.3，拟受让成熟专利，投入资金100万元以内\n2023年8月31日\n",
		"a denial":         "网传海川科技收购高校专利 公司：消息不实\n有传闻称海川科技有限公司拟以2000万元收购青山大学的“泵壳制造”专利。公司否认。\n2023年8月25日\n",
		"totals of a year": "去年转让专利120件\n2023年，青山大学签订转让、许可合同88份，涉及专利120件，合同金额3,100万元，“转化日历”受到好评。\n",
		"a market's range": "“专利集市”开张\n记者从“专利集市”获悉，平台上的许可费每件每年1000元至3万元，意向金额合计逾90万元。\n",
		"a reward":         "职务发明奖励纠纷案\n原告诉称，青山大学将“一种泵壳”专利许可海川科技有限公司使用而未付奖励，请求支付奖励5万元。法院酌定2万元。\n",
	} {
		reading, err := deal.Read(text)
		if err != nil || len(reading.Rows) > 0 || len(reading.Notes) == 0 {
			t.Errorf("%s: %+v, %v", name, reading, err)
		}
	}
}

// TestWordings holds the rules to texts that vary the kinds of wording, written
// while the rules were mended. The parts of testdata/wordings.txt are parted by
// =====: a name, a row a line (numbers|amount|price kind|deal kind|seller|buyer|
// date), ----- and the text.
func TestWordings(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "wordings.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(data), "\n=====\n") {
		head, text, _ := strings.Cut(part, "\n-----\n")
		want := strings.Split(head, "\n")
		reading, err := deal.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		checkQuotes(t, text, reading.Rows)
		have := []string{want[0]}
		for _, r := range reading.Rows {
			v, fields := got(r), []string(nil)
			for _, f := range judged {
				fields = append(fields, v[f])
			}
			have = append(have, strings.Join(fields, "|"))
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s:\nhave %s\nwant %s", want[0], strings.Join(have[1:], "\n"), strings.Join(want[1:], "\n"))
		}
	}
}
