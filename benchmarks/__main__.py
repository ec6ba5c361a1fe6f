"""`python -m benchmarks [NAME ...]`: run the benchmarks named, or all, and print their ratios."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from benchmarks import BENCHMARKS

# BLAS reads its number of threads once, when numpy is imported.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, then print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args(arguments).names
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"unknown benchmark {unknown[0]!r}: choose from {', '.join(BENCHMARKS)}")

    from benchmarks.timing import print_table

    modules = [importlib.import_module(f"benchmarks.{name}") for name in names or BENCHMARKS]
    print_table([row for module in modules for row in module.rows()], sys.stdout)


if __name__ == "__main__":
    main()
