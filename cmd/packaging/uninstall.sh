#!/bin/sh
# Removes what install.sh installed. The ledger and the keys are left in
# var/lib/private/smallnano unless --purge is given.
set -eu

root=${DESTDIR:-}
purge=no
case "${1:-}" in
    "") ;;
    --purge) purge=yes ;;
    *)
        echo "uninstall.sh: $1 is not an option; there is --purge" >&2
        exit 2
        ;;
esac
if [ -z "$root" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "uninstall.sh: must be run by root" >&2
        exit 1
    fi
    systemctl disable --now smallnano.service || true
fi
rm -f "$root/usr/local/bin/smallnano" "$root/usr/local/bin/smallnano.before" "$root/etc/systemd/system/smallnano.service" \
    "$root/usr/local/share/man/man1/smallnano.1" "$root/usr/local/share/man/man5/smallnano.toml.5" \
    "$root/usr/local/share/bash-completion/completions/smallnano"
if [ "$purge" = yes ]; then
    rm -rf "$root/var/lib/private/smallnano" "$root/var/lib/smallnano"
fi
if [ -z "$root" ]; then
    systemctl daemon-reload
fi
echo "removed"
