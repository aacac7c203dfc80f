# Later runs do no work twice: a stamp file says what is installed, and `index` compares content hashes.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH = 2.13.0
LLM ?= 1.5b
Q ?= which papers cut KV-cache memory

.PHONY: ask chat install index llm test browser check gate clean pictures
.DELETE_ON_ERROR:

ask: index
	@$(BIN)/citedesk ask "$$QUESTION"
ask: export QUESTION = $(value Q)

index: $(VENV)/.installed
	@$(BIN)/citedesk index

# The chat in the browser, until Ctrl-C.
chat: index
	@$(BIN)/citedesk ui --open

install: $(VENV)/.installed

# A small language model of your own: installs llama.cpp, downloads 1.1 GB the first time, and serves until Ctrl-C.
llm: $(VENV)/.installed-llm
	$(BIN)/citedesk llm get $(LLM)
	@$(BIN)/citedesk llm serve $(LLM)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

# The tests in a real Chromium, which has to be installed (Debian: apt-get install chromium).
browser: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m browser

# The README's screenshots, of the index in use and a fresh evaluation of it (three minutes); needs chromium.
pictures: index $(VENV)/.installed-dev
	$(BIN)/python -m eval.chat.screenshots

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Fails where retrieval got worse than the stored baseline by more than the margin.
gate: $(VENV)/.installed
	@rm -rf build/gate
	$(BIN)/citedesk index corpus --home build/gate-home
	$(BIN)/citedesk eval run --home build/gate-home --gold eval/gold/dev.jsonl --retrieval-only --quiet --out build/gate >/dev/null
	$(BIN)/citedesk eval compare eval/baseline build/gate \
		--measure ndcg@10 --measure recall@20 --measure mrr --margin 0.02

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Citedesk needs Python 3.11 or later; name one with make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# The CPU build of torch where it can be had (it spares gigabytes of CUDA packages), else the one that there is.
$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (a few minutes the first time)"
	$(PIP) "torch==$(TORCH)+cpu" 2>/dev/null \
	|| $(PIP) "torch==$(TORCH)+cpu" --extra-index-url https://download.pytorch.org/whl/cpu 2>/dev/null \
	|| $(PIP) "torch==$(TORCH)"
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(VENV)/.installed-llm: $(VENV)/.installed
	$(PIP) --constraint constraints.txt --editable ".[llm]"
	@touch $@

clean:
	rm -rf $(VENV) .citedesk build
