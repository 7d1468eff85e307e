package intake_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/localdb"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

var actor = appraisal.Actor{Name: "test", Institution: "test"}

func setup(t *testing.T, url string) (*store.DB, *appraisal.Service) {
	t.Helper()
	db, err := store.Open(context.Background(), url, store.Options{MaxConns: 4, Institution: actor.Institution})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	svc, err := appraisal.New(context.Background(), db, appraisal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db, svc
}

// number returns a valid application number for i.
func number(i int) string {
	digits := fmt.Sprintf("20201%07d", i)
	return "CN" + digits + "." + string(patent.CheckDigit(digits))
}

func file(n int) string {
	var b strings.Builder
	b.WriteString("专利号,专利名称,摘要,IPC分类号,申请日\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,一种第%d号装置,用于第%d种用途的装置。,H01M 4/36,2020-05-06\n", number(i), i, i%97)
	}
	return b.String()
}

func TestPatentsAreTakenOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, svc := setup(t, storetest.URL(t))
	for range 2 {
		rep, err := intake.Run(ctx, db, svc, actor, "patents", "p.csv", strings.NewReader(file(2500)), intake.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Accepted != 2500 || rep.Rejected != 0 {
			t.Fatalf("%+v", rep)
		}
	}
	counts, err := db.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if counts.Patents != 2500 || counts.Vectors != 2500 {
		t.Errorf("%+v", counts)
	}
	found, err := svc.Spaces().SearchPatents(ctx, "一种第1234号装置", store.PatentFilter{}, 5)
	if err != nil {
		t.Fatal(err)
	}
	if found.Hits[0].Number != number(1234) {
		t.Errorf("found %+v first", found.Hits[0])
	}
}

func TestRowsAreRefusedOneByOne(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, svc := setup(t, storetest.URL(t))
	body := "专利号,专利名称,申请日,IPC分类号,专利类型\n" +
		number(1) + ",好的,2020-05-06,H01M,发明\n" + // 2
		"CN202010000002.0,校验位错,2020-05-06,H01M,发明\n" + // 3
		number(3) + ",,2020-05-06,H01M,发明\n" + // 4
		number(4) + ",日期错,2020-13-06,H01M,发明\n" + // 5
		number(5) + ",分类错,2020-05-06,ZZZ,发明\n" + // 6
		number(6) + ",类型错,2020-05-06,H01M,实用新型\n" + // 7
		",没有号,2020-05-06,H01M,发明\n" + // 8
		number(7) + ",\"=HYPERLINK(\"\"http://x\"\")\",2020-05-06,H01M,发明\n" // 9: text, not a formula
	rep, err := intake.Run(ctx, db, svc, actor, "patents", "p.csv", strings.NewReader(body), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]string{3: "number.check_digit", 4: "field.missing", 5: "date.shape", 6: "ipc.shape", 7: "number.kind", 8: "field.missing"}
	if rep.Accepted != 2 || rep.Rejected != int64(len(want)) {
		t.Errorf("accepted %d, rejected %d", rep.Accepted, rep.Rejected)
	}
	for _, r := range rep.Rejects {
		if want[r.Row] != r.Code {
			t.Errorf("row %d: %s %s, want %s", r.Row, r.Field, r.Code, want[r.Row])
		}
	}
	headersAreExplainedOnce(t, db, svc)
}

