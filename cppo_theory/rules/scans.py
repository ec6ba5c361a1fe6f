"""Passes along the responses of a padded batch, in the array API.

Every function takes (B, T) arrays and the namespace ``xp``.  Sums run from left to right, so that
trailing padding changes no bit; where float64 does not exist they are compensated.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..divergence import clip

Array = Any

LANES = 128
"""Sums that run side by side in `total`."""

FEW = 16
"""Ranks up to which a partition takes less than a sort."""


def library(xp: Any) -> str:
    """numpy, torch, jax, or the name of another library that a namespace belongs to."""
    return str(xp.__name__.removeprefix("array_api_compat.").partition(".")[0])


def host(x: Array) -> Any:
    """An array of any library and device as one of NumPy."""
    return np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)


def select(xp: Any, condition: Array, x: Array) -> Array:
    """x where the condition holds, else 0; inf and NaN elsewhere do not leak.

    On NumPy by the bits of x: `where` mispredicts one branch per token on irregular masks and is then
    four times slower.
    """
    if library(xp) != "numpy":
        return xp.where(condition, x, xp.zeros_like(x))
    word = np.dtype(f"i{x.dtype.itemsize}")
    out = np.negative(condition.view(np.int8)).astype(word)
    if np.broadcast_shapes(out.shape, x.shape) != out.shape:
        return np.bitwise_and(out, x.view(word)).view(x.dtype)
    return np.bitwise_and(out, x.view(word), out=out).view(x.dtype)


def whole(xp: Any, flags: Array, shape: tuple[int, int]) -> Array:
    """Flags of that shape; on NumPy written out, because `&` of one flag with many is slow there."""
    if flags.shape == shape:
        return flags
    flags = xp.broadcast_to(flags, shape)
    return np.ascontiguousarray(flags) if library(xp) == "numpy" else flags


def last_true(xp: Any, mask: Array) -> Array:
    """Position (from 1) of the last True of each row, (B, 1); 0 where there is none."""
    if library(xp) == "numpy" and mask[:, -1].all():
        return np.full((len(mask), 1), mask.shape[-1])
    flags = mask if library(xp) == "numpy" else xp.astype(mask, xp.int8)
    behind = xp.argmax(xp.flip(flags, axis=-1), axis=-1, keepdims=True)
    return xp.where(xp.any(mask, axis=-1, keepdims=True), mask.shape[-1] - behind, 0)


def running_sum(xp: Any, x: Array) -> Array:
    """Inclusive sums along the last axis, in float64 or compensated."""
    if widest(xp, x)[0] != xp.float64:
        return _compensated(xp, x)
    x = xp.astype(x, xp.float64, copy=False)
    return x.cumsum(dim=-1) if library(xp) == "torch" else xp.cumulative_sum(x, axis=-1)


def sum_before(xp: Any, x: Array) -> Array:
    """Exclusive sums along the last axis, 0 at the first place, in float64 or compensated."""
    if library(xp) != "numpy":
        return shifted(xp, running_sum(xp, x), 0.0)
    sums = np.empty(x.shape)
    sums[:, :1] = 0.0
    np.cumsum(x[:, :-1], axis=-1, dtype=np.float64, out=sums[:, 1:])
    return sums


def total(xp: Any, x: Array) -> Array:
    """Sum along the last axis, (B, 1), in float64 or compensated; trailing zeros change no bit of it.

    On NumPy 128 sums side by side, each from left to right, then the sum of these.
    """
    if library(xp) != "numpy":
        return running_sum(xp, x)[:, -1:]
    whole = x.shape[1] // LANES * LANES
    lanes = x[:, :whole].reshape(len(x), -1, LANES).sum(axis=1, dtype=np.float64)
    lanes[:, : x.shape[1] - whole] += x[:, whole:]
    return np.asarray(lanes.sum(axis=1, keepdims=True))


def ranked(xp: Any, x: Array, *ranks: Array) -> list[Array]:
    """The numbers of those ranks (B, 1) among each row, from 0; a sort, or a partition where that is less."""
    if library(xp) == "numpy" and len(found := np.unique(np.concatenate(ranks))) <= FEW:
        ordered = np.partition(x, found, axis=-1)
    else:
        ordered = xp.sort(x, axis=-1)
    return [xp.take_along_axis(ordered, rank, axis=-1) for rank in ranks]


def min_before(xp: Any, x: Array) -> Array:
    """Exclusive minima along the last axis, inf at the first place."""
    if library(xp) == "numpy":
        least = np.full_like(x, np.inf)
        np.minimum.accumulate(x[:, :-1], axis=-1, out=least[:, 1:])
        return least
    if library(xp) == "torch":
        return shifted(xp, x.cummin(dim=-1).values, xp.inf)
    return shifted(xp, _doubled(xp, x, xp.inf, lambda a, b, _: xp.minimum(a, b)), xp.inf)


def discounted_rest(xp: Any, x: Array, discount: float) -> Array:
    """y_t = sum_{k >= t} discount^{k - t} x_k along the last axis, by doubling."""
    flipped = xp.flip(x, axis=-1)
    rest = xp.flip(_doubled(xp, flipped, 0.0, lambda a, b, s: a + discount**s * b), axis=-1)
    # NumPy's exp rounds a reversed view differently from the same numbers in order
    return np.ascontiguousarray(rest) if library(xp) == "numpy" else rest


def shifted(xp: Any, x: Array, first: float, steps: int = 1) -> Array:
    """x moved ``steps`` positions to the right; ``first`` fills the start."""
    head = xp.full_like(x[:, :steps], first)
    return xp.concat([head, x[:, :-steps]], axis=-1) if steps < x.shape[-1] else head[:, : x.shape[-1]]


def sech_squared(xp: Any, x: Array) -> Array:
    """1 / cosh(x)^2 of x >= -1, 0 where cosh overflows."""
    sech = 1 / xp.cosh(clip(xp, x, high=math.log(xp.finfo(x.dtype).max)))
    return sech * sech


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
