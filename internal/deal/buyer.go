package deal

import "strings"

// buyerIn finds who buys without a label: the first of the ways to say it that
// names somebody.
func (d *document) buyerIn(sp span) party {
	for _, find := range []func(span) (party, bool){d.givenTo, d.paidBy, d.personTakes, d.soldTo, d.offsetTo, d.wishes, d.becomesTaker, d.plansToTake, d.takenBy, d.grantedTo} {
		if p, ok := find(sp); ok {
			return p
		}
	}
	return party{}
}

// sentence is what stands before a place in its sentence, within a piece.
func (d *document) sentence(sp span, at int) span {
	low := max(sp.a, at-300)
	low += strings.LastIndexAny(d.s[low:at], "\n;") + 1
	if j := strings.LastIndex(d.s[low:at], "。"); j >= 0 {
		low += j + len("。")
	}
	return span{low, at}
}

// givenTo reads 转让给某公司.
func (d *document) givenTo(sp span) (party, bool) {
	for _, m := range toBuyer.FindAllStringIndex(d.s[sp.a:sp.b], 60) {
		at := sp.a + m[1]
		at += len(colonMark.FindString(d.s[at:min(len(d.s), at+4)]))
		for _, skip := range []string{"了", "关联方", "控股子公司", "全资子公司", "子公司", "意向受让方", "受让方"} {
			at += len(skip) * b2i(strings.HasPrefix(d.s[at:], skip))
		}
		if p, ok := d.partiesAt(at, d.lineEnd(at)); ok {
			return p, true
		}
	}
	return party{}, false
}

// paidBy reads 某公司以…元竞得.
func (d *document) paidBy(sp span) (party, bool) {
	for _, m := range paidFor.FindAllStringIndex(d.s[sp.a:sp.b], 20) {
		before := d.sentence(sp, sp.a+m[0])
		find := d.lastParty
		if signedWord.MatchString(d.s[before.a:before.b]) {
			find = d.firstParty // 甲与乙签订合同，以…受让: the subject buys
		}
		p, ok := find(before)
		if ok && p.a >= before.a && ofParty.MatchString(d.s[p.b:min(len(d.s), p.b+24)]) { // whose the patent is
			p, ok = d.firstParty(before)
		}
		if ok {
			return p, true
		}
	}
	return party{}, false
}

// personTakes reads 赵某(竞买号7)于…以8万元竞得.
func (d *document) personTakes(sp span) (party, bool) {
	for _, m := range personTakes.FindAllStringSubmatchIndex(d.s[sp.a:sp.b], 6) {
		if at := (span{sp.a + m[2], sp.a + m[3]}); !notName.MatchString(d.s[at.a:at.b]) {
			return party{span: at, name: d.v.value(at)}, true
		}
	}
	return party{}, false
}

// soldTo reads 向某公司转让, and 向其转让 where the company stands before.
func (d *document) soldTo(sp span) (party, bool) {
	for _, m := range sellsTo.FindAllStringIndex(d.s[sp.a:sp.b], 20) {
		at := sp.a + m[0] + len("向")
		if p, ok := d.partyAt(at, false); ok && p.a == at && sellsVerb.MatchString(d.s[p.b:min(len(d.s), p.b+40)]) {
			return p, true
		}
	}
	for _, m := range toIt.FindAllStringIndex(d.s[sp.a:sp.b], 12) {
		if p, ok := d.companyBefore(span{max(sp.a, sp.a+m[0]-400), sp.a + m[0]}); ok {
			return p, true
		}
	}
	return party{}, false
}

// offsetTo reads 交付某公司抵偿债务.
func (d *document) offsetTo(sp span) (party, bool) {
	for _, m := range debtTaker.FindAllStringIndex(d.s[sp.a:sp.b], 12) {
		at := sp.a + m[1]
		if p, ok := d.partyAt(at, false); ok && offsets.MatchString(d.s[at:min(len(d.s), at+150)]) {
			return p, true
		}
	}
	return party{}, false
}

// wishes reads 某公司希望受让 and 我方拿到的是普通许可.
func (d *document) wishes(sp span) (party, bool) {
	for _, m := range gets.FindAllStringIndex(d.s[sp.a:sp.b], 6) {
		if p, ok := d.subjectBefore(sp.a+m[0], sp.a); ok && !sells(p.name) {
			return p, true
		}
	}
	for _, m := range wants.FindAllStringIndex(d.s[sp.a:sp.b], 20) {
		before := d.sentence(sp, sp.a+m[0])
		for _, find := range []func(span) (party, bool){d.firstParty, d.lastParty} {
			if p, ok := find(before); ok && p.name != d.issuer.name {
				return p, true
			}
		}
	}
	return party{}, false
}

