package archtest

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// places are paths of one person's machine. A word character in front makes it
// part of a longer path of ours.
var places = regexp.MustCompile(`(?:^|[^A-Za-z0-9_.)}\]*-])(/(?:work|home|root|tmp|Users)/[^\s"'` + "`" + `]*|/work\b|\.\./shared\b|[A-Z]:\\\\?Users)`)

// urls are checked against knownHosts: a mirror or a registry has no place in
// the tree.
var urls = regexp.MustCompile(`https?://([A-Za-z0-9.-]+)`)

var knownHosts = map[string]bool{
	"127.0.0.1": true, "localhost": true, "example.com": true,
	"github.com": true, "go.dev": true, "pkg.go.dev": true, "keepachangelog.com": true, "semver.org": true,
	"www.rfc-editor.org": true, "spec.open-rpc.org": true, "json-schema.org": true, "docs.nano.org": true,
}

// registries are named without a scheme, too.
var registries = regexp.MustCompile(`\b(proxy\.golang\.org|sum\.golang\.org|goproxy\.[a-z]+|registry\.npmjs\.org|pypi\.org|crates\.io|repo1?\.maven\.[a-z.]+|deb\.debian\.org)\b`)

// portable checks that no file depends on where it is.
func portable(t tree) (findings []string) {
	for _, p := range t.paths("") {
		if strings.HasPrefix(p, "testkit/archtest/") {
			continue
		}
		lines(t[p], func(n int, line string) {
			if m := places.FindStringSubmatch(line); m != nil {
				findings = append(findings, fmt.Sprintf("%s:%d: %s is a place on one machine", p, n, m[1]))
			}
			for _, m := range urls.FindAllStringSubmatch(line, -1) {
				if !knownHosts[m[1]] && !strings.HasSuffix(m[1], ".example") {
					findings = append(findings, fmt.Sprintf("%s:%d: host %s is not among the known ones", p, n, m[1]))
				}
			}
			if host := registries.FindString(line); host != "" {
				findings = append(findings, fmt.Sprintf("%s:%d: %s is a registry: leave it to the client's settings", p, n, host))
			}
		})
	}
	return findings
}

// link is an inline link of Markdown.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// linked checks that the links between the documents lead somewhere, and that
// the README links to every document.
func linked(t tree) (findings []string) {
	reached := map[string]bool{"README.md": true}
	for _, p := range t.paths(".md") {
		prose(t[p], func(n int, line string) {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
					continue
				}
				file, anchor, _ := strings.Cut(m[1], "#")
				target := p
				if file != "" {
					target = path.Join(path.Dir(p), file)
				}
				if p == "README.md" {
					reached[target] = true
				}
				switch {
				case !t.has(target):
					findings = append(findings, fmt.Sprintf("%s:%d: link to %s leads nowhere", p, n, m[1]))
				case anchor != "" && !headings(t[target])[anchor]:
					findings = append(findings, fmt.Sprintf("%s:%d: %s has no heading #%s", p, n, target, anchor))
				}
			}
		})
	}
	for _, p := range t.paths(".md") {
		if !reached[p] && !strings.Contains(p, "testdata/") {
			findings = append(findings, p+":1: the README does not link here")
		}
	}
	return findings
}

// has reports whether there is such a file or folder.
func (t tree) has(name string) bool {
	if _, is := t[name]; is {
		return true
	}
	for p := range t {
		if strings.HasPrefix(p, name+"/") {
			return true
		}
	}
	return false
}

// prose calls f for the lines of a document outside of its code.
func prose(text string, f func(number int, line string)) {
	code := false
	lines(text, func(n int, line string) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		} else if !code {
			f(n, line)
		}
	})
}

// headings returns the anchors of a document.
func headings(text string) map[string]bool {
	out := map[string]bool{}
	prose(text, func(_ int, line string) {
		title := strings.TrimLeft(line, "#")
		if len(title) == len(line) || !strings.HasPrefix(title, " ") {
			return
		}
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title))
		out[anchor] = true
	})
	return out
}
