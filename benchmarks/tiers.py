"""What exactness costs: the generic fold in Fractions against the same fold in float64, per edge."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.timing import Row, speedup
from cppo_theory import Instance, PrefixTree
from cppo_theory.policy import random_rational_policy
from cppo_theory.recursions import fold_back

VALUES = ("value_mu", "value_pi", "surrogate", "residual", "overlap")
SIZES = ((2, 8), (4, 4))


def rows() -> Iterator[Row]:
    """How many times longer an edge takes in the exact tier."""
    rng = np.random.default_rng(0)
    for actions, horizon in SIZES:
        space = PrefixTree(actions, horizon)
        mu = random_rational_policy(space.sizes, actions, rng)
        pi = random_rational_policy(space.sizes, actions, rng, support=mu)
        reward = rng.integers(-5, 6, space.sizes[-1])
        exact = Instance(space, np.array([1]), mu, pi, reward)
        ratio, low, high = speedup(
            partial(fold_back, exact.in_floats(), VALUES), partial(fold_back, exact, VALUES), repeats=5
        )
        yield Row(f"float64, V = {actions}, T = {horizon}", "Fractions, the same fold", ratio, low, high)
