"""Position weights and budgets of a trust-region rule: objects that a rule takes as arguments.

A schedule is a function (batch, w_min) -> w_t; a budget is a function (batch, delta_b, divergence) ->
delta_b in force.  Both return arrays that broadcast to the tokens of the batch; of the batch they use
`position` (from 1), `length` (position of the last valid token), `key`, `quantile` and `xp`.  Array API.

Source: arXiv:2606.10968v2, Section 3.2 (Eq. (9)), Appendix C (Eq. (22)), ablations of Figure 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Array = Any
Schedule = Callable[[Any, float], Array]
Budget = Callable[[Any, float, Array], Array | float]


def falling(position: Array, steps: Any, w_min: Any) -> Array:
    """The formula of Eq. (9), 1 - (1 - w_min) (t - 1)/(T - 1), for numbers of any kind; 1 at T = 1.

    Parameters
    ----------
    position : array
        t = 1..T.
    steps : array or int
        max(T - 1, 1), the number of steps from 1 to ``w_min``.
    w_min : number
        Weight of the last position.
    """
    return 1 - (position - 1) * ((1 - w_min) / steps)


@dataclass(frozen=True)
class Linear:
    """Weights falling linearly from 1 to ``w_min`` over the response.

    Source: arXiv:2606.10968v2, Eq. (9).  ``horizon`` is the T of the formula: None for each response's
    own length (the paper), or a number, such as the padded width, which a mask then depends on.
    Positions beyond a given horizon have weight ``w_min``.
    """

    horizon: int | None = None

    def __call__(self, b: Any, w_min: float) -> Array:
        position, steps = _ramp(b, self.horizon)
        return falling(position, steps, w_min)


@dataclass(frozen=True)
class Reversed:
    """Weights rising linearly from ``w_min`` to 1: those of `Linear`, read from the end."""

    horizon: int | None = None

    def __call__(self, b: Any, w_min: float) -> Array:
        position, steps = _ramp(b, self.horizon)
        last = b.length if self.horizon is None else self.horizon
        return falling(last + 1 - position, steps, w_min)


@dataclass(frozen=True)
class Remaining:
    """Weights (T - t)/(T - 1), proportional to the tokens that remain; the last is 0, the floor unused.

    Source: arXiv:2606.10968v2, Eq. (18), w_t proportional to T - t.
    """

    horizon: int | None = None

    def __call__(self, b: Any, w_min: float) -> Array:
        position, steps = _ramp(b, self.horizon)
        return falling(position, steps, 0.0)


@dataclass(frozen=True)
class Shuffled:
    """The weights of `Linear` at random positions, drawn anew for every response.

    Source: arXiv:2606.10968v2, ablation "shuffled weights" (the same multiset of thresholds).  The order
    is a function of ``seed``, the response's `key` and its length alone: no padding and no neighbour
    changes it.  Responses without keys and of equal length share one order.
    """

    seed: int = 0

    def __call__(self, b: Any, w_min: float) -> Array:
        xp = b.xp
        if b.whole != xp.int64:
            raise ValueError("shuffled weights: this library has no 64-bit integers here; enable them")
        position, steps = _ramp(b, None)
        words = _hashed(xp, xp.astype(position, b.whole), b.key, self.seed)
        words = xp.where(position <= b.length, words, 2**33)
        rank = xp.argsort(xp.argsort(words, axis=-1), axis=-1)
        return falling(xp.astype(rank, position.dtype) + 1, steps, w_min)


@dataclass(frozen=True)
class Uniform:
    """Weights w_t = 1: no position weight.  The floor is unused."""

    def __call__(self, b: Any, w_min: float) -> Array:
        return b.xp.ones_like(b.position)


def linear(b: Any, w_min: float) -> Array:
    """`Linear` over each response's own length: the paper's schedule, Eq. (9)."""
    return Linear()(b, w_min)


def uniform(b: Any, w_min: float = 1.0) -> Array:
    """`Uniform`: w_t = 1."""
    return Uniform()(b, w_min)


def fixed(b: Any, delta_b: float, divergence: Array) -> float:
    """The budget per token as given, arXiv:2606.10968v2, Eq. (5)."""
    return delta_b


@dataclass(frozen=True)
class Adaptive:
    """clamp(P90(D_1..D_T), delta_b, ceiling * delta_b), one number per response.

    Source: arXiv:2606.10968v2, Eq. (22); the quantile is that of linear interpolation over the valid
    tokens.  ``delta_b`` is then the smallest budget; it needs the whole response.
    """

    ceiling: float = 2.0

    def __call__(self, b: Any, delta_b: float, divergence: Array) -> Array | float:
        if delta_b == float("inf"):  # no budget, as of `fixed`: 0 * inf is no number
            return delta_b
        return b.xp.clip(b.quantile(divergence, 0.9), min=delta_b, max=self.ceiling * delta_b)


adaptive = Adaptive()


def no_budget(b: Any, delta_b: float, divergence: Array) -> float:
    """No prefix budget: delta_b = inf whatever is given."""
    return float("inf")


def _ramp(b: Any, horizon: int | None) -> tuple[Array, Array]:
    """Positions, none beyond a given horizon, and the number of steps max(T - 1, 1)."""
    xp = b.xp
    if horizon is None:
        return b.position, xp.clip(b.length - 1, min=1.0)
    position = xp.clip(b.position, max=float(horizon))
    return position, xp.ones_like(b.length) * max(horizon - 1, 1)


def _hashed(xp: Any, position: Array, key: Array, seed: int) -> Array:
    """Well-mixed words below 2**32 of (seed, key, position); int64 throughout."""
    word = (position + 0x9E3779B9 * (xp.astype(key, position.dtype) % 2**24 + 1)) % 2**32
    for round_ in range(3):
        word = (word + (seed + round_) % 2**32) % 2**32
        word = ((word ^ (word >> 16)) * 0x45D9F3B) % 2**32
    return word ^ (word >> 16)
