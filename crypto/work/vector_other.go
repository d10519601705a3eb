//go:build !amd64

package work

var vectorKernels []Kernel
