"""What a rule measures at a token: total variation or KL, and its product with a position weight.

Source: arXiv:2606.10968v2, Section 1 (D_t) and Eq. (8) (w_t D_t).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .batch import TokenBatch
from .scans import select

Array = Any
Divergence = Callable[[TokenBatch], Array]


def tv(b: TokenBatch) -> Array:
    """Total variation, as the batch's source measures it."""
    return b.tv


def kl(b: TokenBatch) -> Array:
    """KL(mu || pi), as the batch's source measures it."""
    return b.kl


def weighted(b: TokenBatch, w: Array, d: Array) -> Array:
    """w_t D_t; 0 where w_t = 0, whatever D_t: an infinite KL times 0 is no number."""
    return w * select(b.xp, w > 0, d)
