package main

import (
	"flag"
	"fmt"
	"slices"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/messages/lattice"
)

// runConfigCheck is the command "config check": what "node run" would refuse is
// refused here, and nothing is started or written.
func runConfigCheck(p *program, flags *flag.FlagSet, args []string) error {
	c, err := config.Load(flags, args, p.environ)
	if err != nil {
		return settingsError(err)
	}
	network, err := checkSettings(&c)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintf(p.out, "the settings are good: network %s, data in %s\n", network.Name, c.DataDir)
	return err
}

// checkSettings checks what can be checked without opening anything but the key
// that the node would vote with.
func checkSettings(c *config.Config) (*lattice.Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	network, err := lattice.NetworkByName(c.Network)
	if err != nil {
		return nil, err
	}
	if c.EnableVoting {
		if _, err := votingKey(network, c.VotingKey); err != nil {
			return nil, err
		}
	}
	_, err = nodeConfig(c, network)
	return network, err
}

// runConfigShow is the command "config show".
func runConfigShow(p *program, flags *flag.FlagSet, args []string) error {
	effective := flags.Bool("effective", true, "show what holds, with where it comes from; false: only what is not a default")
	_, origins, err := config.Explain(flags, args, p.environ)
	if err != nil {
		return settingsError(err)
	}
	if !*effective {
		origins = slices.DeleteFunc(origins, func(o config.Origin) bool { return o.From == "default" })
	}
	for _, line := range config.Table(origins) {
		if _, err := fmt.Fprintln(p.out, line); err != nil {
			return err
		}
	}
	return nil
}
