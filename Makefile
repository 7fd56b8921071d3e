# Two commands matter: `make reproduce` and `make test`. Both install what they need first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough and really runs (a pyenv shim may exist and not run).
PYTHON = $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
REPRODUCE_OPTIONS ?=
TEST_OPTIONS ?= -n 3 --dist loadfile --no-loadscope-reorder
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: help reproduce test install install-dev lint types imports docstrings format benchmarks clean

help:
	@echo "make reproduce   install sulfox, run the main job, write reports/gsirr/index.html"
	@echo "make test        install sulfox with its test tools, run the tests"
	@echo "make gpaw        install GPAW, the open DFT engine (make reproduce tries it too)"
	@echo "make lint types imports docstrings   the checks that .ci/run adds"
	@echo "make benchmarks  ratios against named peers"

reproduce: install
	$(BIN)/sulfox engines fetch nep89
	@$(MAKE) --no-print-directory gpaw || echo "going on without GPAW: the band centres are left out"
	$(BIN)/sulfox reproduce gsirr --out reports/gsirr $(REPRODUCE_OPTIONS)

test: install-dev
	$(BIN)/sulfox engines fetch nep89
	$(BIN)/python -m pytest $(TEST_OPTIONS)

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

# Python itself and its venv module come from the system; a minimal Debian or Ubuntu has neither.
.PHONY: system-python
system-python:
	@[ -n "$(PYTHON)" ] && $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { command -v apt-get >/dev/null && echo "installing python3 and python3-venv" && \
	    $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q python3 python3-venv; }

$(BIN)/python: | system-python
	@[ -n "$(PYTHON)" ] || \
	  { echo "sulfox needs Python 3.11 or newer; found $$(python3 --version 2>&1). Install python3.11 or newer."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[mlip,report]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[mlip,report,vasp,remote,fireworks,dev]'
	@touch $@ $(VENV)/.installed

# A private SLURM in a temporary folder, with every fault; apt-get runs only where SLURM is missing.
.PHONY: test-slurm system-slurm
test-slurm: install-dev system-slurm
	$(BIN)/sulfox engines fetch nep89
	SULFOX_SLURM_FAULTS=all $(BIN)/python -m pytest -v -m slurm tests/live

system-slurm:
	@missing() { for p in munged slurmctld slurmd; do PATH=$$PATH:/usr/sbin command -v $$p >/dev/null || echo $$p; done; }; \
	if [ -n "$$(missing)" ] && command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || [ -n "$(SUDO)" ]; }; then \
	  echo "installing slurm-wlm and munge" && \
	  { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends slurm-wlm munge; } || true; fi; \
	[ -z "$$(missing)" ] || echo "no private SLURM: $$(missing | xargs) missing; its tests are skipped"

# GPAW is optional: an open DFT code that computes the electronic structure on this machine. Its
# sources need a C++ compiler, libxc and a BLAS library; apt-get runs only where one is missing.
.PHONY: gpaw
gpaw: $(VENV)/.installed-gpaw

$(VENV)/.installed-gpaw: | $(BIN)/python
	@missing() { command -v g++ >/dev/null || echo g++; command -v pkg-config >/dev/null || echo pkg-config; \
	  echo '#include <xc.h>' | g++ -E - >/dev/null 2>&1 || echo libxc-dev; \
	  echo '#include <cblas.h>' | g++ -E $$(pkg-config --cflags openblas 2>/dev/null) - >/dev/null 2>&1 || echo libopenblas-dev; \
	  echo '#include <Python.h>' | g++ -E -I"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')" - >/dev/null 2>&1 || echo python3-dev; }; \
	if [ -n "$$(missing)" ] && command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || [ -n "$(SUDO)" ]; }; then \
	  echo installing $$(missing); \
	  { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q $$(missing); } || true; fi; \
	if [ -n "$$(missing)" ]; then \
	  echo "make gpaw: these are missing and cannot be installed here:" $$(missing); exit 2; fi
	@log=$(VENV)/gpaw-install.log; CC=g++ CXX=g++ $(BIN)/python -m pip install -q 'gpaw==26.7.0' >$$log 2>&1 || \
	  { echo "make gpaw: pip could not build gpaw 26.7.0 ($$(grep -iE 'error' $$log | head -1)); see $$log"; exit 2; }
	@$(BIN)/python -c 'import gpaw.dft, _gpaw, gpaw_data' 2>/dev/null || \
	  { echo "make gpaw: gpaw was installed but cannot be imported; run $(BIN)/python -c 'import gpaw.dft'"; exit 2; }
	@touch $@

lint: install-dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks

types: install-dev
	$(BIN)/mypy

imports: install-dev
	$(BIN)/lint-imports

docstrings: install-dev
	$(BIN)/numpydoc lint $$(git ls-files 'src/*.py')

format: install-dev
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

benchmarks: install-dev
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) reports build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
