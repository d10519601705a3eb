package config

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Numbers that private networks may have; the others are the public ones'.
const (
	firstPrivateID = 0x10
	lastPrivateID  = 0xfe
)

// maxNetworkFile is the largest file of a network, in bytes.
const maxNetworkFile = 64 << 10

// parameter is one row of the table of what a network file may say.
type parameter struct {
	name     string
	doc      string
	required bool
	read     func(*networkDraft, string) error
	write    func(*lattice.Network) string // the value as TOML
}

// networkDraft is a network that is being read.
type networkDraft struct {
	lattice.Network
	shipped lattice.ShippedWeights
}

// networkParameters is the table, in the order of the file.
var networkParameters = []parameter{
	{"name", "what the network is called: small letters, digits and dashes", true, (*networkDraft).readName,
		func(n *lattice.Network) string { return strconv.Quote(n.Name) }},
	{"id", "number that keeps networks apart, 16 to 254; two that could ever meet need different ones", true, (*networkDraft).readID,
		func(n *lattice.Network) string { return strconv.Itoa(int(n.ID)) }},
	{"genesis_account", "who has all there is first, and is its own representative", true, (*networkDraft).readAccount,
		func(n *lattice.Network) string { return strconv.Quote(n.Genesis.Account.String()) }},
	{"genesis_signature", "of the genesis block, by that account", true, (*networkDraft).readSignature,
		func(n *lattice.Network) string { return strconv.Quote(fmt.Sprintf("%X", n.Genesis.Signature[:])) }},
	{"send_threshold", "work of sends and changes, 16 hexadecimal digits; the first bits that are set make it hard", false,
		func(d *networkDraft, s string) error { return readThreshold(&d.SendThreshold, s) },
		func(n *lattice.Network) string { return fmt.Sprintf(`"%016x"`, n.SendThreshold) }},
	{"receive_threshold", "work of receives, not more than that of sends", false,
		func(d *networkDraft, s string) error { return readThreshold(&d.ReceiveThreshold, s) },
		func(n *lattice.Network) string { return fmt.Sprintf(`"%016x"`, n.ReceiveThreshold) }},
	{"quorum_floor_percent", "of all there is: the smallest online weight that is reckoned with, 1 to 100", false,
		func(d *networkDraft, s string) (err error) {
			d.QuorumFloorPercent, err = readNumber[uint64](s, 1, 100)
			return err
		},
		func(n *lattice.Network) string { return strconv.FormatUint(n.QuorumFloorPercent, 10) }},
	{"weight_sample_seconds", "how often the online weight is measured, 1 to 86400", false,
		func(d *networkDraft, s string) error {
			v, err := readNumber[int64](s, 1, 86_400)
			d.WeightSampleEvery = time.Duration(v) * time.Second
			return err
		},
		func(n *lattice.Network) string {
			return strconv.FormatInt(int64(n.WeightSampleEvery/time.Second), 10)
		}},
	{"weight_samples", "how many measurements count, 1 to 10000", false,
		func(d *networkDraft, s string) (err error) {
			d.WeightSamples, err = readNumber[int](s, 1, 10_000)
			return err
		},
		func(n *lattice.Network) string { return strconv.Itoa(n.WeightSamples) }},
	{"vote_spacing_ms", "shortest time between votes of one representative for different blocks of one root, 100 to 60000", false,
		func(d *networkDraft, s string) error {
			v, err := readNumber[int64](s, 100, 60_000)
			d.VoteSpacing = time.Duration(v) * time.Millisecond
			return err
		},
		func(n *lattice.Network) string {
			return strconv.FormatInt(int64(n.VoteSpacing/time.Millisecond), 10)
		}},
	{"peers", "HOST:PORT of nodes that are dialled when peer_seeds names none", false, (*networkDraft).readPeers,
		func(n *lattice.Network) string {
			quoted := make([]string, len(n.PresetPeers))
			for i, p := range n.PresetPeers {
				quoted[i] = quote(p)
			}
			return "[" + strings.Join(quoted, ", ") + "]"
		}},
	{"weights_until", "confirmed blocks that a node must have before it reckons with the weights of its own ledger instead of the following; 0: at once", false,
		func(d *networkDraft, s string) (err error) {
			d.shipped.Until, err = readNumber[uint64](s, 0, 1<<62)
			return err
		},
		func(n *lattice.Network) string {
			if n.Shipped == nil {
				return "0"
			}
			return strconv.FormatUint(n.Shipped.Until, 10)
		}},
	{"weights", `"ACCOUNT RAW" of representatives; "smallnano network weights" writes them`, false, (*networkDraft).readWeights, formatWeights},
}

