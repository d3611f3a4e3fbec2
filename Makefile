# Two commands for a first visit, with nothing but Python 3.11-3.13, make and git:
#
#     make demo     sets up .venv (core only) and examines a sample clip and a forged copy of it
#     make test     adds the test tools and runs the tests
#
# The rest: lint types contract check shared bench docs wheel clean. `make help` says what they do.

VENV  ?= .venv
BIN   := $(VENV)/bin
DATA  ?= ../shared/data
JOBS  ?= auto

# The first Python on the path that the package supports.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
    $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)

# One thread per process: threads that spin on shared cores cost more than they bring.
export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint types contract check shared train-tests bench docs wheel clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "unforge needs Python 3.11, 3.12 or 3.13 on the path (or: make PYTHON=/path/to/python)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $(VENV)/.core $@

$(VENV)/.train: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --editable '.[train,dev]'
	@touch $@

demo: $(VENV)/.core  ## set up and examine a sample and a forged copy of it; reports in out/
	$(BIN)/unforge demo --out out

test: $(VENV)/.dev  ## set up and run the tests (no torch, no network, no data outside the repository)
	$(BIN)/python -m pytest -n $(JOBS) -m "not shared" $(PYTEST_ARGS)

lint: $(VENV)/.dev  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## static types, strict
	$(BIN)/mypy

contract: $(VENV)/.dev  ## imports point down only
	$(BIN)/lint-imports

check: lint types contract  ## lint, types and the import contract

shared: $(VENV)/.dev  ## tests that read the data collection beside the repository
	UNFORGE_DATA=$(DATA) $(BIN)/python -m pytest -m shared $(PYTEST_ARGS)

train-tests: $(VENV)/.train  ## tests of the training part (installs torch)
	$(BIN)/python -m pytest -n $(JOBS) tests/train -m "not shared" $(PYTEST_ARGS)

bench: $(VENV)/.core  ## measure on the validation data, write results/ and the tables
	@peers=$$(ls results/peers/*.onnx 2>/dev/null | sed 's|.*/||; s|\.onnx$$||' | paste -s -d , -); set -e; \
	for protocol in clips stills robustness; do $(BIN)/unforge bench $$protocol --data $(DATA); done; \
	if test -n "$$peers"; then $(BIN)/unforge bench clips --data $(DATA) --peers $$peers; fi; \
	for protocol in made lanes pulse lipsync scene film explanation cues $$(test -f results/ablation/full.onnx && echo ablation leave-one-family-out); do \
	    $(BIN)/unforge bench $$protocol --data $(DATA); \
	done; \
	$(BIN)/unforge bench speed $${peers:+--peers $$peers}
	$(BIN)/unforge bench --tables

docs: $(VENV)/.core  ## render the tables of the documents from results/
	$(BIN)/unforge bench --tables

wheel: $(VENV)/.core  ## build the wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:  ## remove what the commands here have made
	rm -rf out build dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
