"""Counting verdicts: what is recorded per claim and tier, and how counts of units merge."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, to_float
from cppo_theory.claims import Case, Outcome, Status, check
from cppo_theory.constraints import Constraints
from cppo_theory.instance import Instance

RATIO_FLOOR = 1e-4
"""In floats a ratio lhs/rhs is reported where rhs exceeds this share of the claim's scale: below it
rounding (`FLOAT_TOLERANCE`) could move the ratio by more than 1e-6."""


@dataclass
class Tally:
    """Counts of one claim in one tier; a case is one instance under one setting of constraints."""

    claim: str
    tier: str
    applicable: int = 0
    not_applicable: int = 0
    violations: int = 0
    vacuous: int = 0
    certifies: int = 0
    judged: int = 0
    largest_ratio: float | None = None
    largest_gap: float = 0.0
    failed: dict[str, int] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Merge the counts of another unit."""
        for name in ("applicable", "not_applicable", "violations", "vacuous", "certifies", "judged"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        ratios = [r for r in (self.largest_ratio, other.largest_ratio) if r is not None]
        self.largest_ratio = max(ratios, default=None)
        self.largest_gap = max(self.largest_gap, other.largest_gap)
        for name, count in other.failed.items():
            self.failed[name] = self.failed.get(name, 0) + count


@dataclass(frozen=True)
class Violation:
    """A violated claim with the instance that shows it."""

    claim: str
    lhs: str
    rhs: str
    instance: Instance

    @property
    def kind(self) -> tuple[str, bool]:
        """Claim, and whether the instance is exact."""
        return self.claim, self.instance.exact


def tier_of(outcome: Outcome, exact: bool) -> str:
    """The arithmetic that decided a claim."""
    return "exact" if exact and not outcome.claim.float_only else "float"


def tally_of(outcome: Outcome, case: Case) -> Tally:
    """Counts of one claim on one case."""
    applicable = outcome.applicable
    tally = Tally(outcome.claim.id, tier_of(outcome, case.instance.exact))
    tally.applicable = int(applicable.sum())
    tally.not_applicable = int(applicable.size - tally.applicable)
    tally.violations = int(outcome.violated.sum())
    if outcome.vacuous is not None:
        tally.judged = tally.applicable
        tally.vacuous = int((outcome.vacuous & applicable).sum())
    if outcome.certifies is not None:
        tally.certifies = int((outcome.certifies & applicable).sum())
    tally.failed = {
        name: count for name, met in outcome.met.items() if (count := int(np.logical_not(met).sum()))
    }
    if outcome.lhs is not None and outcome.rhs is not None and tally.applicable:
        lhs, rhs = to_float(outcome.lhs)[applicable], to_float(outcome.rhs)[applicable]
        tally.largest_ratio = _largest_ratio(outcome, case, lhs, rhs)
        gap = np.abs(lhs - rhs) if outcome.claim.relation == "==" else lhs - rhs
        tally.largest_gap = max(0.0, float(np.where(np.isnan(gap), 0.0, gap).max()))
    return tally


def _largest_ratio(outcome: Outcome, case: Case, lhs: Array, rhs: Array) -> float | None:
    scale = np.broadcast_to(outcome.claim.scale(case), outcome.applicable.shape)[outcome.applicable]
    floor = 0.0 * scale if tier_of(outcome, case.instance.exact) == "exact" else RATIO_FLOOR * scale
    usable = (np.abs(rhs) > floor) & np.isfinite(rhs)
    if not usable.any():
        return None
    largest = float((lhs[usable] / rhs[usable]).max())
    return largest if math.isfinite(largest) else None


def violations_of(
    outcome: Outcome, case: Case, constraints: Constraints | None, most: int
) -> list[Violation]:
    """The first violations of a claim, each decided anew on its instance alone.

    A batch and a single instance can differ in the last bits; the sides recorded are those that
    `evaluate` finds on the file.  Violations that are still so when alone come first.
    """
    sure: list[Violation] = []
    unsure: list[Violation] = []
    for index in np.flatnonzero(outcome.violated)[: 4 * most]:
        alone = _with(case.instance.element(int(index)), constraints, outcome.claim.id)
        verdict = check(alone, [outcome.claim.id])[0]
        found = Violation(outcome.claim.id, str(verdict.lhs), str(verdict.rhs), alone)
        (sure if verdict.status == Status.VIOLATED else unsure).append(found)
    return [*sure, *unsure][:most]


def _with(instance: Instance, constraints: Constraints | None, claim: str) -> Instance:
    given: dict[str, Any] = {"name": f"violates {claim}"}
    if constraints is not None:
        given["constraints"] = constraints if instance.exact else constraints.in_floats()
    return replace(instance, **given)
