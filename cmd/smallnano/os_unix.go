//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
)

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

// handOver gives the files that root has made in a data folder to whose folder it
// is: a service that is not root could not open them. Links are left alone, which
// the owner of the folder may have made to something that is not theirs.
func handOver(dir string) {
	var folder, file syscall.Stat_t
	if os.Geteuid() != 0 || syscall.Stat(dir, &folder) != nil || folder.Uid == 0 {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if fd := int(f.Fd()); syscall.Fstat(fd, &file) == nil && file.Mode&syscall.S_IFMT == syscall.S_IFREG && file.Nlink == 1 && file.Uid == 0 {
			_ = f.Chown(int(folder.Uid), int(folder.Gid)) // else the node says that it cannot open it
		}
		f.Close()
	}
}

// askToStop asks the process group of a child to end in order.
func askToStop(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGTERM) }

// kill ends the process group of a child at once.
func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