// NewPrivateNetwork makes a network of one's own, with the parameters of dev, on
// which the account of a key has all there is.
func NewPrivateNetwork(name string, id uint8, genesis crypto.PrivateKey) (*lattice.Network, error) {
	d := &networkDraft{Network: privateDefaults()}
	if err := errors.Join(d.readName(name), d.readID(strconv.Itoa(int(id)))); err != nil {
		return nil, err
	}
	account := lattice.Account(genesis.Public())
	d.Genesis = lattice.Block{Account: account, Representative: account, Balance: lattice.Supply}
	d.GenesisHash = d.Genesis.Sign(d.ID, genesis)
	return &d.Network, nil
}

// privateDefaults is what a network file need not say.
func privateDefaults() lattice.Network {
	n := *lattice.Dev()
	n.Genesis, n.GenesisHash, n.GenesisSeed = lattice.Block{}, lattice.Hash{}, nil
	return n
}

// FormatNetwork returns the file of a network, in TOML.
func FormatNetwork(n *lattice.Network) string {
	var b strings.Builder
	b.WriteString("# A network of its own. All its nodes need this file, with the same content.\n")
	for i := range networkParameters {
		p := &networkParameters[i]
		fmt.Fprintf(&b, "\n# %s\n%s = %s\n", p.doc, p.name, p.write(n))
	}
	return b.String()
}

