package mailbox

import (
	"fmt"
	"time"
)

// Policy says what a full queue does with one more message.
type Policy uint8

const (
	// RejectNewest refuses the message that does not fit. For work that somebody waits for.
	RejectNewest Policy = iota
	// DropOldest makes room by dropping the oldest message. For facts that age: telemetry, announcements.
	DropOldest
)

// Limits that hold whatever a Config says.
const (
	// MaxCapacity bounds Capacity and Control, against a slip of the pen in a config file.
	MaxCapacity = 1 << 24
	// DefaultControl is the control reserve when Config.Control is zero.
	DefaultControl = 64
	// DefaultSources bounds the number of sources when Config.Sources is zero.
	DefaultSources = 256
)

// Config describes a mailbox. The zero value is not usable: Capacity must be set.
type Config struct {
	// Capacity is the exact number of user messages that can be queued, in all. At least 1.
	Capacity int

	// PerSource, if not zero, makes the queue fair: one FIFO per Source, each with at most
	// PerSource messages, served round robin, Source.Weight messages per visit. When
	// all of Capacity is taken, a source with a short queue takes its place from the
	// one with the longest (by weight), whose message is refused with ErrDropped.
	PerSource int

	// Sources bounds how many sources can have messages queued at once, for a fair
	// queue; the next one is refused with ErrFull. Messages without a source do not
	// count. Zero means DefaultSources. An idle source is forgotten at once. Capacity
	// should be larger, or sources with one message each can take all of it.
	Sources int

	// Control is the exact capacity of the control lane. Zero means DefaultControl.
	Control int

	// Policy is what happens to the message too many. In a fair queue it acts within
	// the source.
	Policy Policy

	// Elapsed is the clock of ages and handling times: the time since any fixed moment. It is
	// called once per post and once per handled message. Nil leaves them at zero.
	Elapsed func() time.Duration

	// OnReject, if not nil, hears of every refusal and failure, after the message's own Refused,
	// under the same conditions: without a lock, on the refusing goroutine.
	OnReject func(Rejected)
}

// Validate says what is wrong with the numbers.
func (c Config) Validate() error {
	switch {
	case c.Capacity < 1 || c.Capacity > MaxCapacity:
		return fmt.Errorf("mailbox capacity %d: must be 1 to %d", c.Capacity, MaxCapacity)
	case c.Control < 0 || c.Control > MaxCapacity:
		return fmt.Errorf("mailbox control reserve %d: must be 0 (default) to %d", c.Control, MaxCapacity)
	case c.PerSource < 0 || c.PerSource > c.Capacity:
		return fmt.Errorf("mailbox bound per source %d: must be 0 (one queue) to the capacity, %d", c.PerSource, c.Capacity)
	case c.Sources < 0 || c.Sources > MaxCapacity:
		return fmt.Errorf("mailbox sources %d: must be 0 (default) to %d", c.Sources, MaxCapacity)
	case c.Policy > DropOldest:
		return fmt.Errorf("mailbox policy %d: must be RejectNewest or DropOldest", c.Policy)
	}
	return nil
}
