"""What a claim is, and how it is decided on a case.

A claim has two sides and a relation between them, and hypotheses that are evaluated separately: a
failed hypothesis makes it "not applicable", never true.  In the exact tier the relation is checked
without tolerance; in float64 up to `FLOAT_TOLERANCE` in the claim's own unit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from cppo_theory.arithmetic import Array, Number, full, is_exact, scalar, to_float
from cppo_theory.claims.case import Case

FLOAT_TOLERANCE = 1e-10
"""Rounding of float64 passes over at most 1e5 levels, in units of a claim's scale."""


class Status(StrEnum):
    """What a claim says of one instance."""

    HOLDS = "holds"
    VIOLATED = "violated"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Hypothesis:
    """A condition of a claim: its name, its statement, and a predicate of a case, (B,) of bool."""

    name: str
    statement: str
    is_met: Callable[[Case], Any]


def in_rewards(case: Case) -> Array:
    """Unit of claims about returns: xi."""
    return to_float(case.reward_bound)


def dimensionless(case: Case) -> Array:
    """Unit of claims about probabilities and ratios: 1."""
    return np.ones(1)


@dataclass(frozen=True)
class Claim:
    """One numbered statement.

    Attributes
    ----------
    id : str
    statement, formula, source : str
        In words, in symbols, and the item of the paper.
    relation : "==" or "<="
    subject : "instance", "setting", "pair" or "sequence"
        What the statement is about: an instance, the numbers of a setting (T, weights, thresholds,
        budget), pairs of distributions (every row of mu and pi), or sequences over positions.
    sides : function of a Case to (lhs, rhs), each (B,)
    hypotheses : tuple of Hypothesis
    needs_tree, float_only : bool
        Whether it can be evaluated on prefix trees only; whether it involves logarithms.
    bounds_residual : bool
        Whether rhs is a bound on |Delta|, so that it can be vacuous and can certify an improvement.
    trivial : float, optional
        A value that the left side never exceeds; a bound that reaches it is vacuous.
    scale : function of a Case to (B,)
        Unit of the float tolerance.
    tested_in : str
        Test module, relative to the repository.
    """

    id: str
    statement: str
    formula: str
    source: str
    relation: Literal["==", "<="]
    subject: Literal["instance", "setting", "pair", "sequence"]
    sides: Callable[[Case], tuple[Array, Array]]
    tested_in: str
    hypotheses: tuple[Hypothesis, ...] = ()
    needs_tree: bool = False
    float_only: bool = False
    bounds_residual: bool = False
    trivial: float | None = None
    scale: Callable[[Case], Array] = in_rewards


@dataclass(frozen=True, eq=False)
class Outcome:
    """One claim on a batch; all arrays (B,), of bool where not said otherwise.

    Attributes
    ----------
    lhs, rhs : array of numbers, or None where the claim cannot be evaluated on the space
    met : dict of hypothesis name to array
    applicable, holds : array
    vacuous, certifies : array, or None where the notion does not apply
    """

    claim: Claim
    lhs: Array | None
    rhs: Array | None
    met: dict[str, Array]
    applicable: Array
    holds: Array
    vacuous: Array | None
    certifies: Array | None

    @property
    def violated(self) -> Array:
        return np.asarray(self.applicable & np.logical_not(self.holds))


@dataclass(frozen=True)
class Verdict:
    """One claim on one instance.

    Attributes
    ----------
    claim : str
        Claim id.
    status : Status
    lhs, rhs : Fraction or float, or None where the claim cannot be evaluated on the space
    relation : "==" or "<="
    vacuous, certifies : bool or None
        Whether the bound says no more than J(pi) >= -xi (or the claim's trivial value); whether it
        proves J(pi) > J(mu).  None where the notion does not apply.
    failed : tuple of str
        Hypotheses that are not met.
    """

    claim: str
    status: Status
    lhs: Number | None
    rhs: Number | None
    relation: str
    vacuous: bool | None
    certifies: bool | None
    failed: tuple[str, ...]

    def __str__(self) -> str:
        sides = "" if self.lhs is None else f"  {self.lhs} {self.relation} {self.rhs}"
        why = f"  ({', '.join(self.failed)})" if self.failed else ""
        return f"{self.claim}: {self.status}{sides}{why}"


