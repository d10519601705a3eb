package mailbox

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// TestNoAllocation: a message through a queue costs no allocation, or a flood
// would be one of garbage too.
func TestNoAllocation(t *testing.T) {
	for name, c := range map[string]Config{"fifo": {Capacity: 64}, "fair": {Capacity: 64, PerSource: 64}} {
		m, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		m.RegisterHandlers(&nothing{}, actor.NewSynchronizedDispatcher(100))
		m.Start()
		msg := &nothing{}
		if n := testing.AllocsPerRun(1000, func() { m.PostUserMessage(msg) }); n != 0 {
			t.Errorf("%s: %v allocations a message", name, n)
		}
	}
}
