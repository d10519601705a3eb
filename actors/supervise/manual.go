package supervise

import "time"

// Manual is a clock that stands still until it is moved: for tests and simulations. Timers fire
// in order of (time, order of creation), on the goroutine that moves it.
type Manual struct{}

// NewManual makes a clock that shows start.
func NewManual(start time.Time) *Manual { panic("supervise: todo") }

// Now is the time it was moved to.
func (m *Manual) Now() time.Time { panic("supervise: todo") }

// AfterFunc plans a timer. A d of zero or less fires at the next move, not at once.
func (m *Manual) AfterFunc(d time.Duration, f func()) (stop func() bool) { panic("supervise: todo") }

// Next is the time of the earliest timer; false if there is none.
func (m *Manual) Next() (time.Time, bool) { panic("supervise: todo") }

// Step moves to the earliest timer and fires it; false if there is none.
func (m *Manual) Step() bool { panic("supervise: todo") }

// Advance moves by d and fires all that is due on the way, also timers planned on the way.
func (m *Manual) Advance(d time.Duration) { panic("supervise: todo") }
