# `make help` lists the targets.
SHELL := bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OUT ?= runs/results
DATA ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check smoke soak bench results measure demo-songs lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "the venv module is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]' --constraint constraints.txt
	@touch $@

demo: $(STAMP)  ## set up, fetch the judges' weights, print the table over look-aheads
	$(BIN)/accomptk weights fetch
	$(BIN)/accomptk eval --lookahead 0,1,2

test: $(STAMP)  ## set up and run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

check: $(STAMP)  ## lint, format, types, spelling, citation, results
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/cffconvert --validate
	$(BIN)/python -m accomptk.metrics.results --check

smoke: $(STAMP)  ## the whole path at toy size, from the clone and from the wheel
	PATH="$(abspath $(BIN)):$$PATH" bash tests/smoke.sh

soak: $(STAMP)  ## play live for long and over bad lines; an hour of codec; a cluster that loses a worker
	ACCOMPTK_FUZZ=100000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "" \
	  tests/live/test_soak.py tests/live/test_fuzz.py tests/stems/test_cluster.py tests/latents/test_shipped.py

bench: $(STAMP)  ## what a live step, a training step and preparing songs cost on this machine
	$(BIN)/accomptk weights fetch
	$(BIN)/accomptk bench stream
	$(BIN)/accomptk bench live --auto --remote
	$(BIN)/accomptk bench training
	OMP_NUM_THREADS=1 $(BIN)/python tests/bench_prep.py --write

results: $(STAMP)  ## make the tables and plots of results/ and README.md from the stored rows
	$(BIN)/python -m accomptk.metrics.results

measure: $(STAMP)  ## measure the stored rows again, with nothing else running; the ruler on DATA
	$(BIN)/accomptk weights fetch
	rm -f accomptk/demo/anchors/*.npz  # of another codec or other judges
	$(BIN)/accomptk eval --lookahead 0,1,2 --models student,teacher,a_style --audio --out $(OUT) --force --store results/eval.csv --cache accomptk/demo/anchors
	$(BIN)/accomptk bench ruler $(if $(DATA),--data $(DATA) --songs 12) --write
	$(BIN)/python -m accomptk.metrics.results
	$(BIN)/accomptk report $(OUT)
	$(BIN)/python tests/report_picture.py $(OUT)/report.html results/report.png

demo-songs: $(STAMP)  ## make the shipped demo songs again
	$(BIN)/accomptk prep band --songs 14 --split test --seconds 31 35 --seed 7 --no-latents --out runs/demo-songs
	$(BIN)/python -c 'from accomptk.stems.demo import pack; pack("runs/demo-songs", 3)'

lock: $(STAMP)  ## write constraints.txt from what is installed
	@echo "# A set that installs together on Linux, Python 3.11; written by \`make lock\`." > $@.txt
	$(BIN)/python -m pip freeze --exclude-editable \
	  | sed "s/^numpy==1.*/&; python_version < '3.13'/" >> $@.txt
	@mv $@.txt constraints.txt

clean:  ## remove the environment and what tools cached
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
