# The virtual environment is .venv; PYTHON chooses the interpreter that makes it (3.11 to 3.13).
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

# What has no wheel is built by the setuptools of the lock, installed first: nothing comes without a hash.
define locked
	awk '/^[^ ]/ { on = /^setuptools==/ } on' $(2) >$(dir $(1))../setuptools.lock
	$(1) install --quiet --no-deps --require-hashes -r $(dir $(1))../setuptools.lock
	$(1) install --quiet --no-deps --no-build-isolation $(3) --require-hashes -r $(2)
endef

TESTS :=

.PHONY: help install run test pythons cluster browser check docs bench wheel lock clean
.DEFAULT_GOAL := help

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: .venv/.installed  ## Make .venv and install the locked packages and the embedded model

.venv/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "distexp needs Python 3.11, 3.12 or 3.13: apt-get install python3 python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	$(call locked,$(BIN)/pip,requirements.lock)
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q distexp conf  # where Python may write no bytecode, each run would compile it all
	@touch $@

run: install  ## Run the main job: embedded model, embedded survey, report under outputs/runs/
	$(BIN)/distexp

test: install  ## Run the tests
	$(BIN)/pytest

pythons: install  ## Run tests of numbers, or TESTS="tests distexp", on each further Python of this machine
	tools/pythons.sh $(TESTS)

cluster: .venv-cluster/.installed  ## Run the tests of many machines (Redis, Ray, submitit), from .venv-cluster
	.venv-cluster/bin/pytest --dist loadfile tests/cache tests/sweep -k "(redis or launchers) and not shards"

.venv-cluster/.installed: requirements-cluster.lock pyproject.toml
	$(PYTHON) -m venv .venv-cluster
	$(call locked,.venv-cluster/bin/pip,requirements-cluster.lock,--no-compile)
	.venv-cluster/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

browser: .browser/.installed  ## Run the tests of pages in Debian's Chromium; needs apt-get install chromium
	PYTHONPATH=.browser $(BIN)/pytest -n 0 tests/page/test_browser.py

.browser/.installed: requirements-browser.lock .venv/.installed
	$(BIN)/pip install --quiet --no-deps --upgrade --target .browser --require-hashes -r requirements-browser.lock
	@touch $@

check: install  ## Check format, lint, types and the import contract; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install  ## Build the documentation as a site under docs/_build
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs docs/_build

bench: install  ## Run the benchmarks and print their figures
	for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

wheel: install  ## Build the wheel, and run it from another folder without the source tree
	rm -rf build dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist . >/dev/null
	site=$$(mktemp -d) && $(BIN)/pip install --quiet --no-deps --target $$site/lib dist/*.whl \
		&& cd $$site && PYTHONPATH=$$site/lib $(CURDIR)/$(BIN)/python -P -c \
		"import distexp; assert distexp.__file__.startswith('$$site'), distexp.__file__" \
		&& PYTHONPATH=$$site/lib $(CURDIR)/$(BIN)/python -P -m distexp model=mock progress=false \
		&& test -s outputs/runs/*/*/report.md && rm -rf $$site

LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet

lock:  ## Resolve the three locks again (needs uv)
	$(LOCK) tools/weights.in --extra embedded --extra surveys --extra docs --extra dev --output-file requirements.lock
	$(LOCK) --extra dev --extra redis --extra ray --extra submitit --constraint requirements.lock \
		--output-file requirements-cluster.lock
	$(subst pyproject.toml,tools/browser.in,$(LOCK)) --output-file requirements-browser.lock

clean:  ## Remove .venv and build products; outputs/ with its paid answers stays
	rm -rf .venv .venv-cluster .venv-3.* .browser build dist docs/_build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
