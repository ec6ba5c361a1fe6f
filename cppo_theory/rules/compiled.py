"""The hard CPPO rule with one compiled pass per response: the extra ``fast``.

NumPy takes the exponentials, so that they have the bits of `prefix.cppo`; numba does the rest in one pass
that holds the excess X_{t-1} in a register: spent, comparisons, reason, g.  Every product and sum is made in
the order of the reference, without contraction, hence answers equal to `apply("cppo", batch)` bit for bit.

`apply` does not use this module: which extras are installed must not decide which code runs.

Source: arXiv:2606.10968v2, Eqs. (8)-(10), Algorithm 1; the excess form of `prefix.cppo`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

from .. import schedules
from .batch import TokenBatch
from .blocks import Outputs, blocks
from .decision import BUDGET, HOLE, KEPT, TOKEN
from .measures import Divergence, tv
from .registry import rule
from .scans import library
from .sources import Binary

Array = Any

BLOCK_TOKENS: Final = 1 << 16
"""Tokens of a block: its four arrays of exponentials stay in the second-level cache."""

CHUNK: Final = 1024
"""Tokens between two turns of the running sum: what the pass writes down stays in the first-level cache."""


def cppo(  # noqa: PLR0913 - the parameters of the rule
    batch: TokenBatch,
    delta: float = 0.15,
    delta_b: float = 0.015,
    w_min: float = 0.8,
    *,
    weights: schedules.Schedule = schedules.linear,
    budget: schedules.Budget = schedules.fixed,
    divergence: Divergence = tv,
    check: bool = True,
) -> Outputs:
    """Decide with `prefix.cppo`; the parameters are those of the rule, without a gate.

    Raises
    ------
    ValueError
        For a number that is no parameter; for bad values, if ``check``.
    TypeError
        If the batch is not of NumPy.
    ImportError
        Without numba.
    """
    if library(batch.xp) != "numpy":
        raise TypeError(f"batch: found arrays of {library(batch.xp)}; the compiled rule needs NumPy arrays")
    rule("cppo").with_parameters(delta=delta, delta_b=delta_b, w_min=w_min)
    batch = batch.validate() if check else batch
    kernel = compiled(_decide)
    dtype = np.result_type(batch.raw("logp_rollout"), batch.raw("logp_current"), np.float32)
    out = np.zeros(batch.shape, dtype), np.zeros(batch.shape, bool), np.full(batch.shape, HOLE, np.int8)
    for rows in blocks(batch, BLOCK_TOKENS):
        part = batch.part(rows, batch.length[rows])
        with np.errstate(all="ignore"):  # what lies under holes and padding is computed on, then left out
            log_ratio, ratio, current, rollout = _exponentials(part, divergence)
            d = np.abs(current - rollout) if budget is not schedules.fixed and rollout.size else current
            per_token = budget(part, delta_b, d)
        has_budget = not (isinstance(per_token, float) and per_token == float("inf"))
        limits = np.asarray(per_token if has_budget else 0.0, dtype=np.float64)
        slope, table = _weights(part, weights, w_min)
        count = part.shape[0]
        kernel(
            (log_ratio, ratio, current, rollout, np.ascontiguousarray(part.mask)),
            (_signs(part), slope, table),
            (
                float(delta),
                float(delta) if has_budget else np.inf,
                np.broadcast_to(limits.reshape(-1), (count,)).copy(),
            ),
            (np.arange(batch.shape[0])[rows], *out),
        )
    return Outputs(*(batch.tokens(x) for x in out))


def _exponentials(part: TokenBatch, divergence: Divergence) -> tuple[Array, Array, Array, Array]:
    """log r, r, and either p and q, or the divergence and an empty array."""
    lq, lp = (_floats(part.raw(name)) for name in ("logp_rollout", "logp_current"))
    log_ratio = lp - lq
    if part.clamp is not None:
        np.clip(log_ratio, -part.clamp, part.clamp, out=log_ratio)
    ratio = np.exp(log_ratio)
    if divergence is tv and isinstance(part.source, Binary):
        return log_ratio, ratio, *(np.exp(x.astype(np.float64, copy=False)) for x in (lp, lq))
    d = np.array(part.spread(divergence(part)), dtype=np.float64, order="C")  # a copy: the kernel works in it
    return log_ratio, ratio, d, np.empty((0, 0))


def _floats(x: Array) -> Array:
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)


def _weights(part: TokenBatch, weights: schedules.Schedule, w_min: float) -> tuple[Array, Array]:
    """Slopes (R,) of weights 1 - (t - 1) slope with an empty array, or slopes that do not matter with w."""
    count = part.shape[0]
    if weights in (schedules.linear, schedules.Linear()):
        slope = (1 - w_min) / np.clip(part.length - 1, 1.0, None)
        return np.broadcast_to(slope[:, 0], (count,)).copy(), np.empty((0, 0))
    w = np.asarray(weights(part, w_min), dtype=np.float64)
    table = np.ascontiguousarray(np.broadcast_to(w, (w.shape[0], part.shape[1])))
    return np.zeros(count), table


def _signs(part: TokenBatch) -> Array:
    """The sign of A, int8 (R, W)."""
    a = part.raw("advantage")
    signs = (a > 0).view(np.int8) - (a < 0).view(np.int8)
    return np.ascontiguousarray(np.broadcast_to(signs, part.shape))


@cache
def compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel in machine code; compiled on the first call ever, then read from numba's cache."""
    try:
        import numba
    except ImportError as error:
        raise ImportError("the compiled rule needs numba: pip install 'cppo-theory[fast]'") from error
    compile_: Callable[..., Any] = numba.njit(cache=True, error_model="numpy")
    return compile_(kernel)  # type: ignore[no-any-return]  # numba is untyped


