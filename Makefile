# qingshan. Needs make and Python >= 3.11; everything else goes into .venv and web/node_modules.
# Recipes are POSIX sh and use relative paths only, so a checkout may lie in a folder whose name has spaces.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PY := .venv/bin/python
ZONE ?= guizhou
PORT ?= 8765
PYTEST_ARGS ?=

export UV_PROJECT_ENVIRONMENT := .venv
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUTF8 := 1
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { sub(/%/, "NAME", $$1); printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# --- environment: .venv/.run and .venv/.dev are stamps, newer than what they were made from --------------------------

node_found = $(shell node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' >/dev/null 2>&1 && echo yes)
web_group = $(if $(node_found),,--group web)

# $(call sync,arguments of uv sync): uv on PATH, else uv installed by pip into .venv, else pip with the exported lock.
define sync
@set -eu; \
if command -v uv >/dev/null 2>&1; then \
  echo "environment: uv sync --frozen $(1)"; \
  uv sync --quiet --frozen --inexact $(1); \
else \
  if ! [ -x $(PY) ]; then \
    python=; \
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
      if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
    done; \
    if [ -z "$$python" ]; then \
      echo "qingshan needs Python 3.11 or newer, or uv. Found: $$(python3 --version 2>&1 || true)" >&2; exit 1; \
    fi; \
    echo "environment: $$python -m venv .venv"; \
    "$$python" -m venv .venv || { rm -rf .venv; \
      echo "Python's venv module does not work here. On Debian and Ubuntu install python3-venv, or install uv." >&2; exit 1; }; \
  fi; \
  if [ -x .venv/bin/uv ] || $(PY) -m pip install --quiet uv; then \
    echo "environment: .venv/bin/uv sync --frozen $(1)"; \
    .venv/bin/uv sync --quiet --frozen --inexact $(1); \
  else \
    echo "environment: no uv to be had; pip install -r requirements.txt"; \
    $(PY) -m pip install --quiet -r requirements.txt; \
    $(PY) -m pip install --quiet --no-deps --editable .; \
  fi; \
fi
endef

.venv/.run: pyproject.toml uv.lock
	$(call sync,--all-extras --no-default-groups $(web_group))
	@touch $@

.venv/.dev: pyproject.toml uv.lock
	$(call sync,--all-extras --group dev $(web_group))
	@touch .venv/.run $@

.PHONY: setup
setup: .venv/.dev ## make .venv with everything a developer needs, as locked

# --- web assets: rebuilt only when something under web/ changed ------------------------------------------------------

WEB_OUT := src/qingshan/faces/web/static/dist
WEB_SOURCES := $(shell find web -name node_modules -prune -o -type f ! -name .built -print 2>/dev/null)
with_node = $(if $(node_found),,PATH="$$PWD/.venv/bin:$$PATH" &&)

web/node_modules/.package-lock.json: web/package.json web/package-lock.json | .venv/.run
	@echo "web: npm ci"
	@$(with_node) cd web && npm ci --silent --no-fund --no-audit
	@touch $@

web/.built: $(WEB_SOURCES) web/node_modules/.package-lock.json $(if $(wildcard $(WEB_OUT)/*),,web-missing)
	@echo "web: npm run build"
	@$(with_node) cd web && npm run --silent build
	@touch $@

.PHONY: web web-missing
web: web/.built ## build the browser sources into the package
web-missing:

# --- use -------------------------------------------------------------------------------------------------------------

.PHONY: run
run: .venv/.run web/.built ## compute the built-in zone and serve it on loopback (ZONE=, PORT= or the next free)
	@set -eu; export QINGSHAN_HOME="$$PWD/.qingshan"; \
	.venv/bin/qingshan run --zone "$(ZONE)"; \
	exec .venv/bin/qingshan serve --zone "$(ZONE)" --port "$(PORT)"

# --- checks ----------------------------------------------------------------------------------------------------------

.PHONY: test
test: .venv/.dev ## run the tests that need no browser (PYTEST_ARGS=)
	@$(PY) -m pytest -m "not browser" -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

.PHONY: kill-test
kill-test: .venv/.dev ## kill -9 the ledger 1,000 times, a load of readings 240 times; nothing acknowledged may be lost (ROUNDS=)
	@QINGSHAN_KILL_ROUNDS="$(or $(ROUNDS),1000)" $(PY) -m pytest -s tests/ledger/test_kill.py $(PYTEST_ARGS)
	@QINGSHAN_KILL_ROUNDS="$(or $(ROUNDS),240)" $(PY) -m pytest tests/observe/series/test_kill.py $(PYTEST_ARGS)

.PHONY: browser
browser: .venv/.dev web/.built ## run the browser tests; installs Chromium where apt-get and root allow
	@command -v chromium >/dev/null 2>&1 || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 \
	  || { echo "The browser tests need Chromium: install your system's chromium package." >&2; exit 1; }; \
	  echo "browser: apt-get install chromium fonts-noto-cjk"; \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium fonts-noto-cjk >/dev/null; }
	@$(PY) -m pytest -m browser $(PYTEST_ARGS)

uv = $(if $(shell command -v uv),uv,.venv/bin/uv)
export_lock = $(uv) export --quiet --frozen --all-extras --all-groups --no-hashes --no-emit-project --no-annotate --no-header

.PHONY: lint
lint: .venv/.dev ## ruff, import layers, types, and that the lock is current
	@echo "lint: ruff check"; .venv/bin/ruff check --quiet --output-format concise .
	@echo "lint: ruff format"; .venv/bin/ruff format --check --quiet --output-format concise .
	@echo "lint: import layers"; .venv/bin/lint-imports --no-logo
	@echo "lint: mypy"; $(PY) -m mypy
	@echo "lint: uv.lock and requirements.txt"; $(uv) lock --check --quiet
	@$(export_lock) | cmp - requirements.txt || { echo "requirements.txt is not what uv.lock says: run make lock" >&2; exit 1; }

.PHONY: lock
lock: ## bring uv.lock and requirements.txt up to date with pyproject.toml
	@$(uv) lock --quiet
	@$(export_lock) > requirements.txt

.PHONY: docs
docs: .venv/.dev ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet
	@echo "docs: site/index.html"

bench-%: .venv/.dev ## run benchmarks/NAME.py, write benchmarks/out/NAME.json and print a table
	@$(PY) -m benchmarks.$(subst -,_,$*)

.PHONY: clean
clean: ## remove what make made; your runs in .qingshan stay
	@rm -rf .venv site build dist web/node_modules web/.built "$(WEB_OUT)" benchmarks/out benchmarks/peers/*/.venv
	@rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	@find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
