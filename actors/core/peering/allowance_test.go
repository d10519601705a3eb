package peering

import (
	"net/netip"
	"testing"
	"time"
)

// What a peer sends above its limit is ignored, and reported once a second.
func TestAllowance(t *testing.T) {
	l := DefaultLimits()
	l.Messages[KindChat] = Rate{2, 5}
	l.Signatures, l.Answers = Rate{1, 3}, Rate{100, 1000}
	a := NewAllowance(&l, start)
	reports, passed, now := 0, 0, start
	for range 400 { // a message every 10 ms for 4 s
		if a.Message(KindChat, now) {
			passed++
		}
		if a.Flooding(now) {
			reports++
		}
		now = now.Add(10 * time.Millisecond)
	}
	if passed != 5+7 || a.Ignored() != 400-12 || reports != 4 {
		t.Errorf("%d passed, %d ignored, %d reports; want 12, 388, 4", passed, a.Ignored(), reports)
	}
	if !a.Message(KindBlock, now) {
		t.Error("one kind took from another")
	}
	a.Flooding(now.Add(time.Hour)) // of what was ignored since the last report
	checked := 0
	for range 10 {
		if a.Signature(now) {
			checked++
		}
	}
	if checked != 3 || a.Flooding(now.Add(3*time.Hour)) {
		t.Errorf("%d signatures, want 3, and no report", checked)
	}
	if !a.Answer(1000, now) || a.Answer(1, now) || !a.Answer(100, now.Add(time.Second)) {
		t.Error("answers are not bounded by their bytes")
	}
}

func TestLimitsAreChecked(t *testing.T) {
	for _, change := range []func(*Limits){
		func(l *Limits) { l.Signatures.Burst = 0 }, func(l *Limits) { l.Messages[KindVote].PerSecond = -1 },
		func(l *Limits) { l.Answers.PerSecond = maxTokens + 1 },
	} {
		c := DefaultConfig()
		change(&c.Limits)
		if c.Validate() == nil {
			t.Errorf("accepted %+v", c.Limits)
		}
	}
	for _, c := range []Config{DefaultConfig(), DevConfig()} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// An offence that is reported after its connection has ended counts: breaking a
// rule and hanging up at once is no way around a ban.
func TestOffenceOfAnEndedConnection(t *testing.T) {
	for _, exempt := range []bool{false, true} {
		cfg := DefaultConfig()
		remote := netip.MustParseAddrPort("20.0.0.1:4000")
		if exempt {
			cfg, remote = DevConfig(), loopback(4000)
		}
		p := New(cfg)
		for i := range ConnID(3) {
			if err := p.Accept(i+1, remote, start); err != nil {
				t.Fatalf("connection %d: %v", i+1, err)
			}
			if err := p.Opened(i+1, nodeID(9), 0, start); err != nil {
				t.Fatalf("connection %d: %v", i+1, err)
			}
			p.Closed(i+1, start)
			if score := p.Misbehaved(i+1, BadFrame, start); score != 40*(int(i)+1) {
				t.Fatalf("score %d after %d offences", score, i+1)
			}
		}
		err := p.Accept(4, remote, start)
		if exempt && err == nil {
			err = p.Opened(4, nodeID(9), 0, start)
		}
		if err != Banned {
			t.Errorf("exempt %v: %v, want a ban", exempt, err)
		}
	}
	p := New(DefaultConfig())
	for i := range ConnID(3 * maxGone) {
		_ = p.Accept(i+1, loopback(4000), start)
		p.Closed(i+1, start)
	}
	if len(p.gone) > maxGone {
		t.Errorf("%d ended connections remembered", len(p.gone))
	}
}
