"""`python -m simulations`: run the experiments, list them, show one, or compare a rule of your own."""

from __future__ import annotations

import os
import sys

# BLAS reads its number of threads once, when numpy is imported; results must not depend on it.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

if __name__ == "__main__":
    from simulations.commands import main

    sys.exit(main())
