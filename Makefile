# The commands of the project. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
SPEC := spec/openapi.yaml
RELEASED_SPEC := spec/released/openapi.yaml
SCHEMA := server/src/store/postgres/schema.rs
# The packages that `make check` and `make test` compile: the service, its clients, and what they are made with.
CORE := $(addprefix --package tenant-registry-,contract codegen server client cli test-support)
# What `make test` selects; `make ci` selects the whole workspace and all targets.
PACKAGES ?= $(CORE)
TARGETS ?= --lib --bins --tests
# The service that is tested from outside. `make ci` and the checks of a debug build override it.
SERVICE ?= target/release/tenant-registry
DEBUG_SERVICE := target/debug/tenant-registry
# Starts a throw-away Postgres around a command.
WITH_POSTGRES := target/debug/test-postgres with
# How many mutants of the contract `make drift-sample` tries. `make drift` tries them all.
DRIFT_SAMPLE ?= 60
# Further arguments of the bench.
BENCH ?=
# The rival of the bench: a workspace of its own, which only the bench builds.
BY_HAND := bench/rivals/by-hand
# The targets of `make fuzz`, and the seconds for each.
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
FUZZ_SECONDS ?= 60
# How many random specs `make random-specs` compiles, and the seed of the first one.
RANDOM_SPECS ?= 50
RANDOM_SEED ?= 1000
# The sanitizers need a nightly compiler; coverage counters do not. LTO would optimise the whole service again for each target.
CARGO_FUZZ := CARGO_PROFILE_RELEASE_LTO=false target/tools/bin/cargo-fuzz
FUZZ_OPTIONS := --fuzz-dir fuzz --target-dir target/fuzz --features libfuzzer --sanitizer none --no-cfg-fuzzing --codegen-units 16
# Tools, each in its directory under target/.
SPEC_TOOLS := target/spec-tools
CONFORMANCE_TOOLS := target/conformance-tools
BROWSER_TOOLS := target/browser
DEPLOY_TOOLS := target/deploy-tools
FAILOVER_TOOLS := target/failover-tools
LINT_TOOLS := target/lint-tools
TEST_ISSUER := target/test-issuer
CARGO_INSTALL := $(CARGO) install --debug --locked --root target/tools --target-dir target/tools/build
# Installs the packages of a list into a Python environment.
venv = tools/setup python && echo "Installing $(2) into $(1)" && python3 -m venv $(1) && \
	$(1)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
# Installs the packages of the lock file in a directory.
npm_ci = echo "Installing the npm packages of $(1)" && cd $(1) && $(CURDIR)/$(SPEC_TOOLS)/bin/npm ci --ignore-scripts --no-audit --no-fund --loglevel error
# tools/lib holds the Python modules that several tools share.
export PYTHONPATH := $(CURDIR)/tools/lib
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help: ## List the commands.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 25

.PHONY: setup
setup:
	@tools/setup

## Running the service

.PHONY: run
run: setup ## Build and start the service on the in-memory store, at http://127.0.0.1:8090.
	DATABASE_URL= $(CARGO) run --locked --release --package tenant-registry-server -- serve

.PHONY: run-oidc
run-oidc: setup $(TEST_ISSUER)/installed ## Run the service with a local OpenID Connect issuer, and print how to get tokens. Needs Node.
	@tools/setup conformance
	$(CARGO) build --locked --release --package tenant-registry-server
	tools/run_with_issuer target/release/tenant-registry

.PHONY: build
build: setup ## Build the service: target/release/tenant-registry.
	$(CARGO) build --locked --release --package tenant-registry-server

.PHONY: db
db: ## Start a Postgres for development that keeps its data, and print its URL. `make db-stop` stops it.
	@tools/setup postgres
	@echo "Building and starting the development database" >&2
	@$(CARGO) run --quiet --locked --package tenant-registry-test-support -- start

.PHONY: db-stop
db-stop:
	@$(CARGO) run --quiet --locked --package tenant-registry-test-support -- stop

.PHONY: run-postgres
run-postgres: setup ## Build and start the service on the Postgres of `make db`.
	@tools/setup postgres
	DATABASE_URL="$$($(MAKE) --silent --no-print-directory db)" $(CARGO) run --locked --release --package tenant-registry-server -- serve

