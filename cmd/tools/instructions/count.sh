#!/bin/sh
# Counts the instructions that the node's work costs, by the difference of two
# lengths of the same benchmark: what starts and ends a program cancels out, and
# what else runs on the machine does not show. Usage: count.sh [arm|386|amd64]...
# Needs qemu-user with plugins (Debian's qemu-user, not qemu-user-static; in QEMU:
# its folder, if it is not in PATH) and a C compiler. The block as a whole starts
# programs of its own: for arm, the kernel has to be able to run them.
set -eu
cd "$(dirname "$0")/../../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${CC:-cc}" -O2 -shared -fPIC -o "$dir/plugin.so" cmd/tools/instructions/plugin.c
export CGO_ENABLED=0 GOOS=linux GOARM=7

# counted PROGRAM ARGUMENTS... prints how many instructions a program ran: on one
# processor and without collecting garbage, which comes at any time.
counted() {
	GOMAXPROCS=1 GOGC=off GODEBUG=asyncpreemptoff=1 "${QEMU:+$QEMU/}qemu-$machine" -plugin "$dir/plugin.so" -d plugin -D "$dir/count" "$@" >"$dir/out" 2>&1 || return 1
	sed -n 's/^instructions: //p' "$dir/count"
}

# row NAME ITEMS FEW MANY PROGRAM ARGUMENTS...: in the arguments @ stands for FEW,
# then for MANY, which is ITEMS more work. A program that fails has no figure: old
# versions of qemu-i386 do not get threads right, and need no signals between them.
row() {
	name=$1 items=$2 few=$3 many=$4 each=-
	shift 4
	args=$(printf ' %s' "$@")
	# shellcheck disable=SC2046,SC2086 # no argument has a space
	if few=$(counted $(echo "$args" | sed "s/@/$few/")) && many=$(counted $(echo "$args" | sed "s/@/$many/")); then
		each=$(((many - few) / items))
	else
		tail -n 3 "$dir/out" >&2
	fi
	printf '%-6s %-44s %12s\n' "$arch" "$name" "$each"
}

[ $# -gt 0 ] || set -- arm 386 amd64
for arch in "$@"; do
	case $arch in arm) machine=arm ;; 386) machine=i386 ;; amd64) machine=x86_64 ;; *) echo "count.sh: $arch is not arm, 386 or amd64" >&2; exit 2 ;; esac
	for package in crypto crypto/work storage; do
		GOARCH=$arch go test -c -o "$dir/$(basename "$package").test" "./$package"
	done
	GOARCH=$arch go build -o "$dir/smallnano" ./cmd/smallnano
	row 'a signature' 100 100x 200x "$dir/crypto.test" -test.run ^$ -test.bench Verify$ -test.benchtime @
	row 'a signature in a batch of 64' 1280 10x 30x "$dir/crypto.test" -test.run ^$ -test.bench VerifyBatch/keys=64$ -test.benchtime @
	for hashes in 1 12 255; do
		row "a vote about $hashes, read and verified, of 64" 1280 1 21 "$dir/smallnano" bench votes --votes 64 --hashes $hashes --rounds @
	done
	row 'a block inserted and confirmed, 1024 a commit' 6144 2048x 8192x "$dir/storage.test" -test.run ^$ -test.bench Insert/batch=1024$ -test.benchtime @
	row 'a block verified and inserted, 4096 a commit' 8192 8192 16384 "$dir/smallnano" bench ledger --batch 4096 --blocks @
	row '... of these the insertion' 8192 8192 16384 "$dir/smallnano" bench ledger --signatures 0 --batch 4096 --blocks @
	row 'a work value, x/crypto' 100000 100000x 200000x "$dir/work.test" -test.run ^$ -test.bench ValueReference$ -test.benchtime @
	row 'a work value, portable kernel' 100000 100000x 200000x "$dir/work.test" -test.run ^$ -test.bench Kernels/portable$ -test.benchtime @
	row 'the work of a block checked' 100000 100000x 200000x "$dir/work.test" -test.run ^$ -test.bench Value$ -test.benchtime @
done
