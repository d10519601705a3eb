//go:build unix

package main

import "os"

// modesMatter says that the mode of a file tells who may read it.
const modesMatter = true

// syncFolder makes the names of new files durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