## The three test commands: check < test < ci

.PHONY: check
check: setup format ## Check format, clippy, unit tests, and the suite on the in-memory store. Under a minute when warm.
	$(CARGO) clippy --locked $(CORE) --all-targets -- -D warnings
	TEST_STORE=memory $(CARGO) test --locked $(CORE) --lib --bins --test suite

.PHONY: test
test: ## Run the unit tests, and the suite on both stores. Needs Rust and Postgres.
	@tools/setup postgres git
	$(CARGO) test --locked --no-fail-fast $(PACKAGES) $(TARGETS)

# A filter selects the tests whose name contains it.
.PHONY: distributed-test
distributed-test: ## Run the tests of the audit log with all but its newest events distributed, without Citus.
	@tools/setup postgres git
	for filter in audit deletion model row_security; do \
		TEST_AUDIT_LOG=distributed TEST_STORE=postgres $(CARGO) test --locked --no-fail-fast $(PACKAGES) --test suite -- $$filter; \
	done

.PHONY: citus-test
citus-test: ## Run the suite on the Citus cluster of CITUS_URL, with all but the newest events distributed. FILTER selects tests.
	@tools/setup git
	TEST_DATABASE_URL='$(or $(CITUS_URL),$(error set CITUS_URL to a database of the coordinator that has Citus and the nodes))' \
		TEST_AUDIT_LOG=distributed TEST_STORE=postgres $(CARGO) test --locked --no-fail-fast $(PACKAGES) --test suite -- $(FILTER)

.PHONY: ci
ci: ## Run everything that CI checks: `make test` and all other checks, with the time of each step.
	@tools/setup python git
	@.ci/steps.py

# The system packages and the tools of all steps of `make ci`.
.PHONY: packages tools
packages:
	@tools/setup postgres psql git java python lint schema conformance clients deploy monitoring browser

tools: $(addsuffix /installed,$(SPEC_TOOLS) $(TEST_ISSUER) $(CONFORMANCE_TOOLS) $(BROWSER_TOOLS) $(DEPLOY_TOOLS) $(LINT_TOOLS))

.PHONY: build-all
build-all: setup
	$(CARGO) build --locked --workspace --all-targets

# Not part of `make test`, because it needs Node.js.
.PHONY: certified-issuer-test
certified-issuer-test: $(TEST_ISSUER)/installed
	$(CARGO) test --locked --workspace --test certified_issuer

# The OpenID provider of the certified issuer test and of the conformance test.
$(TEST_ISSUER)/installed: $(addprefix server/tests/certified_issuer/provider/,package.json package-lock.json) $(SPEC_TOOLS)/installed
	@mkdir -p $(TEST_ISSUER)
	@cp $(filter %.json,$^) $(TEST_ISSUER)/
	@$(call npm_ci,$(TEST_ISSUER))
	@touch $@

# `make ci` has built these already.
ifndef BUILT
# The test makes cargo enable the features of dev-dependencies, as for `make test`. No dependency is compiled again.
$(DEBUG_SERVICE): FORCE
	@tools/setup
	$(CARGO) build --locked $(PACKAGES) --bin tenant-registry --test golden

target/debug/tenant-registry-drift: FORCE
	@tools/setup
	$(CARGO) build --locked --workspace --bin tenant-registry-drift --test golden

target/debug/customer-life: FORCE
	@tools/setup
	$(CARGO) build --locked --package tenant-registry-customer-life --package tenant-registry-client-1-0-0

target/debug/test-postgres: FORCE
	@tools/setup postgres
	$(CARGO) build --locked --package tenant-registry-test-support
endif

target/release/tenant-registry: FORCE
	@tools/setup
	$(CARGO) build --locked --release --package tenant-registry-server

.PHONY: FORCE
FORCE:

## Lint

.PHONY: lint
lint: format clippy doc scripts-lint versions licences ## Check format, clippy, documentation, scripts, versions and licences. Changes nothing.

.PHONY: format
format:
	$(CARGO) fmt --all -- --check
	$(CARGO) fmt --manifest-path $(BY_HAND)/Cargo.toml -- --check

