package sim

import (
	"fmt"
	"slices"
	"time"
)

// startFaults lets things go wrong.
func (s *Sim) startFaults() {
	s.every(s.opt.CrashEvery, s.crashSomebody)
	s.every(s.opt.CutEvery, s.cutSomething)
	s.every(s.opt.PanicEvery, s.failActor)
	s.every(s.opt.DiskEvery, s.failDisk)
}

func (s *Sim) somebody() *Node { return s.nodes[s.world.rng.IntN(len(s.nodes))] }

// crashSomebody kills a node, which comes back after a while.
func (s *Sim) crashSomebody() {
	n := s.somebody()
	if !n.Alive() {
		return
	}
	power := s.world.rng.IntN(100) < s.opt.PowerLoss
	n.crash(power)
	s.lost(n, power)
	s.startLater(n, s.draw(10*time.Second))
}

// draw draws a pause with this mean.
func (s *Sim) draw(mean time.Duration) time.Duration {
	return time.Duration(s.world.rng.ExpFloat64() * float64(mean))
}

// cutSomething parts the nodes in two, for a while.
func (s *Sim) cutSomething() {
	if len(s.network.cut) > 0 || len(s.nodes) < 2 {
		return
	}
	s.result.Cuts++
	side := s.world.rng.Uint64()
	for a := range s.nodes {
		for b := range a {
			if side>>a&1 != side>>b&1 {
				s.network.cut[[2]int{b, a}] = true
			}
		}
	}
	s.world.trace.event("cut %x", side&(1<<len(s.nodes)-1))
	s.world.after(s.env, s.draw(15*time.Second), func() { s.heal() })
}

func (s *Sim) heal() {
	clear(s.network.cut)
	s.world.trace.event("healed")
}

// failActor makes one actor of a node panic.
func (s *Sim) failActor() {
	n := s.somebody()
	if !n.Alive() {
		return
	}
	actors := n.running.Backend().Health().Actors
	i := s.world.rng.IntN(len(actors) + len(actors)/8)
	if i >= len(actors) {
		n.failAfterCommit()
		return
	}
	a := actors[i]
	name := a.Name
	if a.Parent != "" {
		name = a.Parent + "/" + a.Name
	}
	s.world.trace.event("n%d: %s fails", n.ID, name)
	if err := n.running.Backend().FailActor(name); err == nil {
		s.result.Panics++
	}
}

// failAfterCommit makes the block processor of a node panic right after its next
// commit: what it did is in the ledger, and nobody is told.
func (n *Node) failAfterCommit() {
	n.untold = true
	n.sim.result.Panics++
	n.sim.world.trace.event("n%d: block_processor fails after its next commit", n.ID)
}

// failures are what a block processor can be made to fail with: each says how many
// blocks a node would lose.
var failures = map[string]func(*Node) int{
	"holding": func(n *Node) int { return n.running.HeldOwn() },
	"waiting": func(n *Node) int { return int(n.running.Backend().Unchecked()) },
}

// planned is a block processor that is to fail as soon as it holds back so many blocks
// that users wait for ("holding"), or that wait for another ("waiting").
type planned struct {
	node  *Node
	with  string
	least int
}

// failPlanned makes the block processors panic whose time has come.
func (s *Sim) failPlanned() {
	s.planned = slices.DeleteFunc(s.planned, func(p planned) bool {
		if !p.node.Alive() {
			return false
		}
		lost := failures[p.with](p.node)
		if lost < p.least {
			return false
		}
		s.world.trace.event("n%d: block_processor fails %s, %d blocks", p.node.ID, p.with, lost)
		s.result.Panics++
		s.must(p.node.running.Backend().FailActor("block_processor"))
		return true
	})
}

// failDisk lets a node's disk be full, or fail now and then, for a while.
func (s *Sim) failDisk() {
	n := s.somebody()
	if s.world.rng.IntN(2) == 0 {
		n.disk.full = true
	} else {
		n.disk.failing = 1 + s.world.rng.IntN(300)
	}
	s.result.Faults++
	s.world.trace.event("n%d: disk %+v", n.ID, n.disk)
	s.world.after(s.env, s.draw(5*time.Second), func() {
		n.disk = disk{}
		s.world.trace.event("n%d: disk works", n.ID)
	})
}

// calmWeather is that of a network without faults.
var calmWeather = Weather{MinDelay: time.Millisecond, MaxDelay: 20 * time.Millisecond}

// settle ends all faults and all users' wishes, and gives the nodes time to
// agree, with the liars at work; then it ends these too and looks whether
// everything comes to rest.
func (s *Sim) settle() {
	s.calm = true
	s.heal()
	s.network.weather = calmWeather
	for _, n := range s.nodes {
		n.disk = disk{}
		if !n.Alive() {
			n.start()
		}
	}
	s.world.trace.event("calm")
	if why := s.wait(s.opt.Calm, s.agreed); why != "" {
		s.violate("liveness", "%v after the last fault: %s%s", s.opt.Calm, why, s.describe(s.culprit()))
	}
	for _, l := range s.liars {
		l.stop()
	}
	if why := s.wait(restTime, s.atRest); why != "" {
		s.violate("rest", "%v after all agreed: %s", restTime, why)
	}
}

// restTime is within how long a network without faults comes to rest: actors
// back off for up to a minute.
const restTime = 90 * time.Second

// wait lets the world happen until a complaint is over, for so long at most, and
// returns what is still complained of.
func (s *Sim) wait(most time.Duration, complaint func() string) string {
	why := ""
	for waited := time.Duration(0); waited < most; waited += time.Second {
		s.until(s.world.now.Sub(start) + time.Second)
		if why = complaint(); why == "" {
			return ""
		}
	}
	return why
}

func short(v fmt.Stringer) string {
	t := v.String()
	if len(t) > 12 && t[:4] == "smn_" {
		return t[4:12]
	}
	return t[:8]
}
