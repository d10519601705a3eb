package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/smallnano/smallnano/wire/rpc"
)

// Exit codes. Scripts rely on them: none changes its meaning.
const (
	exitOK     = 0
	exitFailed = 1 // it could not be done; the message says why
	exitUsage  = 2 // the command line was not understood; nothing was done
	exitNoNode = 3 // no node answers
	exitLocked = 4 // the wallet is locked, or the password is wrong; nothing was done
	exitFunds  = 5 // not enough money; nothing was done
	exitUnsure = 6 // no answer, or not in time: it may have been done, look before trying again
	// The settings of a node were not understood; nothing was done. A program of Go
	// that crashes, or is ended by a watchdog, has code 2: who watches over a node
	// has to tell what to try again from what will never work.
	exitSettings = 78
)

// exitNames are the codes of failures for programs, beside those of the node.
var exitNames = map[int]string{
	exitFailed: "failed", exitUsage: "usage", exitNoNode: "no_node", exitLocked: "wallet_locked", exitFunds: "insufficient_balance", exitUnsure: "timeout", exitSettings: "settings",
}

// exitHelp is the codes as the help tells them.
const exitHelp = `Exit codes: 0 done; 1 could not be done; 2 not understood; 3 no node answers; 4 wallet
locked or password wrong; 5 not enough money; 6 no answer, it may have been done;
78 settings of a node not understood.
`

// usageError is a command line that was not understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// settingsFault is a node that was given settings that are not understood.
type settingsFault struct{ error }

func (e settingsFault) Unwrap() error { return e.error }

func misused(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Reasons for a failure that have an exit code of their own.
var (
	errNoNode   = errors.New("no node answers")
	errUnsure   = errors.New("the node went away")
	errPassword = errors.New("wrong password")
	errFunds    = errors.New("insufficient balance")
)

// withCode is an error that tells its reason by its type only: the text is the
// error's.
type withCode struct {
	error
	reason error
}

func (e withCode) Unwrap() []error { return []error{e.error, e.reason} }

// exitCode tells an error's exit code.
func exitCode(err error) int {
	var misuse usageError
	var settings settingsFault
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &settings):
		return exitSettings
	case errors.As(err, &misuse):
		return exitUsage
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errUnsure), rpc.IsCode(err, "timeout"):
		return exitUnsure
	case errors.Is(err, errNoNode):
		return exitNoNode
	case errors.Is(err, errPassword), rpc.IsCode(err, "wallet_locked"), rpc.IsCode(err, "bad_password"):
		return exitLocked
	case errors.Is(err, errFunds), rpc.IsCode(err, "insufficient_balance"):
		return exitFunds
	}
	return exitFailed
}

// fail tells an error and returns the exit code. Who asked for JSON gets that
// here too: error, code and exit code in one object on one line.
func (p *program) fail(name string, err error) int {
	code := exitCode(err)
	if code == exitOK {
		return code
	}
	if !p.json {
		hint := ""
		if code == exitUsage || code == exitSettings {
			hint = `; see "smallnano help` + strings.TrimPrefix(name, "smallnano") + `"`
		}
		fmt.Fprintf(p.err, "%s: %v%s\n", name, err, hint)
		return code
	}
	reason := exitNames[code]
	var refused *rpc.Error
	if errors.As(err, &refused) {
		reason = refused.Code
	}
	_ = json.NewEncoder(p.err).Encode(map[string]any{"error": err.Error(), "code": reason, "exit_code": code}) // of strings and a number
	return code
}
