# Needs Python 3.11 or 3.12 and git. uv, the only other tool, is fetched when this machine has none.
UV_VERSION := 0.13.9

ifeq ($(shell uv --version 2>/dev/null),)
UV := "$(CURDIR)/.tools/bin/uv"
FETCHED := .tools/bin/uv
else
UV := uv
endif

# The default model's threads wait for each other on shared cores: one thread is up to ten times faster.
export OMP_NUM_THREADS ?= 1
# Without compiled files each Python process starts slowly: `import mlflow` takes 3.8 s, not 1.2 s.
unexport PYTHONDONTWRITEBYTECODE

# The project is tested where it stands, but what its tools write must not stand there: cookiecutter copies it.
CACHES := $(CURDIR)/build/in-place
IN_PLACE := cd '{{cookiecutter.project}}' && UV_PROJECT_ENVIRONMENT="$(CACHES)/venv" UV_COMPILE_BYTECODE=1 \
	PYTHONPYCACHEPREFIX="$(CACHES)/pycache" RUFF_CACHE_DIR="$(CACHES)/ruff" MYPY_CACHE_DIR="$(CACHES)/mypy" \
	HYPOTHESIS_STORAGE_DIRECTORY="$(CACHES)/hypothesis" COVERAGE_FILE="$(CACHES)/coverage" $(UV) run --locked

.PHONY: help demo bake test test-template test-project test-baked test-3.12 test-lowest
.PHONY: check check-template check-project check-workflows clean

help: ## this list
	@grep -hE '^[a-z0-9.-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 18

# Not from inside the project: the files it names, given or printed, are then right where the user stands.
demo: $(FETCHED) ## bake build/demo/acme-churn and run its whole life; DATA=FILE takes your own customers
	$(UV) run --no-dev python -m tests.template build/demo
	$(UV) run --project build/demo/acme-churn churn demo \
		--store local:build/demo/acme-churn/.churn/demo $(if $(DATA),--data "$(DATA)")

bake: $(FETCHED) ## bake build/acme-churn with the default answers
	$(UV) run --no-dev python -m tests.template build

test: test-template check-project test-project ## every test of both layers

test-template: $(FETCHED) ## the template's own tests: answers, files, bake, workflows, Makefile
	$(UV) run --locked pytest

test-project: $(FETCHED) ## the project's tests, in place, with the share of statements they reach
	$(IN_PLACE) pytest -p no:cacheprovider -n auto --cov --cov-report=term:skip-covered

test-baked: $(FETCHED) ## the tests of a baked project, as its user runs them; PYTHON=3.12 chooses the Python
	$(UV) run --no-dev python -m tests.template build/baked
	cd build/baked/acme-churn && $(UV) sync --quiet --locked $(PYTHON:%=--python %) && $(UV) run pytest -n auto $(TIER)

test-3.12: $(FETCHED) ## the same on the platform's Python, if this machine has it
	@if UV_PYTHON_DOWNLOADS=never $(UV) python find 3.12 >/dev/null 2>&1; then \
		$(MAKE) test-baked PYTHON=3.12 TIER='-m "not slow"'; else echo "test-3.12: no Python 3.12 on this machine, skipped"; fi

test-lowest: $(FETCHED) ## the same with the oldest libraries that the project admits
	$(UV) run --no-dev python -m tests.template build/lowest
	cd build/lowest/acme-churn && $(UV) sync --quiet --resolution lowest-direct && \
		$(UV) run --no-sync pytest -n auto -m "not slow"

check: check-template check-project check-workflows ## style, types and workflow policy of both layers

check-template: $(FETCHED)
	$(UV) run --locked ruff check
	$(UV) run --locked ruff format --check
	$(UV) run --locked mypy

check-project: $(FETCHED)
	$(IN_PLACE) ruff check
	$(IN_PLACE) ruff format --check
	$(IN_PLACE) mypy

check-workflows: $(FETCHED)
	$(UV) run --locked pytest -q tests/test_workflows.py

clean: ## remove all that the commands above made
	rm -rf build .tools .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find hooks tests -name __pycache__ -prune -exec rm -rf {} +

.tools/bin/uv:
	python3 -m venv .tools
	.tools/bin/pip install --quiet uv==$(UV_VERSION)
