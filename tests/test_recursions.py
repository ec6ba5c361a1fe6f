"""The backward recursions and the forward fold against enumeration; one instance in several forms."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cppo_theory as ct
from cppo_theory.recursions import BACKWARD, fold_back, fold_forward, occupancies
from tests import convert, oracles, strategies
from tests.oracles_world import ONE, World, probability, reachable_trajectories, reward_to_go, total, walks
from tests.tolerances import RELATIVE, ROUNDING

F = Fraction
TREES = strategies.worlds(64)
WORLDS = TREES | strategies.automaton_worlds(64) | strategies.kernel_worlds(64)
DATA = Path(__file__).parent.parent / "cppo_theory" / "data"


def drawn_weights(data, world):
    return np.array(data.draw(strategies.weights(world.horizon)), dtype=object)


def plain(table):
    """Lists of Fractions; anything else in the table fails."""
    assert all(isinstance(x, Fraction) for x in np.asarray(table).flat)
    return np.asarray(table).tolist()


# --- backward ---------------------------------------------------------------------------------------------


def means(world: World) -> dict:
    """The recursions' means over prompts, each by its own definition."""
    mu, pi = (oracles.value(world, policy) for policy in (world.mu, world.pi))
    return {
        "value_mu": mu,
        "value_pi": pi,
        "surrogate": oracles.surrogate(world),
        "gain": pi - mu,
        "residual": oracles.residual(world),
        "overlap": total(p * x for p, x in zip(world.initial, oracles.overlap(world)[0], strict=True)),
        "total_tv": total(oracles.expected_tv(world)),
        "advantage_pi": oracles.performance_difference(world),
    }


@given(WORLDS)
def test_means_over_prompts(world):
    instance, expected = convert.instance(world), means(world)
    roots, _ = fold_back(instance, expected)
    assert {name: (instance.initial * plain(roots[name])).sum() for name in expected} == expected


@given(WORLDS)
def test_each_recursion_brings_what_it_needs(world):
    instance, expected = convert.instance(world), means(world)
    for name in expected:
        roots, kept = fold_back(instance, [name])
        assert total(instance.initial * roots[name]) == expected[name]
        assert kept == {}


@given(WORLDS)
def test_values_of_every_state(world):
    _, kept = fold_back(convert.instance(world), [], keep=("value_mu", "value_pi", "overlap"))
    for name, policy in (("value_mu", world.mu), ("value_pi", world.pi)):
        expected = [
            [
                total(probability(w, policy) * reward_to_go(world, s, w) for w in walks(world, t, s))
                for s in range(n)
            ]
            for t, n in enumerate(world.sizes[:-1])
        ]
        assert [plain(level) for level in kept[name]] == expected
    assert [plain(level) for level in kept["overlap"]] == oracles.overlap(world)


@given(WORLDS)
def test_extreme_returns_of_every_prompt(world):
    roots, _ = fold_back(convert.instance(world), ("best_return", "worst_return"))
    returns: dict[int, list[F]] = {}
    for y in reachable_trajectories(world):
        returns.setdefault(y.states[0], []).append(y.total_reward)
    for prompt, own in returns.items():
        assert roots["best_return"][prompt] == max(own)
        assert roots["worst_return"][prompt] == min(own)
    assert all(isinstance(x, Fraction) for root in roots.values() for x in root.flat)


@settings(max_examples=1)
@given(WORLDS)
def test_every_recursion_of_the_registry_is_tested(world):
    assert {*means(world), "best_return", "worst_return"} == set(BACKWARD)


def test_rows_are_shared_for_equal_pairs_only():
    # mu is one table at both levels, pi is not: D = 1/4, then 0; L' = 0 and overlap 3/4.
    half, quarter = np.array([[F(1, 2), F(1, 2)]]), np.array([[F(1, 4), F(3, 4)]])
    space = ct.Automaton(np.zeros((1, 2), dtype=int), 2)
    instance = ct.Instance(space, np.array([ONE]), half, [quarter, half])
    assert fold_forward(instance, np.array([ONE, ONE])).expected_tv.tolist() == [F(1, 4), 0]
    assert fold_back(instance, ["overlap"])[0]["overlap"].tolist() == [F(3, 4)]
    # pi is one table, mu is not: D = 0, then 1/4.
    other = ct.Instance(space, np.array([ONE]), [half, quarter], half)
    assert fold_forward(other, np.array([ONE, ONE])).expected_tv.tolist() == [0, F(1, 4)]
    # What was pi is both: D = 1/4, then 0.
    half, quarter = half.astype(float), quarter.astype(float)
    moved = ct.Instance(space, np.array([1.0]), [half, quarter], [quarter, quarter])
    assert moved.mu[1] is moved.pi[1] is moved.pi[0]
    assert fold_forward(moved, np.ones(2)).expected_tv.tolist() == [0.25, 0]


