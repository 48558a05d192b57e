# make demo | explorer | page | test | everywhere | lint | soak | bench | bench-quality | bench-one-step | bench-ablations | bench-opening | formulas | cards | scaling | clean
# The first call creates .venv and installs everything; later calls start at once.

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo explorer page test everywhere lint soak bench bench-quality bench-one-step bench-ablations bench-opening formulas cards scaling clean

demo: $(READY)
	$(PYTHON) apps/gradio_demo/app.py $(ARGS)

explorer: $(READY)
	cd apps/streamlit_explorer && ../../$(PYTHON) -m streamlit run server.py $(ARGS)

# A folder for any host of static files; to look at it: python -m http.server --directory dist/page
page: $(READY)
	mkdir -p dist
	$(PYTHON) -m pedesis_zoo page --out dist/page $(ARGS)

# Two processes of one thread each: most tests are too small for two threads. Files in their order, as the browser's are
# the longest and come first; by default those with the fewest tests would come last.
test: $(READY) lint
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not soak"

# As a machine with AVX2 only would: the golden outputs, determinism, a training, a page of each app.
everywhere: $(READY)
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 OMP_NUM_THREADS=1 \
		$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "everywhere and not soak"

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy packages/core/src packages/zoo/src

soak: $(READY)
	$(PYTHON) -m pytest -m soak

bench: $(PEERS)
	$(PYTHON) benchmarks/run.py all --minutes 20 $(ARGS)

bench-quality: $(PEERS)
	$(PYTHON) benchmarks/quality.py $(ARGS)

bench-one-step: $(READY)
	$(PYTHON) benchmarks/one_step.py $(ARGS)

bench-ablations: $(READY)
	$(PYTHON) benchmarks/ablations.py $(ARGS)

bench-opening: $(READY)
	$(PYTHON) benchmarks/opening.py $(ARGS)

formulas: $(READY)
	$(PYTHON) docs/write_formulas.py

cards: $(READY)
	$(PYTHON) -m pedesis_zoo cards
	$(PYTHON) docs/write_models.py

scaling: $(READY)
	$(PYTHON) docs/write_scaling.py

$(READY): constraints.txt requirements-dev.txt packages/core/pyproject.toml packages/zoo/pyproject.toml
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --constraint constraints.txt --requirement requirements-dev.txt
	touch $(READY)

$(PEERS): $(READY) benchmarks/requirements-peers.txt
	$(PYTHON) -m pip install --quiet --constraint constraints.txt --requirement benchmarks/requirements-peers.txt
	touch $(PEERS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
