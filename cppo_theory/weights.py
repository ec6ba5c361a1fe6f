"""Weights w_1..w_T of the constraints of Eq. (5), in both tiers.

Source: arXiv:2606.10968v2, Section 3.2, Eqs. (5) and (9).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array
from cppo_theory.checks import check_count
from cppo_theory.errors import InputError
from cppo_theory.schedules import falling


def linear_weights(horizon: int, w_min: Any) -> Array:
    """Weights falling linearly from 1 to ``w_min``; shape (T,), exact if ``w_min`` is rational.

    Source: arXiv:2606.10968v2, Eq. (9), w_t = 1 - (1 - w_min)/(T - 1) (t - 1).

    Parameters
    ----------
    horizon : int
        T >= 1; for T = 1, where Eq. (9) is 0/0, the weight is 1.
    w_min : int, Fraction or float
        Floor, in (0, 1].

    Raises
    ------
    InputError
        If ``w_min`` is outside (0, 1].
    """
    check_count("horizon", horizon)
    if not 0 < w_min <= 1:
        raise InputError("w_min", f"found {w_min}", "a floor in (0, 1] is required")
    steps = max(horizon - 1, 1)
    if isinstance(w_min, int | Fraction):
        positions = range(1, horizon + 1)
        return np.array([falling(Fraction(t), steps, Fraction(w_min)) for t in positions], dtype=object)
    return np.asarray(falling(np.arange(1.0, horizon + 1), steps, float(w_min)))


def uniform_weights(horizon: int) -> Array:
    """Weights w_t = 1, exact; shape (T,)."""
    return linear_weights(horizon, 1)
