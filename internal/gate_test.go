package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Texts leave for a model by one way: only internal/llm speaks to an endpoint,
// and whoever makes its client hands it a gate over the database.
func TestOneWayOut(t *testing.T) {
	t.Parallel()
	makers := []string{"internal/judge", "cmd/zhijia"} // what may call llm.New
	for _, root := range []string{"../internal", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			room := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, imp := range file.Imports {
				if p := strings.Trim(imp.Path.Value, `"`); strings.Contains(p, "openai") && room != "internal/llm" {
					t.Errorf("%s imports %s: only internal/llm speaks to a model", path, p)
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "New" {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "llm" && !slices.Contains(makers, room) {
						t.Errorf("%s makes a client of an endpoint; use internal/judge", path)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
