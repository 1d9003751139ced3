# Vestibule. `make help` lists every task.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test faults lint bench worker format messages lock clean

help: ## List every task, one line each
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.run: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.run ## Start everything at http://127.0.0.1:8000 with a demo practice; Ctrl-C stops it
	@exec $(BIN)/python -m portal.dev

worker: $(VENV)/.run ## Run one more worker against the same database and queue
	@exec $(BIN)/flask --app wsgi worker

# each of the hundred servers and commands that tests start would compile the whole product anew
test faults: export PYTHONDONTWRITEBYTECODE =

test: $(VENV)/.dev ## Run every test: both databases, real queue, real SMTP, real browser
	@bash tests/need_chromium
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup

faults: $(VENV)/.dev ## Harm 10,000 invitations in every way on both databases; ONLY=F4 runs one
	$(BIN)/pytest --full -s tests/faults tests/integration/test_races.py -k "$(if $(ONLY),$(ONLY)_,test_f or test_the_real or test_one_)"

lint: $(VENV)/.dev ## Style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## Run the benchmarks with their bars; ONLY=roster (or another name) runs one
	$(BIN)/python -m benchmarks $(ONLY)

messages: $(VENV)/.dev ## Collect translatable strings and compile the translations
	$(BIN)/pybabel --quiet extract -F babel.cfg -k _l -k lazy_gettext -k lazy_ngettext:1,2 --no-location --sort-output --project=Vestibule --version=1 --copyright-holder=Vestibule --msgid-bugs-address= -o portal/translations/messages.pot .
	$(BIN)/pybabel --quiet update -i portal/translations/messages.pot -d portal/translations --no-fuzzy-matching --no-wrap
	$(BIN)/pybabel --quiet compile -d portal/translations

lock: ## Pin everything that requirements.txt and requirements-dev.txt pull in
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet --disable-pip-version-check pip-tools==7.5.3
	for name in requirements requirements-dev; do $(VENV)-lock/bin/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras -o $$name.lock $$name.txt || exit 1; done
	rm -rf $(VENV)-lock

clean: ## Forget the virtual environment and caches (the data directory stays)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
