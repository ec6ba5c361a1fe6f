"""The compiled passes over an automaton against the folds; their kernels also run as plain Python."""

import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from cppo_theory import fast
from cppo_theory.policy import random_policy
from cppo_theory.recursions import fold_back, fold_forward
from cppo_theory.tasks import TASKS, task
from tests import convert, strategies
from tests.longer import in_long_doubles
from tests.tolerances import LONG, RELATIVE, ROUNDING, TINY

NAMES = {"value_mu", "value_pi", "surrogate", "gain", "residual", "overlap", "total_tv"}
FORWARD = ("expected_tv", "ell", "cum_budget")


def as_python(kernel):
    return kernel


both = pytest.mark.parametrize(
    "kernels",
    [pytest.param(as_python, id="python"), pytest.param(fast.compiled, id="numba", marks=pytest.mark.fast)],
)


def passes(instance, weights, kernels):
    """What the module returns with these kernels."""
    with mock.patch.object(fast, "compiled", kernels):
        return fast.automaton_values(instance), fast.automaton_forward(instance, weights)


def assert_passes_are_folds(instance, kernels):
    weights = np.linspace(0.3, 1, instance.horizon)
    values, forward = passes(instance, weights, kernels)
    assert set(values) == NAMES
    roots, by_fold = fold_back(instance, NAMES)[0], fold_forward(instance, weights)
    for name in NAMES:
        np.testing.assert_allclose(values[name], roots[name], rtol=RELATIVE, atol=ROUNDING, err_msg=name)
    for name in FORWARD:
        found, expected = getattr(forward, name), getattr(by_fold, name)
        np.testing.assert_allclose(found, expected, rtol=RELATIVE, atol=ROUNDING, err_msg=name)
    assert forward.occupancy_mu == forward.reachable == []


@both
@given(world=strategies.automaton_worlds(64))
def test_random_automata(kernels, world):
    assert_passes_are_folds(convert.float_instance(world), kernels)


@both
@given(world=strategies.worlds(64), data=st.data())
def test_trees_as_automata(kernels, world, data):
    weights = np.array(data.draw(strategies.weights(world.horizon)), dtype=np.float64)
    tree = convert.float_instance(world)
    values, forward = passes(convert.float_instance(convert.tree_to_automaton(world)), weights, kernels)
    of_tree = ct.evaluate(tree, weights=weights)
    means = {name: float(tree.initial @ values[name]) for name in NAMES}
    for name in ("value_mu", "value_pi", "surrogate", "residual"):
        assert means[name] == pytest.approx(getattr(of_tree, name), rel=RELATIVE, abs=ROUNDING)
    assert means["overlap"] == pytest.approx(of_tree.root_overlap, abs=ROUNDING)
    assert means["total_tv"] == pytest.approx(of_tree.expected_tv.sum(), abs=ROUNDING)
    for name in FORWARD:
        np.testing.assert_allclose(getattr(forward, name), getattr(of_tree, name), rtol=0, atol=ROUNDING)


@both
@pytest.mark.parametrize("name", TASKS)
def test_tasks(kernels, name):
    world, rng = task(name), np.random.default_rng(5)
    mu, pi = (random_policy(world.space.sizes, world.actions, rng) for _ in range(2))
    assert_passes_are_folds(world.instance(mu, pi).in_floats(), kernels)


@both
@pytest.mark.parametrize("field", ["next", "mu", "pi", "step_reward"])
def test_a_run_ends_where_one_table_changes(kernels, field):
    # Six levels: all tables are shared but one, which changes after two levels and back after four.
    rng = np.random.default_rng(6)
    tables = {
        "next": [rng.integers(0, 4, (4, 3)) for _ in range(2)],
        "mu": random_policy([4] * 3, 3, rng),
        "pi": random_policy([4] * 3, 3, rng),
        "step_reward": [rng.uniform(-1, 1, (4, 3)) for _ in range(2)],
    }
    order = {name: [0] * 6 for name in tables} | {field: [0, 0, 1, 1, 0, 0]}
    levels = {name: [tables[name][i] for i in order[name]] for name in tables}
    space, law = ct.Automaton(levels.pop("next"), 6, 5), np.array([0.5, 0.25, 0.25, 0])
    assert_passes_are_folds(ct.Instance(space, law, **levels, reward=rng.uniform(-1, 1, 5)), kernels)


@both
def test_an_underflowing_occupancy_stays_reachable(kernels):
    # As in test_recursions: state 2 is reached with probability 1e-400, state 3 never: mu never goes there.
    e = 1e-200
    mu = np.array([[1.0, e, 0.0], [1.0, e, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])
    pi = np.array([[1.0, e, 0.0], [1.0, e, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    space = ct.Automaton(np.array([[0, 1, 3], [0, 2, 3], [2, 2, 3], [3, 3, 3]]), 3)
    instance = ct.Instance(space, np.array([1.0, 0, 0, 0]), mu, pi)
    _, forward = passes(instance, np.ones(3), kernels)
    assert forward.ell.tolist() == [0, 0, 0.5]
    assert forward.cum_budget.tolist() == [0, 0, 0, 0.5]


@pytest.mark.fast
def test_full_horizon_in_long_doubles():
    # 16,384 levels of one table; policies near each other, so that the overlap does not underflow.
    rng, horizon, states = np.random.default_rng(7), 16_384, 5
    mu, other = (random_policy([states] * 2, 3, rng)[0] for _ in range(2))
    space = ct.Automaton(rng.integers(0, states, (states, 3)), horizon)
    steps = rng.uniform(0, 1, (states, 3))
    law, reward = np.full(states, 1 / states), rng.uniform(-1, 1, states)
    instance = ct.Instance(space, law, mu, mu + 1e-2 * (other - mu), reward, steps)
    values, forward = passes(instance, np.ones(horizon), fast.compiled)
    wide = in_long_doubles(instance)
    roots, by_fold = fold_back(wide, NAMES)[0], fold_forward(wide, np.ones(horizon))
    for name in NAMES:
        assert np.abs(roots[name]).min() > TINY
        np.testing.assert_allclose(values[name], roots[name].astype(float), rtol=LONG, atol=0, err_msg=name)
    for name in FORWARD:
        found, expected = getattr(forward, name), getattr(by_fold, name).astype(float)
        np.testing.assert_allclose(found, expected, rtol=LONG, atol=0, err_msg=name)


def test_what_the_passes_refuse():
    tree = ct.jump_family([0], 0.5)
    with pytest.raises(ct.InputError, match="instance: found a tree; the compiled passes need an automaton"):
        fast.automaton_values(tree)
    space, row = ct.Automaton(np.zeros((1, 2), dtype=int), 3), np.array([[0.5, 0.5]])
    batch = ct.Instance(space, np.array([1]), row, [np.stack([row] * 2)] * 3)
    with pytest.raises(ct.InputError, match=r"found batch axes \(2,\); take an element"):
        fast.automaton_forward(batch, np.ones(3))
    exact = ct.Instance(space, np.array([1]), *[np.full((1, 2), ct.jump_family([0], 1).initial[0] / 2)] * 2)
    with pytest.raises(ct.InputError, match=r"found Fractions; use instance.in_floats\(\)"):
        fast.automaton_values(exact)


def test_without_numba():
    with (
        mock.patch.dict(sys.modules, {"numba": None}),
        pytest.raises(ImportError, match=r"need numba: pip install 'cppo-theory\[fast\]'"),
    ):
        fast.compiled.__wrapped__(fast._sweep)
