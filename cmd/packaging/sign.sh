#!/bin/sh
# Writes SHA256SUMS of all files in a folder, and signs it with minisign when
# MINISIGN_KEY names a secret key. The key is never part of the repository.
#
#   MINISIGN_KEY=smallnano.key cmd/packaging/sign.sh FOLDER
#
# To check: minisign -V -p smallnano.pub -m SHA256SUMS && sha256sum -c SHA256SUMS
set -eu

cd "${1:?sign.sh: which folder?}"
rm -f SHA256SUMS SHA256SUMS.minisig
sums=$(find . -maxdepth 1 -type f -printf '%P\n' | LC_ALL=C sort | while IFS= read -r name; do
    sha256sum "$name"
done)
printf '%s\n' "$sums" >SHA256SUMS
if [ -n "${MINISIGN_KEY:-}" ]; then
    # A key without a password is for tests and for machines that keep it safe.
    minisign -S ${MINISIGN_NO_PASSWORD:+-W} -s "$MINISIGN_KEY" -m SHA256SUMS -t "smallnano ${VERSION:-unversioned}"
else
    echo "sign.sh: MINISIGN_KEY names no key: SHA256SUMS is not signed" >&2
fi
