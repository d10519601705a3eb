package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// lookLimit is how long a node may take to tell how it is.
const lookLimit = 10 * time.Second

// runStatus is the command "status". It fails when the node is not ready, so
// that scripts need not read what it says.
func runStatus(p *program, flags *flag.FlagSet, args []string) error {
	f := nodeFlags(flags)
	asJSON := flags.Bool("json", false, "print one JSON object")
	if err := parse(flags, args); err != nil {
		return err
	}
	c, err := f.client(p.environ)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	o, err := c.look(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		encoder := json.NewEncoder(p.out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(o)
	} else {
		err = o.print(p.out)
	}
	if err == nil && !o.Ready {
		err = fmt.Errorf("the node is not ready: %s", strings.Join(o.Reasons, "; "))
	}
	return err
}

// print writes the status for people.
func (o *overview) print(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	ready := "ready"
	if !o.Ready {
		ready = "not ready"
	}
	line("node", "%s, network %s, up %s", o.Vendor, o.Network, time.Duration(o.Uptime)*time.Second)
	line("state", "%s, %s", strings.ReplaceAll(string(o.State), "_", " "), ready)
	for _, r := range o.Reasons {
		line("", "- %s", r)
	}
	line("ledger", "%d blocks, %d confirmed (%s), %d wait for another", o.Blocks, o.Confirmed, share(o.Confirmed, o.Blocks), o.Unchecked)
	line("elections", "%s", o.Elections.text())
	line("sync", "%s", o.Bootstrap.text())
	line("peers", "%s", o.peersText())
	for i := range o.Offenders {
		line("", "- %s", o.Offenders[i].text())
	}
	line("quorum", "%s smn confirm; seen voting %s, behind peers %s", o.Quorum.Needed, o.Quorum.Online, o.Quorum.Peers)
	for _, text := range o.Quorum.texts() {
		line("", "%s", text)
	}
	for _, item := range o.Budget {
		line(item.Name, "%s", item.text())
	}
	running, restarts := 0, uint64(0)
	for i := range o.Actors {
		if o.Actors[i].State == "running" {
			running++
		}
		restarts += o.Actors[i].Restarts
	}
	line("actors", "%d of %d run, %d restarts", running, len(o.Actors), restarts)
	for i := range o.Actors {
		if a := &o.Actors[i]; a.Failure != "" {
			line("", "- %s failed last with: %s", a.Name, firstLine(a.Failure))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text tells the phase, and while blocks are missing how far it is and how long
// it will go on.
func (b *bootstrapLine) text() string {
	if b.Missing == 0 {
		return b.Phase
	}
	left := ""
	if b.Left != nil {
		left = fmt.Sprintf(", %v left", time.Duration(*b.Left)*time.Second)
	}
	return fmt.Sprintf("%s, %.1f %%, %d missing, %d blocks/s%s, %d %% compared", b.Phase, b.Have, b.Missing, b.Rate, left, b.Percent)
}

func (e *electionLine) text() string {
	return fmt.Sprintf("%d of %d run; confirmed in %d ms (p50), %d ms (p99)", e.Running, e.Most, e.P50, e.P99)
}

func (o *overview) peersText() string {
	in, principals := 0, 0
	for i := range o.Peers {
		if o.Peers[i].Inbound {
			in++
		}
		if o.Peers[i].Principal {
			principals++
		}
	}
	return fmt.Sprintf("%d (%d dialled, %d came), %d with a principal representative", len(o.Peers), len(o.Peers)-in, in, principals)
}

func (b *budgetLine) text() string {
	used := amount(b.Used, b.Unit)
	if b.Target == 0 {
		return used
	}
	return fmt.Sprintf("%s of %s  %s", used, amount(b.Target, b.Unit), bar(b.Used, b.Target, 20))
}

// amount is a number with its unit, short.
func amount(n int64, unit string) string {
	switch unit {
	case "bytes":
		return bytesText(n)
	case "percent":
		return fmt.Sprintf("%d %%", n)
	}
	return fmt.Sprint(n)
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GB", n>>30)
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// bar shows a part of a whole in so many characters; more than the whole ends
// with an exclamation mark.
func bar(part, whole int64, width int) string {
	filled := int(float64(part) / float64(whole) * float64(width))
	mark := ""
	if part > whole {
		mark = "!"
	}
	filled = max(0, min(width, filled))
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", width-filled) + "]" + mark
}

func share(part, whole uint64) string {
	if whole == 0 {
		return "none"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
