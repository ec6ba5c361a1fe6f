"""A rule on a large NumPy batch, in blocks that stay in the processor's cache.

The same rule runs on a few responses at a time, sorted by length, so that its temporaries are small and
padding is skipped; the answers are those of the whole batch, bit for bit, as long as the rule looks at one
response at a time (every rule here does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .batch import TokenBatch
from .decision import HOLE
from .registry import rule
from .scans import library

Array = Any

BLOCK_TOKENS = 1 << 16
"""Tokens of a block."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """`g`, `keep` and `reason` of every token, in the form of the batch."""

    g: Array
    keep: Array
    reason: Array


def apply(
    chosen: str | Callable[..., Any], batch: TokenBatch, *, check: bool = True, **given: Any
) -> Outputs:
    """Decide on a batch with a rule.

    Parameters
    ----------
    chosen : str or callable
        Name of a rule, ``module:function``, or a function of a batch.
    batch : TokenBatch
        NumPy batches are worked in blocks, others whole.
    check : bool
        Validate the values first.
    **given
        Parameters of the rule.

    Raises
    ------
    ValueError, TypeError
        For bad values, an unknown rule, or a parameter that it has not.
    """
    bound = rule(chosen).with_parameters(**given)
    batch = batch.validate() if check else batch
    if library(batch.xp) != "numpy":
        decision = bound(batch)
        return Outputs(decision.g, decision.keep, decision.reason)
    with np.errstate(over="ignore", invalid="ignore"):
        return _in_blocks(bound, batch)


def _in_blocks(bound: Callable[[TokenBatch], Any], batch: TokenBatch) -> Outputs:
    shape = batch.shape
    keep, reason = np.empty(shape, dtype=bool), np.empty(shape, dtype=np.int8)
    g: Array | None = None
    for rows in blocks(batch):
        decision = bound(batch.part(rows, batch.length[rows]))
        if g is None:
            g = np.empty(shape, dtype=decision.rows_g.dtype)
        _write(g, rows, decision.rows_g, 0)
        _write(keep, rows, decision.rows_keep, False)
        _write(reason, rows, decision.rows_reason, HOLE)
    return Outputs(*(batch.tokens(x) for x in (g, keep, reason)))


def _write(out: Array, rows: Any, x: Array, padding: Any) -> None:
    """Fill rows of an empty array: x, then padding."""
    width = x.shape[1]
    out[rows, :width] = x
    if width < out.shape[1]:
        out[rows, width:] = padding


def blocks(batch: TokenBatch, tokens: int = BLOCK_TOKENS) -> Iterator[Any]:
    """Rows of each block; a slice where they are neighbours."""
    lengths = np.asarray(batch.length)[:, 0].astype(int)
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * lengths[order[stop]] <= tokens:
            stop += 1
        rows: Any = order[start:stop]
        if len(rows) == rows[-1] - rows[0] + 1 and (np.diff(rows) == 1).all():
            rows = slice(int(rows[0]), int(rows[-1]) + 1)
        yield rows
        start = stop
