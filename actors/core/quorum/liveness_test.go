package quorum

import (
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

func sampledHash(i int) lattice.Hash { return lattice.Hash{8, byte(i >> 8), byte(i)} }

func TestLivenessCounts(t *testing.T) {
	l := NewLiveness()
	quick, slow, silent, stranger := lattice.Account{1}, lattice.Account{2}, lattice.Account{3}, lattice.Account{4}
	l.Follow([]lattice.Account{quick, slow, silent})
	now := time.Unix(1_700_000_000, 0)
	var last time.Time
	for i := range 10 {
		h := sampledHash(i)
		l.Began(h, now)
		l.Voted(quick, h, now.Add(100*time.Millisecond))
		l.Voted(quick, h, now.Add(300*time.Millisecond)) // its final vote: the first one counts
		l.Voted(stranger, h, now)
		l.Confirmed(h, now.Add(time.Second))
		if i%2 == 0 { // after the confirmation, and still in time
			last = now.Add(3 * time.Second)
			l.Voted(slow, h, last)
		}
		l.Voted(silent, lattice.Hash{8, 255, byte(i)}, now) // of an election that is not known
		now = now.Add(time.Minute)
	}
	l.Began(sampledHash(99), now) // never confirmed
	got := l.Report(now)
	want := []RepLiveness{
		{quick, now.Add(-time.Minute + 300*time.Millisecond), 10, 10, 100 * time.Millisecond},
		{slow, last, 5, 10, 3 * time.Second},
		{silent, now.Add(-time.Minute), 0, 10, 0},
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

func TestLivenessIgnoresWhatComesTooLate(t *testing.T) {
	l := NewLiveness()
	rep := lattice.Account{1}
	l.Follow([]lattice.Account{rep})
	now := time.Unix(1_700_000_000, 0)
	l.Began(sampledHash(1), now)
	l.Confirmed(sampledHash(1), now)
	if r := l.Report(now.Add(livenessGrace)); r[0].Of != 0 {
		t.Errorf("an election counts before all had time to vote: %+v", r[0])
	}
	l.Voted(rep, sampledHash(1), now.Add(livenessGrace+1))
	if r := l.Report(now.Add(time.Minute)); r[0].Of != 1 || r[0].Voted != 0 || r[0].Last.IsZero() {
		t.Errorf("a vote that came too late: %+v", r[0])
	}
}

func TestLivenessIsBounded(t *testing.T) {
	l := NewLiveness()
	now := time.Unix(1_700_000_000, 0)
	many := make([]lattice.Account, MaxFollowed+1)
	for i := range many {
		many[i] = lattice.Account{byte(i >> 8), byte(i)}
	}
	l.Follow(many)
	for i := range 3 * livenessSamples {
		l.Began(sampledHash(i), now)
		l.Began(lattice.Hash{1, byte(i)}, now) // not sampled
	}
	if len(l.samples) != livenessSamples || len(l.byHash) != livenessSamples || len(l.Report(now)) != MaxFollowed {
		t.Errorf("%d samples, %d hashes, %d representatives", len(l.samples), len(l.byHash), len(l.Report(now)))
	}
	l.Voted(many[0], sampledHash(3*livenessSamples-1), now)
	l.Follow(many[:2])
	if r := l.Report(now); len(r) != 2 || !r[0].Last.Equal(now) {
		t.Errorf("what was known is lost: %+v", r)
	}
}

// TestHeardBefore: who voted before being followed was not silent, and a later vote
// is not taken back.
func TestHeardBefore(t *testing.T) {
	l, a, b := NewLiveness(), lattice.Account{1}, lattice.Account{2}
	at := time.Unix(1000, 0)
	l.Voted(a, lattice.Hash{1}, at)
	l.Follow([]lattice.Account{a, b})
	l.Heard(a, at)
	l.Heard(b, time.Time{})
	l.Heard(lattice.Account{3}, at)
	if r := l.Report(at); !r[0].Last.Equal(at) || !r[1].Last.IsZero() {
		t.Errorf("%+v", r)
	}
	l.Voted(a, lattice.Hash{1}, at.Add(time.Second))
	l.Heard(a, at)
	if r := l.Report(at); !r[0].Last.Equal(at.Add(time.Second)) {
		t.Errorf("%+v", r)
	}
}
