# make demo: the main job on real data · make test · make lint · make bench · make proto
# Every target sets up .venv first, once; it is made anew when a requirement changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PACKAGES := core trial-sdk plugins/nas-random plugins/nas-evolution plugins/nas-enas plugins/nas-darts \
  plugins/nas-optuna plugins/nas-katib plugins/nas-vizier
REQUIREMENTS := requirements-dev.txt constraints.txt $(addsuffix /pyproject.toml,$(PACKAGES))

.PHONY: setup demo test test-slow torture lint format bench proto clean

setup: $(STAMP)

$(STAMP): $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; try: make PYTHON=python3.12 setup")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) (about a minute, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(STAMP)

demo: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/demo.py

# One more at a time than there are cores: some wait for processes that they started.
test: setup
	$(BIN)/python -m pytest -q -n $$(($$(nproc) + 1))

# What takes longer: ten kills in one search, packages in fresh environments.
# Twice as many at a time as there are cores, for most of them wait for processes that they started.
test-slow: setup
	$(BIN)/python -m pytest -q -n $$((2 * $$(nproc))) --dist worksteal -m slow

# The nightly size of what make test-slow tries in small: kills, system calls, power cuts, malformed input, a soak.
torture: setup
	$(BIN)/python -m nascore.testing.torture --kills 500 --trials 2000 --workers 8 --seed 1
	$(BIN)/python -m nascore.testing.torture --kills 200 --trials 400 --workers 1 --tuner all
	$(BIN)/python -m nascore.testing.durability
	$(BIN)/python -m nascore.testing.fuzz --count 1000000
	$(BIN)/python -m nascore.testing.soak --trials 20000
	NASCORE_KIT_SEEDS=100 $(BIN)/python -m pytest -q -n auto -m slow core/tests/testing/conformance/test_kit.py

lint: setup
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python benchmarks/ask_tell.py
	benchmarks/peers.sh
	$(BIN)/python benchmarks/durable.py
	$(BIN)/python benchmarks/latency.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/recovery.py
	$(BIN)/python benchmarks/trial_cost.py
	$(BIN)/python benchmarks/spaces.py
	$(BIN)/python benchmarks/extraction.py
	$(BIN)/python benchmarks/oneshot.py
	$(BIN)/python benchmarks/exchange.py
	$(BIN)/python plugins/nas-darts/benchmarks/known_answers.py
	$(BIN)/python benchmarks/weights_wire.py
	$(BIN)/python benchmarks/weights_peers.py
	$(BIN)/python benchmarks/weights_store.py
	$(BIN)/python benchmarks/weights_readers.py
	$(BIN)/python benchmarks/async_sharing.py
	$(BIN)/python benchmarks/warm_start.py

proto: setup
	$(BIN)/python scripts/generate_protos.py
	$(BIN)/python scripts/freeze_protos.py

clean:
	rm -rf $(VENV) .venv-proto .mypy_cache .ruff_cache .pytest_cache .hypothesis
