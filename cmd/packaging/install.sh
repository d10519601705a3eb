#!/bin/sh
# Installs a node that was built with "make build" as a service of systemd.
# Run it again to upgrade: the program is replaced as a whole and kept as
# smallnano.before, the data folder is left alone. OPERATING.md tells how to go
# back.
#
#   sudo cmd/packaging/install.sh [PROGRAM]
#
# DESTDIR puts everything below another folder and starts nothing.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../../bin/smallnano}
root=${DESTDIR:-}

if [ ! -x "$program" ]; then
    echo "install.sh: $program is not there: run \"make build\" first, or name the program" >&2
    exit 1
fi
"$program" version
if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    echo "install.sh: must be run by root" >&2
    exit 1
fi

mkdir -p "$root/usr/local/bin" "$root/etc/systemd/system"
# A program that runs cannot be written over, but another can take its name.
install -m 0755 "$program" "$root/usr/local/bin/.smallnano.new"
if [ -e "$root/usr/local/bin/smallnano" ]; then
    cp -p "$root/usr/local/bin/smallnano" "$root/usr/local/bin/smallnano.before"
fi
mv -f "$root/usr/local/bin/.smallnano.new" "$root/usr/local/bin/smallnano"
install -m 0644 "$here/smallnano.service" "$root/etc/systemd/system/smallnano.service"

# Manual pages and completions come from the program itself.
mkdir -p "$root/usr/local/share/man/man1" "$root/usr/local/share/man/man5" "$root/usr/local/share/bash-completion/completions"
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
"$program" man "$pages" >/dev/null
install -m 0644 "$pages/smallnano.1" "$root/usr/local/share/man/man1/smallnano.1"
install -m 0644 "$pages/smallnano.toml.5" "$root/usr/local/share/man/man5/smallnano.toml.5"
"$program" completion bash >"$root/usr/local/share/bash-completion/completions/smallnano"

if [ -n "$root" ]; then
    echo "installed below $root"
    exit 0
fi
systemctl daemon-reload
systemctl enable smallnano.service
systemctl restart smallnano.service
echo "installed; smallnano status --url http://127.0.0.1:7177 tells how it is"
