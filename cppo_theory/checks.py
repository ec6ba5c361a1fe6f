"""Guards on entry: counts and probability rows.  Inner functions trust their caller."""

from __future__ import annotations

import numpy as np

from cppo_theory.arithmetic import ROW_SUM_TOLERANCE, Array, is_exact
from cppo_theory.errors import InputError, indexed


def check_count(field: str, value: object) -> None:
    """Raise unless ``value`` is an integer of at least one."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{field}: found {value!r}; an integer is required")
    if value < 1:
        raise InputError(field, f"found {value}", "an integer of at least 1 is required")


def check_rows(field: str, table: Array) -> None:
    """Raise unless the last axis holds probability distributions (exact, or within 1e-12)."""
    bad = np.argwhere(table < 0)
    if len(bad):
        found = f"found {table[tuple(bad[0])]}"
        raise InputError(indexed(field, bad[0]), found, "a probability must not be negative")
    sums = np.asarray(table.sum(-1))
    off = sums != 1 if is_exact(table) else np.abs(sums - 1.0) > ROW_SUM_TOLERANCE
    bad = np.argwhere(off)
    if len(bad):
        row = tuple(bad[0])
        found = f"the row sums to {sums[row]}"
        raise InputError(indexed(field, row), found, "every row must sum to 1; nothing is normalised for you")
