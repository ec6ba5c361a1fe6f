"""What the commands print: messages to stderr, tables and numbers to stdout."""

from __future__ import annotations

import io
import math
import os
import shutil
import sys
from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from cppo_theory.arithmetic import is_exact


class UsageError(Exception):
    """An option has a value that cannot be used."""


def say(message: str) -> None:
    """One line on stderr; what cannot be printed is escaped."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    print(f"cppo-theory: {line}", file=sys.stderr)


def brief(text: str, limit: int = 300) -> str:
    """A text of a user's file for a message, cut in the middle if it is long."""
    return text if len(text) <= limit else f"{text[: limit // 2]}...{text[-limit // 4 :]}"


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int] = (), title: str = ""
) -> None:
    """A table on stdout, after an empty line; the columns ``numbers`` hold numbers, the others words.

    Where it is too wide for the terminal, numbers lose their fractions and headers are broken, then words
    are wrapped, but for those of the first column.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout.isatty()
    is_free = not is_terminal and "COLUMNS" not in os.environ
    width = 200 if is_free else shutil.get_terminal_size().columns
    lines = io.StringIO()
    console = Console(file=lines, width=width, force_terminal=is_terminal, highlight=False)
    columns = [list(column) for column in zip(headers, *rows, strict=True)]
    if sum(max(map(len, column)) + 2 for column in columns) > width:
        for i in numbers:
            columns[i] = [columns[i][0].replace(" ", "\n"), *(x.partition(" = ")[0] for x in columns[i][1:])]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for i, column in enumerate(columns):
        longest_word = max(len(word) for cell in column for word in cell.split() or [""])
        table.add_column(
            column[0],
            justify="right" if i in numbers else "left",
            no_wrap=i == 0 or i in numbers,
            min_width=longest_word,
        )
    for row in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*map(Text, row))
    console.print(table)
    text = "\n".join(line.rstrip() for line in lines.getvalue().splitlines())
    if "utf" not in (sys.stdout.encoding or "").lower():
        text = text.replace("\N{BOX DRAWINGS LIGHT HORIZONTAL}", "-")
    print(f"\n{title}\n" if title else "")
    print(text)


def number(value: Any) -> str:
    """A number for people: six significant digits, with the fraction where it is short."""
    if value is None:
        return "-"
    if not isinstance(value, Fraction):
        return f"{value:.6g}"
    if value.denominator == 1 and len(str(value)) <= 16:
        return str(value)
    try:
        decimal = f"{float(value):.6g}"
    except OverflowError:
        return f"{(Decimal(value.numerator) / Decimal(value.denominator)).normalize():.6g}"
    return f"{decimal} = {value}" if len(str(value)) <= 16 else decimal


def jsonable(value: Any) -> Any:
    """Numbers and arrays as JSON: floats, rational strings, and "inf" for what JSON cannot write."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, np.ndarray):
        plain = is_exact(value) or not np.isfinite(value).all()
        return [jsonable(item) for item in value] if plain else value.tolist()
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value
