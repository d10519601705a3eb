package peering

import (
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
