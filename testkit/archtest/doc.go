// Package archtest keeps the shape of the repository: which package may import
// which, what the pure core may not touch, that everything exported is
// documented, that prose and links are right, and that the commands of the
// README are the ones that tests and CI run.
//
// It is a test and nothing else. The checks parse the files themselves: what a
// child process reads, the test cache would not know of. Each check is a
// function from a tree of files to findings, so that planted faults prove that
// it catches something. A finding names file and line and says what to do.
//
// What needs types (an unhandled message, a wrapped error that is compared) is
// left to the linters.
package archtest
