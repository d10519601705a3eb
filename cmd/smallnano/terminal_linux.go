package main

import (
	"os"
	"syscall"
	"unsafe"
)

// terminalSize returns how much fits on a terminal; 80 by 24 when it does not
// say.
func terminalSize(f *os.File) (columns, lines int) {
	var size struct{ rows, columns, x, y uint16 }
	_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if failed != 0 || size.rows == 0 || size.columns == 0 {
		return 80, 24
	}
	return int(size.columns), int(size.rows)
}
