package rpc

import (
	"slices"
)

// Role is a kind of caller. A Server serves the roles that its configuration
// names.
type Role string

// The roles.
const (
	Public   Role = "public"   // reads, publishing of signed blocks, work at a price
	Operator Role = "operator" // secrets and control; needs the token
	Probe    Role = "probe"    // health, for supervisors and monitors
)

// action is one thing that can be asked for, and all that is told about it.
type action struct {
	name    string
	aliases []string // other names, older ones mostly
	role    Role
	cost    int  // tokens of the caller's bucket; 0 counts as 1
	devOnly bool // unknown on all other networks
	summary string
	params  []param
	result  []field
	errors  []*errorKind // beside commonErrors
	handle  func(*call) (any, error)
}

// param is a member of the request that an action looks at.
type param struct {
	name     string
	form     form
	doc      string
	required bool
}

func need(name string, f form, doc string) param { return param{name, f, doc, true} }
func may(name string, f form, doc string) param  { return param{name, f, doc, false} }

// field is a member of an answer. The name is a path: "history[].type" stands
// in every item of a list, "balances.*.balance" in every value of a map.
type field struct {
	name     string
	form     form
	doc      string
	optional bool
}

func has(name string, f form, doc string) field   { return field{name, f, doc, false} }
func maybe(name string, f form, doc string) field { return field{name, f, doc, true} }

// form is how a value is written. See forms for what each accepts.
type form string

const (
	formAccount   form = "account"
	formAccounts  form = "accounts"
	formHash      form = "hash"
	formHashes    form = "hashes"
	formKey       form = "key"
	formAmount    form = "amount"
	formUnits     form = "units"
	formRoot      form = "root"
	formCount     form = "count"
	formNumber    form = "number"
	formFactor    form = "factor"
	formFlag      form = "flag"
	formOne       form = "one"
	formText      form = "text"
	formBlock     form = "block"
	formWork      form = "work"
	formTime      form = "time"
	formSignature form = "signature"
	formList      form = "list"
	formMap       form = "map"
	formObject    form = "object"
	formAny       form = "any"
)

// shared pieces of the table.
var (
	paramAccount = need("account", formAccount, "the account")
	paramHash    = need("hash", formHash, "hash of the block")
	paramJSON    = may("json_block", formFlag, "answer blocks as objects instead of as strings that hold JSON; default false")

	ledgerAccount = []*errorKind{badAccount, otherNetwork, accountNotFound}
	badAccounts   = []*errorKind{badAccount, otherNetwork}
)

// actions is the table: every action in the order in which it is documented.
var actions []*action

// byName finds an action by its name or an alias.
var byName map[string]*action

func init() {
	for _, part := range [][]*action{
		accountActions, balanceActions, receivableActions, historyActions, frontierActions,
		blockActions, chainActions, createActions, processActions,
		representativeActions, confirmationActions,
		electionActions, bucketActions, delegatorActions, explainActions,
		nodeActions, networkActions, statActions, waitingActions, controlActions, workActions, workPeerActions, unitActions, keyActions,
		walletActions, walletAccountActions, walletBlockActions, discoverActions,
	} {
		actions = append(actions, part...)
	}
	byName = make(map[string]*action)
	for _, a := range actions {
		a.params = requiredFirst(a.params)
		for _, name := range append([]string{a.name}, a.aliases...) {
			if byName[name] != nil {
				panic("rpc: two actions have the name " + name)
			}
			byName[name] = a
		}
	}
}

// requiredFirst puts the parameters that must be given in front: those that may
// be left out can then be left out by position too.
func requiredFirst(params []param) []param {
	params = slices.Clone(params)
	slices.SortStableFunc(params, func(a, b param) int {
		switch {
		case a.required == b.required:
			return 0
		case a.required:
			return -1
		}
		return 1
	})
	return params
}

// find returns the action with a name, for the network and the roles of this
// server.
func (s *Server) find(name string) *action {
	a := byName[name]
	if a == nil || a.devOnly && s.network.Name != "dev" {
		return nil
	}
	return a
}

// paramNamed returns what the table says about a parameter. Reading one that
// is not in the table would make the documentation wrong, so it is a fault.
func (a *action) paramNamed(name string) param {
	i := slices.IndexFunc(a.params, func(p param) bool { return p.name == name })
	if i < 0 {
		panic("rpc: action " + a.name + " reads the parameter " + name + ", which its table does not have")
	}
	return a.params[i]
}
