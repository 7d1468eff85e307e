package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"zhijia/internal/money"
)

// What an act put in store is compared with what is there: the last word of the chain on a key, a person, a loan, the value of
// collateral, a consent, a policy, a programme, a pool and a result is what its row must say. A row that no act speaks of is
// found, and an act whose row is gone.

// said is what the chain says of one thing at its end.
type said struct {
	seq int64
	is  string
}

// standing is what the chain of one institution says, by kind and id.
type standing map[string]map[string]said

func (s standing) set(kind, id string, seq int64, format string, a ...any) {
	if s[kind] == nil {
		s[kind] = map[string]said{}
	}
	s[kind][id] = said{seq, fmt.Sprintf(format, a...)}
}

// change is what an entry says after what was said before; nothing when it speaks of what the chain does not know.
func (s standing) change(kind, id string, seq int64, f func(parts []string)) {
	old, known := s[kind][id]
	parts := strings.Split(old.is, "\x00")
	if !known {
		parts = []string{"", "", "", "", ""}
	}
	f(parts)
	s.set(kind, id, seq, "%s", strings.Join(parts, "\x00"))
}

// stands are the rows as the chain must have them: kind, and a statement that yields id and words, parted by null characters,
// of the institution $1. The names are for the report.
var stands = []struct{ kind, zh, en, rows string }{
	{"key", "密钥", "key", `SELECT id, ARRAY[name, array_to_string(roles, ','), coalesce(person, ''), coalesce((extract(epoch FROM expires_at) * 1000000)::bigint::text, ''), (revoked_at IS NOT NULL)::text] FROM api_keys WHERE institution = $1`},
	{"person", "人员", "person", `SELECT id, ARRAY[array_to_string(roles, ','), (disabled_at IS NOT NULL)::text] FROM people WHERE institution = $1`},
	{"loan", "在册贷款", "loan", `SELECT id, ARRAY[contract, balance::text, product] FROM book_loans WHERE institution = $1`},
	{"collateral", "押品", "collateral", `SELECT loan || '/' || number, ARRAY[value::text, low::text] FROM book_patents WHERE institution = $1`},
	{"consent", "外送同意", "consent", `SELECT institution, ARRAY[allowed::text, (approved_by IS NOT NULL)::text] FROM model_consent WHERE institution = $1`},
	{"policy", "信贷政策", "policy", `SELECT id || ' ' || version, ARRAY[body::text] FROM lending_policies WHERE institution = $1`},
	{"programme", "贷款产品", "programme", `SELECT id || ' ' || version, ARRAY[body::text] FROM lending_programmes WHERE institution = $1`},
	{"pool", "资产池", "pool", `SELECT id, ARRAY[encode(sha256(convert_to(deal::text, 'UTF8')), 'hex')] FROM pools WHERE institution = $1`},
	{"product", "产品结果", "product result", `SELECT id, ARRAY[version, encode(sha256(convert_to(input::text, 'UTF8')), 'hex'), encode(sha256(convert_to(result::text, 'UTF8')), 'hex')] FROM product_results WHERE institution = $1`},
	{"answer", "全链条结果", "answer", `SELECT id, ARRAY[encode(sha256(convert_to(input::text, 'UTF8')), 'hex'), encode(sha256(convert_to(answer::text, 'UTF8')), 'hex')] FROM chain_answers WHERE institution = $1`},
}

