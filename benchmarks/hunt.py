"""Evaluations of a hunt, a population at once against one by one.

Both go through the same objective: policies from logits, the worst reward, all quantities, both sides and
the hypotheses of the claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.timing import Row, cpu_seconds, speedup
from cppo_theory.claims import CLAIMS
from cppo_theory.hunt.evolve import POPULATION, population
from cppo_theory.hunt.search import Search
from cppo_theory.spaces import PrefixTree
from cppo_theory.weights import uniform_weights

SIZES = ((2, 3), (3, 3), (2, 6))


def _one_by_one(search: Search, candidates: np.ndarray) -> None:
    for i in range(len(candidates)):
        search.score(candidates[i : i + 1])


def rows() -> Iterator[Row]:
    """Theorem 1 at three sizes."""
    for actions, horizon in SIZES:
        search = Search(CLAIMS["thm-1"], PrefixTree(actions, horizon), uniform_weights(horizon), None)
        candidates = population(search, np.random.default_rng(0))
        batched = partial(search.score, candidates)
        ratio, low, high = speedup(batched, partial(_one_by_one, search, candidates), repeats=3)
        rate = POPULATION / cpu_seconds(batched, 20)
        name = f"hunt thm-1, V = {actions}, T = {horizon}, {rate:,.0f} evaluations/s"
        yield Row(name, f"one by one ({POPULATION} candidates)", ratio, low, high, ">= 20")
