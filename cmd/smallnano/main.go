// Program smallnano is the node of the smallnano network, with what is needed to
// run, ask and try it out: "smallnano help" lists its commands.
//
// A command prints its result on standard output and everything else on
// standard error; with --json both are JSON. It exits with 0 when it did what
// was asked; with what else says why not: 1 it could not, 2 the command line was
// not understood, 3 no node answers, 4 the wallet is locked or the password
// wrong, 5 not enough money, 6 no answer, 78 the settings of a node were not
// understood.
package main

import "os"

func main() {
	p := &program{out: os.Stdout, err: os.Stderr, environ: os.Environ()}
	os.Exit(p.run(os.Args[1:]))
}
