"""The registry of claims, and the two calls that check them.

Source: arXiv:2606.10968v2; every claim names its item.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cppo_theory.claims import (
    budget_slack,
    corollaries,
    performance_difference,
    product_form,
    proposition_4,
    sequences,
    suffix,
    terminal_budget,
    theorem_1,
    total_variation,
)
from cppo_theory.claims.case import Case
from cppo_theory.claims.claim import Claim, Hypothesis, Outcome, Status, Verdict, decide, verdict_of
from cppo_theory.constraints import Constraints
from cppo_theory.errors import InputError
from cppo_theory.instance import Instance

__all__ = [
    "CLAIMS",
    "Case",
    "Claim",
    "Hypothesis",
    "Outcome",
    "Status",
    "Verdict",
    "check",
    "check_batch",
    "decide",
    "select",
    "verdict_of",
]

CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for claim in (
        performance_difference.PDL,
        performance_difference.LEMMA_2,
        suffix.LEMMA_3,
        suffix.LEMMA_3_UNION,
        proposition_4.PROP_4,
        proposition_4.EQ_4,
        theorem_1.THM_1,
        theorem_1.EQ_7,
        corollaries.PROP_5,
        corollaries.COR_6,
        corollaries.COR_7,
        proposition_4.UNIFORM,
        budget_slack.PROP_8,
        budget_slack.EQ_8_SLACK,
        terminal_budget.EQ_18_TERMINAL,
        terminal_budget.EQ_18_WEIGHTS,
        product_form.B9_PRODUCT,
        product_form.B9_CLOSED,
        sequences.B10_ABEL,
        total_variation.B11_TV,
        total_variation.B11_RATIO,
        total_variation.B11_COUPLING,
        sequences.B11_AVERAGING,
        sequences.B11_ABEL,
        total_variation.PINSKER,
        total_variation.MIXTURE,
        proposition_4.HALF_RANGE,
    )
}
"""Every claim by its id, in the order of the paper."""


def select(ids: Sequence[str] | None = None) -> list[Claim]:
    """Claims by id; all of them for None.

    Raises
    ------
    InputError
        An unknown id.
    """
    for i, name in enumerate(ids or ()):
        if name not in CLAIMS:
            raise InputError(f"claims[{i}]", f"found {name!r}", f"known ids are {', '.join(CLAIMS)}")
    return list(CLAIMS.values()) if ids is None else [CLAIMS[name] for name in ids]


def check(
    instance: Instance,
    claims: Sequence[str] | None = None,
    constraints: Constraints | None = None,
    drop: Collection[str] = (),
) -> list[Verdict]:
    """Check claims on one instance.

    Parameters
    ----------
    instance : Instance
        Without batch axes; exact instances are decided without tolerance.
    claims : sequence of str, optional
        Claim ids; default: all.
    constraints : Constraints, optional
        Default: those of the instance; without any, w = 1 and thresholds and budget as measured.
    drop : collection of str
        Names of hypotheses to ignore.

    Returns
    -------
    list of Verdict
        One per claim, in the order asked for.
    """
    if instance.batch_shape:
        found = f"found batch axes {instance.batch_shape}"
        raise InputError("instance", found, "use check_batch, or one element of the batch")
    return [verdict_of(outcome) for outcome in check_batch(instance, claims, constraints, drop)]


def check_batch(
    instance: Instance,
    claims: Sequence[str] | None = None,
    constraints: Constraints | None = None,
    drop: Collection[str] = (),
) -> list[Outcome]:
    """Check claims on every instance of a batch at once; arguments as in `check`."""
    chosen = select(claims)
    known = {hypothesis.name for claim in chosen for hypothesis in claim.hypotheses}
    for i, name in enumerate(drop):
        if name not in known:
            remedy = f"the claims asked for have {', '.join(sorted(known)) or 'none'}"
            raise InputError(f"drop[{i}]", f"found the unknown hypothesis {name!r}", remedy)
    case = Case(instance, constraints)
    return [decide(claim, case, drop) for claim in chosen]
