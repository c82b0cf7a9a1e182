# All that it takes: Python 3.11 or newer, make and a package registry.
# `make` alone lists the targets. Variables can be given on the command line: make test PYTHON=python3.13

PYTHON ?= $(shell scripts/find-python)
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST = $(BIN)/pytest

# uv does not read pip's configuration: a registry named there is handed on.
UV = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null)}}" \
     $(BIN)/uv
INSTALL = $(UV) pip install --quiet --python $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- environments -------------------------------------------------------------------------------
# .venv holds what was asked for so far: .dev, .serve and .local are stamps of requirements/*.txt.

$(BIN)/uv: requirements/bootstrap.txt
	@test -n '$(PYTHON)'
	@echo 'Making $(VENV) with $(PYTHON)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.%: requirements/%.txt pyproject.toml $(BIN)/uv
	@echo 'Installing $<'
	@$(INSTALL) --require-hashes -r $<
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.sam/.installed: requirements/sam.txt $(BIN)/uv
	@echo 'Installing $<'
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python .sam
	@$(UV) pip install --quiet --python .sam/bin/python --require-hashes -r $<
	@touch $@

.PHONY: install sam-tools
install: $(VENV)/.dev ## Make .venv with everything that tests and checks need

sam-tools: .sam/.installed ## Make .sam with the AWS SAM CLI, which needs an environment of its own

# --- run ----------------------------------------------------------------------------------------

.PHONY: serve
serve: $(VENV)/.$(if $(UPSTREAM),serve,local) ## Serve the embedded model, or UPSTREAM=url MODEL=name (ARGS="…" for more)
	$(BIN)/toolbridge serve $(if $(UPSTREAM),--upstream '$(UPSTREAM)') $(if $(MODEL),--model '$(MODEL)') $(ARGS)

# --- test ---------------------------------------------------------------------------------------

.PHONY: test test-slow test-replies record-replies test-model test-agents cov fuzz
test: $(VENV)/.dev ## Run the fast tests on every processor (ARGS="-k decoder" for some, -n0 for one)
	$(PYTEST) -n auto -m 'not slow' $(ARGS)

test-slow: $(VENV)/.dev ## Run the tests that are marked as slow: the properties at greater length
	$(PYTEST) -n auto -m slow $(ARGS)

test-replies: $(VENV)/.dev ## Run the table of replies through HTTP in every way (EACH=8 for eight of each)
	REPLIES_EACH=$(or $(EACH),every) $(PYTEST) tests/test_replies_http.py $(ARGS)

record-replies: $(VENV)/.dev $(VENV)/.local ## Record what the embedded model writes into TO=folder, for the table
	$(BIN)/python -m tests.recording '$(or $(TO),recorded)' $(ARGS)

test-model: $(VENV)/.dev $(VENV)/.local ## Run the tests on the embedded model (downloads it once)
	$(PYTEST) --timeout=600 tests/model $(ARGS)

test-agents: $(VENV)/.dev $(VENV)/.local ## Run ten conversations of an agent on the embedded model
	AGENT_RUNS=10 $(PYTEST) tests/model/test_agent.py $(ARGS)

