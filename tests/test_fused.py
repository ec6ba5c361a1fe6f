"""The fused float pass on trees against the generic fold, which `keep=["overlap"]` takes."""

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory import fused
from cppo_theory.policy import random_policy
from tests.tolerances import RELATIVE, ROUNDING

SUMS = ["value_mu", "value_pi", "surrogate", "residual", "root_overlap"]


def assert_fused_is_generic(shape, batch=(), seed=0):
    actions, horizon, prompts = shape
    rng = np.random.default_rng(seed)
    space = ct.PrefixTree(actions, horizon, prompts)
    mu, pi = (random_policy(space.sizes, actions, rng, batch) for _ in range(2))
    law, leaves = rng.dirichlet(np.ones(prompts), size=batch or None), (*batch, space.sizes[-1])
    steps = [rng.standard_normal(table.shape) for table in mu] if seed % 2 else None
    instance = ct.Instance(space, law, mu, pi, rng.standard_normal(leaves), steps)
    by_fused, by_fold = ct.evaluate(instance), ct.evaluate(instance, keep=["overlap"])
    for name in SUMS:
        np.testing.assert_allclose(
            getattr(by_fused, name), getattr(by_fold, name), rtol=RELATIVE, atol=ROUNDING
        )
    roots = fused.fused_tree(law, mu, pi, instance.reward, steps)
    np.testing.assert_allclose(roots.expected_tv, by_fold.expected_tv, rtol=0, atol=ROUNDING)


SHAPES = [
    (1, 5, 2),
    (2, 1, 1),
    (2, 10, 3),
    (3, 6, 1),
    (4, 5, 2),
    (5, 4, 7),
    (8, 3, 3),
    (17, 2, 1),
    (70, 2, 2),
]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_fused_is_generic(shape, seed):
    assert_fused_is_generic(shape, seed=seed)
    assert_fused_is_generic(shape, batch=(2, 3), seed=seed)


@pytest.mark.parametrize("shape", [(2, 11, 3), (3, 7, 2), (9, 4, 1)])
def test_fused_in_small_blocks(shape, monkeypatch):
    """Blocks that cut the levels and the elements of a batch, as only large trees do by themselves."""
    monkeypatch.setattr(fused, "CHUNK", 96)
    monkeypatch.setattr(fused, "ROWS", 16 * 1024)
    assert_fused_is_generic(shape, seed=1)
    assert_fused_is_generic(shape, batch=(3,), seed=1)
