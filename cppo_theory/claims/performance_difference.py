"""Performance-difference lemma and Lemma 2.

    J(pi) - J(mu) = sum_t E_{s ~ d_t^pi} sum_a pi(a|s) A^mu(s, a)
    J(pi) - J(mu) = L' - Delta

Source: arXiv:2606.10968v2, Lemma 2, Eqs. (1) and (12), Appendix B.1.
"""

from __future__ import annotations

from cppo_theory.arithmetic import Array
from cppo_theory.claims.case import Case
from cppo_theory.claims.claim import Claim
from cppo_theory.trees import literal_residual

_TESTS = "tests/claims/test_performance_difference.py"


def _pdl(case: Case) -> tuple[Array, Array]:
    return case.values.value_pi - case.values.value_mu, case.advantage_pi


def _lemma_2(case: Case) -> tuple[Array, Array]:
    """On trees Delta is summed over paths from its definition; elsewhere it has its recursion."""
    instance = case.instance
    residual = literal_residual(instance) if instance.is_tree else case.values.residual
    return case.values.value_pi - case.values.value_mu, case.values.surrogate - residual


PDL = Claim(
    id="pdl",
    statement="The improvement is the mean advantage of mu along the path of pi.",
    formula="J(pi) - J(mu) == sum_t E_{s ~ d_t^pi} sum_a pi(a|s) A^mu(s, a)",
    source="arXiv:2606.10968v2, Section 2 (performance-difference lemma)",
    relation="==",
    subject="instance",
    sides=_pdl,
    tested_in=_TESTS,
)

LEMMA_2 = Claim(
    id="lemma-2",
    statement="The improvement is the surrogate minus the residual.",
    formula="J(pi) - J(mu) == L' - Delta, Delta = E_mu[R sum_t (rho_t - 1)(1 - rho_{t+1:T})]",
    source="arXiv:2606.10968v2, Lemma 2, Eqs. (1), (12)",
    relation="==",
    subject="instance",
    sides=_lemma_2,
    tested_in=_TESTS,
)
