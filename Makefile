# Every verb sets itself up: what it needs and is missing is installed first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
CARGO  := cargo
LOCKED := --locked
FUZZ_SECONDS ?= 60
export PATH := $(HOME)/.cargo/bin:$(PATH)

.PHONY: help demo run test check dist bench soak fuzz setup-build setup-peers setup-bench fmt

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What a verb prints belongs to it: what is done before goes to standard error.
demo: setup-build ## Phone the agent on this machine: node, SIP, agent, recording
	@$(CARGO) build --profile demo $(LOCKED) -p trunkline >&2
	@$$(scripts/bin demo) models install >&2
	@$$(scripts/bin demo) demo $(ARGS)

run: setup-build ## Run the daemon with development keys on loopback
	@$(CARGO) build --profile demo $(LOCKED) -p trunkline >&2
	@$$(scripts/bin demo) models install >&2
	@$$(scripts/bin demo) serve --dev

test: setup-build setup-peers ## Run every test, real peers included
	@# Everything in one build: the binary and the tests then share each dependency.
	$(CARGO) build $(LOCKED) --workspace --all-targets
	@$$(scripts/bin debug) models install
	scripts/test

check: setup-build ## Format, lints, house rules, docs
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --workspace --no-deps --quiet

dist: setup-build ## Build what is shipped: the binary, and its line tables in a file beside it
	@scripts/dist

bench: setup-build setup-bench ## Measure calls, voices, latency and memory of what is shipped
	scripts/bench

soak: setup-build setup-peers ## Calls, faults and changes for SOAK_MINUTES (30); fails when something grows
	@scripts/soak

fuzz: setup-build ## Search for inputs that break a parser: FUZZ_SECONDS each
	@scripts/fuzz $(FUZZ_SECONDS)

setup-build:
	@scripts/setup build >&2

setup-peers:
	@scripts/setup peers

setup-bench:
	@scripts/setup bench

fmt: ## Format the code
	$(CARGO) fmt --all
