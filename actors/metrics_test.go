package actors

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// Lines of the text format, as strict as its description.
var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-z_:][a-z0-9_:]*) (\S.*\.)$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge)$`)
	sampleLine = regexp.MustCompile(`^([a-z_:][a-z0-9_:]*)(?:\{([a-z_]+="[a-z_0-9]+"(?:,[a-z_]+="[a-z_0-9]+")*)\})? (\S+)$`)
)

// readMetrics is a parser of the text format that refuses all that a scraper
// or its linter would: it returns the value of each sample.
func readMetrics(text string) (map[string]float64, error) {
	values, closed := map[string]float64{}, map[string]bool{}
	name, kind := "", ""
	if !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line does not end")
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "# HELP "):
			m := helpLine.FindStringSubmatch(line)
			if m == nil || closed[m[1]] {
				return nil, fmt.Errorf("line %d: help %q", i+1, line)
			}
			closed[m[1]] = true
			name, kind = m[1], ""
		case strings.HasPrefix(line, "# TYPE "):
			m := typeLine.FindStringSubmatch(line)
			if m == nil || m[1] != name || kind != "" || strings.HasSuffix(name, "_total") != (m[2] == "counter") {
				return nil, fmt.Errorf("line %d: type %q", i+1, line)
			}
			kind = m[2]
		default:
			m := sampleLine.FindStringSubmatch(line)
			if m == nil || m[1] != name || kind == "" {
				return nil, fmt.Errorf("line %d: sample %q of %s", i+1, line, name)
			}
			key := m[1] + "{" + m[2] + "}"
			if _, twice := values[key]; twice {
				return nil, fmt.Errorf("line %d: %s is there twice", i+1, key)
			}
			v, err := strconv.ParseFloat(m[3], 64)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			values[key] = v
		}
	}
	return values, nil
}

func TestReadMetrics(t *testing.T) {
	const head = "# HELP a Of a.\n# TYPE a gauge\n"
	for text, want := range map[string]bool{
		head + "a 1\n": true, head + "a{x=\"y\"} 1e+06\na{x=\"z\"} NaN\n": true,
		head + "a 1": false, "a 1\n": false, head + "a 1\na 1\n": false, head + "b 1\n": false, head + "a{x=y} 1\n": false,
		head + "a x\n": false, head + "a_total 1\n": false, "# HELP a_total Of a.\n# TYPE a_total gauge\na_total 1\n": false,
		"# HELP a Of a.\n# TYPE a counter\na 1\n": false, head + head: false, "# HELP a\n# TYPE a gauge\n": false, "\n": false,
	} {
		if _, err := readMetrics(text); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestActorMetrics(t *testing.T) {
	actors := []rpc.ActorHealth{{Name: rootName, State: rpc.ActorRunning}}
	for i := range 3 {
		actors = append(actors, rpc.ActorHealth{
			Name: fmt.Sprint("c", i), Parent: rootName + "/" + namePeers, State: rpc.ActorRunning, Restarts: 1, P99: int64(i * 1000),
			Mailbox: rpc.MailboxStats{Depth: int64(i), Capacity: 10, Handled: 5, Oldest: 1500},
		})
	}
	actors = append(actors, rpc.ActorHealth{Name: nameClock, Parent: rootName, State: rpc.ActorBackingOff, Restarts: 7})
	var out bytes.Buffer
	for _, m := range append(budgetMetrics(append(budget(Usage{RSS: 5, FDs: 9}, 12, 7, targetDisk), peerBudget(make([]peerView, 2))...)), actorMetrics(actors)...) {
		m.write(&out)
	}
	values, err := readMetrics(out.String())
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	for key, want := range map[string]float64{
		`smallnano_actor_running{actor="peer"}`:                     3,
		`smallnano_actor_running{actor="clock"}`:                    0,
		`smallnano_actor_restarts_total{actor="clock"}`:             7,
		`smallnano_mailbox_depth{actor="peer"}`:                     3,
		`smallnano_mailbox_capacity{actor="peer"}`:                  30,
		`smallnano_mailbox_oldest_seconds{actor="peer"}`:            1.5,
		`smallnano_handling_p99_seconds{actor="peer"}`:              0.002,
		`smallnano_budget_used{resource="rss",unit="bytes"}`:        5,
		`smallnano_budget_target{resource="rss",unit="bytes"}`:      targetRSS,
		`smallnano_budget_used{resource="cpu",unit="percent"}`:      12,
		`smallnano_budget_used{resource="disk",unit="bytes"}`:       7,
		`smallnano_budget_used{resource="fds",unit="count"}`:        9,
		`smallnano_budget_used{resource="goroutines",unit="count"}`: 0,
		`smallnano_budget_target{resource="disk",unit="bytes"}`:     targetDisk,
	} {
		if got, ok := values[key]; !ok || got != want {
			t.Errorf("%s is %v (there: %t), want %v", key, got, ok, want)
		}
	}
	for _, key := range []string{`smallnano_actor_restarts_total{actor="peer"}`, `smallnano_budget_target{resource="fds",unit="count"}`} {
		if _, ok := values[key]; ok {
			t.Errorf("%s is there", key)
		}
	}
}

func TestCoins(t *testing.T) {
	if got := coins(lattice.Supply); got < 9_999_999.999 || got > 10_000_000.001 {
		t.Errorf("the supply is %v coins", got)
	}
	if got := coins(lattice.Amount{}); got != 0 {
		t.Errorf("nothing is %v coins", got)
	}
}
