# The lake on one machine. `make` alone lists the targets, in the language of the terminal (b3lake/texts/pt_BR.toml).

# The Python that makes the virtualenvs: the first of these that runs.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for each in python3.11 python3.12 python3.13 python3; do $$each -c pass 2>/dev/null && echo $$each && break; done)
endif
DEMAND_PYTHON = [ -n "$(PYTHON)" ] || { echo "error: There is no Python here: install Python 3.11, 3.12 or 3.13." >&2; exit 1; }
PY := .venvs/tech/bin/python
# Side by side; how many processes, which tests stay together, and in which order, is said in tests/conftest.py.
PYTEST := $(PY) -m pytest --numprocesses auto --maxprocesses 4 --no-loadscope-reorder
# What `make demo` needs, and what `make test` and `make check` need beyond it.
RUN_VENVS := .venvs/tech.done .venvs/sam.done .venvs/ministack.done
DEV_VENVS := .venvs/dev.done .venvs/sam.done .venvs/ministack.done
PYTHON310 ?= python3.10
PYTHON313 ?= python3.13

# The variables that a target takes on the command line; others are refused, since make would ignore them.
FETCHED := TICKERS START_DATE END_DATE SESSIONS INTERVAL SOURCE MARKET B3_FILES B3_EVENTS B3LAKE_YAHOO_URL B3LAKE_B3_URL \
           B3LAKE_B3_LISTED_URL B3LAKE_BCB_URL B3LAKE_SOURCE_LABEL BESIDE
takes.demo := LAKE_PORT
takes.up := LAKE_PORT LAKE_BIND
takes.ingest := $(FETCHED)
takes.query := SQL FILE ARGS AWS LAKE_ENV AWS_%
takes.report := AWS LAKE_ENV AWS_%
takes.tour := AWS LAKE_ENV AWS_%
takes.invoke := EVENT
takes.preflight := LAKE_ENV AWS_%
takes.environment := LAKE_ENV LIKE
takes.clean := YES
takes.test := PYTEST_ADDOPTS B3_LAKE_SHARED
takes.test-fast := $(takes.test)
takes.test-glue4 := PYTHON310 $(takes.test)
takes.test-glue6 := PYTHON313 WHOLE_JAVA_HOME $(takes.test)
takes.chaos := SEED FAULTS
takes.fuzz := SECONDS
takes.mutate := SEED MUTANTS ROOM
takes.requirements := UPGRADE

GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
TARGETS := $(or $(MAKECMDGOALS),help)
ifneq ($(strip $(GIVEN)),)
  TAKEN := PYTHON $(foreach target,$(TARGETS),$(takes.$(target)))
  REFUSED := $(shell $(PYTHON) -m devlake.check_variables '$(TARGETS)' '$(GIVEN)' '$(TAKEN)')
  ifneq ($(strip $(REFUSED)),)
    $(error $(REFUSED))
  endif
endif

# A dollar in a value is the value's own: "$path" is a column, and make would take it for a variable that is empty.
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name)))$(eval export $(name)))

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST) | $(if $(PYTHON),$(PYTHON) -m devlake.tell,cat)

##@ Use it on this machine

.PHONY: setup
setup: $(RUN_VENVS) ## install what the lake needs into .venvs/ (done by the other targets too)

# Development adds to the application's virtualenv: the tests import what the application imports.
.venvs/dev.done: requirements/dev.txt | .venvs/tech.done
	@$(PYTHON) devlake/make_venv.py tech dev && touch $@

.venvs/notebook.done: requirements/notebook.txt | .venvs/tech.done
	@$(PYTHON) devlake/make_venv.py tech notebook && touch $@

.venvs/bench.done: requirements/bench.txt | .venvs/dev.done
	@$(PYTHON) devlake/make_venv.py tech bench && touch $@

.venvs/%.done: requirements/%.txt
	@$(DEMAND_PYTHON)
	@$(PYTHON) devlake/make_venv.py $* $* && touch $@

