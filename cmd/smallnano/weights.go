package main

import (
	"flag"
	"fmt"
	"path/filepath"

	"github.com/smallnano/smallnano/actors/core/quorum"
	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// runNetworkWeights is the command "network weights".
func runNetworkWeights(p *program, flags *flag.FlagSet, args []string) error {
	var f ledgerFlags
	f.define(flags)
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return misused("want one file to write the network to, not %d words", len(words))
	}
	if filepath.Ext(words[0]) == ".json" {
		return misused("%s: the file is written in TOML, give it another name", words[0])
	}
	path, o, err := f.open(p.environ)
	if err != nil {
		return err
	}
	if _, err := lattice.NetworkByName(o.Network.Name); err == nil {
		return misused("network %s is built in and has no file: name the file of a private network with --network-file", o.Network.Name)
	}
	network := *o.Network
	var counts lattice.Counts
	err = storage.ViewFile(path, o, func(r storage.Reader) (err error) {
		if counts, err = r.Counts(); err == nil {
			network.Shipped, err = shippedWeights(r, counts.Cemented)
		}
		return err
	})
	if err != nil {
		return err
	}
	if left := counts.Blocks - counts.Cemented; left > counts.Blocks/100 {
		return fmt.Errorf("%s: %d of %d blocks are not confirmed: take the ledger of a node that has caught up", path, left, counts.Blocks)
	}
	if err := network.Shipped.Check(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := newFile(words[0], config.FormatNetwork(&network)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%d representatives are in %s: a node that starts with it reckons with them until it has confirmed %d blocks\n"+
		"who takes the file from you lets you say whom a new node believes\n", len(network.Shipped.Of), words[0], network.Shipped.Until)
	return err
}

// shippedWeights takes the heaviest representatives of a ledger, as many as have
// 99.9 % of the supply.
func shippedWeights(r storage.Reader, confirmed uint64) (*lattice.ShippedWeights, error) {
	all := quorum.NewWeights()
	err := r.Weights(func(rep lattice.Account, weight lattice.Amount) bool {
		all.Set(rep, weight)
		return true
	})
	out := &lattice.ShippedWeights{Until: confirmed}
	var sum lattice.Amount
	enough := lattice.Supply.MulDiv(999, 1000)
	for _, w := range all.Top(lattice.MaxShippedWeights) {
		if !sum.Less(enough) {
			break
		}
		sum = sum.SatAdd(w.Weight)
		out.Of = append(out.Of, lattice.ShippedWeight{Representative: w.Representative, Weight: w.Weight})
	}
	return out, err
}
