"""Rules that shrink a coefficient instead of dropping it: SAPO, DRPO.

Source: public trainers; arXiv:2606.10968v2, Appendix C.3, names SAPO as a gate.
"""

from __future__ import annotations

from typing import Any

from ..divergence import clip
from .batch import TokenBatch
from .decision import Decision
from .parameters import Divisor
from .scans import sech_squared


def sapo(b: TokenBatch, tau_up: float = 1.0, tau_down: float = 1.05) -> Decision:
    """SAPO: g = r sech^2(tau (r - 1)/2), r = p/o, tau by the sign of A (tau_up if A > 0).

    Source: public trainers; equal to 4 r s (1 - s), s = sigmoid(tau (r - 1)).
    """
    xp, r = b.xp, b.anchor_ratio
    up, down = (xp.full_like(b.advantage, tau / 2, dtype=r.dtype) for tau in (tau_up, tau_down))
    x = xp.where(b.advantage > 0, up, down) * (r - 1)
    return b.keep(r, gate=sech_squared(xp, x))


def drpo(b: TokenBatch, eps: Divisor) -> Decision:
    """DRPO: g = r (1 - sgn(A) (p - q) / eps); negative once the token has moved by more than eps.

    Source: public trainers.  No default eps: public ones disagree.
    """
    return b.keep(b.ratio, gate=1 - _sign(b) * (b.prob - b.prob_rollout) / eps)


def spo(b: TokenBatch, eps: Divisor) -> Decision:
    """SPO: DRPO with the ratio in place of the probability, g = r (1 - sgn(A) (r - 1) / eps)."""
    xp, r = b.xp, b.ratio
    gap = clip(xp, r - 1, high=float(xp.finfo(r.dtype).max))  # 0 times inf is no number
    return b.keep(r, gate=1 - xp.astype(_sign(b), r.dtype) * gap / eps)


def _sign(b: TokenBatch) -> Any:
    return b.xp.sign(b.advantage)
