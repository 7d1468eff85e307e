package deskfile

import (
	"fmt"
	"regexp"
	"strings"

	"zhijia/internal/sheet"
)

// right is a kind of right that is no Chinese patent: where its pledge is
// registered, so that the desk is sent there and not to the patent's digits.
type right struct{ code, zh, en, registry string }

var (
	trademark = right{"trademark", "注册商标专用权", "a trademark", "国家知识产权局商标局（《注册商标专用权质押登记程序规定》）"}
	copyright = right{"copyright", "著作权（含计算机软件著作权）", "a copyright", "中国版权保护中心（《著作权质权登记办法》）"}
	circuit   = right{"layout", "集成电路布图设计专有权", "a layout design of integrated circuits", "国家知识产权局，按布图设计专有权质押办理"}
	variety   = right{"plant_variety", "植物新品种权", "a plant variety right", "农业农村部或国家林业和草原局"}
	secret    = right{"trade_secret", "商业秘密", "a trade secret", "没有统一的质押登记机关"}
	domain    = right{"domain", "域名", "a domain name", "没有统一的质押登记机关"}
	place     = right{"geographical_indication", "地理标志", "a geographical indication", "没有可质押的登记，不能作为质物（增信见 zhijia gi check）"}
	foreign   = right{"foreign_patent", "外国或地区专利", "a patent of another office", "授予该专利的国家或地区的专利机关"}
	pct       = right{"pct", "国际（PCT）申请", "an international application", "不是已授权的专利，进入国家阶段并授权后方可质押"}
)

// otherKinds are the words desks use for them in the column of kinds.
var otherKinds = map[string]*right{
	"商标": &trademark, "注册商标": &trademark, "商标权": &trademark, "商标专用权": &trademark, "注册商标专用权": &trademark, "trademark": &trademark,
	"软著": &copyright, "软件著作权": &copyright, "计算机软件著作权": &copyright, "著作权": &copyright, "作品著作权": &copyright, "版权": &copyright, "软件": &copyright, "作品": &copyright, "软件登记": &copyright, "software": &copyright, "copyright": &copyright,
	"集成电路布图设计": &circuit, "布图设计": &circuit, "集成电路": &circuit, "集成电路布图设计专有权": &circuit,
	"植物新品种": &variety, "植物新品种权": &variety, "品种权": &variety, "新品种": &variety, "植物品种": &variety,
	"商业秘密": &secret, "技术秘密": &secret, "专有技术": &secret, "非专利技术": &secret, "know-how": &secret, "域名": &domain, "地理标志": &place,
	"外国专利": &foreign, "国外专利": &foreign, "美国专利": &foreign, "欧洲专利": &foreign, "日本专利": &foreign, "海外专利": &foreign, "境外专利": &foreign, "pct": &pct, "pct申请": &pct, "国际专利": &pct, "pct专利": &pct,
}

// otherNumbers are numbers that tell the right by their shape.
var otherNumbers = []struct {
	shape *regexp.Regexp
	right *right
}{
	{regexp.MustCompile(`(?i)^(?:软著登字|软登字|\d{4}SR\d{6,8})`), &copyright},
	{regexp.MustCompile(`^(?:国作登字|作登字|[\p{Han}]作登字)`), &copyright},
	{regexp.MustCompile(`(?i)^BS[.．]?\d{8,}`), &circuit},
	{regexp.MustCompile(`(?i)^CNA\d{7,}`), &variety},
	{regexp.MustCompile(`^第?\d{5,8}[A-Z]?号?商标`), &trademark},
	{regexp.MustCompile(`^(?:注册)?商标(?:注册)?(?:证)?第?\d{1,8}[A-Z]?号?$`), &trademark},
}

// otherRight returns the right of a row that is no Chinese patent, nil for a patent.
// Trademarks are decided by rules of their own, see [lending.Trademark]; the others
// are refused.
func (c *batchCells) otherRight() *right {
	found := otherKinds[strings.ToLower(sheet.Narrow(c.get("kind")))]
	if found == nil {
		number := strings.ReplaceAll(sheet.Narrow(c.get("number")), " ", "")
		for _, x := range otherNumbers {
			if x.shape.MatchString(number) {
				found = x.right
			}
		}
	}
	return found
}

// refuse says of a right that it is not decided here, and where it belongs.
func (c *batchCells) refuse(found *right) {
	c.bad("kind", "right."+found.code,
		fmt.Sprintf("这是%s，不是中国专利。质押登记机关：%s。本系统只对中国专利和注册商标判断质押，该行不处理，请单独办理。", found.zh, found.registry),
		fmt.Sprintf("this is %s, not a Chinese patent: its pledge is registered elsewhere and this system does not value it.", found.en))
}
