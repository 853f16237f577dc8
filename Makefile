# Everything a fresh machine needs is made here: Python (3.11.2 or newer) and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo dev test pythons fuzz chaos bench lint format audit constraints clean

help:
	@echo "make demo    the whole relay on this machine: mails in, mails out, and a table"
	@echo "make dev     the same, kept running, with the admin on a printed address"
	@echo "make test    the tests, on their own Redis and PostgreSQL, and make pythons"
	@echo "make pythons the unit and contract tests on each other Python of this machine"
	@echo "make fuzz    envelopes, notifications and mails of every make, for SECONDS (300)"
	@echo "make chaos   5,000 mails while everything breaks, and what became of each (ten minutes)"
	@echo "make bench   how fast it is, and what it costs (half an hour)"
	@echo "make lint    format, lint, types, import layers"
	@echo "make format  put the code into its format"
	@echo "make audit   look for known vulnerabilities in the packages"
	@echo "make constraints   pin anew what they install"
	@echo "make clean   remove what these have made"

demo: $(VENV)/.local
	$(BIN)/python -m relay.local.demo

dev: $(VENV)/.local
	$(BIN)/python -m relay.local.dev

test: $(VENV)/.dev
	@# A file's tests share what is slow to set up, and stay together.
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile
	$(BIN)/python .ci/pythons.py

pythons: $(VENV)/.dev
	$(BIN)/python .ci/pythons.py

fuzz: $(VENV)/.dev
	@end=$$(( $$(date +%s) + $(or $(SECONDS),300) )); \
	while [ $$(date +%s) -lt $$end ]; do \
		$(BIN)/python -m pytest -q -m hypothesis --hypothesis-profile=fuzz --timeout 900 tests/unit \
			|| exit 1; \
	done

chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

bench: $(VENV)/.dev
	$(BIN)/python -m bench

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@# mypy's plugin reads Django's settings; those of the tests lead nowhere.
	$(BIN)/python -c 'import tests.environment; from mypy.__main__ import console_entry as check; check()'
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

audit: build/audit/bin/pip-audit
	build/audit/bin/python .ci/audit.py build/audit/bin/pip-audit

# By itself: its own packages are none that the project installs.
build/audit/bin/pip-audit:
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1

# What the environments were made from; when these change they are brought up to date.
$(VENV)/.local $(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[$(patsubst .%,%,$(notdir $@))]'
	@touch $@

$(VENV)/bin/pip:
	@$(PYTHON) relay/interpreter.py || { echo "Name another one: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python's venv module is needed: apt install python3-venv"; exit 1; }

# Pins the versions of everything, from the newest that pyproject.toml allows.
constraints:
	rm -rf build/constraints && $(PYTHON) -m venv build/constraints
	build/constraints/bin/pip install --quiet '.[dev]'
	{ echo "# The versions that are tested together. Made by: make constraints"; \
	  build/constraints/bin/pip freeze --exclude mail-relay --exclude-editable; } > constraints.txt
	rm -rf build/constraints

clean:
	rm -rf $(VENV) build demo-mails .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
