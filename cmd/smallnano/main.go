// Program smallnano is the node of the smallnano network, with what is needed to
// run, ask and try it out: "smallnano help" lists its commands.
//
// A command prints its result on standard output and everything else on
// standard error. It exits with 0 when it did what was asked, 1 when it could
// not, and 2 when it was not understood.
package main

import "os"

func main() {
	p := &program{out: os.Stdout, err: os.Stderr, environ: os.Environ()}
	os.Exit(p.run(os.Args[1:]))
}
