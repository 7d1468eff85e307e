package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhijia/internal/store/storetest"
)

// invoke runs the program as a shell would.
func invoke(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestConfigShowsEffectiveValuesAndNoSecret(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://zhijia:hunter2@db/zhijia?password=hunter3")
	t.Setenv("ZHIJIA_OIDC_CLIENT_SECRET", "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA==")
	t.Setenv("ZHIJIA_BURST", "77")
	file := filepath.Join(t.TempDir(), "zhijia.yaml")
	if err := os.WriteFile(file, []byte("rate: 7\nmax_body_mib: 9\nburst: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := invoke(t, "--config", file, "--json", "config", "--request-timeout", "3s")
	if code != 0 {
		t.Fatal(code, errs)
	}
	var all []struct{ Name, Value string }
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range all {
		got[s.Name] = s.Value
	}
	// The flag, then the environment, then the file, then the default.
	for name, want := range map[string]string{"request-timeout": "3s", "burst": "77", "rate": "7", "max-body-mib": "9", "log-level": "info", "oidc-client-secret": "********"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for _, secret := range []string{"hunter2", "hunter3", "c2VjcmV0"} {
		if strings.Contains(out, secret) {
			t.Errorf("a secret is shown: %s", out)
		}
	}
	if err := os.WriteFile(file, []byte("raet: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := invoke(t, "--config", file, "config"); code == 0 || !strings.Contains(errs, "raet") {
		t.Errorf("a misspelt setting: %d %s", code, errs)
	}
}

func TestKeysFromTheCommandLine(t *testing.T) {
	t.Setenv("DATABASE_URL", storetest.URL(t))
	code, out, errs := invoke(t, "keys", "create", "信贷部", "--role", "officer,desk", "--expires", "24h")
	if code != 0 || !strings.HasPrefix(out, "zj_") {
		t.Fatal(code, out, errs)
	}
	id := strings.Split(out, "_")[1]
	if code, out, _ := invoke(t, "keys", "list"); code != 0 || !strings.Contains(out, id) || !strings.Contains(out, "officer,desk") {
		t.Errorf("list: %d %s", code, out)
	}
	if code, _, _ := invoke(t, "keys", "revoke", id); code != 0 {
		t.Errorf("revoke: %d", code)
	}
	if _, out, _ := invoke(t, "--json", "keys", "list"); !strings.Contains(out, `"revoked_at": "20`) {
		t.Errorf("list after revoking: %s", out)
	}
	if code, _, _ := invoke(t, "keys", "revoke", "aaaaaaaaaaaa"); code != 66 {
		t.Errorf("revoking a key that is not there exits with %d, want 66", code)
	}
	if code, _, _ := invoke(t, "keys", "create", "x", "--role", "root"); code != 64 {
		t.Errorf("an unknown role exits with %d, want 64", code)
	}
}

func TestServeRefusesAManagedDatabaseInProduction(t *testing.T) {
	t.Setenv("ZHIJIA_ENV", "production")
	t.Setenv("DATABASE_URL", "")
	code, _, errs := invoke(t, "serve", "--listen", "127.0.0.1:0")
	if code == 0 || !strings.Contains(errs, "localdb.production") {
		t.Errorf("%d %s", code, errs)
	}
}

// A service that could take no upload says so before it takes any request.
func TestServeNeedsScratchSpace(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	if code, _, errs := invoke(t, "serve"); code == 0 || !strings.Contains(errs, "temp.unwritable") {
		t.Errorf("%d %s", code, errs)
	}
}
