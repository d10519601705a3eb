package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/smallnano/smallnano/wire/rpc"
)

// Control sequences of a terminal.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // another screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	restOfLine  = "\x1b[K"
	restOfPage  = "\x1b[J"
)

// runTop is the command "top".
func runTop(p *program, flags *flag.FlagSet, args []string) error {
	f := nodeFlags(flags)
	every := flags.Duration("every", 2*time.Second, "pause between two looks")
	count := flags.Int("count", 0, "end after so many looks; 0: when told to stop")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *every < 100*time.Millisecond || *count < 0 {
		return misused("--every is %v and --count %d, want at least 100ms and 0", *every, *count)
	}
	c, err := f.client(p.environ)
	if err != nil {
		return err
	}
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	t := &top{client: c, out: p.out, every: *every, count: *count}
	if isTerminal(p.out) {
		t.size = func() (int, int) { return terminalSize(os.Stdout) }
		fmt.Fprint(p.out, enterScreen)
		defer fmt.Fprint(p.out, leaveScreen)
	}
	return t.watch(ctx)
}

// top shows a node again and again: on the whole of a terminal, or a line at a
// time where nobody watches.
type top struct {
	client *client
	out    io.Writer
	every  time.Duration
	count  int
	size   func() (columns, lines int) // nil: no terminal
	before *overview
}

