SHELL := bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help

# The first Python that Lambda runs too (3.11 to 3.13); `make PYTHON=…` takes another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PROJECTS := components policies sandbox
ARGS ?=
# A container that keeps Python from writing bytecode would have every process compile what it imports.
unexport PYTHONDONTWRITEBYTECODE
# A .venv whose Python is gone, or is another one than is named, is made anew.
ANY := $(if $(filter file,$(origin PYTHON)),any)
ifneq ($(wildcard .venv/.run),)
$(shell ./setup.sh - "$(PYTHON)" $(ANY) || rm -f .venv/.run .venv/.dev .venv/.docs)
endif
SEEDS ?= 1 2 3 4 5 6 7 8 9 10

.PHONY: help demo soak smoke-aws test check screenshots iam-proof policies bench lint format lock release docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.run ## Deploy the pipeline into the embedded AWS and run orders through it (ARGS="--help" shows the options)
	@seconds=$$(cat .venv/.install-seconds); echo 0 > .venv/.install-seconds; \
	SANDBOX_INSTALL_SECONDS=$$seconds exec $(BIN)/python -m pipeline demo $(ARGS)

soak: .venv/.run ## Send 1,000 orders over ten seeds while every edge between services fails (SEEDS="3 7" picks, ARGS="--faults outage:dynamodb")
	@failed=; trap 'wait; exit 130' INT; trap 'kill $$!; wait; exit 143' TERM HUP; for seed in $(SEEDS); do \
		$(BIN)/python -m pipeline soak --orders 100 --seed $$seed $(ARGS) & wait $$! || failed="$$failed $$seed"; done; \
	if [ -n "$$failed" ]; then echo "Out of balance with the seeds:$$failed" >&2; exit 1; fi

smoke-aws: .venv/.run ## Send orders through a stack that is deployed on AWS, after asking (ARGS="--stack dev --orders 20")
	@$(BIN)/python -m pipeline demo --target aws $(ARGS)

test: .venv/.dev ## Run all tests (ARGS="-k name" picks some)
	@$(BIN)/python -m pytest $(ARGS)

screenshots: .venv/.dev ## Take the pictures of docs/images anew, by the tests that use the console in a browser
	@SCREENSHOTS=docs/images $(BIN)/python -m pytest -q -n0 tests/browser $(ARGS)

iam-proof: .venv/.run ## Show that every statement of every role is needed (ARGS="--only get-order" picks roles, "--program FOLDER" another program)
	@$(BIN)/python -m pipeline iam-proof $(ARGS)

policies: .venv/.run ## Check the stacks against the policy pack (ARGS="--stack dev" picks one)
	@$(BIN)/eda-policies check --default orders:external_api_url=http://127.0.0.1:8080 $(ARGS)

check: lint .venv/.dev ## Lint, types and the quick tests that need no embedded AWS, for the minute between two edits
	@EXAMPLES=few $(BIN)/python -m pytest -q -n auto tests/unit tests/policies tests/runtime -m "not embedded and not slow" $(ARGS)

bench: .venv/.dev ## Run all measurements and write their page, about an hour (ARGS="--only requests" picks, "--quick" tries)
	@$(BIN)/python -m bench $(ARGS)

lint: .venv/.dev ## Check style, types, the house's walls and each project's dependencies
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && PYTHONPATH=. $(BIN)/lint-imports --no-logo
	@$(BIN)/deptry pipeline functions && for project in $(PROJECTS); do (cd $$project && ../$(BIN)/deptry .) || exit 1; done
	@$(BIN)/mypy

format: .venv/.dev ## Put the code into its form
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock: .venv/.dev ## Write the lock files anew from pyproject.toml
	@compile="$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command 'make lock' pyproject.toml $(PROJECTS:%=%/pyproject.toml)"; \
	eval "$$compile -o requirements.lock" && eval "$$compile --group dev -c requirements.lock -o requirements-dev.lock" && \
	eval "$$compile --group dev --group docs -c requirements-dev.lock -o requirements-docs.lock"

release: .venv/.dev ## Do all of a release but publishing it, in a copy of what is committed (ARGS="0.3.0" names the version)
	@$(BIN)/python release.py try $(ARGS)

docs: .venv/.docs ## Build the site of all pages into .cache/site, and check its links
	@$(BIN)/python -m pipeline.site

clean: ## Remove what the other commands made
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache $(PROJECTS:%=%/build) $(PROJECTS:%=%/dist)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.run: requirements.lock $(PROJECTS:%=%/pyproject.toml)
	@./setup.sh requirements.lock "$(PYTHON)" $(ANY) && touch $@

.venv/.dev: requirements-dev.lock $(PROJECTS:%=%/pyproject.toml)
	@./setup.sh requirements-dev.lock "$(PYTHON)" $(ANY) && touch $@ .venv/.run

.venv/.docs: requirements-docs.lock $(PROJECTS:%=%/pyproject.toml)
	@./setup.sh requirements-docs.lock "$(PYTHON)" $(ANY) && touch $@ .venv/.run .venv/.dev
