package sim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/smallnano/smallnano/wire"
)

// Trace is all that happened in a run: a hash of everything, and the text of it
// for who wants to read it. Two runs of one seed have the same hash or one of
// them read something that the seed does not decide.
type Trace struct {
	sum     hash.Hash
	text    io.Writer // nil: only the hash
	world   *World
	scratch [32]byte
	line    []byte
	blames  func(o *owner, said map[string]string) // told when a node says that a peer broke the rules
	regrets func(o *owner, line string)            // told when a node says that it could not do what it must
}

func newTrace(text io.Writer) *Trace { return &Trace{sum: sha256.New(), text: text} }

// Hash returns the hash of all so far, in hexadecimal.
func (t *Trace) Hash() string { return fmt.Sprintf("%x", t.sum.Sum(nil)[:16]) }

// turn notes whose turn it was. There are too many for the text.
func (t *Trace) turn(owner int) {
	t.sum.Write(append(t.scratch[:0], 't', byte(owner)))
}

// timer notes that something was due.
func (t *Trace) timer(owner int, now time.Time) {
	t.sum.Write(binary.LittleEndian.AppendUint64(append(t.scratch[:0], 'c', byte(owner)), uint64(now.Sub(start))))
}

// frame notes that a frame arrived. It is the most frequent event by far, so it
// is only put into words for who reads them.
func (t *Trace) frame(to, from int, frame []byte) {
	sum := sha256.Sum256(frame)
	b := t.scratch[:0]
	b = append(b, 'f', byte(to), byte(from))
	b = binary.LittleEndian.AppendUint64(b, uint64(t.world.now.Sub(start)))
	b = append(b, sum[:8]...)
	t.sum.Write(b)
	if t.text != nil {
		t.tell(to, from, frame, [6]byte(sum[:6]))
	}
}

// tell puts into words that a frame arrived.
func (t *Trace) tell(to, from int, frame []byte, sum [6]byte) {
	fmt.Fprintf(t.text, "%10.4f n%d<n%d %s %d bytes %x%s\n", t.world.now.Sub(start).Seconds(), to, from, wire.Type(frame[4]), len(frame), sum, about(frame))
}

// about says of a frame of consensus what it is about.
func about(frame []byte) string {
	m, err := wire.Decode(wire.Header{Type: wire.Type(frame[4]), Length: len(frame) - wire.HeaderSize}, frame[wire.HeaderSize:])
	if err != nil {
		return ""
	}
	var text strings.Builder
	switch m := m.(type) {
	case *wire.Publish:
		fmt.Fprintf(&text, ": of %s after %s", short(m.Block.Account), short(m.Block.Previous))
	case *wire.Vote:
		kind := "normal"
		if m.Vote.Final() {
			kind = "final"
		}
		fmt.Fprintf(&text, ": %s by %s", kind, short(m.Vote.Representative))
		for _, h := range m.Vote.Hashes {
			text.WriteString(" " + short(h))
		}
	case *wire.ConfirmReq:
		text.WriteByte(':')
		for _, b := range m.Blocks {
			text.WriteString(" " + short(b.Hash))
		}
	}
	return text.String()
}

// event notes what happened.
func (t *Trace) event(format string, args ...any) {
	line := fmt.Sprintf("%10.4f ", t.world.now.Sub(start).Seconds()) + fmt.Sprintf(format, args...)
	io.WriteString(t.sum, line)
	if t.text != nil {
		fmt.Fprintln(t.text, line)
	}
}

// committed notes a commit, the most frequent event by far: as event does, and faster.
func (t *Trace) committed(node int) {
	if t.text != nil {
		t.event("n%d commits err=%v", node, nil)
		return
	}
	at := strconv.AppendFloat(t.scratch[:0], t.world.now.Sub(start).Seconds(), 'f', 4, 64)
	line := append(t.line[:0], "          "[:max(0, 10-len(at))]...)
	line = append(append(line, at...), " n"...)
	line = append(strconv.AppendInt(line, int64(node), 10), " commits err=<nil>"...)
	t.line = line
	t.sum.Write(line)
}

// logger returns a logger whose lines are part of the trace.
func (t *Trace) logger(owner *owner) *slog.Logger { return slog.New(&handler{t, owner, ""}) }

// handler writes log records into a trace, without their time.
type handler struct {
	trace *Trace
	owner *owner
	with  string
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.trace.text != nil
}

// Handle implements slog.Handler. What the actor library says at debug level has
// random names in it and stays out.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "a peer broke the rules" && h.trace.blames != nil {
		said := map[string]string{}
		r.Attrs(func(a slog.Attr) bool {
			said[a.Key] = a.Value.String()
			return true
		})
		h.trace.blames(h.owner, said)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "n%d %s %s%s", h.owner.id, r.Level, r.Message, h.with)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "stack" || a.Key == "id" { // addresses of this process; a number by chance
			return true
		}
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value.Resolve())
		return true
	})
	if r.Level < slog.LevelInfo {
		if h.trace.text != nil {
			fmt.Fprintf(h.trace.text, "%10.4f %s\n", h.trace.world.now.Sub(start).Seconds(), b.String())
		}
		return nil
	}
	h.trace.event("%s", b.String())
	if h.trace.regrets != nil && (r.Level >= slog.LevelError || r.Message == "cannot prune") {
		h.trace.regrets(h.owner, b.String())
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	for _, a := range attrs {
		out.with += fmt.Sprintf(" %s=%v", a.Key, a.Value.Resolve())
	}
	return &out
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(string) slog.Handler { return h }
