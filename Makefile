# The commands of the project; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
SPEC := spec/openapi.yaml
SPEC_TOOLS := target/spec-tools
SCHEMA := server/src/store/postgres/schema.rs
# How many mutants of the contract `make test` tries; `make drift` tries them all.
DRIFT_SAMPLE ?= 60
# The binary that the clients are tested against.
SERVICE ?= target/debug/tenant-registry
# Further arguments of the bench.
BENCH ?=

.PHONY: help
help: ## List the commands.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

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
test: ## Everything that CI checks: lints, the spec, all tests, a sample of the drift test.
	@.ci/setup test
	$(MAKE) lint spec schema-check
	$(CARGO) test --locked --workspace --all-targets
	$(CARGO) test --locked --workspace --doc
	$(MAKE) package
	$(CARGO) run --locked --package tenant-registry-drift -- --sample $(DRIFT_SAMPLE)

.PHONY: lint
lint: ## Format, clippy, documentation, licences; nothing is changed.
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps
	$(MAKE) licences

.PHONY: licences
licences: target/tools/bin/cargo-deny
	target/tools/bin/cargo-deny --locked check bans licenses sources

target/tools/bin/cargo-deny:
	$(CARGO) install cargo-deny --debug --version 0.20.2 --locked --root target/tools --target-dir target/tools/build

.PHONY: spec
spec: $(SPEC_TOOLS)/installed
	$(SPEC_TOOLS)/bin/openapi-spec-validator $(SPEC)
	$(SPEC_TOOLS)/bin/openapi-generator-cli validate -i $(SPEC)

$(SPEC_TOOLS)/installed: .ci/spec-tools.txt
	@.ci/setup test
	python3 -m venv $(SPEC_TOOLS)
	$(SPEC_TOOLS)/bin/pip install --quiet --disable-pip-version-check -r .ci/spec-tools.txt
	touch $@

# Its own build script finds libpq, which nothing else here needs.
target/tools/bin/diesel:
	@.ci/setup schema
	$(CARGO) install diesel_cli --debug --version 2.3.14 --no-default-features --features postgres --locked \
		--root target/tools --target-dir target/tools/build

target/schema.rs: FORCE target/tools/bin/diesel
	@.ci/setup test
	$(CARGO) run --quiet --locked --package tenant-registry-test-postgres -- with .ci/print-schema > $@

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
	@$(CARGO) run --quiet --locked --package tenant-registry-test-postgres -- start

.PHONY: db-stop
db-stop:
	@$(CARGO) run --quiet --locked --package tenant-registry-test-postgres -- stop

.PHONY: run-postgres
run-postgres: setup ## Build and start the service on the Postgres of `make db`.
	@.ci/setup postgres
	DATABASE_URL="$$($(MAKE) --silent --no-print-directory db)" $(CARGO) run --locked --release --package tenant-registry-server -- serve

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

target/debug/tenant-registry: FORCE
	@.ci/setup
	$(CARGO) build --locked --package tenant-registry-server

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
