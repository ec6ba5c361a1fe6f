"""Rules that look at the ratio of one token: none, PPO's interval, CISPO's cap.

Source: arXiv:2606.10968v2, Eq. (2) and the baselines of Section 4.
"""

from __future__ import annotations

from ..divergence import clip
from .batch import TokenBatch
from .decision import Decision
from .parameters import Floor, Threshold


def pg_is(b: TokenBatch) -> Decision:
    """Policy gradient with importance sampling: g = r, no trust region.

    Source: arXiv:2606.10968v2, Eq. (1); the control.
    """
    return b.keep(b.ratio)


def ppo(
    b: TokenBatch, eps_low: Threshold = 0.2, eps_high: Threshold = 0.2, dual_clip: Threshold = float("inf")
) -> Decision:
    """PPO / GRPO: g = r, 0 beyond the interval on the side of the advantage.

    Source: arXiv:2606.10968v2, Eq. (2), keep iff A (r - 1) <= 0 or |r - 1| <= eps, with r = p/o (p/q where
    no anchor is given).

    Parameters
    ----------
    eps_low, eps_high : float
        Width below and above 1; Clip-Higher is (.2, .28).
    dual_clip : float
        c > 1: also 0 if A < 0 and r > c.  Default: off.
    """
    r = b.anchor_ratio
    inside = b.within(r, 1 - eps_low, 1 + eps_high)
    return b.keep(
        r, clip=inside if dual_clip == float("inf") else inside & ((b.advantage >= 0) | (r <= dual_clip))
    )


def cispo(b: TokenBatch, eps_low: Threshold = float("inf"), eps_high: Threshold = 0.28) -> Decision:
    """CISPO: g = clip(r, 1 - eps_low, 1 + eps_high), never 0, whatever the advantage; r = p/o.

    Source: arXiv:2606.10968v2, Section 4 (baseline).  No lower clip by default; some trainers read the
    upper bound as absolute, here it is 1 + eps_high.
    """
    return b.keep(clip(b.xp, b.anchor_ratio, low=1 - eps_low, high=1 + eps_high))


def ratio_window(b: TokenBatch, low: Floor = 0.5, high: Threshold = 2.0) -> Decision:
    """Ratio window: g = r where low < r < high, both signs of the advantage; r = p/q."""
    return b.keep(b.ratio, clip=(b.ratio > low) & (b.ratio < high))
