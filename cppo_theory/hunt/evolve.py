"""One round of a hunt: weights, a first population, differential evolution, local polish."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from cppo_theory.arithmetic import Array
from cppo_theory.claims import Claim, decide
from cppo_theory.hunt.budget import Clock
from cppo_theory.hunt.search import Search
from cppo_theory.spaces import PrefixTree
from cppo_theory.weights import linear_weights, uniform_weights

POPULATION = 128

EVOLVING = 0.6
"""Part of a round for differential evolution; the rest is for local polish."""

WEIGHT_DRAWS = 24
"""Vectors of weights looked at until one leaves the claim something to decide."""

SMALLEST_STEP = 1e-9


def open_search(
    claim: Claim, space: PrefixTree, drop: str | None, rng: np.random.Generator, clock: Clock, index: int
) -> Search:
    """The objective of a round, with weights under which its hypotheses can be met.

    The first rounds take w = 1, the paper's floor 4/5 and T - t (Eq. (18)), the others draw.  Weights
    are passed over for which no first candidate is usable, or the dropped hypothesis never fails.
    """
    for weights in _weights(space.horizon, rng, index):
        search = Search(claim, space, weights, drop)
        clock.evaluations += POPULATION
        if _is_open(search, population(search, rng)):
            return search
    return Search(claim, space, uniform_weights(space.horizon), drop)


def _weights(horizon: int, rng: np.random.Generator, index: int) -> Iterator[Array]:
    """Rational weights: linear schedules, and tenths up to 1 or 2, in turn."""
    if index < 2:
        yield linear_weights(horizon, (Fraction(1), Fraction(4, 5))[index])
    if index == 2:
        yield np.array([Fraction(max(horizon - t, 1)) for t in range(1, horizon + 1)], dtype=object)
    for draw in range(WEIGHT_DRAWS):
        if draw % 2 == index % 2:
            yield linear_weights(horizon, Fraction(int(rng.integers(1, 21)), 20))
        else:
            counts = rng.integers(1, rng.choice([11, 21]), horizon)
            yield np.array([Fraction(int(count), 10) for count in counts], dtype=object)


def _is_open(search: Search, candidates: Array) -> bool:
    """Whether some candidate is usable and, for some, the dropped hypothesis fails."""
    case = search.case(candidates)
    met = decide(search.claim, case).met
    others = [array for name, array in met.items() if name != search.drop]
    usable = np.logical_and.reduce([np.ones(len(candidates), dtype=bool), *others])
    fails = np.ones(1, dtype=bool) if search.drop is None else np.logical_not(met[search.drop])
    return bool((usable & fails).any())


def jumps(search: Search, rng: np.random.Generator, count: int) -> Array:
    """Logits of the jump family (count, logits): everywhere pi moves l to an action that is rare under mu.

    In half of them l is the same in all states, in the others it varies.
    """
    free = search.space.actions - 1
    jump = 10.0 ** rng.uniform(-9, -0.5, (count, 1))
    same = rng.random((count, 1)) < 0.5
    step = 10.0 ** rng.uniform(-5, -0.2, (count, 1)) * np.where(same, 1.0, rng.random((count, search.rows)))
    logits = np.full((count, 2, search.rows, free), min(low for low, _ in search.limits))
    for i, mass in enumerate((jump + 0 * step, np.minimum(jump + step, 1 - 1e-9))):
        logits[:, i, :, 0] = np.log(mass / (1 - mass))
    return logits.reshape(count, -1)


def population(search: Search, rng: np.random.Generator) -> Array:
    """First candidates (POPULATION, size): half from the jump family, half random.

    Thresholds and budget are as measured in half of each, in the others some differ.
    """
    half = POPULATION // 2
    free = rng.normal(0, 2, (POPULATION - half, search.logits))
    scaled = rng.uniform(-3, 2, (POPULATION, search.size - search.logits))
    kept = rng.random((POPULATION, 1)) < 0.5
    factors = np.where(kept | (rng.random(scaled.shape) < 0.5), 0.0, scaled)
    candidates = np.hstack([np.concatenate([jumps(search, rng, half), free]), factors])
    low, high = np.array(search.limits).T
    return np.asarray(np.clip(candidates, low, high))


def evolve(search: Search, rng: np.random.Generator, clock: Clock, end: float) -> None:
    """Differential evolution, then local steps, until the share ``end`` of the budget is used or both rest.

    The best candidate is in ``search``, also when this is interrupted.
    """
    from scipy.optimize import differential_evolution

    start = clock.share

    def score(candidates: Array) -> Array:
        clock.evaluations += len(candidates)
        return search.score(candidates)

    def is_over(intermediate_result: object) -> bool:
        return clock.has_reached(start + EVOLVING * (end - start), search.best_score)

    differential_evolution(
        lambda columns: -score(columns.T),
        search.limits,
        init=population(search, rng),
        maxiter=10**6,
        tol=0.0,
        rng=rng,
        polish=False,
        vectorized=True,
        updating="deferred",
        callback=is_over,
    )
    low, high = np.array(search.limits).T
    size = 1.0
    while search.has_found and size > SMALLEST_STEP and not clock.has_reached(end, search.best_score):
        before = search.best_score
        moved = rng.random((POPULATION, search.size)) < rng.uniform(0.05, 1.0, (POPULATION, 1))
        steps = size * rng.standard_normal((POPULATION, search.size)) * moved
        score(np.clip(search.best + steps, low, high))
        size *= 1.2 if search.best_score > before else 0.9
