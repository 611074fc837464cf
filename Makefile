# Every target creates the environment that it needs.

.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export DO_NOT_TRACK := 1 # analytics are off, so Prefect does not announce them

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Installed again only when a lock changes; by one make at a time, since services that start together may all find it old.
ifndef INSTALLING
.venv/installed: requirements.lock
	@$(ONE_AT_A_TIME) $(MAKE) --no-print-directory INSTALLING=1 $@
.venv/extras .venv/dev .venv/pdf: .venv/%: requirements-%.lock .venv/installed
	@$(ONE_AT_A_TIME) $(MAKE) --no-print-directory INSTALLING=1 $@
else
.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	@[ ! -L .venv ] || { echo ".venv is a link to another clone's, which would be emptied: renew it there, or remove the link"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@# Also as a constraint: pip before 23.3 would otherwise take the newest version of packages required with extras.
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock \
		--constraint requirements.lock
	@# Artifact roots start with a copy of this database, which takes ten seconds to create. The user's settings are ignored.
	env -i PREFECT_HOME="$(abspath .venv/prefect)" $(BIN)/prefect server database upgrade --yes >/dev/null
	@touch $@
# Optional packages: extras (Dask, samplers, W&B's reports), dev (tests and checks), pdf (Pandoc and Typst, 240 MB).
.venv/extras .venv/dev .venv/pdf: .venv/%: requirements-%.lock .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements-$*.lock --constraint requirements.lock
	@touch $@
endif
.venv/dev: .venv/extras
ONE_AT_A_TIME = $(PYTHON) -c 'import fcntl, os, sys; file = os.open("requirements.lock", os.O_RDONLY); \
	fcntl.flock(file, fcntl.LOCK_EX); os.set_inheritable(file, True); os.execvp(sys.argv[1], sys.argv[1:])'

.PHONY: setup
setup: .venv/installed ## create .venv from the hashed lock

.PHONY: extras
extras: .venv/extras ## install Dask, samplers for ranges, and reports in W&B

.PHONY: sweep
sweep: .venv/installed ## run the sweep; flags go into ARGS: make sweep ARGS="--max-epochs 20"
	@$(KNOWN_BY) $(BIN)/python -m flows $(ARGS)

.PHONY: pdf
pdf: .venv/pdf ## write the newest sweep to submission.pdf, to hand in; another: make pdf ARGS=artifacts/sweeps/NAME
	$(BIN)/python -m report.pdf $(ARGS)

.PHONY: quick
quick: .venv/dev ## run the tests that start no server or process, in a minute
	$(BIN)/python -m pytest -m quick --numprocesses 2 $(ARGS)

.PHONY: test
test: lint .venv/pdf ## run the checks and all tests, of campaigns a random sample (SEED=… draws an earlier one again)
	@# Types are checked meanwhile, as tests wait now and then.
	@$(BIN)/mypy . >.venv/types.log 2>&1 & types=$$!; \
	$(BIN)/python -m pytest --numprocesses 6 --dist loadfile --no-loadscope-reorder $(ARGS); tests=$$?; \
	wait $$types; types=$$?; cat .venv/types.log; exit $$((tests + types))

.PHONY: soak
soak: .venv/dev ## run the campaigns as a whole: programs killed everywhere, every file damaged in every way
	$(BIN)/python -m pytest -m soak --soak --numprocesses 4 --dist load $(ARGS)

.PHONY: mutants
mutants: .venv/dev ## measure what share of small changes the tests notice: make mutants ARGS="softmax/loss.py --most 20"
	$(BIN)/python -m tests.mutants $(or $(ARGS),softmax experiment tasks report --most 5)

.PHONY: check
check: lint ## lint, format, import directions, types
	$(BIN)/mypy .

.PHONY: lint
lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

.PHONY: fix
fix: .venv/dev ## format, and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: report
report: .venv/installed ## open the newest sweep's page in the browser
	@$(BIN)/python -m flows page $(ARGS)

.PHONY: ui
ui: .venv/installed ## serve the Prefect UI with all flow runs so far, on http://127.0.0.1:4200
	@echo "The UI asks for a password once: it is the line in $(PASSWORD)"
	@# Whoever may use it can run commands, so web pages of other origins may not: docs/security.md
	@$(KNOWN_BY) PREFECT_SERVER_API_AUTH_STRING="$${PREFECT_SERVER_API_AUTH_STRING:-$$(cat $(PASSWORD))}" \
		PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS=$(PREFECT_API_URL:/api=) PREFECT_HOME=$(abspath artifacts/prefect) \
		$(BIN)/python -m execution.orchestration.ui

# Created once, also by two at a time. Servers elsewhere are not told it.
PASSWORD := artifacts/prefect/password
$(PASSWORD):
	@mkdir -p $(@D) && umask 077 && $(PYTHON) -c 'import secrets; print("sweep:" + secrets.token_urlsafe(12))' >$@.$$$$ && \
		{ ln $@.$$$$ $@ 2>/dev/null || [ -e $@ ] || cp $@.$$$$ $@; }; rm -f $@.$$$$
KNOWN_BY = $(if $(filter http://127.0.0.1:%,$(PREFECT_API_URL)),PREFECT_API_AUTH_STRING="$${PREFECT_API_AUTH_STRING:-$$(cat $(PASSWORD) 2>/dev/null)}")

# The next three use the server of `make ui`, or the one that PREFECT_API_URL names, also for links in its messages.
ui deploy automations worker: $(PASSWORD)
ui deploy automations worker: export PREFECT_API_URL := $(or $(PREFECT_API_URL),http://127.0.0.1:4200/api)

.PHONY: deploy
deploy: export PWD := $(CURDIR)
deploy: .venv/installed ## create the deployments of prefect.yaml, with the nightly schedule, on the server
	@# Creating an existing pool fails and leaves it as it is, paused or limited perhaps.
	@$(KNOWN_BY) $(BIN)/prefect --no-prompt work-pool create --type process sweeps >/dev/null 2>&1 || true
	@$(KNOWN_BY) $(BIN)/prefect --no-prompt deploy --all
	@# Without them a killed flow run stays Running, and every later one is skipped.
	@$(KNOWN_BY) $(BIN)/python -m flows.commands.automations automations.yaml

.PHONY: automations
automations: .venv/installed ## let the server detect killed runs and report failures: make automations WEBHOOK=https://…
	@# Not echoed, since the address is a secret.
	@$(KNOWN_BY) $(BIN)/python -m flows.commands.automations automations.yaml $(WEBHOOK)

.PHONY: worker
worker: .venv/installed ## run scheduled flow runs here until stopped
	@# With a type it waits for the server.
	@$(KNOWN_BY) $(BIN)/prefect worker start --pool sweeps --type process

.PHONY: clean
clean: .venv/installed ## list what no finished sweep needs, and remove it after confirmation
	$(BIN)/python -m flows clean $(ARGS)

.PHONY: bench
bench: .venv/extras ## measure speed and memory side by side
	$(BIN)/python -m benchmarks

LOCK := uv pip compile --upgrade --universal --generate-hashes --no-annotate --no-header --no-emit-index-url
EXTRAS := --extra dask --extra search --extra share
KNOWN = $(shell sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' $(1))

.PHONY: lock
lock: ## renew the locks from pyproject.toml (needs uv)
	$(LOCK) pyproject.toml --output-file requirements.lock
	$(LOCK) $(EXTRAS) --constraint requirements.lock $(call KNOWN,requirements.lock) pyproject.toml \
		--output-file requirements-extras.lock
	$(LOCK) --group dev --constraint requirements.lock --constraint requirements-extras.lock \
		$(call KNOWN,requirements.lock requirements-extras.lock) pyproject.toml --output-file requirements-dev.lock
	$(LOCK) --group pdf --constraint requirements.lock --output-file requirements-pdf.lock