// read takes what an entry says.
func (s standing) read(e *AuditEntry) {
	var d struct {
		Name     string          `json:"name"`
		Roles    []string        `json:"roles"`
		Expires  *time.Time      `json:"expires_at"`
		Person   string          `json:"person"`
		Contract string          `json:"contract"`
		Balance  money.Fen       `json:"balance"`
		Product  string          `json:"product"`
		Values   []sealedValue   `json:"values"`
		Value    *money.Fen      `json:"value"`
		Low      money.Fen       `json:"low"`
		After    json.RawMessage `json:"after"`
		Kind     string          `json:"kind"`
		Policy   string          `json:"policy"`
		Prog     string          `json:"programme"`
		Deal     string          `json:"deal_sha256"`
		Version  string          `json:"version"`
		Input    json.RawMessage `json:"input"`
		Result   json.RawMessage `json:"result"`
		Inputs   string          `json:"input_sha256"`
		Answers  string          `json:"answer_sha256"`
	}
	action, form, _ := strings.Cut(e.Action, ".")
	if !slices.Contains([]string{"key", "person", "book", "model", "proposal", "policy", "programme", "pool", "product", "chain"}, action) {
		return
	}
	_ = json.Unmarshal(e.Detail, &d) // an altered detail does not match its hash
	text := func(raw json.RawMessage) (t string) { _ = json.Unmarshal(raw, &t); return t }
	switch e.Action {
	case "key.create":
		expires := ""
		if d.Expires != nil {
			expires = fmt.Sprint(d.Expires.UnixMicro())
		}
		s.set("key", e.Subject, e.Seq, "%s", strings.Join([]string{d.Name, strings.Join(d.Roles, ","), d.Person, expires, "false"}, "\x00"))
	case "key.revoke":
		s.change("key", e.Subject, e.Seq, func(p []string) { p[len(p)-1] = "true" })
	case "person.add":
		s.set("person", e.Subject, e.Seq, "%s\x00false", strings.Join(d.Roles, ","))
	case "person.roles":
		var roles []string
		if json.Unmarshal(d.After, &roles) == nil {
			s.change("person", e.Subject, e.Seq, func(p []string) { p[0] = strings.Join(roles, ",") })
		}
	case "person.disable", "person.erase":
		s.change("person", e.Subject, e.Seq, func(p []string) { p[1] = "true" })
	case "book.add":
		s.set("loan", e.Subject, e.Seq, "%s\x00%d\x00%s", d.Contract, int64(d.Balance), d.Product)
		for _, x := range d.Values {
			s.set("collateral", e.Subject+"/"+x.Number, e.Seq, "%d\x00%d", int64(x.Value), int64(x.Low))
		}
	case "book.balance":
		var after money.Fen
		if json.Unmarshal(d.After, &after) == nil {
			s.change("loan", e.Subject, e.Seq, func(p []string) { p[1] = fmt.Sprint(int64(after)) })
		}
	case "book.revalue":
		if d.Value != nil {
			s.set("collateral", e.Subject, e.Seq, "%d\x00%d", int64(*d.Value), int64(d.Low))
		}
	case "model.consent":
		s.set("consent", e.Institution, e.Seq, "%s\x00false", d.After)
	case "proposal.approve":
		if d.Kind == string(ProposeConsent) {
			s.set("consent", e.Institution, e.Seq, "true\x00true")
		}
	case "proposal.refuse", "proposal.withdraw":
		if was, ok := s["consent"][e.Institution]; ok && d.Kind == string(ProposeConsent) && was.is == "true\x00false" {
			s.set("consent", e.Institution, e.Seq, "false\x00false")
		}
	case "policy.put":
		s.set("policy", e.Subject, e.Seq, "%s", d.Policy)
	case "programme.put":
		s.set("programme", e.Subject, e.Seq, "%s", d.Prog)
	case "pool.put":
		s.set("pool", e.Subject, e.Seq, "%s", d.Deal)
	default:
		switch {
		case action == "product" && text(d.Result) != "":
			s.set("product", e.Subject, e.Seq, "%s\x00%s\x00%s", d.Version, text(d.Input), text(d.Result))
		case action == "chain" && form != "" && d.Answers != "":
			s.set("answer", e.Subject, e.Seq, "%s\x00%s", d.Inputs, d.Answers)
		}
	}
}

// sealedValue is the value of collateral as it was booked.
type sealedValue struct {
	Number string    `json:"number"`
	Value  money.Fen `json:"value"`
	Low    money.Fen `json:"low"`
}

