package rpc

import (
	"github.com/smallnano/smallnano/messages/lattice"
)

var unitActions = []*action{
	{
		name: "smn_to_raw", aliases: []string{"nano_to_raw"}, role: Public,
		summary: "An amount of smn in raw: 1 smn is 10^24 raw.",
		params:  []param{need("amount", formUnits, "in smn, with up to 24 decimals")},
		result:  []field{has("amount", formAmount, "in raw")},
		errors:  []*errorKind{badAmount}, handle: smnToRaw,
	},
	{
		name: "raw_to_smn", aliases: []string{"raw_to_nano"}, role: Public,
		summary: "An amount of raw in smn, exactly.",
		params:  []param{need("amount", formAmount, "in raw")},
		result:  []field{has("amount", formUnits, "in smn, trailing zeros left out")},
		errors:  []*errorKind{badAmount}, handle: rawToSmn,
	},
}

func smnToRaw(c *call) (any, error) {
	amount, err := lattice.ParseAmount(c.word("amount"))
	if err != nil {
		c.fail(badAmount.because("amount: %s", err))
	}
	if c.err != nil {
		return nil, c.err
	}
	return obj("amount", amount), nil
}

func rawToSmn(c *call) (any, error) {
	amount := c.amount("amount")
	if c.err != nil {
		return nil, c.err
	}
	return obj("amount", amount.String()), nil
}
