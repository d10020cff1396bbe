# Everything lives in .venv in this checkout. `make demo` and `make test` do all their set-up themselves.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# torch for the tests that compare with the readable reference; `make test TORCH=` leaves them out (they skip).
TORCH ?= torch==2.13.0
PYTEST_ARGS ?=

.PHONY: install models demo test test-ros lint format clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py scripts/make_venv
	sh scripts/make_venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --editable .
	@touch $@

$(VENV)/.test_installed: $(VENV)/.installed
	$(if $(TORCH),$(PIP) "$(TORCH)",@echo "torch is left out: its tests will be skipped")
	$(PIP) --editable '.[test,lint]'
	@touch $@

models: $(VENV)/.installed
	$(BIN)/hoi-perception models fetch

demo: models
	$(BIN)/hoi-perception demo --out out/demo

test: $(VENV)/.test_installed models
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# Builds with colcon for each ROS 2 under /opt/ros and tests the rclpy node there; says so where there is none.
test-ros:
	bash scripts/test_ros

lint: $(VENV)/.test_installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q test/test_architecture.py

format: $(VENV)/.test_installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist out *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find hoi_perception test -name __pycache__ -type d -prune -exec rm -rf {} +
