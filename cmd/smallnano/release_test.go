//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script runs one of the scripts of cmd/packaging.
func script(t *testing.T, environ []string, name string, args ...string) (string, error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../packaging", name))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{path}, args...)...)
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not here: apt-get install it", p)
		}
	}
}

// standIn is a program that answers like the real one, as far as scripts ask.
func standIn(t *testing.T, version string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "smallnano")
	text := "#!/bin/sh\ncase $1 in\nversion) echo " + version + " ;;\nman) mkdir -p \"$2\" && touch \"$2/smallnano.1\" \"$2/smallnano.toml.5\" ;;\ncompletion) echo complete ;;\nesac\n"
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// entries reads a tar file.
func entries(t *testing.T, data []byte) (all []*tar.Header, content map[string][]byte) {
	t.Helper()
	content = map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, content
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
		content[strings.TrimPrefix(h.Name, "./")] = text
	}
}

// TestImage takes an image apart: all digests are right, it has the program and
// an empty folder that a node may write to, runs as nobody, and is the same when
// it is made again.
func TestImage(t *testing.T) {
	need(t, "tar", "gzip", "sha256sum")
	program := standIn(t, "1")
	file := filepath.Join(t.TempDir(), "image.tar")
	var images [2][]byte
	for i := range images {
		if out, err := script(t, nil, "image.sh", program, "amd64", file); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		images[i] = data
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("two images of the same program differ")
	}
	_, content := entries(t, images[0])
	type descriptor struct {
		Digest string
		Size   int
	}
	blob := func(d descriptor) []byte {
		t.Helper()
		data := content["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
		if sum := sha256.Sum256(data); "sha256:"+hex.EncodeToString(sum[:]) != d.Digest || len(data) != d.Size {
			t.Errorf("%+v: %d bytes of another digest", d, len(data))
		}
		return data
	}
	decode := func(data []byte, to any) {
		t.Helper()
		if err := json.Unmarshal(data, to); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
	}
	var index struct{ Manifests []descriptor }
	decode(content["index.json"], &index)
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decode(blob(index.Manifests[0]), &manifest)
	var settings struct {
		Config struct {
			User       string
			Entrypoint []string
			Env        []string
		}
		RootFS struct {
			Layers []string `json:"diff_ids"`
		}
	}
	decode(blob(manifest.Config), &settings)
	if settings.Config.User != "65532:65532" || settings.Config.Entrypoint[0] != "/smallnano" || len(manifest.Layers) != 1 || len(settings.RootFS.Layers) != 1 {
		t.Errorf("%+v", settings)
	}
	z, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(layer); "sha256:"+hex.EncodeToString(sum[:]) != settings.RootFS.Layers[0] {
		t.Error("the layer is not the one of the configuration")
	}
	headers, files := entries(t, layer)
	var names []string
	for _, h := range headers {
		names = append(names, h.FileInfo().Mode().String()+" "+h.Name)
		if h.Uid != 65532 || h.ModTime.Unix() != 0 {
			t.Errorf("%s belongs to %d, of %v", h.Name, h.Uid, h.ModTime)
		}
	}
	if got := strings.Join(names, ", "); got != "drwxr-xr-x ./, drwx------ ./data/, -rwxr-xr-x ./smallnano" {
		t.Errorf("the image has %s", got)
	}
	if want, err := os.ReadFile(program); err != nil || !bytes.Equal(files["smallnano"], want) {
		t.Error("the program is another")
	}
}

// TestSign signs what a release has with a key of its own, and checks it as who
// gets it would.
func TestSign(t *testing.T) {
	need(t, "minisign", "sha256sum", "find")
	keys, out := t.TempDir(), t.TempDir()
	secret, public := filepath.Join(keys, "key"), filepath.Join(keys, "key.pub")
	if text, err := exec.Command("minisign", "-G", "-W", "-p", public, "-s", secret).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for name, text := range map[string]string{"b": "two", "a": "one"} {
		if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := script(t, []string{"MINISIGN_KEY=" + secret, "MINISIGN_NO_PASSWORD=yes", "VERSION=v1"}, "sign.sh", out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	verify := func() error {
		check := exec.Command("sh", "-c", `minisign -V -q -p "$0" -m SHA256SUMS && sha256sum -c --quiet SHA256SUMS`, public)
		check.Dir = out
		return check.Run()
	}
	if err := verify(); err != nil {
		t.Errorf("the signature is refused: %v", err)
	}
	if sums, err := os.ReadFile(filepath.Join(out, "SHA256SUMS")); err != nil || strings.Count(string(sums), "\n") != 2 || !strings.HasSuffix(string(sums), "  b\n") {
		t.Errorf("%v: %s", err, sums)
	}
	for _, name := range []string{"a", "SHA256SUMS"} {
		path := filepath.Join(out, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append([]byte("x"), good...), 0o600); err != nil {
			t.Fatal(err)
		}
		if verify() == nil {
			t.Errorf("a changed %s is taken", name)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := script(t, nil, "sign.sh", out); err != nil || !strings.Contains(text, "not signed") {
		t.Errorf("without a key: %v: %s", err, text)
	}
	if _, err := os.Stat(filepath.Join(out, "SHA256SUMS.minisig")); err == nil {
		t.Error("an old signature stands beside new sums")
	}
}

// TestInstall installs into an empty root, upgrades, and removes: the data stays
// unless it was asked for.
func TestInstall(t *testing.T) {
	need(t, "install", "mktemp")
	root := t.TempDir()
	environ := []string{"DESTDIR=" + root}
	do := func(name string, args ...string) {
		t.Helper()
		if out, err := script(t, environ, name, args...); err != nil {
			t.Fatalf("%s %v: %v: %s", name, args, err, out)
		}
	}
	installed := func() string {
		var out []string
		err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				out = append(out, strings.TrimPrefix(path, root))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(out, " ")
	}
	const all = "/usr/local/share/bash-completion/completions/smallnano /usr/local/share/man/man1/smallnano.1 /usr/local/share/man/man5/smallnano.toml.5"
	first, second := standIn(t, "one"), standIn(t, "two")
	do("install.sh", first)
	if got := installed(); got != "/etc/systemd/system/smallnano.service /usr/local/bin/smallnano "+all {
		t.Errorf("installed: %s", got)
	}
	do("install.sh", second)
	version := func(name string) string {
		out, err := exec.Command(filepath.Join(root, "usr/local/bin", name), "version").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	if version("smallnano") != "two" || version("smallnano.before") != "one" {
		t.Errorf("after an upgrade %s runs, %s is kept", version("smallnano"), version("smallnano.before"))
	}
	data := filepath.Join(root, "var/lib/private/smallnano")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "node.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	do("uninstall.sh")
	if got := installed(); got != "/var/lib/private/smallnano/node.key" {
		t.Errorf("left: %s", got)
	}
	do("uninstall.sh", "--purge")
	if got := installed(); got != "" {
		t.Errorf("left: %s", got)
	}
	if out, err := script(t, environ, "uninstall.sh", "--all"); err == nil || !strings.Contains(out, "--purge") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := script(t, environ, "install.sh", filepath.Join(root, "none")); err == nil || !strings.Contains(out, "make build") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestScripts has shellcheck read all scripts, and systemd the unit.
func TestScripts(t *testing.T) {
	t.Run("shellcheck", func(t *testing.T) {
		need(t, "shellcheck")
		files, err := filepath.Glob("../packaging/*.sh")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		if out, err := exec.Command("shellcheck", append(files, "../tools/instructions/count.sh", "../../.ci/run", "../../.ci/newcomer")...).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("unit", func(t *testing.T) {
		need(t, "systemd-analyze")
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", "../packaging/smallnano.service").CombinedOutput()
		if bytes.Contains(out, []byte("unrecognized option")) {
			t.Skip("this systemd-analyze is too old")
		}
		if err != nil {
			t.Errorf("exposed more than 2.0: %v\n%s", err, out)
		}
	})
}
