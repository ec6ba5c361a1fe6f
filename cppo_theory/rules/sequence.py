"""Rules that decide on a whole response.

Source: arXiv:2606.10968v2, Section 3 (TRM); the other rules are those of public trainers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from .. import divergence
from .batch import TokenBatch
from .decision import Decision
from .parameters import Threshold
from .ratio_clips import pg_is

Array = Any
Base = Callable[[TokenBatch], Decision]
Ratio = Literal["current", "anchor"]


def trm_max(
    b: TokenBatch, delta: Threshold = 0.1, *, base: Base = pg_is, ratio: Ratio = "current"
) -> Decision:
    """TRM-Max: a base rule on responses with max_t KL_t <= delta, 0 on the others, both signs.

    Source: arXiv:2606.10968v2, Section 3, KL(mu || pi); from exact or Top-K tables where the batch has
    them, else (log r)^2 / 2 of the sampled token, as trainers do.

    Parameters
    ----------
    ratio : {"current", "anchor"}
        r = p/q, or o/q where the rollout mismatch is judged apart from the update.
    """
    return b.keep(base(b), sequence=b.largest(_kl(b, ratio, _k2)) <= delta)


def trm_avg(
    b: TokenBatch, delta_avg: Threshold = 0.002, *, base: Base = pg_is, ratio: Ratio = "current"
) -> Decision:
    """TRM-Avg: a base rule on responses with mean_t KL_t <= delta_avg, 0 on the others.

    Source: arXiv:2606.10968v2, Section 3; without tables r - 1 - log r of the sampled token.
    """
    return b.keep(base(b), sequence=b.mean(_kl(b, ratio, _k3)) <= delta_avg)


def trm_max_avg(
    b: TokenBatch,
    delta: Threshold = 0.1,
    delta_avg: Threshold = 0.002,
    *,
    base: Base = pg_is,
    ratio: Ratio = "current",
) -> Decision:
    """TRM Max&Avg: both conditions; arXiv:2606.10968v2, Section 3."""
    largest, mean = b.largest(_kl(b, ratio, _k2)), b.mean(_kl(b, ratio, _k3))
    return b.keep(base(b), sequence=(largest <= delta) & (mean <= delta_avg))


def gspo(
    b: TokenBatch,
    eps_low: Threshold = 3e-4,
    eps_high: Threshold = 4e-4,
    *,
    advantage: Literal["token", "mean"] = "token",
) -> Decision:
    """GSPO: g = s = exp(mean_t log(p/o)), 0 where PPO's interval clips s.

    Source: public trainers, not in the paper.

    Parameters
    ----------
    advantage : {"token", "mean"}
        Whose sign decides the side of the interval if A varies inside a response: that of the token, or
        that of the mean over the response.
    """
    s = b.xp.exp(b.mean(b.anchor_log_ratio))
    a = b.advantage if advantage == "token" else b.mean(b.advantage)
    inside = ((a <= 0) | (s <= 1 + eps_high)) & ((a >= 0) | (s >= 1 - eps_low))
    return b.keep(b.spread(s), sequence=inside)


def gmpo(b: TokenBatch, eps_low: Threshold = 0.4, eps_high: Threshold = 0.4) -> Decision:
    """GMPO: g = R = exp(mean of the clipped log(p/o)), 0 on the clipped tokens.

    Source: public trainers, not in the paper: the mean of sgn(A) min(sgn(A) x, sgn(A) clip(x)),
    x = log(p/o) clipped to [-eps_low, eps_high].
    """
    xp, x = b.xp, b.anchor_log_ratio
    inside = b.within(x, -eps_low, eps_high)
    up, down = (xp.full_like(b.advantage, eps, dtype=x.dtype) for eps in (eps_high, -eps_low))
    # x is clipped above if A > 0, below if A < 0, and to 0 if A = 0
    low = xp.where(b.advantage > 0, -xp.inf, xp.where(b.advantage < 0, down, 0.0))
    high = xp.where(b.advantage > 0, up, xp.where(b.advantage < 0, xp.inf, xp.zeros_like(up)))
    clipped = xp.maximum(xp.minimum(x, high), low)
    return b.keep(b.spread(xp.exp(b.mean(clipped))), clip=inside)


def opsm(b: TokenBatch, delta: Threshold = 1e-4, *, base: Base = pg_is) -> Decision:
    """OPSM: a base rule on responses with A >= 0 or mean_t log(q/p) <= delta."""
    return b.keep(base(b), sequence=(b.advantage >= 0) | (b.mean(-b.log_ratio) <= delta))


def vespo(
    b: TokenBatch, k_up: float = 2.0, l_up: float = 3.0, k_down: float = 3.0, l_down: float = 2.0
) -> Decision:
    """VESPO: g = exp(l + k log w - l w), w = prod_t r; (k, l) by the sign of A."""
    xp, log_w = b.xp, b.total(b.log_ratio)
    w = xp.exp(log_w)
    up, down = l_up + k_up * log_w - l_up * w, l_down + k_down * log_w - l_down * w
    return b.keep(b.spread(xp.exp(xp.where(b.advantage >= 0, up, down))))


def topr(b: TokenBatch) -> Decision:
    """TOPR: g = 1 if A >= 0, else clip(exp(mean_t log r), 0, 1)."""
    tapered = divergence.clip(b.xp, b.xp.exp(b.mean(b.log_ratio)), high=1.0)
    return b.keep(b.spread(b.xp.where(b.advantage >= 0, 1.0, tapered)))


def _kl(b: TokenBatch, ratio: Ratio, sampled: Callable[[TokenBatch, Array], Array]) -> Array:
    """The divergence of TRM: from tables where there are any, else from the sampled log-ratio."""
    if ratio == "anchor":
        return sampled(b, b.log_correction)
    return sampled(b, b.log_ratio) if b.source.name == "binary" else b.kl


def _k2(b: TokenBatch, x: Array) -> Array:
    x = b.xp.astype(x, b.wide, copy=False)
    return x * x / 2


def _k3(b: TokenBatch, x: Array) -> Array:
    x = b.xp.astype(x, b.wide, copy=False)
    return b.xp.expm1(x) - x  # what cancels is below 1e-16, far below any threshold
