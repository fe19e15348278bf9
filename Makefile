PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := benchmarks collectors delivery demo detections docs evidence normalizer pipeline simulation
NPM := $(shell command -v npm 2>/dev/null)
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench accuracy chaos faults recovery soak lock clean elasticsearch elasticsearch-stop splunk-app splunk-dashboards

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(if $(NPM),node_modules/.installed)  ## Install everything into .venv and node_modules

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Tapewatch needs Python 3.11 or newer; say which with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.installed: package-lock.json
	npm ci --silent
	@touch $@

demo: setup  ## Watch a real chain and a venue being abused, and see what is found
	$(BIN)/tapewatch demo

# Where bytecode is not kept, as in some containers, each of the thousand processes that the tests
# start would compile all modules anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup  ## Run all tests, against real servers
	$(BIN)/python -m compileall -q -j 0 $(PACKAGES)
	$(BIN)/pytest -n auto

lint: setup  ## ruff, pyright and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	npx --no-install pyright

bench: setup  ## Measure, as ratios to a floor in the same run
	$(BIN)/python -m benchmarks.normalizer
	$(BIN)/python -m benchmarks.enrichment
	$(BIN)/python -m benchmarks.detections
	$(BIN)/python -m benchmarks.market --each
	$(BIN)/python -m benchmarks.correlations
	$(BIN)/python -m benchmarks.sigma_engine --events 500000
	$(BIN)/python -m benchmarks.audit
	$(BIN)/python -m benchmarks.timeline
	$(BIN)/python -m benchmarks.end_to_end

accuracy: setup  ## Measure what the rules find and miss, publish in docs/accuracy.md and docs/known-cases.md
	$(BIN)/python -m simulation.accuracy
	$(BIN)/python -m simulation.known_cases

ROUNDS ?= 200
HOURS ?= 2
chaos: setup  ## Break everything at random (ROUNDS=200 of each scenario), compare, publish in docs/reliability.md
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) --publish

DOCUMENTS ?= 1000000
faults: setup  ## Push DOCUMENTS=1000000 through each sink with 5 % failures, publish in docs/sinks-under-fault.md
	$(BIN)/python -m tests.faults --documents $(DOCUMENTS) --publish

recovery: setup  ## Measure how fast the detections catch up, publish in docs/reliability.md
	$(BIN)/python -m benchmarks.recovery --events 600000 --publish
	$(BIN)/python -m benchmarks.recovery --events 3000000 --shares 2 --workers 2 --publish

soak: setup  ## Load with faults at random for HOURS=2: memory, lag, disk, nothing lost
	$(BIN)/python -m benchmarks.end_to_end --rate 2000 --seconds 600
	$(BIN)/python -m tests.chaos.soak --hours $(HOURS)

elasticsearch: setup  ## Start a real Elasticsearch on port 9200, as the tests do (Java 21+ and Maven)
	$(BIN)/python -m tests.servers.elasticsearch start

elasticsearch-stop:  ## Stop it
	$(BIN)/python -m tests.servers.elasticsearch stop

splunk-app: setup  ## Pack the Splunk app into var/splunk, the same bytes each time, and have AppInspect look at it
	$(BIN)/python -m splunk.build --check
	$(BIN)/python -m splunk.package
	$(BIN)/python -m splunk.appinspect

splunk-dashboards: setup  ## Hold Splunk's dashboards to its own validator and draw them (Node.js, Chromium, 600 MB)
	$(BIN)/python -m splunk.build
	$(BIN)/python -m splunk.studio --pictures

lock: setup  ## Resolve all dependencies anew into requirements.lock and package-lock.json
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra demo --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --no-annotate --quiet --upgrade -o requirements.lock
	npm install --package-lock-only

clean:  ## Remove what was installed and written
	rm -rf $(VENV) node_modules splunk/studio/node_modules var
