package bootstrap

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit/transcript"
)

// TestTranscripts plays the commands of testdata/*.txt.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, func(t *testing.T) transcript.Stage {
		return &stage{t: t, now: epoch, rng: rand.New(rand.NewPCG(1, 1)), c: New(DevConfig()), local: newChains(), names: map[lattice.Hash]string{}}
	})
}

// stage is a client with a clock and a ledger. Accounts are named by two
// hexadecimal digits; the block of an account at a height by account:height, and
// that of another chain which differs from height n up by account:height:n.
type stage struct {
	t     *testing.T
	now   time.Time
	rng   *rand.Rand
	c     *Client
	local *chains
	names map[lattice.Hash]string
	said  strings.Builder
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(&s.said, format+"\n", args...) }

// Drain returns what the machine said and wants done.
func (s *stage) Drain() string {
	s.ready("")
	text := s.said.String()
	s.said.Reset()
	return text
}

func (s *stage) number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *stage) account(name string) lattice.Account {
	b, err := hex.DecodeString(name)
	if err != nil || len(b) != 1 {
		s.t.Fatalf("no account %q", name)
	}
	return lattice.Account{b[0]}
}

// block makes the block of a name, and all below it.
func (s *stage) block(name string) Block {
	w := strings.Split(name, ":")
	height := s.number(w[1])
	b := &lattice.Block{Account: s.account(w[0]), Balance: lattice.AmountFrom(height)}
	if len(w) > 2 {
		b.Link[0] = byte(s.number(w[2]))
	}
	if height > 1 {
		w[1] = strconv.FormatUint(height-1, 10)
		if len(w) > 2 && height == s.number(w[2]) {
			w = w[:2]
		}
		b.Previous = s.block(strings.Join(w, ":")).Hash
	}
	blk := Block{b, b.Hash(lattice.DevID)}
	s.names[blk.Hash] = name
	return blk
}

func (s *stage) blocks(names []string) (out []Block) {
	for _, n := range names {
		out = append(out, s.block(n))
	}
	return out
}

// ready says what is to be done.
func (s *stage) ready(when string) {
	r, err := s.c.Ready(s.local, s.now, s.rng)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, q := range r.Requests {
		text := q.String()
		if q.Mode == ByHash {
			text = strings.Replace(text, short(q.Hash), s.names[q.Hash], 1)
		}
		s.say("%s%s", when, text)
	}
	for _, d := range r.Deliver {
		s.said.WriteString(when + "deliver")
		for _, b := range d.Blocks {
			s.said.WriteString(" " + s.names[b.Hash])
		}
		if !d.Head.IsZero() {
			s.said.WriteString(" below " + s.names[d.Head])
		}
		s.say(" from %d", d.Conn)
	}
	for _, b := range r.Bad {
		s.say("%sblame %d: %v", when, b.Conn, b.Reason)
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
	conn := func() peering.ConnID { return peering.ConnID(s.number(arg(1))) }
	switch w[0] {
	case "up":
		s.c.PeerUp(conn(), s.now)
	case "down":
		s.c.PeerDown(conn(), s.now)
	case "have": // have block ...: in the ledger and confirmed; unconfirmed block ...: not confirmed
		fallthrough
	case "unconfirmed":
		for _, b := range s.blocks(w[1:]) {
			if err := s.local.insert(b.Block, b.Hash, false); err != nil {
				s.t.Fatalf("%s: %v", s.names[b.Hash], err)
			}
			if ch := s.local.accounts[b.Account]; w[0] == "have" {
				ch.confirmed = len(ch.hashes)
			}
		}
	case "insert": // insert block ...: as have, and the client hears of it
		for _, b := range s.blocks(w[1:]) {
			if err := s.local.insert(b.Block, b.Hash, false); err != nil {
				s.t.Fatalf("%s: %v", s.names[b.Hash], err)
			}
			ch := s.local.accounts[b.Account]
			ch.confirmed = len(ch.hashes)
			s.c.Inserted(b.Account, b.Hash, uint64(ch.confirmed), s.now)
		}
	case "behind":
		s.c.Behind(s.account(arg(1)), s.now)
	case "missing": // missing source dependant
		s.c.Missing(s.block(arg(1)).Hash, s.account(arg(2)), s.now)
	case "rollback": // rollback account: its frontier leaves the ledger
		account := s.account(arg(1))
		ch := s.local.accounts[account]
		last := ch.hashes[len(ch.hashes)-1]
		ch.hashes = ch.hashes[:len(ch.hashes)-1]
		ch.confirmed = min(ch.confirmed, len(ch.hashes))
		delete(s.local.blocks, last)
		s.c.RolledBack(account)
	case "known":
		b := s.block(arg(1))
		s.c.Known(b.Account, b.Hash, s.now)
	case "failed":
		s.c.Failed(s.account(arg(1)), s.now)
	case "refused":
		s.c.Refused(s.account(arg(1)), s.now)
	case "frontiers": // frontiers conn id block ...
		page := []Frontier{}
		for _, n := range w[3:] {
			b := s.block(n)
			page = append(page, Frontier{Account: b.Account, Hash: b.Hash, Height: s.number(strings.Split(n, ":")[1])})
		}
		if err := s.c.Frontiers(conn(), s.number(arg(2)), page, s.local, s.now); err != nil {
			s.t.Fatal(err)
		}
	case "blocks": // blocks conn id block ...; blocks conn id unknown|pruned|busy [height]
		a := Blocks{}
		if len(w) > 3 && !strings.Contains(w[3], ":") {
			for a.Code = Unknown; a.Code.String() != w[3]; a.Code++ {
			}
			if len(w) > 4 {
				a.Pruned = s.number(w[4])
			}
		} else if len(w) > 3 {
			a.Blocks, a.First = s.blocks(w[3:]), s.number(strings.Split(w[3], ":")[1])
		}
		if err := s.c.Pulled(conn(), s.number(arg(2)), a, s.local, s.now); err != nil {
			s.t.Fatal(err)
		}
	case "run": // run duration step
		d, err := time.ParseDuration(arg(1))
		step, err2 := time.ParseDuration(arg(2))
		if err != nil || err2 != nil {
			s.t.Fatal(err, err2)
		}
		for until := s.now.Add(d); s.now.Before(until); {
			s.now = s.now.Add(step)
			s.c.Tick(s.now)
			s.ready(fmt.Sprintf("+%v ", s.now.Sub(epoch)))
		}
	case "show":
		s.said.WriteString(s.c.String())
	default:
		s.t.Fatalf("no command %q", w[0])
	}
}
