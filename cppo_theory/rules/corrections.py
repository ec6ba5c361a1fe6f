"""Corrections of the mismatch between rollout and trainer, multiplied onto a base rule.

o/q compares the policy at the start of the update with the one that drew the tokens.  The default base is
PPO, whose ratio p/o does not hold that factor yet.
"""

from __future__ import annotations

from collections.abc import Callable

from ..divergence import clip
from .batch import TokenBatch
from .decision import Decision
from .parameters import Floor, Threshold
from .ratio_clips import ppo

Base = Callable[[TokenBatch], Decision]


def tis(b: TokenBatch, cap: Threshold = 2.0, *, base: Base = ppo) -> Decision:
    """TIS: a base rule times min(o/q, cap)."""
    return base(b).times(clip(b.xp, b.correction, high=cap))


def icepop(b: TokenBatch, low: Floor = 0.5, high: Threshold = 5.0, *, base: Base = ppo) -> Decision:
    """IcePop: a base rule times o/q where low <= o/q <= high, 0 elsewhere."""
    inside = (b.correction >= low) & (b.correction <= high)
    return b.keep(base(b).times(b.correction), clip=inside)


def seq_tis(b: TokenBatch, cap: Threshold = 3.0, *, base: Base = ppo) -> Decision:
    """Sequence TIS: a base rule times min(w, cap), w = prod_t o/q over the response."""
    return base(b).times(clip(b.xp, b.xp.exp(b.total(b.log_correction)), high=cap))


def seq_mis(b: TokenBatch, cap: Threshold = 3.0, *, base: Base = ppo) -> Decision:
    """Sequence masking: a base rule times w where w = prod_t o/q <= cap, 0 elsewhere."""
    w = b.xp.exp(b.total(b.log_correction))
    return b.keep(base(b).times(w), sequence=w <= cap)


def geometric_mis(
    b: TokenBatch, low: Floor = 0.999, high: Threshold = 1.002, *, base: Base = ppo
) -> Decision:
    """Geometric masking: a base rule where low <= exp(mean_t log(o/q)) <= high, 0 elsewhere."""
    mean = b.xp.exp(b.mean(b.log_correction))
    return b.keep(base(b), sequence=(mean >= low) & (mean <= high))
