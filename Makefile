# Everything runs in .venv, which is made on first use and brought up to date when the locks change.

# The first of these that is a Python the locks were made for; choose another with `make PYTHON=... setup`.
SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$p -c '$(SUPPORTED)' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/.up-to-date
IMAGE ?= airbyte/source-zoom:dev
LOCK := $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
BENCH_ARGS ?=
PYTEST_ARGS ?=
MATRIX_ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage lint fix stream docs records shapes matrix lock bench image clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP)  ## make .venv and install what the locks name, checked by hash

demo: $(STAMP)  ## read a sandbox Zoom with the connector's command line into demo/zoom.duckdb
	@PYTHONPATH=. $(BIN)/python scripts/demo.py

# Coverage slows the unit tests by half, so only CI measures it, over all of them.
test: $(STAMP)  ## run every test (PYTEST_ARGS=... for more arguments)
	$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

coverage: $(STAMP)  ## measure what of the connector the unit tests run
	$(BIN)/python -m pytest -q -n auto --dist loadfile --cov=source_zoom unit_tests --ignore unit_tests/sandbox

lint: $(STAMP)  ## check format, style, types, layers, dependencies and spelling
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python -m codespell_lib .

fix: $(STAMP)  ## repair format and style where that can be done without thinking
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

stream: $(STAMP)  ## write a new stream from Zoom's OpenAPI documents (NAME=..., and if asked GET, PARENT, AREA or RECORDS)
	@PYTHONPATH=. $(BIN)/python scripts/new_stream.py --name '$(NAME)' --get '$(GET)' --parent '$(PARENT)' \
		--area '$(AREA)' --records '$(RECORDS)'

docs: $(STAMP)  ## write docs/streams.md, other tables and the catalog from the declarations of the streams
	PYTHONPATH=. $(BIN)/python scripts/document_streams.py

records: $(STAMP)  ## write integration_tests/expected_records.jsonl from a read of the sandbox
	PYTHONPATH=. $(BIN)/python scripts/record_expected.py

shapes: $(STAMP)  ## write sandbox/*.json from Zoom's OpenAPI documents, which are not part of this repository
	PYTHONPATH=. $(BIN)/python scripts/make_shapes.py

matrix: $(STAMP)  ## print what becomes of each refusal at each endpoint, as a Markdown table (MATRIX_ARGS=... to choose)
	@PYTHONPATH=. $(BIN)/python scripts/refusal_matrix.py $(MATRIX_ARGS)

lock: $(STAMP)  ## renew the locks within what pyproject.toml allows
	$(LOCK) --upgrade pyproject.toml --output-file requirements.txt
	$(LOCK) --upgrade pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt
	$(LOCK) --upgrade --group pyairbyte --output-file integration_tests/pyairbyte/requirements.txt

bench: $(STAMP)  ## measure the connector against the sandbox (BENCH_ARGS=... for its arguments)
	@$(BIN)/python -m bench $(BENCH_ARGS)

image:  ## build the image (IMAGE=..., by default airbyte/source-zoom:dev)
	docker build --tag $(IMAGE) .

clean:  ## remove .venv and everything else that was made here, but no credentials
	rm -rf .venv build dist demo *.egg-info .coverage .coverage.* htmlcov .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache .tmp
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# setuptools, which builds the editable install, is in the lock: hence no build isolation.
$(STAMP): $(BIN)/python requirements.txt requirements-dev.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'source-zoom needs Python 3.10, 3.11, 3.12 or 3.13 on the PATH' >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
