package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

// The numbers of the protocol text, written out.
func TestLimitsAreThoseOfTheProtocol(t *testing.T) {
	want := map[Type]struct {
		name           string
		min, max, step int
	}{
		0x01: {"handshake", 66, 66, 0},
		0x02: {"handshake_ack", 162, 162, 0},
		0x03: {"keepalive", 1, 145, 18},
		0x04: {"publish", 216, 216, 0},
		0x05: {"vote", 137, 8265, 32},
		0x06: {"pull_req", 50, 50, 0},
		0x07: {"pull_ack", 26, 27674, 216},
		0x08: {"telemetry", 204, 204, 0},
		0x09: {"frontier_req", 42, 42, 0},
		0x0A: {"frontier_ack", 10, 40970, 80},
		0x0B: {"confirm_req", 65, 4097, 64},
		0x0C: {"telemetry_req", 0, 0, 0},
		0x0D: {"attestation", 97, 1537, 96},
	}
	largest := 0
	for i := range 256 {
		typ := Type(i)
		w, ok := want[typ]
		if typ.Valid() != ok {
			t.Errorf("type 0x%02X: valid %v", i, typ.Valid())
		}
		if !ok {
			if got := typ.String(); !strings.HasPrefix(got, "type(0x") {
				t.Errorf("type 0x%02X is called %q", i, got)
			}
			continue
		}
		if typ.String() != w.name {
			t.Errorf("type 0x%02X is called %q, want %q", i, typ, w.name)
		}
		if got, want := typ.Limits(), (Limits{w.min, w.max, w.step}); got != want {
			t.Errorf("%v: %v, want %v", typ, got, want)
		}
		if m := kinds[typ].make(); m.Type() != typ {
			t.Errorf("0x%02X makes a %v", i, m.Type())
		}
		largest = max(largest, w.max)
	}
	if MaxBody != largest || MaxFrame != largest+8 || MaxFrame > 1<<16 {
		t.Errorf("MaxBody %d, MaxFrame %d, largest body %d", MaxBody, MaxFrame, largest)
	}
}

func TestHeaderRefuses(t *testing.T) {
	good := [HeaderSize]byte(frameOf(&Keepalive{}))
	cases := []struct {
		name   string
		change func(h *[HeaderSize]byte)
		kind   error
		says   []string
	}{
		{"HTTP", func(h *[HeaderSize]byte) { copy(h[:], "GET / HT") }, ErrMagic, []string{"47 45", "53 4E"}},
		{"magic swapped", func(h *[HeaderSize]byte) { h[0], h[1] = h[1], h[0] }, ErrMagic, []string{"4E 53"}},
		{"all zero", func(h *[HeaderSize]byte) { *h = [HeaderSize]byte{} }, ErrMagic, nil},
		{"beta on dev", func(h *[HeaderSize]byte) { h[2] = 2 }, ErrNetwork, []string{"0x02", "0xFF"}},
		{"version 0", func(h *[HeaderSize]byte) { h[3] = 0 }, ErrVersion, []string{"version 0", "want 1"}},
		{"version 2", func(h *[HeaderSize]byte) { h[3] = 2 }, ErrVersion, []string{"version 2"}},
		{"type 0", func(h *[HeaderSize]byte) { h[4] = 0 }, ErrType, []string{"0x00"}},
		{"type 0x0E", func(h *[HeaderSize]byte) { h[4] = 0x0E }, ErrType, []string{"0x0E", "0x01 to 0x0D"}},
		{"type 0xFF", func(h *[HeaderSize]byte) { h[4] = 0xFF }, ErrType, []string{"0xFF"}},
		{"flag", func(h *[HeaderSize]byte) { h[5] = 0x80 }, ErrFlags, []string{"0x80", "keepalive"}},
		{"too short", func(h *[HeaderSize]byte) { h[6] = 0 }, ErrLength, []string{"0 bytes", "1 to 145 in steps of 18"}},
		{"too long", func(h *[HeaderSize]byte) { h[6] = 163 }, ErrLength, []string{"163 bytes"}},
		{"high byte of the length", func(h *[HeaderSize]byte) { h[7] = 1 }, ErrLength, []string{"257 bytes"}},
		{"between two steps", func(h *[HeaderSize]byte) { h[6] = 20 }, ErrLength, []string{"20 bytes"}},
		// The first thing that is wrong is the one that is told.
		{"everything", func(h *[HeaderSize]byte) { *h = [HeaderSize]byte{1, 1, 1, 7, 99, 1, 9, 9} }, ErrMagic, nil},
		{"network and version", func(h *[HeaderSize]byte) { h[2], h[3] = 1, 2 }, ErrNetwork, nil},
		{"type and flags", func(h *[HeaderSize]byte) { h[4], h[5] = 99, 1 }, ErrType, nil},
	}
	for _, c := range cases {
		h := good
		c.change(&h)
		got, err := ParseHeader(dev.ID, h)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: error %v, want kind %q", c.name, err, c.kind)
			continue
		}
		if got != (Header{}) {
			t.Errorf("%s: header %v beside an error", c.name, got)
		}
		if !IsViolation(err) {
			t.Errorf("%s: %v is no violation", c.name, err)
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %q", c.name, err, s)
			}
		}
	}
}

