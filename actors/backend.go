package actors

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
	"github.com/smallnano/smallnano/wire/rpc"
)

// processTimeout is how long the RPC waits for a block to be inserted.
const processTimeout = 10 * time.Second

// backend is the node as the RPC sees it. Reads go to a snapshot of the ledger
// or to the board and wait for nobody; what changes something is a message.
type backend struct{ *Node }

// Network implements rpc.Backend.
func (b backend) Network() *lattice.Network { return b.cfg.Network }

// Build implements rpc.Backend.
func (b backend) Build() rpc.Build { return b.cfg.Build }

// Uptime implements rpc.Backend.
func (b backend) Uptime() time.Duration { return b.env.Clock.Now().Sub(b.started) }

// View implements rpc.Backend.
func (b backend) View(f func(rpc.Ledger) error) error {
	err := b.env.Store.View(func(r storage.Reader) error { return f(r) })
	if errors.Is(err, storage.ErrCorrupt) {
		text := err.Error()
		b.board.damage.Store(&text)
	}
	return err
}

// Process implements rpc.Backend.
func (b backend) Process(ctx context.Context, block *lattice.Block) (lattice.Hash, error) {
	answer := make(chan messages.BlockResult, 1)
	b.Node.Process(block, func(r messages.BlockResult) { offer(answer, r) })
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	select {
	case r := <-answer:
		return r.Hash, rpcError(r.Err)
	case <-ctx.Done():
		return b.cfg.Network.HashOf(block), fmt.Errorf("%w: %w", rpc.ErrTimeout, ctx.Err())
	}
}

// offer gives an answer to whoever waits. A message that made its handler fail
// may be answered twice; only the first answer counts.
func offer[T any](to chan<- T, answer T) {
	select {
	case to <- answer:
	default:
	}
}

// rpcError translates why a mailbox refused a message.
func rpcError(err error) error {
	switch {
	case errors.Is(err, mailbox.ErrFull), errors.Is(err, mailbox.ErrDropped):
		return fmt.Errorf("%w: %w", rpc.ErrOverloaded, err)
	case errors.Is(err, mailbox.ErrStopped):
		return fmt.Errorf("%w: %w", rpc.ErrStopping, err)
	case errors.Is(err, mailbox.ErrFailed):
		return fmt.Errorf("%w: %w", rpc.ErrTimeout, err) // it may have been done
	}
	return err
}