.PHONY: clippy
clippy: setup
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

.PHONY: doc
doc: setup
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

.PHONY: doc-test
doc-test: setup
	$(CARGO) test --locked --workspace --doc

.PHONY: scripts-lint
scripts-lint: $(LINT_TOOLS)/installed ## Check the Python scripts with ruff and the shell scripts with shellcheck.
	@tools/setup lint git
	$(LINT_TOOLS)/bin/ruff check --quiet
	$(LINT_TOOLS)/bin/ruff format --quiet --check
	git grep --null --files-with-matches -E '^#!/usr/bin/env bash' | xargs -0 shellcheck

$(LINT_TOOLS)/installed: tools/lint/requirements.txt
	@$(call venv,$(LINT_TOOLS),$<)
	@touch $@

.PHONY: licences
licences: target/tools/bin/cargo-deny ## Check the licences and sources of all dependencies.
	target/tools/bin/cargo-deny --locked --workspace check bans licenses sources

.PHONY: versions
versions: ## Check that contract, crates and image have one version, and that no crate can be published publicly.
	tools/release/versions.py

.PHONY: advisories
advisories: target/tools/bin/cargo-deny ## Check the dependencies against the RustSec database. Needs the network.
	target/tools/bin/cargo-deny --locked check advisories

target/tools/bin/cargo-deny:
	$(CARGO_INSTALL) cargo-deny --version 0.20.2

## The contract

.PHONY: generate
generate: setup ## Regenerate the code from the spec, also under CI.
	env -u CI $(CARGO) build --locked --package tenant-registry-contract

.PHONY: spec
spec: $(SPEC_TOOLS)/installed ## Validate and lint the spec.
	@tools/setup java
	$(SPEC_TOOLS)/bin/openapi-spec-validator $(SPEC)
	$(SPEC_TOOLS)/bin/openapi-generator-cli validate -i $(SPEC)
	tools/contract/redocly/redocly lint $(SPEC)

.PHONY: compat
compat: $(SPEC_TOOLS)/installed ## Compare the spec with its last release. A breaking change needs a new major version.
	$(SPEC_TOOLS)/bin/python tools/contract/compat.py $(RELEASED_SPEC) $(SPEC)

.PHONY: compat-test
compat-test: $(SPEC_TOOLS)/installed
	$(SPEC_TOOLS)/bin/python tools/contract/compat_test.py

$(SPEC_TOOLS)/installed: tools/contract/requirements.txt tools/contract/redocly/package.json tools/contract/redocly/package-lock.json
	@$(call venv,$(SPEC_TOOLS),$<)
	@mkdir -p $(SPEC_TOOLS)/redocly
	@cp tools/contract/redocly/package.json tools/contract/redocly/package-lock.json $(SPEC_TOOLS)/redocly/
	@$(call npm_ci,$(SPEC_TOOLS)/redocly)
	@touch $@

.PHONY: conformance
conformance: $(CONFORMANCE_TOOLS)/installed $(TEST_ISSUER)/installed $(SERVICE) target/debug/test-postgres ## Test the service against its document with schemathesis, on both stores.
	@tools/setup conformance postgres
	DATABASE_URL= tools/conformance/run $(SERVICE)
	$(WITH_POSTGRES) tools/conformance/run $(SERVICE)

$(CONFORMANCE_TOOLS)/installed: tools/conformance/requirements.txt
	@$(call venv,$(CONFORMANCE_TOOLS),$<)
	@touch $@

.PHONY: drift
# An optimized generator makes each build a quarter faster. Compiling it takes minutes, too long for a sample.
drift: export CARGO_PROFILE_DEV_BUILD_OVERRIDE_OPT_LEVEL = 1
drift: setup ## Run the mutation test of the contract on every mutant. Takes an hour or more.
	$(CARGO) run --locked --release --package tenant-registry-drift

.PHONY: drift-sample
drift-sample: target/debug/tenant-registry-drift
	$< --sample $(DRIFT_SAMPLE)

## The database schema

target/tools/bin/diesel:
	@tools/setup schema
	$(CARGO_INSTALL) diesel_cli --version 2.3.14 --no-default-features --features postgres

