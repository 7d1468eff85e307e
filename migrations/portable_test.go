package migrations

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// obstacles are what distributed PostgreSQLs are known not to do, or to do
// otherwise, with why. A new use of one is a decision: it is added here with
// what is done about it, and to docs/distributed.md.
var obstacles = []struct {
	name string
	seen *regexp.Regexp
	most int // uses that are known and told in docs/distributed.md
}{
	{"unlogged and temporary tables that outlive a transaction", regexp.MustCompile(`(?i)CREATE (UNLOGGED|TEMP(ORARY)?) TABLE`), 0},
	{"table inheritance", regexp.MustCompile(`(?i)\bINHERITS\b`), 0},
	{"exclusion constraints", regexp.MustCompile(`(?i)\bEXCLUDE (USING|\()`), 0},
	{"rules", regexp.MustCompile(`(?i)CREATE (OR REPLACE )?RULE\b`), 0},
	{"LISTEN and NOTIFY", regexp.MustCompile(`(?i)\b(LISTEN|NOTIFY)\b\s+\w+;`), 0},
	{"large objects", regexp.MustCompile(`(?i)\blo_(import|create|put)\b`), 0},
	{"table spaces", regexp.MustCompile(`(?i)\bTABLESPACE\b`), 0},
	{"other procedural languages than SQL and PL/pgSQL", regexp.MustCompile(`(?i)LANGUAGE (plperl|plpython|pltcl|plv8|c)\b`), 0},
	{"other extensions than vector", regexp.MustCompile(`(?i)CREATE EXTENSION`), 0},
	{"domains and range types of our own", regexp.MustCompile(`(?i)CREATE (DOMAIN|TYPE)\b`), 0},
	{"event triggers", regexp.MustCompile(`(?i)CREATE EVENT TRIGGER`), 0},
	{"deferrable constraints", regexp.MustCompile(`(?i)\bDEFERRABLE\b`), 0},
	{"indexes of an access method other than B-tree and GIN", regexp.MustCompile(`(?i)USING (gist|spgist|brin|hash|hnsw|ivfflat)\b`), 0},
	{"materialised views", regexp.MustCompile(`(?i)CREATE MATERIALIZED VIEW`), 0},
	{"table locks", regexp.MustCompile(`(?i)\bLOCK TABLE\b`), 0},
}

// The schema stays within what Citus and YugabyteDB document as supported, but
// for the uses that are counted, and every table says whose its rows are: the
// distribution key.
func TestSchemaIsPortable(t *testing.T) {
	names, err := fs.Glob(FS, "*.sql")
	if err != nil || len(names) < 10 {
		t.Fatal(names, err)
	}
	var all strings.Builder
	comment := regexp.MustCompile(`--[^\n]*`)
	for _, name := range names {
		body, err := fs.ReadFile(FS, name)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(comment.ReplaceAllString(string(body), "") + "\n")
	}
	text := all.String()
	for _, o := range obstacles {
		if found := o.seen.FindAllString(text, -1); len(found) > o.most {
			t.Errorf("%s: %d uses, %d known: %q", o.name, len(found), o.most, found)
		}
	}
	// A unique constraint of a distributed table must hold the distribution key.
	tables := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\);`).FindAllStringSubmatch(text, -1)
	local, without := 0, []string{}
	for _, m := range tables {
		switch keyed := regexp.MustCompile(`(?i)\binstitution\b`).MatchString(m[2]); {
		case !keyed && reference[m[1]]:
		case !keyed:
			t.Errorf("table %s has no institution: it can be neither distributed nor, unlisted, a reference table", m[1])
		default:
			local++
			key := regexp.MustCompile(`(?im)^\s*(\w+)\s[^\n]*\bPRIMARY KEY\b|PRIMARY KEY \(([^)]*)\)`).FindStringSubmatch(m[2])
			if key == nil || !strings.Contains(key[1]+","+key[2], "institution") {
				without = append(without, m[1])
			}
		}
	}
	if local < 20 {
		t.Errorf("%d tables with an institution: the parser no longer reads the schema", local)
	}
	// Their primary key lacks it; to distribute them it is added. The number may
	// fall and must not rise.
	if len(without) > keysWithoutInstitution {
		t.Errorf("%d tables whose primary key lacks the institution, %d known: %v", len(without), keysWithoutInstitution, without)
	}
	t.Logf("%d tables, %d with an institution; primary key without it: %v", len(tables), local, without)
}

// reference are small tables that every node would have whole.
var reference = map[string]bool{"institutions": true, "audit_ties": true, "model_endpoints": true, "watch_days": true, "source_usage": true, "source_pauses": true}

const keysWithoutInstitution = 36
