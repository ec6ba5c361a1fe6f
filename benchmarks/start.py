"""What a user waits for before the first line runs: `import cppo_theory` in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from benchmarks.timing import Row

LIMIT = 0.3
PROGRAM = "import time; start = time.process_time(); import cppo_theory; print(time.process_time() - start)"


def rows() -> Iterator[Row]:
    """CPU seconds of the import as a share of the limit."""
    runs = [
        subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True) for _ in range(5)
    ]
    shares = [float(run.stdout) / LIMIT for run in runs]
    yield Row("import cppo_theory, CPU time", f"{LIMIT} s", median(shares), min(shares), max(shares), "<= 1")
