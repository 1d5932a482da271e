"""What the pages share: the lab in session and link, the job pool, the theme, widgets. No mathematics in here.

Importing it fixes the number of BLAS threads, which counts only before numpy is loaded; so pages import this package
before anything numeric. Thirty students' fits on two cores took 34-46 s with one thread per core each, 11-15 s with one
thread; the job pool runs one numeric job at a time anyway.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
