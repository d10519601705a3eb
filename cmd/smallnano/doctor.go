package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// What a doctor finds healthy.
const (
	healthyDisk  = 1 << 30                // bytes free
	healthySync  = 100 * time.Millisecond // to have 4 kB on the disk
	healthyFiles = 512                    // open files that are allowed
	healthyWork  = 30 * time.Second       // for the work of a send
	healthyClock = 10 * time.Second       // from the peers' median
	syncRounds   = 8
	workTime     = 300 * time.Millisecond // that the speed is measured
	auditBytes   = 64 << 20               // largest ledger that is audited without being asked
)

// earliest is a day that has passed: a clock before it was never set.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Verdicts of a doctor.
const (
	healthy = "ok"
	ailing  = "warn"
	sick    = "FAIL"
)

// finding is one thing that was looked at.
type finding struct {
	What    string `json:"what"`
	Verdict string `json:"verdict"`
	Text    string `json:"text"`
	Fix     string `json:"fix,omitempty"`
}

// doctor looks at a node and its machine.
type doctor struct {
	settings config.Config
	network  *lattice.Network
	node     *client // nil: none runs
	findings []finding
}

func (d *doctor) note(what, verdict, text, fix string) {
	d.findings = append(d.findings, finding{what, verdict, text, fix})
}

// judge notes a finding that is healthy or has a fix.
func (d *doctor) judge(what string, good bool, verdict, text, fix string) {
	if good {
		verdict, fix = healthy, ""
	}
	d.note(what, verdict, text, fix)
}

