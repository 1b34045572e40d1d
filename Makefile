# make run     the environment, then the whole loop on real data that needs no download, with mining and without
#              (about three minutes)
# make test    the environment, then every check that needs no root, no server and no browser
# make system  the tests that do need them; names the Debian package that is missing
# make ci      both
# make docs    the pages of deploy/site into build/site: start with index.html
# make docs-run
#              every command of the tutorial and the guides in order, and the notebooks (some minutes)
# make bench   the environment, then the figures of the benchmarks (about an hour on two quiet cores, 30 GB of disk; needs
#              dataset-fashion-mnist, wordnet-base and the fonts that tests/benchmarks/glyphs.py names)
# make methods the tables of methods: some 200 runs (about an hour of one core; may be broken off and started again; needs
#              what make bench needs, npm, and the fonts that tests/benchmarks/methods/skill.py names)
# make faults  every fault that a run must survive, many times, and one table (about an hour; may be broken off and
#              started again; begins anew after rm -r runs/faults)
# make test-lowest
#              the tests with the lowest versions that pyproject.toml allows, in an environment of their own (half an hour
#              and 8 GB: torch of that age comes with CUDA)
# make compat PEER_TESTS=../sentence-transformers
#              that library takes our training sets; its own tests of mine_hard_negatives, against ours (a clone of it,
#              which this neither fetches nor keeps)
# make clean   all that the above left, except finished runs
#
# HNSWLIB_NO_NATIVE=1 make …   builds hnswlib for any machine, as containers and mixed clusters need it
# PYTHON=python3.12 make …     chooses the interpreter for .venv

SHELL := /bin/bash
BIN := .venv/bin
# Where make run writes its run files and what comes of them.
RUN_FOLDER := .
# Checks run in so many processes at once. Tests have one more: many wait for something.
PROCESSES := 2
TEST_PROCESSES := 3

# mkdocs-material advertises its successor otherwise.
export NO_MKDOCS_2_WARNING := 1
# Containers like to set it. Here many processes start, and each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: environment run test lint types wheel kernels test-lowest system ci docs docs-run bench methods \
	faults compat clean

environment:
	@.ci/environment all dev

run: environment
	@mkdir -p $(RUN_FOLDER)
	@test -f $(RUN_FOLDER)/letters.toml || $(BIN)/tripletmine init letters --out $(RUN_FOLDER)/letters.toml
	@echo "1 of 3: trained without mining, on triplets found within each batch"
	$(BIN)/tripletmine run $(RUN_FOLDER)/letters-unmined.toml
	@echo "2 of 3: the same, on triplets mined over the whole training set in every epoch"
	$(BIN)/tripletmine run $(RUN_FOLDER)/letters.toml
	@echo "3 of 3: both side by side"
	$(BIN)/tripletmine compare $(RUN_FOLDER)/letters.toml $(RUN_FOLDER)/letters-unmined.toml

test: environment
	$(MAKE) --jobs=$(PROCESSES) --output-sync=target types wheel kernels lint
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types:
	$(BIN)/basedpyright

wheel:
	$(BIN)/python tests/checks/wheel.py

# What tests compile while they are collected: here once, else by each process.
kernels:
	$(BIN)/python -m pytest --collect-only -q | tail -n 1

test-lowest: environment
	@mkdir -p build
	$(BIN)/python tests/checks/lowest.py > build/lowest.txt
	@ENVIRONMENT=build/lowest CONSTRAINTS=build/lowest.txt .ci/environment all dev
	build/lowest/bin/python -m pytest -n $(TEST_PROCESSES) --dist worksteal -W default

system: environment
	$(BIN)/python tests/checks/system.py
	$(BIN)/python -m pytest -m system

ci: test system

docs:
	@.ci/environment all dev docs
	$(BIN)/mkdocs build --config-file deploy/mkdocs.yml

docs-run:
	@.ci/environment all dev docs
	$(BIN)/python -m pytest -m docs tests/deploy/site

bench:
	@.ci/environment all dev compat
	$(BIN)/python -m tests.benchmarks.glyphs --out runs/glyphs
	$(BIN)/python -m tests.benchmarks.bench_graphs
	$(BIN)/python -m tests.benchmarks.cells
	$(BIN)/python -m tests.benchmarks.bench_mine
	$(BIN)/python -m tests.benchmarks.bench_mining_alone --glyphs runs/glyphs
	$(BIN)/python -m tests.benchmarks.wordnet.bench_pairs
	$(BIN)/python -m tests.benchmarks.wordnet --out runs/wordnet
	$(BIN)/python -m tests.benchmarks.bench_scale
	$(BIN)/python -m tests.benchmarks.large
	$(BIN)/python -m tests.benchmarks.bench_embed
	$(BIN)/python -m tests.benchmarks.bench_train
	$(BIN)/python -m tests.benchmarks.bench_train_memory
	$(BIN)/python -m tests.benchmarks.bench_orchestration

methods:
	@.ci/environment all dev bench
	$(BIN)/python -m tests.benchmarks.methods --out runs/methods --glyphs runs/glyphs
	$(BIN)/python -m tests.benchmarks.methods --out runs/methods --glyphs runs/glyphs --table methods-looked-into \
	    --data glyphs --seeds 1
	npm install --silent --prefix runs/emoji emoji-datasource-{apple,google,twitter,facebook}@16.0.0 \
	    cldr-annotations-full@46.0.0
	$(BIN)/python -m tests.benchmarks.methods.labels --out runs/labels --emoji runs/emoji
	$(BIN)/python -m tests.benchmarks.methods.skill --out runs/skill

faults: environment
	$(BIN)/python -m tests.faults.campaign --out runs/faults
	FAULTS_EXAMPLES=5000 $(BIN)/python -m pytest tests/faults --ignore tests/faults/test_faults.py

compat:
	@.ci/environment all dev compat
	$(BIN)/python -m pytest tests/compat
	$(BIN)/python -m tests.compat.peer_suite $(PEER_TESTS)

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
