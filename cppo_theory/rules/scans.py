"""Passes along the responses of a padded batch, in the array API.

Every function takes (B, T) arrays and the namespace ``xp``.  Sums run from left to right, so that
trailing padding changes no bit; where float64 does not exist they are compensated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def library(xp: Any) -> str:
    """numpy, torch, jax, or the name of another library that a namespace belongs to."""
    return str(xp.__name__.removeprefix("array_api_compat.").partition(".")[0])


def select(xp: Any, condition: Array, x: Array) -> Array:
    """x where the condition holds, else 0; inf and NaN elsewhere do not leak.

    On NumPy by the bits of x: `where` mispredicts one branch per token on irregular masks and is then
    four times slower.
    """
    if library(xp) != "numpy":
        return xp.where(condition, x, xp.zeros_like(x))
    condition, x = np.broadcast_arrays(condition, x)
    word = np.dtype(f"i{x.dtype.itemsize}")
    out = np.negative(condition.view(np.int8), dtype=word)
    np.bitwise_and(out, np.ascontiguousarray(x).view(word), out=out)
    return out.view(x.dtype)


def last_true(xp: Any, mask: Array) -> Array:
    """Position (from 1) of the last True of each row, (B, 1); 0 where there is none."""
    flags = mask if library(xp) == "numpy" else xp.astype(mask, xp.int8)
    behind = xp.argmax(xp.flip(flags, axis=-1), axis=-1, keepdims=True)
    return xp.where(xp.any(mask, axis=-1, keepdims=True), mask.shape[-1] - behind, 0)


def running_sum(xp: Any, x: Array) -> Array:
    """Inclusive sums along the last axis, in float64 or compensated."""
    if widest(xp, x)[0] != xp.float64:
        return _compensated(xp, x)
    x = xp.astype(x, xp.float64, copy=False)
    return x.cumsum(dim=-1) if library(xp) == "torch" else xp.cumulative_sum(x, axis=-1)


def running_min(xp: Any, x: Array) -> Array:
    """Inclusive minima along the last axis."""
    if library(xp) == "numpy":
        return np.minimum.accumulate(x, axis=-1)
    if library(xp) == "torch":
        return x.cummin(dim=-1).values
    return _doubled(xp, x, xp.inf, lambda a, b, _: xp.minimum(a, b))


def discounted_rest(xp: Any, x: Array, discount: float) -> Array:
    """y_t = sum_{k >= t} discount^{k - t} x_k along the last axis, by doubling."""
    flipped = xp.flip(x, axis=-1)
    return xp.flip(_doubled(xp, flipped, 0.0, lambda a, b, s: a + discount**s * b), axis=-1)


def shifted(xp: Any, x: Array, first: float, steps: int = 1) -> Array:
    """x moved ``steps`` positions to the right; ``first`` fills the start."""
    head = xp.full_like(x[:, :steps], first)
    return xp.concat([head, x[:, :-steps]], axis=-1) if steps < x.shape[-1] else head[:, : x.shape[-1]]


def widest(xp: Any, x: Array) -> tuple[Any, Any]:
    """The widest real floating and integer types that the library really has on the device of ``x``."""
    if library(xp) == "jax":  # unless 64 bits are enabled, its float64 is float32
        return xp.zeros(()).dtype, xp.arange(1).dtype
    on_mps = getattr(getattr(x, "device", None), "type", "") == "mps"
    return (xp.float32 if on_mps else xp.float64), xp.int64


def _doubled(xp: Any, x: Array, empty: float, combine: Any) -> Array:
    """Prefix results of an associative operation in log2(T) passes."""
    steps = 1
    while steps < x.shape[-1]:
        x = combine(x, shifted(xp, x, empty, steps), steps)
        steps *= 2
    return x


def _compensated(xp: Any, x: Array) -> Array:
    """Prefix sums of float32 numbers as accurate as in twice the precision, by doubling on pairs."""
    error, steps = xp.zeros_like(x), 1
    while steps < x.shape[-1]:
        other = shifted(xp, x, 0.0, steps)
        total = x + other
        part = total - x
        rounding = (x - (total - part)) + (other - part)
        error = error + shifted(xp, error, 0.0, steps) + xp.where(xp.isfinite(total), rounding, 0.0)
        x, steps = total, 2 * steps
    return x + error
