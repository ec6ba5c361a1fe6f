"""Proposition 8 and the slack of Eq. (8) against Eq. (5).

sum_{j<=m} w_j u_j <= delta_b W_m + eta (m < T) implies |Delta| <= C + eta 4 xi lbar (T - 1)/w_1.
The implemented rule, Eq. (8), keeps w_t D_t <= min(delta, delta + delta_b W_{t-1} - S_{t-1}) and so
has S_m <= delta_b W_m + delta - delta_b w_m.

Source: arXiv:2606.10968v2, Proposition 8, Eq. (17), Appendix B.7; Eq. (8).
"""

from __future__ import annotations

import numpy as np

from cppo_theory import bounds
from cppo_theory.arithmetic import Array, exclusive_sums
from cppo_theory.claims.case import Case, at_most
from cppo_theory.claims.claim import Claim, Hypothesis, dimensionless
from cppo_theory.claims.hypotheses import PATHWISE, RATIO_FALLS, TWO_TOKENS

_TESTS = "tests/claims/test_budget_slack.py"


def _expected_slack(case: Case) -> Array:
    """eta = max_{m<T} (sum_{j<=m} w_j (u_j - delta_b))_+; (B,)."""
    excess = np.cumsum(case.weights * (case.expected_tv - case.delta_b[..., None]), axis=-1)
    start = excess[..., :1] * 0
    return np.asarray(np.concatenate([start, excess[..., :-1]], axis=-1).max(-1))


def _prop_8(case: Case) -> tuple[Array, Array]:
    bound = bounds.prop_8(
        case.reward_bound,
        case.horizon,
        case.ell_max,
        case.delta_b,
        eta=_expected_slack(case),
        w_1=case.weights[0],
    )
    return case.abs_residual, bound


def _eq_8_holds(case: Case) -> Array:
    """Eq. (8) on every path, as a condition on the worst path sums: S_t <= delta + delta_b W_{t-1}."""
    before = exclusive_sums(case.weights)[:-1]
    budget = case.delta[..., None] + case.delta_b[..., None] * before
    token = at_most(case.values.ell * case.weights, case.delta[..., None])
    return np.asarray(token.all(-1) & at_most(case.cum_budget[..., 1:], budget).all(-1))


def _eq_8_slack(case: Case) -> tuple[Array, Array]:
    """Largest S_m - delta_b W_m over paths and m < T; T = 1 has no such m."""
    if case.horizon == 1:
        return case.delta * 0, case.delta
    allowed = case.delta_b[..., None] * np.cumsum(case.weights)
    slack = (case.cum_budget[..., 1:] - allowed)[..., :-1].max(-1)
    return slack, bounds.eq_8_slack(case.delta, case.delta_b, case.weights)


EQ_8 = Hypothesis(
    "eq-8", "w_t D_t <= min(delta, delta + delta_b W_{t-1} - S_{t-1}) on every path", _eq_8_holds
)

PROP_8 = Claim(
    id="prop-8",
    statement="A slack eta in the expected prefix budget costs eta lambda_1 / w_1.",
    formula="|Delta| <= 2 xi T (T - 1) lbar delta_b + eta 4 xi lbar (T - 1) / w_1",
    source="arXiv:2606.10968v2, Proposition 8, Eq. (17)",
    relation="<=",
    subject="instance",
    sides=_prop_8,
    tested_in=_TESTS,
    hypotheses=(PATHWISE, RATIO_FALLS),
    bounds_residual=True,
)

EQ_8_SLACK = Claim(
    id="eq-8-slack",
    statement="Eq. (8) exceeds the budget of Eq. (5) by at most delta - delta_b min w, hence by delta.",
    formula="max_{m<T} (S_m - delta_b W_m) <= delta - delta_b min_{m<T} w_m",
    source="arXiv:2606.10968v2, Eq. (8) and Proposition 8 (eta <= delta), sharpened",
    relation="<=",
    subject="instance",
    sides=_eq_8_slack,
    tested_in=_TESTS,
    hypotheses=(TWO_TOKENS, EQ_8),
    scale=dimensionless,
)
