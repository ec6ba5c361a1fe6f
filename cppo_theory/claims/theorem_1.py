"""Theorem 1 and its linear-schedule form.

Eq. (5) and r_t = lambda_t / w_t non-increasing imply |Delta| <= 2 xi T (T - 1) lbar delta_b; with
c_t = delta and w_t in [w_min, 1] it is at most 2 xi T (T - 1) delta delta_b / w_min.

Source: arXiv:2606.10968v2, Theorem 1, Eqs. (6) and (7), Appendix B.4.
"""

from __future__ import annotations

from cppo_theory import bounds
from cppo_theory.claims.claim import Claim
from cppo_theory.claims.hypotheses import BUDGET, PATHWISE, RATIO_FALLS, WEIGHTS_AT_MOST_ONE

_TESTS = "tests/claims/test_theorem_1.py"

THM_1 = Claim(
    id="thm-1",
    statement="Token thresholds and a prefix budget bound the residual by their product.",
    formula="|Delta| <= 2 xi T (T - 1) lbar delta_b",
    source="arXiv:2606.10968v2, Theorem 1, Eq. (6)",
    relation="<=",
    subject="instance",
    sides=lambda case: (
        case.abs_residual,
        bounds.thm_1(case.reward_bound, case.horizon, case.ell_max, case.delta_b),
    ),
    tested_in=_TESTS,
    hypotheses=(PATHWISE, BUDGET, RATIO_FALLS),
    bounds_residual=True,
)

EQ_7 = Claim(
    id="eq-7",
    statement="Theorem 1 for one threshold of the weighted tokens and weights in [w_min, 1].",
    formula="|Delta| <= 2 xi T (T - 1) delta delta_b / w_min",
    source="arXiv:2606.10968v2, Theorem 1, Eq. (7)",
    relation="<=",
    subject="instance",
    sides=lambda case: (
        case.abs_residual,
        bounds.eq_7(case.reward_bound, case.horizon, case.delta, case.delta_b, case.weights.min()),
    ),
    tested_in=_TESTS,
    hypotheses=(PATHWISE, BUDGET, RATIO_FALLS, WEIGHTS_AT_MOST_ONE),
    bounds_residual=True,
)
