package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"
)

// spamResult is what a flood did to those who do not flood.
type spamResult struct {
	Nodes              int          `json:"nodes"`
	Accounts           int          `json:"accounts"` // that flood
	FloodSent          int64        `json:"flood_sent"`
	FloodRefused       int64        `json:"flood_refused"`
	FloodPerSecond     float64      `json:"flood_per_second"`     // taken by the nodes
	ConfirmedPerSecond float64      `json:"confirmed_per_second"` // all blocks
	Buckets            []spamBucket `json:"buckets"`
	All                spamBucket   `json:"all"`
}

// spamBucket is one line of the result. Bucket is -1 for all of them.
type spamBucket struct {
	Bucket  int       `json:"bucket"`
	Who     string    `json:"who"`
	Quiet   spamTimes `json:"quiet"`
	Flooded spamTimes `json:"flooded"`
	Ratio   float64   `json:"p99_ratio"` // of the p99 under the flood to the one in quiet
}

// spamTimes are milliseconds until the user's node had confirmed a block.
type spamTimes struct {
	Confirmed int     `json:"confirmed"`
	Lost      int     `json:"lost"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
}

func timesOf(all []spent) (t spamTimes) {
	all = slices.Clone(all)
	slices.Sort(all)
	for len(all) > 0 && all[0] == 0 {
		t.Lost++
		all = all[1:]
	}
	if t.Confirmed = len(all); t.Confirmed == 0 {
		return t
	}
	at := func(percent int) float64 { return ms(time.Duration(all[min(len(all)*percent/100, len(all)-1)])) }
	t.P50, t.P99, t.Max = at(50), at(99), at(100)
	return t
}

func newSpamBucket(bucket int, who string, quiet, flooded []spent) spamBucket {
	b := spamBucket{Bucket: bucket, Who: who, Quiet: timesOf(quiet), Flooded: timesOf(flooded)}
	if b.Quiet.P99 > 0 {
		b.Ratio = math.Round(b.Flooded.P99/b.Quiet.P99*10) / 10
	}
	return b
}

// compare fills in what the users noticed.
func (r *spamResult) compare(users []spamUser, quiet, flooded [][]spent) {
	for i, u := range users {
		r.Buckets = append(r.Buckets, newSpamBucket(u.bucket, u.who, quiet[i], flooded[i]))
	}
	r.All = newSpamBucket(-1, "all", slices.Concat(quiet...), slices.Concat(flooded...))
}

// print shows the result as a table.
func (r spamResult) print(to io.Writer) error {
	fmt.Fprintf(to, "flood: %d blocks of %d accounts taken (%.0f a second), %d refused; %.0f blocks confirmed a second\n",
		r.FloodSent, r.Accounts, r.FloodPerSecond, r.FloodRefused, r.ConfirmedPerSecond)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "bucket\taccounts\tquiet\tp50\tp99\tflooded\tp50\tp99\tmax\tlost\tp99 ratio\t")
	for _, b := range append(slices.Clone(r.Buckets), r.All) {
		bucket := fmt.Sprint(b.Bucket)
		if b.Bucket < 0 {
			bucket = ""
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%.1f\t%.1f\t%d\t%.1f\t%.1f\t%.1f\t%d\t%.1f\t\n", bucket, b.Who,
			b.Quiet.Confirmed, b.Quiet.P50, b.Quiet.P99, b.Flooded.Confirmed, b.Flooded.P50, b.Flooded.P99, b.Flooded.Max, b.Flooded.Lost, b.Ratio)
	}
	fmt.Fprintln(w, "\ttimes in ms\t\t\t\t\t\t\t\t\t\t")
	return w.Flush()
}
