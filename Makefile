# The commands of this project. `make help` lists them.
# Every command first installs what is missing, once: the Python environment from Pipfile.lock into .venv,
# the cdktf command line from package-lock.json into node_modules.

PYTHON ?= python3.11
# The environment that plan, deploy and the other commands work on: a key of cdktf.json's context.environments.
ENV ?= local

PIPENV_VERSION := 2026.10.3
VENV := .venv/.installed
VENV_DEPLOYMENT := .venv/.installed-deployment
NODE := node_modules/.installed
WAY_OUT := .local/way-out/.installed
AUDIT := .local/audit/.installed
RUN := . operations/environment.sh &&

# Installs these sections of the Pipfile at the versions and hashes of Pipfile.lock.
define sync
test -x .tools/bin/pipenv || { $(PYTHON) -m venv .tools && .tools/bin/python -m pip install --quiet pipenv==$(PIPENV_VERSION); }; \
test -x .venv/bin/python || $(PYTHON) -m venv .venv; \
LANG=$${LANG:-C.UTF-8} PIPENV_VENV_IN_PROJECT=1 PIPENV_IGNORE_VIRTUALENVS=1 PIPENV_NOSPIN=1 \
.tools/bin/pipenv sync --quiet --categories="$(1)"
endef

.DEFAULT_GOAL := help
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

demo: setup ## run the main job to its end on the embedded local AWS and leave nothing running
	@$(RUN) python -m mme demo

local: setup ## deploy the example models on the embedded local AWS and stay up until Ctrl-C
	@$(RUN) python -m mme local

check-account: setup ## look for what would make a deployment of ENV fail late: credentials, quotas, names, network; JSON=1 prints JSON
	@$(RUN) python -m mme check-account $(ENV) $(if $(JSON),--json)

plan: setup ## plan every stack of ENV in order and show what it does to the endpoint
	@$(RUN) python -m mme plan $(ENV) $(REVIEW_OPTIONS)

deploy: setup ## plan every stack of ENV, show the review, ask (not with YES=1), apply exactly that; never what is blocked; WARM=1 warms after
	@$(RUN) python -m mme deploy $(ENV) $(if $(YES),--yes) $(if $(WARM),--warm)

status: setup ## show ENV's endpoints: instances, load, cold starts, slowest models, alarms, cost (JSON=1 prints JSON)
	@$(RUN) python -m mme status $(ENV) $(if $(JSON),--json)

warm: setup ## load the models that the last day used most, pinned ones first (MODELS=... at most, SAMPLES=folder of inputs)
	@$(RUN) python -m mme warm $(ENV) $(if $(MODELS),--models=$(MODELS)) $(if $(SAMPLES),--samples=$(SAMPLES))

destroy: setup ## destroy every stack of ENV with all models, images and states: show, ask (not with YES=1), destroy; SHARD=... one that is left, LOGS=delete the logs too
	@$(RUN) python -m mme destroy $(ENV) $(if $(YES),--yes) $(if $(SHARD),--shard=$(SHARD)) $(if $(filter delete,$(LOGS)),--delete-logs)

bootstrap: setup ## create the bucket of ENV's states and move the state of its own stack into it (safe to repeat)
	@$(RUN) python -m mme bootstrap $(ENV)

state-history: setup ## list the versions of the state of STACK; VERSION=... shows what restoring it changes, CONFIRM=yes restores it
	@$(RUN) python -m mme state history $(ENV) $(STACK) $(if $(VERSION),--version=$(VERSION)) $(if $(CONFIRM),--confirm=$(CONFIRM))

unlock: setup ## remove the lock LOCK that a killed run left on the state of STACK
	@$(RUN) python -m mme state unlock $(ENV) $(STACK) $(LOCK)

promote-image: setup ## give the environment TO the image that FROM runs, by its digest, in cdktf.json
	@$(RUN) python -m mme promote-image $(FROM) $(TO)

model-restore: setup ## bring a removed MODEL back from ENV's archive into the catalog: VERSION=...; without it, list the versions
	@$(RUN) python -m mme models restore $(ENV) $(MODEL) $(VERSION)

adopt: setup ## show what of STACK exists in the account and its state does not know; CONFIRM=yes takes it over
	@$(RUN) python -m mme state adopt $(ENV) $(STACK) $(if $(CONFIRM),--confirm=$(CONFIRM))

test: setup $(if $(CI),$(WAY_OUT)) ## run the tests but the slow ones (with CI set: all of them, and that of CDK Terrain)
	@$(RUN) python -m pytest -n 2 --dist loadgroup $(if $(CI),,-m "not slow") $(PYTEST_ARGUMENTS)

test-all: setup ## run all tests: whole deployments, updates of endpoints, container engines where there are some
	@$(RUN) python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGUMENTS)

