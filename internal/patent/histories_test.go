package patent

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/calendar"
)

// histories reads the 2,415 recorded histories, which are not part of the
// project; the tests skip without them.
func histories(t *testing.T) []map[string]string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	file := ""
	for ; file == "" && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		candidate := filepath.Join(filepath.Dir(dir), "shared", "data", "cn_legal_events.csv")
		if _, err := os.Stat(candidate); err == nil {
			file = candidate
		}
	}
	if file == "" {
		t.Skip("this test needs ../shared/data/cn_legal_events.csv")
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, r := range records[1:] {
		row := map[string]string{}
		for i, h := range records[0] {
			if r[i] != "NA" {
				row[h] = r[i]
			}
		}
		rows = append(rows, row)
	}
	return rows
}

var historyCodes = map[string]string{
	"pub_date": "PB01", "substantive_review": "SE01", "grant": "GR01", "reject": "RJ01", "app_withdraw": "WD01",
	"waive": "WV01", "terminate": "CF01", "recover": "RR01",
}

func history(t *testing.T, row map[string]string) (events []Event) {
	t.Helper()
	for column, code := range historyCodes {
		if row[column] == "" {
			continue
		}
		d, err := calendar.Parse(row[column])
		if err != nil {
			t.Errorf("%s: %s %q", row["app_num"], column, row[column])
			continue
		}
		events = append(events, Event{Code: code, Effective: d, Source: "history"})
	}
	return events
}

// recorded is the standing the dates themselves state on a day, worked out
// without Reduce: the latest date not after the day decides.
func recorded(events []Event, on calendar.Date) Standing {
	last, standing := calendar.Date{}, Unknown
	for _, e := range events {
		if e.Effective.After(on) || e.Effective.Before(last) {
			continue
		}
		now := map[string]Standing{"PB01": Pending, "SE01": Pending, "GR01": Alive, "RR01": Alive}[e.Code]
		if now == "" {
			now = Dead
		}
		if e.Effective == last && (standing == Dead || standing == Alive && now == Pending) {
			continue
		}
		last, standing = e.Effective, now
	}
	return standing
}

func TestRecordedHistories(t *testing.T) {
	t.Parallel()
	rows := histories(t)
	checked, states, unread := 0, 0, 0
	conflicts := map[string]int{}
	for _, row := range rows {
		if row["app_num"] == "" {
			unread++
			continue
		}
		events := history(t, row)
		if len(events) == 0 {
			unread++
			continue
		}
		checked++
		slices.SortFunc(events, compareEvents)
		first, last := events[0].Effective, events[len(events)-1].Effective
		days := []calendar.Date{first.AddDays(-1), first, last.AddDays(-1), last, last.AddDays(1), last.AddYears(3)}
		for k := range 4 {
			days = append(days, first.AddDays((k+1)*first.DaysUntil(last)/5))
		}
		for _, day := range days {
			states++
			if got, want := Reduce(events, day).Standing, recorded(events, day); got != want {
				t.Errorf("%s on %s: %s, the record says %s", row["app_num"], day, got, want)
			}
		}
		for _, c := range Reduce(events, last).Conflicts {
			_, why, _ := strings.Cut(c, "：")
			conflicts[why]++
			t.Logf("%s: %s", row["app_num"], c)
		}
	}
	t.Logf("%d rows, %d histories at %d days, %d without number or dates, conflicts %v", len(rows), checked, states, unread, conflicts)
}

// Every number is valid and every wrong single digit of it is caught. A swap
// of two neighbours is caught, too; a swap of two digits eight places apart is
// not, because their weights are equal.
func TestRecordedNumbers(t *testing.T) {
	t.Parallel()
	numbers, errors, neighbours, undetectable := 0, 0, 0, 0
	for _, row := range histories(t) {
		if row["app_num"] == "" {
			continue
		}
		n, err := ParseNumber(row["app_num"])
		if err != nil {
			t.Errorf("%s: %v", row["app_num"], err)
			continue
		}
		numbers++
		digits, check := n.compact[:len(n.compact)-1], n.compact[len(n.compact)-1:]
		for i := range digits {
			for d := byte('0'); d <= '9'; d++ {
				if d == digits[i] {
					continue
				}
				wrong := []byte(digits)
				wrong[i] = d
				errors++
				if _, err := ParseNumber("CN" + string(wrong) + "." + check); err == nil {
					t.Fatalf("%s with digit %d as %c is taken for valid", n, i+1, d)
				}
			}
			for _, j := range []int{i + 1, i + 8} {
				if j >= len(digits) || digits[i] == digits[j] {
					continue
				}
				swapped := []byte(digits)
				swapped[i], swapped[j] = swapped[j], swapped[i]
				same := string(CheckDigit(string(swapped))) == check
				switch {
				case j == i+1 && same:
					t.Fatalf("%s with digits %d and %d swapped has the same check digit", n, i+1, j+1)
				case j == i+1:
					neighbours++
				case !same:
					t.Fatalf("%s: digits %d and %d weigh the same", n, i+1, j+1)
				default:
					undetectable++
				}
			}
		}
	}
	t.Logf("%d numbers, %d wrong digits and %d swapped neighbours caught, %d swaps eight apart undetectable", numbers, errors, neighbours, undetectable)
}
