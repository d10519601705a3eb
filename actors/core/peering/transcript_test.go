package peering

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit/transcript"
)

// TestTranscripts plays the commands of testdata/*.txt.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, func(t *testing.T) transcript.Stage {
		return &stage{t: t, now: start, rng: rand.New(rand.NewPCG(1, 1))}
	})
}

// stage is a machine with a clock, and what it said so far.
type stage struct {
	t    *testing.T
	now  time.Time
	rng  *rand.Rand
	p    *Peers
	said strings.Builder
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(&s.said, format+"\n", args...) }

// Drain returns what the machine said and wants done.
func (s *stage) Drain() string {
	if s.p != nil {
		s.ready("")
	}
	text := s.said.String()
	s.said.Reset()
	return text
}

// ready says what is to be done.
func (s *stage) ready(when string) {
	r := s.p.Ready()
	for _, c := range r.Close {
		s.say("%sclose %d: %s", when, c.Conn, c.Reason.String())
	}
	for _, a := range r.Dial {
		s.say("%sdial %v", when, a)
	}
	for _, k := range r.Keepalives {
		s.say("%skeepalive to %d %v", when, k.Conn, k.Addresses)
	}
	for _, p := range r.Store {
		if p.LastSeen.IsZero() {
			s.say("%sstore %v", when, p.Address)
			continue
		}
		s.say("%sstore %v seen +%v", when, p.Address, p.LastSeen.Sub(start))
	}
}

func (s *stage) addr(text string) netip.AddrPort {
	a, err := netip.ParseAddrPort(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *stage) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *stage) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func (s *stage) offence(name string) Offence {
	for o := BadFrame; o <= Crashed; o++ {
		if strings.ReplaceAll(o.String(), " ", "-") == name {
			return o
		}
	}
	s.t.Fatalf("no offence %q", name)
	return 0
}

func (s *stage) result(err error) {
	if err != nil {
		s.say("%v", err)
	}
}

// Do carries out a command.
func (s *stage) Do(w []string) {
	arg := func(i int) string {
		if i >= len(w) {
			s.t.Fatalf("%q: word %d is missing", strings.Join(w, " "), i)
		}
		return w[i]
	}
	conn := func() ConnID { return ConnID(s.number(arg(1))) }
	switch w[0] {
	case "new": // new default|dev [outbound [inbound]]
		cfg := DefaultConfig()
		if arg(1) == "dev" {
			cfg = DevConfig()
		}
		cfg.Self = NodeID{0x80}
		if len(w) > 2 {
			cfg.MaxOutbound = s.number(w[2])
		}
		if len(w) > 3 {
			cfg.MaxInbound = s.number(w[3])
		}
		s.p = New(cfg)
	case "load": // load address age ...
		var saved []Peer
		for i := 1; i < len(w); i += 2 {
			if arg(i+1) == "never" {
				saved = append(saved, Peer{Address: s.addr(w[i])})
				continue
			}
			saved = append(saved, Peer{Address: s.addr(w[i]), LastSeen: s.now.Add(-s.duration(arg(i + 1)))})
		}
		s.p.Load(saved, s.now)
	case "configured":
		for _, a := range w[1:] {
			if !s.p.AddConfigured(s.addr(a), s.now) {
				s.say("%s not taken", a)
			}
		}
	case "heard": // heard conn address ...
		var addrs []netip.AddrPort
		for _, a := range w[2:] {
			addrs = append(addrs, s.addr(a))
		}
		s.p.Heard(conn(), addrs, s.now)
	case "accept": // accept conn address
		s.result(s.p.Accept(conn(), s.addr(arg(2)), s.now))
	case "dialed": // dialed conn address
		s.result(s.p.Dialed(s.addr(arg(2)), conn(), s.now))
	case "failed":
		s.p.DialFailed(s.addr(arg(1)), s.now)
	case "opened": // opened conn node port
		n, err := strconv.ParseUint(arg(2), 16, 8)
		if err != nil {
			s.t.Fatal(err)
		}
		s.result(s.p.Opened(conn(), NodeID{byte(n)}, uint16(s.number(arg(3))), s.now))
	case "closed":
		s.p.Closed(conn(), s.now)
	case "received":
		s.p.Received(conn(), s.now)
	case "misbehaved":
		s.say("score %d", s.p.Misbehaved(conn(), s.offence(arg(2)), s.now))
	case "principal": // principal conn: a representative speaks there, and is one
		a := lattice.Account{byte(conn())}
		s.p.Attested(conn(), []lattice.Account{a})
		s.p.SetPrincipals([]lattice.Account{a})
	case "run": // run duration step [deaf]: ticks; every connection but the deaf one receives something
		until := s.now.Add(s.duration(arg(1)))
		for s.now.Before(until) {
			s.now = s.now.Add(s.duration(arg(2)))
			for _, st := range s.p.Status(s.now) {
				if len(w) < 4 || st.Conn != ConnID(s.number(w[3])) {
					s.p.Received(st.Conn, s.now)
				}
			}
			s.p.Tick(s.now, s.rng)
			s.ready(fmt.Sprintf("+%v ", s.now.Sub(start)))
		}
	case "show":
		s.said.WriteString(s.p.String())
	default:
		s.t.Fatalf("no command %q", w[0])
	}
}
