package rpc

import (
	"net/netip"
)

// WorkPeers are machines that look for work for this node, beside it or in its
// place.
type WorkPeers interface {
	// WorkPeers returns where they are, in the order in which they were added.
	WorkPeers() []netip.AddrPort
	// AddWorkPeer adds one; false when there are as many as there may be. One that
	// is known already is not added again.
	AddWorkPeer(netip.AddrPort) bool
	// ClearWorkPeers forgets all.
	ClearWorkPeers()
}

var workPeerActions = []*action{
	{
		name: "work_peers", role: Operator,
		summary: "Machines that look for work for this node.",
		result: []field{
			has("work_peers", formList, "in the order in which they were added"),
			has("work_peers[]", formText, "address and port"),
		},
		handle: workPeers,
	},
	{
		name: "work_peer_add", role: Operator,
		summary: "Have another machine look for work too, from now until the node stops: it is asked by HTTP for work_generate, and what it " +
			"finds is checked. It learns which accounts this node makes blocks for.",
		params: []param{
			need("address", formText, "an IP address, not a name"),
			need("port", formNumber, "1 to 65535"),
		},
		result: []field{has("success", formText, "empty")},
		errors: []*errorKind{badAddress, tooMany}, handle: workPeerAdd,
	},
	{
		name: "work_peers_clear", role: Operator,
		summary: "Have only this node look for work.",
		result:  []field{has("success", formText, "empty")},
		handle:  workPeersClear,
	},
}

var badAddress = &errorKind{"bad_address", "Invalid address or port", numberParams}

func workPeers(c *call) (any, error) {
	list := []string{}
	for _, p := range c.backend.WorkPeers() {
		list = append(list, p.String())
	}
	return obj("work_peers", list), nil
}

func workPeerAdd(c *call) (any, error) {
	text, port := c.word("address"), c.number("port", 0, 65535, badAddress)
	if c.err != nil {
		return nil, c.err
	}
	address, err := netip.ParseAddr(text)
	if err != nil || port == 0 {
		return nil, badAddress.because("address: %q with port %d is none; give an IP address and a port", clip(text), port)
	}
	if !c.backend.AddWorkPeer(netip.AddrPortFrom(address.Unmap(), uint16(port))) {
		return nil, tooMany.because("address: there are %d work peers, the most that a node asks; work_peers_clear removes them", len(c.backend.WorkPeers()))
	}
	return obj("success", ""), nil
}

func workPeersClear(c *call) (any, error) {
	c.backend.ClearWorkPeers()
	return obj("success", ""), nil
}
