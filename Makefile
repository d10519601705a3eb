# Every step of building, testing and checking, the same by hand and in CI.
# "make" lists them.

GO        ?= go
FUZZTIME  ?= 20s
ARGS      ?=
BENCH     ?= .
# One package is given this long; the slowest takes a few minutes on two cores.
TIMEOUT   ?= 15m

TEST      := $(GO) test -count=1 -timeout $(TIMEOUT)
TOOL      := $(GO) tool -modfile=cmd/tools/go.mod
STATIC    := CGO_ENABLED=0
# What is given away: no names for a debugger, no HTTP/2, and stubs for what the
# actor library brings and nobody uses. actors/adr/0018-lean-build.md has the figures.
STRIPPED  := -trimpath -tags nethttpomithttp2 -ldflags=-s\ -w
LEAN      := GOWORK=$(CURDIR)/cmd/packaging/slim/go.work

# The packages that start goroutines or lock, or drive those that do. actors/core
# and messages have neither, which testkit/archtest checks.
RACE      := ./actors ./actors/mailbox ./actors/supervise ./wire/... ./storage ./crypto/work ./testkit/sim/... ./testkit/e2e/... ./cmd/... ./config

# What "make size" builds: os/architecture, with the ARM version behind it.
TARGETS   := linux/amd64 linux/arm64 linux/arm/7 linux/386 darwin/amd64 darwin/arm64

.DEFAULT_GOAL := help
.PHONY: help build load run test vet plain race 386 arm release reproducible lint fmtcheck tools linters archtest fmt fuzz sim sim-mutants bench bench-baseline bench-compare instructions size weigh kills clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/smallnano: static, stripped, paths left out
	$(STATIC) $(LEAN) $(GO) build $(STRIPPED) -o bin/smallnano ./cmd/smallnano

load: ## build bin/smallnano-load, which offers blocks to nodes that run
	$(GO) build -o bin/smallnano-load ./cmd/smallnano-load

run: build ## three nodes and a confirmed transfer; ARGS="--once" ends after it
	bin/smallnano devnet --nodes 3 --dir .devnet $(ARGS)

test: vet plain race 386 ## all tests: plainly, with the race detector, and on 32 bits
	@echo "== all tests passed"

vet: ## go vet
	@echo "== vet"
	$(GO) vet ./...

plain: ## the tests once, uncached
	@echo "== tests"
	$(TEST) ./...

race: ## the tests of everything with goroutines under the race detector (needs a C compiler)
	@echo "== tests with the race detector"
	CGO_ENABLED=1 $(TEST) -race $(RACE)

386: ## the tests as a 32-bit program
	@echo "== tests on 32 bits"
	$(STATIC) GOARCH=386 $(TEST) ./...

# What has no goroutines of its own, and the ledger: what differs with the machine.
CORE      := ./config ./crypto/... ./messages/... ./actors/core/... ./wire ./storage

arm: ## the core packages and three nodes as ARM v7 programs (needs qemu-user-static elsewhere)
	@echo "== tests on ARM v7"
	@$(STATIC) GOOS=linux GOARCH=arm GOARM=7 $(GO) test -run '^$$' ./messages/lattice >/dev/null || { \
		echo "programs for ARM do not run here: install qemu-user-static and binfmt-support"; exit 1; }
	$(STATIC) GOOS=linux GOARCH=arm GOARM=7 $(TEST) -timeout 40m $(CORE)
	$(STATIC) $(LEAN) GOOS=linux GOARCH=arm GOARM=7 $(GO) build $(STRIPPED) -o bin/smallnano-armv7 ./cmd/smallnano
	bin/smallnano-armv7 devnet --nodes 3 --dir .devnet/arm --once

release: ## programs, images, manual and checksums of all targets in bin/release
	cmd/packaging/release.sh bin/release

reproducible: ## build twice in different folders and compare the bytes
	cmd/packaging/reproducible.sh

lint: fmtcheck vet archtest linters ## formatting, vet, import rule, staticcheck, golangci-lint

