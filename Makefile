PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 4010
BIN = .venv/bin

.PHONY: install mock verify test check bench format

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
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
	$(BIN)/pytest -n auto

check: install
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto

# Against Prism, WireMock and Mockoon, which are fetched into a cache; `python -m bench --help` names what else is measured.
bench: install
	$(BIN)/python -m bench

format: install
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
