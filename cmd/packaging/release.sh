#!/bin/sh
# Makes everything of a release in a folder: programs for all systems, manual
# pages and completions, container images, and checksums, signed when MINISIGN_KEY
# names a key (see sign.sh).
#
#   VERSION=v1.2.3 cmd/packaging/release.sh FOLDER
#
# TARGETS are what to build for, os/architecture with the ARM version behind it.
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "${1:?release.sh: which folder?}"
out=$(cd "$1" && pwd)
version=${VERSION:-$(git -C "$here" describe --always --dirty)}
targets=${TARGETS:-linux/amd64 linux/arm64 linux/arm/7 linux/386 darwin/amd64 darwin/arm64}

cd "$here"
# As "make build" does it: with stubs for what nobody uses, and without HTTP/2.
lean=$here/cmd/packaging/slim/go.work
for target in $targets; do
    os=${target%%/*} rest=${target#*/}
    architecture=${rest%%/*} arm=
    if [ "$architecture" != "$rest" ]; then arm=${rest#*/}; fi
    name=smallnano-$os-$architecture${arm:+v$arm}
    GOOS=$os GOARCH=$architecture GOARM=$arm CGO_ENABLED=0 GOWORK=$lean \
        go build -trimpath -tags nethttpomithttp2 -buildvcs=false -ldflags="-s -w -X main.release=$version" -o "$out/$name" ./cmd/smallnano
    if [ "$os" = linux ]; then
        cmd/packaging/image.sh "$out/$name" "$architecture" "$out/$name.image.tar"
    fi
done
# What is the same for all comes from a program that runs here.
go run ./cmd/smallnano man "$out"
for shell in bash zsh fish; do
    go run ./cmd/smallnano completion "$shell" >"$out/smallnano.$shell"
done
VERSION=$version cmd/packaging/sign.sh "$out"
ls -l "$out"
