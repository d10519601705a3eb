package config

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/smallnano/smallnano/wire/rpc"
)

// setting is one row of the table: everything about a setting in one place.
type setting struct {
	name  string // in the file; the flag has dashes, the variable is SMALLNANO_ and upper case
	doc   string
	value func(*Config) flag.Value
}

// settings is the table, in the order of the file.
var settings = []setting{
	{"data_dir", "folder of the database, the keys and this file; not settable in the file", func(c *Config) flag.Value { return (*text)(&c.DataDir) }},
	{"network", "main, beta or dev", func(c *Config) flag.Value { return (*text)(&c.Network) }},
	{"network_file", "file with the parameters of a private network, which is used instead of network; \"smallnano network new\" makes one", func(c *Config) flag.Value { return (*text)(&c.NetworkFile) }},
	{"listen_address", "address at which peers may connect; :: is every address", func(c *Config) flag.Value { return (*text)(&c.ListenAddress) }},
	{"peering_port", "TCP port at which peers may connect; 0 takes a free one", func(c *Config) flag.Value { return (*number)(&c.PeeringPort) }},
	{"external_address", "ADDRESS:PORT at which peers can reach this node, for when that is not where they see it, as behind a router that forwards another port; when empty the node goes by what its peers say", func(c *Config) flag.Value { return (*text)(&c.ExternalAddress) }},
	{"rpc_address", "address of the JSON-RPC; keep it on this machine unless a proxy with access control stands in front", func(c *Config) flag.Value { return (*text)(&c.RPCAddress) }},
	{"rpc_port", "TCP port of the JSON-RPC; 0 takes a free one", func(c *Config) flag.Value { return (*number)(&c.RPCPort) }},
	{"rpc_hosts", "names by which the JSON-RPC may be called, beside localhost and addresses; a browser that another's name led here is refused; * allows all", func(c *Config) flag.Value { return (*list)(&c.RPCHosts) }},
	{"peer", "HOST:PORT of a node that is always dialled; may be given several times; a name is looked up again from time to time, and up to 4 of its addresses are dialled", func(c *Config) flag.Value { return (*list)(&c.Peers) }},
	{"peer_seeds", "HOST:PORT of nodes through which this one finds others, instead of those that the network names", func(c *Config) flag.Value { return (*list)(&c.PeerSeeds) }},
	{"bootstrap_peers", "HOST:PORT of nodes to fetch the ledger from; dialled as peer", func(c *Config) flag.Value { return (*list)(&c.BootstrapPeers) }},
	{"enable_voting", "vote with the representative of voting_key", func(c *Config) flag.Value { return (*boolean)(&c.EnableVoting) }},
	{"voting_key", "file with the seed of a representative, 64 hexadecimal digits; on the dev network dev-genesis is the published key", func(c *Config) flag.Value { return (*text)(&c.VotingKey) }},
	{"vote_window_ms", "how long votes wait at most for others to share a signature with, in milliseconds", func(c *Config) flag.Value { return (*number)(&c.VoteWindowMS) }},
	{"max_backlog", "unconfirmed blocks that the ledger may hold, not counting those that this node asked its peers for", func(c *Config) flag.Value { return (*number)(&c.MaxBacklog) }},
	{"max_blocks_per_account", "confirmed blocks that are kept of each account, the newest; older ones are removed; 0 keeps all, which some nodes of a network must do for new ones to join", func(c *Config) flag.Value { return (*number)(&c.MaxBlocksPerAccount) }},
	{"max_ledger_bytes", "bytes that the ledger may take on disk; fewer blocks of each account are kept while it takes more; 0 is no limit", func(c *Config) flag.Value { return (*number64)(&c.MaxLedgerBytes) }},
	{"work_threads", "threads that search for proof of work when the RPC asks; 0 refuses to", func(c *Config) flag.Value { return (*number)(&c.WorkThreads) }},
	{"max_peers_out", "connections that this node dials", func(c *Config) flag.Value { return (*number)(&c.MaxPeersOut) }},
	{"max_peers_in", "connections that others may dial", func(c *Config) flag.Value { return (*number)(&c.MaxPeersIn) }},
	{"max_peers", "connections in all, of both kinds; 0 is no other bound than these", func(c *Config) flag.Value { return (*number)(&c.MaxPeers) }},
	{"max_pending_elections", "elections that run at a time", func(c *Config) flag.Value { return (*number)(&c.MaxElections) }},
	{"bandwidth_limit_mbps", "megabits a second that peers may send to this node and it to them, each; 0 is no limit", func(c *Config) flag.Value { return (*number)(&c.BandwidthLimitMbps) }},
	{"memory_limit_mb", "memory in MB that the garbage collector tries to stay below; 0 is no limit", func(c *Config) flag.Value { return (*number)(&c.MemoryLimitMB) }},
	{"log_level", "debug, info, warn or error; another one for a subsystem with info,peers=debug", func(c *Config) flag.Value { return (*text)(&c.LogLevel) }},
	{"log_format", "text or json", func(c *Config) flag.Value { return (*text)(&c.LogFormat) }},
}

func (s *setting) flag() string { return strings.ReplaceAll(s.name, "_", "-") }

func (s *setting) variable() string { return "SMALLNANO_" + strings.ToUpper(s.name) }

// Load reads the flags of args, then what is weaker than they are, and returns
// the settings that result. Flags that the caller defined before are read too.
// The error is flag.ErrHelp when help was asked for and printed, and wraps a
// *fs.PathError when the settings file is there and cannot be read.
func Load(flags *flag.FlagSet, args []string, environ []string) (Config, error) {
	return gather(flags, args, environ, map[string]string{})
}

