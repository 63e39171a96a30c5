# The commands of this repository; `make help` lists them.

VENV ?= .venv
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
PYTEST_WORKERS ?= 2

BIN := $(VENV)/bin
INSTALL := TORCH_CPU_INDEX=$(TORCH_CPU_INDEX) PYTHON=$(PYTHON) scripts/install.sh $(VENV)
INSTALL_INPUTS := pyproject.toml constraints.txt scripts/install.sh
# Files that say what is installed: a second run of make installs nothing.
FOR_USE := $(VENV)/.installed
FOR_WORK := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-slow check format docs clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

install: $(FOR_USE)  ## make .venv and install r1kit into it

demo: $(FOR_USE)  ## train R1-Zero on the shipped base model, minutes on two cores
	$(BIN)/r1kit zero configs/nano/zero.toml --out runs/demo
	@echo "Open runs/demo/report.html in a browser; the numbers are in runs/demo/summary.json."

test: $(FOR_WORK)  ## run the default test suite, under 5 minutes
	scripts/install_sandbox.sh
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m "not slow and not network"

test-slow: $(FOR_WORK)  ## run the tests that take minutes
	$(BIN)/python -m pytest -m slow --timeout 3600

check: $(FOR_WORK)  ## formatting, lint, types, spelling and the house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/codespell
	$(BIN)/python -m pytest tests/test_house.py tests/test_docs.py

format: $(FOR_WORK)  ## format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(FOR_WORK)  ## write the generated pages, docs/metrics.md and docs/config.md
	$(BIN)/python -m r1kit.report.glossary > docs/metrics.md.new && mv docs/metrics.md.new docs/metrics.md
	$(BIN)/python -m r1kit.cli.config_page > docs/config.md.new && mv docs/config.md.new docs/config.md

clean:  ## remove .venv and caches; runs/ stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(FOR_USE): $(INSTALL_INPUTS)
	$(INSTALL)
	touch $@

$(FOR_WORK): $(INSTALL_INPUTS)
	$(INSTALL) '[dev]'
	touch $(FOR_USE) $@
