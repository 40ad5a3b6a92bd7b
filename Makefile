# `make` alone says what there is. The commands use the active environment: see CONTRIBUTING.md.
PYTHON ?= python

.DEFAULT_GOAL := help
.PHONY: help install test fast lint format regen build mutation

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

install: ## Install the package and all that development needs
	$(PYTHON) -m pip install -e '.[dev]'

test: ## Run all tests
	$(PYTHON) -m pytest

# Parts that start no bots and few servers; the others have as many tests, and take two minutes more.
FAST = accounts diagnosis model nonce render test_layers.py test_redact.py test_errors.py checks/test_session.py

fast: ## Run the tests of the core that are not marked slow
	$(PYTHON) -m pytest -q -m "not slow" $(addprefix tests/,$(FAST))

lint: ## Check style, layers and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	@if grep -q '^\[tool.importlinter' pyproject.toml; then lint-imports; fi
	$(PYTHON) -m mypy

format: ## Correct what the linter can correct by itself
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

regen: ## Write all generated pages and snapshots anew
	$(PYTHON) -m docs
	$(PYTHON) -m pytest -q --snapshot-update tests/diagnosis/test_said.py

build: ## Build wheel and sdist into dist/
	$(PYTHON) -m hatchling build

mutation: ## Mutation tests, in a clone, an hour: docs/mutation.md
	$(PYTHON) -m benchmarks.mutation
