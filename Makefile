# The only entry for people and CI. Needs Python 3.11+ with venv, make and the package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait for a third of their time: one more than the two cores of a small machine.
JOBS ?= 3

.DEFAULT_GOAL := help
.PHONY: help install demo test check format docs soak bench bench-scheduling oracle defects clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

install: $(VENV)/.installed ## Create .venv and install the package with its tools

demo: install ## Embedded Postgres, Google Calendar emulator, full and incremental sync, checked row by row
	$(BIN)/tuturuuu-jobs demo $(ARGS)

test: install ## All tests but the long fault matrix (under 10 minutes on 2 cores)
	$(BIN)/python -m pytest -n $(JOBS) -m 'not soak' $(ARGS)

check: install ## Format, lint, types, import contracts, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/codespell

format: install ## Rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install ## Write the generated parts of docs/ anew
	$(BIN)/python -m tests.docs.generate

soak: install ## The whole fault matrix; takes its time
	$(BIN)/python -m pytest -n $(JOBS) -m soak --hypothesis-profile=soak $(ARGS)
	$(BIN)/python -m tests.killing.results

bench: install ## Measure; benchmarks/README.md says what
	$(BIN)/python -m benchmarks

bench-scheduling: install ## Quality and speed of plans; benchmarks/scheduling/README.md says what
	$(BIN)/python -m benchmarks.scheduling $(ARGS)

.venv-oracle/.installed: benchmarks/scheduling/requirements.txt
	$(PYTHON) -m venv .venv-oracle
	.venv-oracle/bin/python -m pip install -q -r $<
	@touch $@

oracle: .venv-oracle/.installed ## Solve the small instances exactly, in an environment of its own
	.venv-oracle/bin/python -m benchmarks.scheduling.oracle $(ARGS)

defects: install ## Put known mistakes into a copy one by one; the tests must find each
	$(BIN)/python -m tests.defects --jobs $(JOBS) $(ARGS)

clean: ## Remove the virtual environment and every cache
	rm -rf $(VENV) .venv-oracle .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
