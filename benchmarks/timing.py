"""Alternating comparison of two functions by CPU time, and the table of the results."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from statistics import median
from typing import TextIO

HEADER = ("benchmark", "against", "ratio", "min - max", "asked")


@dataclass(frozen=True)
class Row:
    """One line of the table: a ratio, its smallest and largest repeat, and the bound it was asked to meet."""

    name: str
    alternative: str
    ratio: float
    low: float
    high: float
    asked: str = ""

    def cells(self) -> tuple[str, ...]:
        name, alternative, ratio, low, high, asked = astuple(self)
        spread = "" if low == high else f"{low:.3g} - {high:.3g}"
        return name, alternative, f"{ratio:.3g}", spread, asked


def cpu_seconds(function: Callable[[], object], calls: int = 1) -> float:
    """CPU time of the process per call, in seconds."""
    start = time.process_time()
    for _ in range(calls):
        function()
    return (time.process_time() - start) / calls


def speedup(
    fast: Callable[[], object], slow: Callable[[], object], repeats: int = 7
) -> tuple[float, float, float]:
    """Median, smallest and largest time(slow) / time(fast) over alternating repeats.

    Both run once to warm up; then `fast` is called as often as fills the time of one call of `slow`,
    so that both meet the same disturbances.
    """
    calls = max(1, round(cpu_seconds(slow) / max(cpu_seconds(fast), 1e-9)))
    ratios = []
    for _ in range(repeats):
        seconds = cpu_seconds(fast, calls)
        ratios.append(cpu_seconds(slow) / seconds)
    return median(ratios), min(ratios), max(ratios)


def peak_bytes(function: Callable[[], object]) -> int:
    """Largest memory held at once beyond what was there before, by tracemalloc, which numpy reports to."""
    function()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def print_table(rows: Sequence[Row], stream: TextIO) -> None:
    """A rich table on a terminal, aligned columns elsewhere."""
    cells = [row.cells() for row in rows]
    if stream.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*HEADER)
        for line in cells:
            table.add_row(*line)
        Console(file=stream).print(table)
        return
    widths = [max(map(len, column)) for column in zip(HEADER, *cells, strict=True)]
    for line in (HEADER, *cells):
        print("  ".join(cell.ljust(n) for cell, n in zip(line, widths, strict=True)).rstrip(), file=stream)