// A header that nobody knows is offered with what it may mean; said once, it is
// known for every file with the same headers, and for no other institution.
func headersAreExplainedOnce(t *testing.T, db *store.DB, svc *appraisal.Service) {
	t.Helper()
	ctx := t.Context()
	body := "内部档案\n我方案号,专利的名称,简介,备忘\n" + number(5001) + ",一种泵,一种泵。,甲\n"
	take := func(who appraisal.Actor, o intake.Options) (intake.Report, error) {
		return intake.Run(ctx, db, svc, who, "patents", "x.csv", strings.NewReader(body), o)
	}
	code := func(err error) string { return fault.Public(err).Code }
	if _, err := take(actor, intake.Options{}); code(err) != "file.columns_unknown" {
		t.Errorf("nothing said: %v", err)
	}
	if _, err := take(actor, intake.Options{Map: map[string]string{"我方案号": "horse"}}); code(err) != "map.column" {
		t.Errorf("a field that is none: %v", err)
	}
	said := map[string]string{"我方案号": "number", "专利的名称": "专利名称", "备忘": ""}
	rep, err := take(actor, intake.Options{Map: said, DryRun: true})
	if err != nil || rep.Accepted != 1 || len(rep.Unread) != 2 || rep.Unread[1].Header != "简介" || len(rep.Unread[1].Examples) != 1 {
		t.Errorf("said: %+v %v", rep, err)
	}
	if _, err := take(actor, intake.Options{}); code(err) != "file.columns_unknown" {
		t.Errorf("a dry run is not remembered: %v", err)
	}
	if _, err := take(actor, intake.Options{Map: said}); err != nil {
		t.Error(err)
	}
	if rep, err = take(actor, intake.Options{}); err != nil || rep.Accepted != 1 {
		t.Errorf("remembered: %+v %v", rep, err)
	}
	if _, err := take(appraisal.Actor{Name: "test", Institution: "other"}, intake.Options{}); code(err) != "file.columns_unknown" {
		t.Errorf("another institution: %v", err)
	}
	rep, err = intake.Run(ctx, nil, nil, actor, "patents", "y.csv", strings.NewReader("专利号,专利名称,摘要文\n"+number(1)+",泵,一种泵。\n"), intake.Options{DryRun: true})
	if err != nil || len(rep.Unread) != 1 || rep.Unread[0].Guess != "abstract" {
		t.Errorf("guess: %+v %v", rep.Unread, err)
	}
}