// Every length of every type is judged as the limits say; by the header too,
// where the answer changes.
func TestHeaderLengths(t *testing.T) {
	for typ := TypeHandshake; typ <= TypeAttestation; typ++ {
		l := typ.Limits()
		want := func(n int) bool {
			return n >= l.Min && n <= l.Max && (n == l.Min || l.Step > 0 && (n-l.Min)%l.Step == 0)
		}
		for n := range 1 << 16 {
			if l.Allow(n) != want(n) {
				t.Fatalf("%v allows %d bytes: %v", typ, n, !want(n))
			}
			if !want(n) && !want(n-1) && !want(n+1) && n < 1<<16-1 {
				continue
			}
			b := [HeaderSize]byte{0x53, 0x4E, 0xFF, 1, byte(typ)}
			binary.LittleEndian.PutUint16(b[6:], uint16(n))
			h, err := ParseHeader(dev.ID, b)
			if (err == nil) != want(n) || want(n) && h != (Header{typ, n}) {
				t.Fatalf("%v with %d bytes: %v, %v", typ, n, h, err)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	list := longest()
	seen := map[Type]bool{}
	for _, s := range samples() {
		list = append(list, s.m)
		seen[s.m.Type()] = true
	}
	if len(seen) != int(TypeAttestation) {
		t.Errorf("samples of %d types, want all", len(seen))
	}
	for _, m := range list {
		prefix := []byte("before")
		out, err := Append(bytes.Clone(prefix), dev.ID, m)
		if err != nil {
			t.Errorf("%v: %v", m.Type(), err)
			continue
		}
		if !bytes.HasPrefix(out, prefix) {
			t.Errorf("%v: Append changed what was there", m.Type())
		}
		frame := out[len(prefix):]
		again := checkFrame(t, frame)
		if !reflect.DeepEqual(m, again) {
			t.Errorf("%v: sent %+v, read %+v", m.Type(), m, again)
		}
	}
}

// checkFrame decodes a frame that must be good and checks the laws of the
// package on it: one spelling, nothing kept, nothing shorter or longer is good.
func checkFrame(t *testing.T, frame []byte) Message {
	t.Helper()
	h, err := ParseHeader(dev.ID, [HeaderSize]byte(frame))
	if err != nil {
		t.Fatal(err)
	}
	body := bytes.Clone(frame[HeaderSize:])
	m, err := Decode(h, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] ^= 0xA5
	}
	again, err := Append(nil, dev.ID, m)
	if err != nil || !bytes.Equal(frame, again) {
		t.Fatalf("%v: read %x, wrote %x, %v", h.Type, frame, again, err)
	}
	if l := h.Type.Limits(); h.Length < l.Min || h.Length > l.Max || !l.Allow(h.Length) {
		t.Fatalf("%v accepted with %d bytes, want %v", h.Type, h.Length, l)
	}
	for _, wrong := range [][]byte{append(bytes.Clone(frame), 0), frame[:len(frame)-1]} {
		if _, err := DecodeFrame(dev.ID, wrong); !errors.Is(err, ErrLength) {
			t.Fatalf("%v with %d bytes for %d: %v", h.Type, len(wrong), len(frame), err)
		}
	}
	if _, err := DecodeFrame(lattice.BetaID, frame); !errors.Is(err, ErrNetwork) {
		t.Fatalf("%v on another network: %v", h.Type, err)
	}
	return m
}

// A header that did not come from ParseHeader gets no further.
func TestDecodeTrustsNoHeader(t *testing.T) {
	cases := []struct {
		h    Header
		body int
		kind error
	}{
		{Header{}, 0, ErrType},
		{Header{Type: 0x0E}, 0, ErrType},
		{Header{Type: 0xFF, Length: 1}, 1, ErrType},
		{Header{Type: TypeVote, Length: 136}, 136, ErrLength},
		{Header{Type: TypeVote, Length: -1}, 0, ErrLength},
		{Header{Type: TypePublish, Length: 216}, 215, ErrLength},
		{Header{Type: TypePublish, Length: 216}, 217, ErrLength},
		{Header{Type: TypePublish, Length: 216}, 0, ErrLength},
		{Header{Type: TypeTelemetryReq, Length: 0}, 1, ErrLength},
	}
	for _, c := range cases {
		if m, err := Decode(c.h, make([]byte, c.body)); m != nil || !errors.Is(err, c.kind) {
			t.Errorf("%+v with %d bytes: %v, %v", c.h, c.body, m, err)
		}
	}
	if m, err := DecodeFrame(dev.ID, make([]byte, 7)); m != nil || !errors.Is(err, ErrLength) {
		t.Errorf("7 bytes: %v, %v", m, err)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, MaxFrame)
	for _, m := range append(longest(), &Publish{Block: dev.Genesis}, sampleTelemetry()) {
		n := testing.AllocsPerRun(10, func() {
			if _, err := Append(buf, dev.ID, m); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%v: %v allocations", m.Type(), n)
		}
	}
}

// TestDecodeAllocatesLittle: the message, the decoder, the list if there is one, and
// for a vote of many hashes a set.
func TestDecodeAllocatesLittle(t *testing.T) {
	most := map[Type]float64{TypePublish: 2, TypePullReq: 2, TypeVote: 3}
	for _, m := range append(longest(), &Publish{Block: dev.Genesis}, sampleVote(1, 3), &PullReq{StartHeight: 1, Count: 1}) {
		frame := frameOf(m)
		h := Header{m.Type(), len(frame) - HeaderSize}
		n := testing.AllocsPerRun(10, func() {
			if _, err := Decode(h, frame[HeaderSize:]); err != nil {
				t.Fatal(err)
			}
		})
		want, is := most[m.Type()]
		if m.Type() == TypeVote && len(frame) > 1000 {
			want = 6
		} else if !is {
			want = 3
		}
		if n > want {
			t.Errorf("%v of %d bytes: %v allocations, the budget is %v", m.Type(), len(frame), n, want)
		}
	}
}

func BenchmarkAppendPublish(b *testing.B) {
	m, buf := &Publish{Block: dev.Genesis}, make([]byte, 0, MaxFrame)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Append(buf, dev.ID, m)
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, m := range map[string]Message{
		"publish": &Publish{Block: dev.Genesis}, "vote12": sampleVote(1, 12), "vote255": sampleVote(1, 255),
		"confirm64": &ConfirmReq{Blocks: sampleEntries(64)}, "frontier512": &FrontierAck{Frontiers: sampleFrontiers(512)},
	} {
		b.Run(name, func(b *testing.B) {
			frame := frameOf(m)
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				_, _ = DecodeFrame(dev.ID, frame)
			}
		})
	}
}
