"""Lemma 3: total variation of the suffix, product form and union bound.

D_j <= l_j on every path for j > t implies, from every reachable s_{t+1},

    TV(P^mu_{t+1:T}, P^pi_{t+1:T}) <= 1 - prod_{j>t} (1 - l_j) <= sum_{j>t} l_j

Source: arXiv:2606.10968v2, Lemma 3, Eq. (13), Appendix B.2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cppo_theory.arithmetic import Array, full, zero
from cppo_theory.bounds import suffix_product, suffix_union
from cppo_theory.claims.case import Case
from cppo_theory.claims.claim import Claim, dimensionless, worst
from cppo_theory.claims.hypotheses import AT_MOST_ONE, PATHWISE
from cppo_theory.trees import suffix_tv

_TESTS = "tests/claims/test_suffix.py"


def _sides(case: Case, bound: Callable[[Array], Array]) -> tuple[Array, Array]:
    """The level t = 0..T-1 (suffix of the tokens t + 1..T) where the bound is strained most."""
    start = full((*case.ell.shape[:-1], 1), 0, case.ell)
    limit = bound(np.concatenate([start, case.ell], axis=-1))[..., :-1]
    nothing = zero(case.instance.initial)
    largest = [
        np.where(reachable, tv, nothing).max(-1)
        for reachable, tv in zip(case.reachable, suffix_tv(case.instance), strict=True)
    ]
    return worst("<=", np.stack(np.broadcast_arrays(*largest), axis=-1), limit)


LEMMA_3 = Claim(
    id="lemma-3",
    statement="The laws of the suffix differ by no more than the coupled policies ever part.",
    formula="TV(P^mu_{t+1:T}, P^pi_{t+1:T} | s_{t+1}) <= 1 - prod_{j>t} (1 - l_j), worst t and state",
    source="arXiv:2606.10968v2, Lemma 3, Eq. (13), left inequality",
    relation="<=",
    subject="instance",
    sides=lambda case: _sides(case, suffix_product),
    tested_in=_TESTS,
    hypotheses=(PATHWISE, AT_MOST_ONE),
    needs_tree=True,
    trivial=1.0,
    scale=dimensionless,
)

LEMMA_3_UNION = Claim(
    id="lemma-3-union",
    statement="The laws of the suffix differ by no more than the token thresholds add up to.",
    formula="TV(P^mu_{t+1:T}, P^pi_{t+1:T} | s_{t+1}) <= sum_{j>t} l_j, worst t and state",
    source="arXiv:2606.10968v2, Lemma 3, Eq. (13), right inequality",
    relation="<=",
    subject="instance",
    sides=lambda case: _sides(case, suffix_union),
    tested_in=_TESTS,
    hypotheses=(PATHWISE,),
    needs_tree=True,
    trivial=1.0,
    scale=dimensionless,
)
