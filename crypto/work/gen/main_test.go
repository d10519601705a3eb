package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestFilesAreCurrent(t *testing.T) {
	for name, want := range files() {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what gen writes: run go generate ./crypto/work", name)
		}
	}
}

// TestOperations guards the number of operations of the compression: a change
// that costs speed shows up here, not in a benchmark nobody runs.
func TestOperations(t *testing.T) {
	operations := len("^^")
	for _, in := range compression().body {
		operations += len(in.args) - 1
		if !in.add {
			operations++ // the rotation
		}
	}
	if operations > 1132 {
		t.Errorf("the compression has %d operations, more than 1132", operations)
	}
}

// TestLength guards what fits where a processor keeps decoded instructions.
func TestLength(t *testing.T) {
	for name, most := range map[string]int{"compress_avx2_amd64.s": 4_680, "compress_avx512_amd64.s": 4_800} {
		if lines := bytes.Count(files()[name], []byte("\n\t")); lines > most {
			t.Errorf("%s has %d instructions, more than %d", name, lines, most)
		}
	}
}
