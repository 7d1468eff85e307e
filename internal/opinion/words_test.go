package opinion

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// TestEveryItemHasAName reads the keys of contributions and of causes of width
// out of the valuation packages' own text: an officer sees each in words.
func TestEveryItemHasAName(t *testing.T) {
	t.Parallel()
	var files []string
	for _, dir := range []string{"../valuation/*.go", "../valuation/market/*.go"} {
		found, err := filepath.Glob(dir)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	keys := map[string]bool{"income.revenue": true}
	take := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if key, err := strconv.Unquote(lit.Value); err == nil && !strings.HasSuffix(key, ":") && !strings.HasSuffix(key, ".") {
				keys[key] = true
			}
		}
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.CompositeLit:
				name := ""
				switch typ := x.Type.(type) {
				case *ast.Ident:
					name = typ.Name
				case *ast.ArrayType:
					if id, ok := typ.Elt.(*ast.Ident); ok && (id.Name == "part" || id.Name == "WidthContribution") {
						for _, e := range x.Elts {
							if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil && len(inner.Elts) > 0 {
								take(inner.Elts[0])
							}
						}
					}
				}
				if (name == "part" || name == "WidthContribution") && len(x.Elts) > 0 {
					take(x.Elts[0])
				}
			case *ast.CallExpr:
				if id, ok := x.Fun.(*ast.Ident); ok && id.Name == "part" && len(x.Args) > 0 {
					take(x.Args[0])
				}
			}
			return true
		})
	}
	if len(keys) < 15 {
		t.Fatalf("only %d keys found: %v", len(keys), keys)
	}
	for key := range keys {
		for _, lang := range []Lang{Zh, En} {
			name := (writer{sample(), lang}).contributionName(key)
			if lang == Zh && !strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Han, r) }) || strings.ContainsAny(name, "_.") || name == "" {
				t.Errorf("%s is shown as %q", key, name)
			}
		}
	}
}
