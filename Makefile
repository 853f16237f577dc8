# Everything a fresh machine needs is made here: Python 3.11 and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo dev quick test fuzz chaos bench lint format audit lock constraints clean

help:
	@echo "make demo    the whole relay on this machine: mails in, mails out, and a table"
	@echo "make dev     the same, kept running, with the admin on a printed address"
	@echo "make quick   the tests that need no server: an answer in less than a minute"
	@echo "make test    the tests, on their own Redis and PostgreSQL"
	@echo "make fuzz    envelopes, notifications and mails of every make, for SECONDS (300)"
	@echo "make chaos   5,000 mails while everything breaks, and what became of each (ten minutes)"
	@echo "make bench   how fast it is, and what it costs (half an hour)"
	@echo "make lint    format, lint, types, import layers"
	@echo "make format  put the code into its format"
	@echo "make audit   look for known vulnerabilities in the packages"
	@echo "make lock    pin what pyproject.toml asks for and requirements/ lacks"
	@echo "make constraints   pin the newest versions of everything"
	@echo "make clean   remove what these have made"

demo: $(VENV)/.local
	$(BIN)/python -m tools.local.demo

dev: $(VENV)/.local
	$(BIN)/python -m tools.local.dev

quick: $(VENV)/.dev
	@# Redis is fakeredis and AWS is moto, in the tests' own processes; given servers are not used.
	env -u REDIS_URL -u DATABASE_URL $(BIN)/python -m pytest -q -m "not servers" \
		--numprocesses auto --dist loadfile tests/unit tests/contract

test: $(VENV)/.dev
	@# A file's tests share what is slow to set up, and stay together.
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

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

# What the environments were made from; when these change they are brought up to date. Each file in
# requirements/ is complete. pip checks the hash of what it installs from there; the project itself
# comes last, and brings nothing with it.
$(VENV)/.local $(VENV)/.dev: $(VENV)/.%: requirements/%.txt pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python's venv module is needed: apt install python3-venv"; exit 1; }

# Pins versions and hashes for every Python and machine at once; what is pinned already stays.
LOCK = build/uv/bin/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock" --group build $(UPGRADE)

lock: build/uv/bin/uv
	$(LOCK) --extra dev pyproject.toml --output-file requirements/dev.txt
	$(LOCK) --extra local pyproject.toml --constraint requirements/dev.txt --output-file requirements/local.txt
	$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/production.txt
	{ echo "# The versions that are tested together. Made by: make lock"; \
	  sed -n 's/^\([a-z0-9][^\\]*[^ \\]\).*/\1/p' requirements/dev.txt; } > constraints.txt

constraints: UPGRADE = --upgrade
constraints: lock

# By itself, as pip-audit.
build/uv/bin/uv:
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

clean:
	rm -rf $(VENV) build demo-mails .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
