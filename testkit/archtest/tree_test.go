package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "github.com/smallnano/smallnano"

// maxFile is the largest file that is looked at: prose and source are smaller.
const maxFile = 4 << 20

// skipped is what is made and not kept, and others' business; .git is a file in
// a second work tree.
var skipped = map[string]bool{".git": true, "bin": true, ".devnet": true}

// tree is the text files of a repository by path, with slashes.
type tree map[string]string

// load reads the repository.
func load(t *testing.T) tree {
	t.Helper()
	root := repository(t)
	files := tree{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if skipped[rel] || strings.HasSuffix(rel, "/testdata/rapid") {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || skipped[rel] {
			return nil
		}
		if info, err := d.Info(); err != nil || info.Size() > maxFile {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if utf8.Valid(text) && !slices.Contains(text, 0) {
			files[rel] = string(text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// repository returns the folder of the module.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && strings.HasPrefix(string(text), "module "+module+"\n") {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatalf("no go.mod of %s above the test", module)
		}
		dir = up
	}
}

// paths returns the files in order, those with this ending.
func (t tree) paths(ending string) []string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(t)) {
		if strings.HasSuffix(p, ending) {
			out = append(out, p)
		}
	}
	return out
}

// source is a parsed Go file.
type source struct {
	path string
	dir  string
	test bool
	fset *token.FileSet
	file *ast.File
}

// parse returns the Go files of this module. A file that does not parse is
// somebody's work in progress, and the compiler's to refuse.
func (t tree) parse() []source {
	var out []source
	fset := token.NewFileSet()
	for _, p := range t.paths(".go") {
		if strings.Contains(p, "testdata/") {
			continue
		}
		f, err := parser.ParseFile(fset, p, t[p], parser.ParseComments)
		if err != nil {
			continue
		}
		out = append(out, source{path: p, dir: path.Dir(p), test: strings.HasSuffix(p, "_test.go"), fset: fset, file: f})
	}
	return out
}

// at reports a finding in a Go file.
func (s source) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.fset.Position(pos).Line, fmt.Sprintf(format, args...))
}

// imports maps the local names of the file's imports to their paths.
func (s source) imports() map[string]string {
	out := map[string]string{}
	for _, spec := range s.file.Imports {
		p := strings.Trim(spec.Path.Value, `"`)
		name := path.Base(p)
		if name == "v2" {
			name = path.Base(path.Dir(p))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		out[name] = p
	}
	return out
}

// uses calls f for every pkg.Name of the node, with the path of the package.
func (s source) uses(node ast.Node, f func(pos token.Pos, pkg, name string)) {
	imports := s.imports()
	ast.Inspect(node, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil { // else a variable of that name
			if pkg, imported := imports[id.Name]; imported {
				f(sel.Pos(), pkg, sel.Sel.Name)
			}
		}
		return true
	})
}

// lines calls f for every line of a text, counting from 1.
func lines(text string, f func(number int, line string)) {
	for i, line := range strings.Split(text, "\n") {
		f(i+1, line)
	}
}

// under reports whether dir matches a pattern: a folder, or with "/..." at the
// end the folder and all below it.
func under(dir, pattern string) bool {
	base, all := strings.CutSuffix(pattern, "/...")
	return dir == base || all && strings.HasPrefix(dir, base+"/")
}

func underAny(dir string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return under(dir, p) })
}
