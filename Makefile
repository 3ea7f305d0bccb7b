# The commands of the project; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
SPEC := spec/openapi.yaml
RELEASED_SPEC := spec/released/openapi.yaml
SPEC_TOOLS := target/spec-tools
CONFORMANCE_TOOLS := target/conformance-tools
BROWSER_TOOLS := target/browser
DEPLOY_TOOLS := target/deploy-tools
TEST_ISSUER := target/test-issuer
SCHEMA := server/src/store/postgres/schema.rs
# How many mutants of the contract `make test` tries; `make drift` tries them all.
DRIFT_SAMPLE ?= 60
# The service that the tests from outside call (`make conformance`, `make rehearsals` and others), and what starts a Postgres around a command.
SERVICE ?= target/release/tenant-registry
WITH_POSTGRES ?= $(CARGO) run --quiet --locked --package tenant-registry-test-support -- with
# Further arguments of the bench.
BENCH ?=
# What `make fuzz` fuzzes, and for how many seconds each.
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
FUZZ_SECONDS ?= 60
# The sanitizers need a nightly compiler; the counters of coverage do not. LTO would optimise the whole service anew for each target.
CARGO_FUZZ = CARGO_PROFILE_RELEASE_LTO=false target/tools/bin/cargo-fuzz
FUZZ_OPTIONS := --fuzz-dir fuzz --target-dir target/fuzz --features libfuzzer --sanitizer none --no-cfg-fuzzing --codegen-units 16

.PHONY: help
help: ## List the commands.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 25

.PHONY: setup
setup:
	@.ci/setup

.PHONY: run
run: setup ## Build and start the service on the in-memory store, at http://127.0.0.1:8090.
	DATABASE_URL= $(CARGO) run --locked --release --package tenant-registry-server -- serve

.PHONY: build
build: setup ## Build the service: target/release/tenant-registry.
	$(CARGO) build --locked --release --package tenant-registry-server

.PHONY: test
test: ## Everything that CI checks: lints, the spec, all tests, samples of the drift and conformance tests.
	@.ci/setup test
	$(MAKE) lint spec compat compat-test schema-check deploy-lint $(TEST_ISSUER)/installed
	$(CARGO) test --locked --workspace --all-targets
	$(CARGO) test --locked --workspace --doc
	$(MAKE) conformance SERVICE=target/debug/tenant-registry CONFORMANCE_SEEDS=1 CONFORMANCE_EXAMPLES=100
	$(MAKE) clients-test SERVICE=target/debug/tenant-registry
	$(MAKE) browser-test SERVICE=target/debug/tenant-registry
	$(MAKE) monitoring-test SERVICE=target/debug/tenant-registry
	$(MAKE) configuration-check
	$(MAKE) package
	$(CARGO) run --locked --package tenant-registry-drift -- --sample $(DRIFT_SAMPLE)

# What gives the tests tokens; server/tests/certified_issuer/issuer.rs starts it.
$(TEST_ISSUER)/installed: server/tests/certified_issuer/provider/package.json server/tests/certified_issuer/provider/package-lock.json $(SPEC_TOOLS)/installed
	mkdir -p $(TEST_ISSUER)
	cp server/tests/certified_issuer/provider/package.json server/tests/certified_issuer/provider/package-lock.json $(TEST_ISSUER)/
	$(SPEC_TOOLS)/bin/npm ci --prefix $(TEST_ISSUER) --ignore-scripts --no-audit --no-fund --loglevel error
	touch $@

.PHONY: lint
lint: ## Format, clippy, documentation, licences; nothing is changed.
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps
	$(MAKE) licences

.PHONY: licences
licences: target/tools/bin/cargo-deny
	target/tools/bin/cargo-deny --locked --workspace check bans licenses sources

target/tools/bin/cargo-deny:
	$(CARGO) install cargo-deny --debug --version 0.20.2 --locked --root target/tools --target-dir target/tools/build

.PHONY: spec
spec: $(SPEC_TOOLS)/installed ## Validate and lint the spec.
	$(SPEC_TOOLS)/bin/openapi-spec-validator $(SPEC)
	$(SPEC_TOOLS)/bin/openapi-generator-cli validate -i $(SPEC)
	.ci/redocly/redocly lint $(SPEC)