way-out: setup $(WAY_OUT) ## show that CDK Terrain and HCL give the same (docs/way-out.md)
	@$(RUN) python -m pytest tests/way_out $(PYTEST_ARGUMENTS)

bench: setup ## measure the model server beside multi-model-server, Triton and MLServer (20 minutes; needs Java 17)
	@$(RUN) python -m benchmarks.server

bench-synthesis: setup ## measure synthesis beside the usual import of the bindings
	@$(RUN) python -m benchmarks.synthesis

bench-scale: setup ## measure synthesis and plans of up to 4,000 models beside bare Terraform (about 10 minutes)
	@$(RUN) python -m benchmarks.scale

bench-plan-review: setup ## measure the review of plans of up to 4,000 models
	@$(RUN) python -m benchmarks.plan_review

bench-capacity: setup ## measure the capacity plan's simulation
	@$(RUN) python -m benchmarks.capacity --speed

bench-capacity-validation: setup ## compare predicted with measured latency and hit ratio (about 10 minutes, a quiet machine)
	@$(RUN) python -m benchmarks.capacity --validation

chaos: setup ## faults of deployments: killed, cut off, at once; and planted secrets (KILLS=50: an hour)
	@$(RUN) python -m benchmarks.reliability --kills $(or $(KILLS),50) --seed $(or $(SEED),1)

chaos-server: setup ## faults of the model server and attacks on it (20 minutes; EXPERIMENTS="kills tagged", SEED=1)
	@$(RUN) python -m benchmarks.reliability.model_server $(EXPERIMENTS) --seed $(or $(SEED),1)

provider-lock: setup ## write .terraform.lock.hcl, the checksums of ENV's providers; MIRROR=... instead of the registry
	@$(RUN) python -m mme provider-lock $(ENV) $(if $(MIRROR),--mirror=$(MIRROR))

check: setup ## check format, style, types and words (under a minute)
	@$(RUN) ruff check . && ruff format --check . && mypy && python -m pytest -q -n 0 tests/test_documents.py

audit: setup $(AUDIT) ## bandit on the code, checkov on the Terraform, pip-audit on the dependencies: clean, or explained
	@$(RUN) python -m operations.audit

setup: tools ## install what the other commands need, once
	@$(MAKE) --no-print-directory -j2 $(VENV) $(NODE)

setup-deployment: tools ## install what plans and deployments need only: no MXNet, no local AWS, no tests
	@$(MAKE) --no-print-directory -j2 $(VENV_DEPLOYMENT) $(NODE)

tools:
	@sh operations/check-tools.sh $(PYTHON)

$(VENV): Pipfile.lock
	@echo "installing the Python environment into .venv (about two minutes, once)"
	@$(call sync,packages local dev-packages)
	@touch $(VENV_DEPLOYMENT) $@

$(VENV_DEPLOYMENT): Pipfile.lock
	@echo "installing what a deployment needs into .venv (about a minute, once)"
	@$(call sync,packages)
	@touch $@

$(NODE): package-lock.json
	@echo "installing the cdktf command line into node_modules (about half a minute, once)"
	@npm ci --omit=optional --ignore-scripts --loglevel=error
	@touch $@

$(WAY_OUT): way_out/requirements.txt $(VENV)
	@echo "installing CDK Terrain into .local/way-out (about a minute, once)"
	@rm -rf $(@D)/packages
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-compile --target $(@D)/packages -r $<
	@touch $@

$(AUDIT): operations/audit-requirements.txt operations/checkov-requirements.txt
	@echo "installing the tools of the audit into .local/audit (about a minute, once)"
	@for tools in code checkov; do $(PYTHON) -m venv --clear $(@D)/$$tools || exit 1; done
	@$(@D)/code/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r operations/audit-requirements.txt
	@$(@D)/checkov/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r operations/checkov-requirements.txt
	@touch $@

lock: setup ## resolve all dependencies again and write both lock files
	@PIPENV_VENV_IN_PROJECT=1 PIPENV_IGNORE_VIRTUALENVS=1 .tools/bin/pipenv lock
	@python3 operations/empty_lock_sources.py Pipfile.lock
	@$(MAKE) --no-print-directory $(VENV)
	@$(RUN) python -m operations.container_requirements
	@npm install --omit=optional --ignore-scripts --package-lock-only --loglevel=error

licences: setup ## list every dependency with its licence
	@$(RUN) python -m operations.dependencies licences

outdated: setup ## list the dependencies that are behind their newest release
	@$(RUN) python -m operations.dependencies outdated

clean: ## remove what synthesis and the local AWS wrote (the environments stay)
	@rm -rf cdktf.out .local .pytest_cache .hypothesis .ruff_cache
