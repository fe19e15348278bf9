PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lock:  ## Resolve all dependencies anew into requirements.lock and package-lock.json
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra demo --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --no-annotate --quiet --upgrade -o requirements.lock
	npm install --package-lock-only
.PHONY: help lock