.PHONY: compat
compat: $(SPEC_TOOLS)/installed ## Say what a client of the released spec would notice; a break fails unless the major version moves.
	$(SPEC_TOOLS)/bin/python .ci/compat.py $(RELEASED_SPEC) $(SPEC)

.PHONY: compat-test
compat-test: $(SPEC_TOOLS)/installed
	$(SPEC_TOOLS)/bin/python -B .ci/compat_test.py

$(SPEC_TOOLS)/installed: .ci/spec-tools.txt .ci/redocly/package.json .ci/redocly/package-lock.json
	@.ci/setup test
	python3 -m venv $(SPEC_TOOLS)
	$(SPEC_TOOLS)/bin/pip install --quiet --disable-pip-version-check -r .ci/spec-tools.txt
	mkdir -p $(SPEC_TOOLS)/redocly
	cp .ci/redocly/package.json .ci/redocly/package-lock.json $(SPEC_TOOLS)/redocly/
	$(SPEC_TOOLS)/bin/npm ci --prefix $(SPEC_TOOLS)/redocly --ignore-scripts --no-audit --no-fund --loglevel error
	touch $@

.PHONY: conformance
conformance: $(CONFORMANCE_TOOLS)/installed $(TEST_ISSUER)/installed $(SERVICE) ## Let schemathesis loose on the service, on both stores.
	@.ci/setup conformance
	DATABASE_URL= .ci/conformance $(SERVICE)
	$(WITH_POSTGRES) .ci/conformance $(SERVICE)

$(CONFORMANCE_TOOLS)/installed: .ci/conformance-tools.txt
	@.ci/setup conformance
	python3 -m venv $(CONFORMANCE_TOOLS)
	$(CONFORMANCE_TOOLS)/bin/pip install --quiet --disable-pip-version-check -r .ci/conformance-tools.txt
	touch $@

target/release/tenant-registry: FORCE
	@.ci/setup
	$(CARGO) build --locked --release --package tenant-registry-server

target/debug/tenant-registry: FORCE
	@.ci/setup
	$(CARGO) build --locked --package tenant-registry-server

# Its own build script finds libpq, which nothing else here needs.
target/tools/bin/diesel:
	@.ci/setup schema
	$(CARGO) install diesel_cli --debug --version 2.3.14 --no-default-features --features postgres --locked \
		--root target/tools --target-dir target/tools/build

target/schema.rs: FORCE target/tools/bin/diesel
	@.ci/setup test
	$(WITH_POSTGRES) .ci/print-schema > $@

.PHONY: FORCE
FORCE:

.PHONY: schema
schema: target/schema.rs ## Print the store's schema.rs anew from the migrations.
	cp target/schema.rs $(SCHEMA)

.PHONY: schema-check
schema-check: target/schema.rs
	@diff -u $(SCHEMA) target/schema.rs || { echo "$(SCHEMA) does not follow from migrations/; run \`make schema\`" >&2; exit 1; }

.PHONY: db
db: ## Start a Postgres for development that keeps its records, and print its URL; `make db-stop` ends it.
	@.ci/setup postgres
	@$(CARGO) run --quiet --locked --package tenant-registry-test-support -- start

.PHONY: db-stop
db-stop:
	@$(CARGO) run --quiet --locked --package tenant-registry-test-support -- stop

.PHONY: run-postgres
run-postgres: setup ## Build and start the service on the Postgres of `make db`.
	@.ci/setup postgres
	DATABASE_URL="$$($(MAKE) --silent --no-print-directory db)" $(CARGO) run --locked --release --package tenant-registry-server -- serve

.PHONY: fuzz
fuzz: target/tools/bin/cargo-fuzz ## Fuzz what reads a stranger's bytes, each target for FUZZ_SECONDS.
	@.ci/setup fuzz
	for target in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/found/$$target; \
		$(CARGO_FUZZ) run $(FUZZ_OPTIONS) $$target target/fuzz/found/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1; \
	done

.PHONY: fuzz-corpus
fuzz-corpus: target/tools/bin/cargo-fuzz ## Add to fuzz/corpus what `make fuzz` found: as few inputs as reach the new places.
	@.ci/setup fuzz
	for target in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/found/$$target; \
		$(CARGO_FUZZ) run $(FUZZ_OPTIONS) $$target fuzz/corpus/$$target target/fuzz/found/$$target -- \
			-set_cover_merge=1 -use_counters=0; \
	done

target/tools/bin/cargo-fuzz:
	$(CARGO) install cargo-fuzz --debug --version 0.13.2 --locked --root target/tools --target-dir target/tools/build

