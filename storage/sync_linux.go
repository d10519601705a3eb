package storage

import (
	"os"
	"syscall"
)

// syncData waits until the content of a file and its length are on the disk. It
// leaves out when the file was changed, which would cost another write.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
