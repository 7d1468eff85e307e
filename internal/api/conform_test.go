package api

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"zhijia/internal/gate"
)

// specified is the specification, to hold bodies against.
type specified struct {
	Paths map[string]map[string]struct {
		RequestBody struct{ Content map[string]any }
		Responses   map[string]struct{ Content map[string]any }
	}

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
	at       string
}

// theDocument is read once: each server of these tests has the same.
var theDocument = sync.OnceValues(func() (*specified, error) {
	s, err := New(gate.New(gate.Options{}), Options{})
	if err != nil {
		return nil, err
	}
	b, err := s.OpenAPI()
	if err != nil {
		return nil, err
	}
	d := &specified{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}, at: "zhijia:///openapi.json"}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, err
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	return d, d.compiler.AddResource(d.at, tree)
})

// operation returns the template of a path.
func (d *specified) operation(method, path string) (string, bool) {
	have := strings.Split(path, "/")
	best, fixed := "", -1
	for template, methods := range d.Paths {
		want := strings.Split(template, "/")
		if _, ok := methods[strings.ToLower(method)]; !ok || len(want) != len(have) {
			continue
		}
		same := 0
		for i := range want {
			_, verb, _ := strings.Cut(want[i], "}")
			if want[i] == have[i] {
				same += 2
			} else if strings.HasPrefix(want[i], "{") && strings.HasSuffix(have[i], verb) {
				same += min(len(verb), 1)
			} else {
				same = -1
				break
			}
		}
		if same > fixed {
			best, fixed = template, same
		}
	}
	return best, fixed >= 0
}

func (d *specified) schema(parts ...string) (*jsonschema.Schema, error) {
	var ptr strings.Builder
	for _, p := range parts {
		ptr.WriteString("/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(p)))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.schemas[ptr.String()]; ok {
		return s, nil
	}
	s, err := d.compiler.Compile(d.at + "#" + ptr.String())
	d.schemas[ptr.String()] = s
	return s, err
}

// conforming answers like next and holds each JSON answer, and each body that
// was accepted, against the specification.
func conforming(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := theDocument()
		if err != nil {
			t.Error(err)
			return
		}
		template, ok := d.operation(r.Method, r.URL.Path)
		rec, recorded := w.(*httptest.ResponseRecorder)
		if !ok || !recorded {
			next.ServeHTTP(w, r)
			return
		}
		method := strings.ToLower(r.Method)
		op := d.Paths[template][method]
		var sent []byte
		if _, told := op.RequestBody.Content["application/json"]; told && r.Body != nil {
			sent, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(sent))
		}
		next.ServeHTTP(rec, r)
		check := func(what string, body []byte, at ...string) {
			s, err := d.schema(at...)
			if err != nil {
				t.Errorf("%s %s: %v", method, template, err)
				return
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
			if err != nil {
				t.Errorf("%s %s: %s is no JSON: %v", method, template, what, err)
				return
			}
			if err := s.Validate(v); err != nil {
				t.Errorf("%s %s: %s is not as the specification says: %v", method, template, what, err)
			}
		}
		if len(sent) > 0 && rec.Code < 300 {
			check("the body it took", sent, "paths", template, method, "requestBody", "content", "application/json", "schema")
		}
		status := strconv.Itoa(rec.Code)
		if _, told := op.Responses[status]; !told {
			status = "default"
		}
		kind, _, _ := strings.Cut(rec.Header().Get("Content-Type"), ";")
		if _, told := op.Responses[status].Content[kind]; !told {
			if strings.HasSuffix(kind, "json") && rec.Body.Len() > 0 {
				t.Errorf("%s %s answers %d with %s, which the specification does not say", method, template, rec.Code, kind)
			}
			return
		}
		if strings.HasSuffix(kind, "json") {
			check("the answer "+rec.Body.String(), rec.Body.Bytes(), "paths", template, method, "responses", status, "content", kind, "schema")
		}
	})
}

// A closed vocabulary of the specification has every value of its type.
func TestVocabulariesAreWhole(t *testing.T) {
	t.Parallel()
	constants := map[string][]string{} // by package path and type
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg := "zhijia/internal" + strings.TrimPrefix(filepath.ToSlash(filepath.Dir(p)), "..")
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			name, typed := v.Type.(*ast.Ident)
			for _, x := range v.Values {
				if lit, ok := x.(*ast.BasicLit); ok && typed && lit.Kind == token.STRING {
					word, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Error(err)
					}
					constants[pkg+"."+name.Name] = append(constants[pkg+"."+name.Name], word)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for typ, values := range vocabularies {
		var told []string
		for _, v := range values {
			told = append(told, reflect.ValueOf(v).String())
		}
		slices.Sort(told)
		want := constants[typ.PkgPath()+"."+typ.Name()]
		slices.Sort(want)
		if !slices.Equal(told, want) {
			t.Errorf("%s: the specification tells %q, its constants are %q", typ, told, want)
		}
	}
}
