package rpc

import (
	"math"
	"strconv"

	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

// maxMultiplier is how much more than a send's work can be asked for.
const maxMultiplier = 8

var (
	paramRoot       = need("hash", formHash, "what the work is for: newest block of the account, or the public key of an account without blocks")
	paramDifficulty = may("difficulty", formWork, "threshold; default that of a send")
	paramMultiplier = may("multiplier", formFactor, "threshold as a multiple of a send's; goes before difficulty")
)

var workActions = []*action{
	{
		name: "work_generate", role: Public, cost: 50,
		summary: "Find work. It takes the node's time, so it costs the caller more than other actions.",
		params: []param{
			paramRoot, paramDifficulty, paramMultiplier,
			may("block", formBlock, "the block that the work is for; its threshold is used when none is given"),
			paramJSON,
		},
		result: []field{
			has("work", formWork, "the nonce"),
			has("difficulty", formWork, "value that it reaches"),
			has("multiplier", formFactor, "the value as a multiple of a send's threshold"),
			has("hash", formHash, "what it is for"),
		},
		errors: []*errorKind{badHash, badDifficulty, difficultyLimit, badBlock, workDisabled, workCancelled, workFailed}, handle: workGenerate,
	},
	{
		name: "work_validate", role: Public,
		summary: "Check work.",
		params:  []param{paramRoot, need("work", formWork, "the nonce"), paramDifficulty, paramMultiplier},
		result: []field{
			has("valid_all", formOne, "1 when it is enough for every block"),
			has("valid_receive", formOne, "1 when it is enough for open and receive"),
			maybe("valid", formOne, "1 when it reaches the threshold that was given"),
			has("difficulty", formWork, "value that it reaches"),
			has("multiplier", formFactor, "the value as a multiple of a send's threshold"),
		},
		errors: []*errorKind{badHash, badWork, badDifficulty}, handle: workValidate,
	},
	{
		name: "work_cancel", role: Operator,
		summary: "Stop looking for work for a hash. Nothing happens when none is looked for.",
		params:  []param{paramRoot},
		result:  []field{has("success", formText, "empty")},
		errors:  []*errorKind{badHash}, handle: workCancel,
	},
	{
		name: "active_difficulty", role: Public,
		summary: "Work thresholds in the shape that older tools ask for. They never rise: the multiplier is always 1.",
		result: []field{
			has("deprecated", formOne, "1: network_params tells more"),
			has("network_minimum", formWork, "threshold of send and change"),
			has("network_receive_minimum", formWork, "threshold of open and receive"),
			has("network_current", formWork, "same as network_minimum"),
			has("network_receive_current", formWork, "same as network_receive_minimum"),
			has("multiplier", formFactor, "1"),
		},
		handle: activeDifficulty,
	},
}

// multiplier returns how much more work a difficulty is than a base, on
// average.
func multiplier(difficulty, base uint64) float64 {
	return reach(base) / reach(difficulty)
}

// reach is how many of the 2^64 values are at or above a threshold.
func reach(threshold uint64) float64 {
	if threshold == 0 {
		return math.Exp2(64)
	}
	return float64(-threshold)
}

// fromMultiplier is the inverse of multiplier.
func fromMultiplier(m float64, base uint64) uint64 {
	values := reach(base) / m
	if values >= math.Exp2(64) {
		return 0
	}
	return -uint64(max(values, 1))
}

// difficulty reads the threshold that is asked for; absent when none is. It
// must be one that a block can need and not much more.
func (c *call) difficulty(absent uint64) uint64 {
	d := c.threshold(absent)
	base, least := c.network.SendThreshold, c.network.LowestThreshold()
	if c.err == nil && (d < least || multiplier(d, base) > maxMultiplier) {
		c.fail(difficultyLimit.because("difficulty: %016x is not between %016x and %016x", d, least, fromMultiplier(maxMultiplier, base)))
	}
	return d
}

// threshold reads multiplier or difficulty as they are.
func (c *call) threshold(absent uint64) uint64 {
	if c.hasParam("multiplier") && c.has("multiplier") {
		m, err := strconv.ParseFloat(c.word("multiplier"), 64)
		if err != nil || !(m > 0) || math.IsInf(m, 0) {
			c.fail(badDifficulty.because("multiplier: a number above 0 is expected"))
			return 0
		}
		return fromMultiplier(m, c.network.SendThreshold)
	}
	if c.has("difficulty") {
		return c.hex64("difficulty", badDifficulty)
	}
	return absent
}

// hasParam reports whether the action's table has a parameter.
func (c *call) hasParam(name string) bool {
	for _, p := range c.action.params {
		if p.name == name {
			return true
		}
	}
	return false
}

// generate has work found. It gives the caller's place to others meanwhile.
func (c *call) generate(root lattice.Root, threshold uint64) (found uint64, err error) {
	err = c.wait(func() (err error) {
		found, err = c.backend.Generate(c.ctx, root, threshold)
		return err
	})
	return found, err
}

func workGenerate(c *call) (any, error) {
	root, threshold := c.root("hash"), c.network.SendThreshold
	if c.has("block") {
		b := c.block("block", false)
		subtype, err := c.subtypeOf(&b, 0)
		if err != nil && c.err == nil {
			return nil, err
		}
		if c.err == nil && b.Root() != root {
			c.fail(badBlock.because("block: it needs work for %s, not for the given hash", b.Root()))
		}
		threshold = c.network.Threshold(subtype)
	}
	threshold = c.difficulty(threshold)
	if c.err != nil {
		return nil, c.err
	}
	found, err := c.generate(root, threshold)
	if err != nil {
		return nil, err
	}
	value := work.Value(root, found)
	return obj("work", nonce(found), "difficulty", nonce(value),
		"multiplier", factor(multiplier(value, c.network.SendThreshold)), "hash", root), nil
}

func workValidate(c *call) (any, error) {
	root, given := c.root("hash"), c.hex64("work", badWork)
	threshold := c.threshold(0)
	if c.err != nil {
		return nil, c.err
	}
	value := work.Value(root, given)
	answer := obj(
		"valid_all", one(value >= c.network.SendThreshold),
		"valid_receive", one(value >= c.network.ReceiveThreshold),
		"difficulty", nonce(value),
		"multiplier", factor(multiplier(value, c.network.SendThreshold)))
	if c.has("difficulty") || c.has("multiplier") {
		answer.set("valid", one(value >= threshold))
	}
	return answer, nil
}

func workCancel(c *call) (any, error) {
	root := c.root("hash")
	if c.err != nil {
		return nil, c.err
	}
	c.backend.CancelWork(root)
	return obj("success", ""), nil
}

func activeDifficulty(c *call) (any, error) {
	send, receive := nonce(c.network.SendThreshold), nonce(c.network.ReceiveThreshold)
	return obj("deprecated", one(true), "network_minimum", send, "network_receive_minimum", receive,
		"network_current", send, "network_receive_current", receive, "multiplier", factor(1)), nil
}
