package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/wire/rpc"
)

// gatewayDrain is how long requests may take to end when the gateway stops.
const gatewayDrain = time.Second

// rpcGateway has the RPC served for as long as it lives. The requests run on
// goroutines of the HTTP server and pass no mailbox but that of the actor they
// ask something of.
type rpcGateway struct {
	address string
	first   *atomic.Pointer[net.TCPListener] // opened before the node was started, so that a taken port is said at once
	server  *rpc.Server                      // answers through all restarts, so that its limits on clients are kept
	log     *slog.Logger
	root    *actor.RootContext

	self *actor.PID
	http *http.Server
}

// served is how serving ended, if not by the actor's own wish.
type served struct {
	by  *rpcGateway
	err error
}

// MailboxControl lets the end be known.
func (*served) MailboxControl() {}

// Receive implements actor.Actor.
func (a *rpcGateway) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.self = ctx.Self()
		a.start()
	case *actor.Restarting, *actor.Stopping:
		a.stop()
	case *served:
		if m.by == a {
			panic(fmt.Errorf("actors: the RPC server ended: %w", m.err))
		}
	}
}

func (a *rpcGateway) start() {
	listener := a.first.Swap(nil)
	if listener == nil {
		l, err := net.Listen("tcp", a.address)
		if err != nil {
			panic(fmt.Errorf("actors: cannot listen for RPC on %s: %w", a.address, err))
		}
		listener = l.(*net.TCPListener)
	}
	a.http = a.server.HTTP()
	server, bounded := a.http, a.server.Listen(listener)
	go func() {
		if err := server.Serve(bounded); !errors.Is(err, http.ErrServerClosed) {
			a.root.Send(a.self, &served{a, err})
		}
	}()
}

func (a *rpcGateway) stop() {
	if a.http == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), gatewayDrain)
	defer cancel()
	if a.http.Shutdown(ctx) != nil { // a long poll, or a client that does not go
		_ = a.http.Close()
	}
	a.http = nil
}