fmtcheck: ## fail on files that are not formatted
	@echo "== gofmt"
	@unformatted=$$(gofmt -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; fi

archtest: ## the import rule and the shape of the repository
	@echo "== archtest"
	$(TEST) ./testkit/archtest

linters: ## staticcheck and golangci-lint
	@echo "== staticcheck"
	$(TOOL) staticcheck -checks inherit,-ST1005,-ST1012 ./...
	@echo "== golangci-lint"
	$(TOOL) golangci-lint run

tools: ## fetch and build the linters
	@for tool in staticcheck golangci-lint; do \
		echo "$(TOOL) -n $$tool"; $(TOOL) -n $$tool >/dev/null || exit 1; done

fmt: ## format all files
	gofmt -w .

fuzz: ## run every fuzz target for FUZZTIME (20s)
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file target; do \
		echo "== $$(dirname $$file) $${target#func }"; \
		$(GO) test -run '^$$' -fuzz "^$${target#func }\$$" -fuzztime $(FUZZTIME) $$(dirname $$file) </dev/null || exit 1; \
	done

KILLS     ?= 200

kills: ## kill a loaded node KILLS times with kill -9 and audit its ledger after each (200)
	SMALLNANO_KILL_ROUNDS=$(KILLS) $(TEST) -run '^TestKills$$' -v -timeout 2h ./testkit/e2e

# SIM_SEEDS seeds are always the same, SIM_FRESH follow from where the clock says.
SIM_SEEDS ?= 300
SIM_FRESH ?= 200

sim: ## all scenarios, fixed seeds and fresh ones, of the simulator
	$(GO) build -o bin/smallnano-sim ./cmd/smallnano-sim
	bin/smallnano-sim --scenario all --quiet
	bin/smallnano-sim --seeds 1-$(SIM_SEEDS) --quiet
	@first=$$(( $$(date +%s) * 1000 )); last=$$(( first + $(SIM_FRESH) - 1 )); \
	echo "== fresh seeds $$first-$$last"; \
	bin/smallnano-sim --seeds $$first-$$last --quiet

sim-mutants: ## plant faults and see that the simulator finds each (takes long)
	$(GO) build -o bin/smallnano-sim ./cmd/smallnano-sim
	bin/smallnano-sim --mutants testkit/sim/mutants

bench: ## run the benchmarks; BENCH=name chooses
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

# What the fast benchmarks of "make bench-compare" are, and where their figures of
# an earlier day stand. They hold for one machine: make your own first.
COMPARED   := ./actors/mailbox ./wire ./crypto/work
BASELINE   ?= cmd/smallnano/testdata/benchmarks.txt
BENCHCOUNT ?= 6
MEASURE    := $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime 20ms -count $(BENCHCOUNT) $(COMPARED)

bench-baseline: ## note the figures that bench-compare compares with
	$(MEASURE) >$(BASELINE).new || { cat $(BASELINE).new; rm $(BASELINE).new; exit 1; }
	mv $(BASELINE).new $(BASELINE)

bench-compare: ## run the fast benchmarks and compare with the baseline; BENCH=name chooses
	@mkdir -p bin
	$(MEASURE) >bin/benchmarks.txt || { cat bin/benchmarks.txt; exit 1; }
	$(TOOL) benchstat $(BASELINE) bin/benchmarks.txt

instructions: ## count the instructions of signatures, votes, blocks and work (needs qemu-user with plugins)
	cmd/tools/instructions/count.sh

# The most bytes of a stripped static binary, 3 % above what it had last: more is a
# mistake, somebody brought in something heavy. Raise it with the reason in the commit.
SIZE-linux/amd64  := 16640000
SIZE-linux/arm64  := 15260000
SIZE-linux/arm/7  := 15800000
SIZE-linux/386    := 15710000
SIZE-darwin/amd64 := 16990000
SIZE-darwin/arm64 := 15650000

size: ## table of the sizes of stripped static binaries; fails above their budgets
	@printf '%-14s %10s %8s %10s\n' target bytes MB budget; \
	for sized in $(foreach target,$(TARGETS),$(target)=$(SIZE-$(target))); do \
		target=$${sized%=*} most=$${sized#*=}; \
		IFS=/ read -r os arch arm <<<"$$target"; \
		out=bin/size/smallnano-$$(echo $$target | tr / -); \
		GOOS=$$os GOARCH=$$arch GOARM=$$arm $(STATIC) $(LEAN) $(GO) build $(STRIPPED) -o $$out ./cmd/smallnano || exit 1; \
		bytes=$$(wc -c <$$out); \
		printf '%-14s %10d %8s %10s\n' $$target $$bytes $$(echo "$$bytes" | awk '{ printf "%.1f", $$1/1000000 }') "$$most"; \
		if [ $$bytes -gt "$${most:-0}" ]; then echo "$$target is above its budget, or has none: see SIZE-$$target in the Makefile"; exit 1; fi; \
	done

# Code and constants by module; the standard library by its package.
weigh: ## what the program is made of: the ten heaviest parts of each target, in kB
	@for target in $(TARGETS); do \
		IFS=/ read -r os arch arm <<<"$$target"; \
		GOOS=$$os GOARCH=$$arch GOARM=$$arm $(STATIC) $(LEAN) $(GO) build -trimpath -tags nethttpomithttp2 -o bin/size/weighed ./cmd/smallnano || exit 1; \
		echo "$$target"; \
		$(GO) tool nm -size bin/size/weighed | awk '$$3 ~ /^[TtRr]$$/ { \
			name = $$4; sub(/^(go:itab\.\*?|go:|type:[.a-z]*\*?)/, "", name); sub(/[[({].*/, "", name); \
			n = split(name, part, "/"); sub(/\..*/, "", part[n]); package = part[1]; \
			most = part[1] ~ /\./ && part[1] != "vendor" ? 3 : 2; \
			for (i = 2; i <= n && i <= most; i++) package = package "/" part[i]; \
			sum[package] += $$2 } END { for (p in sum) printf "  %8.0f %s\n", sum[p] / 1000, p }' | sort -rn | head; \
	done

clean: ## remove what was built and the nodes of make run
	rm -rf bin .devnet/node-* .devnet/arm

SHELL := /bin/bash
