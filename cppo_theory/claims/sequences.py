"""Abel summation, the budget programme it solves, and the averaging inequality.

With r_t = lambda_t / w_t, x_t = w_t (u_t - delta_b) and A_m = sum_{j<=m} x_j, n = T - 1:

    sum_{t<=n} r_t x_t = r_n A_n + sum_{t<n} (r_t - r_{t+1}) A_t
    u >= 0, A_m <= 0, r falling  =>  sum_{t<=n} lambda_t u_t <= delta_b sum_{t<=n} lambda_t,
        attained at u = delta_b
    max_t a_t / w_t >= sum_t a_t / sum_t w_t

Source: arXiv:2606.10968v2, Appendices B.4, B.10 and B.11.
"""

from __future__ import annotations

import numpy as np

from cppo_theory import bounds
from cppo_theory.arithmetic import Array
from cppo_theory.claims.case import Case, at_most
from cppo_theory.claims.claim import Claim, Hypothesis, dimensionless
from cppo_theory.claims.hypotheses import RATIO_FALLS, TWO_TOKENS

_TESTS = "tests/claims/test_sequences.py"


def _centred_slack(case: Case) -> Array:
    """A_m for m = 1..T-1; (B, T - 1)."""
    excess = case.weights * (case.expected_tv - case.delta_b[..., None])
    return np.cumsum(excess, axis=-1)[..., :-1]


def _slack_is_negative(case: Case) -> Array:
    slack = _centred_slack(case)
    return np.asarray(at_most(slack, slack * 0).all(-1))


NEGATIVE_SLACK = Hypothesis(
    "expected-budget", "sum_{j<=m} w_j (u_j - delta_b) <= 0, m = 1..T-1", _slack_is_negative
)


def _size(case: Case) -> Array:
    """Unit of sums of lambda_t u_t: xi T^2 / min w; (B,)."""
    unit = case.reward_bound * case.horizon**2 / float(case.weights.min())
    return np.asarray(unit, dtype=np.float64)


def _lam(case: Case) -> Array:
    return bounds.lam(case.reward_bound, case.horizon, case.ell_max)[..., :-1]


def _b10(case: Case) -> tuple[Array, Array]:
    lam = _lam(case)
    return bounds.eq_4(case.reward_bound, case.expected_tv, case.ell_max), case.delta_b * lam.sum(-1)


def _abel(case: Case) -> tuple[Array, Array]:
    if case.horizon == 1:
        return case.reward_bound * 0, case.reward_bound * 0
    r = _lam(case) / case.weights[:-1]
    slack = _centred_slack(case)
    direct = (r * case.weights[:-1] * (case.expected_tv[..., :-1] - case.delta_b[..., None])).sum(-1)
    by_parts = r[..., -1] * slack[..., -1] + ((r[..., :-1] - r[..., 1:]) * slack[..., :-1]).sum(-1)
    return direct, by_parts


def _averaging(case: Case) -> tuple[Array, Array]:
    return case.expected_tv.sum(-1) / case.weights.sum(), (case.expected_tv / case.weights).max(-1)


B10_ABEL = Claim(
    id="b10-abel",
    statement="Among expected TVs within the budget, u_t = delta_b maximises the bound of Eq. (4).",
    formula="sum_{t<T} lambda_t u_t <= delta_b sum_{t<T} lambda_t",
    source="arXiv:2606.10968v2, Appendix B.10 (sharpness of the Abel step)",
    relation="<=",
    subject="sequence",
    sides=_b10,
    tested_in=_TESTS,
    hypotheses=(TWO_TOKENS, NEGATIVE_SLACK, RATIO_FALLS),
    scale=_size,
)

B11_ABEL = Claim(
    id="b11-abel",
    statement="Summation by parts.",
    formula="sum_{t<=n} r_t x_t == r_n A_n + sum_{t<n} (r_t - r_{t+1}) A_t, x_t = w_t (u_t - delta_b)",
    source="arXiv:2606.10968v2, Appendix B.11 (Abel summation)",
    relation="==",
    subject="sequence",
    sides=_abel,
    tested_in=_TESTS,
    hypotheses=(TWO_TOKENS,),
    scale=_size,
)

B11_AVERAGING = Claim(
    id="b11-averaging",
    statement="The largest ratio is at least the ratio of the sums.",
    formula="sum_t u_t / sum_t w_t <= max_t u_t / w_t",
    source="arXiv:2606.10968v2, Appendix B.11 (averaging)",
    relation="<=",
    subject="sequence",
    sides=_averaging,
    tested_in=_TESTS,
    scale=dimensionless,
)
