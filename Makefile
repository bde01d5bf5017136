# Everything that a developer does. CI calls the same targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SMALL := qwen2.5-coder-0.5b-instruct-q4_k_m
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc 2>/dev/null || echo 2)
# llama.cpp without its part for images: a quarter less to compile
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF
ifeq ($(shell uname -m),x86_64)
# GCC before 13 miscompiles what configures AMX
NO_AMX := -mno-amx-tile -mno-amx-int8 -mno-amx-bf16
export CFLAGS ?= $(NO_AMX)
export CXXFLAGS ?= $(NO_AMX)
endif

.DEFAULT_GOAL := help
.PHONY: help demo test soak thorough inspect contract hostile lint format types bench eval lock sbom clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install -e '.[demo]'
	touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install -e '.[dev]'
	touch $@

demo: $(VENV)/.demo  ## install, fetch the default weights, start the demo company and ask it
	$(BIN)/groundwire model pull
	$(BIN)/groundwire demo

test: $(VENV)/.dev  ## install and run every test
	$(BIN)/groundwire model pull $(SMALL)
	$(BIN)/python -m pytest -n 3 $(ARGS)

soak: $(VENV)/.dev  ## kill syncs at 100 random moments, and ask a server whose sources fail (about twenty minutes)
	GROUNDWIRE_KILLS=100 $(BIN)/python -m pytest tests/test_sync_kill.py $(ARGS)
	$(BIN)/python examples/bench/soak_serve.py 600

thorough: $(VENV)/.dev  ## properties with all of their examples, of which `make test` tries a third
	GROUNDWIRE_THOROUGH=1 $(BIN)/python -m pytest -n 2 tests/test_oracle.py tests/test_no_writes.py \
	  tests/test_freshness.py tests/test_scoring.py tests/test_sync_window.py tests/test_salesforce_grammar.py \
	  tests/test_policy_property.py $(ARGS)

inspect: $(VENV)/.dev  ## look at the MCP server with the official inspector (needs node)
	$(BIN)/python tests/mcp_inspector.py
contract: $(VENV)/.dev  ## hundreds of requests made of the OpenAPI document, and judged by it (minutes)
	GROUNDWIRE_EXAMPLES=100 $(BIN)/python -m pytest tests/test_serve.py -k openapi --timeout 1800 $(ARGS)

lint: $(VENV)/.dev  ## formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(VENV)/.dev  ## format in place
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(VENV)/.dev  ## mypy --strict over a tree of links, which type checkers can follow
	rm -rf .types && mkdir -p .types/groundwire
	for f in __init__.py __main__.py py.typed; do ln -s ../../groundwire/$$f .types/groundwire/$$f; done
	for p in core connectors agents; do ln -s ../../$$p .types/groundwire/$$p; done
	ln -s ../../examples/demo_company .types/groundwire/demo
	cd .types && ../$(BIN)/mypy --config-file ../pyproject.toml -p groundwire

bench: $(VENV)/.dev  ## measure, and write docs/benchmarks.md
	$(BIN)/python -m pip install --quiet -e '.[bench]'
	$(BIN)/groundwire model pull
	$(BIN)/python examples/bench/run.py

eval: $(VENV)/.dev  ## ask our own questions and score the answers; ARGS="--mode crowd --html report.html" for more
	$(BIN)/groundwire model pull
	$(BIN)/python -m groundwire.demo.evaluate
	$(BIN)/python examples/evals/run.py $(ARGS)
	$(BIN)/python examples/evals/followups.py

hostile: $(VENV)/.dev  ## ask the real model hostile questions and hostile records (an hour or more); ARGS="--every 10" for fewer
	$(BIN)/groundwire model pull
	$(BIN)/python examples/hostile/run.py $(ARGS)

lock: $(VENV)/.python  ## pin every dependency with its hashes, for every platform, in requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet pyproject.toml --extra all --universal --generate-hashes --no-header --no-annotate -o requirements.lock

sbom: $(VENV)/.dev  ## write sbom.json (CycloneDX) and docs/licences.md
	$(BIN)/python docs/sbom.py

clean:  ## remove what the other targets made
	rm -rf $(VENV) .types build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
