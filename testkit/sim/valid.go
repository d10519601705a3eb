package sim

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// MaxRun bounds how long a world may run: far longer than any story, and short enough
// for every time in it to be reckoned with.
const MaxRun = 7 * 24 * time.Hour

// MaxSeed is the greatest seed: the numbers that a file and a command line can name.
const MaxSeed = math.MaxInt64

// maxCrowd bounds wallets, liars and other users of a world.
const maxCrowd = 10_000

// validate says what of a scenario cannot be, or would be a check that checks nothing.
func (s *Scenario) validate() error {
	o := &s.options
	for _, n := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"nodes", o.Nodes, 1, MaxNodes}, {"joiners", o.Joiners, 0, MaxNodes - o.Nodes}, {"wallets", o.Accounts, 1, maxCrowd},
		{"cold", o.Cold, 0, maxCrowd}, {"naives", o.Naives, 0, maxCrowd}, {"spammers", o.Spammers, 0, maxCrowd},
		{"liars", o.Liars, 0, MaxNodes}, {"the percentage of liars", o.LiarPercent, 0, 100},
		{"eclipse", o.Eclipse, 0, o.Nodes + o.Joiners}, {"elections", o.Elections, 0, maxCrowd}, {"queue", o.Queue, 0, maxCrowd}, {"backlog", o.Backlog, 0, 1 << 20},
		{"lose", o.Weather.Lose, 0, 1000}, {"double", o.Weather.Double, 0, 1000}, {"overtake", o.Weather.Overtake, 0, 1000}, {"break", o.Weather.Break, 0, 1000},
	} {
		if n.value < n.least || n.value > n.most {
			return fmt.Errorf("%s is %d, want %d to %d", n.name, n.value, n.least, n.most)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
		least time.Duration
	}{
		{"run", o.Run, 1}, {"calm", o.Calm, 1}, {"transfers", o.TransferEvery, 0}, {"forks", o.ForkEvery, 0},
		{"the least delay", o.Weather.MinDelay, 0}, {"the greatest delay", o.Weather.MaxDelay, o.Weather.MinDelay},
	} {
		if d.value < d.least || d.value > MaxRun {
			return fmt.Errorf("%s is %v, want %v to %v", d.name, d.value, d.least, MaxRun)
		}
	}
	for _, node := range o.BacklogAt {
		if node < 0 || node >= o.Nodes+o.Joiners {
			return fmt.Errorf("backlog at node %d, want 0 to %d", node, o.Nodes+o.Joiners-1)
		}
	}
	for _, st := range slices.Concat(s.steps, s.after) {
		for _, node := range nodesNamed(strings.Fields(st.line)) {
			if node < 0 || node >= o.Nodes+o.Joiners {
				return fmt.Errorf("%q: there is no node %d, only 0 to %d", st.line, node, o.Nodes+o.Joiners-1)
			}
		}
	}
	for _, st := range s.steps {
		if st.at < 0 || st.at > o.Run {
			return fmt.Errorf("%q would never happen: the story runs for %v", st.line, o.Run)
		}
	}
	return o.validWeights()
}

// nodesNamed returns the numbers of nodes in the words of a line.
func nodesNamed(words []string) (nodes []int) {
	if words[0] == "at" {
		words = words[2:]
	}
	numbers := words[1:]
	switch words[0] {
	case "crash", "power", "start", "cut":
	case "fail", "disk", "clock", "on":
		numbers = numbers[:min(1, len(numbers))]
	default: // what is at nodes
		numbers = numbers[slices.Index(numbers, "at")+1:]
		if len(numbers) == len(words)-1 {
			return nil
		}
	}
	for _, w := range numbers {
		if n, err := strconv.Atoi(w); err == nil { // not the bar of a cut
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// validWeights looks at the shares of the nodes, of which the first may have the rest.
func (o *Options) validWeights() error {
	if o.Weights == nil {
		return nil
	}
	if len(o.Weights) != o.Nodes {
		return fmt.Errorf("weights for %d nodes, want one for each of %d", len(o.Weights), o.Nodes)
	}
	left := lattice.Supply.MulDiv(uint64(100-o.LiarPercent), 100)
	for _, w := range o.Weights {
		rest, ok := left.Sub(w)
		if !ok {
			return fmt.Errorf("weights and the percentage of liars are more than there is")
		}
		left = rest
	}
	return nil
}
