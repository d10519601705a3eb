package peering

import (
	"fmt"
	"net/netip"
	"time"
)

// Offence is a way to misbehave.
type Offence uint8

// The offences. A BadFrame is any broken rule of framing or length; Flooding is
// more than the limits allow; BadReply is an answer that was not asked for or
// does not fit its request.
const (
	BadFrame Offence = iota + 1
	BadHandshake
	BadSignature
	BadWork
	BadReply
	BadMessage // well framed, but against the rules of its type
	Flooding
	Stalling // it answers nothing that it is asked for
	Crashed  // its message made a part of this node fail
)

// banScore is the score at which a peer is banned.
const banScore = 100

// forgiven is how long one point of a score lasts.
const forgiven = 10 * time.Second

// maxOffenders bounds the table of scores and bans.
const maxOffenders = 1024

// offences says how many points each costs, and whether the connection is
// closed even if they do not yet add up to a ban.
var offences = [...]struct {
	name   string
	points int
	closes bool
}{
	BadFrame:     {"bad frame", 40, true},
	BadHandshake: {"bad handshake", 25, true},
	BadSignature: {"bad signature", 50, true},
	BadWork:      {"bad work", 50, true},
	BadReply:     {"bad reply", 25, false},
	BadMessage:   {"bad message", 40, true},
	Flooding:     {"flooding", 5, false},
	Stalling:     {"stalling", 10, false},
	Crashed:      {"crashed us", banScore, true},
}

// String returns the offence in words.
func (o Offence) String() string {
	if int(o) < len(offences) && offences[o].name != "" {
		return offences[o].name
	}
	return fmt.Sprintf("offence(%d)", uint8(o))
}

// Offender is who is held to account: a host or, where many nodes share an
// address, a node id. The other field is zero.
type Offender struct {
	Host netip.Prefix
	Node NodeID
}

// Offences keeps the scores and bans of a bounded number of offenders. Points
// are forgiven with time; a ban lasts longer each time. The zero value is not
// usable.
type Offences struct {
	banTime, maxBanTime time.Duration
	records             map[Offender]*record
	order               []Offender // by first offence, for eviction
	bans                uint64     // ever begun
}

type record struct {
	points int
	at     time.Time // when points was right
	until  time.Time // banned until
	bans   int
}

// NewOffences returns an empty table. A first ban lasts banTime, each further
// one twice the one before, at most maxBanTime.
func NewOffences(banTime, maxBanTime time.Duration) *Offences {
	return &Offences{banTime: banTime, maxBanTime: maxBanTime, records: make(map[Offender]*record)}
}

// Add counts an offence and returns the score after it. At 100 the offender is
// banned, and its score starts again from 0 when the ban is over.
func (t *Offences) Add(who Offender, what Offence, now time.Time) (score int, banned bool) {
	if int(what) >= len(offences) || what == 0 {
		panic(fmt.Sprintf("peering: unknown offence %d", what))
	}
	r := t.records[who]
	if r == nil {
		r = t.insert(who, now)
	}
	r.settle(now)
	r.points += offences[what].points
	score = r.points
	if score >= banScore {
		t.bans++
		r.until = now.Add(t.banFor(r.bans))
		r.bans++
		r.points = 0
		return score, true
	}
	return score, now.Before(r.until)
}

// banFor is how long the ban after so many earlier ones lasts.
func (t *Offences) banFor(earlier int) time.Duration {
	d := t.banTime
	for range earlier {
		if d *= 2; d >= t.maxBanTime {
			return t.maxBanTime
		}
	}
	return d
}

// settle forgives what the time has forgiven.
func (r *record) settle(now time.Time) {
	if n := now.Sub(r.at) / forgiven; n > 0 {
		r.points -= int(min(n, time.Duration(r.points)))
		r.at = r.at.Add(n * forgiven)
	}
}

// insert makes room and a record. Whoever is neither banned nor has points goes
// first, then who came first: a crowd of offenders can push out an old ban, but
// each of them has to offend for it.
func (t *Offences) insert(who Offender, now time.Time) *record {
	if len(t.order) >= maxOffenders {
		victim := 0
		for i, o := range t.order {
			r := t.records[o]
			r.settle(now)
			if r.points == 0 && !now.Before(r.until) {
				victim = i
				break
			}
		}
		delete(t.records, t.order[victim])
		t.order = append(t.order[:victim], t.order[victim+1:]...)
	}
	r := &record{at: now}
	t.records[who] = r
	t.order = append(t.order, who)
	return r
}

// Banned reports until when an offender is banned, and whether it is.
func (t *Offences) Banned(who Offender, now time.Time) (until time.Time, banned bool) {
	r := t.records[who]
	if r == nil || !now.Before(r.until) {
		return time.Time{}, false
	}
	return r.until, true
}

// Score returns the points that an offender has now.
func (t *Offences) Score(who Offender, now time.Time) int {
	r := t.records[who]
	if r == nil {
		return 0
	}
	r.settle(now)
	return r.points
}

// Pardon forgets an offender.
func (t *Offences) Pardon(who Offender) {
	if _, known := t.records[who]; !known {
		return
	}
	delete(t.records, who)
	for i, o := range t.order {
		if o == who {
			t.order = append(t.order[:i], t.order[i+1:]...)
			return
		}
	}
}

// Bans returns how many bans have begun, those that are over or pardoned included.
func (t *Offences) Bans() uint64 { return t.bans }

// Len returns how many offenders are remembered.
func (t *Offences) Len() int { return len(t.order) }
