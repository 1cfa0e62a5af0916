# The commands of this project. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-vm check lint types imports unit bench conformance soak coverage lock clean

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: ## make .venv (everything else does it by itself)
	@scripts/setup

run: setup ## start lambdad, create and invoke an example function, show result, log and cost
	@$(BIN)/python examples/quickstart.py

test: setup ## every check and every test: what CI runs
	@$(MAKE) --no-print-directory lint types imports
	@$(BIN)/python scripts/run_tests.py

test-vm: setup ## the sandbox's tests on Debian's kernel with control groups of version 2 (docs/linux.md)
	@$(BIN)/python scripts/test_vm.py

check: setup lint types imports unit ## lint, types, import contracts, unit and style tests; under a minute

lint:
	@$(BIN)/ruff format --check -q . && $(BIN)/ruff check -q .

types:
	@$(BIN)/mypy

imports:
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

unit:
	@$(PYTEST) -q -n 2 tests/unit tests/style

conformance: setup ## replay the recorded AWS conversations (needs ../shared/recordings)
	@$(PYTEST) -q tests/conformance/recordings

bench: setup ## measure the numbers of docs/SPECIFICATION.md (quiet machine, some minutes)
	@$(BIN)/python -m bench

soak: setup ## hours of kill -9, 10,000 environments: what is too long for every run
	@LAMBDAD_SOAK_S=600 LAMBDAD_TEST_STEPS=100000 $(PYTEST) -q tests/soak tests/sim tests/system/test_queue_crash.py
	@LAMBDAD_TEST_EVERY_RUNTIME=1 $(PYTEST) -q tests/conformance/runtime

coverage: setup ## rewrite docs/coverage: operation, the function that serves it, its tests
	@$(BIN)/python scripts/coverage_ledger.py

lock: ## refresh constraints.txt from .venv
	@{ sed '/^#/!d' constraints.txt; $(BIN)/pip freeze --exclude-editable; } >constraints.new && mv constraints.new constraints.txt

clean: ## remove what the other commands made
	@rm -rf .venv .lambdad .runtimes-of-tests .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
