# Everything that a newcomer and CI run. Each target first sets up what it needs in .venv.
# `make PYTHON=/path/to/python3.12 test` chooses the interpreter; else the first that is new enough is taken.
ENOUGH := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c '$(ENOUGH)' >/dev/null 2>&1 && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.demo
READY := $(VENV)/.ready
MINIMUM := .venv-minimum
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TIMED := $(BIN)/python .ci/timed.py $(MAKE) --no-print-directory
# Tests start hundreds of processes, and each would compile all of its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-release test-minimum lint types spelling pytest pytest-portable pytest-slow \
	pytest-release docs docs-serve outputs pictures dist dist-again lock sbom bench bench-small growth walk format \
	clean man mutate schemas

help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(VENV)/pyvenv.cfg:
	@$(or $(PYTHON),false) -c '$(ENOUGH)' || { \
		echo 'Python 3.11 or newer with venv is needed (Debian: apt install python3-venv);' \
			'name one with: make PYTHON=/path/to/python3.12 ...' >&2; exit 1; }
	@echo 'setting up $(VENV) with $(PYTHON), once ...'
	@$(PYTHON) -m venv $(VENV)

$(RUN): pyproject.toml | $(VENV)/pyvenv.cfg
	@$(PIP) --editable '.[sandbox]'
	@touch $@

$(READY): pyproject.toml | $(VENV)/pyvenv.cfg
	@$(PIP) --upgrade 'pip>=25.1'
	@$(PIP) --editable '.[sandbox,keyring,metrics]' --group dev
	@touch $@ $(RUN)

setup: $(READY) ## Create .venv with everything that development needs

demo: $(RUN) ## Run the main job against the sandbox: validate, plan, apply, plan again
	@$(BIN)/reconciler demo

test: $(READY) ## Lint, type check, spell check and test; says at the end how long it took
	@$(TIMED) lint types spelling pytest

test-all: $(READY) ## The same, and the slow tests: browsers, workflows under act, every page of the documentation
	@$(TIMED) lint types spelling pytest pytest-slow

test-release: test-all pytest-release test-minimum ## All there is, for release day

lint: $(READY) ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## Check types
	$(BIN)/mypy

spelling: $(READY) ## Check the spelling of code and documentation
	$(BIN)/codespell

pytest: $(READY) ## Run the tests in parallel, without the slow ones
	$(BIN)/pytest --numprocesses logical --dist worksteal -m 'not slow and not release'

PORTABLE := tests/model tests/manifests tests/planning tests/rendering tests/ledger tests/cli/test_main_job.py \
	tests/cli/test_new_user.py

pytest-portable: $(READY) ## Run the tests that need nothing of one system alone, as CI does on macOS
	$(BIN)/pytest --numprocesses logical --dist worksteal -m 'not slow and not release' $(PORTABLE)

# Each worker collects for itself, and only these files have something for it.
pytest-slow: $(READY) ## Run the slow tests in parallel
	$(BIN)/pytest --numprocesses auto --dist worksteal -m 'slow and not release' \
		$$(grep -rl 'mark\.slow' tests --include='test_*.py' | sort)

pytest-release: $(READY) ## Run what belongs to release day: other interpreters, clean installs, whole lives under act
	$(BIN)/pytest --numprocesses auto --dist worksteal -m release

test-minimum: ## Test planning, manifests, tpp and cli with the oldest versions that pyproject.toml declares
	@$(or $(PYTHON),false) -m venv $(MINIMUM)
	@$(MINIMUM)/bin/python -m pip install --quiet --disable-pip-version-check --constraint .ci/minimum.txt \
		--editable '.[sandbox,keyring,metrics]' pytest pytest-xdist hypothesis trustme
	$(MINIMUM)/bin/python .ci/timed.py $(MINIMUM)/bin/pytest --numprocesses logical --dist worksteal -m 'not slow and not release' \
		--ignore tests/manifests/test_third_party.py --ignore tests/cli/test_pull_request.py \
		--deselect tests/cli/test_init.py::test_its_workflows_pass_the_checks_that_ours_pass \
		tests/planning tests/manifests tests/tpp tests/cli

mutate: $(READY) ## Change planning, applying, ledger and the writing half of tpp line by line: tests must notice (an hour)
	@$(PIP) --group mutate
	$(BIN)/python .ci/mutants.py $(MUTATE)

docs: $(READY) ## Build the documentation into site/; any warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

docs-serve: $(READY) ## Show the documentation on http://127.0.0.1:8000 while you write it
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

outputs: $(READY) ## Type the commands of README and documentation, and write what they print into the pages
	$(BIN)/python -m tests.docs.console $$(grep -rl '^```console' README.md docs --include='*.md')

pictures: $(READY) ## Make the pictures of README and documentation anew, in Chromium
	$(BIN)/python -m tests.docs.pictures

dist-again: dist ## Build both twice, hold the bytes against each other, and list what is locked
	@rm -rf build/first && mkdir -p build && mv dist build/first
	@$(MAKE) --no-print-directory dist
	diff build/first/SHA256SUMS dist/SHA256SUMS
	@$(MAKE) --no-print-directory sbom

dist: $(READY) ## Build sdist and wheel into dist/, the same bytes for the same commit
	@rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 1577836800) \
		$(BIN)/python -m hatchling build --directory dist
	cd dist && sha256sum * >SHA256SUMS

lock: | $(VENV)/pyvenv.cfg ## Resolve what the action installs anew, with hashes, into its lock file
	@$(PIP) pip-tools
	$(BIN)/pip-compile --quiet --generate-hashes --all-build-deps --allow-unsafe --strip-extras --no-header \
		--annotation-style line --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--extra metrics --upgrade --output-file .github/actions/reconciler/requirements.txt pyproject.toml

sbom: $(READY) ## Write a CycloneDX list of what the action's lock file installs to dist/sbom.cdx.json
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
		--output-format JSON --output-file dist/sbom.cdx.json .github/actions/reconciler/requirements.txt

bench: $(READY) ## Measure everything beside its peers, for about half an hour, into benchmarks/results.json
	$(BIN)/python -m benchmarks

bench-small: $(READY) ## A small part of it, which fails only on ratios that no noise explains
	$(BIN)/python -m benchmarks --rounds 3 --only start validate --gate --out $(VENV)/bench.json
	$(BIN)/python -m benchmarks --rounds 3 --only settled rendering --size 2000 --gate --out $(VENV)/bench-settled.json

schemas: $(READY) ## Write what the model declares of its members into the JSON Schemas
	$(BIN)/python -m docs.generating.declared

man: $(READY) ## Write a man page for each command into man/
	$(BIN)/python -m docs.generating.man man

growth: $(READY) ## Measure how cost grows with the ledger, up to 50,000 decisions and ledgers of years, for about an hour
	$(BIN)/python -m benchmarks.growth --years

walk: $(READY) ## Count the functions and files that a plan and an apply of one ticket pass
	$(BIN)/python -m benchmarks.walk

format: $(READY) ## Format the code and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove everything that was built
	rm -rf $(VENV) $(MINIMUM) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist site man
