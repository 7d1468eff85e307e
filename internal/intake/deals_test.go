package intake

import (
	"bytes"
	"context"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/appraisal"
	"zhijia/internal/deal"
)

// What the reader of deals writes, the import takes, to the row and the fen.
func TestWrittenDealsAreImported(t *testing.T) {
	text := "青山大学专利转让公示\n\n受让方：海川科技有限公司\n\n专利号\t专利名称\t转让价（万元）\nZL202110345678.3\t=一种泵\t6.8\nZL202010877213.8\t一种阀门检测方法\t4.2\n合计\t\t11.0\n\n公示期：2023年5月8日至2023年5月22日\n青山大学科技处\n2023年5月8日\n"
	reading, err := deal.Read(text)
	if err != nil || len(reading.Rows) != 2 {
		t.Fatalf("%d rows, %v", len(reading.Rows), err)
	}
	rows := []ReadDeal{{Source: "a.txt", Row: reading.Rows[0]}, {Source: "a.txt", Row: reading.Rows[1]}, {Source: "a.txt", Row: deal.Row{Waits: true}}}
	var file bytes.Buffer
	if n, err := WriteDeals(&file, rows); err != nil || n != 2 {
		t.Fatalf("%d written, %v", n, err)
	}
	if !strings.Contains(file.String(), "68000,CNY,total,assignment") {
		t.Errorf("unexpected file:\n%s", file.String())
	}
	rep, err := Run(context.Background(), nil, nil, appraisal.Actor{Institution: "default", Name: "test"}, "transactions", "ledger.csv", &file, Options{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Accepted != 2 || rep.Rejected != 0 || len(rep.Ignored) != 0 {
		t.Errorf("accepted %d, rejected %d (%v), ignored %v", rep.Accepted, rep.Rejected, rep.Rejects, rep.Ignored)
	}
}

// Every market of sale that the reader tells lands in the import's own column,
// and the import understands the word.
func TestWrittenDealsKeepTheirMarket(t *testing.T) {
	amount := 68_000.0
	for _, m := range []deal.Market{deal.Private, deal.Showcase, deal.Corporate, deal.Court, deal.Distress} {
		row := deal.Row{
			Title: "一种泵", Numbers: []string{"202110345678.3"}, Patents: 1, Amount: &amount, Currency: "CNY", PriceKind: deal.Total, DealKind: deal.Assignment,
			Seller: "青山大学", Buyer: "海川科技有限公司", Date: "2023-05-08", Market: m, RelatedParty: "unknown", Status: deal.Concluded,
		}
		var file bytes.Buffer
		if n, err := WriteDeals(&file, []ReadDeal{{Source: "a.txt", Row: row}}); err != nil || n != 1 {
			t.Fatalf("%s: %d written, %v", m, n, err)
		}
		lines, err := csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
		if err != nil || len(lines) != 2 {
			t.Fatalf("%s: %d lines, %v", m, len(lines), err)
		}
		column := slices.Index(lines[0], "market")
		if column < 0 || lines[1][column] != string(m) || strings.Contains(lines[1][slices.Index(lines[0], "notes")], "market") {
			t.Errorf("%s is written as %q", m, lines)
		}
		rep, err := Run(context.Background(), nil, nil, appraisal.Actor{Institution: "default", Name: "test"}, "transactions", "ledger.csv", &file, Options{DryRun: true})
		if err != nil || rep.Accepted != 1 || rep.Rejected != 0 || len(rep.Ignored) != 0 {
			t.Errorf("%s: accepted %d, rejected %d (%v), ignored %v, %v", m, rep.Accepted, rep.Rejected, rep.Rejects, rep.Ignored, err)
		}
	}
}