target/schema.rs: FORCE target/tools/bin/diesel target/debug/test-postgres
	$(WITH_POSTGRES) tools/database/print-schema > $@

.PHONY: schema
schema: target/schema.rs ## Write the store's schema.rs from the migrations.
	cp target/schema.rs $(SCHEMA)

.PHONY: schema-check
schema-check: target/schema.rs
	@diff -u $(SCHEMA) target/schema.rs || { echo "$(SCHEMA) does not match migrations/; run \`make schema\`" >&2; exit 1; }

## Clients and the API reference

.PHONY: package
package: ## Build the client crate as it is published.
	$(CARGO) package --locked --allow-dirty --package tenant-registry-client

.PHONY: clients
clients: $(SPEC_TOOLS)/installed ## Generate and build the TypeScript, Python, Go and Java clients: target/clients.
	@tools/setup clients java
	clients/build

.PHONY: clients-test
clients-test: $(SERVICE) target/debug/customer-life ## Call every operation through each client and those of 1.0.0, and print tables.
	clients/test $(SERVICE)
ifndef BUILT
clients-test: clients
endif

.PHONY: browser-test
browser-test: $(BROWSER_TOOLS)/installed $(SERVICE) ## Test the API reference in Chromium.
	@tools/setup browser
	tools/browser/test $(SERVICE)

$(BROWSER_TOOLS)/installed: tools/browser/package.json tools/browser/package-lock.json $(SPEC_TOOLS)/installed
	@mkdir -p $(BROWSER_TOOLS)
	@cp tools/browser/package.json tools/browser/package-lock.json $(BROWSER_TOOLS)/
	@$(call npm_ci,$(BROWSER_TOOLS))
	@touch $@

## Deployment and operations

.PHONY: deploy-lint
deploy-lint: $(DEPLOY_TOOLS)/installed ## Check Containerfile and deploy/: image, unit, manifests, alerts, dashboard.
	@tools/setup deploy
	tools/deploy/lint

.PHONY: monitoring-test
monitoring-test: $(DEPLOY_TOOLS)/installed $(SERVICE) target/debug/test-postgres ## Test that every query of the dashboard and the alerts returns data.
	@tools/setup monitoring postgres psql
	$(WITH_POSTGRES) $(DEPLOY_TOOLS)/bin/python tools/deploy/monitoring_test.py $(SERVICE)

$(DEPLOY_TOOLS)/installed: tools/deploy/requirements.txt
	@$(call venv,$(DEPLOY_TOOLS),$<)
	@touch $@

.PHONY: imports
imports: target/tools/bin/cargo-modules ## Draw which module of the server imports which: docs/imports.svg.
	@tools/setup imports
	$< dependencies --package tenant-registry-server --lib --no-externs --no-fns --no-types --no-traits --no-sysroot \
		| tools/docs/imports.py server/src "Imports of the server's modules" | dot -Tsvg >docs/imports.svg

target/tools/bin/cargo-modules:
	$(CARGO_INSTALL) cargo-modules --version 0.27.0

.PHONY: configuration-reference
configuration-reference: $(DEBUG_SERVICE) ## Write the table of settings in docs/settings.md from `serve --help`.
	tools/docs/configuration_reference.py $<

.PHONY: configuration-check
configuration-check: $(DEBUG_SERVICE)
	tools/docs/configuration_reference.py $< --check

.PHONY: rehearsals
rehearsals: $(SERVICE) target/debug/test-postgres ## Rehearse the runbook: backup and restore, rolling restart, PgBouncer, overload, attacks, cold start.
	@tools/setup rehearsals postgres psql
	$(WITH_POSTGRES) rehearsals/backup_restore.py $(SERVICE)
	$(WITH_POSTGRES) rehearsals/behind_pgbouncer.py $(SERVICE)
	$(WITH_POSTGRES) rehearsals/rolling_restart.py $(SERVICE)
	$(WITH_POSTGRES) rehearsals/overload.py $(SERVICE)
	$(WITH_POSTGRES) rehearsals/attacks.py $(SERVICE)
	$(WITH_POSTGRES) rehearsals/cold_start.py $(SERVICE)

