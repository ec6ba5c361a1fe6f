"""The loops that the trainer is measured against do the same work."""

import numpy as np
import pytest

from benchmarks.training import Case, numpy_loop, one_by_one, torch_loop, train
from cppo_theory.tasks import task
from simulations.world import World
from tests.tolerances import ROUNDING


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_loop_over_tokens_gives_the_same_logits(seeds):
    case = Case(seeds, horizon=6)
    np.testing.assert_allclose(case.ours(), numpy_loop(case), rtol=0, atol=ROUNDING)
    assert np.abs(case.ours() - case.logits).max() > 0.01


@pytest.mark.torch
def test_the_loop_in_torch_gives_the_same_logits():
    case = Case(2, horizon=6)
    np.testing.assert_allclose(case.ours(), torch_loop(case), rtol=0, atol=ROUNDING)


def test_seeds_one_by_one_give_the_same_logits():
    world = World.of(task("modular-sum", horizon=6, actions=4))
    np.testing.assert_array_equal(train(world, [3, 1, 2], True), one_by_one(world, [3, 1, 2], False))