# --- forward ----------------------------------------------------------------------------------------------


@given(st.data(), WORLDS)
def test_forward_fold(data, world):
    weights = drawn_weights(data, world)
    found = fold_forward(convert.instance(world), weights, keep=True)
    assert plain(found.expected_tv) == oracles.expected_tv(world)
    assert plain(found.ell) == oracles.ell(world)
    assert plain(found.cum_budget) == oracles.cum_budget(world, weights)
    assert [plain(x) for x in found.occupancy_mu] == oracles.occupancy_mu(world)[:-1]
    assert [x.tolist() for x in found.reachable] == oracles.reachable(world)[:-1]


@given(WORLDS)
def test_occupancies(world):
    instance = convert.instance(world)
    for policy, expected in ((instance.mu, oracles.occupancy_mu), (instance.pi, oracles.occupancy_pi)):
        assert [plain(law) for law in occupancies(instance, policy)] == expected(world)[:-1]


@given(WORLDS)
def test_nothing_is_kept_unasked(world):
    found = fold_forward(convert.instance(world), np.array([ONE] * world.horizon))
    assert found.occupancy_mu == found.reachable == []


@pytest.mark.parametrize("form", ["automaton", "kernel"])
def test_an_underflowing_occupancy_stays_reachable(form):
    # State 1 is entered with probability 1e-200 and left with 1e-200 to state 2: 1e-400 is 0 in float64.
    # There, and nowhere before, pi = (1, 0) against (1/2, 1/2); the reward is -7. State 3 is never entered.
    e = 1e-200
    mu = np.array([[1.0, e], [1.0, e], [0.5, 0.5], [0.5, 0.5]])
    pi = np.array([[1.0, e], [1.0, e], [1.0, 0.0], [0.0, 1.0]])
    nxt = np.array([[0, 1], [0, 2], [2, 2], [3, 3]])
    space = ct.Automaton(nxt, 3) if form == "automaton" else ct.Kernel(nxt[..., None], np.ones((4, 2, 1)), 3)
    instance = ct.Instance(space, np.array([1.0, 0, 0, 0]), mu, pi, reward=np.array([0.0, 0, -7, 100]))
    forward = fold_forward(instance, np.ones(3), keep=True)
    assert forward.occupancy_mu[2].tolist() == [1, e, 0, 0]
    assert forward.reachable[2].tolist() == [True, True, True, False]
    assert forward.ell.tolist() == [0, 0, 0.5]
    assert forward.cum_budget.tolist() == [0, 0, 0, 0.5]
    assert ct.evaluate(instance).reward_bound == 7


# --- one instance in several forms ------------------------------------------------------------------------

FORM_FREE = ["token_tv", "occupancy_mu", "occupancy_pi", "overlap"]


def listed(values):
    """Everything `evaluate` returns, as plain lists."""
    numbers = {name: x for name, x in vars(values).items() if name != "kept"}
    numbers |= {name: values.kept[name] for name in values.kept}
    return {
        name: [plain(level) for level in x] if isinstance(x, list) else plain(x)
        for name, x in numbers.items()
    }


@given(st.data(), TREES)
def test_a_tree_in_three_forms(data, world):
    weights = drawn_weights(data, world)
    forms = [world, convert.tree_to_automaton(world), convert.tree_to_kernel(world, (F(1, 3), F(0), F(2, 3)))]
    tree, *others = [listed(ct.evaluate(convert.instance(x), FORM_FREE, weights)) for x in forms]
    assert others == [tree, tree]


@given(st.data(), strategies.automaton_worlds(64))
def test_an_automaton_in_three_forms(data, world):
    weights = drawn_weights(data, world)
    forms = [world, convert.automaton_to_kernel(world), convert.automaton_to_tree(world)]
    found = [listed(ct.evaluate(convert.instance(x), ["overlap", "occupancy_mu"], weights)) for x in forms]
    assert found[0] == found[1]
    for quantities in found:  # levels have other states on the tree
        del quantities["overlap"], quantities["occupancy_mu"]
    assert found[0] == found[2]


@given(st.data(), WORLDS)
def test_floats_agree_with_fractions(data, world):
    weights = drawn_weights(data, world)
    exact = ct.evaluate(convert.instance(world), FORM_FREE, weights)
    close = ct.evaluate(convert.float_instance(world), FORM_FREE, weights.astype(float))
    for name, expected in listed(exact).items():
        found = getattr(close, name)
        levels = zip(found, expected, strict=True) if isinstance(found, list) else [(found, expected)]
        for x, y in levels:
            assert np.asarray(x).dtype == np.float64
            np.testing.assert_allclose(x, np.array(y, dtype=float), rtol=RELATIVE, atol=ROUNDING)
