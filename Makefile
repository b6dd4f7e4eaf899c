# make run: set up .venv, then run the demo through the whole workflow.  make test: run all tests.
# The same range as in pyproject.toml.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
GIVEN := $(if $(filter command environment,$(origin PYTHON)),$(PYTHON))
override PYTHON := $(or $(PYTHON),$(shell for name in python3 python3.13 python3.12 python3.11; do \
  $$name -c '$(SUPPORTED)' 2>/dev/null && echo $$name && break; done),python3)
# uv, if it works, sets up faster than pip. It does not read pip's settings; make UV= uses pip.
UV := $(if $(filter undefined,$(origin UV)),$(shell uv --version >/dev/null 2>&1 && command -v uv),$(UV))
override CORES := $(or $(CORES),$(shell nproc 2>/dev/null || sysctl -n hw.ncpu))
BIN := .venv/bin
ifneq ($(filter-out clean lock,$(or $(MAKECMDGOALS),run)),)
# .venv may be a link, also to a folder that does not exist yet, but not to a file, to itself or to this folder.
SOUND := import os, pathlib, sys; here = pathlib.Path.cwd(); place = pathlib.Path(".venv").resolve(); \
  sys.exit(place in (here, *here.parents) or not next(p for p in (place, *place.parents) if os.path.lexists(p)).is_dir())
IS_SOUND = [ -d .venv ] && [ ! -L .venv ] || ! "$(PYTHON)" -c '' >/dev/null 2>&1 || "$(PYTHON)" -c '$(SOUND)' >/dev/null 2>&1
ifneq ($(shell $(IS_SOUND) || echo no),)
$(error soundsift: .venv is neither a folder nor a link to one of its own: delete it and run make again)
endif
ifneq ($(UV),)
ifneq ($(shell "$(UV)" --version >/dev/null 2>&1 || echo no),)
$(error soundsift: UV=$(UV) does not work: name a program uv, or write make UV= to set up with pip)
endif
endif
# Programs in .venv name their interpreter: in line 1, or in line 2 if its path is long or has a space.
GONE := $(shell path="$$(sed -n '1,2s/^[^/]*\(\/.*\/python[a-z0-9.]*\).*/\1/p' $(BIN)/snakemake 2>/dev/null)"; \
  [ -z "$$path" ] || [ -e "$$path" ] || printf %s "$$path")
ifneq ($(GONE),)
$(error .venv was made with $(GONE), which is gone, or this folder was moved: delete .venv and run make again)
endif
VERSION := import sys; print(*sys.version_info[:2])
ifneq ($(GIVEN),)
$(shell [ ! -x $(BIN)/python ] || [ "$$("$(GIVEN)" -c '$(VERSION)' 2>/dev/null)" = "$$($(BIN)/python -c '$(VERSION)')" ] || \
  echo "soundsift: PYTHON=$(GIVEN) is not used, because .venv has $$($(BIN)/python --version): delete .venv to change it" >&2)
endif
endif
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# venv makes no environment at a link.
PLACE := import os; print(os.path.relpath(os.path.realpath(".venv")))
# The locks are complete: --no-deps.
INSTALL = $(if $(UV),"$(UV)" pip install --quiet --python .venv,$(PIP) --no-compile) --no-deps --require-hashes --requirement
# Once for all packages, on all cores. pip would use one core. Some packages hold files that are no valid Python.
BYTECODE := $(BIN)/python -W ignore -m compileall -qq -j 0 -x /tests/ .venv/lib || true
# yt-dlp requires a certifi that some package mirrors do not hold yet. Any recent version works. This is said here and not
# in pyproject.toml, because uv would apply it to installations too and refuse the hash in the lock.
COMPILE := echo 'certifi>=2026.7' | uv pip compile --override - --quiet --universal --fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links \
  --no-header --python-version 3.11

.PHONY: run test slurm-test browser-test lint docs picture site lock clean

# A terminal shows a bar for every stage. Snakemake's whole log is under .snakemake/log.
run: .venv/ready
	@[ -d results ] || echo 'Running the demo: about three minutes on two cores. Then open results/report.html.'
	@live=; if [ -t 2 ]; then live="--logger rich"; fi; $(BIN)/snakemake --cores $(CORES) $$live

# In six processes, also on two cores, because some tests wait for a server. A process without tests takes those of others.
# Tests on Slurm are left out, also where a Slurm runs: make slurm-test.
test: .venv/dev .venv/ready
	$(BIN)/pytest --ignore tests/slurm -n 6 --dist worksteal --durations 20

# Starts a Slurm on this machine from Debian's packages and runs the cluster tests on it. Needs root.
slurm-test: .venv/dev .venv/slurm .venv/ready
	tests/slurm/loopback.sh start
	trap 'exit 143' TERM; trap 'tests/slurm/loopback.sh stop' EXIT; $(BIN)/pytest tests/slurm

# Opens the report in a browser. Needs an installed Chromium.
browser-test: .venv/dev .venv/site .venv/ready
	$(BIN)/pytest tests/browser

lint: .venv/dev .venv/ready
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
site: .venv/site .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# Pins every version with its hashes. Needs uv. Addresses of registries are left out.
lock:
	$(COMPILE) pyproject.toml --extra workflow --group build --output-file requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock --output-file requirements.dev.lock
	for group in slurm site; do \
	  $(COMPILE) --group $$group --constraint requirements.lock --constraint requirements.dev.lock \
	    --output-file requirements.$$group.lock; done

clean:
	rm -rf results resources/demo .snakemake site

# Two stamp files: after a change of pyproject.toml alone, only the project is installed again, not all packages.
.venv/packages: requirements.lock
	@"$(PYTHON)" -c '$(SUPPORTED)' 2>/dev/null || { command -v "$(PYTHON)" >/dev/null \
	  && found="found $$("$(PYTHON)" --version 2>&1 | head -n 1)" || found="not found: $(PYTHON)"; \
	  echo "soundsift needs Python 3.11, 3.12 or 3.13, $$found: make run PYTHON=python3.13" >&2; exit 1; }
	@echo 'Setting up .venv with $(if $(UV),uv,pip): 0.7 GB to download, 2.7 GB on disk, two to four minutes.'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv "$$("$(PYTHON)" -c '$(PLACE)')"
	@$(BIN)/python -c '$(SUPPORTED)' 2>/dev/null || { found="$$($(BIN)/python --version 2>/dev/null)"; \
	  echo "soundsift: .venv has $${found:-no Python that works}: delete it and run make again" >&2; exit 1; }
	@$(INSTALL) requirements.lock
	@$(BYTECODE)
	@touch $@

.venv/ready: .venv/packages pyproject.toml
	@$(PIP) --no-index --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m soundsift.numba_cache
	@touch $@

# Additional packages: for tests and lint; for a Slurm cluster; for the site and the browser tests.
.venv/dev .venv/slurm .venv/site: .venv/%: .venv/packages requirements.%.lock
	$(INSTALL) requirements.$*.lock
	$(BYTECODE)
	touch $@
