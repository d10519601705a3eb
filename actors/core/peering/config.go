package peering

import (
	"fmt"
	"net/netip"
	"time"
)

// Bounds that are not settings.
const (
	// MaxKeepaliveAddresses is the largest number of addresses in a keepalive.
	MaxKeepaliveAddresses = 8
	// MaxStored is the largest number of peers given out for saving, maxStoredFresh
	// how many of them at most nobody was met at.
	MaxStored, maxStoredFresh = 96, 32
	// maxAnchors is how many of the peers that an earlier run was connected with are
	// dialled before all others.
	maxAnchors = 4
	// MaxConfigured is the largest number of configured addresses in the book. When
	// it is reached, one that failed for long gives way to a new one.
	MaxConfigured = 64
	// MaxPerName is how many addresses of one configured name are configured
	// addresses; what else the name stands for is hearsay. Whoever answers for one
	// name shall not have all slots.
	MaxPerName = 4
	// maxNames is how many configured names are remembered, those included whose
	// addresses have given way.
	maxNames = 2 * MaxConfigured
	// MaxRepresentatives is how many representatives are remembered for one
	// connection: as many as one node can attest.
	MaxRepresentatives = 16
	// maxOwn is how many addresses are remembered to be this node's own.
	maxOwn = 16
	// maxDialing is how many dials are under way at once.
	maxDialing = 4
	// maxFreshFails is how many failed dials a learnt address gets before it is
	// forgotten; the next keepalive may bring it back.
	maxFreshFails = 3
	// passOn is how long an address that answered is named to others.
	passOn = time.Hour
	// maxTriedFails is the same for an address that once answered.
	maxTriedFails = 12
)

// Config is what an operator, or a network, decides about peering.
type Config struct {
	// Self is the node id of this node: a connection to it is a connection to
	// ourselves.
	Self NodeID
	// Key decides where in the book an address stands. It is random and secret, so
	// that nobody can aim; another one at each start will do.
	Key [16]byte
	// Listening are the addresses at which this node can be reached, as far as
	// they are known. They are never dialled.
	Listening []netip.AddrPort
	// External is the address of this node in the world, if the operator named it:
	// peers are told of it. An invalid one is learnt from what peers see.
	External netip.AddrPort
	// Port is where this node says, in its handshakes, that it listens; 0: it does
	// not, and nobody is told of it.
	Port uint16

	// MaxOutbound and MaxInbound are the slots for connections that were dialled
	// here and there. Who fills all inbound slots still does not decide with whom
	// we talk: dials take free inbound slots when Widen says so, and never the other
	// way round.
	MaxOutbound, MaxInbound int

	// MaxPerAddress and MaxPerSubnet limit the connections, both directions
	// together, with one host (an IPv4 address, an IPv6 /64) and one subnet (/24,
	// /48). MaxOutboundPerGroup limits the connections dialled to learnt addresses
	// in one /16 or /32. Addresses that AllowLoopback and AllowPrivate let in are
	// exempt: on one machine or in one home all nodes share a few.
	MaxPerAddress, MaxPerSubnet, MaxOutboundPerGroup int

	// AllowLoopback and AllowPrivate let loopback and private addresses be learnt
	// from peers, dialled and passed on. Configured addresses are always dialled.
	AllowLoopback, AllowPrivate bool

	// DialTimeout is how long the driver may take to connect, HandshakeTimeout
	// how long a connection may take from there until it is open.
	DialTimeout, HandshakeTimeout time.Duration
	// KeepaliveInterval is the pause between two keepalives on a connection.
	KeepaliveInterval time.Duration
	// IdleTimeout closes a connection on which nothing was received for so long.
	IdleTimeout time.Duration

	// BackoffMin is the pause after a first failed dial; it doubles with each
	// further one, up to BackoffMax, for configured peers up to
	// BackoffMaxConfigured. Each pause is drawn from 75 to 125 % of that.
	BackoffMin, BackoffMax, BackoffMaxConfigured time.Duration

	// StoreInterval is the pause between two lists of peers given out for saving.
	StoreInterval time.Duration

	// FeelerInterval is the pause between two dials that only find out whether a
	// node is at an address. They have a slot of their own beside MaxOutbound.
	FeelerInterval time.Duration

	// BanTime is how long a first ban lasts; it doubles with each further one, up
	// to MaxBanTime.
	BanTime, MaxBanTime time.Duration

	// Handshakes limits the handshakes of strangers, which cost two signatures each.
	// Whose host is known, because a node was met there or it is configured, does not
	// wait for it.
	Handshakes Rate

	// Limits is what is taken from each peer.
	Limits Limits
}