// Generate implements rpc.Backend.
func (b backend) Generate(ctx context.Context, root lattice.Root, threshold uint64) (uint64, error) {
	type found struct {
		nonce uint64
		err   error
	}
	answer := make(chan found, 1)
	b.refs.work.Tell(&messages.GenerateWork{
		Root: root, Threshold: threshold,
		Abandoned: func() bool { return ctx.Err() != nil },
		Reply:     func(nonce uint64, err error) { offer(answer, found{nonce, err}) },
	})
	select {
	case f := <-answer:
		return f.nonce, rpcError(f.err)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// CancelWork implements rpc.Backend.
func (b backend) CancelWork(root lattice.Root) {
	b.refs.work.Tell(&messages.CancelWork{Root: root})
}

// Weight implements rpc.Backend.
func (b backend) Weight(rep lattice.Account) lattice.Amount {
	return b.board.quorum.Load().weights[rep]
}

// Representatives implements rpc.Backend.
func (b backend) Representatives() []rpc.Representative {
	return append([]rpc.Representative(nil), b.board.quorum.Load().all...)
}

// RepresentativesOnline implements rpc.Backend.
func (b backend) RepresentativesOnline() []rpc.Representative {
	return append([]rpc.Representative(nil), b.board.quorum.Load().online...)
}

// Quorum implements rpc.Backend.
func (b backend) Quorum() rpc.QuorumStatus {
	v := b.board.quorum.Load()
	s := v.status
	counted := map[lattice.Account]bool{}
	for _, p := range *b.board.peers.Load() {
		for _, rep := range p.Representatives {
			weight := v.weights[rep]
			if counted[rep] || weight.IsZero() {
				continue
			}
			counted[rep] = true
			s.Peers = s.Peers.SatAdd(weight)
			s.Details = append(s.Details, rpc.PeerWeight{Account: rep, Address: p.Remote, Weight: weight})
		}
	}
	b.shortfall(&s, v.online)
	return s
}

// shortfall says what a confirmation lacks, if it does.
func (b backend) shortfall(s *rpc.QuorumStatus, online []rpc.Representative) {
	here := b.reachable(s)
	there := here
	if there.Less(s.Online) {
		there = s.Online
	}
	if s.Missing = s.Delta.SatSub(there); !s.Missing.IsZero() {
		s.Silent = b.absent(s, online)
		s.Reasons = append(s.Reasons, fmt.Sprintf("a confirmation needs %v smn of weight; representatives that were seen voting have %v, connected ones %v: %s",
			s.Delta, s.Online, here, b.remedy(b.knowsPeers(), len(*b.board.peers.Load()) == 0)))
	}
	if s.Stall = b.board.stall.Load(); s.Stall != nil {
		s.Missing, s.Silent = s.Stall.Missing, s.Stall.Silent
		s.Reasons = append(s.Reasons, s.Stall.Reason)
	}
}

// absent returns the principal representatives that were not seen voting, are
// behind no connection, and are not this node's own.
func (b backend) absent(s *rpc.QuorumStatus, online []rpc.Representative) (out []rpc.SilentRepresentative) {
	present := map[lattice.Account]bool{}
	for _, r := range online {
		present[r.Account] = true
	}
	for _, d := range s.Details {
		present[d.Account] = true
	}
	for _, key := range b.cfg.VotingKeys {
		present[lattice.Account(key.Public())] = true
	}
	for _, l := range b.Liveness() {
		if !present[l.Representative] {
			out = append(out, rpc.SilentRepresentative{Account: l.Representative, Weight: b.Weight(l.Representative), LastVote: l.Last})
		}
	}
	return out
}

// Unchecked implements rpc.Backend.
func (b backend) Unchecked() uint64 { return b.board.unchecked.Load() }

// Peers implements rpc.Backend.
func (b backend) Peers() []rpc.PeerStatus {
	status := *b.board.peers.Load()
	out := make([]rpc.PeerStatus, len(status))
	for i, p := range status {
		out[i] = peerStatus(&p)
	}
	return out
}

func peerStatus(p *peerView) rpc.PeerStatus {
	return rpc.PeerStatus{
		Address: peerAddress(&p.Status), NodeID: crypto.PublicKey(p.Node), Protocol: wire.Version,
		Inbound: p.Inbound, Connected: p.Since, Received: p.Received, Score: p.Score, Fault: p.fault, Principal: p.Principal,
		BytesIn: p.traffic.BytesIn, BytesOut: p.traffic.BytesOut, Dropped: p.traffic.Dropped, Ignored: p.ignored,
	}
}

// peerAddress is where a peer can be reached, or else where it came from.
func peerAddress(p *peering.Status) netip.AddrPort {
	if p.Listening.IsValid() {
		return p.Listening
	}
	return p.Remote
}

// WaitConfirmation implements rpc.Backend.
func (b backend) WaitConfirmation(ctx context.Context, seq uint64) error {
	return b.board.waitConfirmation(ctx, seq)
}

// Stop implements rpc.Backend.
func (b backend) Stop() { b.requestStop("asked to by RPC") }

// KillAt implements rpc.Backend.
func (b backend) KillAt(step string) error {
	if !b.kill.arm(step) {
		return fmt.Errorf("%w: %.40q, want one of %s", rpc.ErrNoStep, step, strings.Join(killSteps, ", "))
	}
	return nil
}

// FailActor implements rpc.Backend.
func (b backend) FailActor(name string) error {
	path := strings.TrimPrefix(name, rootName+"/")
	if err := b.system.Health().FailNow(rootName + "/" + path); err != nil {
		return fmt.Errorf("%w: %q", rpc.ErrNoActor, name)
	}
	return nil
}
