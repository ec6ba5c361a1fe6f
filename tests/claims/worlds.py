"""Worlds of the tests of Lemmas 2 and 3, Proposition 4 and Appendix B.9: two by hand, and uneven ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any, Literal

from hypothesis import example

from tests import oracles, oracles_bounds
from tests.claims.common import Limits, Symbols
from tests.oracles_world import World, tree_world


def all_zeros(d: Sequence[Fraction]) -> World:
    """mu = (1/2, 1/2), pi = (1/2 + d_t, 1/2 - d_t) in every state, R = 1 for 00..0 and 0 otherwise."""
    half = Fraction(1, 2)
    mu = [[[half, half]] * 2**t for t in range(len(d))]
    pi = [[[half + x, half - x]] * 2**t for t, x in enumerate(d)]
    return tree_world([1], mu, pi, [1] + [0] * (2 ** len(d) - 1))


# Token 0 has probability 1/1000 under mu and 1/5 more under pi; D_2 = 1/2 after it and 0 otherwise.
RARE = tree_world(
    initial=[1],
    mu=[[["1/1000", "999/1000"]], [["1/2", "1/2"], ["1/2", "1/2"]]],
    pi=[[["201/1000", "799/1000"]], [[1, 0], ["1/2", "1/2"]]],
    reward=[1, -1, 0, 0],
)


def uneven_world(kind: Literal["tree", "automaton", "kernel"], seed: int) -> World:
    """Everything positive, random and different: T = 3 (automaton: 4), V = 2 (tree: 3), two prompts."""
    rng = Random(seed)
    horizon, actions = (4 if kind == "automaton" else 3), (3 if kind == "tree" else 2)
    sizes = [2 * actions**t if kind == "tree" else 2 + t % 2 for t in range(horizon + 1)]

    def row(size: int) -> tuple[Fraction, ...]:
        weights = [rng.randint(1, 9) for _ in range(size)]
        return tuple(Fraction(w, sum(weights)) for w in weights)

    def policy() -> tuple[tuple[tuple[Fraction, ...], ...], ...]:
        return tuple(tuple(row(actions) for _ in range(n)) for n in sizes[:-1])

    def successors(following: int) -> tuple[tuple[Fraction, int], ...]:
        states = range(following) if kind == "kernel" else [rng.randrange(following)]
        return tuple(zip(row(len(states)), states, strict=True))

    links = tuple(
        tuple(tuple(successors(m) for _ in range(actions)) for _ in range(n)) for n, m in pairwise(sizes)
    )
    reward = tuple(Fraction(rng.randint(-9, 9), rng.randint(1, 4)) for _ in range(sizes[-1]))
    steps = tuple(tuple(row(actions) for _ in range(n)) for n in sizes[:-1])
    return World(
        kind=kind,
        horizon=horizon,
        actions=actions,
        initial=row(sizes[0]),
        mu=policy(),
        pi=policy(),
        final_reward=reward,
        links=None if kind == "tree" else links,
        steps=steps,
    )


def uneven_limits(world: World) -> Limits:
    """Linear weights; thresholds 1, 5/4, 3/2, ... and a budget 11/10 times as large as measured."""
    weights = oracles_bounds.linear_weights(world.horizon, Fraction(4, 5))
    measured = zip(weights, oracles.ell(world), strict=True)
    thresholds = [w * x * (4 + t) / 4 for t, (w, x) in enumerate(measured)]
    return Limits(weights, thresholds, oracles.delta_b(world, weights) * Fraction(11, 10))


UNEVEN_TREES = [uneven_world("tree", seed) for seed in (1, 2)]
UNEVEN_WORLDS = [*UNEVEN_TREES, uneven_world("automaton", 1), uneven_world("kernel", 1)]
UNEVEN_CASES = [Symbols(world, uneven_limits(world)) for world in UNEVEN_WORLDS]


def also(name: str, values: Sequence[Any]) -> Callable[[Any], Any]:
    """Each value as an `@example` for the argument of this name."""

    def decorate(test: Any) -> Any:
        for value in values:
            test = example(**{name: value})(test)
        return test

    return decorate