.PHONY: demo
demo: $(RUN_VENVS) ## run the whole pipeline once, from quotes to SQL, on this machine
	@$(PY) -m devlake demo

.PHONY: up
up: $(RUN_VENVS) ## start a lake to keep: deploy the stack into the AWS emulator
	@$(PY) -m devlake up

.PHONY: ingest
ingest: $(RUN_VENVS) ## fetch quotes into the lake that is up (TICKERS=, START_DATE=, END_DATE=), and refine them
	@$(PY) -m devlake ingest

.PHONY: refine
refine: $(RUN_VENVS) ## run the Glue job of the lake that is up
	@$(PY) -m devlake refine

.PHONY: query
query: $(RUN_VENVS) ## ask the lake: SQL='SELECT …' or FILE=queries/….sql (ARGS='--csv FILE'; AWS=1: the one in your account)
	@$(PY) -m devlake query

.PHONY: report
report: $(RUN_VENVS) ## write the page about the lake to .lake/report.html (AWS=1: the lake in your account)
	@$(PY) -m devlake report

.PHONY: notebook
notebook: .venvs/notebook.done ## open examples/analise.ipynb in Jupyter: returns, falls, a split, IBOV and CDI, from the lake that is kept
	@$(PY) -m jupyterlab examples/analise.ipynb

.PHONY: tour
tour: $(RUN_VENVS) ## show every stage of the lake with its evidence: object, request, run, table, answer (AWS=1: in your account)
	@$(PY) -m devlake tour

.PHONY: invoke
invoke: $(RUN_VENVS) ## send an event to the function start_glue_job (EVENT=events/s3_put.json), without Docker
	@$(PY) -m devlake invoke

.PHONY: status
status: $(RUN_VENVS) ## say whether a lake is up, and what it holds
	@$(PY) -m devlake status

.PHONY: down
down: $(RUN_VENVS) ## stop the lake; the next `make up` finds its data again
	@$(PY) -m devlake down

.PHONY: clean
clean: ## remove what the lake left on this machine: builds, logs, the kept data (not the virtualenvs); asks first (YES=1: does not)
	@$(DEMAND_PYTHON)
	@$(PYTHON) -m devlake.clean

##@ Deploy it into your AWS account

.PHONY: preflight
preflight: $(RUN_VENVS) ## ask your AWS account what it allows, before deploying LAKE_ENV= (dev) into it; changes nothing
	@$(PY) -m b3lake preflight

.PHONY: environment
environment: .venvs/tech.done ## add the environment LAKE_ENV= to samconfig.toml, as LIKE= (dev), and say how it is deployed
	@$(PY) -m devlake.new_environment

##@ Work on it

.PHONY: bundle
bundle: .venvs/tech.done ## write glue/refine_job.py from the modules that the refine job is made of
	@$(PY) -m devlake.bundle

.PHONY: test
test: $(DEV_VENVS) ## run all tests
	@$(PYTEST)

.PHONY: test-fast
test-fast: $(DEV_VENVS) ## run the tests that start no Spark, browser, Terraform or AWS emulator
	@$(PYTEST) -m "not slow"

.PHONY: chaos
chaos: $(DEV_VENVS) ## break the pipeline 200 times from a seed (SEED=, FAULTS=), and compare the lake with a quiet one
	@$(PY) -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS))

.PHONY: fuzz
fuzz: $(DEV_VENVS) ## feed nonsense to the parsers of foreign bytes, SECONDS=60 each
	@FUZZ_SECONDS=$(or $(SECONDS),60) $(PY) -m pytest -q -s tests/fuzz

.PHONY: mutate
mutate: $(DEV_VENVS) .venvs/mutate.done ## change the program in one place at a time; a test has to fail (SEED=, MUTANTS= a room, ROOM=)
	@.venvs/mutate/bin/python -m tests.mutation $(if $(SEED),--seed $(SEED)) $(if $(MUTANTS),--mutants $(MUTANTS)) $(if $(ROOM),--room $(ROOM))

