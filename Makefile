# The doors of the project. Each installs what it needs first (Scripts/install-prerequisites says what and why),
# then builds, then runs. Everything that could hang has a time limit.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# A crash without a terminal can leave Swift's backtracer hanging for ever, and with it whoever waits for the pipe.
export SWIFT_BACKTRACE := enable=no

.PHONY: help build install demo compose-demo compose-test compose-hosts test test-long test-optimized bench lint fuzz race

help: ## what the doors are (this text)
	@echo 'Bascule: replication and failover of libvirt guests.'
	@echo
	@sed -n 's/^\([a-z-]*\):.* *## \(.*\)$$/\1|\2/p' Makefile | while IFS='|' read -r door text; do \
	    printf '  make %-14s %s\n' "$$door" "$$text"; done

build: ## the executables as they are installed: optimized, and in no need of a Swift toolchain (about 10 minutes)
	@Scripts/install-prerequisites build
	@Scripts/build-release

install: ## puts them in place, with plugin, manual, completions, units and sample settings (DESTDIR=… PREFIX=/usr/local)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' FROM='$(FROM)' Scripts/install

demo: ## a real guest, two hosts, one machine: seeds, replicates, and proves a point (about 3 minutes after the build)
	@Scripts/install-prerequisites demo
	@Scripts/run-demo

compose-demo: ## the same story in containers: two sites, workers scaled out, a disaster (about 5 minutes after the build)
	@Scripts/install-prerequisites compose
	@Scripts/with-container-engine Scripts/run-compose-demo

compose-test: ## containers killed in the middle of everything, the network between the sites cut (SCENARIOS=…)
	@Scripts/install-prerequisites compose
	@Scripts/with-container-engine Scripts/run-compose-scenarios $(SCENARIOS)

compose-hosts: ## the agents in containers, the guests on two machines' own libvirt, as on real hosts
	@Scripts/install-prerequisites compose
	@Scripts/with-container-engine Scripts/run-compose-hosts

test: ## the test suite, with real guests; ends with a summary that names what was skipped
	@Scripts/install-prerequisites test
	@Scripts/run-tests

test-long: ## the long scenarios with real guests: kills, fences, freezes, a tebibyte, and ways back from everything
	@Scripts/install-prerequisites test
	@Scripts/run-tests --long

test-optimized: ## the tests of sealing, delta logs and replicas, compiled as they are released
	@Scripts/install-prerequisites test
	@Scripts/run-optimized-tests

bench: ## the speed figures, written to .build/bench.json
	@Scripts/install-prerequisites bench
	@Scripts/run-benchmarks

lint: ## formatting, generated code, warnings as errors, house rules
	@Scripts/install-prerequisites lint
	@Scripts/run-lint

fuzz: ## the decoders against random input (SECONDS_EACH=60)
	@Scripts/install-prerequisites fuzz
	@Scripts/run-fuzz

race: ## the message bus under ThreadSanitizer
	@Scripts/install-prerequisites race
	@Scripts/run-race
