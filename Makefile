# `make demo` and `make test` work on a fresh machine with Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HUB5 := .venv-hub5
USAGE_QUOTAS := .venv-usage-quotas
PYTHON312 ?= $(or $(shell command -v python3.12 >/dev/null && python3.12 -c 1 2>/dev/null && echo python3.12),$(wildcard $(shell pyenv prefix 3.12.1 2>/dev/null)/bin/python3.12))
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test environments check format messages docs screenshots pictures bench bench-spawn bench-usage bench-admission bench-tick bench-decision bench-quotas bench-weight bench-pages clean

help:
	@echo "make demo         run a hub to try things out (ARGS='--port 9000 --json')"
	@echo "make test         run the tests; STRICT=1 makes a skip a failure"
	@echo "make check        formatting, lint, types, import contracts, templates, catalogues"
	@echo "make messages     bring the message catalogues up to date"
	@echo "make docs         build the documentation into docs/_build"
	@echo "make screenshots  draw the README's and the translators' pictures from the real demo"
	@echo "make pictures     every page in Spanish and Arabic side by side (OUT=folder)"
	@echo "make bench        measure sign-in beside the Hub's own authenticators (OUT=folder)"
	@echo "make bench-quotas     the next three, one after another, with their tables and plots"
	@echo "make bench-spawn  measure what a start costs the Hub, beside a plain one (OUT=folder)"
	@echo "make bench-admission  time a start and a stop with few and with a million leases (OUT=folder)"
	@echo "make bench-decision   time a decision beside jupyterhub-usage-quotas and Prometheus (OUT=folder)"
	@echo "make bench-tick   time the service's tick with thousands of servers (OUT=folder)"
	@echo "make bench-usage  how large a year of a busy hub is, table by table"
	@echo "make bench-pages  time the service's pages with 20 people and with 2,000 (OUT=folder)"
	@echo "make bench-weight weigh and time first visits; rewrites the figures of docs/performance.md"

demo: $(VENV)/.demo $(BIN)/configurable-http-proxy
	@exec $(BIN)/jupyterhub-communities demo $(ARGS)

test: environments
	$(BIN)/python tools/run_tests.py --hub5 $(HUB5)/bin/python

environments: $(VENV)/.dev $(HUB5)/.test $(BIN)/configurable-http-proxy

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet share/jupyterhub-communities/templates
	$(BIN)/python -m jupyterhub_communities.i18n.check

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

messages: $(VENV)/.dev
	$(BIN)/python -m jupyterhub_communities.i18n.extract
	$(BIN)/python -m jupyterhub_communities.i18n.compile

docs: $(VENV)/.dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

screenshots: $(VENV)/.dev $(BIN)/configurable-http-proxy
	PYTHONPATH=tests $(BIN)/python tools/screenshots.py

pictures: OUT ?= pictures
pictures: $(VENV)/.dev $(BIN)/configurable-http-proxy
	PICTURES=$(OUT) $(BIN)/pytest -q tests/browser/test_tour.py

bench: OUT ?= benchmarks/signin/out
bench: $(VENV)/.bench $(HUB5)/.bench $(BIN)/configurable-http-proxy
	PYTHONPATH=tests $(BIN)/python -m benchmarks.signin --out $(OUT) --hub5 $(HUB5)/bin/python $(ARGS)

bench-spawn: OUT ?= benchmarks/spawn/out
bench-spawn: $(VENV)/.bench $(BIN)/configurable-http-proxy
	PYTHONPATH=tests $(BIN)/python -m benchmarks.spawn --out $(OUT) $(ARGS)

bench-admission: OUT ?= benchmarks/admission/out
bench-admission: $(VENV)/.bench
	PYTHONPATH=tests $(BIN)/python -m benchmarks.admission --out $(OUT) $(ARGS)

bench-tick: OUT ?= benchmarks/tick/out
bench-tick: $(VENV)/.bench
	PYTHONPATH=tests $(BIN)/python -m benchmarks.tick --out $(OUT) $(ARGS)

# Without a Python 3.12 the other's figures are quoted.
bench-decision: OUT ?= benchmarks/decision/out
bench-decision: $(VENV)/.bench $(if $(PYTHON312),$(USAGE_QUOTAS)/.bench)
	PYTHONPATH=tests $(BIN)/python -m benchmarks.decision --out $(OUT) \
		$(if $(PYTHON312),--python312 $(USAGE_QUOTAS)/bin/python) $(ARGS)

# One after another, with `-j` too: beside each other they would measure each other.
bench-quotas:
	$(MAKE) bench-spawn
	$(MAKE) bench-admission
	$(MAKE) bench-decision

bench-usage: $(VENV)/.bench
	PYTHONPATH=tests $(BIN)/python -m benchmarks.usage

bench-weight: $(VENV)/.bench $(BIN)/configurable-http-proxy
	$(BIN)/python -m benchmarks.weight --out benchmarks/weight/figures $(ARGS)

bench-pages: OUT ?= benchmarks/pages/out
bench-pages: $(VENV)/.bench
	PYTHONPATH=tests $(BIN)/python -m benchmarks.pages --out $(OUT) $(ARGS)

clean:
	rm -rf $(VENV) $(HUB5) $(USAGE_QUOTAS) docs/_build .mypy_cache .ruff_cache .hypothesis

# What is installed where. A stamp is made anew when pyproject.toml changes.

define make-venv
	@$(PYTHON) -m venv $(1) || { echo "Python cannot make a virtual environment: install the package python3-venv" >&2; exit 2; }
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
endef

$(VENV)/.made:
	$(call make-venv,$(VENV))
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml hatch_build.py
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

$(HUB5)/.made:
	$(call make-venv,$(HUB5))
	@touch $@

# After the other environment: pip builds this package in one place.
$(HUB5)/.test: $(HUB5)/.made pyproject.toml | $(VENV)/.dev
	$(HUB5)/bin/pip install --quiet --disable-pip-version-check 'jupyterhub==5.5.*' -e '.[hub5-test]'
	@touch $@

$(HUB5)/.bench: $(HUB5)/.test
	$(HUB5)/bin/pip install --quiet --disable-pip-version-check -e '.[hub5-bench]'
	@touch $@

$(USAGE_QUOTAS)/.bench:
	$(PYTHON312) -m venv $(USAGE_QUOTAS)
	$(USAGE_QUOTAS)/bin/pip install --quiet --disable-pip-version-check jupyterhub-usage-quotas==0.2.1
	@touch $@

$(BIN)/configurable-http-proxy: $(VENV)/.demo tools/install_proxy.py
	$(BIN)/python tools/install_proxy.py
	@touch $@
