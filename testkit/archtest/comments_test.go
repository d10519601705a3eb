package archtest

import (
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// packageComments checks that every package has one comment, in one file.
func packageComments(t tree) (findings []string) {
	production, tests := map[string][]source{}, map[string][]source{}
	for _, s := range t.parse() {
		if s.test {
			tests[s.dir] = append(tests[s.dir], s)
		} else {
			production[s.dir] = append(production[s.dir], s)
		}
	}
	for dir, files := range tests { // a folder of tests only is a package too
		if production[dir] == nil {
			production[dir] = files
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(production)) {
		var in []string
		for _, s := range production[dir] {
			if s.file.Doc != nil {
				in = append(in, s.path)
			}
		}
		switch {
		case len(in) == 0:
			findings = append(findings, fmt.Sprintf("%s:1: package %s has no package comment: say what it is for, what it promises, when not to use it", production[dir][0].path, dir))
		case len(in) > 1:
			findings = append(findings, fmt.Sprintf("%s:1: package %s has more than one package comment: %s", in[1], dir, strings.Join(in, ", ")))
		}
	}
	return findings
}

// documented checks that every exported name has a comment.
func documented(t tree) (findings []string) {
	for _, s := range t.parse() {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
					findings = append(findings, s.at(d.Pos(), "exported %s has no comment", d.Name.Name))
				}
			case *ast.GenDecl:
				findings = append(findings, undocumented(s, d)...)
			}
		}
	}
	return findings
}

// exportedReceiver reports whether a method can be reached by name.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	t := f.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// undocumented finds exported types, constants and variables without a comment.
// A comment of the whole group will do for constants and variables.
func undocumented(s source, d *ast.GenDecl) (findings []string) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && spec.Doc == nil && spec.Comment == nil && (d.Doc == nil || d.Lparen.IsValid()) {
				findings = append(findings, s.at(spec.Pos(), "exported %s has no comment", spec.Name.Name))
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() && spec.Doc == nil && spec.Comment == nil && d.Doc == nil {
					findings = append(findings, s.at(name.Pos(), "exported %s has no comment", name.Name))
				}
			}
		}
	}
	return findings
}

// notes are what is left to do and does not belong into the tree.
var notes = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

// finished checks that nothing was left for later in a comment: later is an
// issue with a number.
func finished(t tree) (findings []string) {
	for _, p := range t.paths("") {
		if strings.HasPrefix(p, "testkit/archtest/") {
			continue
		}
		lines(t[p], func(n int, line string) {
			if word := notes.FindString(line); word != "" {
				findings = append(findings, fmt.Sprintf("%s:%d: %s: do it, or open an issue", p, n, word))
			}
		})
	}
	return findings
}