// runDoctor is the command "doctor".
func runDoctor(p *program, flags *flag.FlagSet, args []string) error {
	asJSON := flags.Bool("json", false, "print one JSON object")
	settings, err := config.Load(flags, args, p.environ)
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	d := &doctor{settings: settings}
	if err != nil {
		d.note("settings", sick, err.Error(), "correct it; \"smallnano config show\" tells where each value comes from")
	} else {
		d.examine()
	}
	sickness := 0
	for _, f := range d.findings {
		if f.Verdict == sick {
			sickness++
		}
	}
	if *asJSON {
		encoder := json.NewEncoder(p.out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(map[string]any{"schema": 1, "findings": d.findings})
	} else {
		err = d.print(p)
	}
	if err == nil && sickness > 0 {
		err = fmt.Errorf("%d findings keep the node from working", sickness)
	}
	return err
}

func (d *doctor) print(p *program) error {
	for _, f := range d.findings {
		fmt.Fprintf(p.out, "%-4s  %-12s %s\n", f.Verdict, f.What, firstLine(f.Text))
		if f.Fix != "" {
			fmt.Fprintf(p.out, "      %-12s -> %s\n", "", f.Fix)
		}
	}
	return nil
}

func (d *doctor) examine() {
	network, err := checkSettings(&d.settings)
	if err != nil {
		d.note("settings", sick, err.Error(), "correct it; \"smallnano config show\" tells where each value comes from")
		return
	}
	d.network = network
	d.note("settings", healthy, fmt.Sprintf("network %s, data in %s", network.Name, d.settings.DataDir), "")
	if c, err := clientOf(d.settings.DataDir); err == nil && c.url != "" {
		d.node = c
	}
	d.clock()
	if d.folder() {
		d.disk()
		d.syncSpeed()
	}
	d.files()
	d.memory()
	d.workSpeed()
	d.database()
	if d.node == nil {
		d.note("node", ailing, "none runs on this data folder", "start it with \"smallnano node run\"")
		d.ports()
		return
	}
	d.running()
}

func (d *doctor) clock() {
	now := time.Now()
	d.judge("clock", now.After(earliest), sick, "it is "+now.UTC().Format(time.RFC3339), "set the clock and let a time service keep it")
}

// folder looks at the data folder and reports whether files can be written there.
func (d *doctor) folder() bool {
	info, err := os.Stat(d.settings.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		d.note("folder", healthy, "is not there yet; the first start makes it", "")
		return false
	}
	if err != nil || !info.IsDir() {
		d.note("folder", sick, fmt.Sprintf("%s is no folder that can be read: %v", d.settings.DataDir, err), "choose another with --data-dir")
		return false
	}
	mode := info.Mode().Perm()
	d.judge("folder", !modesMatter || mode&0o077 == 0, ailing, fmt.Sprintf("mode %v", mode), "others may look at the keys: chmod 700 "+d.settings.DataDir)
	for _, path := range openSecrets(d.settings.DataDir) { // a folder may have been closed too late
		d.note("secrets", ailing, "others can read "+path, closeText(path))
	}
	return true
}

func (d *doctor) disk() {
	free, size := diskSpace(d.settings.DataDir)
	if size > 0 {
		d.judge("disk", free >= healthyDisk, ailing, bytesText(free)+" free of "+bytesText(size), "free some space: a node that has too little writes nothing any more")
	}
}

// syncSpeed measures how long it takes until something is on the disk: before
// every final vote that is waited for.
func (d *doctor) syncSpeed() {
	f, err := os.CreateTemp(d.settings.DataDir, ".doctor-*")
	if err != nil {
		d.note("fsync", sick, "nothing can be written: "+err.Error(), "check owner and mode of the data folder, and that the disk is not full")
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	took := make([]time.Duration, syncRounds)
	for i := range took {
		began := time.Now()
		_, err := f.Write(make([]byte, 4096))
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			d.note("fsync", sick, "writing failed: "+err.Error(), "check the disk")
			return
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	median := took[syncRounds/2]
	d.judge("fsync", median <= healthySync, ailing, fmt.Sprintf("%v until 4 kB are on the disk", median.Round(10*time.Microsecond)),
		"a representative waits this long before each final vote: use a faster disk, or vote elsewhere")
}

func (d *doctor) files() {
	if limit := openFileLimit(); limit > 0 {
		d.judge("files", limit >= healthyFiles, ailing, fmt.Sprintf("%d may be open", limit), fmt.Sprintf("raise the limit with ulimit -n %d or LimitNOFILE", healthyFiles))
	}
}

// memory compares what is available with what the node may use.
func (d *doctor) memory() {
	available := availableMemory()
	if available == 0 {
		return
	}
	need := int64(max(d.settings.MemoryLimitMB, 64)) << 20
	d.judge("memory", available >= need || d.node != nil, ailing, bytesText(available)+" available", "the node may use "+bytesText(need)+": end other programs or lower memory_limit_mb")
}

// availableMemory reads what Linux says; 0 where it is not known.
func availableMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "MemAvailable:" {
			kb, _ := strconv.ParseInt(fields[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// workSpeed measures how many values this machine tries in a second, and says
// how long a send takes with one thread.
func (d *doctor) workSpeed() {
	ctx, cancel := context.WithTimeout(context.Background(), workTime)
	defer cancel()
	const threshold = ^uint64(0) - 1<<50 // one in 2^14
	var root [32]byte
	var tried float64
	began := time.Now()
	for ctx.Err() == nil {
		root[0]++
		nonce, err := work.Search(ctx, root, threshold, 0, 1)
		if err != nil {
			break
		}
		tried += float64(nonce) + 1
	}
	tried = max(tried, 1<<10)
	perSecond := tried / time.Since(began).Seconds()
	send := float64(1<<63) * 2 / float64(-d.network.SendThreshold) / perSecond
	took := time.Duration(send * float64(time.Second))
	d.judge("work", took <= healthyWork, ailing, fmt.Sprintf("about %.1f million values a second, %v for a send", perSecond/1e6, took.Round(time.Millisecond)),
		"ask another machine for work, or set work_threads")
}

// database audits a small ledger and looks whether a large one can be read.
func (d *doctor) database() {
	path := filepath.Join(d.settings.DataDir, ledgerFile)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.note("ledger", healthy, "is not there yet; the node fetches it from its peers", "")
		return
	case err != nil:
		d.note("ledger", sick, err.Error(), "check owner and mode of the file")
		return
	case info.Size() > auditBytes:
		d.note("ledger", healthy, bytesText(info.Size())+"; not audited here, which takes a while: \"smallnano ledger check\"", "")
		return
	}
	findings, err := storage.Audit(path, storeOptions(d.network), func(checks []crypto.Check) []bool { return crypto.VerifyBatch(checks, rand.Reader) })
	if err != nil {
		d.note("ledger", sick, err.Error(), "check owner and mode of the data folder and that its file system can be written; if the file is damaged, restore a backup")
		return
	}
	d.judge("ledger", len(findings) == 0, sick, fmt.Sprintf("%s, %d findings", bytesText(info.Size()), len(findings)),
		strings.Join(findings, "; ")+": restore a backup, or move the file away and the node fetches the ledger again")
}

// ports looks whether a node that starts now could have its ports.
func (d *doctor) ports() {
	for _, port := range []struct {
		name, address string
		number        int
	}{{"peering_port", d.settings.ListenAddress, d.settings.PeeringPort}, {"rpc_port", d.settings.RPCAddress, d.settings.RPCPort}} {
		address := net.JoinHostPort(port.address, strconv.Itoa(port.number))
		l, err := net.Listen("tcp", address)
		if err == nil {
			_ = l.Close()
		}
		d.judge(port.name, err == nil, sick, address+portText(err), "stop the program that has it, or set another "+port.name)
	}
}

func portText(err error) string {
	if err == nil {
		return " is free"
	}
	return ": " + err.Error()
}

// running asks the node.
func (d *doctor) running() {
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	o, err := d.node.look(ctx)
	if err != nil {
		d.note("node", sick, "does not answer at "+d.node.url+": "+err.Error(), "look at its log; if none runs, remove "+filepath.Join(d.settings.DataDir, urlFile))
		d.ports()
		return
	}
	d.judge("node", o.Ready, ailing, fmt.Sprintf("%s, ready: %t", o.State, o.Ready), strings.Join(o.Reasons, "; "))
	d.judge("peers", len(o.Peers) > 0, ailing, o.peersText(), "give the address of another node with --peer, and let connections to other machines through")
	var v struct {
		Genesis string `json:"network_identifier"`
	}
	if err := d.node.ask(ctx, "version", nil, &v); err == nil {
		d.judge("genesis", v.Genesis == d.network.GenesisHash.String(), sick, v.Genesis, "the node runs another network than the settings say: restart it")
	}
	d.peersClock(ctx)
}

// peersClock compares the clock with what the peers tell.
func (d *doctor) peersClock(ctx context.Context) {
	var v struct {
		Metrics []struct {
			Timestamp string `json:"timestamp"` // milliseconds since 1970
		} `json:"metrics"`
	}
	if err := d.node.ask(ctx, "telemetry", map[string]any{"raw": "true"}, &v); err != nil || len(v.Metrics) == 0 {
		return
	}
	var behind []time.Duration
	for _, m := range v.Metrics {
		if ms, err := strconv.ParseInt(m.Timestamp, 10, 64); err == nil {
			behind = append(behind, time.Since(time.UnixMilli(ms)))
		}
	}
	if len(behind) == 0 {
		return
	}
	slices.Sort(behind)
	median := behind[len(behind)/2] // what they said may be a minute old
	d.judge("time", median > -healthyClock && median < 2*time.Minute+healthyClock, ailing,
		fmt.Sprintf("peers told their time %v ago by this clock", median.Round(time.Second)), "let a time service keep the clock")
}
