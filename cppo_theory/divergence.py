"""Total variation and KL: between rows of tables, and at a sampled token from log-probabilities.

Array API throughout (NumPy, PyTorch, JAX, array-api-strict).  `total_variation` accepts object arrays
of Fractions too and is then exact.  Partitions of the vocabulary (Binary, Top-K) are coarse: by the
data-processing inequality their divergences are lower bounds of the exact ones.

Source: arXiv:2606.10968v2, Section 1 (D_t), Appendix B.11 (TV = 1/2 |P - Q|_1), Section 3 (Binary, Top-K).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import numpy as numpy_namespace

Array = Any
"""An array of any library that follows the array API standard."""

NEAR = 1e-2
"""|log-ratio| up to which exp(x) - 1 - x is taken from its series (relative error 4e-14)."""


def namespace(x: Array) -> Any:
    """The array API namespace of an array.

    By the name of its library, so that `torch.compile` traces it without remark.
    """
    library = type(x).__module__.partition(".")[0]
    if library == "numpy":
        return numpy_namespace
    if library == "torch":
        from array_api_compat import torch as torch_namespace

        return torch_namespace
    return array_namespace(x)


def pick(xp: Any, condition: Array, x: Array, y: Array) -> Array:
    """x where the condition holds, else y; floats of one type.

    On NumPy by the bits: `where` mispredicts one branch per token on irregular conditions and is then four
    times slower.
    """
    if xp is not numpy_namespace:
        return xp.where(condition, x, y)
    word = np.dtype(f"i{x.dtype.itemsize}")
    bits = np.bitwise_xor(x.view(word), y.view(word))
    bits &= np.negative(condition.view(np.int8)).astype(word)
    bits ^= y.view(word)
    return bits.view(x.dtype)


def clip(xp: Any, x: Array, low: float | None = None, high: float | None = None) -> Array:
    """x moved into [low, high]; on NumPy without the branches of the compatibility layer's clip."""
    return np.clip(x, low, high) if xp is numpy_namespace else xp.clip(x, min=low, max=high)


def total_variation(p: Array, q: Array) -> Array:
    """Total variation of the distributions on the last axis; shape (..., V) to (...), in [0, 1].

    Source: arXiv:2606.10968v2, Appendix B.11, TV(p, q) = sum_a (q - p)_+ = 1/2 sum_a |p - q|.

    Notes
    -----
    Written with the positive part because 1 - sum min(p, q) loses a small TV to rounding.
    """
    xp = namespace(p)
    gap = q - p
    return xp.asarray(xp.sum(xp.maximum(gap, 0 * gap), axis=-1))


def kl_divergence(p: Array, q: Array) -> Array:
    """KL(p || q) in nats on the last axis; shape (..., V) to (...), in [0, inf].

    Source: arXiv:2606.10968v2, Section 2.3, sum_a p log(p / q); 0 log 0 = 0, inf where q = 0 < p.

    Notes
    -----
    Summed as p log(p/q) - p + q, whose terms are all non-negative; by log1p where q is near p, so
    that nothing cancels, and by log p - log q elsewhere, so that a small q / p is not rounded away.
    """
    p, q = _in_floats(p), _in_floats(q)
    xp = namespace(p)
    gap = q - p
    near = xp.abs(gap) < p / 2
    relative = xp.where(near, gap, 0.0) / xp.where(near, p, 1.0)
    far = gap - p * (xp.log(xp.where(q > 0, q, 1.0)) - xp.log(xp.where(p > 0, p, 1.0)))
    far = xp.where(q > 0, far, xp.inf)
    terms = xp.where(near, p * (relative - xp.log1p(relative)), xp.where(p > 0, far, q))
    return xp.asarray(xp.sum(terms, axis=-1))


def binary_kl(log_p: Array, log_q: Array) -> Array:
    """KL(Bern(p) || Bern(q)) from log-probabilities, in nats; any shape, in [0, inf].

    Source: arXiv:2606.10968v2, Section 3, Binary-KL.

    Notes
    -----
    The complements come from the log-probabilities, so that p = 1 - 1e-9 keeps its digits.
    """
    return _kl_term(log_p, log_q) + _kl_term(log_complement(log_p), log_complement(log_q))


