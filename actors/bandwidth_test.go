package actors

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const frameBytes = 64 << 10

// moved lets connections send and receive as fast as they may for some time, and
// returns the bytes that each sent and received.
func moved(t *testing.T, b *Bandwidth, connections int, during time.Duration) (sent, received []int64) {
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	sent, received = make([]int64, connections), make([]int64, connections)
	var all sync.WaitGroup
	for i := range connections {
		s := b.newShare()
		all.Go(func() {
			for s.send(ctx, frameBytes) == nil {
				sent[i] += frameBytes
			}
		})
		all.Go(func() {
			for s.receive(ctx, frameBytes) == nil {
				received[i] += frameBytes
			}
		})
	}
	all.Wait()
	return sent, received
}

// TestBandwidth: over a minute all connections together move what the limit
// allows and no more, each way by itself; one alone has half of it, and each of
// many its part.
func TestBandwidth(t *testing.T) {
	const perSecond, seconds = 1 << 20, 60
	for _, connections := range []int{1, 2, 8} {
		synctest.Test(t, func(t *testing.T) {
			sent, received := moved(t, NewBandwidth(perSecond), connections, seconds*time.Second)
			for way, bytes := range map[string][]int64{"sent": sent, "received": received} {
				sum, share := int64(0), int64(perSecond*seconds)/int64(max(2, connections))
				for i, n := range bytes {
					sum += n
					if n > (seconds+1)*perSecond/2 {
						t.Errorf("%d connections: %d %s %d bytes, want at most half", connections, i, way, n)
					}
					if n < share*3/4 {
						t.Errorf("%d connections: %d %s %d bytes, want about %d", connections, i, way, n, share)
					}
				}
				if most := int64(perSecond * (seconds + 1)); sum > most {
					t.Errorf("%d connections %s %d bytes, want at most %d", connections, way, sum, most)
				}
			}
		})
	}
}

// TestBandwidthEdges: the largest frame passes the smallest limit; without a limit
// nothing waits; who waits gives up with its connection.
func TestBandwidthEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewBandwidth(1).newShare()
		for range 3 {
			if err := s.receive(t.Context(), 1<<16+8); err != nil {
				t.Error(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.receive(ctx, 1<<16+8); !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
		began := time.Now()
		var none *Bandwidth
		if err := errors.Join(none.newShare().send(ctx, 1<<30), none.newShare().receive(ctx, 1<<30)); err != nil || time.Since(began) != 0 {
			t.Errorf("without a limit: %v after %v", err, time.Since(began))
		}
	})
}
