# Every target sets up .venv by itself and prints the commands it runs.
#
#   make book        run the notebooks and write the site to _build/html
#   make test        lint, types, unit tests, notebooks under nbval, the site in a real browser
#   make notebooks   run every notebook and compare its outputs
#   make lint        ruff, mypy, numpydoc
#   make serve       show the built site on http://localhost:8000
#   make clean       remove what was built (the environment too: make distclean)

SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Idle OpenMP threads sleep instead of spinning: two busy processes stay fast.
export OMP_WAIT_POLICY := PASSIVE
export MPLBACKEND := agg
export PYTHONUTF8 := 1

.PHONY: help
help:
	@sed -n 's/^#   //p' Makefile

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "txlite needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt "$(TORCH)"
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[book,test]'
	@touch $@
