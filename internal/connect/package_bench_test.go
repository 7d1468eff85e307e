package connect

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhijia/internal/patent"
)

// BenchmarkPackage reads a generated package of legal states, ZIP in ZIP, as a
// stream, and reports records and megabytes a second and the largest heap:
//
//	ZHIJIA_PACKAGE_MIB=2048 go test ./internal/connect -run xxx -bench Package -benchtime 1x
func BenchmarkPackage(b *testing.B) {
	mib := 32
	if n, err := strconv.Atoi(os.Getenv("ZHIJIA_PACKAGE_MIB")); err == nil {
		mib = n
	}
	for b.Loop() {
		out, in := io.Pipe()
		go func() { in.CloseWithError(writePackage(in, int64(mib)<<20)) }()
		var top atomic.Uint64
		stop := make(chan struct{})
		go func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				top.Store(max(top.Load(), m.HeapInuse))
				select {
				case <-stop:
					return
				case <-tick.C:
				}
			}
		}()
		start := time.Now()
		f, err := Open(out, "package.zip", false)
		if err != nil {
			b.Fatal(err)
		}
		spooled := time.Since(start)
		n := 0
		for r, err := range f.Rows() {
			if err != nil {
				b.Fatal(r.Number, err)
			}
			n++
		}
		took := time.Since(start)
		close(stop)
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n)/took.Seconds(), "records/s")
		b.ReportMetric(float64(mib)/took.Seconds(), "MiB/s")
		b.ReportMetric(float64(top.Load())/(1<<20), "MiB-heap")
		b.ReportMetric(spooled.Seconds(), "s-spooling")
		b.ReportMetric(float64(n), "records")
	}
}

// writePackage writes a ZIP of stored ZIPs of 16 MB of XML, so many bytes of XML
// in all.
func writePackage(w io.Writer, size int64) error {
	outer := zip.NewWriter(w)
	const part = 16 << 20
	serial := 0
	for n := int64(0); n < size; n += part {
		entry, err := outer.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("CN-PA-PRSS-10-%05d.ZIP", n/part), Method: zip.Store})
		if err != nil {
			return err
		}
		inner := zip.NewWriter(entry)
		x, err := inner.CreateHeader(&zip.FileHeader{Name: "PRSS.XML", Method: zip.Store})
		if err != nil {
			return err
		}
		buf := bufio.NewWriterSize(x, 1<<20)
		fmt.Fprint(buf, `<?xml version="1.0" encoding="UTF-8"?><business:PRS xmlns:business="http://www.sipo.gov.cn/XMLSchema/business" xmlns:base="http://www.sipo.gov.cn/XMLSchema/base">`)
		for written := 0; written < part; {
			serial++
			digits := fmt.Sprintf("%d1%07d", 2005+serial/9_000_000, serial%9_000_000)
			k, _ := fmt.Fprintf(buf, `<business:PRSRecord PRSID="%d" status="C"><business:ApplicationReference dataFormat="standard"><base:WIPOST3Code>CN</base:WIPOST3Code><base:DocNumber>%s</base:DocNumber><base:Date>20210402</base:Date></business:ApplicationReference><business:ApplicationReference dataFormat="original"><base:DocNumber>%s%c</base:DocNumber></business:ApplicationReference><business:IPRType>10</business:IPRType><business:PRSPublicationDate><base:Date>20240103</base:Date></business:PRSPublicationDate><business:PRSCode>PE01</business:PRSCode><business:PRSValue>专利权质押合同登记的生效</business:PRSValue><business:PRSInformation>登记号:Y%d;登记生效日:20231228;出质人:甲%d有限公司;质权人:乙银行;授权公告日:20230117%s</business:PRSInformation></business:PRSRecord>`,
				serial, digits, digits, patent.CheckDigit(digits), 2023_980_000_000+serial, serial, strings.Repeat("；备注", serial%20))
			written += k
		}
		fmt.Fprint(buf, `</business:PRS>`)
		if err := buf.Flush(); err != nil {
			return err
		}
		if err := inner.Close(); err != nil {
			return err
		}
	}
	return outer.Close()
}
