# Sightline needs Python 3.11 to 3.13 and make; everything else installs into .venv.
# Targets: setup setup-spark demo test bench reset lock. `make PYTHON=/path/to/python3 …` chooses a Python.

.PHONY: setup setup-dev setup-spark demo test lint bench reset lock python
.DEFAULT_GOAL := setup

# Python keeps what it has compiled, whatever the environment says: otherwise every process of the
# demonstration and of the tests compiles some two thousand modules anew before it does anything.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv/bin
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	if $$p -c "$(FITS)" >/dev/null 2>&1; then echo $$p; break; fi; done)

python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found on the PATH; install one or say make PYTHON=/path/to/it." >&2; exit 1; }

setup: python
	@$(PYTHON) -P config/bootstrap.py runtime

setup-dev: python
	@$(PYTHON) -P config/bootstrap.py dev

# For SIGNALS_ENGINE=spark, which also needs Java 17 or 21: some 400 MB that nothing else uses.
setup-spark: setup
	$(VENV)/uv pip install --quiet --python $(VENV)/python --require-hashes -r requirements-spark.txt

# PORT=8001 serves on another port.
demo: setup
	@exec $(VENV)/python manage.py demo $(if $(PORT),--port $(PORT))

test: lint
	$(VENV)/python -m pytest -n auto $(ARGS)

lint: setup-dev
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy .
	$(VENV)/lint-imports
	$(VENV)/djade --target-version 5.2 --check $(shell find templates -name "*.html")
	$(VENV)/python manage.py makemigrations --check --dry-run

# ARGS="facts" measures one part, ARGS="full --accounts 100000" one size; see docs/benchmarks.md.
bench: setup
	@$(VENV)/uv pip install --quiet --python $(VENV)/python --require-hashes -r requirements-bench.txt \
		|| echo "GraphBLAS cannot be installed here; its measurement is left out." >&2
	@$(VENV)/python -m bench $(ARGS)

reset: python
	@$(PYTHON) -P config/bootstrap.py reset

lock: setup-dev
	for name in requirements $(filter-out requirements,$(basename $(wildcard requirements*.in))); do \
		$(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			$$name.in -o $$name.txt || exit 1; \
	done
