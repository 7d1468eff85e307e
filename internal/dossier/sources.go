package dossier

import (
	"context"
	"encoding/json"

	"zhijia/internal/connect"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// Precedence is what the institution of the context set, over the default.
func Precedence(ctx context.Context, db *store.DB) (connect.Precedence, error) {
	p := connect.DefaultPrecedence()
	set, err := db.SourcePrecedence(ctx)
	if err != nil {
		return nil, err
	}
	for group, kinds := range set {
		if err := p.Set(group, kinds); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Statements returns what sources state about patents, by number.
func Statements(ctx context.Context, db *store.DB, numbers []string, own bool) (map[string][]connect.Statement, error) {
	kept, err := db.SourceRecords(ctx, numbers, own)
	if err != nil {
		return nil, err
	}
	out := map[string][]connect.Statement{}
	for n, list := range kept {
		for _, k := range list {
			s := connect.Statement{Retrieved: k.Retrieved, Document: k.Document, File: k.File}
			if err := json.Unmarshal(k.Body, &s.Record); err != nil {
				return nil, err
			}
			s.Number, s.AsOf = n, k.AsOf
			out[n] = append(out[n], s)
		}
	}
	return out, nil
}

// sourced is what the sources of a patent say, for its dossier.
func sourced(ctx context.Context, db *store.DB, number string) (out patent.Sourced, err error) {
	all, err := Statements(ctx, db, []string{number}, false)
	if err != nil || len(all[number]) == 0 {
		return out, err
	}
	precedence, err := Precedence(ctx, db)
	if err != nil {
		return out, err
	}
	list := all[number]
	r := connect.Resolve(list, precedence)
	out.Facts, out.Disagreements, out.Parent = r.Facts, r.Disagreements, r.Parent
	for i := range list {
		out.Views = append(out.Views, list[i].View())
	}
	return out, nil
}

// StatementsOf returns what sources state about a patent, by its number in any
// usual form.
func StatementsOf(ctx context.Context, db *store.DB, text string) ([]connect.Statement, error) {
	n, err := patent.ParseNumber(text)
	if err != nil {
		return nil, err
	}
	number := string(n.Key())
	if p, err := db.Patent(ctx, number); err == nil {
		number = p.Number
	} else if fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	all, err := Statements(ctx, db, []string{number}, false)
	if err == nil && len(all[number]) == 0 {
		err = fault.New(fault.NotFound, "source.no_statements", "没有来源记载专利 "+number+"。", "No source states anything about "+number+".")
	}
	return all[number], err
}