.PHONY: bad-input-table
bad-input-table: $(DEV_VENVS) ## try every bad input, and write what came out into docs/reliability.md
	@BAD_INPUT=rewrite $(PY) -m pytest -q tests/bad_input tests/terraform/test_bad_variables.py

.PHONY: audit
audit: .venvs/audit.done ## look for known holes in what the lake, its host and its tests install (needs the network, and fails without it)
	@for each in tech dev ingest; do \
	  .venvs/audit/bin/pip-audit --strict --progress-spinner off --disable-pip --no-deps -r requirements/$$each.txt || exit 1; done

.PHONY: requirements
requirements: .venvs/uv.done ## compile pyproject.toml's lists into requirements/*.txt (UPGRADE=1: take the newest of everything)
	@$(PYTHON) -m devlake.compile_requirements $(if $(UPGRADE),--upgrade)

.venvs/glue4.done: requirements/glue4.txt
	@$(PYTHON310) -c pass 2>/dev/null || { echo "error: There is no Python 3.10 here: set PYTHON310=." >&2; exit 1; }
	@$(PYTHON310) -m venv --clear .venvs/glue4 && .venvs/glue4/bin/python -m pip install -q -r $< && touch $@

.PHONY: test-glue4
test-glue4: .venvs/glue4.done ## run the refine job's tests with what Glue 4.0 carries (needs Python 3.10: PYTHON310=)
	@.venvs/glue4/bin/python -m pytest -o filterwarnings= --confcutdir=tests/refine tests/refine

.venvs/glue6.done: requirements/glue6.txt
	@$(PYTHON313) -c pass 2>/dev/null || { echo "error: There is no Python 3.13 here: set PYTHON313=." >&2; exit 1; }
	@$(PYTHON313) -m venv --clear .venvs/glue6 && .venvs/glue6/bin/python -m pip install -q -r $< && touch $@

.PHONY: test-glue6
test-glue6: .venvs/glue6.done ## run the refine job's tests with Glue 6.0's Spark (PYTHON313=; WHOLE_JAVA_HOME=: a whole Java 17)
	@WHOLE_JAVA_HOME=$(WHOLE_JAVA_HOME) .venvs/glue6/bin/python -m pytest -o filterwarnings= -o addopts=--import-mode=importlib \
	  --confcutdir=tests/refine tests/refine

.PHONY: bench-ingest
bench-ingest: .venvs/bench.done ## measure the ingestion beside awswrangler and the ceiling, the COTAHIST parser beside pandas
	@$(PY) -m bench.bench_ingest && $(PY) -m bench.bench_cotahist

.PHONY: bench
bench: bench-ingest bench-refine bench-emulator ## measure everything (an hour)

.PHONY: bench-emulator
bench-emulator: .venvs/dev.done .venvs/ministack.done ## measure the emulator's catalog beside ministack's own
	@$(PY) -m bench.bench_emulator_catalog

.PHONY: bench-refine
bench-refine: .venvs/bench.done ## measure the refine job beside its rivals, its planner and its history
	@$(PY) -m bench.bench_planner && $(PY) -m bench.bench_refine && $(PY) -m bench.bench_history && $(PY) -m bench.bench_history_event

.PHONY: check
check: $(DEV_VENVS) .venvs/audit.done ## lint, types, template, Terraform module
	@.venvs/tech/bin/ruff check .
	@.venvs/tech/bin/ruff format --check .
	@.venvs/tech/bin/mypy
	@SAM_CLI_TELEMETRY=0 .venvs/sam/bin/sam validate --lint --region us-east-1
	@.venvs/sam/bin/cfn-lint template.yaml
	@.venvs/audit/bin/checkov --file template.yaml --framework cloudformation --compact --quiet --skip-download
	@.venvs/audit/bin/checkov --directory terraform --framework terraform --compact --quiet --skip-download
