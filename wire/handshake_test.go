package wire

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// pair is the two ends of one handshake.
type pair struct{ a, b *Handshaker }

func newPair() pair {
	cfgA, cfgB := sampleConfigs()
	return pair{NewDialer(cfgA, named("cookie a")), NewListener(cfgB, named("cookie b"))}
}

// step feeds one message that must be accepted and returns the one reply, or
// nil.
func step(t *testing.T, h *Handshaker, m Message, wantDone bool) Message {
	t.Helper()
	reply, done, err := h.Step(m)
	if err != nil || done != wantDone || len(reply) > 1 {
		t.Fatalf("Step(%v) = %v, %v, %v", m.Type(), reply, done, err)
	}
	if len(reply) == 0 {
		return nil
	}
	return reply[0]
}

// refuse feeds one message that must be refused, and checks that the machine
// stays refused.
func refuse(t *testing.T, h *Handshaker, m Message, kind error) {
	t.Helper()
	reply, done, err := h.Step(m)
	if reply != nil || done || !errors.Is(err, kind) {
		t.Fatalf("Step(%v) = %v, %v, %v, want %v", m.Type(), reply, done, err, kind)
	}
	if !strings.HasPrefix(err.Error(), "handshake: ") || h.Peer() != (Peer{}) {
		t.Errorf("error %v, peer %v", err, h.Peer())
	}
	for _, m := range sampleTranscript() {
		if reply, done, err := h.Step(m); reply != nil || done || !errors.Is(err, ErrUnexpected) {
			t.Errorf("after a refusal: Step(%v) = %v, %v, %v", m.Type(), reply, done, err)
		}
	}
	if h.Start() != nil {
		t.Error("starts after a refusal")
	}
}

func TestHandshakeSucceeds(t *testing.T) {
	p := newPair()
	if got := p.b.Start(); got != nil {
		t.Fatalf("the listener starts with %v", got)
	}
	first := p.a.Start()
	if len(first) != 1 || p.a.Start() != nil {
		t.Fatalf("the dialer starts with %v", first)
	}
	second := step(t, p.b, first[0], false)
	third := step(t, p.a, second, true)
	if m := step(t, p.b, third, true); m != nil {
		t.Fatalf("a fourth message: %v", m)
	}
	if got, want := p.a.Peer(), (Peer{namedKey("node b").Public(), 17176}); got != want {
		t.Errorf("dialer met %v, want %v", got, want)
	}
	if got, want := p.b.Peer(), (Peer{namedKey("node a").Public(), 7176}); got != want {
		t.Errorf("listener met %v, want %v", got, want)
	}
	if second.(*HandshakeAck).Cookie != named("cookie b") || third.(*HandshakeAck).Cookie != named("cookie b") {
		t.Error("handshake_ack without the listener's cookie")
	}
}

// A node that accepts no connections says port 0, and that is no mistake.
func TestHandshakeWithoutAPort(t *testing.T) {
	cfgA, cfgB := sampleConfigs()
	cfgA.PeeringPort = 0
	a, b := NewDialer(cfgA, named("cookie a")), NewListener(cfgB, named("cookie b"))
	step(t, b, step(t, a, step(t, b, a.Start()[0], false), true), true)
	if got := b.Peer().PeeringPort; got != 0 {
		t.Errorf("port %d", got)
	}
}

func TestHandshakeRefusesOtherMessages(t *testing.T) {
	stages := map[string]func(p pair) *Handshaker{
		"dialer before Start":    func(p pair) *Handshaker { return p.a },
		"dialer after Start":     func(p pair) *Handshaker { p.a.Start(); return p.a },
		"listener at first":      func(p pair) *Handshaker { return p.b },
		"listener after greeted": func(p pair) *Handshaker { step(t, p.b, p.a.Start()[0], false); return p.b },
	}
	for name, reach := range stages {
		for _, s := range samples() {
			if !s.m.Type().Handshake() {
				t.Run(name+"/"+s.m.Type().String(), func(t *testing.T) { refuse(t, reach(newPair()), s.m, ErrUnexpected) })
			}
		}
	}
	hello, ackB, ackA := sampleTranscript()[0], sampleTranscript()[1], sampleTranscript()[2]
	t.Run("dialer is greeted", func(t *testing.T) { p := newPair(); p.a.Start(); refuse(t, p.a, hello, ErrUnexpected) })
	t.Run("dialer is answered before it asked", func(t *testing.T) { refuse(t, newPair().a, ackB, ErrUnexpected) })
	t.Run("listener gets the ack first", func(t *testing.T) { refuse(t, newPair().b, ackA, ErrUnexpected) })
	t.Run("listener is greeted twice", func(t *testing.T) {
		p := newPair()
		step(t, p.b, hello, false)
		refuse(t, p.b, hello, ErrUnexpected)
	})
	t.Run("anything when it is over", func(t *testing.T) {
		p := newPair()
		p.a.Start()
		step(t, p.a, ackB, true)
		refuse(t, p.a, ackB, ErrUnexpected)
		step(t, p.b, hello, false)
		step(t, p.b, ackA, true)
		refuse(t, p.b, ackA, ErrUnexpected)
	})
}

