"""FIPO: a rule that looks at the tokens after.

Source: public trainers; Eq. (2) of arXiv:2606.10968v2 with a factor.
"""

from __future__ import annotations

from ..divergence import clip
from .batch import TokenBatch
from .decision import Decision
from .parameters import Threshold
from .ratio_clips import ppo
from .scans import select


def fipo(  # noqa: PLR0913 - the constants of the rule
    b: TokenBatch,
    eps_low: Threshold = 0.2,
    eps_high: Threshold = 0.2,
    dual_clip: Threshold = 10.0,
    *,
    low: float = 1.0,
    high: float = 1.2,
    discount: float = 2 ** (-1 / 32),
    safe: float = 10.0,
) -> Decision:
    """FIPO: Eq. (2) with A f_t, f_t = clip(exp F_t, low, high).

    F_t = sum_{k >= t} discount^{k-t} M_k log(p/o)_k, with M_k = 0 on holes and where r_k > dual_clip; where
    A < 0 and r > ``safe``, f is clipped to [.8, 1].  ``low`` is 1 in TRL, .8 in slime; ``safe`` is 10, or 4
    in ms-swift.
    """
    xp, r = b.xp, b.anchor_ratio
    ahead = b.after(select(xp, r <= dual_clip, b.anchor_log_ratio), discount)
    factor = clip(xp, xp.exp(ahead), low=low, high=high)
    factor = xp.where((b.advantage < 0) & (r > safe), clip(xp, factor, low=0.8, high=1.0), factor)
    return ppo(b, eps_low, eps_high, dual_clip).times(factor)
