package election

import (
	"encoding/hex"
	"fmt"
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
		return newStage(t)
	})
}

// stage is a machine with a clock, and what it said so far.
type stage struct {
	t    *testing.T
	now  time.Time
	w    *scale
	m    *Elections
	said strings.Builder
}

// scale is fixed weights, in whole smn.
type scale struct {
	of    map[lattice.Account]lattice.Amount
	delta lattice.Amount
}

func (s *scale) Weight(a lattice.Account) lattice.Amount { return s.of[a] }
func (s *scale) Delta() lattice.Amount                   { return s.delta }
func (s *scale) Base() lattice.Amount                    { return smn(100) }
func (s *scale) Trended() lattice.Amount                 { return smn(100) }

func smn(n int) lattice.Amount {
	a, err := lattice.ParseAmount(strconv.Itoa(n))
	if err != nil {
		panic(err)
	}
	return a
}

func newStage(t *testing.T) *stage {
	w := &scale{of: map[lattice.Account]lattice.Amount{}, delta: smn(67)}
	return &stage{t: t, now: time.Unix(1_700_000_000, 0), w: w, m: New(Config{}, lattice.Beta(), w)}
}

// Drain returns what the machine said and wants done.
func (s *stage) Drain() string {
	r := s.m.Ready()
	fmt.Fprint(&s.said, r.String())
	text := s.said.String()
	s.said.Reset()
	return text
}

// account returns the representative with a name from a to f; any other name is
// nobody's.
func account(name string) lattice.Account {
	if name < "a" || name > "f" {
		return lattice.Account{0xff}
	}
	return lattice.Account{(name[0] - 'a' + 0xa) << 4}
}

// testBlock returns a block by the name of its hash, two hexadecimal digits: the
// first one names its root.
func testBlock(name string) (lattice.Block, lattice.Hash) {
	b, err := hex.DecodeString(name)
	if err != nil || len(b) != 1 {
		panic("bad block name " + name)
	}
	block := lattice.Block{Account: lattice.Account{b[0] >> 4}, Previous: lattice.Hash{b[0] >> 4}, Work: uint64(b[0])}
	return block, lattice.Hash{b[0]}
}

// do carries out one command; see testdata/simple.txt for all of them.
// Do carries out a command.
func (s *stage) Do(f []string) {
	options := map[string]string{}
	var names []string
	for _, arg := range f[1:] {
		key, value, _ := strings.Cut(arg, "=")
		options[key] = value
		names = append(names, key)
	}
	say := func(what any) { fmt.Fprintf(&s.said, "%v\n", what) }
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if err != nil {
			s.t.Fatalf("%v: %v", f, err)
		}
		return n
	}
	duration := func(text string) time.Duration {
		d, err := time.ParseDuration(text)
		if err != nil {
			s.t.Fatalf("%v: %v", f, err)
		}
		return d
	}
	has := func(name string) bool { _, ok := options[name]; return ok }
	switch f[0] {
	case "weights":
		for _, name := range names {
			s.w.of[account(name)] = smn(number(options[name]))
		}
	case "delta":
		s.w.delta = smn(number(names[0]))
	case "start":
		c := Candidate{Bucket: 7, Local: has("local")}
		c.Block, c.Hash = testBlock(names[0])
		for b := range behaviors {
			if has(b.String()) {
				c.Behavior = b
			}
		}
		_, reason := s.m.Start(c, s.now)
		say(reason)
	case "fork":
		block, hash := testBlock(names[0])
		say(s.m.Fork(block, hash, smn(number("0"+options["cached"])), s.now))
	case "vote", "final", "replay": // vote rep block...: by time; final: never replaced
		timestamp := lattice.VoteTimestamp(s.now)
		if f[0] == "final" || has("final") {
			timestamp = lattice.FinalTimestamp
		} else if has("at") {
			timestamp = uint64(number(options["at"]))
		}
		count := s.m.Vote
		if f[0] == "replay" {
			count = s.m.Replay
		}
		_, hash := testBlock(names[1])
		say(count(account(names[0]), timestamp, hash, s.now))
	case "cemented", "inserted", "gone", "cancel", "way":
		block, hash := testBlock(names[0])
		root := block.QualifiedRoot()
		switch f[0] {
		case "cemented":
			s.m.Cemented(root, hash, s.now)
		case "inserted":
			s.m.Inserted(root, hash)
		case "gone":
			s.m.Gone(root, hash, s.now)
		case "way":
			s.m.GiveWay(root, hash, s.now)
		case "cancel":
			s.m.Cancel(root, s.now)
		}
	case "tick":
		s.now = s.now.Add(duration(names[0]))
		s.m.Tick(s.now)
	case "run": // run 1m 250ms: ticks for so long, so often; tells when something is wanted
		end, step := s.now.Add(duration(names[0])), duration(names[1])
		for from := s.now; s.now.Before(end); {
			s.now = s.now.Add(step)
			s.m.Tick(s.now)
			if r := s.m.Ready(); !r.Empty() {
				fmt.Fprintf(&s.said, "+%v\n%s", s.now.Sub(from), r.String())
			}
		}
	case "show":
		fmt.Fprint(&s.said, s.m)
	case "info":
		_, hash := testBlock(names[0])
		i, ok := s.m.InfoOf(hash)
		say(ok)
		for _, v := range i.Votes {
			fmt.Fprintf(&s.said, "%x %v for %s final %v\n", v.Representative[:2], v.Weight, short(v.Hash), v.Final)
		}
		for _, rep := range i.Missing([]lattice.Account{account("a"), account("b"), account("c"), account("d")}) {
			fmt.Fprintf(&s.said, "%x missing\n", rep[:2])
		}
	case "history":
		for _, e := range s.m.History() {
			say(e)
		}
	case "latency":
		fmt.Fprintf(&s.said, "%+v\n", s.m.Latency())
	default:
		s.t.Fatalf("no such command: %v", f)
	}
}
