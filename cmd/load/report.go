package load

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Report is what a benchmark found.
type Report struct {
	Bench    string
	Settings map[string]string // the flags
	Machine  Machine
	figures  []figure
}

// figure is one number that was measured, so many times.
type figure struct {
	name, unit          string
	median, least, most float64
	rounds              int
}

// Add notes a figure by all its measurements: the median and the spread.
func (r *Report) Add(name, unit string, values ...float64) {
	if len(values) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(values))
	f := figure{name: name, unit: unit, least: sorted[0], most: sorted[len(sorted)-1], rounds: len(sorted)}
	f.median = sorted[len(sorted)/2]
	if len(sorted)%2 == 0 {
		f.median = (f.median + sorted[len(sorted)/2-1]) / 2
	}
	r.figures = append(r.figures, f)
}

// Object is the report for programs: each median under its name, least and most
// in spread where it was measured more than once.
func (r *Report) Object() map[string]any {
	o := map[string]any{"bench": r.Bench, "machine": r.Machine, "settings": r.Settings}
	units, spread := map[string]string{}, map[string][2]float64{}
	for _, f := range r.figures {
		o[f.name], units[f.name] = Rounded(f.median), f.unit
		if f.rounds > 1 {
			spread[f.name] = [2]float64{Rounded(f.least), Rounded(f.most)}
		}
	}
	o["units"], o["spread"] = units, spread
	return o
}

// Rounded keeps four digits of a number: no measurement here has more. What is no
// number becomes 0.
func Rounded(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0
	}
	if math.Abs(v) >= 1000 {
		return math.Round(v)
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

func plain(v float64) string { return strconv.FormatFloat(Rounded(v), 'f', -1, 64) }

// Heading prints what stands above the result of a benchmark: where, when and how.
func Heading(out io.Writer, bench string, m Machine, settings map[string]string) {
	fmt.Fprintf(out, "bench %s on %s, %d of %d cores, load %s, %s\n", bench, m.Processor, m.Used, m.Cores, m.Load, m.Build)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(out, "  --%s=%s", name, settings[name])
	}
	fmt.Fprintln(out)
}

// Table prints the report for people.
func (r *Report) Table(out io.Writer) error {
	Heading(out, r.Bench, r.Machine, r.Settings)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range r.figures {
		fmt.Fprintf(w, "%s\t%s\t%s", f.name, plain(f.median), f.unit)
		if f.rounds > 1 {
			fmt.Fprintf(w, "\t%s to %s in %d", plain(f.least), plain(f.most), f.rounds)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// Machine is where a figure was measured.
type Machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Used      int    `json:"gomaxprocs"`
	Load      string `json:"load"` // of the last minutes, when it was measured; "" when not known
	System    string `json:"system"`
	Build     string `json:"build"`
}

// ThisMachine describes where this process runs, and what was built.
func ThisMachine(build string) Machine {
	return Machine{
		Processor: processorName(), Cores: runtime.NumCPU(), Used: runtime.GOMAXPROCS(0), Load: systemLoad(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Build: build,
	}
}

// processorName is the kernel's name of the processor; "" where it is not known.
func processorName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func systemLoad() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
