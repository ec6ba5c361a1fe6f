"""Facts about pairs of distributions, checked on every row of mu and pi.

    TV(p, q) = 1/2 sum_a |p - q|         E_q |1 - p/q| = 2 TV(p, q)
    TV(p, q) = Pr(X != Y) under the maximal coupling
    TV(p, q) <= sqrt(KL(p || q) / 2)      TV(mu, (1 - g) mu + g pi) = g TV(mu, pi)

Source: arXiv:2606.10968v2, Appendix B.11; Section 2.3 (Pinsker); Appendix C.2, Eq. (21).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from cppo_theory import divergence
from cppo_theory.arithmetic import Array, absolute, is_exact, positive_part, ratio, to_float
from cppo_theory.claims.case import Case
from cppo_theory.claims.claim import Claim, dimensionless, worst

_TESTS = "tests/claims/test_total_variation.py"

SHARES = (Fraction(0), Fraction(1, 4), Fraction(2, 3), Fraction(1))
"""Mixture shares g at which Eq. (21) is checked."""

COUPLED = 128
"""Rows whose couplings, V^2 numbers each, are held at once: memory stays O(S V)."""

Rows = Callable[[Array, Array], tuple[Array, Array]]


def _worst_row(case: Case, relation: str, sides: Rows) -> tuple[Array, Array]:
    """The pair of rows, over all levels and states, where the relation is strained most; (B,)."""
    pairs = {(id(mu), id(pi)): (mu, pi) for mu, pi in zip(case.instance.mu, case.instance.pi, strict=True)}
    found = [worst(relation, *sides(mu, pi)) for mu, pi in pairs.values()]
    lhs, rhs = (np.stack(np.broadcast_arrays(*side), axis=-1) for side in zip(*found, strict=True))
    return worst(relation, lhs, rhs)


def _tv(mu: Array, pi: Array) -> tuple[Array, Array]:
    return divergence.total_variation(mu, pi), absolute(pi - mu).sum(-1) / 2


def _ratio(mu: Array, pi: Array) -> tuple[Array, Array]:
    deviation = absolute(1 - ratio(pi, mu))
    return (mu * deviation).sum(-1), 2 * divergence.total_variation(mu, pi)


def maximal_coupling(p: Array, q: Array) -> Array:
    """Joint law of (X, Y) with marginals p and q and the least Pr(X != Y); (..., V) to (..., V, V).

    Source: arXiv:2606.10968v2, Appendix B.11: min(p, q) on the diagonal, and the excesses of p and of
    q independent of each other off it.
    """
    excess_p, excess_q = positive_part(p - q), positive_part(q - p)
    apart = excess_q.sum(-1, keepdims=True)[..., None]
    off = ratio(excess_p[..., :, None] * excess_q[..., None, :], apart + 0 * excess_p[..., None])
    same = np.minimum(p, q)[..., None] * np.eye(p.shape[-1], dtype=int)
    return np.asarray(off + same)


def _coupling(mu: Array, pi: Array) -> tuple[Array, Array]:
    """Pr(X != Y) plus the errors of both marginals (0 for a coupling), and TV."""
    starts = range(0, mu.shape[-2], COUPLED)
    parted = [_parted(*(table[..., i : i + COUPLED, :] for table in (mu, pi))) for i in starts]
    return np.concatenate(parted, axis=-1), divergence.total_variation(mu, pi)


def _parted(mu: Array, pi: Array) -> Array:
    """Pr(X != Y) plus the errors of both marginals, row by row; (..., n, V) to (..., n)."""
    joint = maximal_coupling(mu, pi)
    parted = (joint * (1 - np.eye(mu.shape[-1], dtype=int))).sum((-2, -1))
    errors = absolute(joint.sum(-1) - mu).sum(-1) + absolute(joint.sum(-2) - pi).sum(-1)
    return np.asarray(parted + errors)


def _pinsker(mu: Array, pi: Array) -> tuple[Array, Array]:
    mu, pi = to_float(mu), to_float(pi)
    return divergence.total_variation(mu, pi), np.sqrt(divergence.kl_divergence(mu, pi) / 2)


def _mixture(mu: Array, pi: Array) -> tuple[Array, Array]:
    shares = SHARES if is_exact(mu) else [float(g) for g in SHARES]
    tv = divergence.total_variation(mu, pi)
    mixed = [divergence.total_variation(mu, (1 - g) * mu + g * pi) for g in shares]
    lhs, rhs = np.stack(mixed, axis=-1), np.stack([g * tv for g in shares], axis=-1)
    return worst("==", lhs, rhs)


def _claim(id_: str, statement: str, formula: str, source: str, rows: Rows) -> Claim:
    return Claim(
        id=id_,
        statement=statement,
        formula=f"{formula}, worst row",
        source=f"arXiv:2606.10968v2, {source}",
        relation="==",
        subject="pair",
        sides=lambda case: _worst_row(case, "==", rows),
        tested_in=_TESTS,
        scale=dimensionless,
    )


B11_TV = _claim(
    "b11-tv",
    "Total variation (the event of larger pi has the largest difference) is half the L1 distance.",
    "sum_a (pi - mu)_+ == 1/2 sum_a |pi - mu|",
    "Appendix B.11",
    _tv,
)
B11_RATIO = _claim(
    "b11-ratio",
    "The mean deviation of the likelihood ratio from one is twice the total variation.",
    "E_mu |1 - pi/mu| == 2 TV(mu, pi)",
    "Appendix B.11",
    _ratio,
)
B11_COUPLING = _claim(
    "b11-coupling",
    "The maximal coupling has the right marginals and parts with probability TV.",
    "Pr(X != Y) + |marginals - (mu, pi)|_1 == TV(mu, pi)",
    "Appendix B.11",
    _coupling,
)
MIXTURE = _claim(
    "mixture",
    "A mixture of share g is at g times the total variation.",
    "TV(mu, (1 - g) mu + g pi) == g TV(mu, pi), g in {0, 1/4, 2/3, 1}",
    "Appendix C.2, Eq. (21)",
    _mixture,
)
PINSKER = Claim(
    id="pinsker",
    statement="Pinsker's inequality.",
    formula="TV(mu, pi) <= sqrt(KL(mu || pi) / 2), worst row",
    source="arXiv:2606.10968v2, Section 2.3",
    relation="<=",
    subject="pair",
    sides=lambda case: _worst_row(case, "<=", _pinsker),
    tested_in=_TESTS,
    float_only=True,
    trivial=1.0,
    scale=dimensionless,
)
