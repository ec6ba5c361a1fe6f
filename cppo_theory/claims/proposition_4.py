"""Proposition 4, its uniform special case and the half-range refinement.

D_t <= l_t on every path implies |Delta| <= 4 xi sum_{t<T} u_t sum_{j>t} l_j <= sum_{t<T} lambda_t u_t,
lambda_t = 4 xi lbar (T - t), and with u_t <= lbar it is at most 2 xi T (T - 1) lbar^2.  Delta does
not change under R -> R + b(x), so xi may be half the range of R per prompt.

Source: arXiv:2606.10968v2, Proposition 4, Eqs. (4) and (14), Appendix B.3; Corollary 6, Eq. (15).
"""

from __future__ import annotations

from cppo_theory import bounds
from cppo_theory.claims.claim import Claim
from cppo_theory.claims.hypotheses import PATHWISE

_TESTS = "tests/claims/test_proposition_4.py"

PROP_4 = Claim(
    id="prop-4",
    statement="The residual is at most the coupled sum of expected and largest token TVs.",
    formula="|Delta| <= 4 xi sum_{t<T} u_t sum_{j>t} l_j",
    source="arXiv:2606.10968v2, Proposition 4, Eq. (14)",
    relation="<=",
    subject="instance",
    sides=lambda case: (
        case.abs_residual,
        bounds.prop_4(case.reward_bound, case.expected_tv, case.ell),
    ),
    tested_in=_TESTS,
    hypotheses=(PATHWISE,),
    bounds_residual=True,
)

EQ_4 = Claim(
    id="eq-4",
    statement="The residual is at most a sum of expected token TVs that weighs early tokens more.",
    formula="|Delta| <= sum_{t<T} lambda_t u_t, lambda_t = 4 xi lbar (T - t)",
    source="arXiv:2606.10968v2, Proposition 4, Eq. (4)",
    relation="<=",
    subject="instance",
    sides=lambda case: (
        case.abs_residual,
        bounds.eq_4(case.reward_bound, case.expected_tv, case.ell_max),
    ),
    tested_in=_TESTS,
    hypotheses=(PATHWISE,),
    bounds_residual=True,
)

UNIFORM = Claim(
    id="uniform",
    statement="A uniform token threshold bounds the residual quadratically.",
    formula="|Delta| <= 2 xi T (T - 1) lbar^2",
    source="arXiv:2606.10968v2, Corollary 6, Eq. (15), C_uniform",
    relation="<=",
    subject="instance",
    sides=lambda case: (
        case.abs_residual,
        bounds.uniform(case.reward_bound, case.horizon, case.ell_max),
    ),
    tested_in=_TESTS,
    hypotheses=(PATHWISE,),
    bounds_residual=True,
)

HALF_RANGE = Claim(
    id="half-range",
    statement="In Proposition 4 half the range of the return per prompt can stand for xi.",
    formula="|Delta| <= 4 max_x (max R - min R)/2 sum_{t<T} u_t sum_{j>t} l_j",
    source="arXiv:2606.10968v2, Proposition 4, Eq. (14), sharpened: E_mu[G | x] = 0",
    relation="<=",
    subject="instance",
    sides=lambda case: (
        case.abs_residual,
        bounds.prop_4(case.values.half_range, case.expected_tv, case.ell),
    ),
    tested_in=_TESTS,
    hypotheses=(PATHWISE,),
    bounds_residual=True,
)
