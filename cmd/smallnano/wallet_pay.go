package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// parsePayment reads an amount as people write it: in smn, or with "raw" behind
// it.
func parsePayment(text string) (lattice.Amount, error) {
	if raw, is := strings.CutSuffix(text, "raw"); is {
		return lattice.ParseRaw(strings.TrimRight(raw, " "))
	}
	return lattice.ParseAmount(strings.TrimRight(strings.TrimSuffix(text, "smn"), " "))
}

// invoice is what a smn: address asks for.
type invoice struct {
	account        lattice.Account
	amount         lattice.Amount // zero: not said
	label, message string
}

// uri writes an invoice as an address that a wallet opens. The amount is in
// raw.
func (i *invoice) uri() string {
	q := url.Values{}
	if !i.amount.IsZero() {
		q.Set("amount", i.amount.Raw())
	}
	if i.label != "" {
		q.Set("label", i.label)
	}
	if i.message != "" {
		q.Set("message", i.message)
	}
	u := "smn:" + i.account.String()
	if len(q) > 0 {
		u += "?" + strings.ReplaceAll(q.Encode(), "+", "%20") // "+" means a space in forms only
	}
	return u
}

// parseInvoice reads an address or a smn: URI. What such a URI requires and
// this program does not know is refused.
func parseInvoice(text string) (i invoice, err error) {
	rest, is := strings.CutPrefix(text, "smn:")
	if !is {
		i.account, err = lattice.ParseAccount(text)
		return i, err
	}
	address, query, _ := strings.Cut(rest, "?")
	if i.account, err = lattice.ParseAccount(address); err != nil {
		return i, err
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return i, fmt.Errorf("URI: %w", err)
	}
	for name, values := range q {
		if len(values) > 1 {
			return i, fmt.Errorf("URI: %s is there twice", name)
		}
		switch {
		case name == "amount":
			if i.amount, err = lattice.ParseRaw(values[0]); err != nil {
				return i, fmt.Errorf("URI: %w", err)
			}
		case name == "label":
			i.label = values[0]
		case name == "message":
			i.message = values[0]
		case strings.HasPrefix(name, "req-"):
			return i, fmt.Errorf("URI: it requires %q, which this program does not know: do not pay it from here", name)
		}
	}
	return i, nil
}

func runWalletReceive(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	fresh := flags.Bool("new", false, "make a new account to be paid at")
	account := flags.String("account", "", "the account to be paid at; default the first of the wallet")
	label := flags.String("label", "", "who is paid, for the payer to see")
	message := flags.String("message", "", "what for, for the payer to see")
	words, done, err := r.begin(args, 0, 1)
	if err != nil {
		return err
	}
	defer done()
	i := invoice{label: *label, message: *message}
	if len(words) == 1 {
		if i.amount, err = parsePayment(words[0]); err != nil {
			return usageError{err}
		}
	}
	if i.account, err = r.payee(*account, *fresh); err != nil {
		return err
	}
	return r.show(map[string]any{"account": i.account.String(), "uri": i.uri()}, func() {
		fmt.Fprintf(p.out, "%s\n%s\n\n", i.account, i.uri())
		drawCode(p.out, i.uri())
	})
}

// payee finds the account to be paid at.
func (r *walletRun) payee(given string, fresh bool) (lattice.Account, error) {
	switch {
	case given != "":
		return lattice.ParseAccount(given)
	case fresh:
		var a struct{ Account string }
		if err := r.askUnlocked("account_create", nil, &a); err != nil {
			return lattice.Account{}, err
		}
		return lattice.ParseAccount(a.Account)
	}
	return r.firstAccount()
}

func (r *walletRun) firstAccount() (lattice.Account, error) {
	var a struct{ Accounts []string }
	if err := r.ask("account_list", map[string]any{"count": 1}, &a); err != nil {
		return lattice.Account{}, err
	}
	if len(a.Accounts) == 0 {
		return lattice.Account{}, fmt.Errorf("the wallet has no account")
	}
	return lattice.ParseAccount(a.Accounts[0])
}

