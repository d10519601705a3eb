package supervise

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestManualOrder(t *testing.T) {
	m := NewManual(epoch)
	var log []string
	plan := func(name string, d time.Duration) func() bool {
		return m.AfterFunc(d, func() { log = append(log, fmt.Sprint(name, m.Now().Sub(epoch))) })
	}
	plan("b", 2*time.Second)
	plan("a", time.Second)
	stop := plan("x", time.Second)
	plan("c", 2*time.Second)
	plan("now", -time.Hour)
	m.AfterFunc(time.Second, func() { plan("nested", 0); plan("late", time.Hour) })
	if !stop() || stop() {
		t.Error("stop before the time did not stop, or stopped twice")
	}
	if len(log) != 0 {
		t.Error("a timer fired without a move")
	}
	m.Advance(3 * time.Second)
	if got, want := fmt.Sprint(log), "[now0s a1s nested1s b2s c2s]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !m.Now().Equal(epoch.Add(3 * time.Second)) {
		t.Errorf("now %v", m.Now())
	}
	if at, ok := m.Next(); !ok || !at.Equal(epoch.Add(time.Hour+time.Second)) {
		t.Errorf("next %v %v", at, ok)
	}
	if !m.Step() || m.Step() {
		t.Error("Step")
	}
	if _, ok := m.Next(); ok {
		t.Error("a timer is left")
	}
	stop = plan("y", 0)
	m.Step()
	if stop() {
		t.Error("stopped after it fired")
	}
}

func TestManualAgainstSortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewManual(epoch)
		type plan struct {
			at   time.Time
			id   int
			gone bool
			stop func() bool
		}
		var plans []*plan
		var fired []int
		for id := range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0, 1:
				d := time.Duration(rapid.IntRange(0, 5).Draw(t, "d"))
				p := &plan{at: m.Now().Add(d), id: id}
				p.stop = m.AfterFunc(d, func() { fired = append(fired, id) })
				plans = append(plans, p)
			case 2:
				if len(plans) > 0 {
					p := plans[rapid.IntRange(0, len(plans)-1).Draw(t, "which")]
					if got := p.stop(); got == p.gone {
						t.Fatalf("stop = %v, gone %v", got, p.gone)
					}
					p.gone = true
				}
			case 3:
				fired = nil
				m.Advance(time.Duration(rapid.IntRange(0, 4).Draw(t, "advance")))
				for _, id := range fired {
					var first *plan // the earliest of those left, by (time, id)
					for _, p := range plans {
						if !p.gone && (first == nil || p.at.Before(first.at)) {
							first = p
						}
					}
					if first == nil || first.id != id {
						t.Fatalf("fired %d, want %+v", id, first)
					}
					first.gone = true
				}
				for _, p := range plans {
					if !p.gone && !p.at.After(m.Now()) {
						t.Fatalf("%d is due and did not fire", p.id)
					}
				}
			}
		}
	})
}

func TestRealClock(t *testing.T) {
	var c Clock = RealClock{}
	fired := make(chan time.Time, 1)
	start := c.Now()
	c.AfterFunc(time.Millisecond, func() { fired <- c.Now() })
	if at := <-fired; at.Sub(start) < time.Millisecond {
		t.Errorf("fired after %v", at.Sub(start))
	}
	if stop := c.AfterFunc(time.Hour, func() { t.Error("fired") }); !stop() || stop() {
		t.Error("stop")
	}
}
