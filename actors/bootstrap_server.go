package actors

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/bootstrap"
	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
)

// bootstrapServer answers peers that ask for frontiers and blocks. It keeps
// nothing between two requests.
type bootstrapServer struct {
	env  *Env
	refs *refs
	net  *lattice.Network
	log  *slog.Logger

	budget *bootstrap.Budget
}

// serveBytes is how many bytes a second bootstrapping peers are given in all.
const serveBytes = 16 << 20

// Receive implements actor.Actor.
func (a *bootstrapServer) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.budget = bootstrap.NewBudget(serveBytes, a.env.Clock.Now())
	case *messages.PullAsked:
		if !a.budget.Spend(peering.ConnID(m.Conn), pullBytes(m.Count), a.env.Clock.Now()) {
			a.reply(m.Conn, &wire.PullAck{ID: m.ID, Status: wire.PullBusy})
			messages.Release(m.Credit)
			return
		}
		a.reply(m.Conn, a.blocks(m))
		messages.Release(m.Credit)
	case *messages.FrontiersAsked:
		if !a.budget.Spend(peering.ConnID(m.Conn), frontierBytes(m.Count), a.env.Clock.Now()) {
			messages.Release(m.Credit) // asked again after a while
			return
		}
		a.reply(m.Conn, a.frontiers(m))
		messages.Release(m.Credit)
	}
}

// pullBytes and frontierBytes are what an answer takes at most.
func pullBytes(count int) int     { return 64 + count*lattice.BlockSize }
func frontierBytes(count int) int { return 64 + count*(32+32+8+8) }

func (a *bootstrapServer) reply(conn messages.ConnID, m wire.Message) {
	if m != nil {
		a.refs.peer(conn).Tell(&messages.SendFrame{Frame: frame(a.net, m)})
	}
}

// blocks answers a pull. A node that cannot read says that it is busy.
func (a *bootstrapServer) blocks(m *messages.PullAsked) wire.Message {
	q := bootstrap.Request{Mode: bootstrap.Mode(m.Mode), Height: m.Height, Count: m.Count}
	if q.Mode == bootstrap.ByHash {
		q.Hash = lattice.Hash(m.Key)
	} else {
		q.Account = lattice.Account(m.Key)
	}
	answer := bootstrap.AnswerBusy()
	err := a.env.Store.View(func(r storage.Reader) (err error) {
		answer, err = bootstrap.AnswerBlocks(r, q)
		return err
	})
	if err != nil {
		a.log.Error("cannot read the ledger to answer a pull", "conn", m.Conn, "err", err)
		answer = bootstrap.AnswerBusy()
	}
	ack := &wire.PullAck{ID: m.ID, Status: wire.PullStatus(answer.Code)}
	switch answer.Code {
	case bootstrap.OK:
		ack.PrunedHeight = answer.Pruned
		for i := range answer.Blocks {
			ack.Blocks = append(ack.Blocks, answer.Blocks[i].Block)
		}
		if len(ack.Blocks) > 0 {
			ack.FirstHeight = answer.Blocks[0].Height
		}
	case bootstrap.Pruned:
		ack.PrunedHeight = answer.Pruned
	}
	return ack
}

// frontiers answers a request for a page. One that cannot be answered is left
// to time out: an empty page would say that there are no accounts.
func (a *bootstrapServer) frontiers(m *messages.FrontiersAsked) wire.Message {
	ack := &wire.FrontierAck{ID: m.ID}
	err := a.env.Store.View(func(r storage.Reader) error {
		page, err := bootstrap.AnswerFrontiers(r, m.Start, m.Count)
		for _, f := range page {
			ack.Frontiers = append(ack.Frontiers, wire.Frontier{Account: f.Account, Hash: f.Hash, Height: f.Height, PrunedHeight: f.Pruned})
		}
		return err
	})
	if err != nil {
		a.log.Error("cannot read the ledger to answer with frontiers", "conn", m.Conn, "err", err)
		return nil
	}
	return ack
}
