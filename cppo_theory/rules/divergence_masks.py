"""Rules with a threshold on the divergence of one token.

Source: arXiv:2606.10968v2, Eq. (3).
"""

from __future__ import annotations

from .batch import TokenBatch
from .decision import Decision
from .measures import Divergence, tv
from .parameters import Threshold


def dppo(b: TokenBatch, delta: Threshold = 0.15, divergence: Divergence = tv) -> Decision:
    """DPPO, the uniform token mask: g = r if toward or D <= delta.

    Source: arXiv:2606.10968v2, Eq. (3), keep iff A (r - 1) <= 0 or D_t <= delta; r = p/q, the anchor is mu.

    Parameters
    ----------
    delta : float
        .15 for TV, .05 for KL.
    divergence : function of the batch
        `tv` or `kl`.
    """
    return b.keep(b.ratio, token=b.toward | (divergence(b) <= delta))


def ipo(b: TokenBatch, delta: Threshold = 0.1) -> Decision:
    """IPO: g = r where |p - q| <= delta of the sampled token, in both directions."""
    return b.keep(b.ratio, token=b.xp.abs(b.prob - b.prob_rollout) <= delta)


def kpop(b: TokenBatch, phi: Threshold = 0.1) -> Decision:
    """KPop: g = r where the larger of KL(Bern q || Bern p) and its reverse is at most phi."""
    return b.keep(b.ratio, token=b.larger_binary_kl <= phi)
