"""Eq. (18): a budget at the end only, and the best weights for a budget at the end.

    |Delta| <= 4 xi lbar (T - 1)^2 delta_b = (2 - 2/T) C_CPPO
    max_{t<T} lambda_t / w_t >= sum_{t<T} lambda_t / W_{T-1}, equality iff w_t ~ lambda_t ~ T - t

Source: arXiv:2606.10968v2, Eq. (18), Appendix B.8.
"""

from __future__ import annotations

import numpy as np

from cppo_theory import bounds
from cppo_theory.arithmetic import Array
from cppo_theory.claims.case import Case
from cppo_theory.claims.claim import Claim
from cppo_theory.claims.hypotheses import PATHWISE, TERMINAL_BUDGET, TWO_TOKENS, UNIT_WEIGHTS

_TESTS = "tests/claims/test_terminal_budget.py"


def _weights_sides(case: Case) -> tuple[Array, Array]:
    if case.horizon == 1:
        return case.reward_bound * 0, case.reward_bound * 0
    lam = bounds.lam(case.reward_bound, case.horizon, case.ell_max)[..., :-1]
    weights = case.weights[:-1]
    return lam.sum(-1) / weights.sum(), (lam / weights).max(-1)


EQ_18_TERMINAL = Claim(
    id="eq-18-terminal",
    statement="A budget at the last prefix only gives 2 - 2/T times the bound of Theorem 1.",
    formula="|Delta| <= 4 xi lbar (T - 1)^2 delta_b",
    source="arXiv:2606.10968v2, Eq. (18)",
    relation="<=",
    subject="instance",
    sides=lambda case: (
        case.abs_residual,
        bounds.eq_18_terminal(case.reward_bound, case.horizon, case.ell_max, case.terminal_delta_b),
    ),
    tested_in=_TESTS,
    hypotheses=(PATHWISE, TERMINAL_BUDGET, UNIT_WEIGHTS),
    bounds_residual=True,
)

EQ_18_WEIGHTS = Claim(
    id="eq-18-weights",
    statement="For a terminal budget no weights beat w_t proportional to T - t.",
    formula="sum_{t<T} lambda_t / W_{T-1} <= max_{t<T} lambda_t / w_t",
    source="arXiv:2606.10968v2, Eq. (18), Appendix B.8",
    relation="<=",
    subject="setting",
    sides=_weights_sides,
    tested_in=_TESTS,
    hypotheses=(TWO_TOKENS,),
    scale=lambda case: np.asarray(
        case.reward_bound * case.horizon / float(case.weights.min()), dtype=np.float64
    ),
)
