"""Product form of the residual bound.

|Delta| <= 4 xi sum_{t<T} u_t beta_t with beta_t = 1 - prod_{j>t} (1 - l_j); under Eq. (5), l_t = delta
and beta_t / w_t non-increasing also |Delta| <= 4 xi delta_b sum_{t<T} (1 - (1 - delta)^{T-t}).

Source: arXiv:2606.10968v2, Appendix B.9.
"""

from __future__ import annotations

import numpy as np

from cppo_theory import bounds
from cppo_theory.arithmetic import Array
from cppo_theory.claims.case import Case, at_most
from cppo_theory.claims.claim import Claim, Hypothesis
from cppo_theory.claims.hypotheses import AT_MOST_ONE, BUDGET, PATHWISE

_TESTS = "tests/claims/test_product_form.py"


def _product_ratio_falls(case: Case) -> Array:
    """beta_t / w_t with l_t = lbar does not increase over t = 1..T-1 (cross-multiplied)."""
    beta = bounds.suffix_product(np.repeat(case.ell_max[..., None], case.horizon, axis=-1))[..., :-1]
    weights = case.weights[:-1]
    return np.asarray(at_most(beta[..., 1:] * weights[:-1], beta[..., :-1] * weights[1:]).all(-1))


PRODUCT_RATIO_FALLS = Hypothesis(
    "falling-product-ratio",
    "beta_t / w_t, with l_t = lbar, does not increase over t = 1..T-1",
    _product_ratio_falls,
)

B9_PRODUCT = Claim(
    id="b9-product",
    statement="Proposition 4 with the product form of the suffix bound.",
    formula="|Delta| <= 4 xi sum_{t<T} u_t (1 - prod_{j>t} (1 - l_j))",
    source="arXiv:2606.10968v2, Appendix B.9",
    relation="<=",
    subject="instance",
    sides=lambda case: (
        case.abs_residual,
        bounds.b9_product(case.reward_bound, case.expected_tv, case.ell),
    ),
    tested_in=_TESTS,
    hypotheses=(PATHWISE, AT_MOST_ONE),
    bounds_residual=True,
)

B9_CLOSED = Claim(
    id="b9-closed",
    statement="Theorem 1 with the product form, where beta_t / w_t does not increase.",
    formula="|Delta| <= 4 xi delta_b sum_{t<T} (1 - (1 - delta)^{T-t}), delta = lbar",
    source="arXiv:2606.10968v2, Appendix B.9, closed form",
    relation="<=",
    subject="instance",
    sides=lambda case: (
        case.abs_residual,
        bounds.b9_closed(case.reward_bound, case.horizon, case.ell_max, case.delta_b),
    ),
    tested_in=_TESTS,
    hypotheses=(PATHWISE, AT_MOST_ONE, BUDGET, PRODUCT_RATIO_FALLS),
    bounds_residual=True,
)