// drawCode draws a QR code of half blocks, dark on light, with the margin that
// scanners need. What does not fit a code is left out: the text is there.
func drawCode(to io.Writer, text string) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return
	}
	const margin = 2
	var b bytes.Buffer
	light := func(x, y int) bool { return !code.Black(x, y) } // outside of the code is light
	for y := -margin; y < code.Size+margin; y += 2 {
		b.WriteString("\x1b[40;97m")
		for x := -margin; x < code.Size+margin; x++ {
			switch up, down := light(x, y), light(x, y+1); {
			case up && down:
				b.WriteString("█")
			case up:
				b.WriteString("▀")
			case down:
				b.WriteString("▄")
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	_, _ = b.WriteTo(to)
}

func runWalletSend(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	from := flags.String("from", "", "account to pay from; default: the one with the least balance that is enough")
	id := flags.String("id", "", "name of the payment: the same name never pays twice; default: a random one, which is shown")
	words, done, err := r.begin(args, 1, 2)
	if err != nil {
		return err
	}
	defer done()
	i, err := parseInvoice(words[0])
	if err != nil {
		return usageError{err}
	}
	if err := i.settle(words[1:]); err != nil {
		return usageError{err}
	}
	source := *from
	if source == "" {
		if *id != "" {
			return misused("--id needs --from: the same payment comes from the same account")
		}
		if source, err = r.payer(i.amount); err != nil {
			return err
		}
	}
	name := *id
	if name == "" {
		if name, err = paymentID(); err != nil {
			return err
		}
	}
	var a struct{ Block string }
	err = r.askUnlocked("send", map[string]any{
		"source": source, "destination": i.account.String(), "amount": i.amount.Raw(), "id": name,
	}, &a)
	if rpc.IsCode(err, "id_reused") {
		return fmt.Errorf("%w; give another --id", err)
	}
	if err != nil {
		return fmt.Errorf("%w (to try again without paying twice: --from %s --id %s)", err, source, name)
	}
	result := map[string]any{"block": a.Block, "id": name, "source": source, "destination": i.account.String(), "amount": i.amount.Raw()}
	return r.show(result, func() {
		fmt.Fprintf(p.out, "sent %s smn to %s\nblock %s\nid    %s\n", i.amount, i.account, a.Block, name)
	})
}

// settle takes the amount of the command line, which must not differ from that
// of the invoice.
func (i *invoice) settle(words []string) error {
	if len(words) == 0 {
		if i.amount.IsZero() {
			return fmt.Errorf("how much? give the amount after the address")
		}
		return nil
	}
	amount, err := parsePayment(words[0])
	switch {
	case err != nil:
		return err
	case amount.IsZero():
		return fmt.Errorf("an amount of nothing")
	case !i.amount.IsZero() && amount != i.amount:
		return fmt.Errorf("the URI asks for %s smn and the command line says %s: leave one away", i.amount, amount)
	}
	i.amount = amount
	return nil
}

// balanceRow is an account in wallet_balances.
type balanceRow struct {
	Account    string `json:"account"`
	Balance    string `json:"balance"`
	Receivable string `json:"receivable"`
}

// balances returns all accounts of the wallet, in its order.
func (r *walletRun) balances() ([]balanceRow, error) {
	var rows []balanceRow
	for offset := "0"; offset != ""; {
		var list struct {
			Accounts []string
			Next     string
		}
		if err := r.ask("account_list", map[string]any{"offset": offset}, &list); err != nil {
			return nil, err
		}
		var page struct{ Balances map[string]balanceRow }
		if err := r.ask("wallet_balances", map[string]any{"offset": offset}, &page); err != nil {
			return nil, err
		}
		for _, account := range list.Accounts {
			row := page.Balances[account]
			row.Account = account
			rows = append(rows, row)
		}
		offset = list.Next
	}
	return rows, nil
}

// payer chooses the account with the least balance that is enough, so that no
// more accounts than needed are emptied.
func (r *walletRun) payer(amount lattice.Amount) (string, error) {
	rows, err := r.balances()
	if err != nil {
		return "", err
	}
	var best string
	var least, most lattice.Amount
	for _, row := range rows {
		balance, err := lattice.ParseRaw(row.Balance)
		if err != nil {
			continue
		}
		if most.Less(balance) {
			most = balance
		}
		if !balance.Less(amount) && (best == "" || balance.Less(least)) {
			best, least = row.Account, balance
		}
	}
	if best == "" {
		return "", withCode{fmt.Errorf("no account of the wallet has %s smn confirmed; the most is %s smn", amount, most), errFunds}
	}
	return best, nil
}

func runWalletBalance(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	rows, err := r.balances()
	if err != nil {
		return err
	}
	var sum, coming lattice.Amount
	for _, row := range rows {
		sum, coming = sum.SatAdd(rawAmount(row.Balance)), coming.SatAdd(rawAmount(row.Receivable))
	}
	result := map[string]any{"wallet": r.wallet.Wallet, "balance": sum.Raw(), "receivable": coming.Raw(), "accounts": rows}
	return r.show(result, func() {
		for _, row := range rows {
			fmt.Fprintf(p.out, "%s  %s smn%s\n", row.Account, inSMN(row.Balance), waiting(rawAmount(row.Receivable)))
		}
		fmt.Fprintf(p.out, "in all %s smn%s\n", sum, waiting(coming))
		r.warnOfAbsence()
	})
}

func rawAmount(raw string) lattice.Amount {
	a, err := lattice.ParseRaw(raw)
	if err != nil {
		return lattice.Amount{}
	}
	return a
}

func waiting(a lattice.Amount) string {
	if a.IsZero() {
		return ""
	}
	return fmt.Sprintf("  (%s smn waiting to be received)", a)
}

// localTime shows seconds since 1970.
func localTime(seconds string) string {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n == 0 {
		return "                "
	}
	return time.Unix(n, 0).Format("2006-01-02 15:04")
}
