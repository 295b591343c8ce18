PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 4010
VENV ?= .venv
BIN = $(VENV)/bin
# Python compiles what it imports, which is a small part of what is installed.
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
PYTHONS ?= python3.11 python3.12 python3.13

.PHONY: install mock verify test thorough test-all check documents screenshots bench format lock

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

mock: install
	$(BIN)/mockserver serve --host $(HOST) --port $(PORT)

# Without TARGET: starts the mock on the demo world, examines it, and stops it.
verify: install
ifdef TARGET
	$(BIN)/contracts verify --target $(TARGET) --world $(WORLD) $(if $(CONTRACT),--contract $(CONTRACT))
else
	$(BIN)/python tests/verify_mock.py $(if $(CONTRACT),--contract $(CONTRACT)) $(if $(WORLD),--world $(WORLD))
endif

test: install
	$(BIN)/pytest -n auto $(TESTS)

# What takes long, and tells little more than the other tests.
thorough: install
	$(BIN)/pytest -n auto -m thorough

# On each of PYTHONS that is there, in an environment of its own.
test-all:
	@set -e; for python in $(PYTHONS); do \
		if version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then \
			echo "Python $$version"; $(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$$version; \
		else \
			echo "$$python is not there"; \
		fi; \
	done

check: install
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto

# Needs Node.js: Redocly and Spectral read the OpenAPI documents. The files in .ci/ hold the exceptions and their reasons.
documents:
	npx --yes @redocly/cli@2.77.0 lint --config .ci/redocly.yaml
	npx --yes @stoplight/spectral-cli@6.16.3 lint --ruleset .ci/spectral.yaml --fail-severity hint openapi/*.yaml

# The pictures of docs/console.md.
screenshots: install
	$(BIN)/python tests/screenshots.py docs/console

# Against Prism, WireMock and Mockoon, which are fetched into a cache; `python -m bench --help` names what else is measured.
bench: install
	$(BIN)/python -m bench

format: install
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Locks what pyproject.toml asks for. What is locked stays as it is, unless it is upgraded:
#   make lock UPGRADE=--upgrade    or    make lock UPGRADE='--upgrade-package flask'
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check uv
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--custom-compile-command 'make lock' $(UPGRADE) -o requirements.lock pyproject.toml
