# make study     set up what a study needs, run the quickstart study on the embedded digits, end with a report
# make test      set up what tests need too, run the tests that a change needs: a few minutes
# make test-all  every test: also those that start Ray, a browser, PostgreSQL and other processes
# make lint      ruff, mypy --strict, import contracts, and deptry: each import is declared
# make docs      the documentation site, in site/index.html
# make examples  the four scripts of docs/examples swept at full size, with what they import
# make wheel     the wheel, in dist/, tried in an empty environment outside the checkout
# make bench     the measured comparisons
# make faults    faults injected at random into studies on a cluster: survived, lost, doubled
# make bench-gpu the three figures that a CUDA GPU is judged by
# make validate  how often intervals hold the truth and tests reject a true null, over simulated studies
PYTHON ?= python3
STUDY ?= quickstart
BIN := .venv/bin

.PHONY: paper study test test-all lint docs examples wheel bench bench-gpu faults validate clean
study: .venv/study
	@$(BIN)/sensitivity run --preset $(STUDY)

# One thread for linear algebra in each of the processes that share the cores.
ONE_THREAD := OPENBLAS_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest -q --maxprocesses 4 --no-loadscope-reorder

test: .venv/ready
	$(PYTEST) --numprocesses auto --dist load -m "not slow"

# Tests of docs/examples skip what is not installed; `make .venv/examples` installs it.
# One process more than cores: tests of faults wait for what is lost to be missed.
test-all: .venv/ready
	@.ci/axe
	$(PYTEST) --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/deptry .

docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

GPUS ?= 0
SWEEP = $(CURDIR)/$(BIN)/sensitivity sweep study.yaml --gpus-per-trial $(GPUS) -- $(CURDIR)/$(BIN)/python train.py
examples: .venv/examples
	cd docs/examples/nanogpt && $(SWEEP) {args} --seed={seed}
	cd docs/examples/lightning && $(SWEEP) {args} --seed={seed}
	cd docs/examples/transformers && $(SWEEP) {args} --seed={seed} --output_dir={folder} --max_steps=1000 \
		--eval_strategy=steps --eval_steps=100 --logging_steps=100 --save_strategy=no --report_to=none
	cd docs/examples/hydra && $(SWEEP) {overrides} seed={seed} hydra.run.dir={folder}

wheel: .venv/ready
	rm -rf build dist
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	$(BIN)/python -m tests.wheel dist/*.whl

bench: .venv/ready
	$(BIN)/python -m tests.benchmarks.optimizer_step
	$(BIN)/python -m tests.benchmarks.importance
	$(BIN)/python -m tests.benchmarks.measures
	$(BIN)/python -m tests.benchmarks.report
	$(BIN)/python -m tests.benchmarks.large_table
	$(BIN)/python -m tests.benchmarks.dashboard
	$(BIN)/python -m tests.benchmarks.cohorts --device cpu
	$(BIN)/python -m tests.benchmarks.overhead
	$(BIN)/python -m tests.benchmarks.profiles
	$(BIN)/python -m tests.benchmarks.end_to_end
	$(BIN)/python -m tests.benchmarks.small_study
	$(BIN)/python -m tests.benchmarks.growth --largest 10000

bench-gpu: .venv/ready
	@$(BIN)/python -m tests.benchmarks.gpu

faults: .venv/ready
	$(BIN)/python -m tests.faults.campaign --injections 300

# docs/paper.md and its figures, from the trials in docs/data/paper-cpu.
paper: .venv/ready
	@$(ONE_THREAD) $(BIN)/python -m tests.paper_page

validate: .venv/ready
	mkdir -p runs/validation
	$(ONE_THREAD) $(BIN)/python -m tests.benchmarks.coverage runs/validation/coverage.csv
	$(ONE_THREAD) $(BIN)/python -m tests.benchmarks.share_coverage runs/validation/shares.csv
	$(ONE_THREAD) $(BIN)/python -m tests.benchmarks.verdict_errors runs/validation/verdicts.csv
	$(ONE_THREAD) $(BIN)/python -m tests.benchmarks.validate runs/validation/measures.csv
	$(BIN)/python -m tests.benchmarks.validation_page runs/validation
	$(ONE_THREAD) $(BIN)/python -m tests.benchmarks.tables

# What a study needs, and in the same environment what tests need.
.venv/study: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python .ci/install.py "$@: the packages that a study needs" --constraint constraints.txt --editable .
	@touch $@

.venv/ready: .venv/study
	@$(BIN)/python .ci/install.py "$@: the packages that tests need" --constraint constraints.txt --editable '.[dev]'
	@touch $@

.venv/examples: .venv/study
	@$(BIN)/python .ci/install.py "$@: the packages that the examples need" --constraint constraints.txt --editable '.[examples]'
	@touch $@

.venv/docs: .venv/ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv build dist site *.egg-info
