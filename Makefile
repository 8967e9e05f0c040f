# Everything that can be done with the book. `make` prints this list; CI runs
# the same targets. The first run sets up .venv from requirements.lock.

PYTHON ?= python3
NB     ?= chapters
SCALE  ?=
SHARD  ?=
# Of `pretend` and `visible`: only pages that differ from this commit.
SINCE  ?=
# What is recorded on a GPU, and where the results are left.
CHAPTER ?= 5
OUT    ?= .gpu/out
# What `mutants` breaks; how many lines of it, or repeats for `seeds`.
MUTATED ?= d2l/batching.py d2l/check.py d2l/data d2l/fetch d2l/layers d2l/train
N      ?=
# So many notebooks, or tests, at once.
JOBS   ?= 2

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
RUN := $(BIN)/python

ifneq ($(SCALE),)
export D2L_SCALE := $(SCALE)
endif

# Several at once share the cores; threads on top of that would only wait.
unit notebooks record visible: export OMP_NUM_THREADS ?= 1

# Whatever a user's settings say, packages go into the environment.
export PIP_USER := 0

# The mark says where the environment was made: it does not survive a move.
READY := .venv/ready
MOVED := $(shell test -s $(READY) && \
	test "`cat $(READY)`" != "`cd -P .venv && pwd`" && echo moved)
BUILT := _build/built
SOURCES := _config.yml _toc.yml index.md references.bib README.md \
	$(wildcard chapters/*/*.md chapters/*/*.ipynb chapters/plan.tsv \
	_ext/*.py _static/* tools/*.py d2l/*.py d2l/*/*.py)

.PHONY: help book test lint types unit notebooks site record visible pretend bench \
	seeds mutants lab serve clean lock publish pack gpu moved

help: ## print this list
	@echo "usage: make TARGET [NB=chapters/03-basics/06-*] [SCALE=full|small]"
	@sed -nE 's/^([a-z]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 14

book: $(BUILT) ## build the site into _build/html

test: lint types unit notebooks site ## run every check below, in order

lint: $(READY) ## style, import direction, workflow files
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows \
		.github/workflows/*.yml

types: $(READY) ## static types
	$(RUN) -m mypy

unit: $(READY) ## tests of the package, the tools and the text
	$(RUN) -m pytest tests/d2l tests/tools tests/book -n $(JOBS) -q

notebooks: $(READY) ## re-execute the notebooks, compare, check every claim
	$(RUN) -m tools.nbcheck $(NB) -n $(JOBS) $(if $(SHARD),--shard $(SHARD))

site: $(BUILT) ## look at the built site in a real browser
	$(RUN) -m pytest tests/site -q

record: $(READY) ## execute NB=... and store outputs and stamp
	$(RUN) tools/record.py $(NB) $(if $(SCALE),--scale $(SCALE))

pack: $(READY) ## collect what a GPU machine lacks to record CHAPTER=5
	$(RUN) -m tools.gpu_record pack --chapter $(CHAPTER) $(if $(THERE),--there $(THERE))

gpu: ## on that machine: record CHAPTER=5 at full scale into OUT=...
	$(PYTHON) -m tools.gpu_record run --chapter $(CHAPTER) --out $(OUT)

visible: $(READY) ## run the visible cells of NB=... alone
	$(RUN) -m tools.visible \
		$(if $(SINCE),--changed-since $(SINCE),$(NB))

pretend: $(READY) ## run NB=... on a GPU or Mac (AS=cuda|mps) that is not there
	$(RUN) -m tests.pretend --fast $(if $(AS),--as $(AS)) \
		$(if $(SINCE),--changed-since $(SINCE),$(NB))

bench: $(READY) ## data and training speed against the usual code
	$(RUN) -m tools.bench

seeds: $(READY) ## repeat NB=... with N=10 other seeds; name doubtful bounds
	$(RUN) -m tools.seeds $(NB) $(if $(N),-n $(N))

mutants: $(READY) ## break lines of d2l; show which no test notices
	$(RUN) -m tools.mutants $(MUTATED) $(if $(N),-n $(N))

lab: $(READY) ## open the book as notebooks
	$(RUN) -m jupyterlab

serve: $(BUILT) ## show the site at localhost:8000
	$(RUN) -m http.server 8000 --bind 127.0.0.1 --directory _build/html

clean: ## remove what was built; .venv and data/cache stay
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis

lock: $(READY) ## write requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade \
		--python-version 3.11 --all-extras --no-emit-index-url --no-header \
		--no-annotate --output-file requirements.lock pyproject.toml

publish: $(READY) ## leave the notebooks for Colab and Binder in _build/notebooks
	$(RUN) -m tools.publish $(if $(PUSH),--push)

$(READY): requirements.lock pyproject.toml $(MOVED)
	$(PYTHON) -m venv $(if $(MOVED),--clear) .venv
	$(RUN) -m pip install --quiet --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@(cd -P .venv && pwd) > $(READY)

moved: ;

# A warning fails the build; what a failed build left behind must not let the
# next one pass, because Sphinx reports only on pages that it reads again.
# Every page is written: a new title stands in the side bar of all of them.
$(BUILT): $(READY) $(SOURCES)
	$(BIN)/jupyter-book build . --all -W -n --keep-going --quiet \
		|| (rm -rf _build/html _build/.doctrees; exit 1)
	@touch $(BUILT)
