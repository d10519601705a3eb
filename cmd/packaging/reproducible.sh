#!/bin/sh
# Builds the program twice, from two copies of the tree in different folders
# and without a build cache in common, and compares the bytes.
#
#   cmd/packaging/reproducible.sh [PACKAGE]
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
package=${1:-./cmd/smallnano}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

commit=$(git -C "$here" rev-parse HEAD) # the tree may move on meanwhile
for n in one two; do
    mkdir -p "$folder/$n/tree"
    (cd "$here" && git archive "$commit") | tar -x -C "$folder/$n/tree"
    (cd "$folder/$n/tree" && GOCACHE="$folder/$n/cache" CGO_ENABLED=0 GOWORK="$PWD/cmd/packaging/slim/go.work" \
        go build -trimpath -tags nethttpomithttp2 -buildvcs=false -ldflags='-s -w' -o "$folder/$n/smallnano" "$package")
done
if ! cmp "$folder/one/smallnano" "$folder/two/smallnano"; then
    echo "reproducible.sh: two builds of the same source differ" >&2
    exit 1
fi
echo "the same bytes twice: $(sha256sum <"$folder/one/smallnano" | cut -d ' ' -f 1)"
