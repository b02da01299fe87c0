# `make` alone prints this help. Every target installs what it needs.
SHELL := bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
NODE := $(CURDIR)/node_modules/.bin/node

.PHONY: help check format audit
.PHONY: cluster cluster-env cluster-down
.PHONY: build plugin release image install demo test test-long bench

help: ## Print this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

node_modules/.package-lock.json: package.json package-lock.json
	@# Its words go to stderr: cluster-env prints lines for eval.
	npm ci --no-fund --no-audit >&2
	@touch $@

.PHONY: lint types prettier imports unit

lint: node_modules/.package-lock.json
	eslint --max-warnings 0 .

types: node_modules/.package-lock.json
	tsc --noEmit --incremental --tsBuildInfoFile dist/.cache/types.json
	tsc --noEmit --incremental --tsBuildInfoFile dist/.cache/types-page.json -p plugin/dashboard/page

prettier: node_modules/.package-lock.json
	prettier --check --log-level warn --cache --cache-location dist/.cache/prettier.json .

imports: node_modules/.package-lock.json
	depcruise --config .dependency-cruiser.js shared webhook plugin build

unit: node_modules/.package-lock.json
	@$(NODE) test/run.ts unit

# Side by side, each one's words in one piece. Lint takes longer than all others but the tests, and those end last.
check: node_modules/.package-lock.json ## Format, lint, types and unit tests; needs no cluster
	@$(MAKE) --no-print-directory --jobs=2 --output-sync --keep-going lint types prettier imports unit \
		|| { echo "Look at: the lines above that end a part with ***" >&2; exit 1; }

audit: node_modules/.package-lock.json ## Known vulnerabilities of what is shipped; fails by one of high severity, or without an answer
	@$(NODE) build/audit.ts $(ARGS)

format: node_modules/.package-lock.json ## Rewrite the sources in the project's format
	prettier --write --log-level warn .

cluster: node_modules/.package-lock.json ## Start a local cluster (builds what it needs; as root, on Linux)
	@$(NODE) test/cluster/main.ts up

# Only export lines may reach stdout. The PATH has a link to the plugin, which may not be built yet.
cluster-env: node_modules/.package-lock.json ## Print its export lines (KUBECONFIG and PATH) for eval
	@[ -x dist/plugin/kubectl-canary ] || $(NODE) build/main.ts plugin >&2
	@$(NODE) test/cluster/main.ts env

cluster-down: node_modules/.package-lock.json ## Stop the local cluster and leave nothing behind
	@$(NODE) test/cluster/main.ts down

build: node_modules/.package-lock.json ## Build the controller's bundle and the plugin into dist/
	@$(NODE) build/main.ts

plugin: node_modules/.package-lock.json ## Build the plugin for this machine: dist/plugin/kubectl-canary, which needs no Node
	@$(NODE) build/main.ts plugin

release: node_modules/.package-lock.json ## Build the plugin's archives, npm package, krew manifest and checksums: dist/release
	@$(NODE) build/main.ts release

image: node_modules/.package-lock.json ## Pack the controller into an OCI archive, dist/image.tar; needs no engine
	@$(NODE) build/main.ts image

install: node_modules/.package-lock.json ## Install the chart into the cluster of $KUBECONFIG and wait; ARGS go to Helm
	@$(NODE) test/chart/main.ts $(ARGS)

demo: cluster build ## The tutorial, from nothing to a promotion; leaves the cluster up
	@KUBECONFIG=$$($(NODE) test/cluster/main.ts env | sed -n 's/^export KUBECONFIG=//p') $(MAKE) --no-print-directory install
	@$(NODE) test/demo/main.ts

# In this order: what fails without a cluster is said before one is started. The last line counts the tests of check too.
test: check cluster build ## What every change must pass: check, then every test on the local cluster
	@$(NODE) test/run.ts cluster

bench: build ## Measure what has a bound, each bench with a table of its own; ARGS picks some by name
	@$(NODE) test/bench/main.ts $(ARGS)

# Not part of `test`: it takes the better part of an hour, and Helm 3 is built for it the first time.
test-long: cluster build ## Every row of the guarantees at length; ONLY=<row> runs one file of test/long/ by its name
	@KUBECONFIG=$$($(NODE) test/cluster/main.ts env | sed -n 's/^export KUBECONFIG=//p') $(MAKE) --no-print-directory install
	@$(NODE) test/app/main.ts images
	@vitest run --project long $(if $(ONLY),/$(ONLY).long.test.ts)
