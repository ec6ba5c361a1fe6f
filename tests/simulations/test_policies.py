"""Policies and optimisers: gradients against differences, explicit starts, seeds apart, steps by hand."""

import math

import numpy as np
import pytest

from simulations.optimizers import OPTIMIZERS, adam, sgd
from simulations.policies import FREQUENCIES, MLP, Tabular, features, log_softmax
from tests.simulations.common import every_world, logits, make, policy
from tests.tolerances import DIFFERENCE, ROUNDING

STEP = 1e-4
WORLD = ("stopping", {"horizon": 4, "actions": 3, "length": 2, "prompts": 2})


def filled(made, seed=0):
    """A policy of three seeds whose parameters are all different and none is 0."""
    rng = np.random.default_rng(seed)
    made.parameters = [rng.standard_normal(p.shape) for p in made.parameters]
    return made


@pytest.mark.parametrize("kind", ["tabular", "mlp"])
@pytest.mark.parametrize("states", [[0, 1, 2, 3, 4], [3, 0]])
def test_the_pullback_is_the_gradient(kind, states):
    # f = sum of coefficients times tanh(logits): its slope at the logits goes through the pullback
    world, states = make(*WORLD), np.array(states)
    made = filled(policy(kind, world, [0, 1, 2]))
    weights = np.random.default_rng(1).standard_normal((3, len(states), world.actions))

    def value():
        return (weights * np.tanh(made.logits(states)[0])).sum((1, 2))

    found, pullback = made.logits(states)
    slopes = pullback(weights * (1 - np.tanh(found) ** 2))
    assert [x.shape for x in slopes] == [p.shape for p in made.parameters]
    for slope, parameter in zip(slopes, made.parameters, strict=True):
        for place in np.ndindex(parameter.shape[1:]):
            whole = (slice(None), *place)
            kept = parameter[whole].copy()
            parameter[whole] = kept + STEP
            above = value()
            parameter[whole] = kept - STEP
            below = value()
            parameter[whole] = kept
            # third derivatives reach a few dozen here
            np.testing.assert_allclose(
                slope[whole], (above - below) / (2 * STEP), rtol=0, atol=30 * DIFFERENCE
            )
    assert max(np.abs(slope).max() for slope in slopes) > 0.1


def test_the_start_of_a_table_is_explicit_and_shared():
    start = logits(make(*WORLD), 1)[0]
    made = Tabular(start, [4, 5])
    every = np.arange(len(start))
    np.testing.assert_array_equal(made.logits(every)[0], [start, start])
    made.parameters[0][0] += 1
    np.testing.assert_array_equal(made.logits(every)[0][1], start)
    assert made.parameters[0].base is None or not np.shares_memory(made.parameters[0], start)


@every_world
def test_a_network_starts_at_its_start(name, given):
    world = make(name, given)
    every, start = np.arange(world.rows), logits(world, 1)[0]
    np.testing.assert_array_equal(MLP(world, [1, 2], 4).logits(every)[0], 0)
    found = MLP(world, [1, 2], 4, start)
    np.testing.assert_array_equal(found.logits(every)[0], [start, start])
    np.testing.assert_array_equal(found.logits(every[::-1])[0], [start[::-1]] * 2)
    filled(found)
    plain = MLP(world, [1, 2], 4)
    plain.parameters = found.parameters
    np.testing.assert_allclose(
        found.logits(every)[0], plain.logits(every)[0] + start, rtol=0, atol=10 * ROUNDING
    )


def test_a_network_by_hand():
    world = make(*WORLD)
    made = filled(MLP(world, [0, 1], 2))
    w, b, v, c = made.parameters
    states = int(world.row_state.max()) + 1
    for row in range(world.rows):
        t, s = int(world.row_level[row]), int(world.row_state[row])
        turn = [2 * math.pi * k * t / world.horizon for k in range(1, FREQUENCIES + 1)]
        x = [float(i == s) for i in range(states)] + [f(a) for f in (math.cos, math.sin) for a in turn]
        np.testing.assert_allclose(features(world)[row], x, rtol=0, atol=ROUNDING)
        for seed in range(2):
            hidden = [
                math.tanh(sum(x[i] * w[seed, i, j] for i in range(len(x))) + b[seed, 0, j]) for j in range(2)
            ]
            out = [sum(hidden[j] * v[seed, j, a] for j in range(2)) + c[seed, 0, a] for a in range(3)]
            np.testing.assert_allclose(made.logits(np.array([row]))[0][seed, 0], out, rtol=0, atol=ROUNDING)


