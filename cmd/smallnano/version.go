package main

import (
	"cmp"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
	"github.com/smallnano/smallnano/wire/rpc"
)

// release is the version of a release, which release.sh has the linker put here.
var release string

func runVersion(p *program, flags *flag.FlagSet, args []string) error {
	asJSON := flags.Bool("json", false, "print one JSON object")
	if err := parse(flags, args); err != nil {
		return err
	}
	b := build()
	if *asJSON {
		return p.show(true, map[string]any{
			"vendor": b.Vendor, "build_info": b.Info, "store_vendor": b.StoreVendor, "store_version": b.StoreVersion, "protocol_version": b.Protocol,
		}, nil)
	}
	_, err := fmt.Fprintf(p.out, "%s (%s; %s; schema %d; protocol %d)\n", b.Vendor, b.Info, b.StoreVendor, b.StoreVersion, b.Protocol)
	return err
}

// build tells what this program was built from, as far as the Go tool noted it.
func build() rpc.Build {
	number, commit := cmp.Or(strings.TrimPrefix(release, "v"), "0.0.0"), ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v, ok := strings.CutPrefix(info.Main.Version, "v"); ok {
			number = v
		}
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = "commit " + s.Value + commit
			case s.Key == "vcs.modified" && s.Value == "true":
				commit += " with changes"
			}
		}
	}
	about := []string{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	if commit != "" {
		about = append([]string{commit}, about...)
	}
	return rpc.Build{
		Vendor: "Smallnano V" + number, Info: strings.Join(about, ", "),
		StoreVendor: "SQLite " + sqlite.Version, StoreVersion: storage.SchemaVersion(),
		Protocol: wire.Version,
	}
}