def larger_binary_kl(log_p: Array, log_q: Array) -> Array:
    """The larger of `binary_kl` both ways; any shape, in [0, inf]."""
    xp = namespace(log_p)
    rest_p, rest_q = log_complement(log_p), log_complement(log_q)
    forward = _kl_term(log_p, log_q) + _kl_term(rest_p, rest_q)
    return xp.maximum(forward, _kl_term(log_q, log_p) + _kl_term(rest_q, rest_p))


def log_complement(log_p: Array) -> Array:
    """log(1 - p) from log p, accurate for p near 0 and near 1; any shape, -inf at p = 1."""
    xp = namespace(log_p)
    small = log_p < -0.6931471805599453
    rest = -xp.expm1(log_p)
    near_one = xp.where(rest > 0, xp.log(xp.where(rest > 0, rest, 1.0)), -xp.inf)
    return pick(xp, small, xp.log1p(-xp.exp(clip(xp, log_p, high=-0.6931471805599453))), near_one)


def table_tv(log_p: Array, log_q: Array) -> Array:
    """TV of whole distributions given as log-probabilities on the last axis; (..., V) to (...)."""
    xp = namespace(log_p)
    return total_variation(xp.exp(log_p), xp.exp(log_q))


def table_kl(log_p: Array, log_q: Array) -> Array:
    """KL(p || q) of whole distributions given as log-probabilities; (..., V) to (...), in nats."""
    xp = namespace(log_p)
    return xp.sum(_kl_term(log_p, log_q), axis=-1)


def reduced_tv(log_p: Array, log_q: Array) -> Array:
    """TV of the partition {listed tokens, one other bucket}; shape (..., K) to (...), in [0, 1].

    Source: arXiv:2606.10968v2, Section 3, Top-K: (sum |p - q| + |other|) / 2.

    Parameters
    ----------
    log_p, log_q : array, shape (..., K)
        Log-probabilities of the listed tokens, each at most once; -inf on both sides lists nothing.
    """
    xp = namespace(log_p)
    gap = xp.exp(log_p) - xp.exp(log_q)
    return (xp.sum(xp.abs(gap), axis=-1) + xp.abs(xp.sum(gap, axis=-1))) / 2


def reduced_kl(log_p: Array, log_q: Array) -> Array:
    """KL(p || q) of the partition {listed tokens, one other bucket}; shape (..., K) to (...), in nats.

    Source: arXiv:2606.10968v2, Section 3, Top-K.

    Notes
    -----
    What the listed tokens leave over is known up to their rounding only: it counts as no less than
    the resolution of the floats, so that a sum of one does not make the divergence infinite.
    """
    xp = namespace(log_p)
    least = float(xp.finfo(log_p.dtype).eps)
    other_p = xp.clip(1 - xp.sum(xp.exp(log_p), axis=-1), min=least)
    other_q = xp.clip(1 - xp.sum(xp.exp(log_q), axis=-1), min=least)
    return table_kl(log_p, log_q) + _kl_term(xp.log(other_p), xp.log(other_q))


def excess_of_exp(x: Array) -> Array:
    """exp(x) - 1 - x, the estimator k3 of KL(mu || pi) at x = log(pi / mu); any shape, in [0, inf].

    Source: arXiv:2606.10968v2, Section 3 (sampled KL of TRM); series near 0, where the terms cancel.
    """
    xp = namespace(x)
    return pick(xp, xp.abs(x) < NEAR, _series(clip(xp, x, -NEAR, NEAR)), xp.expm1(x) - x)


def _series(x: Array) -> Array:
    """exp(x) - 1 - x at |x| <= NEAR."""
    return x * x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720)))))


def _kl_term(log_p: Array, log_q: Array) -> Array:
    """p log(p / q) - p + q, which is non-negative; inf where q = 0 < p, q where p = 0."""
    xp = namespace(log_p)
    p, q = xp.exp(log_p), xp.exp(log_q)
    both = (p > 0) & (q > 0)
    x = xp.where(both, log_q, 0.0) - xp.where(both, log_p, 0.0)
    inside = pick(xp, xp.abs(x) < NEAR, p * _series(clip(xp, x, -NEAR, NEAR)), q - p - p * x)
    return xp.where(both, inside, xp.where(p > 0, xp.inf, q))


def _in_floats(table: Array) -> Array:
    """Fractions as float64; every other array as it is."""
    return table.astype(np.float64) if getattr(table, "dtype", None) == np.dtype(object) else table
