# What can be done with a checkout, one word each; `make` alone lists them.
# Each word makes .venv by itself from the hashed lock. The second time there is nothing to do.

.DEFAULT_GOAL := help
.PHONY: help demo test rehearse stories faults bench live screenshots check lock chromium

PYTHON ?=
ARGS ?=
READY := .venv/.ready
RUN := .venv/bin/python
# Compiled files are kept, whatever the shell says: every process of the tests would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the words
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'PYTHON=/path/to/python3 names another Python; ARGS="-k revoke" is handed to pytest.'

demo: $(READY) ## a Slack-like workspace with a running Relatch in your browser; Ctrl-C ends it
	@$(RUN) -m tests.sandbox --demo

# Thousands of small databases: in memory where there is room for them. `make faults` uses the disk.
MEMORY = PYTEST_DEBUG_TEMPROOT=$${PYTEST_DEBUG_TEMPROOT-$$($(RUN) -m tests.memory)}
PYTEST := $(RUN) -m pytest -n 4 --dist loadfile --no-loadscope-reorder

test: $(READY) ## the tests of what Relatch does; about a minute
	@$(MEMORY) $(PYTEST) $(ARGS)

rehearse: $(READY) ## the tests from outside: the wheel, the command line, a company's network, the sandbox's own rules
	@$(MEMORY) $(PYTEST) tests/rehearsal $(ARGS)

stories: chromium $(READY) ## Chromium plays the demo, page by page, once for each way in which Slack reaches Relatch
	@$(RUN) -m pytest tests/stories --mode both -o timeout=300 $(ARGS)

faults: $(READY) ## kills, races and outages; FAULTS_SCALE=0.1 does a tenth
	@$(RUN) -m pytest tests/faults -o timeout=3600 $(ARGS)

bench: $(READY) ## ratios to a bare baseline in the same run
	@$(RUN) -m pytest tests/bench -o timeout=600 $(ARGS)

live: $(READY) ## ask real vendors with the tokens of the environment; without any it says what to set
	@$(RUN) -m tests.live

screenshots: chromium $(READY) ## take the README's pictures anew
	@$(RUN) -m tests.stories.screenshots

check: $(READY) ## ruff, mypy strict, no conflict between packages, and the rules of the house
	@.venv/bin/ruff check
	@.venv/bin/mypy
	@$(RUN) -m pip check
	@$(RUN) -m pytest -q tests/house

lock: ## resolve requirements.lock anew from pyproject.toml (ARGS=--upgrade takes newer versions)
	@command -v uv >/dev/null || { echo "The lock is resolved by uv, which is not installed: pip install uv"; exit 1; }
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --extra test --extra dev $(ARGS) pyproject.toml -o requirements.lock
	@# The image gets what Relatch runs with, and setuptools, which makes the wheel.
	@echo 'setuptools>=77' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" --constraint requirements.lock \
		pyproject.toml - -o deploy/requirements.lock
	@! grep -nE '://|index-url|find-links' requirements.lock deploy/requirements.lock || \
		{ echo "An address is in the lock: take it out."; exit 1; }

chromium:
	@command -v chromium >/dev/null || { \
		echo "The stories need Debian's chromium, which is not installed: apt-get install chromium"; exit 1; }

# Nothing is fetched whose hash is not in the lock: the lock holds setuptools too, which builds the editable install.
$(READY): requirements.lock pyproject.toml
	@python=$$(for each in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
		if "$$each" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then echo "$$each"; break; fi; done); \
	if [ -z "$$python" ]; then \
		echo "Relatch needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv);" \
			"PYTHON=/path/to/python3 names one that is not on the PATH."; exit 1; fi; \
	echo "Making .venv with $$python from requirements.lock. This is done once and takes about a minute."; \
	"$$python" -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