def test_initial_weights_belong_to_the_seed():
    world = make(*WORLD)
    one, other = MLP(world, [8, 3, 8]), MLP(world, [3])
    first = one.parameters[0]
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_array_equal(first[1], other.parameters[0][0])
    assert (first[0] != first[1]).all()
    assert 0.7 < first[:2, : int(world.row_state.max()) + 1].std() < 1.3  # of order 1 on the one-hot state


@pytest.mark.parametrize("kind", ["tabular", "mlp"])
def test_the_bits_of_a_seed_do_not_depend_on_its_neighbours(kind):
    world, seeds = make("brackets", {"horizon": 12, "depth": 6, "prompts": 6}), list(range(13))
    every = np.arange(world.rows)
    together = filled(policy(kind, world, seeds))
    slope = logits(world, len(seeds), seed=9)
    found, pullback = together.logits(every)
    whole = pullback(slope)
    for part in (slice(0, 1), slice(4, 6), slice(12, 13)):
        few = policy(kind, world, seeds[part])
        few.parameters = [p[part].copy() for p in together.parameters]
        mine, pull = few.logits(every)
        np.testing.assert_array_equal(mine, found[part])
        for x, y in zip(pull(slope[part]), whole, strict=True):
            np.testing.assert_array_equal(x, y[part])


def test_log_softmax():
    # log(1/7), log(2/7), log(4/7) for logits log 1, 2, 4, shifted by anything
    x = np.log([1.0, 2.0, 4.0])
    for shift in (0.0, 800.0, -800.0):
        np.testing.assert_allclose(log_softmax(x + shift), x - math.log(7), rtol=0, atol=ROUNDING)


def test_two_steps_of_sgd():
    # 1 + .5 * 2 = 2, then 2 + .5 * (-1) = 1.5
    step = sgd(0.5)
    (once,) = step([np.array([1.0])], [np.array([2.0])])
    (twice,) = step([once], [np.array([-1.0])])
    assert (once.tolist(), twice.tolist()) == ([2.0], [1.5])


def test_two_steps_of_adam():
    # rate .1, gradients 2 then -1, from 1.  m = .2, v = .004; corrected m = .2/.1 = 2, v = .004/.001 = 4:
    # 1 + .1 * 2 / (2 + 1e-8) = 1.1 - 5e-10.  Then m = .9 * .2 - .1 = .08, v = .999 * .004 + .001 = .004996;
    # corrected: .08 / (1 - .81) = 8/19, .004996 / (1 - .998001) = .004996 / .001999 = 4996/1999:
    # + .1 * (8/19) / (sqrt(4996/1999) + 1e-8).
    step = adam(0.1)
    (once,) = step([np.array([[1.0]])], [np.array([[2.0]])])
    (twice,) = step([once], [np.array([[-1.0]])])
    first = 1 + 0.2 / (2 + 1e-8)
    second = first + 0.1 * (8 / 19) / (math.sqrt(4996 / 1999) + 1e-8)
    assert once[0, 0] == pytest.approx(first, abs=ROUNDING)
    assert twice[0, 0] == pytest.approx(second, abs=ROUNDING)


def test_optimisers_keep_their_arguments_and_their_own_memory():
    for make_step in OPTIMIZERS.values():
        one, other = make_step(0.1), make_step(0.1)
        theta, slope = [np.ones((2, 3)), np.ones((2, 1))], [np.full((2, 3), 2.0), np.full((2, 1), -1.0)]
        one(theta, slope)
        again = one(theta, [-s for s in slope])
        fresh = other(theta, slope)
        assert all((p == 1).all() for p in theta)
        assert (slope[0] == 2).all()
        assert (fresh[0] > 1).all()
        assert (fresh[1] < 1).all()
        assert [x.shape for x in again] == [(2, 3), (2, 1)]
