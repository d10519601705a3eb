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
