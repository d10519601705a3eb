package sim

import (
	"embed"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

//go:embed testdata/*.txt
var scenarios embed.FS

// Scenarios lists the names of the scenarios that are built in.
func Scenarios() []string {
	entries, err := scenarios.ReadDir("testdata")
	if err != nil {
		panic("sim: scenarios are not embedded: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return names
}

// Scenario is a story: what the world is made of, what happens when, and what
// must be so. testdata/README tells the language.
type Scenario struct {
	Name    string
	options Options
	steps   []step
	after   []step          // when all is over
	noCalm  bool            // it is not meant to end well
	harms   bool            // actors or disks
	said    map[string]bool // settings
}

// step is one line that does something.
type step struct {
	line string
	at   time.Duration
	do   func(*Sim) error
}

// NamedScenario returns a scenario that is built in.
func NamedScenario(name string) (*Scenario, error) {
	text, err := scenarios.ReadFile(path.Join("testdata", name+".txt"))
	if err != nil {
		return nil, fmt.Errorf("scenario %q is not known; there are %s", name, strings.Join(Scenarios(), ", "))
	}
	return ParseScenario(name, string(text))
}

// ParseScenario reads a scenario. Its error says which line is wrong.
func ParseScenario(name, text string) (*Scenario, error) {
	s := &Scenario{Name: name, said: map[string]bool{}, options: Options{
		Seed: 1, Nodes: 4, Run: 10 * time.Second, Calm: 2 * time.Minute, Memory: true, Accounts: 4,
		Weather: Weather{MinDelay: time.Millisecond, MaxDelay: 30 * time.Millisecond}, SpamEvery: 50 * time.Millisecond,
	}}
	told := 0
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		told++
		if err := s.parse(words); err != nil {
			return nil, fmt.Errorf("scenario %s: line %d, %q: %w", name, i+1, strings.Join(words, " "), err)
		}
	}
	if told == 0 {
		return nil, fmt.Errorf("scenario %s: it says nothing; see testkit/sim/testdata/README.md for what there is to say", name)
	}
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	return s, nil
}

func (s *Scenario) parse(words []string) error {
	line := strings.Join(words, " ")
	switch words[0] {
	case "at":
		if len(words) < 3 {
			return fmt.Errorf("%q: want at TIME ACTION", line)
		}
		at, err := time.ParseDuration(words[1])
		if err != nil {
			return err
		}
		do, err := action(words[2:])
		s.harms = s.harms || words[2] == "fail" || words[2] == "disk"
		s.steps = append(s.steps, step{line, at, do})
		return err
	case "on":
		do, err := trigger(words[1:])
		s.steps = append(s.steps, step{line, 0, do})
		return err
	case "expect":
		do, err := expectation(words[1:])
		s.after = append(s.after, step{line, 0, do})
		return err
	}
	return s.setting(words)
}

// setting reads a line that says what the world is made of.
func (s *Scenario) setting(words []string) (err error) {
	o, args := &s.options, words[1:]
	number := func(to *int) {
		if len(args) != 1 {
			err = fmt.Errorf("%s wants one number", words[0])
			return
		}
		if *to, err = strconv.Atoi(args[0]); err != nil || *to < 0 {
			err = fmt.Errorf("%s wants a number from 0 up, not %q", words[0], args[0])
		}
	}
	pause := func(to *time.Duration) {
		if len(args) != 1 {
			err = fmt.Errorf("%s wants one time", words[0])
			return
		}
		*to, err = time.ParseDuration(args[0])
	}
	if s.said[words[0]] {
		return fmt.Errorf("%s is said twice", words[0])
	}
	s.said[words[0]] = true
	switch words[0] {
	case "seed":
		if len(args) == 1 {
			o.Seed, err = strconv.ParseUint(args[0], 10, 64)
		}
		if len(args) != 1 || err != nil || o.Seed > MaxSeed {
			err = fmt.Errorf("seed wants a number from 0 to %d", uint64(MaxSeed))
		}
	case "nodes":
		number(&o.Nodes)
	case "wallets":
		number(&o.Accounts)
	case "joiners":
		number(&o.Joiners)
	case "fresh":
		o.Fresh = true
		err = alone(words)
	case "naives":
		number(&o.Naives)
	case "spammers":
		number(&o.Spammers)
	case "eclipse":
		number(&o.Eclipse)
	case "elections":
		number(&o.Elections)
	case "queue":
		number(&o.Queue)
	case "backlog": // MOST, or MOST at NODE...
		if len(args) > 2 && args[1] == "at" {
			o.BacklogAt, err = numbers(args[2:])
			args = args[:1]
		}
		if err == nil {
			number(&o.Backlog)
		}
	case "keep":
		keep := 0
		number(&keep)
		o.Keep = uint64(keep)
	case "cold":
		number(&o.Cold)
	case "run":
		pause(&o.Run)
	case "calm":
		if len(args) == 1 && args[0] == "never" {
			s.noCalm = true
			return nil
		}
		pause(&o.Calm)
	case "transfers":
		pause(&o.TransferEvery)
	case "forks":
		pause(&o.ForkEvery)
	case "disk":
		o.Memory = false
		err = alone(words)
	case "public":
		o.Public = true
		err = alone(words)
	case "small":
		o.SmallLimits = true
		err = alone(words)
	case "weights":
		o.Weights, err = weights(args)
	case "liars":
		err = liars(o, args)
	case "weather":
		err = weather(&o.Weather, args)
	default:
		return fmt.Errorf("unknown word %q", words[0])
	}
	return err
}

// alone refuses words after one that has none.
func alone(words []string) error {
	if len(words) > 1 {
		return fmt.Errorf("%s stands alone", words[0])
	}
	return nil
}

// weights reads the shares of the nodes: the rest, percents, or delta and what
// is a raw more or less.
func weights(words []string) (out []lattice.Amount, err error) {
	delta := lattice.Supply.MulDiv(67, 100)
	for i, w := range words {
		var a lattice.Amount
		switch {
		case i == 0 && w == "rest":
		case w == "delta":
			a = delta
		case w == "delta-1":
			a = delta.SatSub(lattice.AmountFrom(1))
		case strings.HasSuffix(w, "%"):
			n, err := strconv.ParseUint(strings.TrimSuffix(w, "%"), 10, 7)
			if err != nil {
				return nil, err
			}
			a = lattice.Supply.MulDiv(n, 100)
		default:
			return nil, fmt.Errorf("weight %q: want rest (the first), delta, delta-1 or N%%", w)
		}
		out = append(out, a)
	}
	return out, nil
}

// liars reads NUMBER PERCENT% TRICK,TRICK.
func liars(o *Options, args []string) (err error) {
	if len(args) != 3 {
		return fmt.Errorf("want liars NUMBER PERCENT%% TRICKS")
	}
	if o.Liars, err = strconv.Atoi(args[0]); err != nil {
		return err
	}
	if o.LiarPercent, err = strconv.Atoi(strings.TrimSuffix(args[1], "%")); err != nil {
		return err
	}
	for _, name := range strings.Split(args[2], ",") {
		if _, known := trickByName(name); !known {
			return fmt.Errorf("unknown trick %q", name)
		}
		o.Tricks = append(o.Tricks, name)
	}
	return nil
}

// weather reads MIN MAX and then lose=N double=N overtake=N break=N.
func weather(w *Weather, args []string) (err error) {
	if len(args) < 2 {
		return fmt.Errorf("want weather MINDELAY MAXDELAY")
	}
	if w.MinDelay, err = time.ParseDuration(args[0]); err != nil {
		return err
	}
	if w.MaxDelay, err = time.ParseDuration(args[1]); err != nil {
		return err
	}
	fields := map[string]*int{"lose": &w.Lose, "double": &w.Double, "overtake": &w.Overtake, "break": &w.Break}
	for _, a := range args[2:] {
		name, value, _ := strings.Cut(a, "=")
		if fields[name] == nil {
			return fmt.Errorf("unknown weather %q", a)
		}
		if *fields[name], err = strconv.Atoi(value); err != nil {
			return err
		}
	}
	return nil
}

// Seed is the seed that Run uses.
func (s *Scenario) Seed() uint64 { return s.options.Seed }

// Run lets the scenario happen. trace, if not nil, gets the text of the trace.
func (s *Scenario) Run(trace io.Writer) Result { return s.RunSeed(s.options.Seed, trace) }

// RunSeed does the same with another seed: what a story expects must come true
// with any.
func (s *Scenario) RunSeed(seed uint64, trace io.Writer) Result {
	o := s.options
	o.Seed = seed
	o.Trace, o.story = trace, s
	return Run(o)
}

// begin schedules the steps.
func (s *Scenario) begin(sim *Sim) {
	for _, st := range s.steps {
		sim.world.after(sim.env, st.at, func() {
			sim.pending = append(sim.pending, func() {
				sim.world.trace.event("%s", st.line)
				if err := st.do(sim); err != nil {
					sim.violate("scenario", "%s: %v", st.line, err)
				}
			})
		})
	}
}

// end checks what must be so in the end.
func (s *Scenario) end(sim *Sim) {
	for _, st := range s.after {
		if err := st.do(sim); err != nil {
			sim.violate("scenario", "%s: %v", st.line, err)
		}
	}
}

// numbers reads words as numbers.
func numbers(words []string) (out []int, err error) {
	for _, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// node returns a node by number.
func (s *Sim) node(i int) (*Node, error) {
	if i < 0 || i >= len(s.nodes) {
		return nil, fmt.Errorf("no node %d", i)
	}
	return s.nodes[i], nil
}

// user returns a wallet by number.
func (s *Sim) user(i int) (*wallet, error) {
	if i < 0 || i >= len(s.wallets) {
		return nil, fmt.Errorf("no wallet %d", i)
	}
	return s.wallets[i], nil
}

// expectation reads what must be so: "confirmed WALLET at NODE...",
// "unconfirmed WALLET at NODE...", "held WALLET at NODE...", "decided WALLET at
// NODE...", "backlog MOST at NODE...", "pulls MOST at NODE...", or that there were at least so many
// "crashes", "powerlosses", "panics", "forks" or "confirmations".
func expectation(words []string) (func(*Sim) error, error) {
	if len(words) < 2 {
		return nil, fmt.Errorf("want expect WHAT NUMBER")
	}
	first, err := strconv.Atoi(words[1])
	if err != nil {
		return nil, err
	}
	switch words[0] {
	case "confirmed", "unconfirmed":
		if len(words) < 4 || words[2] != "at" {
			return nil, fmt.Errorf("want expect %s WALLET at NODE...", words[0])
		}
		nodes, err := numbers(words[3:])
		return func(s *Sim) error { return s.expectBlock(first, nodes, words[0] == "confirmed") }, err
	case "decided":
		if len(words) < 4 || words[2] != "at" {
			return nil, fmt.Errorf("want expect decided WALLET at NODE...")
		}
		nodes, err := numbers(words[3:])
		return eachNode(nodes, func(s *Sim, n *Node) error { return s.expectDecided(first, n) }), err
	case "held":
		if len(words) < 4 || words[2] != "at" {
			return nil, fmt.Errorf("want expect held WALLET at NODE...")
		}
		nodes, err := numbers(words[3:])
		return eachNode(nodes, func(s *Sim, n *Node) error { return s.expectHeld(first, n) }), err
	case "backlog":
		if len(words) < 4 || words[2] != "at" {
			return nil, fmt.Errorf("want expect backlog MOST at NODE...")
		}
		nodes, err := numbers(words[3:])
		return eachNode(nodes, func(_ *Sim, n *Node) error { return n.expectBacklog(uint64(first)) }), err
	case "pulls":
		if len(words) < 4 || words[2] != "at" {
			return nil, fmt.Errorf("want expect pulls MOST at NODE...")
		}
		nodes, err := numbers(words[3:])
		return eachNode(nodes, func(_ *Sim, n *Node) error {
			if n.pulls > first {
				return fmt.Errorf("node %d has asked for blocks %d times", n.ID, n.pulls)
			}
			return nil
		}), err
	case "crashes", "powerlosses", "panics", "forks", "confirmations":
		return func(s *Sim) error { return s.expectCount(words[0], first) }, nil
	}
	return nil, fmt.Errorf("cannot expect %q", words[0])
}

// expectBlock checks whether the last block of a wallet is confirmed at nodes.
func (s *Sim) expectBlock(user int, nodes []int, want bool) error {
	w, err := s.user(user)
	if err != nil {
		return err
	}
	for _, i := range nodes {
		n, err := s.node(i)
		if err != nil {
			return err
		}
		got := false
		n.view(func(r storage.Reader) error {
			b, found, err := r.Block(w.hash)
			got = found && b.Confirmed
			return err
		})
		if got != want {
			return fmt.Errorf("block %v of wallet %d: confirmed at node %d: %v", w.hash, user, i, got)
		}
	}
	return nil
}

// expectHeld checks that the last block of a wallet is confirmed at a node, or has
// an election there or a place to wait for one.
func (s *Sim) expectHeld(user int, n *Node) error {
	w, err := s.user(user)
	if err != nil {
		return err
	}
	root, hash := w.lastRoot, w.hash
	n.running.LookAtScheduler(func(b *bucket.Scheduler) {
		if b.Holds(root) {
			return
		}
		n.view(func(r storage.Reader) error {
			stored, found, err := r.Block(hash)
			if err == nil && !(found && stored.Confirmed) {
				s.violate("scenario", "block %v of wallet %d waits at node %d (found: %v), which holds no place for it", hash, user, n.ID, found)
			}
			return err
		})
	})
	return nil
}

// expectDecided checks that a node has confirmed some block in the place of the last
// one, or the last double spend, of a wallet.
func (s *Sim) expectDecided(user int, n *Node) error {
	w, err := s.user(user)
	if err != nil {
		return err
	}
	decided := false
	n.view(func(r storage.Reader) (err error) {
		decided, err = isCemented(r, w.lastRoot)
		return err
	})
	if !decided {
		return fmt.Errorf("node %d has confirmed no block of wallet %d on root %v", n.ID, user, w.lastRoot)
	}
	return nil
}

// expectBacklog checks that a node has at most so many unconfirmed blocks.
func (n *Node) expectBacklog(most uint64) (err error) {
	n.view(func(r storage.Reader) error {
		c, failed := r.Counts()
		if got := c.Blocks - c.Cemented; failed == nil && got > most {
			err = fmt.Errorf("node %d has %d unconfirmed blocks", n.ID, got)
		}
		return failed
	})
	return err
}

// expectCount checks that something happened often enough.
func (s *Sim) expectCount(what string, least int) error {
	crashes, losses := 0, 0
	for _, n := range s.nodes {
		crashes += n.Crashes
		losses += n.PowerLosses
	}
	got := map[string]int{
		"crashes": crashes, "powerlosses": losses, "panics": s.result.Panics,
		"forks": s.result.Forks, "confirmations": len(s.seen.confirmed),
	}[what]
	if got < least {
		return fmt.Errorf("there were only %d", got)
	}
	return nil
}

// isTrigger lists the steps of voting that "on" knows.
var voteSteps = []string{"normal", "stored", "final"}

// trigger reads "NODE STEP crash|power": the node ends when it has taken that
// step of voting for the first time, and comes back two seconds later.
func trigger(words []string) (func(*Sim) error, error) {
	if len(words) != 3 || !slices.Contains(voteSteps, words[1]) || words[2] != "crash" && words[2] != "power" {
		return nil, fmt.Errorf("want on NODE %s crash or power", strings.Join(voteSteps, "|"))
	}
	i, err := strconv.Atoi(words[0])
	if err != nil {
		return nil, err
	}
	return func(s *Sim) error {
		n, err := s.node(i)
		if err != nil {
			return err
		}
		n.endAt = words[1]
		n.endBy = words[2]
		return nil
	}, nil
}

// took notes that a node took a step of voting, and ends it if it was to.
func (n *Node) took(step string) {
	if n.endAt != step {
		return
	}
	n.endAt = ""
	power := n.endBy == "power"
	// At once as far as the world can tell: what the actor in hand still does is
	// never seen by anybody.
	n.owner.dead = true
	n.sim.pending = append(n.sim.pending, func() {
		n.crash(power)
		n.sim.lost(n, power)
		n.sim.startLater(n, 2*time.Second)
	})
}
