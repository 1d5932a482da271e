"""Fixtures every test may use; also makes `app.py`, `pages` and `tests` importable from any working directory."""

import os
import sys
from pathlib import Path

# Several test processes share few cores: one BLAS thread each, decided before numpy is loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