// compare tells where the rows of an institution are not as its chain says.
func (v *verifier) compare(ctx context.Context, institution string, s standing) error {
	for _, k := range stands {
		rows, err := v.tx.Query(ctx, k.rows, institution)
		if err != nil {
			return err
		}
		held := map[string]string{}
		for rows.Next() {
			var id string
			var words []string
			if err := rows.Scan(&id, &words); err != nil {
				return err
			}
			held[id] = strings.Join(words, "\x00")
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(s[k.kind])) {
			x := s[k.kind][id]
			is, there := held[id]
			switch {
			case !there:
				v.found(institution, x.seq, "record_missing", "第 %d 条所记的"+k.zh+" "+id+" 已不存在。", "The "+k.en+" "+id+" of entry %d is gone.")
			case is != x.is:
				v.found(institution, x.seq, "record_altered", "第 %d 条所记的"+k.zh+" "+id+" 被改动。", "The "+k.en+" "+id+" is not as entry %d says.")
			}
			delete(held, id)
		}
		for _, id := range slices.Sorted(maps.Keys(held)) {
			v.found(institution, 0, "unrecorded", "库中的"+k.zh+" "+id+" 没有审计记录（第 %d 条）。", "The "+k.en+" "+id+" is in store and not on record (entry %d).")
		}
	}
	return nil
}

// assumptions checks that every version is what its hash says, and is there as the valuations made with it say: the
// institution's own, or the operator's.
func (v *verifier) assumptions(ctx context.Context) error {
	rows, err := v.tx.Query(ctx, `SELECT institution, version, hash, body::text FROM assumptions ORDER BY institution, version`)
	if err != nil {
		return err
	}
	held := map[[2]string]string{}
	for rows.Next() {
		var of [2]string
		var body string
		var hash []byte
		if err := rows.Scan(&of[0], &of[1], &hash, &body); err != nil {
			return err
		}
		if held[of] = hex.EncodeToString(hash); !bytes.Equal(TextHash(body), hash) {
			v.found(of[0], 0, "record_altered", "参数版本 "+of[1]+" 的内容与其哈希不符（第 %d 条）。", "Assumptions "+of[1]+" do not match their own hash (entry %d).")
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for of, hash := range v.usedWith {
		if held[of] != hash && held[[2]string{Public, of[1]}] != hash {
			v.found(of[0], 0, "record_altered", "参数版本 "+of[1]+" 不是其估值所用的内容，或已不存在（第 %d 条）。", "Assumptions "+of[1]+" are not those that valuations were made with, or are gone (entry %d).")
		}
	}
	return nil
}

// columnsHold reports whether the columns of a valuation, which lists and pools read, say what its sealed documents say.
func columnsHold(v *Valuation) (holds bool, assumptionsHash string) {
	var c struct {
		Status string `json:"status"`
		Value  struct {
			Point     *float64 `json:"point"`
			Low, High float64
		} `json:"value"`
	}
	var s struct {
		Hash       string `json:"assumptions_hash"`
		Version    string `json:"assumptions"`
		Assignment struct {
			Purpose string `json:"purpose"`
			Date    string `json:"date"`
			Subject []struct {
				Number string `json:"number"`
				Title  string `json:"title"`
			} `json:"subject"`
		} `json:"assignment"`
	}
	if json.Unmarshal(v.Conclusion, &c) != nil || json.Unmarshal(v.Snapshot, &s) != nil {
		return false, ""
	}
	same := func(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-9*math.Abs(a) }
	point := (v.Point == nil) == (c.Value.Point == nil) && (v.Point == nil || same(*v.Point, *c.Value.Point))
	numbers := map[string]bool{}
	for _, p := range s.Assignment.Subject {
		if p.Number != "" {
			numbers[p.Number] = true
		}
	}
	named := len(numbers) == len(v.Numbers) && len(s.Assignment.Subject) > 0 && s.Assignment.Subject[0].Title == v.Title
	for _, n := range v.Numbers {
		named = named && numbers[n]
	}
	return point && named && v.Status == c.Status && same(v.Low, c.Value.Low) && same(v.High, c.Value.High) && v.Assumptions == s.Version &&
		v.Purpose == s.Assignment.Purpose && v.AsOf.String() == s.Assignment.Date, s.Hash
}
