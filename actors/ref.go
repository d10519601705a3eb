package actors

import (
	"strconv"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/messages"
)

// Ref is the typed address of an actor: a message for another actor does not
// compile. It stays good when the actor is restarted. Safe for concurrent use.
type Ref[M any] struct {
	root *actor.RootContext
	pid  *actor.PID
}

// Tell sends m. It never blocks; a message that the mailbox does not take is
// told so through its Refused method.
func (r Ref[M]) Tell(m M) { r.root.Send(r.pid, m) }

// rootName is the first part of every actor's path.
const rootName = "node"

// Names of the actors below the root. They are what health shows.
const (
	nameClock           = "clock"
	nameBlockProcessor  = "block_processor"
	nameVoteProcessor   = "vote_processor"
	nameElections       = "election_manager"
	nameVoting          = "voting"
	nameScheduler       = "bucket_scheduler"
	nameWork            = "work"
	nameBootstrapServer = "bootstrap_server"
	nameBootstrap       = "bootstrap_client"
	namePeers           = "peers"
	nameTelemetry       = "telemetry"
	namePruner          = "pruner"
	nameWallet          = "wallet"
	nameHealth          = "health"
	nameGateway         = "rpc_gateway"
	nameSupervise       = "supervise" // no actor: what watches them
)

// Subsystems returns the names under which the parts of a node write to its log,
// as the attribute "subsystem".
func Subsystems() []string {
	return []string{
		nameBlockProcessor, nameVoteProcessor, nameElections, nameVoting, nameScheduler, nameBootstrapServer, nameBootstrap,
		namePeers, nameTelemetry, nameWallet, nameHealth, nameGateway, nameSupervise,
	}
}

// refs are the addresses of all actors. They are known before the first actor
// is spawned, because an address follows from the name.
type refs struct {
	system          *supervise.System
	blocks          Ref[messages.BlockProcessor]
	votes           Ref[messages.Votes]
	elections       Ref[messages.Elections]
	voting          Ref[messages.Voting]
	scheduler       Ref[messages.Scheduler]
	work            Ref[messages.Work]
	bootstrapServer Ref[messages.BootstrapServer]
	bootstrap       Ref[messages.Bootstrap]
	peers           Ref[messages.PeerSupervisor]
	wallet          *Ref[messages.Wallet] // nil without wallets
	telemetry       Ref[messages.Telemetry]
	pruner          Ref[messages.Pruner]
}

func ref[M any](s *supervise.System, name string) Ref[M] {
	return Ref[M]{s.Actors().Root, s.PID(rootName + "/" + name)}
}

func newRefs(s *supervise.System) *refs {
	return &refs{
		system:          s,
		blocks:          ref[messages.BlockProcessor](s, nameBlockProcessor),
		votes:           ref[messages.Votes](s, nameVoteProcessor),
		elections:       ref[messages.Elections](s, nameElections),
		voting:          ref[messages.Voting](s, nameVoting),
		scheduler:       ref[messages.Scheduler](s, nameScheduler),
		work:            ref[messages.Work](s, nameWork),
		bootstrapServer: ref[messages.BootstrapServer](s, nameBootstrapServer),
		bootstrap:       ref[messages.Bootstrap](s, nameBootstrap),
		peers:           ref[messages.PeerSupervisor](s, namePeers),
		telemetry:       ref[messages.Telemetry](s, nameTelemetry),
		pruner:          ref[messages.Pruner](s, namePruner),
	}
}

// peerName is the name of a connection's actor below the peer supervisor.
func peerName(c messages.ConnID) string { return strconv.FormatUint(uint64(c), 10) }

// peer is the address of a connection's actor.
func (r *refs) peer(c messages.ConnID) Ref[messages.Peer] {
	return ref[messages.Peer](r.system, namePeers+"/"+peerName(c))
}