func TestDealsFromAWorkbook(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, svc := setup(t, storetest.URL(t))
	book := excelize.NewFile()
	for i, line := range [][]any{
		{"标的名称", "专利号", "成交价（万元）", "日期", "关联交易", "卖方类型", "IPC"},
		{"一种电池", number(1), 12.5, "2021-03-04", "否", "高校", "H01M 4/36"},
		{"一种电池", number(1), 12.5, "2021-03-10", "否", "高校", "H01M 4/36"}, // the same deal from a second source
		{"一种电机", number(2), 30, "2021-03", "是", "企业", "H02K 1/00"},
	} {
		cell, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := book.SetSheetRow("Sheet1", cell, &line); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := book.Write(&b); err != nil {
		t.Fatal(err)
	}
	rep, err := intake.Run(ctx, db, svc, actor, "transactions", "deals.xlsx", &b, intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Accepted != 3 {
		t.Fatalf("%+v", rep)
	}
	found, err := svc.Comparables(ctx, actor, appraisal.Request{Text: &appraisal.Text{Title: "一种电池"}, Patent: &appraisal.Facts{IPC: []string{"H01M 4/36"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Admitted) != 1 || *found.Admitted[0].Amount != 125_000 {
		t.Errorf("admitted %+v", found.Admitted)
	}
	codes := map[string]bool{}
	for _, c := range found.Excluded {
		codes[c.Exclusion] = true
	}
	if !codes["DUPLICATE"] || !codes["RELATED-PARTY"] {
		t.Errorf("excluded with %v", codes)
	}
}

// A process that is killed in the middle of a file leaves whole batches, and
// running the file again completes it.
func TestKilledIngestIsCompletedByRunningItAgain(t *testing.T) {
	t.Parallel()
	const n = 6000
	url := storetest.URL(t)
	db, svc := setup(t, url)
	ctx := context.Background()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperIngest$")
	cmd.Env = append(os.Environ(), "ZHIJIA_TEST_INGEST="+url)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	// All but the tail of the file: the process must wait for the rest.
	body := file(n)
	if _, err := in.Write([]byte(body[:len(body)-1000])); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		counts, err := db.Counts(ctx)
		return err == nil && counts.Patents >= 2000
	})
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	counts, err := db.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if counts.Patents%1000 != 0 || counts.Patents != counts.Vectors || counts.Patents == n {
		t.Errorf("after the kill: %+v, want whole batches of 1,000", counts)
	}
	if _, err := intake.Run(ctx, db, svc, actor, "patents", "p.csv", strings.NewReader(body), intake.Options{}); err != nil {
		t.Fatal(err)
	}
	if counts, err = db.Counts(ctx); err != nil || counts.Patents != n || counts.Vectors != n {
		t.Errorf("after running it again: %+v, %v", counts, err)
	}
}

func TestHelperIngest(t *testing.T) {
	url := os.Getenv("ZHIJIA_TEST_INGEST")
	if url == "" {
		return // only of use as the process that is killed
	}
	db, svc := setup(t, url)
	if _, err := intake.Run(context.Background(), db, svc, actor, "patents", "p.csv", os.Stdin, intake.Options{}); err != nil {
		t.Fatal(err)
	}
}

// PostgreSQL killed in the middle of a file: what was accepted is there after
// the restart, in whole batches, and running the file again completes it.
func TestIngestSurvivesAKilledServer(t *testing.T) {
	t.Parallel()
	const n = 4000
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "zhijia-kill-") // the server's user must be able to search it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	options := localdb.Options{DataDir: dir} // with fsync: durability is what is tested
	cluster, err := localdb.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { cluster.Close() }()
	url := cluster.URL(localdb.Role)
	if err := store.Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	if err := storetest.AddInstitutions(ctx, url); err != nil {
		t.Fatal(err)
	}
	db, svc := setup(t, url)
	rep, err := intake.Run(ctx, db, svc, actor, "patents", "p.csv", strings.NewReader(file(n)), intake.Options{Progress: func(rows int64) {
		if rows != 2000 {
			return
		}
		pid, err := cluster.PID()
		if err != nil {
			t.Error(err)
			return
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}})
	// A session that is busy may commit a batch or two before it notices that
	// its server is gone; whatever was reported as accepted must be there.
	if err == nil && rep.Accepted != n {
		t.Fatalf("the import ended well with %d of %d rows", rep.Accepted, n)
	}
	again, err := localdb.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	waitFor(t, func() bool { return db.Ping(ctx) == nil })
	counts, err := db.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if counts.Patents < rep.Accepted || counts.Patents%1000 != 0 || counts.Vectors != counts.Patents {
		t.Errorf("%d were accepted before the kill, %+v after", rep.Accepted, counts)
	}
	if _, err := intake.Run(ctx, db, svc, actor, "patents", "p.csv", strings.NewReader(file(n)), intake.Options{}); err != nil {
		t.Fatal(err)
	}
	if counts, err = db.Counts(ctx); err != nil || counts.Patents != n || counts.Vectors != n {
		t.Errorf("after running it again: %+v, %v", counts, err)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(2 * time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatal("waited two minutes")
		}
	}
}

func FuzzRun(f *testing.F) {
	f.Add("transactions", []byte("标的名称,成交价(万元),日期\n一种电池,3,2020-01\n"))
	f.Add("citations", []byte("citing,cited\nCN111504366B,CN112039093B\n"))
	f.Add("patents", []byte(file(2)))
	f.Add("events", []byte("专利号,事件代码,生效日,登记号,变更前,变更后\n201310543019.6,PE01,2024-03-01,Y1,甲;乙,丙\n"))
	for _, vendor := range []string{ // headers of those whose tables are recognised
		"公开(公告)号,标题,[标]当前申请(专利权)人,申请号,申请日,专利类型,简单法律状态,法律状态/事件,IPC主分类号,专利价值\nCN116012345B,一种泵,甲 | 乙,CN202310123456.6,2023-02-08,授权发明,有效,授权 | 质押,H01M10/48,\"$ 1\"\n",
		"标题 (中文),申请号,申请日,公开（公告）号,专利类型,当前权利人,专利有效性,IPC主分类\n一种泵,CN202310123456.6,20230208,CN116012345B,发明授权,甲; 乙,有效,F04D29/22\n",
		"申请号,名称,当前专利权人,法律状态履历,质押合同登记号,质押解除日\nCN202310123456.6,泵,甲,法律状态公告日：20240101;法律状态：授权;描述信息：授权,Y1,-\n",
		"search URL:,https://x\nid,title,assignee,inventor/author,priority date,filing/creation date,publication date,grant date,result link,representative figure link\nCN-116012345-B,pump,a,b,2020-01-01,2020-01-01,2021-01-01,2021-01-01,https://x/zh,\n",
		"#,Jurisdiction,Kind,Display Key,Lens ID,Publication Date,Application Number,Title,Applicants,Owners,Legal Status\n1,CN,B,CN 116012345 B,1,2024-08-06,CN 202310123456 A,pump,A;;B,C,ACTIVE\n",
		"专利申请号,案件名称,案件状态,申请人\n2023101234566,泵,专利权维持,甲\n",
		"申请号,事务数据公告日,事务数据\nCN202310123456.6,2024.01.02,专利权质押合同登记的生效IPC(主分类):F04D 29/22登记号:Y1登记生效日:20240101\n",
	} {
		f.Add("patents", []byte(vendor))
	}
	f.Fuzz(func(t *testing.T, dataset string, body []byte) {
		rep, err := intake.Run(context.Background(), nil, nil, actor, dataset, "x.csv", bytes.NewReader(body), intake.Options{DryRun: true})
		if err == nil && rep.Accepted < 0 {
			t.Fatal("negative count")
		}
	})
}
