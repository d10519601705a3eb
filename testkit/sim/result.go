package sim

import (
	"fmt"
	"strings"
	"time"
)

// Line says in one line how a seed went.
func (r *Result) Line() string {
	verdict := "ok"
	if r.Err != nil {
		verdict = "BROKEN " + r.Err.Error()
	}
	return fmt.Sprintf("seed %d: %s; %d steps in %v, %d frames, %d transfers, %d double spends, %d spam, %d confirmed, %d crashes, %d power losses, %d cuts, %d panics, %d disk faults, trace %s",
		r.Seed, verdict, r.Steps, r.Simulated.Round(time.Second), r.Frames, r.Transfers, r.Forks, r.Spam, r.Confirmed, r.Crashes, r.PowerLosses, r.Cuts, r.Panics, r.Faults, r.Hash)
}

// Summary adds up results.
type Summary struct {
	Seeds, Broken int
	total         Result
}

// Add counts a result.
func (s *Summary) Add(r *Result) {
	s.Seeds++
	if r.Err != nil {
		s.Broken++
	}
	t := &s.total
	t.Steps += r.Steps
	t.Simulated += r.Simulated
	t.Frames += r.Frames
	t.Transfers += r.Transfers
	t.Forks += r.Forks
	t.Spam += r.Spam
	t.Confirmed += r.Confirmed
	t.Crashes += r.Crashes
	t.PowerLosses += r.PowerLosses
	t.Cuts += r.Cuts
	t.Panics += r.Panics
	t.Faults += r.Faults
}

// Text says how all went, and how long it took.
func (s *Summary) Text(took time.Duration) string {
	t := &s.total
	return fmt.Sprintf("%d seeds, %d broken; %.1f simulated hours, %d steps, %d frames; %d transfers, %d double spends, %d spam, %d confirmed; %d crashes (%d power losses), %d cuts, %d panics, %d disk faults; %.1f seeds a second",
		s.Seeds, s.Broken, t.Simulated.Hours(), t.Steps, t.Frames, t.Transfers, t.Forks, t.Spam, t.Confirmed, t.Crashes, t.PowerLosses, t.Cuts, t.Panics, t.Faults, float64(s.Seeds)/took.Seconds())
}

// String lists what is switched on.
func (o Options) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d nodes, %d wallets, %v and %v of calm, weather %+v", o.Seed, o.Nodes, o.Accounts, o.Run, o.Calm, o.Weather)
	for _, f := range features {
		if f.on(&o) {
			b.WriteString(", " + f.name)
		}
	}
	return b.String()
}

// feature is something of a run that can be left out.
type feature struct {
	name string
	on   func(*Options) bool
	off  func(*Options)
}

var features = []feature{
	{"double spends", func(o *Options) bool { return o.ForkEvery > 0 }, func(o *Options) { o.ForkEvery = 0 }},
	{"crashes", func(o *Options) bool { return o.CrashEvery > 0 }, func(o *Options) { o.CrashEvery = 0 }},
	{"power losses", func(o *Options) bool { return o.PowerLoss > 0 }, func(o *Options) { o.PowerLoss = 0 }},
	{"cuts", func(o *Options) bool { return o.CutEvery > 0 }, func(o *Options) { o.CutEvery = 0 }},
	{"panics", func(o *Options) bool { return o.PanicEvery > 0 }, func(o *Options) { o.PanicEvery = 0 }},
	{"disk faults", func(o *Options) bool { return o.DiskEvery > 0 }, func(o *Options) { o.DiskEvery = 0 }},
	{"skewed clocks", func(o *Options) bool { return o.MaxSkew > 0 }, func(o *Options) { o.MaxSkew = 0 }},
	{"small limits", func(o *Options) bool { return o.SmallLimits }, func(o *Options) { o.SmallLimits = false }},
	{"lost frames", func(o *Options) bool { return o.Weather.Lose > 0 }, func(o *Options) { o.Weather.Lose = 0 }},
	{"doubled frames", func(o *Options) bool { return o.Weather.Double > 0 }, func(o *Options) { o.Weather.Double = 0 }},
	{"overtaken frames", func(o *Options) bool { return o.Weather.Overtake > 0 }, func(o *Options) { o.Weather.Overtake = 0 }},
	{"broken connections", func(o *Options) bool { return o.Weather.Break > 0 }, func(o *Options) { o.Weather.Break = 0 }},
	{"liars", func(o *Options) bool { return o.Liars > 0 }, func(o *Options) { o.Liars, o.LiarPercent = 0, 0 }},
	{"weight of liars", func(o *Options) bool { return o.LiarPercent > 0 }, func(o *Options) { o.LiarPercent = 0 }},
	{"pruning", func(o *Options) bool { return o.Keep > 0 }, func(o *Options) { o.Keep = 0 }},
	{"joiners", func(o *Options) bool { return o.Joiners > 0 }, func(o *Options) { o.Joiners = 0 }},
	{"spammers", func(o *Options) bool { return o.Spammers > 0 }, func(o *Options) { o.Spammers = 0 }},
	{"naive users", func(o *Options) bool { return o.Naives > 0 }, func(o *Options) { o.Naives = 0 }},
	{"databases on disk", func(o *Options) bool { return !o.Memory }, func(o *Options) { o.Memory = true }},
}

// shrinkTries is how many other seeds are tried for each thing that is left out:
// leaving something out changes every draw that follows.
const shrinkTries = 20

// Shrink leaves out one feature after the other, then time, wallets and nodes,
// for as long as the same checker finds something. It returns the least that was
// found, and its result.
func Shrink(o Options, first Result, tell func(string)) (Options, Result) {
	v, ok := first.Err.(*Violation)
	if !ok {
		return o, first
	}
	best, result := o, first
	try := func(what string, change func(*Options)) bool {
		for i := range uint64(shrinkTries) {
			c := best
			change(&c)
			c.Seed = best.Seed + i
			r := Run(c)
			if w, ok := r.Err.(*Violation); ok && w.Checker == v.Checker {
				best, result = c, r
				tell(what)
				return true
			}
		}
		return false
	}
	for _, f := range features {
		if f.on(&best) {
			try(f.name, f.off)
		}
	}
	for best.Run > time.Second && try("half of the time", func(c *Options) { c.Run /= 2 }) {
	}
	for best.Accounts > 1 && try("half of the wallets", func(c *Options) { c.Accounts /= 2 }) {
	}
	for best.Nodes > 2 && try("a node", func(c *Options) { c.Nodes-- }) {
	}
	return best, result
}
