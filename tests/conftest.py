"""Fixtures every test may use; also makes `app.py`, `pages` and `tests` importable from any working directory."""

import functools
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Several test processes share few cores: one BLAS thread each, decided before numpy is loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# What CI finds it finds again; runs by hand go on looking for new counterexamples.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session", autouse=True)
def _scan_packages_once() -> Iterator[None]:
    """Streamlit's AppTest looks through all installed packages for components at every start; once is enough."""
    scanner = importlib.import_module("streamlit.components.v2.manifest_scanner")
    original = scanner.scan_component_manifests
    scanner.scan_component_manifests = functools.cache(original)
    yield
    scanner.scan_component_manifests = original
