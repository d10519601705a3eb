package sim

import (
	"strings"
	"testing"
)

// TestScenarios runs every story that is built in.
func TestScenarios(t *testing.T) {
	names := Scenarios()
	if len(names) < 10 {
		t.Fatalf("only %d scenarios are embedded: %v", len(names), names)
	}
	if racing {
		names = []string{"failures", "restart", "untold"}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s, err := NamedScenario(name)
			if err != nil {
				t.Fatal(err)
			}
			if r := s.Run(nil); r.Err != nil {
				t.Error(r.Line())
			}
		})
	}
}

// TestScenarioRefused gives lines that mean nothing.
func TestScenarioRefused(t *testing.T) {
	for _, line := range []string{
		"at 1s crash", "at 1s chain 0 0 at 1", "at 1s fork 0 -1 at 1", "dance", "nodes", "nodes many", "run fast", "weights 1", "liars 1", "liars 1 10% juggling", "weather 1ms", "weather 1ms 2ms snow=3",
		"at", "at noon heal", "at 1s dance", "at 1s cut 1 2", "at 1s crash x", "at 1s fail 1", "at 1s fail 1 holding 0", "at 1s fail 1 voting 2", "backlog 62 at", "backlog 62 at x", "at 1s disk 1 round", "at 1s clock 1",
		"at 1s send 0 1", "at 1s bind 0 1", "at 1s fork 0 two at 1", "on 1 later crash", "on x final crash", "expect peace 1", "expect pulls 3", "expect confirmed 0", "expect crashes many",
		"joiners -1", "wallets -3", "keep -3", "seed -1", "seed 9223372036854775808", "seed", "fresh 7", "disk full", "nodes 3",
	} {
		if _, err := ParseScenario("bad", "nodes 2\n"+line); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v, want an error that names line 2", line, err)
		}
	}
}

// TestScenarioImpossible gives stories that cannot be, or would check nothing.
func TestScenarioImpossible(t *testing.T) {
	for text, says := range map[string]string{
		"": "says nothing", "# nodes 2\n\n": "says nothing",
		"nodes 0": "nodes is 0", "nodes 1000": "nodes is 1000", "weather 50ms 1ms": "the greatest delay",
		"weather 1ms 2ms lose=2000": "lose is 2000", "run -5s": "run is -5s", "weights 80%": "weights for 1 nodes", "nodes 2\nweights rest 110%": "more than there is",
		"nodes 3\nweights rest 80% 80%": "more than there is", "nodes 2\nliars 1 40% both\nweights rest 70%": "more than there is", "liars 2 200% both": "percentage",
		"run 2s\nat 3s crash 1": "would never happen", "eclipse 99": "eclipse is 99", "nodes 2\nbacklog 62 at 2": "backlog at node 2",
		"nodes 2\nat 1s crash 2": "no node 2", "nodes 2\non 3 final crash": "no node 3", "nodes 2\nexpect confirmed 0 at 1 2": "no node 2",
		"nodes 2\nat 1s cut 0 | 4": "no node 4", "nodes 2\nat 1s send 0 1 at 5": "no node 5", "nodes 2\nat 1s disk 6 full": "no node 6",
	} {
		if _, err := ParseScenario("bad", text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want an error that says %q", text, err, says)
		}
	}
}

// TestScenarioFinds makes sure that what a scenario expects is looked at.
func TestScenarioFinds(t *testing.T) {
	for _, text := range []string{
		"nodes 2\nrun 1s\nexpect crashes 1",
		"nodes 2\nrun 5s\nat 1s send 0 1 at 0\nat 4s expect unconfirmed 0 at 0",
		"nodes 2\nrun 2s\nat 1s start 1",
	} {
		s, err := ParseScenario("wrong", text)
		if err != nil {
			t.Fatal(err)
		}
		if r := s.Run(nil); r.Err == nil || !strings.HasPrefix(r.Err.Error(), "scenario: ") {
			t.Errorf("%q: %v, want a broken expectation", text, r.Err)
		}
	}
}

// TestBrokenRunIsCounted: what happened before a law was broken is told, too.
func TestBrokenRunIsCounted(t *testing.T) {
	s, err := ParseScenario("wrong", "nodes 2\nrun 5s\nat 1s send 0 1 at 0\nat 3s crash 1\nat 4s start 1\nexpect crashes 2")
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Run(nil); r.Err == nil || r.Crashes != 1 || r.Confirmed == 0 {
		t.Errorf("%s, want a broken expectation, one crash and confirmed blocks", r.Line())
	}
}
