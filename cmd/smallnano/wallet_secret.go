package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxSecretLine is the longest line that is read from a file descriptor.
const maxSecretLine = 4096

// secretReader reads secrets from a file descriptor, a line each.
type secretReader struct{ lines *bufio.Reader }

// line returns the next line without its end.
func (s *secretReader) line() (string, error) {
	text, err := s.lines.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || text == "") {
		return "", err
	}
	if len(text) > maxSecretLine {
		return "", fmt.Errorf("a line of %d bytes, want at most %d", len(text), maxSecretLine)
	}
	return strings.TrimRight(text, "\r\n"), nil
}

// asker gets secrets from whoever runs a command.
type asker struct {
	say     io.Writer
	secrets map[int]*secretReader // by file descriptor
}

func newAsker(p *program) asker { return asker{say: p.err, secrets: map[int]*secretReader{}} }

// interactive reports whether somebody can be asked.
func (a *asker) interactive() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// secret reads a secret from a file descriptor, or asks for it on the terminal
// without showing it.
func (a *asker) secret(what string, fd int) (string, error) {
	if fd >= 0 {
		if a.secrets[fd] == nil {
			f := os.NewFile(uintptr(fd), fmt.Sprintf("file descriptor %d", fd))
			a.secrets[fd] = &secretReader{bufio.NewReader(io.LimitReader(f, 1<<20))}
		}
		line, err := a.secrets[fd].line()
		if err != nil {
			return "", fmt.Errorf("cannot read the %s from file descriptor %d: %w", what, fd, err)
		}
		return line, nil
	}
	in := int(os.Stdin.Fd())
	if !a.interactive() {
		return "", fmt.Errorf("cannot ask for the %s: the standard input is no terminal; name a file descriptor to read it from, see the flags that end in -fd", what)
	}
	fmt.Fprintf(a.say, "%s: ", what)
	text, err := term.ReadPassword(in)
	fmt.Fprintln(a.say)
	if err != nil {
		return "", fmt.Errorf("cannot read the %s: %w", what, err)
	}
	return string(text), nil
}

// password reads a password that exists.
func (r *walletRun) password(what string) (string, error) {
	text, err := r.secret(what, r.passwordFD)
	if err != nil && r.passwordFD < 0 && !r.interactive() {
		err = withCode{err, errPassword} // the wallet stays locked
	}
	return text, err
}

// newPassword reads a password that will be; on a terminal twice, since nobody
// sees what was typed.
func (r *walletRun) newPassword() (string, error) {
	first, err := r.secret("new password", r.passwordFD)
	if err != nil {
		return "", err
	}
	if first == "" {
		return "", misused("an empty password protects nothing: choose one, or say --no-password")
	}
	if r.passwordFD >= 0 {
		return first, nil
	}
	again, err := r.secret("new password again", r.passwordFD)
	if err == nil && again != first {
		err = errors.New("the two passwords differ; nothing was done")
	}
	return first, err
}
