# Everything here sets itself up: the first target that needs the environment makes it.

.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Installed anew only when the lock changes. The old environment is kept until then.
.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@# As a constraint, too: pip before 23.3 else takes the newest of what some package wants with an extra.
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock \
		--constraint requirements.lock
	@# Prefect's database takes ten seconds to make: artifact roots begin with a copy. In no environment of the user's.
	env -i PREFECT_HOME="$(abspath .venv/prefect)" $(BIN)/prefect server database upgrade --yes >/dev/null
	@touch $@

# What the default sweep does without: extras (Dask, samplers, W&B's reports), dev (tests and checks), pdf (Pandoc and
# Typst, 240 MB on disk).
.venv/dev: .venv/extras
.venv/extras .venv/dev .venv/pdf: .venv/%: requirements-%.lock .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements-$*.lock --constraint requirements.lock
	@touch $@

.PHONY: setup
setup: .venv/installed ## create .venv from the hashed lock

.PHONY: extras
extras: .venv/extras ## add Dask, the samplers of ranges, and reports in W&B

.PHONY: sweep
sweep: .venv/installed ## run the sweep; flags go into ARGS: make sweep ARGS="--max-epochs 20"
	$(BIN)/python -m flows $(ARGS)

.PHONY: pdf
pdf: .venv/pdf ## write the newest sweep to submission.pdf, to hand in; another: make pdf ARGS=artifacts/sweeps/NAME
	$(BIN)/python -m report.pdf $(ARGS)

.PHONY: quick
quick: .venv/dev ## run the tests that start no server and no process, in a minute
	$(BIN)/python -m pytest -m quick --numprocesses 2 $(ARGS)

.PHONY: test
test: check .venv/pdf ## run the checks and all tests, of campaigns a random sample (SEED=… draws an earlier one again)
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: soak
soak: .venv/dev ## run the campaigns as a whole: programs killed everywhere, every file damaged in every way
	$(BIN)/python -m pytest -m soak --soak --numprocesses 4 --dist load $(ARGS)

.PHONY: check
check: .venv/dev ## lint, format, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

.PHONY: fix
fix: .venv/dev ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: report
report: .venv/installed ## open the newest sweep's page in the browser
	@$(BIN)/python -m flows page $(ARGS)

.PHONY: ui
ui: .venv/installed ## serve the Prefect UI over what the sweeps left, on http://127.0.0.1:4200
	@# Pages of other addresses may not use it: one that you open could have its commands run. More: docs/security.md
	PREFECT_HOME=$(abspath artifacts/prefect) PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS=$(PREFECT_API_URL:/api=) \
		$(BIN)/prefect server start

# The next three talk to the server of `make ui`, or to the one that PREFECT_API_URL names. Links in the server's messages
# lead there, too.
ui deploy automations worker: export PREFECT_API_URL := $(or $(PREFECT_API_URL),http://127.0.0.1:4200/api)

.PHONY: deploy
deploy: export PWD := $(CURDIR)
deploy: .venv/installed ## put the deployments of prefect.yaml, the nightly schedule among them, on the server
	@# A pool that is there, paused or with a limit perhaps, is left as it is, with an error.
	@$(BIN)/prefect --no-prompt work-pool create --type process sweeps >/dev/null 2>&1 || true
	$(BIN)/prefect --no-prompt deploy --all
	@# Without them a night that is killed stays Running, and every later one finds it at work.
	@$(BIN)/python -m flows.commands.automations automations.yaml

.PHONY: automations
automations: .venv/installed ## have the server notice killed runs, and tell of trouble: make automations WEBHOOK=https://…
	@# Not echoed: who knows the address can write to it.
	@$(BIN)/python -m flows.commands.automations automations.yaml $(WEBHOOK)

.PHONY: worker
worker: .venv/installed ## run what is scheduled, here, until it is stopped
	@# With its type it waits for the server; what flows return is kept in the root, not in the user's home.
	PREFECT_RESULTS_LOCAL_STORAGE_PATH=$(abspath artifacts/prefect/storage) $(BIN)/prefect worker start --pool sweeps --type process

.PHONY: clean
clean: .venv/installed ## show, and on your word remove, what no finished sweep needs
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
