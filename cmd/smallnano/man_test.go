package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/config"
)

// The manual has every command with its flags, and every setting, and is good
// mdoc where that can be checked.
func TestManual(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	if code, said := runCommand("man", dir); code != exitOK {
		t.Fatal(said)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page := read("smallnano.1")
	for _, c := range commands() {
		_, about, found := strings.Cut(page, "\n.It Ic "+c.name+"\n")
		if !found {
			t.Errorf("%s is not in the manual", c.name)
		}
		about, _, _ = strings.Cut(about, "\n.It Ic ")
		for _, name := range c.flagNames() {
			if !strings.Contains(about, "\n.It Fl Fl "+name[2:]) {
				t.Errorf("%s: %s is not in the manual", c.name, name)
			}
		}
	}
	page = read("smallnano.toml.5")
	for _, s := range config.Settings() {
		if !strings.Contains(page, "\n.It Ic "+s.Name+"\n") {
			t.Errorf("%s is not in the manual", s.Name)
		}
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("mandoc is not here to check the pages: apt-get install mandoc")
	}
	for _, name := range []string{"smallnano.1", "smallnano.toml.5"} {
		if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", filepath.Join(dir, name)).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
