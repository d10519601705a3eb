package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/smallnano/smallnano/config"
)

// maxReportPart bounds each file of a report, in bytes; of a log the end is kept.
const maxReportPart = 1 << 20

// reportNote stands in every report.
const reportNote = `What a smallnano node and its machine were like when this was written. The keys and
the token of the node are taken out wherever they stand, and so is what looks like a key
or the words of a wallet. The addresses of peers are in it, and the names of folders:
look through it before you hand it on.
`

// bugReport gathers files and takes the secrets of a data folder out of them.
type bugReport struct {
	files   []reportFile
	secrets [][]byte
}

type reportFile struct {
	name string
	data []byte
}

// runReport is the command "report".
func runReport(p *program, flags *flag.FlagSet, args []string) error {
	dir := flags.String("data-dir", "", "data folder of the node")
	logFile := flags.String("log", "", "file with the log of the node, whose end is put in")
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return misused("want one file to write, for example report.tar.gz, not %d words", len(words))
	}
	var at []string
	if *dir != "" {
		at = []string{"--data-dir", *dir}
	}
	r := &bugReport{}
	r.add("README", []byte(reportNote))
	settings, origins, err := config.Explain(flag.NewFlagSet("report", flag.ContinueOnError), at, p.environ)
	r.note("settings", []byte(strings.Join(config.Table(origins), "\n")+"\n"), err)
	r.learn(settings.DataDir, settings.VotingKey)
	if running, err := p.runningSettings(settings.DataDir); err == nil { // which may have other flags
		for _, o := range running {
			if o.Name == "voting_key" {
				r.learn(o.Value)
			}
		}
	}
	r.command(p, "version", "version")
	r.command(p, "doctor", append([]string{"doctor"}, at...)...)
	r.command(p, "status.json", append([]string{"status", "--json"}, at...)...)
	r.folder(settings.DataDir)
	if c, err := clientOf(settings.DataDir); err == nil && c.url != "" {
		r.ask(c)
	}
	if *logFile != "" {
		data, err := tailOf(*logFile, maxReportPart)
		r.note("log", data, err)
	}
	var packed bytes.Buffer
	if err := r.pack(&packed, time.Now()); err != nil {
		return err
	}
	if err := newFile(words[0], packed.String()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s: %d files, %s; keys are taken out of it, addresses of peers are in it: look through it before you hand it on\n", words[0], len(r.files), bytesText(int64(packed.Len())))
	return err
}

func (r *bugReport) add(name string, data []byte) {
	r.files = append(r.files, reportFile{name, data})
}

// note adds what was found, and why there is no more.
func (r *bugReport) note(name string, data []byte, err error) {
	if err != nil {
		data = append(bytes.Clone(data), fmt.Sprintf("\nfailed: %v\n", err)...)
	}
	r.add(name, data)
}

// learn reads what must not be in the report: the secrets of data folders and of
// files. A key that stands where its file should be named is one, too.
func (r *bugReport) learn(places ...string) {
	for _, place := range places {
		text, err := config.ReadSmall(place)
		if info, gone := os.Stat(place); gone == nil && info.IsDir() {
			r.learn(filepath.Join(place, nodeKeyFile), filepath.Join(place, tokenFile))
			continue
		}
		if _, bare := parseSecret([]byte(place)); bare == nil {
			text, err = []byte(place), nil
		}
		if err != nil {
			continue
		}
		if secret := bytes.TrimSpace(text); len(secret) >= 16 && len(secret) <= 256 {
			r.secrets = append(r.secrets, bytes.ToLower(secret), bytes.ToUpper(secret), secret)
		}
	}
}

// command adds what a command of this program says.
func (r *bugReport) command(p *program, name string, args ...string) {
	var said bytes.Buffer
	sub := &program{out: &said, err: &said, environ: p.environ}
	sub.run(args)
	r.add(name, said.Bytes())
}

// folder lists the data folder.
func (r *bugReport) folder(dir string) {
	var b bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil {
			fmt.Fprintf(&b, "%v %12d %s %s\n", info.Mode(), info.Size(), info.ModTime().UTC().Format(time.RFC3339), path)
		}
		return err
	})
	r.note("folder", b.Bytes(), err)
}

// ask adds what a running node tells.
func (r *bugReport) ask(c *client) {
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	all := map[string]any{"peer_details": "true", "raw": "true"} // where an action has them
	for _, name := range []string{"health", "block_count", "peers", "confirmation_quorum", "bootstrap_status", "telemetry", "settings"} {
		answer, err := c.call(ctx, name, all)
		var pretty bytes.Buffer
		if err == nil {
			err = json.Indent(&pretty, answer, "", " ")
		}
		r.note("rpc/"+name+".json", pretty.Bytes(), err)
	}
	data, err := get(ctx, c.url+"/metrics")
	r.note("metrics", data, err)
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(io.LimitReader(response.Body, maxReportPart))
}

// tailOf returns the end of a file.
func tailOf(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(max(0, info.Size()-most), io.SeekStart); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, most))
	if info.Size() > most { // half a line could have half a key
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return data, err
}

// pack writes the report, secrets taken out.
func (r *bugReport) pack(to io.Writer, now time.Time) error {
	z := gzip.NewWriter(to)
	t := tar.NewWriter(z)
	for _, f := range r.files {
		data := r.clean(f.data)
		data = data[:min(len(data), maxReportPart)]
		err := t.WriteHeader(&tar.Header{Name: "smallnano-report/" + f.name, Mode: 0o600, Size: int64(len(data)), ModTime: now})
		if err == nil {
			_, err = t.Write(data)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}
