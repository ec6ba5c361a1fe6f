"""Position weights w_1..w_T and their partial sums W_m.

Source: arXiv:2606.10968v2, Section 3.2, Eqs. (5) and (9).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array
from cppo_theory.checks import check_count
from cppo_theory.errors import InputError


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
    if isinstance(w_min, int | Fraction):
        floor = Fraction(w_min)
        step = (1 - floor) / max(horizon - 1, 1)
        return np.array([1 - step * t for t in range(horizon)], dtype=object)
    position = np.arange(horizon) / max(horizon - 1, 1)
    return 1.0 - (1.0 - float(w_min)) * position


def uniform_weights(horizon: int) -> Array:
    """Weights w_t = 1, exact; shape (T,)."""
    return linear_weights(horizon, 1)