.PHONY: package
package: ## Build the client crate as its users will get it.
	$(CARGO) package --locked --allow-dirty --package tenant-registry-client

.PHONY: clients
clients: $(SPEC_TOOLS)/installed ## Generate and build the TypeScript, Python, Go and Java clients: target/clients.
	@.ci/setup clients
	clients/build

.PHONY: clients-test
clients-test: clients $(SERVICE) ## Call every operation through each of those clients, and print the table.
	clients/test $(SERVICE)

.PHONY: browser-test
browser-test: $(BROWSER_TOOLS)/installed $(SERVICE) ## Use the API reference in Chromium, as a person would.
	@.ci/setup browser
	.ci/browser/test $(SERVICE)

$(BROWSER_TOOLS)/installed: .ci/browser/package.json .ci/browser/package-lock.json $(SPEC_TOOLS)/installed
	mkdir -p $(BROWSER_TOOLS)
	cp .ci/browser/package.json .ci/browser/package-lock.json $(BROWSER_TOOLS)/
	$(SPEC_TOOLS)/bin/npm ci --prefix $(BROWSER_TOOLS) --ignore-scripts --no-audit --no-fund --loglevel error
	touch $@

.PHONY: deploy-lint
deploy-lint: $(DEPLOY_TOOLS)/installed ## Check Containerfile and deploy/: image, unit, manifests, alerts, dashboard.
	@.ci/setup deploy
	.ci/deploy-lint

.PHONY: monitoring-test
monitoring-test: $(DEPLOY_TOOLS)/installed $(SERVICE) ## Have Prometheus scrape the service, and ask it what the dashboard and the alerts ask.
	@.ci/setup monitoring
	$(WITH_POSTGRES) $(DEPLOY_TOOLS)/bin/python -B .ci/monitoring-test $(SERVICE)

.PHONY: configuration-reference
configuration-reference: target/debug/tenant-registry ## Write the table of settings in docs/operations.md anew from `serve --help`.
	.ci/configuration-reference $<

.PHONY: configuration-check
configuration-check: target/debug/tenant-registry
	.ci/configuration-reference $< --check

$(DEPLOY_TOOLS)/installed: .ci/deploy-tools.txt
	@.ci/setup deploy
	python3 -m venv $(DEPLOY_TOOLS)
	$(DEPLOY_TOOLS)/bin/pip install --quiet --disable-pip-version-check -r .ci/deploy-tools.txt
	touch $@

.PHONY: rehearsals
rehearsals: $(SERVICE) ## Do what docs/operations.md tells operators: back up and restore, restart one by one, pool connections, withstand floods.
	@.ci/setup rehearsals
	$(WITH_POSTGRES) .ci/backup-restore $(SERVICE)
	$(WITH_POSTGRES) .ci/behind-pgbouncer $(SERVICE)
	$(WITH_POSTGRES) .ci/rolling-restart $(SERVICE)
	$(WITH_POSTGRES) .ci/overload $(SERVICE)

.PHONY: sbom
sbom: target/tools/bin/cargo-cyclonedx ## List what the service is made of: target/sbom/tenant-registry.cdx.json (CycloneDX).
	.ci/sbom

target/tools/bin/cargo-cyclonedx:
	$(CARGO) install cargo-cyclonedx --debug --version 0.5.9 --locked --root target/tools --target-dir target/tools/build

.PHONY: advisories
advisories: target/tools/bin/cargo-deny ## Ask the RustSec database whether a dependency is known to be unsafe; needs the network.
	target/tools/bin/cargo-deny --locked check advisories

.PHONY: generate
generate: setup ## Bring generated/ in step with the spec, also under CI.
	env -u CI $(CARGO) build --locked --package tenant-registry-contract

.PHONY: drift
drift: setup ## The mutation test of the contract, whole: every kind of drift at every place.
	$(CARGO) run --locked --release --package tenant-registry-drift

.PHONY: bench
bench: ## Measure the service against the database under it: docs/performance.md; BENCH=--quick: a smoke test.
	@.ci/setup postgres
	$(CARGO) build --locked --release --package tenant-registry-server
	$(CARGO) bench --locked --package tenant-registry-server
	$(CARGO) run --locked --release --package tenant-registry-bench -- \
		--service target/release/tenant-registry --page docs/performance.md $(BENCH)
