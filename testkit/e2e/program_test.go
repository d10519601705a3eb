package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is the path of the binary under test.
var program string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "smallnano-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "smallnano")
	// As "make build" does it, so that what is given away is what is tested.
	lean, err := filepath.Abs("../../cmd/packaging/slim/go.work")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	args := append(append([]string{"build", "-tags", "nethttpomithttp2"}, buildFlags...), "-o", program, "github.com/smallnano/smallnano/cmd/smallnano")
	build := exec.Command("go", args...)
	build.Env = append(os.Environ(), "GOWORK="+lean)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// commandLimit is how long a command may take that is to end by itself.
const commandLimit = slowness * 2 * time.Minute

// outcome is how a command ended.
type outcome struct {
	out, err string
	code     int
}

// run runs the program to its end.
func run(t *testing.T, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = environ()
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	failed := cmd.Run()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) || ctx.Err() != nil {
		t.Fatalf("smallnano %s: %v\n%s", strings.Join(args, " "), failed, err.String())
	}
	return outcome{out.String(), err.String(), cmd.ProcessState.ExitCode()}
}

// want checks an exit code and what was said on standard error.
func (o outcome) want(t *testing.T, code int, said ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d; it said: %s", o.code, code, o.err)
	}
	for _, s := range said {
		if !strings.Contains(o.err, s) {
			t.Errorf("it said %q, want that to have %q", o.err, s)
		}
	}
	if code != 0 && strings.Count(strings.TrimSpace(o.err), "\n") > 0 {
		t.Errorf("more than one line: %s", o.err)
	}
}

// environ is the environment without settings of a node.
func environ() []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SMALLNANO_") {
			out = append(out, v)
		}
	}
	return out
}

// eventually waits until a condition holds.
func eventually(t *testing.T, limit time.Duration, what string, holds func() (bool, string)) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	over := time.After(limit)
	for {
		ok, state := holds()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("after %v still not: %s; %s", limit, what, state)
		case <-t.Context().Done():
			t.Fatalf("over before: %s", what)
		}
	}
}

// freePorts returns the first of n ports in a row on which nobody listens. They
// lie below those that the system gives out by itself, and apart from where
// another run of these tests, whose process number is a near one, begins.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for base := 20000 + os.Getpid()%250*40; base < 32000; base += n {
		if allFree(base, n) {
			return base
		}
	}
	t.Fatal("no free ports")
	return 0
}

func allFree(base, n int) bool {
	for i := range n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+i))
		if err != nil {
			return false
		}
		defer l.Close()
	}
	return true
}

// content returns all files below a folder with what is in them, to see that
// nothing was changed.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		text, err := io.ReadAll(f)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// lockedBuffer gathers what a process says while somebody reads it.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
