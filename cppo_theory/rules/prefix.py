"""Rules that look at the tokens before: CPPO's prefix budget, MinPRO's smallest ratio.

Source: arXiv:2606.10968v2, Eqs. (8)-(10), (19), (20), (22) and Algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import schedules
from ..divergence import clip, pick
from .batch import TokenBatch
from .decision import Decision
from .measures import Divergence, tv, weighted
from .parameters import Share, Threshold
from .scans import sech_squared

Array = Any
Gate = Callable[[TokenBatch, Array], Array]


def cppo(  # noqa: PLR0913 - the parameters of Algorithm 1, and what the ablations replace
    b: TokenBatch,
    delta: Threshold = 0.15,
    delta_b: Threshold = 0.015,
    w_min: Share = 0.8,
    *,
    weights: schedules.Schedule = schedules.linear,
    budget: schedules.Budget = schedules.fixed,
    gate: Gate | None = None,
    divergence: Divergence = tv,
) -> Decision:
    """CPPO: position weights and a prefix budget; g = r, or r times a soft gate.

    Source: arXiv:2606.10968v2, Eqs. (8)-(10), Algorithm 1: keep iff A (r - 1) <= 0 or Z_t <= c_t, with
    Z_t = w_t D_t, c_t = min(delta, delta + delta_b W_{t-1} - S_{t-1}).  Written with the excess
    X_t = sum_{j <= t} w_j (D_j - delta_b): Z_t <= delta (token) and Z_t + X_{t-1} <= delta (budget), which
    loses no digits.  Every valid token counts in the excess, kept or not; holes only advance the position.

    Parameters
    ----------
    delta : float
        Token threshold: .15 (dense models) or .20 (MoE) for TV, .1 for KL.
    delta_b : float
        Budget per token: .015 for TV, .002 for KL; with `schedules.adaptive` its smallest value.
    w_min : float
        Floor of the weights, in (0, 1].
    weights, budget : schedule and budget
        See `cppo_theory.schedules`; default: Eq. (9) over the response's own length, and delta_b as given.
    gate : function (batch, x) -> factor, optional
        Soft variant, Eqs. (19), (20): away tokens are multiplied by gate(x), x = max(Z_t / delta,
        S_t / (delta + delta_b W_{t-1})).  Must be 1 on x <= 1, non-increasing, x gate(x) <= 1.
    divergence : function of the batch
        `tv` or `kl`.
    """
    d, w = divergence(b), weights(b, w_min)
    spent = w * d if divergence is tv else weighted(b, w, d)  # a total variation is finite
    per_token = budget(b, delta_b, d)
    has_budget = not (isinstance(per_token, float) and per_token == float("inf"))
    drift = b.before(spent - w * per_token) if has_budget else None
    if gate is not None:
        allowed = delta + per_token * b.before(w) if has_budget else None
        x = overrun(b, spent, drift, delta, allowed)
        away = b.xp.astype(b.spread(gate(b, x)), x.dtype, copy=False)
        return b.keep(b.ratio, gate=pick(b.xp, b.toward, b.xp.ones_like(x), away))
    kept = {"token": b.toward | (spent <= delta)}
    if drift is not None:
        kept["budget"] = b.toward | (spent + drift <= delta)
    return b.keep(b.ratio, **kept)


def overrun(b: TokenBatch, spent: Array, drift: Array | None, delta: float, allowed: Array | None) -> Array:
    """x_t = max(Z_t / delta, S_t / (delta + delta_b W_{t-1})); arXiv:2606.10968v2, Eq. (19).

    The second share is written as 1 + (Z_t + X_{t-1} - delta) / (delta + delta_b W_{t-1}), so that it is
    above 1 exactly where the hard rule masks.  None: no budget.
    """
    xp = b.xp
    x = _share(xp, spent, b.spread(delta))
    if drift is None or allowed is None:
        return x
    over = spent + drift - delta
    second = 1 + xp.sign(over) * _share(xp, xp.abs(over), allowed)
    least = 1 + float(xp.finfo(second.dtype).eps)  # a tiny excess over a large budget would round to 1
    return xp.maximum(x, xp.where(over > 0, xp.clip(second, min=least), second))


def inverse_gate(b: TokenBatch, x: Array) -> Array:
    """min(1, 1/x), the default of the soft variant; arXiv:2606.10968v2, Eq. (20)."""
    return 1 / clip(b.xp, x, low=1.0)


def hard_gate(b: TokenBatch, x: Array) -> Array:
    """1 where x <= 1, else 0: the soft variant is then the hard rule."""
    return b.xp.astype(x <= 1, x.dtype)


def sapo_gate(b: TokenBatch, x: Array) -> Array:
    """1 up to x = 1, then sech^2((x - 1)/2) / x: a gate in the manner of SAPO; arXiv:2606.10968v2, C.3."""
    over = clip(b.xp, x, low=1.0)
    return sech_squared(b.xp, (over - 1) / 2) / over


def minpro(b: TokenBatch, eps_low: Threshold, eps_high: Threshold) -> Decision:
    """MinPRO: g = clip(rho_t min_{i < t} rho_i, 1 - eps_low, 1 + eps_high), rho = p/o.

    Source: arXiv:2606.10968v2, Section 4 (baseline).  The minimum over no token is 1 and is not capped
    at 1 elsewhere; taken on log-ratios.  The two eps are the user's to give.
    """
    product = b.xp.exp(b.anchor_log_ratio + b.before_min(b.anchor_log_ratio))
    return b.keep(clip(b.xp, product, low=1 - eps_low, high=1 + eps_high))


def _share(xp: Any, part: Array, whole: Array) -> Array:
    """part / whole of non-negative numbers; 0 / 0 is 0."""
    divides = (whole > 0) & (whole < xp.inf)
    share = part / xp.where(divides, whole, 1.0)
    return xp.where(divides, share, xp.where((part > 0) & (whole <= 0), xp.inf, xp.zeros_like(share)))
