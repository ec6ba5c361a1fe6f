"""From a float candidate to a rational witness and the exact verdict on it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array
from cppo_theory.claims import Status, Verdict, check
from cppo_theory.constraints import Constraints
from cppo_theory.hunt.search import ScaledCase, Search, with_worst_reward
from cppo_theory.instance import Instance

DIGITS = (4, 8, None)
"""Significant digits that are tried; None: the exact binary value."""

WORTH = 1 + 1e-6
"""Longer numbers have to strain the claim by this factor more."""


def replay(search: Search) -> tuple[Instance, Verdict]:
    """The best candidate in rationals, with its constraints, and the exact verdict on it.

    The shortest numbers are taken unless longer ones strain the claim more.
    """
    best: tuple[Instance, Verdict] | None = None
    for digits in DIGITS:
        witness = witness_of(search, digits)
        verdict = check(witness, [search.claim.id], drop=(search.drop,) if search.drop else ())[0]
        if best is None or score_of(verdict) > score_of(best[1]) * WORTH:
            best = witness, verdict
    assert best is not None
    return best


def witness_of(search: Search, digits: int | None) -> Instance:
    """The instance of the best candidate with rounded rows; a constraint of factor 1 stays measured."""
    one = search.best[None]
    mu, pi = ([rational_rows(table[0], digits) for table in policy] for policy in search.policies(one))
    instance = with_worst_reward(search.space, mu, pi)
    factors = np.array([[rounded(f, 4) for f in search.factors(one)[0]]], dtype=object)
    case = ScaledCase(instance.batched(), search.weights, factors)
    is_one = case.used[0] == 1
    constraints = Constraints(
        search.weights,
        None if is_one[:-1].all() else case.ell[0] * search.weights,
        None if is_one[-1] else case.delta_b[0],
    )
    name = f"hunt {search.claim.id}" + (f" without {search.drop}" if search.drop else "")
    return replace(instance, constraints=constraints, name=name)


def ratio_of(verdict: Verdict) -> Fraction | float:
    """lhs / rhs, inf where rhs <= 0 is exceeded; |lhs - rhs| for an equality."""
    lhs: Any = verdict.lhs
    rhs: Any = verdict.rhs
    ratio: Fraction | float
    if verdict.relation == "==":
        ratio = abs(lhs - rhs)
    elif rhs > 0:
        ratio = lhs / rhs
    else:
        ratio = float("inf") if lhs > rhs else Fraction(0)
    return ratio


def score_of(verdict: Verdict) -> Fraction | float:
    """Order of witnesses: not applicable comes last."""
    return Fraction(-1) if verdict.status == Status.NOT_APPLICABLE else ratio_of(verdict)


def rational_rows(table: Array, digits: int | None) -> Array:
    """Rows of Fractions near float rows (n, V): all but the largest entry rounded, the largest is the rest.

    Rows sum to exactly one, and positive entries stay positive: the rest is at least 1/V less the rounding.
    """
    out = np.empty(table.shape, dtype=object)
    for s, row in enumerate(table):
        entries: list[Any] = [rounded(p, digits) for p in row]
        largest = int(row.argmax())
        entries[largest] = 1 - sum(entries[:largest] + entries[largest + 1 :])
        out[s] = entries
    return out


def rounded(p: float, digits: int | None) -> Fraction:
    """A number to some significant decimal digits, or its exact binary value."""
    return Fraction(float(p)) if digits is None else Fraction(f"{p:.{digits - 1}e}")
