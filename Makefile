# make run: set up, then the demo through the whole workflow.  make test: all tests.
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement
COMPILE := uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links \
  --no-header --python-version 3.11

.PHONY: run test slurm-test browser-test lint docs site lock clean

# on a terminal with a bar for every stage; Snakemake's whole log is under .snakemake/log
run: .venv/ready
	if [ -t 2 ]; then live="--logger rich"; fi; $(BIN)/snakemake --cores $(CORES) $$live

test: .venv/ready
	$(BIN)/pytest

# on a Slurm of this machine's own, installed from Debian's packages and started for it (needs root)
slurm-test: .venv/slurm
	tests/slurm/loopback.sh start
	$(BIN)/pytest tests/slurm; status=$$?; tests/slurm/loopback.sh stop; exit $$status

# the report as readers use it, in a Chromium that is there already
browser-test: .venv/site
	$(BIN)/pytest tests/browser

lint: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint

# the reference pages under docs/, from the code
docs: .venv/ready
	$(BIN)/python docs/generate.py

# the pages of docs/ as a site, site/index.html; a link that leads nowhere fails
site: .venv/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# every version with its hashes, without the address of any registry
lock:
	$(COMPILE) pyproject.toml --extra workflow --group dev --output-file requirements.lock
	for group in slurm site; do \
	  $(COMPILE) --group $$group --constraint requirements.lock --output-file requirements.$$group.lock; done

clean:
	rm -rf results resources/demo .snakemake site

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "soundsift needs Python 3.11 or newer, found " + sys.version.split()[0])'
	@echo 'Setting up .venv: a few minutes, 3 GB'
	@$(PYTHON) -m venv .venv
	@$(INSTALL) requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# what a Slurm cluster takes besides, and what the site and the browser tests do
.venv/slurm .venv/site: .venv/%: .venv/ready requirements.%.lock
	$(INSTALL) requirements.$*.lock
	touch $@