// Each way to say the wrong thing at the right time.
func TestHandshakeRefusesContent(t *testing.T) {
	other := lattice.Hash(named("other genesis"))
	hello := func() *Handshake { m := *sampleTranscript()[0].(*Handshake); return &m }
	ackB := func() *HandshakeAck { m := *sampleTranscript()[1].(*HandshakeAck); return &m }
	ackA := func() *HandshakeAck { m := *sampleTranscript()[2].(*HandshakeAck); return &m }
	cfgA, cfgB := sampleConfigs()

	t.Run("listener", func(t *testing.T) {
		m := hello()
		m.Genesis = other
		refuse(t, newPair().b, m, ErrGenesis)
		m = hello()
		m.Cookie = named("cookie b")
		refuse(t, newPair().b, m, ErrCookie)
	})

	dialerGot := func(name string, kind error, change func(m *HandshakeAck)) {
		t.Run("dialer: "+name, func(t *testing.T) {
			p, m := newPair(), ackB()
			p.a.Start()
			change(m)
			refuse(t, p.a, m, kind)
		})
	}
	dialerGot("other genesis", ErrGenesis, func(m *HandshakeAck) { m.Genesis = other })
	dialerGot("own id", ErrOwnID, func(m *HandshakeAck) { m.NodeID = cfgA.NodeKey.Public() })
	dialerGot("own cookie", ErrCookie, func(m *HandshakeAck) { m.Cookie = named("cookie a") })
	dialerGot("other cookie than signed", ErrSignature, func(m *HandshakeAck) { m.Cookie[31] ^= 1 })
	dialerGot("other port than signed", ErrSignature, func(m *HandshakeAck) { m.PeeringPort++ })
	dialerGot("other id than signed", ErrSignature, func(m *HandshakeAck) { m.NodeID = namedKey("node c").Public() })
	dialerGot("id of small order", ErrSignature, func(m *HandshakeAck) { m.NodeID = crypto.PublicKey{}; m.Signature = crypto.Signature{} })
	dialerGot("no signature", ErrSignature, func(m *HandshakeAck) { m.Signature = crypto.Signature{} })
	dialerGot("the dialer's role", ErrSignature, func(m *HandshakeAck) {
		m.Signature = signAs(cfgB, roleDialer, named("cookie a"), named("cookie b"))
	})
	dialerGot("cookies swapped", ErrSignature, func(m *HandshakeAck) {
		m.Signature = signAs(cfgB, roleListener, named("cookie b"), named("cookie a"))
	})
	dialerGot("replay from an older connection", ErrSignature, func(m *HandshakeAck) {
		m.Signature = signAs(cfgB, roleListener, named("older cookie"), named("cookie b"))
	})
	dialerGot("signature for another network", ErrSignature, func(m *HandshakeAck) {
		beta := *dev
		beta.ID = lattice.BetaID
		cfg := cfgB
		cfg.Network = &beta
		m.Signature = signAs(cfg, roleListener, named("cookie a"), named("cookie b"))
	})

	listenerGot := func(name string, kind error, change func(m *HandshakeAck)) {
		t.Run("listener: "+name, func(t *testing.T) {
			p, m := newPair(), ackA()
			step(t, p.b, hello(), false)
			change(m)
			refuse(t, p.b, m, kind)
		})
	}
	listenerGot("other genesis", ErrGenesis, func(m *HandshakeAck) { m.Genesis = other })
	listenerGot("own id", ErrOwnID, func(m *HandshakeAck) { m.NodeID = cfgB.NodeKey.Public() })
	listenerGot("other cookie", ErrCookie, func(m *HandshakeAck) { m.Cookie[0] ^= 1 })
	listenerGot("the dialer's own cookie", ErrCookie, func(m *HandshakeAck) { m.Cookie = named("cookie a") })
	listenerGot("other port than announced", ErrPort, func(m *HandshakeAck) { m.PeeringPort = 1 })
	listenerGot("other id than signed", ErrSignature, func(m *HandshakeAck) { m.NodeID = namedKey("node c").Public() })
	listenerGot("the listener's role", ErrSignature, func(m *HandshakeAck) {
		m.Signature = signAs(cfgA, roleListener, named("cookie a"), named("cookie b"))
	})
	listenerGot("replay from an older connection", ErrSignature, func(m *HandshakeAck) {
		m.Signature = signAs(cfgA, roleDialer, named("cookie a"), named("older cookie"))
	})
}

// signAs signs a handshake as the node of cfg would in a role and with cookies
// of the test's choice.
func signAs(cfg HandshakeConfig, r role, cookieA, cookieB Cookie) crypto.Signature {
	h := Handshaker{cfg: cfg, cookieA: cookieA, cookieB: cookieB}
	digest := h.digest(r, cfg.NodeKey.Public(), cfg.PeeringPort)
	return cfg.NodeKey.Sign(digest[:])
}

