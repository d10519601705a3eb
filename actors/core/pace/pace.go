// Package pace says how long work should wait for company. Many things cost
// little more together than one alone: a commit, the wait for the disk, a
// signature on a vote, the check of signatures. Waiting for more of them pays
// when much comes, and only delays what is alone.
//
// So the pause grows with what came lately, from nothing to a bound. It is no
// limit to how much is done: whoever has a full batch need not wait.
package pace

import "time"

// memory is over how long the rate of the items is taken.
const memory = time.Second

// Pace measures how many items come and says how long to wait for the next.
// Make it with New.
type Pace struct {
	each, most time.Duration
	rate       float64 // items in one memory, lately
	at         time.Time
}

// New returns a pace that has seen nothing. Each item a second makes the pause
// longer by each, up to most.
func New(each, most time.Duration) *Pace { return &Pace{each: each, most: most} }

// Done notes that so many items were carried out together, and returns when the
// next should be.
func (p *Pace) Done(items int, now time.Time) time.Time {
	since := now.Sub(p.at)
	if since < 0 || since > memory { // the clock was set, or nothing came for long
		since = memory
	}
	p.at = now
	p.rate = p.rate*float64(memory-since)/float64(memory) + float64(items)
	return now.Add(p.Pause())
}

// Pause returns how long to wait after what was done last.
func (p *Pace) Pause() time.Duration {
	return time.Duration(min(p.rate*float64(p.each), float64(p.most)))
}

// Due reports whether what waits should be carried out now, for a time that Done
// returned. A time that is further away than any pause was made before the clock
// was set back.
func (p *Pace) Due(next, now time.Time) bool {
	return !now.Before(next) || next.Sub(now) > p.most
}
