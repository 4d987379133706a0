PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What goes into a build of the image, or decides on it.
OF_IMAGE := Dockerfile .dockerignore pyproject.toml requirements.lock requirements-image.lock \
	$(shell find cmd reconcile deploy/image -type f -not -path '*/__pycache__/*')
BENCHMARKS := incident runs growth writes http backfill telemetry recording evidence attribution waiting
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-config --no-annotate --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
# With it, each test process would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(STAMP)  ## a healthy run, the incident, the stop, the recovery: in a minute, with nothing but this machine
	$(BIN)/reconcile demo

.PHONY: test
test: $(STAMP)  ## the tests that run without containers, slow ones by sample, on two cores, with a PostgreSQL of its own
	$(BIN)/pytest --numprocesses 2 --dist worksteal

.PHONY: test-parts
test-parts: $(STAMP)  ## what make test skips or replaces where a browser, the collector or an installed PostgreSQL is missing
	$(BIN)/pytest --numprocesses 2 --dist worksteal tests/page tests/telemetry tests/simulator tests/contracts tests/store \
		tests/test_postgres_fixture.py

.PHONY: test-faults
test-faults: $(STAMP)  ## the fault suite and large tables in full, of which make test runs a sample: minutes; a third with PART=1/3
	$(BIN)/pytest -m 'faults or sampled or whole' --part $(or $(PART),1/1) --numprocesses 2 --dist worksteal

.PHONY: fuzz
fuzz: $(STAMP)  ## each parser under atheris for SECONDS (5), of which make test tries a few; new inputs are kept in .fuzz/
	$(BIN)/python -m tests.fuzz $(SECONDS)

.PHONY: mutants
mutants: $(STAMP)  ## how many mutants of each layer the tests notice: SAMPLE (2) of each module, those of TURN (0); TURN=all, WHOLE=1
	$(BIN)/python -m tests.mutation

.PHONY: audit
audit: $(STAMP)  ## whether a locked package has a known vulnerability, as far as that can be asked from here
	$(BIN)/python -m tests.audit

.PHONY: tools
tools: $(STAMP)  ## what the tests below would build on their first run, beside other work; a few of it with TOOLS=
	$(BIN)/python -m tests.tools $(TOOLS)

.PHONY: test-cluster
test-cluster: image  ## the tests on a real Kubernetes, which the first run on a machine builds from Go modules
	$(BIN)/python -m tests.cluster.kubernetes
	$(BIN)/pytest tests/cluster -m cluster --numprocesses 2 --dist loadgroup

.PHONY: chart
chart: $(STAMP)  ## the chart under Helm 3, Helm 4, unit tests and checkers, which the first run on a machine builds
	$(BIN)/pytest tests/chart -m chart --numprocesses 2 --dist worksteal

.PHONY: chart-files
chart-files: $(STAMP)  ## the chart's schema, the table in its README and its snapshot, from values and templates
	$(BIN)/python -m tests.chart.generated
	$(BIN)/python -m tests.chart.alerts
	$(BIN)/python -m tests.chart.tools

.PHONY: image
image: dist/image.txt  ## the image as an archive in dist/, its size and start time; BASE= and INDEX= say where from
	@cat $<

dist/image.txt: $(OF_IMAGE) | $(STAMP)
	$(BIN)/python -m deploy.image.build

.PHONY: test-image
test-image: image  ## looks into the image and starts it
	$(BIN)/pytest tests/image -m image

.PHONY: release
release: $(STAMP)  ## wheel, sources, chart, image, bills of materials and checksums of the last commit in dist/, reproducibly
	$(BIN)/python -m deploy.release.build

.PHONY: test-release
test-release: release  ## installs, renders and starts what is in a release, and builds it a second time
	$(BIN)/pytest tests/release -m release

.PHONY: check
check: $(STAMP)  ## lint, format, names, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m tests.naming
	$(BIN)/mypy
	PYTHONPATH=.:cmd $(BIN)/lint-imports --no-logo
	$(BIN)/hadolint Dockerfile

.PHONY: bench
bench: $(BENCHMARKS:%=bench-%)  ## every benchmark: a table, then JSON; one of them with make bench-NAME

bench-%: $(STAMP)
	$(BIN)/python -m benchmarks.$*

.PHONY: bench-check
bench-check: $(STAMP)  ## every benchmark, small: ends with 1 where counts, memory or CPU ratios are over benchmarks/bounds.py
	$(BIN)/python -m benchmarks.check

.PHONY: format
format: $(STAMP)  ## format, and repair what the linter can
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: lock
lock: $(STAMP)  ## resolve pyproject.toml anew into the hash-locked files
	$(BIN)/pip install --quiet uv
	$(LOCK) pyproject.toml --upgrade --extra page --output-file requirements.lock
	$(LOCK) pyproject.toml --upgrade --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	$(LOCK) --group image --upgrade --output-file requirements-image.lock
	$(LOCK) deploy/release/requirements.in --upgrade --output-file deploy/release/requirements.lock
	$(LOCK) tests/chart/requirements.in --upgrade --output-file tests/chart/requirements.lock
	$(LOCK) tests/audit/requirements.in --upgrade --output-file tests/audit/requirements.lock
	$(LOCK) tests/fuzz/requirements.in --upgrade --output-file tests/fuzz/requirements.lock
	for name in build gohighlevel calendly_py pycalendly tap_calendly; do \
		$(LOCK) tests/simulator/clients/$$name.in --upgrade --output-file tests/simulator/clients/$$name.lock || exit 1; done
	$(LOCK) tests/logs/corpus/generators/python.in --upgrade --output-file tests/logs/corpus/generators/python.lock
	for folder in tests/simulator/clients/npm tests/logs/corpus/generators/npm; do \
		npm install --prefix $$folder --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts \
			--no-audit --no-fund || exit 1; done
	$(LOCK) tests/mutation/requirements.in --upgrade --constraint requirements-dev.lock \
		--output-file tests/mutation/requirements.lock

.PHONY: install
install: $(STAMP)  ## the virtual environment, from the lock; done by the others when needed

$(STAMP): requirements-dev.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing $$(grep -c '==' requirements-dev.lock) packages into $(VENV): about 700 MB on disk, one to five minutes"
	$(BIN)/python -m pip install --progress-bar on --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.PHONY: clean
clean:  ## remove the virtual environment and the caches
	rm -rf $(VENV) dist .fuzz .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
