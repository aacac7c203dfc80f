# The daily commands; CONTRIBUTING.md explains them. Stamp files record what is installed, so that later runs skip it.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH = 2.13.0
LLM ?= 1.5b
Q ?= which papers cut KV-cache memory

.PHONY: ask chat install embedders index llm test browser airgap sbom check docs pictures gate train clean
.DELETE_ON_ERROR:

ask: index
	@$(BIN)/citedesk ask "$$QUESTION"
ask: export QUESTION = $(value Q)

index: $(VENV)/.installed
	@$(BIN)/citedesk index

# Serves the chat in the browser, until Ctrl-C.
chat: index
	@$(BIN)/citedesk ui --open

install: $(VENV)/.installed

# What CITEDESK_EMBED_MODEL needs to name a model of sentence-transformers.
embedders: $(VENV)/.installed-embedders

# A small local language model: installs llama.cpp, downloads 1.1 GB the first time, and serves until Ctrl-C.
llm: $(VENV)/.installed-llm
	$(BIN)/citedesk llm get $(LLM)
	@$(BIN)/citedesk llm serve $(LLM)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The tests in a real Chromium (Debian: apt-get install chromium nginx caddy).
browser: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m browser

# The models, the command line and the chat where there is no network but loopback (Linux, with user namespaces).
airgap: $(VENV)/.installed-dev
	unshare --map-root-user --net $(BIN)/python -m pytest -m "not slow and not model and not browser" \
		tests/test_air_gap.py tests/test_encoder.py tests/test_cross_encoder.py tests/test_loading.py

# A bill of materials (CycloneDX) and the licences of what is installed, in build/, by tools in an environment of their own.
sbom: $(VENV)/.installed
	$(BIN)/python -m venv build/tools
	build/tools/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0 pip-licenses==5.5.5
	build/tools/bin/cyclonedx-py environment --pyproject pyproject.toml --output-file build/sbom.json $(BIN)/python
	build/tools/bin/pip-licenses --python=$(BIN)/python --from=mixed --format=csv --output-file=build/licences.csv

# Formatting, lint, types, and the generated parts of the documentation.
check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m eval.docs --check

# The generated parts of README.md and docs/: settings, commands, figures.
docs: $(VENV)/.installed-eval
	$(BIN)/python -m eval.docs

# The screenshots in docs/pictures, of the index in use and a fresh evaluation of it (three minutes); needs Chromium.
pictures: index $(VENV)/.installed-dev
	$(BIN)/python -m eval.chat.screenshots

# Fails where retrieval got worse than the stored baseline by more than the margin.
gate: $(VENV)/.installed-eval
	@rm -rf build/gate
	$(BIN)/citedesk index corpus --home build/gate-home
	$(BIN)/citedesk eval run --home build/gate-home --gold eval/gold/dev.jsonl --retrieval-only --quiet --out build/gate >/dev/null
	$(BIN)/citedesk eval compare eval/baseline build/gate \
		--measure ndcg@10 --measure recall@20 --measure mrr --margin 0.02

# Trains both models anew on a GPU, and leaves them in build/training; `python -m eval.training --help` says what DATA
# and START hold. Once they lie in rag/models/weights, `python -m eval.training.selection fit` fits the selection to them.
train: $(VENV)/.installed-dev
	$(PIP) --constraint constraints.txt --editable ".[train]"
	$(BIN)/python -m eval.training build/training --data "$(DATA)" --start "$(START)"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Citedesk needs Python 3.11 or later; name one with make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (a minute or two the first time)"
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

# The CPU build of torch where it is available, which saves gigabytes of CUDA packages; otherwise the default build.
$(VENV)/.installed-torch: $(VENV)/.installed
	$(PIP) "torch==$(TORCH)+cpu" 2>/dev/null \
	|| $(PIP) "torch==$(TORCH)+cpu" --extra-index-url https://download.pytorch.org/whl/cpu 2>/dev/null \
	|| $(PIP) "torch==$(TORCH)"
	@touch $@

$(VENV)/.installed-embedders: $(VENV)/.installed-torch
	$(PIP) --constraint constraints.txt --editable ".[embedders]"
	@touch $@

$(VENV)/.installed-eval: $(VENV)/.installed
	$(PIP) --constraint constraints.txt --editable ".[eval]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-torch
	$(PIP) --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(VENV)/.installed-llm: $(VENV)/.installed
	$(PIP) --constraint constraints.txt --editable ".[llm]"
	@touch $@

clean:
	rm -rf $(VENV) .citedesk build
