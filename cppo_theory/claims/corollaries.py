"""Proposition 5 and Corollaries 6 and 7: the linear schedule and the ratios to the uniform bound.

    g_t = (T - t)/w_t has g_t - g_{t+1} = w_min / (w_t w_{t+1}) > 0     (linear schedule)
    C_CPPO / C_uniform = delta_b / delta                                 (c_t = w_t delta)
    C_impl / C_uniform = delta_b / (delta w_min)                         (w_t D_t <= delta)

Source: arXiv:2606.10968v2, Proposition 5, Corollaries 6 and 7, Eqs. (15) and (16), B.5 and B.6.
"""

from __future__ import annotations

import numpy as np

from cppo_theory import bounds
from cppo_theory.arithmetic import Array, is_exact, ratio
from cppo_theory.claims.case import HYPOTHESIS_TOLERANCE, Case
from cppo_theory.claims.claim import Claim, Hypothesis, worst
from cppo_theory.claims.hypotheses import (
    POSITIVE_DELTA,
    POSITIVE_REWARD,
    TWO_TOKENS,
    WEIGHTS_AT_MOST_ONE,
)
from cppo_theory.weights import linear_weights

_TESTS = "tests/claims/test_corollaries.py"


def _is_linear(case: Case) -> bool:
    """Whether the weights are Eq. (9) for the floor w_T."""
    weights = case.weights
    if not 0 < weights[-1] <= 1:
        return False
    expected = linear_weights(case.horizon, weights[-1])
    if is_exact(weights):
        return bool((weights == expected).all())
    return bool((np.abs(weights - expected) <= HYPOTHESIS_TOLERANCE).all())


LINEAR = Hypothesis("linear-schedule", "w_t = 1 - (1 - w_min)/(T - 1) (t - 1)", _is_linear)


def _prop_5(case: Case) -> tuple[Array, Array]:
    if case.horizon == 1:
        return case.weights[:1], case.weights[:1]
    weights = case.weights
    g = np.arange(case.horizon - 1, -1, -1) / weights
    return worst("==", (g[:-1] - g[1:])[None], (weights[-1] / (weights[:-1] * weights[1:]))[None])


def _ratio_sides(case: Case, delta: Array, thresholds: Array, w_min: Array) -> tuple[Array, Array]:
    """Theorem 1's bound for thresholds c_t over the uniform bound; and delta_b / (delta w_min)."""
    ell_max = (thresholds / case.weights).max(-1)
    budget = bounds.thm_1(case.reward_bound, case.horizon, ell_max, case.delta_b)
    uniform = bounds.uniform(case.reward_bound, case.horizon, delta)
    return ratio(budget, uniform), ratio(case.delta_b, delta * w_min)


def _cor_6(case: Case) -> tuple[Array, Array]:
    one = case.weights[0] * 0 + 1
    return _ratio_sides(case, case.delta, case.delta[..., None] * case.weights, one)


def _cor_7(case: Case) -> tuple[Array, Array]:
    same = case.weights * 0 + 1
    return _ratio_sides(case, case.delta, case.delta[..., None] * same, case.weights.min())


PROP_5 = Claim(
    id="prop-5",
    statement="The linear schedule keeps (T - t)/w_t strictly falling.",
    formula="(T-t)/w_t - (T-t-1)/w_{t+1} == w_min / (w_t w_{t+1}), worst t < T",
    source="arXiv:2606.10968v2, Proposition 5, Appendix B.5",
    relation="==",
    subject="setting",
    sides=_prop_5,
    tested_in=_TESTS,
    hypotheses=(TWO_TOKENS, LINEAR),
    scale=lambda case: np.array([case.horizon / float(case.weights.min())]),
)

COR_6 = Claim(
    id="cor-6",
    statement="With c_t = w_t delta, delta the largest c_t given, the ratio of bounds is delta_b / delta.",
    formula="C_CPPO / C_uniform == delta_b / delta, C_CPPO = 2 xi T (T - 1) max_t (c_t / w_t) delta_b",
    source="arXiv:2606.10968v2, Corollary 6, Eq. (15)",
    relation="==",
    subject="setting",
    sides=_cor_6,
    tested_in=_TESTS,
    hypotheses=(TWO_TOKENS, POSITIVE_DELTA, POSITIVE_REWARD),
    scale=lambda case: 1.0 + case_ratio(case),
)

COR_7 = Claim(
    id="cor-7",
    statement="With c_t = delta, the largest c_t given, the ratio is delta_b / (delta w_min).",
    formula="C_impl / C_uniform == delta_b / (delta w_min), C_impl from l_t = delta / w_t",
    source="arXiv:2606.10968v2, Corollary 7, Eq. (16)",
    relation="==",
    subject="setting",
    sides=_cor_7,
    tested_in=_TESTS,
    hypotheses=(TWO_TOKENS, POSITIVE_DELTA, POSITIVE_REWARD, WEIGHTS_AT_MOST_ONE),
    scale=lambda case: 1.0 + case_ratio(case),
)


def case_ratio(case: Case) -> Array:
    """Size of delta_b / (delta w_min), the unit of a relative tolerance; (B,) float64."""
    quotient = ratio(case.delta_b, case.delta) / case.weights.min()
    return np.asarray(quotient, dtype=np.float64)
