# One command a job. On a fresh clone `make demo` and `make test` first make what they need, an
# environment in .venv; that takes Python 3.11 or newer, make, and a package index.

# The first of these that is new enough is taken; `make test PYTHON=/path/to/python` says which.
PYTHON ?= python3.11 python3.12 python3.13 python3.14 python3 python
# More for pytest, such as ARGS="tests/sdk -x".
ARGS ?=
# What `make bench` measures, such as ROWS="poll suite"; all if empty.
ROWS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
OLD_SDK := 1.24.6

.DEFAULT_GOAL := help
# Two targets at once would mean two pips in one environment.
.NOTPARALLEL:
.PHONY: help demo test lint types check bench build glyphs clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo  ## watch it work, offline: generate, record, replay
	@$(BIN)/wanx-sim demo

test: $(VENV)/.test $(VENV)/sdk-$(OLD_SDK)  ## run all tests
	@$(BIN)/python -m pytest -p tests.house.left_out -n auto --maxprocesses 8 --dist worksteal $(ARGS)

lint: $(VENV)/.dev  ## ruff: rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(VENV)/.dev  ## mypy, strict
	@$(BIN)/mypy

check: lint types test  ## lint, types and test

bench: $(VENV)/.test  ## what it costs, against peers and limits; about a quarter of an hour
	@$(BIN)/python -m benchmarks -o benchmarks/results/latest.json $(ROWS)

build: $(VENV)/.test  ## wheel and sdist, into dist/
	@$(BIN)/python -m build --outdir dist

glyphs: $(VENV)/.glyphs  ## redraw the simulator's glyphs from Noto Sans SC
	@$(BIN)/python scripts/make_glyphs.py

clean:  ## remove what these targets made, .venv included
	rm -rf $(VENV) benchmarks/.peers benchmarks/results dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# --- the environment: a stamp for each set of packages, made anew when pyproject.toml changes -----

$(VENV)/.made:
	@found=; bare=; \
	for name in $(PYTHON); do \
	    "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    "$$name" -c 'import ensurepip, venv' 2>/dev/null && found=$$name && break; \
	    bare=$$name; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	    echo "$$bare cannot make an environment: its venv or ensurepip module is missing." >&2; \
	    echo "On Debian or Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; \
	elif [ -z "$$found" ]; then \
	    echo "Python 3.11 or newer is needed; looked for: $(PYTHON)." >&2; \
	    echo "Say where it is: make $(MAKECMDGOALS) PYTHON=/path/to/python" >&2; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$found ($$("$$found" --version))"; \
	"$$found" -m venv $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.made
	@echo "Installing wanx-kit[sim] into $(VENV), once"
	@$(PIP) install --editable '.[sim]'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.made
	@echo "Installing wanx-kit with its extras and test packages into $(VENV), once; a minute or so"
	@$(PIP) install 'pip>=25.1'  # the first that knows --group
	@$(PIP) install --editable '.[sim,redis,httpx2,tls,interop]' --group test
	@touch $(VENV)/.demo $@

$(VENV)/.dev: pyproject.toml $(VENV)/.test
	@echo "Installing ruff and mypy into $(VENV), once"
	@$(PIP) install --group lint
	@touch $@

$(VENV)/.glyphs: pyproject.toml $(VENV)/.test
	@$(PIP) install --group glyphs
	@touch $@

# The official SDK as it was in 2025, beside that of today, whose dependencies serve it too. The
# tests can do without, and say so; the next run tries again.
$(VENV)/sdk-$(OLD_SDK): | $(VENV)/.test
	@echo "Laying dashscope $(OLD_SDK) into $@, once"
	@$(PIP) install --target $@ --no-deps dashscope==$(OLD_SDK) || echo "dashscope $(OLD_SDK) could not be had"