// gather is Load, and notes by name where each setting comes from that is not the
// default.
func gather(flags *flag.FlagSet, args []string, environ []string, from map[string]string) (Config, error) {
	c, err := collect(flags, args, environ, from)
	return c, hideKeys(err)
}

// collect is gather with errors that may repeat a key.
func collect(flags *flag.FlagSet, args []string, environ []string, from map[string]string) (Config, error) {
	c := Default()
	given := Config{}
	for i := range settings {
		flags.Var(settings[i].value(&given), settings[i].flag(), settings[i].doc+settings[i].shown())
	}
	if err := Parse(flags, args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	env := variables(environ)
	if dir, ok := env["SMALLNANO_DATA_DIR"]; ok {
		c.DataDir = dir
	}
	flags.Visit(func(f *flag.Flag) {
		if f.Name == "data-dir" {
			c.DataDir = given.DataDir
		}
	})
	if err := c.readFile(from); err != nil {
		return c, err
	}
	if err := c.readEnviron(env, from); err != nil {
		return c, err
	}
	return c, c.readFlags(flags, from)
}

// Parse is flags.Parse with an error that names the nearest flag, if one is near. It is
// flag.ErrHelp when help was asked for.
func Parse(flags *flag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return err
	}
	var names []string
	flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	name = strings.TrimPrefix(name, "-")
	return fmt.Errorf("--%s is not a flag%s", name, suggestion(name, names))
}

// suggestion names the flag that may be meant, if one is spelled nearly like the name.
// One that takes something away, as --no-password, is never what somebody meant who
// wrote the contrary.
func suggestion(name string, flags []string) string {
	const most = 2 // letters that may be wrong, and fewer than half of them
	var near []string
	for _, f := range flags {
		if d := rpc.Spelling(name, f); d <= most && 2*d < len(name) && (!strings.HasPrefix(f, "no-") || strings.HasPrefix(name, "no-")) {
			near = append(near, f)
		}
	}
	if len(near) == 0 {
		return ""
	}
	return "; the nearest is --" + Nearest(name, near)
}

// shown is the default as the help shows it.
func (s *setting) shown() string {
	d := Default()
	if v := s.value(&d).String(); v != "" && v != "false" && s.name != "data_dir" {
		return " (default " + v + ")"
	}
	return ""
}

func variables(environ []string) map[string]string {
	out := map[string]string{}
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, "SMALLNANO_") {
			out[name] = value
		}
	}
	return out
}

// readEnviron takes over the variables. One that is unknown is refused: it was
// meant for something.
func (c *Config) readEnviron(env, from map[string]string) error {
	for i := range settings {
		s := &settings[i]
		value, ok := env[s.variable()]
		if !ok {
			continue
		}
		delete(env, s.variable())
		if err := set(s.value(c), value); err != nil {
			return fmt.Errorf("variable %s: %w", s.variable(), err)
		}
		from[s.name] = "variable " + s.variable()
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		return fmt.Errorf("variable %s is not a setting; the nearest is %s", name, nearest(name, (*setting).variable))
	}
	return nil
}

// readFlags takes over the flags that were given.
func (c *Config) readFlags(flags *flag.FlagSet, from map[string]string) error {
	var err error
	fresh := map[string]bool{}
	flags.Visit(func(f *flag.Flag) {
		for i := range settings {
			if s := &settings[i]; s.flag() == f.Name && !fresh[f.Name] {
				fresh[f.Name] = true
				from[s.name] = "flag --" + f.Name
				if e := set(s.value(c), f.Value.String()); e != nil && err == nil {
					err = fmt.Errorf("flag --%s: %w", f.Name, e)
				}
			}
		}
	})
	return err
}

// set replaces a value.
func set(v flag.Value, s string) error {
	if l, ok := v.(*list); ok {
		*l = nil
	}
	return v.Set(s)
}

// nearest returns the name of the setting that is spelled most like s.
func nearest(s string, name func(*setting) string) string {
	names := make([]string, len(settings))
	for i := range settings {
		names[i] = name(&settings[i])
	}
	return Nearest(s, names)
}

// Nearest returns the name that is spelled most like s, the first of several;
// "" when there are no names.
func Nearest(s string, names []string) string {
	best, least := "", 1<<30
	for _, name := range names {
		if d := rpc.Spelling(s, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// Near reports whether two spellings are so alike that one may be meant by the
// other: at most a third of the letters differ.
func Near(s, name string) bool { return rpc.Spelling(s, name) <= max(1, len(s)/3) }

// The kinds of values, each with the text form that file, variables and flags
// share.
type (
	text     string
	number   int
	number64 int64
	boolean  bool
	list     []string
)

func (v *text) String() string     { return string(*v) }
func (v *text) Set(s string) error { *v = text(s); return nil }

func (v *number) String() string { return strconv.Itoa(int(*v)) }

func (v *number) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return fmt.Errorf("%q is not a whole number", s)
	}
	*v = number(n)
	return nil
}

func (v *number64) String() string { return strconv.FormatInt(int64(*v), 10) }

func (v *number64) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a whole number", s)
	}
	*v = number64(n)
	return nil
}

func (v *boolean) String() string   { return strconv.FormatBool(bool(*v)) }
func (v *boolean) IsBoolFlag() bool { return true }

func (v *boolean) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", s)
	}
	*v = boolean(b)
	return nil
}

func (v *list) String() string { return strings.Join(*v, ",") }

// Set adds one item, or several with commas between them.
func (v *list) Set(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*v = append(*v, item)
		}
	}
	return nil
}
