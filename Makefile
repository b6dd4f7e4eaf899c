# make run: set up .venv, then run the demo through the whole workflow.  make test: run all tests.
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL := $(PIP) --require-hashes --requirement
COMPILE := uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links \
  --no-header --python-version 3.11

.PHONY: run test slurm-test browser-test lint docs picture site lock clean

# A terminal shows a bar for every stage. Snakemake's whole log is under .snakemake/log.
run: .venv/ready
	if [ -t 2 ]; then live="--logger rich"; fi; $(BIN)/snakemake --cores $(CORES) $$live

test: .venv/ready
	$(BIN)/pytest

# Starts a Slurm on this machine from Debian's packages and runs the cluster tests on it. Needs root.
slurm-test: .venv/slurm
	tests/slurm/loopback.sh start
	$(BIN)/pytest tests/slurm; status=$$?; tests/slurm/loopback.sh stop; exit $$status

# Opens the report in a browser. Needs an installed Chromium.
browser-test: .venv/site
	$(BIN)/pytest tests/browser

lint: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint

# Writes the reference pages under docs/ from the code.
docs: .venv/ready
	$(BIN)/python docs/generate.py

# Draws the picture of the README with the detectors of the demo.
picture: run
	$(BIN)/python docs/picture.py

# Builds the pages of docs/ as a site, site/index.html. A broken link is an error.
site: .venv/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# Pins every version with its hashes. Needs uv. Addresses of registries are left out.
lock:
	$(COMPILE) pyproject.toml --extra workflow --group dev --output-file requirements.lock
	for group in slurm site; do \
	  $(COMPILE) --group $$group --constraint requirements.lock --output-file requirements.$$group.lock; done

clean:
	rm -rf results resources/demo .snakemake site

# Two stamp files: after a change of pyproject.toml alone, only the project is installed again, not all packages.
.venv/packages: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "soundsift needs Python 3.11 or newer, found " + sys.version.split()[0])'
	@echo 'Setting up .venv: a few minutes, 3 GB'
	@$(PYTHON) -m venv .venv
	@$(INSTALL) requirements.lock
	@touch $@

.venv/ready: .venv/packages pyproject.toml
	@$(PIP) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# Additional packages: for a Slurm cluster; for the site and the browser tests.
.venv/slurm .venv/site: .venv/%: .venv/packages requirements.%.lock | .venv/ready
	$(INSTALL) requirements.$*.lock
	touch $@
