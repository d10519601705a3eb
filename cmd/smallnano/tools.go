package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

// toolCommands need no node.
func toolCommands() []command {
	return []command{
		{"work generate", "[flags] HASH|ADDRESS", "find work for the block that follows HASH, or opens ADDRESS; needs no node", runWorkGenerate},
		{"work check", "[flags] HASH|ADDRESS WORK", "tell what work is good for; needs no node", runWorkCheck},
		{"units", "[flags] AMOUNT", "turn smn into raw, and raw (as in 100raw) into smn", runUnits},
	}
}

// workRoot reads what work is for.
func workRoot(text string) (lattice.Root, error) {
	if hash, err := lattice.ParseHash(text); err == nil {
		return lattice.Root(hash), nil
	}
	account, err := lattice.ParseAccount(text)
	if err != nil {
		return lattice.Root{}, misused("%.80q is neither the hash of a block (64 hexadecimal digits) nor an address", text)
	}
	return lattice.Root(account), nil
}

// thresholdOf reads what the work must reach.
func thresholdOf(network, purpose string) (uint64, error) {
	n, err := lattice.NetworkByName(network)
	if network == "main" { // work can be found before there is a genesis block
		n, err = lattice.MainParameters(), nil
	}
	if err != nil {
		return 0, usageError{err}
	}
	subtype, err := lattice.ParseSubtype(purpose)
	if err != nil {
		return 0, usageError{err}
	}
	return n.Threshold(subtype), nil
}

func parseNonce(text string) (uint64, error) {
	nonce, err := strconv.ParseUint(text, 16, 64)
	if err != nil || len(text) > 16 {
		return 0, fmt.Errorf("%.40q is no work: want up to 16 hexadecimal digits", text)
	}
	return nonce, nil
}

func runWorkGenerate(p *program, flags *flag.FlagSet, args []string) error {
	network := flags.String("network", "beta", "network whose thresholds hold: beta, dev or main")
	purpose := flags.String("for", "send", "what the block does: send, receive, open or change")
	threads := flags.Int("threads", runtime.GOMAXPROCS(0), "how many threads search")
	asJSON := flags.Bool("json", false, "print the result as JSON")
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 || *threads < 1 || *threads > 256 {
		return misused("want one HASH or ADDRESS, and 1 to 256 --threads")
	}
	root, err := workRoot(words[0])
	if err != nil {
		return err
	}
	threshold, err := thresholdOf(*network, *purpose)
	if err != nil {
		return err
	}
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	began := time.Now()
	stop := p.progress(fmt.Sprintf("finding work, about %.0f million tries", 0x1p64/float64(-threshold)/1e6))
	nonce, err := work.Search(ctx, root, threshold, rand.Uint64(), *threads)
	stop()
	if err != nil {
		return err
	}
	result := map[string]any{
		"hash": lattice.Hash(root).String(), "work": fmt.Sprintf("%016x", nonce), "difficulty": fmt.Sprintf("%016x", work.Value(root, nonce)),
		"threshold": fmt.Sprintf("%016x", threshold), "seconds": time.Since(began).Seconds(),
	}
	return p.show(*asJSON, result, func() { fmt.Fprintf(p.out, "%016x\n", nonce) })
}

func runWorkCheck(p *program, flags *flag.FlagSet, args []string) error {
	network := flags.String("network", "beta", "network whose thresholds hold: beta, dev or main")
	asJSON := flags.Bool("json", false, "print the result as JSON")
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 2 {
		return misused("%d arguments, want HASH or ADDRESS and WORK", len(words))
	}
	root, err := workRoot(words[0])
	if err != nil {
		return err
	}
	nonce, err := parseNonce(words[1])
	if err != nil {
		return usageError{err}
	}
	send, err := thresholdOf(*network, "send")
	if err != nil {
		return err
	}
	receive, err := thresholdOf(*network, "receive")
	if err != nil {
		return err
	}
	value := work.Value(root, nonce)
	result := map[string]any{"difficulty": fmt.Sprintf("%016x", value), "send": value >= send, "receive": value >= receive}
	if err := p.show(*asJSON, result, func() {
		fmt.Fprintf(p.out, "reaches %016x; send and change need %016x, receive and open %016x\n", value, send, receive)
	}); err != nil {
		return err
	}
	if value < min(send, receive) {
		return fmt.Errorf("the work is not enough for any block of the network %s", *network)
	}
	return nil
}

func runUnits(p *program, flags *flag.FlagSet, args []string) error {
	asJSON := flags.Bool("json", false, "print the result as JSON")
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return misused("%d arguments, want one AMOUNT, for example 1.5 or 100raw", len(words))
	}
	amount, err := parsePayment(words[0])
	if err != nil {
		return usageError{err}
	}
	return p.show(*asJSON, map[string]any{"smn": amount.String(), "raw": amount.Raw()}, func() {
		fmt.Fprintf(p.out, "%s smn = %s raw\n", amount, amount.Raw())
	})
}