.PHONY: failover-rehearsal
failover-rehearsal: $(FAILOVER_TOOLS)/installed $(SERVICE) ## Rehearse failovers with the files of deploy/patroni, and print a ledger. Needs root. Takes 8 minutes.
	@tools/setup failover postgres psql
	$(FAILOVER_TOOLS)/bin/python rehearsals/failover.py $(SERVICE) $(FAILOVER_TOOLS)/bin/patroni

$(FAILOVER_TOOLS)/installed: deploy/patroni/requirements.txt
	@$(call venv,$(FAILOVER_TOOLS),$<)
	@touch $@

.PHONY: upgrade-rehearsal
upgrade-rehearsal: $(SERVICE) target/debug/test-postgres ## Rehearse the upgrade from PREVIOUS, the binary of 1.0, with 10 million events. Needs 20 GB of disk space.
	@tools/setup rehearsals postgres psql
	$(WITH_POSTGRES) rehearsals/upgrade.py $(or $(PREVIOUS),$(error set PREVIOUS to the binary of version 1.0)) $(SERVICE)

.PHONY: release
release: $(SPEC_TOOLS)/installed ## Release VERSION: set it everywhere, check the contract, commit and tag. DRY_RUN=1 only shows the changes.
	tools/release/release.py $(if $(DRY_RUN),--dry-run) $(or $(VERSION),$(error set VERSION, for example VERSION=1.2.3))

.PHONY: sbom
sbom: target/tools/bin/cargo-cyclonedx ## Write the bill of materials: target/sbom/tenant-registry.cdx.json (CycloneDX).
	tools/release/sbom

target/tools/bin/cargo-cyclonedx:
	$(CARGO_INSTALL) cargo-cyclonedx --version 0.5.9

## Fuzzing and performance

.PHONY: random-specs
random-specs: setup ## Compile the code of RANDOM_SPECS random specs, from RANDOM_SEED on.
	RANDOM_SPECS=$(RANDOM_SPECS) RANDOM_SEED=$(RANDOM_SEED) $(CARGO) check --locked --package compiled-specs

.PHONY: fuzz
fuzz: target/tools/bin/cargo-fuzz ## Fuzz the parsers of untrusted input, each target for FUZZ_SECONDS.
	@tools/setup fuzz
	for target in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/found/$$target; \
		$(CARGO_FUZZ) run $(FUZZ_OPTIONS) $$target target/fuzz/found/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1; \
	done

.PHONY: fuzz-corpus
fuzz-corpus: target/tools/bin/cargo-fuzz ## Add the inputs that `make fuzz` found to fuzz/corpus, as few as keep the coverage.
	@tools/setup fuzz
	for target in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/found/$$target; \
		$(CARGO_FUZZ) run $(FUZZ_OPTIONS) $$target fuzz/corpus/$$target target/fuzz/found/$$target -- \
			-set_cover_merge=1 -use_counters=0; \
	done

target/tools/bin/cargo-fuzz:
	$(CARGO_INSTALL) cargo-fuzz --version 0.13.2

.PHONY: bench
bench: ## Measure the service against a rival and its database: docs/performance.md. BENCH=--quick runs a smoke test.
	@tools/setup postgres
	$(CARGO) build --locked --release --package tenant-registry-server
	$(CARGO) bench --locked --package tenant-registry-server
	$(CARGO) build --locked --manifest-path $(BY_HAND)/Cargo.toml --target-dir target/rivals --release
	$(CARGO) run --locked --release --package tenant-registry-bench -- \
		--service target/release/tenant-registry --page docs/performance.md $(BENCH)

.PHONY: bench-lists
bench-lists: target/debug/test-postgres ## Measure pages of lists with few and with millions of records. Needs 15 GB of disk space.
	@tools/setup postgres psql
	$(CARGO) build --locked --release --package tenant-registry-server
	$(WITH_POSTGRES) bench/lists.py target/release/tenant-registry

.PHONY: bench-row-security
bench-row-security: target/debug/test-postgres ## Measure what DATABASE_ROW_SECURITY costs. OLD=<binary> compares with another version.
	@tools/setup postgres psql
	$(CARGO) build --locked --release --package tenant-registry-server
	$(WITH_POSTGRES) bench/row_security.py target/release/tenant-registry $(OLD)
