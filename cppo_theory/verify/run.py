"""Run every claim on every suite, in parallel, with the same result for any number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from multiprocessing import get_context

import numpy as np

from cppo_theory.arithmetic import Array, exclusive_sums
from cppo_theory.claims import CLAIMS, Case, decide
from cppo_theory.constraints import Constraints
from cppo_theory.evaluation import evaluate
from cppo_theory.instance import Instance
from cppo_theory.verify.suites import SUITES, build, units
from cppo_theory.verify.tally import Tally, Violation, tally_of, violations_of

PAPER_SETTINGS = (
    (Fraction(3, 20), Fraction(3, 200), Fraction(4, 5)),
    (Fraction(1), Fraction(1, 2), Fraction(1)),
)
"""(delta, delta_b, w_min): the paper's, and one that loose instances satisfy."""


UNEVEN = np.array([Fraction(3, 2), Fraction(1, 4), Fraction(1, 2)], dtype=object)
"""Weights, repeated, for which lambda_t / w_t rises somewhere and some exceed 1."""

KEEP_VIOLATIONS = 8
"""Violations of one claim in one tier that are written out; the others are counted."""


@dataclass
class Result:
    """What `verify` found.

    Attributes
    ----------
    tallies : dict of (claim, tier) to Tally
    instances : dict of suite to number of instances
    cases : int
        Instances times settings of constraints.
    violations : list of Violation
    """

    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    instances: dict[str, int] = field(default_factory=dict)
    cases: int = 0
    violations: list[Violation] = field(default_factory=list)

    def add(self, other: Result) -> None:
        """Merge another unit's result."""
        for key, tally in other.tallies.items():
            self.tallies.setdefault(key, Tally(*key)).add(tally)
        for suite, count in other.instances.items():
            self.instances[suite] = self.instances.get(suite, 0) + count
        self.cases += other.cases
        for violation in other.violations:
            same = [known for known in self.violations if known.kind == violation.kind]
            if len(same) < KEEP_VIOLATIONS:
                self.violations.append(violation)

    @property
    def violated(self) -> int:
        """Number of violated cases."""
        return sum(tally.violations for tally in self.tallies.values())


def verify(
    preset: str, seed: int = 0, jobs: int = 1, progress: Callable[[int, int], None] | None = None
) -> Result:
    """Check every claim on every suite of a preset.

    Parameters
    ----------
    preset : "smoke", "paper" or "full"
    seed : int
        The instances depend on it alone.
    jobs : int
        Worker processes; 1 runs in this process.
    progress : callable, optional
        Called with (units done, units in all).
    """
    work = units(preset)
    total = Result()
    for done, part in enumerate(_results(partial(verify_unit, seed), work, jobs), start=1):
        total.add(part)
        if progress is not None:
            progress(done, len(work))
    return total


def _results(
    function: Callable[[tuple[int, int]], Result], work: list[tuple[int, int]], jobs: int
) -> Iterator[Result]:
    if jobs == 1:
        yield from map(function, work)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(function, work)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def verify_unit(seed: int, unit: tuple[int, int]) -> Result:
    """Every claim on the instances of one unit."""
    result = Result()
    suite = SUITES[unit[0]].name
    for instance in build(seed, unit):
        count = int(np.prod(instance.batch_shape))
        result.instances[suite] = result.instances.get(suite, 0) + count
        for constraints in settings(instance):
            result.cases += count
            _check(result, instance, constraints)
    return result


def settings(instance: Instance) -> list[Constraints]:
    """Constraints under which an instance is checked.

    Measured ones at three linear schedules and at uneven weights, the two of `PAPER_SETTINGS`, and for
    single instances a budget that Eq. (8) just holds with, so that Proposition 8 and the slack are not
    trivial.
    """
    horizon = instance.horizon
    out = [Constraints.schedule(horizon, w_min=floor) for floor in (1, Fraction(4, 5), Fraction(1, 2))]
    out.append(Constraints(np.resize(UNEVEN, horizon)))
    out += [Constraints.schedule(horizon, *setting) for setting in PAPER_SETTINGS]
    if not instance.batch_shape:
        out.append(_tight_for_eq_8(instance, out[1]))
    return out


def _tight_for_eq_8(instance: Instance, schedule: Constraints) -> Constraints:
    """Smallest threshold, then smallest budget, that Eq. (8) holds with on every path."""
    weights = schedule.weights if instance.exact else schedule.in_floats().weights
    values = evaluate(instance, weights=weights)
    delta = (values.ell * weights).max()
    before: Array = exclusive_sums(weights)[1:-1]
    budget = max([0 * delta, *((values.cum_budget[2:] - delta) / before)])
    return Constraints(weights, np.full(len(weights), delta, dtype=object), budget)


def _check(result: Result, instance: Instance, constraints: Constraints) -> None:
    case = Case(instance, constraints)
    for claim in CLAIMS.values():
        outcome = decide(claim, case)
        tally = tally_of(outcome, case)
        result.tallies.setdefault((tally.claim, tally.tier), Tally(tally.claim, tally.tier)).add(tally)
        result.violations.extend(violations_of(outcome, case, constraints, KEEP_VIOLATIONS))