// becomesTaker reads 某公司…成为受让方 and 确定某公司为受让方.
func (d *document) becomesTaker(sp span) (party, bool) {
	for _, m := range becomes.FindAllStringIndex(d.s[sp.a:sp.b], 6) {
		if p, ok := d.firstParty(d.sentence(sp, sp.a+m[0])); ok && !sells(p.name) {
			return p, true
		}
	}
	for _, m := range chosen.FindAllStringIndex(d.s[sp.a:sp.b], 6) {
		if p, ok := d.partyAt(sp.a+m[1], true); ok && asTaker.MatchString(d.s[p.b:min(len(d.s), p.b+30)]) {
			return p, true
		}
	}
	return party{}, false
}

// plansToTake reads 某公司拟出资25万元受让.
func (d *document) plansToTake(sp span) (party, bool) {
	for _, m := range plans.FindAllStringIndex(d.s[sp.a:sp.b], 12) {
		if p, ok := d.firstParty(d.sentence(sp, sp.a+m[0])); ok && p.name != d.issuer.name && !d.listed && !sells(p.name) {
			return p, true
		}
	}
	return party{}, false
}

// takenBy reads 由某公司竞得, also where it is a person: 由自然人赵某竞得.
func (d *document) takenBy(sp span) (party, bool) {
	for _, m := range byBuyer.FindAllStringIndex(d.s[sp.a:sp.b], 60) {
		at := sp.a + m[1]
		if skip := len(bidderWord.FindString(d.s[at:min(len(d.s), at+60)])); skip > 0 {
			if p, ok := d.partyAt(at+skip, true); ok && p.a == at+skip && byVerb.MatchString(d.s[p.b:sp.b]) {
				return p, true
			}
		}
		if p, ok := d.partyAt(at, false); ok && p.a == at && p.b < sp.b && byVerb.MatchString(d.s[p.b:sp.b]) {
			return p, true
		}
	}
	return party{}, false
}

// grantedTo reads 许可某公司实施.
func (d *document) grantedTo(sp span) (party, bool) {
	for _, m := range grantBuyer.FindAllStringIndex(d.s[sp.a:sp.b], 60) {
		at := sp.a + m[1]
		if p, ok := d.partyAt(at, false); ok && (p.a != at || tradesAs.MatchString(d.s[p.a:p.b]) && p.b-p.a < 75) {
			return p, true
		}
	}
	return party{}, false
}

// companyBefore finds the last body of a paragraph that is not the one who
// speaks.
func (d *document) companyBefore(sp span) (party, bool) {
	sp.a += strings.LastIndexByte(d.s[sp.a:sp.b], '\n') + 1
	if m := atWish.FindStringSubmatchIndex(d.s[sp.a:sp.b]); m != nil {
		if o, ok := orgAt(d.s, sp.a+m[2]); ok && o.b <= sp.a+m[3] {
			return party{span: o, name: d.v.value(o)}, true
		}
	}
	orgs := d.orgsIn(sp)
	for i := len(orgs) - 1; i >= 0; i-- {
		if p := orgs[i]; p.name != d.issuer.name && !sells(p.name) && !auctioneer.MatchString(p.name) {
			return p, true
		}
	}
	return party{}, false
}

var (
	toIt      = compile(`[向对]其(?:独占|普通|排他|实施|以[^，。;\n]{2,24})?(?:转让|许可|出让|出售|授权|让与)|(?:转让|许可|出让|出售|授权|让与)(?:给|予|与|于)其(?:使用|实施|[，。;]|$)`)
	atWish    = compile(`(?:^|[，。;: ])[应因据经]([^，。;\n]{4,80}?)(?:的|之)?(?:请求|要求|申请|需要|生产|发展|委托|提议|来函)`)
	becomes   = compile(`(?:成为|被确定为|确定为|确认为)(?:本项目|该标的|该项目|最终|意向|唯一|的)*(?:受让方|受让人|买受人|中标人|竞得人)`)
	chosen    = compile(`(?:确定|确认|选定)(?:由)?`)
	asTaker   = compile(`^为(?:本项目|最终|意向|的)*(?:受让方|受让人|买受人|中标人|竞得人|受让单位)`)
	plans     = compile(`拟(?:以|出资|出价|支付)?[^，。;\n拟向从]{0,30}(?:受让|购买|收购|买断|购得|引进)(?:[^方人价]|$)`)
	debtTaker = compile(`(?:交付|抵偿|抵债|抵偿给|抵债给|过户给|过户至)(?:给|予|至)?`)
	offsets   = compile(`^[^，。;\n]{0,60}?(?:抵偿|抵债|以抵|所有)`)
	gets      = compile(`(?:拿到|取得|获得)(?:的是|了)(?:[^，。;\n“]{0,20})?(?:普通|独占|排他|独家)`)
)
