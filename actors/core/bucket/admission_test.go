package bucket

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// heldTwin is one block of a dumb admission, which is a list.
type heldTwin struct{ bucket, used, id int }

func twinOf(all []heldTwin, bucket int) []heldTwin {
	var out []heldTwin
	for _, h := range all {
		if h.bucket == bucket {
			out = append(out, h)
		}
	}
	slices.SortStableFunc(out, func(a, b heldTwin) int { return a.used - b.used })
	return out
}

func without(all []heldTwin, id int) []heldTwin {
	return slices.DeleteFunc(slices.Clone(all), func(h heldTwin) bool { return h.id == id })
}

// TestAdmissionAgainstDumb does the same to both and compares every answer.
func TestAdmissionAgainstDumb(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 12).Draw(t, "most")
		a := NewAdmission[int](most)
		var all []heldTwin
		turn, id := 0, 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id++
				h := heldTwin{rapid.SampledFrom([]int{0, 3, 61}).Draw(t, "bucket"), rapid.IntRange(0, 9).Draw(t, "used"), id}
				all = append(all, h)
				want := 0
				if len(all) > most {
					fullest := twinOf(all, 0)
					for b := range Count {
						if in := twinOf(all, b); len(in) > len(fullest) {
							fullest = in
						}
					}
					want = fullest[len(fullest)-1].id
					all = without(all, want)
				}
				if got, full := a.Put(h.bucket, time.Unix(int64(h.used), 0), id); got != want || full != (want > 0) {
					t.Fatalf("dropped %d, %v; want %d", got, full, want)
				}
			},
			"take": func(t *rapid.T) {
				n := rapid.IntRange(0, 6).Draw(t, "n")
				var want []int
				for ; len(all) > 0 && len(want) < n; turn = (turn + 1) % Count {
					if in := twinOf(all, turn); len(in) > 0 {
						want = append(want, in[0].id)
						all = without(all, in[0].id)
					}
				}
				if got := a.Take(n); !slices.Equal(got, want) {
					t.Fatalf("took %v, want %v", got, want)
				}
			},
			"": func(t *rapid.T) {
				if a.Len() != len(all) || a.Len() > most {
					t.Fatalf("%v, want %d", a, len(all))
				}
			},
		})
	})
}

// TestCrowd: a flood waits, who was there before it and who is elsewhere do not.
func TestCrowd(t *testing.T) {
	c := &Crowd{Share: 10}
	c.Unconfirmed[0], c.Next[0] = 10, time.Unix(100, 0)
	c.Unconfirmed[5] = 9
	for _, r := range []struct {
		bucket int
		used   int64
		want   bool
	}{{0, 100, false}, {0, 101, false}, {0, 99, true}, {5, 500, true}, {6, 500, true}} {
		if got := c.Admits(r.bucket, time.Unix(r.used, 0)); got != r.want {
			t.Errorf("bucket %d, used %d: %v", r.bucket, r.used, got)
		}
	}
	c.Next[0] = time.Time{} // nothing waits for an election, and still there are too many
	if c.Admits(0, time.Unix(1, 0)) {
		t.Error("admitted into a crowded bucket")
	}
}

func TestAdmitPause(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		took time.Duration
		open int
		want time.Duration
	}{
		{0, 1000, ms}, {ms / 100, 1000, ms}, {5 * ms, 1000, 15 * ms}, {time.Hour, 1000, 250 * ms},
		{5 * ms, 100, 150 * ms}, {5 * ms, 1, 250 * ms}, {0, 0, 250 * ms}, {1 << 62, 1, 250 * ms},
	} {
		if got := AdmitPause(c.took, c.open); got != c.want {
			t.Errorf("after %v, open %d: %v, want %v", c.took, c.open, got, c.want)
		}
	}
}
