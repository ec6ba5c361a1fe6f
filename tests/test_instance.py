"""Instances: the two tiers, guards on entry, and batches."""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from tests import convert
from tests.instance_numbers import TABLES, as_lists, expected, numbers, types
from tests.strategies import automaton_worlds, kernel_worlds, worlds

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
WORLDS = st.one_of(worlds(64), automaton_worlds(64), kernel_worlds(64))


def tree(mu=((1, 0),), pi=((1, 0),), reward=(0, 1), **given):
    """A tree of one position and two actions."""
    space = given.pop("space", ct.PrefixTree(2, 1))
    return ct.Instance(space, np.array([1]), [list(mu)], [list(pi)], list(reward), **given)


# --- tiers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [(1, 0), (HALF, HALF), (np.int64(1), np.int64(0)), (Fraction(1), 0)])
def test_integers_and_fractions_are_exact(row):
    instance = tree(mu=[row], pi=[row])
    assert instance.exact
    assert types(numbers(instance)) == {Fraction, type(None)}


@pytest.mark.parametrize("field", ["initial", "mu", "pi", "reward", "step_reward"])
def test_one_float_makes_everything_float64(field):
    given = {"initial": [1], "mu": [[[1, 0]]], "pi": [[[1, 0]]], "reward": [0, 1], "step_reward": [[[0, 2]]]}
    given[field] = as_lists(given[field], float)
    instance = ct.Instance(ct.PrefixTree(2, 1), **given)
    assert not instance.exact
    assert types(numbers(instance)) == {float}
    assert {table.dtype for name in TABLES for table in getattr(instance, name)} == {np.dtype(np.float64)}


def test_one_float_in_a_kernel_makes_everything_float64():
    space = ct.Kernel([[[0, 0]]], [[[0.5, 0.5]]], 1)
    instance = ct.Instance(space, [1], [[[1]]], [[[1]]], [THIRD], [[[[1, 2]]]])
    assert types(numbers(instance)) == {float}


def test_a_float_instance_makes_its_exact_kernel_float():
    space = ct.Kernel([[[0, 0]]], [[[HALF, HALF]]], 1)
    instance = ct.Instance(space, [1.0], [[[1]]], [[[1]]], [0])
    assert instance.space.prob[0].dtype == np.float64
    assert space.exact


@given(WORLDS)
def test_construction_keeps_every_number(world):
    assert numbers(convert.instance(world)) == expected(world)
    assert numbers(convert.float_instance(world)) == expected(world, float)


@given(WORLDS)
def test_floats_and_back(world):
    instance = convert.instance(world)
    floats = instance.in_floats()
    assert not floats.exact
    assert numbers(floats) == expected(world, float)
    assert not isinstance(floats.space, ct.Kernel) or not floats.space.exact


def test_fractions_take_floats_at_their_binary_value():
    space = ct.Kernel([[[0, 1]], [[1, 1]]], [[[0.25, 0.75]], [[0.5, 0.5]]], 1)
    instance = ct.Instance(space, [0.5, 0.5], [[[1.0], [1.0]]], [[[1.0], [1.0]]], [0.1, 0])
    constraints = ct.Constraints([0.1], [0.2], 0.3)
    exact = replace(instance, constraints=constraints).in_fractions()
    assert exact.exact
    given = exact.constraints
    assert given.exact
    assert [*given.weights, *given.thresholds, given.delta_b] == [Fraction(x) for x in (0.1, 0.2, 0.3)]
    assert exact.reward.tolist() == [Fraction(0.1), 0]
    assert exact.space.prob[0].tolist() == [
        [[Fraction(1, 4), Fraction(3, 4)]],
        [[HALF, HALF]],
    ]


def test_fractions_of_rows_that_do_not_sum_to_one_are_refused():
    row = (0.1, 0.9 - 2**-54)  # within 1e-12 of one, so the float tier accepts it
    floats = tree(mu=[row], pi=[row])
    with pytest.raises(ct.InputError, match=r"mu\[0\]\[0\]: the row sums to \d+/\d+; every row must sum"):
        floats.in_fractions()


# --- guards -----------------------------------------------------------------------------------------------


def test_absolute_continuity_names_the_state():
    mu = [[[HALF, HALF]], [[1, 0], [0, 1]]]
    pi = [[[HALF, HALF]], [[1, 0], [THIRD, 1 - THIRD]]]
    message = "mu[1][1][0]: mu is 0 where pi is 1/3; pi must be absolutely continuous with respect to mu"
    with pytest.raises(ct.InputError, match=re.escape(message)):
        ct.Instance(ct.PrefixTree(2, 2), [1], mu, pi, [0] * 4)
    ct.Instance(ct.PrefixTree(2, 2), [1], pi, mu, [0] * 4)  # the other direction is allowed


