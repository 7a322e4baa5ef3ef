# Everything a person or a pipeline does here. `make help` lists it; every target prepares what it needs by itself.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# Scanners, whose pins contradict ours: half a gigabyte, made by `make audit` alone.
AUDIT := .venv-audit
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
ENV ?= dev
ARGS ?=
# Lambda's processor, x86_64 or arm64: what ENV's section of samconfig.toml deploys is what has to be built.
DEPLOYED := $(or $(shell awk -v section='[$(ENV).deploy.parameters]' \
	'/^\[/ { inside = $$0 == section } inside && match($$0, /"Architecture=[a-z0-9_]+/) \
	{ print substr($$0, RSTART + 14, RLENGTH - 14) }' samconfig.toml 2>/dev/null),x86_64)
export ARCHITECTURE ?= $(DEPLOYED)

# sam finds python3.13 and uv for the layers here.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
# sam and cfn-lint ask for a region even where they call nobody. A deployment has its own: the profile's.
SOME_REGION := AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-west-1}

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.deep ## Start the local stack, train, publish, predict (no AWS account, no Docker)
	$(BIN)/maas demo

.PHONY: test
test: $(VENV)/.dev ## Run the tests; ARGS="tests/unit -k name" narrows them down
	$(SOME_REGION) $(BIN)/pytest $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.dev ## Send 100,000 requests of every kind to all models; MAAS_FUZZ_SEED=<n> repeats a run
	$(SOME_REGION) MAAS_FULL=1 $(BIN)/pytest tests/contract/test_fuzz.py $(ARGS)

.PHONY: full
full: $(VENV)/.dev ## Run what `make test` shortens at its full length (hours): faults, races, fuzzing, schemathesis
	$(SOME_REGION) MAAS_FULL=1 MAAS_FAULT_SCHEDULES=1000 $(BIN)/pytest tests/contract/test_fuzz.py \
		tests/contract/test_openapi.py tests/integration/test_batch_faults.py \
		tests/integration/test_release_races.py $(ARGS)

.PHONY: check
check: $(VENV)/.dev audit ## Lint, types, import directions, template, security
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(SOME_REGION) $(BIN)/sam validate --lint
	$(SOME_REGION) $(BIN)/cfn-lint template.yaml

.PHONY: audit
audit: $(VENV)/.dev $(AUDIT)/.audit ## Look for security defects in code, template and packages (part of check)
	$(SOME_REGION) .ci/audit

.PHONY: evaluate
evaluate: $(VENV)/.deep ## Train every model on its public data in DATA=<folder>; write docs/results.md and the cards
	@test -n "$(DATA)" || { echo "DATA=<folder> is missing; docs/evaluate.md has its layout" >&2; exit 2; }
	$(BIN)/maas report --data $(DATA) $(ARGS)

.PHONY: build
build: $(VENV)/.cli ## Build layers and functions for the cloud; weigh the layers
	$(BIN)/maas openapi --output functions/catalogue/static/openapi.json.gz
	$(SOME_REGION) $(BIN)/sam build --config-env $(ENV) --parameter-overrides Architecture=$(ARCHITECTURE)
	$(BIN)/python layers/dependencies/build.py --check .aws-sam/build

.PHONY: architecture
architecture:
	@if [ "$(ARCHITECTURE)" != "$(DEPLOYED)" ]; then \
		echo "ARCHITECTURE=$(ARCHITECTURE), but the section $(ENV) of samconfig.toml deploys $(DEPLOYED):" \
			"put \"Architecture=$(ARCHITECTURE)\" among its parameter_overrides." >&2; exit 2; fi

.PHONY: deploy
deploy: architecture build ## Deploy to AWS; ENV=dev (default) or ENV=prod names the section of samconfig.toml
	$(BIN)/sam deploy --config-env $(ENV)

.PHONY: image
image: ## Build the training image (needs Docker); ARGS="--build-arg REQUIREMENTS=train.txt" leaves the networks out
	docker build -f models/Dockerfile -t maas-training --build-arg REVISION=$$(git rev-parse HEAD) $(ARGS) .

.PHONY: bench
bench: $(VENV)/.dev ## Run the benchmarks
	$(BIN)/python -m bench $(ARGS)

.PHONY: clean
clean: ## End the local stack; remove everything that was built or cached, but not the environment
	@if [ -x $(BIN)/maas ]; then $(BIN)/maas down; fi
	rm -rf .aws-sam .maas .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	find . -path './.venv*' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------------- dependencies ---

COMPILE := ../$(BIN)/uv pip compile --quiet --python-version 3.13 --python-platform x86_64-manylinux_2_28 \
	--generate-hashes --no-emit-index-url --no-header

# dev is the largest set and decides; the others follow its versions, so that one environment can hold them all.
.PHONY: lock
lock: $(VENV)/.uv ## Pin the newest versions the *.in files allow
	cd requirements && $(COMPILE) --upgrade dev.in -o dev.txt
	cd requirements && $(COMPILE) --upgrade cli.in -c dev.txt -o cli.txt
	cd requirements && $(COMPILE) --upgrade deep.in -c dev.txt -o deep.txt
	cd requirements && $(COMPILE) --upgrade train.in -c dev.txt -o train.txt
	cd requirements && $(COMPILE) --upgrade train-deep.in -c deep.txt -o train-deep.txt
	cd requirements && $(COMPILE) --upgrade train-gpu.in -c deep.txt -o train-gpu.txt
	cd requirements && $(COMPILE) --upgrade layer.in -c dev.txt -o ../layers/dependencies/requirements.txt
	cd requirements && $(COMPILE) --upgrade authorizer.in -c dev.txt -o ../functions/authorizer/requirements.txt
	cd requirements && $(COMPILE) --upgrade audit.in -o audit.txt
	cd requirements && $(COMPILE) --upgrade uv.in -o uv.txt

$(VENV)/.uv: requirements/uv.txt
	@python=; for candidate in python3.13 python3 python; do \
		if $$candidate -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then \
			python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "Python 3.13 is needed and none of python3.13, python3, python is one." >&2; exit 1; fi; \
	$$python -m venv $(VENV) || { echo "If ensurepip is missing, install the package python3.13-venv." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(AUDIT)/.audit: requirements/audit.txt $(VENV)/.uv
	$(BIN)/python -m venv --clear --without-pip $(AUDIT)
	$(BIN)/uv pip install --quiet --python $(AUDIT)/bin/python --require-hashes -r $<
	@touch $@

# The tests train every model, the deep ones too.
$(VENV)/.dev: $(VENV)/.deep

# The second line makes the `maas` command and the packages importable from where they lie.
$(VENV)/.cli $(VENV)/.deep $(VENV)/.dev: $(VENV)/.%: requirements/%.txt pyproject.toml $(VENV)/.uv
	$(UV) --require-hashes -r $<
	$(UV) --no-deps --no-build-isolation -e .
	@touch $@