// DefaultConfig returns the settings for a public network. Self is left for the
// caller to set.
func DefaultConfig() Config {
	return Config{
		MaxOutbound: 8, MaxInbound: 24,
		MaxPerAddress: 4, MaxPerSubnet: 8, MaxOutboundPerGroup: 2,
		DialTimeout: 5 * time.Second, HandshakeTimeout: 5 * time.Second,
		KeepaliveInterval: 15 * time.Second, IdleTimeout: time.Minute,
		BackoffMin: time.Second, BackoffMax: 10 * time.Minute, BackoffMaxConfigured: 30 * time.Second,
		StoreInterval:  time.Minute,
		FeelerInterval: 2 * time.Minute,
		BanTime:        time.Hour, MaxBanTime: 24 * time.Hour,
		Handshakes: Rate{PerSecond: 100, Burst: 200},
		Limits:     DefaultLimits(),
	}
}

// DevConfig returns the settings for many nodes on one machine: loopback and
// private addresses are as good as any, and all pauses are short.
func DevConfig() Config {
	c := DefaultConfig()
	c.AllowLoopback, c.AllowPrivate = true, true
	c.KeepaliveInterval, c.IdleTimeout = time.Second, 10*time.Second
	c.BackoffMin, c.BackoffMax, c.BackoffMaxConfigured = 200*time.Millisecond, 10*time.Second, 2*time.Second
	c.StoreInterval, c.FeelerInterval = 10*time.Second, 10*time.Second
	c.BanTime, c.MaxBanTime = time.Minute, time.Hour
	c.Handshakes = Rate{PerSecond: 1000, Burst: 2000}
	c.Limits = DevLimits()
	return c
}

// Validate says which setting cannot work.
func (c *Config) Validate() error {
	for _, n := range []struct {
		name string
		v    int
	}{
		{"MaxOutbound", c.MaxOutbound}, {"MaxPerAddress", c.MaxPerAddress}, {"MaxPerSubnet", c.MaxPerSubnet},
		{"MaxOutboundPerGroup", c.MaxOutboundPerGroup},
	} {
		if n.v < 1 {
			return fmt.Errorf("peering: %s is %d, want at least 1", n.name, n.v)
		}
	}
	if c.MaxInbound < 0 {
		return fmt.Errorf("peering: MaxInbound is %d, want 0 or more", c.MaxInbound)
	}
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"DialTimeout", c.DialTimeout}, {"HandshakeTimeout", c.HandshakeTimeout}, {"KeepaliveInterval", c.KeepaliveInterval},
		{"BackoffMin", c.BackoffMin}, {"StoreInterval", c.StoreInterval}, {"FeelerInterval", c.FeelerInterval}, {"BanTime", c.BanTime},
	} {
		if d.v <= 0 {
			return fmt.Errorf("peering: %s is %v, want more than 0", d.name, d.v)
		}
	}
	switch {
	case c.External.IsValid() && !c.dialable(canonical(c.External)):
		return fmt.Errorf("peering: External is %v, at which nobody on this network can be reached", c.External)
	case c.BackoffMax < c.BackoffMin, c.BackoffMaxConfigured < c.BackoffMin:
		return fmt.Errorf("peering: BackoffMax %v and BackoffMaxConfigured %v must not be below BackoffMin %v", c.BackoffMax, c.BackoffMaxConfigured, c.BackoffMin)
	case c.MaxBanTime < c.BanTime:
		return fmt.Errorf("peering: MaxBanTime %v must not be below BanTime %v", c.MaxBanTime, c.BanTime)
	case c.IdleTimeout < 2*c.KeepaliveInterval:
		return fmt.Errorf("peering: IdleTimeout %v must be at least twice KeepaliveInterval %v", c.IdleTimeout, c.KeepaliveInterval)
	}
	if err := c.Handshakes.validate("Handshakes"); err != nil {
		return err
	}
	return c.Limits.validate()
}