def test_end_tokens_absorb():
    """What goes on is refused, and so is a draw between two end tokens; pi follows by pi << mu."""
    space = ct.PrefixTree(3, 2, end=(1, 2))
    first = [[0, HALF, HALF]]
    ct.Instance(space, [1], *[[first, [[1, 0, 0], [0, 0, 1], [0, 0, 1]]]] * 2, reward=[0] * 9)
    message = "mu[1][1]: the prefix has ended, but the row goes on; after an end token put probability 1"
    for row in ([THIRD, 0, 1 - THIRD], [0, HALF, HALF], [1, 0, 0]):
        with pytest.raises(ct.InputError, match=re.escape(message)):
            ct.Instance(space, [1], *[[first, [[1, 0, 0], row, [0, 0, 1]]]] * 2, reward=[0] * 9)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mu": [(HALF, THIRD)]}, ct.InputError, "mu[0][0]: the row sums to 5/6; every row must sum to 1"),
        ({"mu": [(2, -1)]}, ct.InputError, "mu[0][0][1]: found -1; a probability must not be negative"),
        ({"mu": [(0.3, 0.69)]}, ct.InputError, "mu[0][0]: the row sums to 0.99"),
        ({"mu": [(float("nan"), 0.5)]}, ct.InputError, "mu[0][0][0]: found nan; a finite number"),
        ({"mu": [(1, 0), (1, 0)]}, ct.InputError, "mu[0]: found shape (2, 2); the last axes must be (1, 2)"),
        ({"mu": [(1,)]}, ct.InputError, "mu[0]: found shape (1, 1); the last axes must be (1, 2)"),
        ({"mu": [(True, False)]}, TypeError, "mu[0][0][0]: found True; an integer, a Fraction or a float"),
        ({"mu": [("1", 0)]}, TypeError, "mu[0][0][0]: found '1'; an integer, a Fraction or a float"),
        ({"reward": [0]}, ct.InputError, "reward: found shape (1,); the last axes must be (2,)"),
        ({"reward": [0, float("inf")]}, ct.InputError, "reward[1]: found inf; a finite number"),
        ({"step_reward": []}, ct.InputError, "step_reward: found 0 levels; the horizon 1 needs 1"),
        ({"step_reward": [[[1]]]}, ct.InputError, "step_reward[0]: found shape (1, 1)"),
        ({"step_reward": 3}, TypeError, "step_reward: found int; a sequence of tables"),
        (
            {"constraints": ct.Constraints([1, 1])},
            ct.InputError,
            "constraints.weights: found 2 weights; the horizon 1 needs 1",
        ),
    ],
)
def test_what_is_wrong_is_named(change, error, message):
    with pytest.raises(error, match=re.escape(message)):
        tree(**change)


# --- batches ----------------------------------------------------------------------------------------------


def batch():
    """Two axes of mu, one of the reward, none of pi."""
    mu = np.array([[[[0.25, 0.75]]], [[[0.5, 0.5]]]])  # (2, 1, 1, 2)
    return ct.Instance(ct.PrefixTree(2, 1), [1.0], [mu], [[[0.0, 1.0]]], np.arange(6.0).reshape(3, 2))


def test_batch_shape_and_elements():
    instance = batch()
    assert instance.batch_shape == (2, 3)
    element = instance.element(1, 2)
    assert element.batch_shape == ()
    assert numbers(element) == {
        "initial": [1.0],
        "reward": [4.0, 5.0],
        "mu": [[[0.5, 0.5]]],
        "pi": [[[0.0, 1.0]]],
        "step_reward": None,
    }
    assert instance.batched() is instance
    assert tree().batched().batch_shape == (1,)
    assert numbers(tree().batched().element(0)) == numbers(tree())
    with pytest.raises(ct.InputError, match="index: found 1 indices; the batch has 2 axes"):
        instance.element(0)


def test_a_batch_of_step_rewards_of_a_kernel():
    space = ct.Kernel([[[0, 0]]], [[[0.5, 0.5]]], 1)
    steps = np.arange(6.0).reshape(3, 1, 1, 2)
    instance = ct.Instance(space, [1.0], [[[1.0]]], [[[1.0]]], step_reward=[steps])
    assert instance.batch_shape == (3,)
    assert instance.element(1).step_reward[0].tolist() == [[[2.0, 3.0]]]


def test_a_batch_is_not_saved(tmp_path):
    with pytest.raises(ct.InputError, match=r"batch: found batch axes \(2, 3\); save one instance"):
        batch().save(tmp_path / "batch.json")
    assert list(tmp_path.iterdir()) == []


def test_one_array_of_all_levels_is_ambiguous():
    space, table = ct.Automaton(np.zeros((2, 2), dtype=int), 3), np.full((3, 2, 2), 0.5)
    with pytest.raises(
        ct.InputError, match=r"mu: found one array of shape \(3, 2, 2\), .* give list\(array\)"
    ):
        ct.Instance(space, np.array([1, 0]), table, table, np.zeros(2))
    assert ct.Instance(space, np.array([1, 0]), list(table), list(table), np.zeros(2)).batch_shape == ()
