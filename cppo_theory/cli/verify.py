"""``cppo-theory verify``: every claim on every suite of instances."""

from __future__ import annotations

import json as json_text
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from cppo_theory.cli.terminal import UsageError, print_table, say
from cppo_theory.verify import report
from cppo_theory.verify import verify as verify_claims

FALLBACK = Path("cppo-theory-violations")
"""Where violations are left when no directory was asked for."""


def verify(
    preset: Literal["smoke", "paper", "full"] = "smoke",
    seed: int = 0,
    jobs: int | None = None,
    out: Path | None = None,
    json: bool = False,
) -> int:
    """Check every claim on golden, random, adversarial and Gymnasium instances.

    Args:
        preset: smoke (within a minute), paper (within ten) or full.
        seed: The instances depend on it alone.
        jobs: Worker processes; default: one per core.
        out: Directory for report.md, report.json, manifest.json and violations/.
        json: Print the report as JSON on stdout.
    """
    if seed < 0:
        raise UsageError(f"--seed: found {seed}; a non-negative integer is required")
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs: found {jobs}; at least 1 is required")
    if out is not None:
        _make_directory(out)
    workers = jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else jobs or 1
    start = time.perf_counter()
    with _progress() as progress:
        result = verify_claims(preset, seed, workers, progress)
    seconds = time.perf_counter() - start
    if json:
        print(json_text.dumps(report.as_json(result, preset, seed), indent=1))
    else:
        title = f"cppo-theory verify, preset {preset}, seed {seed}"
        print_table(report.HEADERS, report.rows(result), range(2, 7), title)
        print(f"{report.summary(result)} {seconds:.0f} s on {workers} workers.")
    if out is not None:
        run = {"jobs": workers, "seconds": round(seconds, 1)}
        report.write_report(result, preset, seed, out, run)
        say(f"report written to {out / 'report.md'}")
    for path in report.write_violations(result, out or FALLBACK):
        say(f"violation left in {path}; replay it with: cppo-theory evaluate {path}")
    return 1 if result.violated else 0


def _make_directory(path: Path) -> None:
    """Fail before the work, not after it, where the report cannot be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out: found {path} ({error.strerror}); give a directory") from None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr; nothing when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("verify"), BarColumn(), TextColumn("{task.completed}/{task.total} units"))
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("verify", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