// watch looks until it is told to stop. A node that does not answer is waited
// for, but for the first look.
func (t *top) watch(ctx context.Context) error {
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for n := 1; ; n++ {
		o, err := t.look(ctx)
		if err != nil && n == 1 {
			return err
		}
		if ctx.Err() == nil {
			t.show(o, err)
		}
		if n == t.count {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (t *top) look(ctx context.Context) (*overview, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	return t.client.look(ctx)
}

func (t *top) show(o *overview, err error) {
	switch {
	case err != nil && t.size == nil:
		fmt.Fprintf(t.out, "%s no answer: %v\n", time.Now().Format(time.TimeOnly), err)
		return
	case err != nil:
		fmt.Fprint(t.out, toTop, "no answer: ", firstLine(err.Error()), restOfLine)
		return
	case t.size == nil:
		fmt.Fprintln(t.out, o.line(t.before))
	default:
		columns, lines := t.size()
		fmt.Fprint(t.out, toTop, strings.Join(o.screen(t.before, columns, lines), restOfLine+"\r\n"), restOfLine, restOfPage)
	}
	t.before = o
}

// perSecond is how fast a count grew between two looks.
func (o *overview) perSecond(before *overview, count func(*overview) uint64) float64 {
	if before == nil || !o.at.After(before.at) || count(o) < count(before) {
		return 0
	}
	return float64(count(o)-count(before)) / o.at.Sub(before.at).Seconds()
}

func (o *overview) rates(before *overview) (blocks, confirmations float64) {
	return o.perSecond(before, func(o *overview) uint64 { return o.Blocks }), o.perSecond(before, func(o *overview) uint64 { return o.Confirmed })
}

// budget returns the use of a resource.
func (o *overview) budget(name string) budgetLine {
	if i := slices.IndexFunc(o.Budget, func(b budgetLine) bool { return b.Name == name }); i >= 0 {
		return o.Budget[i]
	}
	return budgetLine{Name: name}
}

// line is all in one line, for logs and pipes.
func (o *overview) line(before *overview) string {
	blocks, confirmations := o.rates(before)
	rss, disk, cpu := o.budget("rss"), o.budget("disk"), o.budget("cpu")
	sync := fmt.Sprintf("sync=%s:%.1f%%", strings.ReplaceAll(o.Bootstrap.Phase, " ", "_"), o.Bootstrap.Have)
	if o.Bootstrap.Left != nil {
		sync += fmt.Sprintf(":%ds", *o.Bootstrap.Left)
	}
	return fmt.Sprintf("%s %s ready=%t blocks=%d confirmed=%d blocks/s=%.1f conf/s=%.1f elections=%d p50=%dms p99=%dms %s peers=%d rss=%s disk=%s cpu=%d%%",
		o.at.Format(time.TimeOnly), o.State, o.Ready, o.Blocks, o.Confirmed, blocks, confirmations, o.Elections.Running, o.Elections.P50, o.Elections.P99, sync, len(o.Peers),
		strings.ReplaceAll(bytesText(rss.Used), " ", ""), strings.ReplaceAll(bytesText(disk.Used), " ", ""), cpu.Used)
}

// screen is at most so many lines of at most so many characters.
func (o *overview) screen(before *overview, columns, lines int) []string {
	blocks, confirmations := o.rates(before)
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	ready := "ready"
	if !o.Ready {
		ready = "NOT READY"
	}
	add("%s  %s  up %v  %s, %s", o.Vendor, o.Network, time.Duration(o.Uptime)*time.Second, strings.ReplaceAll(string(o.State), "_", " "), ready)
	add("blocks %d  %.1f/s   confirmed %d  %.1f/s   waiting %d", o.Blocks, blocks, o.Confirmed, confirmations, o.Unchecked)
	add("elections %s", o.Elections.text())
	add("sync %s", o.Bootstrap.text())
	add("peers %s", o.peersText())
	for i := range o.Offenders[:min(len(o.Offenders), 2)] {
		add("! %s", o.Offenders[i].text())
	}
	var meters []string
	for _, name := range []string{"rss", "cpu", "disk"} {
		if b := o.budget(name); b.Target > 0 {
			meters = append(meters, fmt.Sprintf("%s %s %s/%s", name, bar(b.Used, b.Target, 6), amount(b.Used, b.Unit), amount(b.Target, b.Unit)))
		}
	}
	add("%s", strings.Join(meters, "  "))
	for _, r := range o.Reasons[:min(len(o.Reasons), 2)] {
		add("! %s", r)
	}
	if lines > len(out)+len(o.Actors)+1 {
		add("")
	}
	add("%-17s %-11s %6s %8s %9s %8s %s", "ACTOR", "STATE", "QUEUE", "REFUSED", "HANDLED/s", "RESTARTS", "LAST ERROR")
	shown, left := o.fitting(lines - len(out))
	for i := range shown {
		out = append(out, shown[i].row(o.handledPerSecond(before, &shown[i])))
	}
	if left > 0 {
		add("and %d more that run", left)
	}
	for i, line := range out {
		out[i] = clipLine(line, columns)
	}
	return out[:min(len(out), lines)]
}

// fitting returns the actors that fit into so many lines, and how many do not:
// those go first that have never failed.
func (o *overview) fitting(lines int) (shown []actorLine, left int) {
	left = len(o.Actors) - max(0, lines)
	if left <= 0 {
		return o.Actors, 0
	}
	left++ // a line says so
	drop := left
	for i := range slices.Backward(o.Actors) {
		a := &o.Actors[i]
		if quiet := a.State == string(rpc.ActorRunning) && a.Restarts == 0 && a.Failure == ""; quiet && drop > 0 {
			drop--
			continue
		}
		shown = append(shown, *a)
	}
	slices.Reverse(shown)
	return shown, left - drop
}

func (a *actorLine) row(rate float64) string {
	name := a.Name
	if a.count > 1 {
		name = fmt.Sprintf("%s (%d)", name, a.count)
	}
	return fmt.Sprintf("%-17s %-11s %6d %8d %9.1f %8d %s", name, strings.ReplaceAll(a.State, "_", " "), a.Depth, a.Refused, rate, a.Restarts, firstLine(a.Failure))
}

func (o *overview) handledPerSecond(before *overview, a *actorLine) float64 {
	return o.perSecond(before, func(o *overview) uint64 {
		for i := range o.Actors {
			if o.Actors[i].Name == a.Name {
				return o.Actors[i].Handled
			}
		}
		return 0
	})
}

// clipLine cuts a line and takes out what would move the cursor: parts of it come
// from other machines.
func clipLine(s string, columns int) string {
	runes := make([]rune, 0, len(s))
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			r = '?'
		}
		runes = append(runes, r)
	}
	return strings.TrimRight(string(runes[:min(len(runes), columns)]), " ")
}