// A node that connects to itself finds out, at both ends.
func TestHandshakeWithItself(t *testing.T) {
	cfg, _ := sampleConfigs()
	a, b := NewDialer(cfg, named("cookie a")), NewListener(cfg, named("cookie b"))
	refuse(t, a, step(t, b, a.Start()[0], false), ErrOwnID)
	if IsViolation(ErrOwnID) || IsViolation(ErrGenesis) || !IsViolation(ErrSignature) {
		t.Error("who breaks the protocol and who does not")
	}
}

// An attacker without a key that is known gets nothing by sending an end its
// own words back, or those of one end of a connection to the other end of
// another one.
func TestHandshakeReflection(t *testing.T) {
	t.Run("to the dialer", func(t *testing.T) {
		p := newPair()
		refuse(t, p.a, p.a.Start()[0], ErrUnexpected)
	})
	t.Run("to the listener", func(t *testing.T) {
		p := newPair()
		ack := step(t, p.b, &Handshake{Cookie: named("attacker"), Genesis: dev.GenesisHash}, false)
		refuse(t, p.b, ack, ErrOwnID)
	})
	t.Run("of a listener's ack as a dialer's", func(t *testing.T) {
		// The attacker dials victim and target at once and wants to be the
		// target, as seen by the victim: it must present the target's signature
		// over the victim's cookie in the dialer's role. The target, dialled,
		// signs with the listener's letter.
		cfgA, cfgB := sampleConfigs()
		victim, target := NewListener(cfgA, named("cookie victim")), NewListener(cfgB, named("cookie target"))
		step(t, victim, &Handshake{Cookie: named("attacker"), Genesis: dev.GenesisHash, PeeringPort: cfgB.PeeringPort}, false)
		ack := step(t, target, &Handshake{Cookie: named("cookie victim"), Genesis: dev.GenesisHash}, false).(*HandshakeAck)
		forged := *ack
		forged.Cookie = named("cookie victim")
		refuse(t, victim, &forged, ErrSignature)
	})
}

func TestHandshakerPanicsOnMisuse(t *testing.T) {
	cfg, _ := sampleConfigs()
	cases := map[string]func(){
		"wire: handshake with a zero cookie":           func() { NewDialer(cfg, Cookie{}) },
		"wire: handshake without a network":            func() { NewListener(HandshakeConfig{NodeKey: cfg.NodeKey}, Cookie{1}) },
		"wire: Handshaker.Step without a message":      func() { _, _, _ = NewListener(cfg, Cookie{1}).Step(nil) },
		"crypto: use of a zero PrivateKey":             func() { ackWithoutKey(cfg) },
		"wire: ReadBody without ReadHeader":            func() { _, _ = newMemoryConn(nil).ReadBody(nil, noDeadline) },
		"wire: ReadHeader before ReadBody of the fram": readTwoHeaders,
	}
	for want, misuse := range cases {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.HasPrefix(got, want) {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			misuse()
		}()
	}
}

func ackWithoutKey(cfg HandshakeConfig) {
	cfg.NodeKey = crypto.PrivateKey{}
	_, _, _ = NewListener(cfg, Cookie{1}).Step(&Handshake{Cookie: Cookie{2}, Genesis: cfg.Network.GenesisHash})
}

func readTwoHeaders() {
	c := newMemoryConn(frameOf(&Publish{}))
	_, _ = c.ReadHeader(noDeadline)
	_, _ = c.ReadHeader(noDeadline)
}

// The vectors were made with another implementation.
func TestHandshakeSignatureVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/protocol.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Handshake []struct {
			Network, Role, Private, Genesis, Digest, Signature string
			NodeID                                             string `json:"node_id"`
			CookieA                                            string `json:"cookie_a"`
			CookieB                                            string `json:"cookie_b"`
			Port                                               uint16
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Handshake) < 3 {
		t.Fatalf("%d vectors", len(file.Handshake))
	}
	for _, v := range file.Handshake {
		id := map[string]lattice.NetworkID{"main": lattice.MainID, "beta": lattice.BetaID, "dev": lattice.DevID}[v.Network]
		h := Handshaker{
			cfg: HandshakeConfig{
				Network: &lattice.Network{ID: id, GenesisHash: unhex32(t, v.Genesis)},
				NodeKey: crypto.NewPrivateKey(unhex32(t, v.Private)), PeeringPort: v.Port,
			},
			role: role(v.Role[0]), cookieA: unhex32(t, v.CookieA), cookieB: unhex32(t, v.CookieB),
		}
		if got := h.digest(h.role, unhex32(t, v.NodeID), v.Port); got != unhex32(t, v.Digest) {
			t.Errorf("%s %s: digest %X, want %s", v.Network, v.Role, got, v.Digest)
		}
		if ack := h.ack(); ack.Signature.String() != v.Signature || ack.NodeID.String() != v.NodeID {
			t.Errorf("%s %s: %+v", v.Network, v.Role, ack)
		}
	}
}

func unhex32(t *testing.T, s string) [32]byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		t.Fatalf("%q: %d bytes, %v", s, len(b), err)
	}
	return [32]byte(b)
}
