package gate

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"zhijia/internal/store/storetest"
)

// The dashboard and the alert rules name metrics that are served, and every
// rule names a section of the runbook that is there.
func TestAlertRulesNameWhatIsServed(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.requests.WithLabelValues("GET /healthz", "200").Inc()
	m.seconds.WithLabelValues("GET /healthz").Observe(.1)
	m.denied.WithLabelValues("auth.invalid").Inc()
	db := storetest.New(t)
	if _, err := db.Queue().Exec(t.Context(), `INSERT INTO jobs (institution, kind, key, args) VALUES ('default', 'fetches', 'k', '{}')`); err != nil {
		t.Fatal(err)
	}
	m.registry.MustRegister(&databaseMetrics{db: db})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{"up": true, "zhijia_replica_used": true, "zhijia_replica_behind_seconds": true} // of a follower, which the drill has
	for _, f := range families {
		served[f.GetName()] = true
	}
	if !served["zhijia_jobs_oldest_seconds"] || !served["zhijia_database_up"] {
		t.Errorf("served: %v", served)
	}
	rules, err := os.ReadFile("../../deploy/observe/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	board, err := os.ReadFile("../../deploy/observe/dashboard.json")
	if err != nil || !json.Valid(board) {
		t.Fatal(err)
	}
	n := 0
	for _, name := range regexp.MustCompile(`\b(?:zhijia|process)_[a-z_]+`).FindAllString(string(rules)+string(board), -1) {
		if !served[strings.TrimSuffix(name, "_bucket")] {
			t.Errorf("%s is not served", name)
		}
		n++
	}
	if n < 20 {
		t.Errorf("only %d names", n)
	}
	book, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`docs/runbook\.md#(\d+)`).FindAllStringSubmatch(string(rules), -1) {
		if !strings.Contains(string(book), "\n## "+m[1]+". ") {
			t.Errorf("the runbook has no section %s", m[1])
		}
	}
}