def decide(claim: Claim, case: Case, drop: Collection[str] = ()) -> Outcome:
    """Evaluate one claim on every instance of a case.

    Parameters
    ----------
    claim : Claim
    case : Case
    drop : collection of str
        Hypotheses to ignore.
    """
    size = case.instance.batch_shape
    if claim.needs_tree and not case.instance.is_tree:
        never = np.zeros(size, dtype=bool)
        return Outcome(claim, None, None, {"prefix tree": never}, never, never, None, None)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what overflows is undecided
        lhs, rhs = (np.broadcast_to(side, size) for side in claim.sides(case))
        met = {
            hypothesis.name: np.broadcast_to(np.asarray(hypothesis.is_met(case), dtype=bool), size)
            for hypothesis in claim.hypotheses
            if hypothesis.name not in drop
        }
        holds = _holds(claim, case, lhs, rhs)
        vacuous, certifies = _strength(claim, case, rhs)
    decidable = _is_decidable(claim, lhs, rhs)
    if not decidable.all():
        met["within the range of floats"] = decidable
    applicable = np.logical_and.reduce([np.ones(size, dtype=bool), *met.values()])
    return Outcome(claim, lhs, rhs, met, applicable, holds, vacuous, certifies)


def verdict_of(outcome: Outcome, index: int = 0) -> Verdict:
    """The verdict on one instance of a batch."""

    def at(array: Array | None) -> bool | None:
        return None if array is None else bool(array[index])

    status = Status.NOT_APPLICABLE
    if outcome.applicable[index]:
        status = Status.HOLDS if outcome.holds[index] else Status.VIOLATED
    return Verdict(
        claim=outcome.claim.id,
        status=status,
        lhs=None if outcome.lhs is None else scalar(outcome.lhs[index]),
        rhs=None if outcome.rhs is None else scalar(outcome.rhs[index]),
        relation=outcome.claim.relation,
        vacuous=at(outcome.vacuous),
        certifies=at(outcome.certifies),
        failed=tuple(name for name, met in outcome.met.items() if not met[index]),
    )


def _is_decidable(claim: Claim, lhs: Array, rhs: Array) -> Array:
    """Whether both sides are numbers: an overflow in float64 is no violation (rhs = inf bounds all)."""
    if is_exact(lhs) and is_exact(rhs):
        return np.ones(lhs.shape, dtype=bool)
    left, right = to_float(lhs), to_float(rhs)
    fine = np.isfinite(right) if claim.relation == "==" else np.logical_not(np.isnan(right))
    return np.asarray(np.isfinite(left) & fine)


def _holds(claim: Claim, case: Case, lhs: Array, rhs: Array) -> Array:
    if is_exact(lhs) and is_exact(rhs):
        return np.asarray(lhs == rhs if claim.relation == "==" else lhs <= rhs, dtype=bool)
    left, right = to_float(lhs), to_float(rhs)
    slack = (FLOAT_TOLERANCE + case.drift) * claim.scale(case)
    fine = left <= right + slack
    return np.asarray(fine & (left >= right - slack) if claim.relation == "==" else fine)


def _strength(claim: Claim, case: Case, rhs: Array) -> tuple[Array | None, Array | None]:
    """Vacuous and certifies: L' - C <= -xi - J(mu), and C < L' (`theory` of the bound on |Delta|)."""
    if claim.bounds_residual:
        values = case.values
        vacuous = values.surrogate - rhs <= -case.reward_bound - values.value_mu
        return np.asarray(vacuous, dtype=bool), np.asarray(rhs < values.surrogate, dtype=bool)
    if claim.trivial is not None:
        return np.asarray(rhs >= claim.trivial, dtype=bool), None
    return None, None


def worst(relation: str, lhs: Array, rhs: Array) -> tuple[Array, Array]:
    """The pair on the last axis that strains the relation most; (..., n) to (...).

    For ``<=`` the largest lhs / rhs, for ``==`` the largest |lhs - rhs|; where all pairs are equally
    good, the one of largest left side.
    """
    lhs, rhs = np.broadcast_arrays(lhs, rhs)
    if relation == "==":
        strain = abs(lhs - rhs)
    else:
        inside = rhs > 0
        quotient = lhs / np.where(inside, rhs, full((), 1, rhs))
        strain = np.where(inside, quotient, np.where(lhs > rhs, np.inf, 0 * lhs))
    flat = np.asarray(strain.max(-1) == 0)[..., None]
    index = np.where(flat, abs(lhs), strain).argmax(-1)[..., None]
    return (np.take_along_axis(lhs, index, -1)[..., 0], np.take_along_axis(rhs, index, -1)[..., 0])
