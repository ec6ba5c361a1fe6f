"""A hunt: rounds of search under different weights until the budget is used, then the exact replay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count

import numpy as np

from cppo_theory.claims import Claim, Status, Verdict, select
from cppo_theory.errors import InputError
from cppo_theory.hunt.budget import Budget, Clock, Progress
from cppo_theory.hunt.evolve import evolve, open_search
from cppo_theory.hunt.replay import ratio_of, replay, score_of
from cppo_theory.hunt.search import Search
from cppo_theory.instance import Instance
from cppo_theory.spaces import PrefixTree
from cppo_theory.weights import uniform_weights

LEAF_LIMIT = 4096

ROUNDS = 5
"""Parts of the budget; each round, with weights of its own, uses one unless it converges before."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a hunt found.

    Attributes
    ----------
    claim, drop : str, str or None
    verdict : Verdict
        Of the witness, exact where the claim is, with the hypothesis dropped.
    witness : Instance
        Rational, with the constraints it was judged under.
    evaluations : int
    seconds : float
    seed : int
    interrupted : bool
        Whether the search was cut short by the user.
    """

    claim: str
    drop: str | None
    verdict: Verdict
    witness: Instance
    evaluations: int
    seconds: float
    seed: int
    interrupted: bool

    @property
    def ratio(self) -> float:
        """lhs / rhs of the witness, inf where rhs <= 0 is exceeded; |lhs - rhs| for an equality."""
        try:
            return float(ratio_of(self.verdict))
        except OverflowError:
            return float("inf")

    @property
    def is_violated(self) -> bool:
        return self.verdict.status == Status.VIOLATED


def hunt(
    claim: str,
    space: PrefixTree | None = None,
    drop: str | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Found:
    """Search for the instance that strains a claim most.

    Parameters
    ----------
    claim : str
        Claim id.
    space : PrefixTree, optional
        Where to search, one prompt, V**T <= 4096; default V = 2, T = 3.
    drop : str, optional
        A hypothesis of the claim to ignore; then a violation is looked for.
    budget : Budget, optional
        Default: 60 seconds.  With a number of evaluations the result depends on the seed alone.
    seed : int
    progress : callable, optional
        Called with (share of the budget used, best score).

    Returns
    -------
    Found
        Also when interrupted from the keyboard: the best so far.

    Raises
    ------
    InputError
        An unknown claim or hypothesis, or a tree that is too large.
    KeyboardInterrupt
        Before anything was found.
    """
    (chosen,) = select([claim])
    space = PrefixTree(2, 3) if space is None else space
    _check(chosen, space, drop)
    rng, clock = np.random.default_rng(seed), Clock(budget or Budget(seconds=60.0), progress)
    best: tuple[Instance, Verdict] | None = None
    search = Search(chosen, space, uniform_weights(space.horizon), drop)
    interrupted = False
    try:
        for index in count():
            search = open_search(chosen, space, drop, rng, clock, index)
            evolve(search, rng, clock, min(1.0, clock.share + 1 / ROUNDS))
            best = _better(best, search)
            if clock.share >= 1:
                break
    except KeyboardInterrupt:
        interrupted = True
        best = _better(best, search)
        if best is None:
            raise
    witness, verdict = best or replay(search)
    return Found(claim, drop, verdict, witness, clock.evaluations, clock.seconds, seed, interrupted)


def _better(best: tuple[Instance, Verdict] | None, search: Search) -> tuple[Instance, Verdict] | None:
    """What was found before, or in this round if that strains the claim more, exactly."""
    if not search.has_found:
        return best
    new = replay(search)
    return new if best is None or score_of(new[1]) > score_of(best[1]) else best


def check_size(actions: int, horizon: int) -> None:
    """Raise if the tree has too many leaves to search on; before it is made."""
    if horizon * math.log(actions) > math.log(LEAF_LIMIT) + 1e-9:
        found = f"found V = {actions}, T = {horizon}"
        raise InputError("space", found, f"a hunt is on trees of at most {LEAF_LIMIT} leaves V^T")


def _check(claim: Claim, space: PrefixTree, drop: str | None) -> None:
    if space.prompts > 1 or space.end:
        raise InputError("space", f"found {space}", "one prompt and no end token are required")
    check_size(space.actions, space.horizon)
    names = [hypothesis.name for hypothesis in claim.hypotheses]
    if drop is not None and drop not in names:
        raise InputError("drop", f"found {drop!r}", f"{claim.id} has {', '.join(names) or 'no hypothesis'}")
