"""The strategies draw valid and varied worlds that shrink; the forms of one world are the same instance."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings

from tests import convert, oracles, strategies
from tests.oracles_world import ONE, World

TREES, AUTOMATA, KERNELS = strategies.worlds(), strategies.automaton_worlds(), strategies.kernel_worlds()
SMALL_TREES = strategies.worlds(max_sequences=64)
SEARCH = settings(max_examples=2000, derandomize=True, database=None)
SPLIT = (Fraction(1, 3), Fraction(0), Fraction(2, 3))


def rows(policy):
    return [row for table in policy for row in table]


def links(world: World):
    return [x for level in world.links or () for cell in level for x in cell]


def quantities(world: World) -> dict:
    """What does not depend on the form, state by state on the tree's own forms."""
    ones = [ONE] * world.horizon
    return {
        "value_mu": oracles.value(world, world.mu),
        "value_pi": oracles.value(world, world.pi),
        "surrogate": oracles.surrogate(world),
        "residual": oracles.residual(world),
        "expected_tv": oracles.expected_tv(world),
        "ell": oracles.ell(world),
        "cum_budget": oracles.cum_budget(world, ones),
        "reward_bound": oracles.reward_bound(world),
        "half_range": oracles.half_range(world),
        "suffix_tv": oracles.suffix_tv(world)[0],
        "overlap": oracles.overlap(world)[0],
    }


# --- what is drawn ----------------------------------------------------------------------------------------


@given(TREES | AUTOMATA | KERNELS)
def test_worlds_are_valid(world):
    assert sum(world.initial) == 1
    assert len(world.mu) == len(world.pi) == world.horizon
    for mu, pi in zip(rows(world.mu), rows(world.pi), strict=True):
        assert len(mu) == len(pi) == world.actions
        assert sum(mu) == sum(pi) == 1
        assert min(mu + pi) >= 0
        assert all(q == 0 for p, q in zip(mu, pi, strict=True) if p == 0)
    for t in range(world.horizon):
        for s in range(world.sizes[t]):
            for a in range(world.actions):
                successors = world.successors(t, s, a)
                assert sum(chance for chance, _ in successors) == 1
                assert all(0 <= n < world.sizes[t + 1] for _, n in successors)
    assert len(world.sizes) == world.horizon + 1


@given(TREES)
def test_an_end_token_is_drawn_for_ever(world):
    for t in range(1, world.horizon):
        for s in range(world.sizes[t]):
            prefix = [s // world.actions**i % world.actions for i in range(t)]
            for end in set(world.end) & set(prefix):
                assert world.mu[t][s][end] == world.pi[t][s][end] == 1


FEATURES = {
    "several prompts, one impossible": (TREES, lambda w: len(w.initial) == 3 and w.initial.count(0) == 1),
    "uneven prompts": (TREES, lambda w: len({*w.initial}) == 3),
    "end token, T >= 3": (TREES, lambda w: w.end and w.horizon >= 3),
    "zero in mu": (TREES, lambda w: any(0 in row for row in rows(w.mu)) and not w.end),
    "pi = 0 < mu": (
        TREES,
        lambda w: any(q == 0 < p for m, n in zip(w.mu, w.pi, strict=True) for p, q in _pairs(m, n)),
    ),
    "all rows differ, V = 3, T = 3": (
        TREES,
        lambda w: w.actions == w.horizon == 3 and len({*rows(w.mu)}) == len(rows(w.mu)),
    ),
    "step rewards": (TREES, lambda w: w.steps is not None and len({*rows(w.steps)}) > 3),
    "both signs of rewards": (TREES, lambda w: min(w.final_reward) < 0 < max(w.final_reward)),
    "256 sequences": (TREES, lambda w: w.actions**w.horizon == 256),
    "close policies": (TREES, lambda w: w.horizon == 3 and 0 < max(oracles.ell(w)) <= Fraction(1, 20)),
    "some equal rows": (TREES, lambda w: w.horizon > 1 and 0 in oracles.ell(w) and any(oracles.ell(w))),
    "residual at T = 4": (TREES, lambda w: w.horizon == 4 and oracles.residual(w) != 0),
    "uneven tables": (AUTOMATA, lambda w: len({*w.sizes}) == 4),
    "stationary, changing policy": (AUTOMATA, lambda w: w.stationary and len({*w.mu}) > 1),
    "stationary policy": (
        KERNELS,
        lambda w: w.stationary and w.horizon > 2 and len({*w.mu}) == 1 and w.sizes[0] > 1,
    ),
    "unreachable state": (KERNELS, lambda w: not all(map(all, oracles.reachable(w)))),
    "repeated successor": (
        KERNELS,
        lambda w: any(len({n for c, n in x if c}) < len([n for c, n in x if c]) for x in links(w)),
    ),
    "successor of probability 0": (KERNELS, lambda w: any(c == 0 for x in links(w) for c, _ in x)),
    "rewards by successor": (
        KERNELS,
        lambda w: (
            w.steps is not None and isinstance(w.steps[0][0][0], tuple) and len({*w.steps[0][0][0]}) == 3
        ),
    ),
}


def _pairs(mu, pi):
    return [pair for p, q in zip(mu, pi, strict=True) for pair in zip(p, q, strict=True)]


@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature_occurs(feature):
    strategy, predicate = FEATURES[feature]
    found = find(strategy, predicate, settings=settings(SEARCH, phases=[Phase.generate]))
    assert predicate(found)


def test_worlds_shrink():
    world = find(strategies.worlds(), lambda w: oracles.residual(w) != 0, settings=SEARCH)
    assert (world.horizon, len(world.initial), world.end) == (2, 1, ())
    assert (
        sum(x != 0 for x in [*world.final_reward, *(x for row in rows(world.steps or ()) for x in row)]) == 1
    )


# --- forms of one world -----------------------------------------------------------------------------------


@given(SMALL_TREES)
def test_a_tree_as_automaton_and_kernel(world):
    expected = quantities(world)
    assert quantities(convert.tree_to_automaton(world)) == expected
    assert quantities(convert.tree_to_kernel(world)) == expected


@given(strategies.worlds(max_sequences=16))
def test_a_tree_with_split_children(world):
    assert quantities(convert.tree_to_kernel(world, SPLIT)) == quantities(world)


@given(strategies.automaton_worlds(max_sequences=64))
def test_an_automaton_as_tree_and_kernel(world):
    expected = quantities(world)
    assert quantities(convert.automaton_to_tree(world)) == expected
    assert quantities(convert.automaton_to_kernel(world)) == expected


@given(strategies.kernel_worlds(max_sequences=64))
def test_only_deterministic_worlds_become_trees(world):
    if any(len(x) > 1 for x in links(world)):
        with pytest.raises(ValueError, match=r"unpack|deterministic"):
            convert.automaton_to_tree(world)


@given(SMALL_TREES | strategies.automaton_worlds(64) | strategies.kernel_worlds(64))
def test_instances_of_the_package_keep_every_number(world):
    exact, approximate = convert.instance(world), convert.float_instance(world)
    for found, drawn in ((exact.mu, world.mu), (exact.pi, world.pi)):
        assert [tuple(map(tuple, table)) for table in found] == list(drawn)
        assert all(isinstance(x, Fraction) for table in found for x in table.flat)
    for found, drawn in ((approximate.mu, world.mu), (approximate.pi, world.pi)):
        assert all(table.dtype == np.float64 for table in found)
        assert [table.tolist() for table in found] == [[list(map(float, r)) for r in t] for t in drawn]
