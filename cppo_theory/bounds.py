"""Bound formulas: one pure function per formula, usable without an instance.

Notation: xi = ``reward_bound`` >= max |return|; T = ``horizon``; u_t = ``expected_tv`` (length T);
l_t = ``ell`` (length T, D_t <= l_t on every path); lbar = ``ell_max``; delta, delta_b and w_t the
threshold, the budget per token and the weights of Eq. (5).  Every function bounds |Delta|, the
residual of J(pi) - J(mu) = L' - Delta, in units of reward, unless its first line says otherwise.
Arrays have the position on the last axis and take leading batch axes; scalars broadcast against
them; rational arguments give rational results.

Source: arXiv:2606.10968v2, Sections 2 and 3, Appendix B; the item is named in each docstring.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, full, is_exact, later_sums, zero
from cppo_theory.checks import check_count
from cppo_theory.errors import InputError

Value = Any
"""A Fraction, a float, or an array of them over batch axes."""


def lam(reward_bound: Value, horizon: int, ell_max: Value) -> Array:
    """Position coefficients lambda_1..lambda_T of Eq. (4); shape (..., T).

    Source: arXiv:2606.10968v2, Proposition 4, lambda_t = 4 xi lbar (T - t).
    """
    check_count("horizon", horizon)
    remaining = np.array([horizon - t for t in range(1, horizon + 1)], dtype=object)
    scale = np.asarray(4 * reward_bound * ell_max)[..., None]
    return np.asarray(scale * (remaining if is_exact(scale) else remaining.astype(np.float64)))


def suffix_union(ell: Value) -> Array:
    """Bound sum_{j>t} l_j on the TV of the suffix after position t; shape (..., T), entry t - 1.

    Source: arXiv:2606.10968v2, Lemma 3, Eq. (13), right inequality.
    """
    return later_sums(positions("ell", ell))


def suffix_product(ell: Value) -> Array:
    """Bound 1 - prod_{j>t} (1 - l_j) on the TV of the suffix after position t; shape (..., T).

    Source: arXiv:2606.10968v2, Lemma 3, Eq. (13), left inequality; beta_t of Appendix B.9.

    Notes
    -----
    Needs l_j <= 1 (with l = (3, 3) the formula would bound a TV by -3).
    """
    ell = positions("ell", ell)
    survive = np.cumprod((1 - ell)[..., :0:-1], axis=-1)[..., ::-1]
    return 1 - np.concatenate([survive, full((*ell.shape[:-1], 1), 1, ell)], axis=-1)


def prop_4(reward_bound: Value, expected_tv: Value, ell: Value) -> Value:
    """4 xi sum_{t<T} u_t sum_{j>t} l_j.

    Source: arXiv:2606.10968v2, Proposition 4, Eq. (14), first bound.
    """
    return 4 * reward_bound * weighted_tv(expected_tv, suffix_union(ell))


def eq_4(reward_bound: Value, expected_tv: Value, ell_max: Value) -> Value:
    """sum_{t<T} lambda_t u_t with lambda_t = 4 xi lbar (T - t).

    Source: arXiv:2606.10968v2, Proposition 4, Eq. (4).
    """
    u = positions("expected_tv", expected_tv)
    return weighted_tv(u, lam(reward_bound, u.shape[-1], ell_max))


def b9_product(reward_bound: Value, expected_tv: Value, ell: Value) -> Value:
    """4 xi sum_{t<T} u_t beta_t with beta_t = 1 - prod_{j>t} (1 - l_j).

    Source: arXiv:2606.10968v2, Appendix B.9, product form.
    """
    return 4 * reward_bound * weighted_tv(expected_tv, suffix_product(ell))


def thm_1(reward_bound: Value, horizon: int, ell_max: Value, delta_b: Value) -> Value:
    """2 xi T (T - 1) lbar delta_b.

    Source: arXiv:2606.10968v2, Theorem 1, Eq. (6); with lbar = delta it is C_CPPO of Corollary 6.
    """
    check_count("horizon", horizon)
    return 2 * horizon * (horizon - 1) * reward_bound * ell_max * delta_b


def eq_7(reward_bound: Value, horizon: int, delta: Value, delta_b: Value, w_min: Value) -> Value:
    """2 xi T (T - 1) delta delta_b / w_min.

    Source: arXiv:2606.10968v2, Theorem 1, Eq. (7); C_impl of Corollary 7, Eq. (16).
    """
    check_count("horizon", horizon)
    return 2 * horizon * (horizon - 1) * reward_bound * delta * delta_b / w_min


def uniform(reward_bound: Value, horizon: int, ell_max: Value) -> Value:
    """C_uniform = 2 xi T (T - 1) lbar^2, what a uniform token threshold guarantees.

    Source: arXiv:2606.10968v2, Corollary 6, Eq. (15); the quadratic bound of DPPO.
    """
    return thm_1(reward_bound, horizon, ell_max, ell_max)


def prop_8(
    reward_bound: Value, horizon: int, ell_max: Value, delta_b: Value, eta: Value, w_1: Value
) -> Value:
    """2 xi T (T - 1) lbar delta_b + eta 4 xi lbar (T - 1) / w_1: Theorem 1 with a slack in the budget.

    Source: arXiv:2606.10968v2, Proposition 8, Eq. (17); the second term is eta lambda_1 / w_1.

    Parameters
    ----------
    reward_bound, horizon, ell_max, delta_b
        As in `thm_1`.
    eta : value
        max_m (sum_{j<=m} w_j u_j - delta_b W_m)_+ over m < T, dimensionless.
    w_1 : value
        First weight, positive.
    """
    slack = eta * 4 * reward_bound * ell_max * (horizon - 1) / w_1
    return thm_1(reward_bound, horizon, ell_max, delta_b) + slack


def eq_8_slack(delta: Value, delta_b: Value, weights: Value) -> Value:
    """Slack eta of Eq. (8) against Eq. (5): delta - delta_b min_{m<T} w_m <= delta (dimensionless).

    Source: arXiv:2606.10968v2, Eq. (8) and Proposition 8 (eta <= delta), sharpened: S_m <= delta +
    delta_b W_{m-1} = delta_b W_m + (delta - delta_b w_m).  T >= 2.
    """
    return delta - delta_b * positions("weights", weights)[..., :-1].min(-1)


def eq_18_terminal(reward_bound: Value, horizon: int, ell_max: Value, delta_b: Value) -> Value:
    """C_terminal = 4 xi lbar (T - 1)^2 delta_b, for a budget at the last prefix only (w = 1).

    Source: arXiv:2606.10968v2, Eq. (18), Appendix B.8.
    """
    check_count("horizon", horizon)
    return 4 * (horizon - 1) ** 2 * reward_bound * ell_max * delta_b


def b9_closed(reward_bound: Value, horizon: int, delta: Value, delta_b: Value) -> Value:
    """4 xi delta_b sum_{t<T} (1 - (1 - delta)^{T-t}).

    Source: arXiv:2606.10968v2, Appendix B.9, closed form (needs beta_t / w_t non-increasing).
    """
    check_count("horizon", horizon)
    ell = np.repeat(np.asarray(delta)[..., None], horizon, axis=-1)
    return 4 * reward_bound * delta_b * suffix_product(ell)[..., :-1].sum(-1)


def weighted_tv(expected_tv: Value, coefficient: Array) -> Value:
    """sum_{t<T} u_t c_t: the last position never enters, its suffix is empty."""
    u = positions("expected_tv", expected_tv)
    if u.shape[-1] != coefficient.shape[-1]:
        found = f"found {u.shape[-1]} and {coefficient.shape[-1]} positions"
        raise InputError("expected_tv, ell", found, "one entry per position, t = 1..T, is required")
    return (u * coefficient)[..., :-1].sum(-1, initial=zero(u))


def positions(field: str, values: Value) -> Array:
    """Values as an array with the position on its last axis."""
    array = np.asarray(values)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise InputError(field, f"found shape {array.shape}", "one entry per position is required")
    return array.astype(object) if array.dtype.kind in "iu" else array
