"""What needs whole paths: Delta by its definition, the worst reward, suffix TV."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given

import cppo_theory as ct
from cppo_theory import trees
from tests import convert, oracles, strategies
from tests.claims.common import jump_world, random_batch
from tests.oracles_world import World, product, total
from tests.tolerances import RELATIVE, ROUNDING

F = Fraction
TREES = strategies.worlds(128)
BY_PATHS = (trees.literal_residual, trees.worst_case_residual)


def gap(ratios):
    """G(y) = sum_t (rho_t - 1) - (rho_{1:T} - 1)."""
    return total(rho - 1 for rho in ratios) - (product(ratios) - 1)


def with_worst_reward(world: World) -> World:
    """R = sign G, by the oracle's ratios; 0 on responses of mu-probability 0."""
    reward = [F(0)] * world.sizes[-1]
    for y in world.trajectories:
        g = gap(y.ratios)
        reward[y.states[-1]] = F((g > 0) - (g < 0))
    return replace(world, final_reward=tuple(reward), steps=None)


@given(TREES)
def test_the_residual_by_its_definition(world):
    instance = convert.instance(world)
    expected = oracles.residual(world)
    assert trees.literal_residual(instance).item() == expected
    assert ct.evaluate(instance).residual == expected


@given(TREES)
def test_complete_paths(world):
    instance = convert.instance(world)
    laws, returns, gaps = (f(instance) for f in (trees.path_probability, trees.path_return, trees.path_gap))
    assert laws.shape == returns.shape == gaps.shape == (world.sizes[-1],)
    for y in world.trajectories:
        last = y.states[-1]
        assert (laws[last], returns[last]) == (y.prob_mu, y.total_reward)
        if y.prob_mu > 0:
            assert gaps[last] == gap(y.ratios)
    assert total(laws) == 1


@given(TREES)
def test_the_worst_reward_attains_the_worst_case(world):
    expected = oracles.worst_case_residual(world)
    assert trees.worst_case_residual(convert.instance(world)).item() == expected
    assert ct.evaluate(convert.instance(with_worst_reward(world))).residual == expected
    assert abs(oracles.residual(world)) <= oracles.reward_bound(world) * expected


@given(TREES)
def test_suffix_tv(world):
    found = trees.suffix_tv(convert.instance(world))
    assert [level.tolist() for level in found] == oracles.suffix_tv(world)
    assert all(isinstance(x, Fraction) for level in found for x in level)
    kept = ct.evaluate(convert.instance(world), keep=["suffix_tv"]).suffix_tv
    assert [level.tolist() for level in kept] == oracles.suffix_tv(world)


def test_by_hand():
    # Jump family, l = (1/10, 1/10), p = 1/10: rho = 2 on a jump, 8/9 else. G = (rho_1 - 1)(1 - rho_2): -1
    # after two jumps (1/100), 1/9 after one (18/100), -1/81 without (81/100): E|G| = 1/100 + 2/100 + 1/100.
    instance = convert.instance(jump_world([F(1, 10)] * 2, F(1, 10)))
    assert trees.path_gap(instance).tolist() == [-1, F(1, 9), F(1, 9), F(-1, 81)]
    assert trees.path_probability(instance).tolist() == [F(1, 100), F(9, 100), F(9, 100), F(81, 100)]
    assert trees.worst_case_residual(instance).item() == F(1, 25)
    assert trees.literal_residual(instance).item() == F(1, 25)  # its reward is sign G
    # P(pi) - P(mu) of the paths 00, 01, 10, 11: 4 - 1, 16 - 9, 16 - 9, 64 - 81, in hundredths.
    assert trees.suffix_tv(instance)[0].tolist() == [F(17, 100)]
    assert trees.suffix_tv(instance)[1].tolist() == [F(1, 10)] * 2


def test_the_jump_family_is_the_worst_case():
    assert ct.jump_family([F(3, 10), F(1, 20), F(3, 20)], F(1, 100)).reward.tolist() == list(
        jump_world([F(3, 10), F(1, 20), F(3, 20)], F(1, 100)).final_reward
    )


@given(TREES)
def test_floats_agree_with_fractions(world):
    exact, close = convert.instance(world), convert.float_instance(world)
    for f in (*BY_PATHS, trees.path_gap, trees.path_return, trees.path_probability):
        np.testing.assert_allclose(f(close), f(exact).astype(float), rtol=RELATIVE, atol=ROUNDING)


def test_batch_is_one_by_one():
    batch = random_batch(ct.PrefixTree(3, 3, prompts=2), 4, seed=3)
    for i in range(4):
        alone = batch.element(i)
        for f in (*BY_PATHS, trees.path_gap, trees.path_return, trees.path_probability):
            np.testing.assert_allclose(f(batch)[i], f(alone), rtol=0, atol=ROUNDING)
        for level, own in zip(trees.suffix_tv(batch), trees.suffix_tv(alone), strict=True):
            np.testing.assert_allclose(level[i], own, rtol=0, atol=ROUNDING)
