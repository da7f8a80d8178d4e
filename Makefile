# Every verb sets itself up: what it needs and is missing is installed first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
CARGO  := cargo
LOCKED := --locked
FUZZ_SECONDS ?= 60
export PATH := $(HOME)/.cargo/bin:$(PATH)

.PHONY: help demo run test check bench fuzz setup-build setup-peers fmt

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What a verb prints belongs to it: what is done before goes to standard error.
demo: setup-build ## Phone the agent on this machine: node, SIP, agent, recording
	@$(CARGO) build --release $(LOCKED) -p trunkline >&2
	@$$(scripts/bin release) models install >&2
	@$$(scripts/bin release) demo $(ARGS)

run: setup-build ## Run the daemon with development keys on loopback
	@$(CARGO) build --release $(LOCKED) -p trunkline >&2
	@$$(scripts/bin release) models install >&2
	@$$(scripts/bin release) serve --dev

test: setup-build setup-peers ## Run every test, real peers included
	@# Everything in one build: the binary and the tests then share each dependency.
	$(CARGO) build $(LOCKED) --workspace --all-targets
	@$$(scripts/bin debug) models install
	scripts/test

check: setup-build ## Format, lints, house rules, docs
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --workspace --no-deps --quiet

bench: setup-build ## Measure calls, latency and memory on a release build
	@$(CARGO) build --release $(LOCKED) --workspace --all-targets
	@$$(scripts/bin release) models install
	scripts/bench

fuzz: setup-build ## Search for inputs that break a parser: FUZZ_SECONDS each
	@scripts/fuzz $(FUZZ_SECONDS)

setup-build:
	@scripts/setup build >&2

setup-peers:
	@scripts/setup peers

fmt: ## Format the code
	$(CARGO) fmt --all