def _decide(
    tokens: tuple[Array, Array, Array, Array, Array],
    given: tuple[Array, Array, Array],
    thresholds: tuple[float, float, Array],
    out: tuple[Array, Array, Array, Array],
) -> None:
    """Fill the outputs of a block.

    Parameters
    ----------
    tokens : five arrays (R, W)
        log r, r, p, q, mask; with q of size 0, p is the divergence.
    given : three arrays
        Sign of A (R, W); slopes of the weights (R,); the weights (1, W) or (R, W), if of
        size 0 those of the slopes.
    thresholds : two numbers and an array (R,)
        delta of the token, delta of the budget, delta_b.
    out : four arrays
        Rows of the outputs (R,); g, keep and reason of the whole batch.
    """
    log_ratio, ratio, current, rollout, mask = tokens
    signs, slopes, table = given
    delta, delta_budget, limits = thresholds
    places, g, keep, reason = out
    count, width = log_ratio.shape
    weight, change, before = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK)
    zero = np.zeros(1, ratio.dtype)[0]
    for i in range(count):
        limit, excess, place = limits[i], 0.0, places[i]
        for start in range(0, width, CHUNK):
            stop = min(start + CHUNK, width)
            # row, then slice: numba knows these as contiguous, and vectorises every loop but the running sum
            x, r, valid, s = (
                log_ratio[i][start:stop],
                ratio[i][start:stop],
                mask[i][start:stop],
                signs[i][start:stop],
            )
            spent, size = current[i][start:stop], stop - start
            row_g, row_keep, row_reason = (
                g[place][start:stop],
                keep[place][start:stop],
                reason[place][start:stop],
            )
            if rollout.size:
                q = rollout[i][start:stop]
                for k in range(size):
                    spent[k] = abs(spent[k] - q[k])
            if table.size:
                weight[:size] = table[i % len(table)][start:stop]
            else:
                for k in range(size):
                    weight[k] = 1.0 - np.float64(start + k) * slopes[i]
            for k in range(size):
                spent[k] = weight[k] * spent[k] if weight[k] > 0 else 0.0
                change[k] = spent[k] - weight[k] * limit
            for k in range(size):
                before[k] = excess
                excess += change[k] if valid[k] else 0.0
            for k in range(size):
                away = ((x[k] > 0) & (s[k] > 0)) | ((x[k] < 0) & (s[k] < 0))
                over = away & (not spent[k] <= delta)
                beyond = away & (not spent[k] + before[k] <= delta_budget)
                row_reason[k] = HOLE if not valid[k] else (TOKEN if over else (BUDGET if beyond else KEPT))
            for k in range(size):
                row_keep[k] = row_reason[k] == KEPT
                row_g[k] = r[k] if row_reason[k] == KEPT else zero