# The core computes and does nothing else, so every branch of it can be reached by a test.
CORE = bridge/*.py,bridge/dialects/*.py
cov: $(VENV)/.dev ## Run the fast and the slow tests with coverage; the core must have all of its branches
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto -m 'not measured' $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage report --include='$(CORE)' --omit=bridge/cli.py --fail-under=100

fuzz: $(VENV)/.dev ## Try the properties of the core at length (FUZZ_MINUTES=20, FUZZ_SEED, FUZZ_PROPERTY)
	FUZZ_MINUTES='$(FUZZ_MINUTES)' FUZZ_SEED='$(FUZZ_SEED)' FUZZ_PROPERTY='$(FUZZ_PROPERTY)' \
	  $(BIN)/python -m tests.properties.fuzz

# --- measure ------------------------------------------------------------------------------------

.PHONY: bench bench-check
bench: $(VENV)/.dev $(VENV)/.local ## Measure against baselines in the same run, and write benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks $(ARGS)

bench-check: $(VENV)/.dev ## Check what is counted of the benchmarks: steps, characters, tokens
	$(BIN)/python -m benchmarks.check

# --- check --------------------------------------------------------------------------------------

.PHONY: check format lock-check
check: $(VENV)/.dev lock-check ## Lint, format, types, architecture, template, secrets, lock
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/cfn-lint template.yaml instances.yaml
	BIN='$(BIN)' scripts/find-secrets

format: $(VENV)/.dev ## Format, and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# --- audit --------------------------------------------------------------------------------------
# Asks the package registries what is known to be vulnerable; without an answer it fails and says so.

.audit/.installed: requirements/audit.txt $(BIN)/uv
	@echo 'Installing $<'
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python .audit
	@$(UV) pip sync --quiet --python .audit/bin/python --require-hashes $<
	@touch $@

.PHONY: audit
audit: .audit/.installed ## Look up known vulnerabilities of every package that is pinned
	@BIN=.audit/bin scripts/audit

# --- lock ---------------------------------------------------------------------------------------
# One resolution for all supported Pythons and platforms. dev.txt is resolved first and constrains
# the others, so that they can share .venv and the function ships what was tested.

COMPILE = $(UV) pip compile --quiet --universal --python-version=3.11 --generate-hashes \
          --custom-compile-command='make lock' $(if $(UPGRADE),--upgrade)
SHARED = --constraints=requirements/dev.txt pyproject.toml

.PHONY: lock
lock: $(BIN)/uv ## Resolve the requirement files anew, keeping versions (UPGRADE=1 takes the newest)
	@$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	@$(COMPILE) requirements/sam.in -o requirements/sam.txt
	@$(COMPILE) requirements/audit.in -o requirements/audit.txt
	@$(COMPILE) pyproject.toml --extra=aws --extra=serve --group=dev -o requirements/dev.txt
	@$(COMPILE) $(SHARED) --extra=local -o requirements/local.txt
	@$(COMPILE) $(SHARED) --extra=serve -o requirements/serve.txt
	@$(COMPILE) $(SHARED) -o requirements.txt
	@$(COMPILE) $(SHARED) --extra=serve requirements/fuzz.in -o requirements/fuzz.txt
	@$(COMPILE) $(SHARED) --extra=serve requirements/clients.in -o requirements/clients.txt
	@$(COMPILE) --constraints=requirements.txt pyproject.toml --extra=serve requirements/clients-openai2.in \
	  -o requirements/clients-openai2.txt

lock-check: $(BIN)/uv
	@set -e; copy=$$(mktemp -d); trap 'rm -r "$$copy"' EXIT; \
	cp -pR pyproject.toml requirements requirements.txt scripts "$$copy"; \
	$(MAKE) --silent -C "$$copy" -f '$(CURDIR)/Makefile' VENV='$(abspath $(VENV))' UPGRADE= lock; \
	diff -r requirements "$$copy/requirements" && diff requirements.txt "$$copy/requirements.txt" || \
	{ echo 'The locks are not what pyproject.toml asks for: run make lock.' >&2; exit 1; }

# --- Lambda: build, deploy, invoke, test-lambda ---------------------------------------------------

include $(dir $(lastword $(MAKEFILE_LIST)))sam.mk

# --- a server besieged: test-siege, test-load -----------------------------------------------------

include $(dir $(firstword $(MAKEFILE_LIST)))tests/siege/siege.mk

# --- real clients: test-clients -------------------------------------------------------------------

include $(dir $(firstword $(MAKEFILE_LIST)))tests/clients/clients.mk

# --- fuzzers: fuzz-schemas --------------------------------------------------------------------------

include $(dir $(firstword $(MAKEFILE_LIST)))tests/fuzzing/fuzz.mk

# --- the rest -----------------------------------------------------------------------------------

include $(dir $(firstword $(MAKEFILE_LIST)))benchmarks/bench.mk

.PHONY: clean
clean: ## Remove environments, builds and caches
	rm -rf $(VENV) .audit .clients* .fuzz tests/clients/node/node_modules .sam .aws-sam .coverage htmlcov \
	  .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist/lambda
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
