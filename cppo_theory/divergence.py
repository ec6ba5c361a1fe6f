"""Divergences between rows of two tables: total variation (both tiers) and KL (float64 only).

Source: arXiv:2606.10968v2, Section 1 (D_t) and Appendix B.11 (TV = 1/2 |P - Q|_1).
"""

from __future__ import annotations

import numpy as np

from cppo_theory.arithmetic import Array, positive_part, to_float


def total_variation(p: Array, q: Array) -> Array:
    """Total variation of the distributions on the last axis; shape (..., V) to (...), in [0, 1].

    Source: arXiv:2606.10968v2, Appendix B.11, TV(p, q) = sum_a (q - p)_+ = 1/2 sum_a |p - q|.

    Notes
    -----
    Written with the positive part because 1 - sum min(p, q) loses a small TV to rounding.
    """
    return np.asarray(positive_part(q - p).sum(-1))


def kl_divergence(p: Array, q: Array) -> Array:
    """KL(p || q) in nats on the last axis; shape (..., V) to (...), in [0, inf].

    Source: arXiv:2606.10968v2, Section 2.3, sum_a p log(p / q); 0 log 0 = 0, inf where q = 0 < p.

    Notes
    -----
    Summed as p log(p/q) - p + q, whose terms are all non-negative; by log1p where q is near p, so
    that nothing cancels, and by log p - log q elsewhere, so that a small q / p is not rounded away.
    """
    p, q = to_float(p), to_float(q)
    gap = q - p
    near = np.abs(gap) < p / 2
    relative = np.divide(gap, p, out=np.zeros_like(gap), where=near)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = gap - p * (np.log(q) - np.log(p))
    terms = np.where(near, p * (relative - np.log1p(relative)), np.where(p > 0, far, q))
    return np.asarray(terms.sum(-1))