// ReadNetwork reads the file of a private network: JSON when its name ends so,
// else TOML.
func ReadNetwork(path string) (*lattice.Network, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the network file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxNetworkFile {
		return nil, fmt.Errorf("network file %s is no file of at most %d bytes", path, maxNetworkFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the network file: %w", err)
	}
	return parseNetwork(path, data)
}

func parseNetwork(path string, data []byte) (*lattice.Network, error) {
	keys := map[string]any{}
	decode := toml.Unmarshal
	if filepath.Ext(path) == ".json" {
		decode = json.Unmarshal
	}
	if err := decode(data, &keys); err != nil {
		return nil, fmt.Errorf("network file %s: %w", path, err)
	}
	d := &networkDraft{Network: privateDefaults()}
	for i := range networkParameters {
		p := &networkParameters[i]
		value, ok := keys[p.name]
		delete(keys, p.name)
		if !ok && p.required {
			return nil, fmt.Errorf("network file %s: %s is missing: %s", path, p.name, p.doc)
		}
		if !ok {
			continue
		}
		text, err := plain(value, new(list))
		if err == nil {
			err = p.read(d, text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", path, lineOf(data, p.name), p.name, err)
		}
	}
	if unknown := slices.Sorted(maps.Keys(keys)); len(unknown) > 0 {
		names := make([]string, len(networkParameters))
		for i := range networkParameters {
			names[i] = networkParameters[i].name
		}
		key := unknown[0]
		return nil, fmt.Errorf("%s:%d: %q is no parameter of a network; the nearest is %q", path, lineOf(data, key), key, Nearest(key, names))
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("network file %s: %w", path, err)
	}
	return &d.Network, nil
}

// check looks at what several parameters make together.
func (d *networkDraft) check() error {
	if d.ReceiveThreshold > d.SendThreshold {
		return fmt.Errorf("receive_threshold %016x is above send_threshold %016x", d.ReceiveThreshold, d.SendThreshold)
	}
	d.GenesisHash = d.HashOf(&d.Genesis)
	if !d.Genesis.SignedBy(d.GenesisHash) {
		return errors.New("genesis_signature is not that of genesis_account for this id: make the file with \"smallnano network new\"")
	}
	if d.shipped.Until == 0 && len(d.shipped.Of) == 0 {
		return nil
	}
	if err := d.shipped.Check(); err != nil {
		return fmt.Errorf("weights: %w; write them anew with \"smallnano network weights\"", err)
	}
	d.Shipped = &d.shipped
	return nil
}

func (d *networkDraft) readName(s string) error {
	bad := func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') }
	if s == "" || len(s) > 32 || strings.ContainsFunc(s, bad) {
		return fmt.Errorf("%.40q, want up to 32 small letters, digits and dashes", s)
	}
	if slices.Contains([]string{"main", "beta", "dev"}, s) {
		return fmt.Errorf("%s is the name of a public network: choose another", s)
	}
	d.Name = s
	return nil
}

func (d *networkDraft) readID(s string) error {
	v, err := readNumber[uint8](s, firstPrivateID, lastPrivateID)
	d.ID = lattice.NetworkID(v)
	return err
}

func (d *networkDraft) readAccount(s string) error {
	account, err := lattice.ParseAccount(s)
	d.Genesis = lattice.Block{Account: account, Representative: account, Balance: lattice.Supply, Signature: d.Genesis.Signature}
	return err
}

func (d *networkDraft) readSignature(s string) error {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(d.Genesis.Signature) {
		return fmt.Errorf("want %d hexadecimal digits", 2*len(d.Genesis.Signature))
	}
	copy(d.Genesis.Signature[:], raw)
	return nil
}

func (d *networkDraft) readPeers(s string) error {
	d.PresetPeers = nil
	if s == "" {
		return nil
	}
	for peer := range strings.SplitSeq(s, ",") {
		if err := checkHostPort(peer); err != nil {
			return fmt.Errorf("%q, want HOST:PORT: %w", peer, err)
		}
		d.PresetPeers = append(d.PresetPeers, peer)
	}
	return nil
}

func (d *networkDraft) readWeights(s string) error {
	d.shipped.Of = nil
	if s == "" {
		return nil
	}
	for entry := range strings.SplitSeq(s, ",") {
		name, raw, _ := strings.Cut(entry, " ")
		account, err := lattice.ParseAccount(name)
		if err != nil {
			return fmt.Errorf("%.200q, want \"ACCOUNT RAW\": %w", entry, err)
		}
		weight, err := lattice.ParseRaw(raw)
		if err != nil {
			return fmt.Errorf("%.200q, want \"ACCOUNT RAW\": %w", entry, err)
		}
		if len(d.shipped.Of) == lattice.MaxShippedWeights {
			return fmt.Errorf("more than %d representatives", lattice.MaxShippedWeights)
		}
		d.shipped.Of = append(d.shipped.Of, lattice.ShippedWeight{Representative: account, Weight: weight})
	}
	return nil
}

func formatWeights(n *lattice.Network) string {
	if n.Shipped == nil {
		return "[]"
	}
	var b strings.Builder
	b.WriteString("[\n")
	for _, w := range n.Shipped.Of {
		fmt.Fprintf(&b, "  \"%v %s\",\n", w.Representative, w.Weight.Raw())
	}
	b.WriteString("]")
	return b.String()
}

// readThreshold reads the threshold of work. Below the first no work is asked
// for, above the second none is found in a lifetime.
func readThreshold(to *uint64, s string) error {
	const least, most = 0x8000000000000000, 0xffffffffff000000
	v, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 || v < least || v > most {
		return fmt.Errorf("%.40q, want 16 hexadecimal digits from %x to %x", s, uint64(least), uint64(most))
	}
	*to = v
	return nil
}

func readNumber[T uint8 | int | int64 | uint64](s string, low, top T) (T, error) {
	v, err := strconv.ParseUint(s, 10, 63)
	if err != nil || v < uint64(low) || v > uint64(top) {
		return 0, fmt.Errorf("%.40q, want a number from %d to %d", s, low, top)
	}
	return T(v), nil
}
