"""An instance with batch axes is evaluated as its elements one by one."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.evaluation import KEEP
from cppo_theory.policy import random_policy
from tests.test_evaluation import ALWAYS, HALF, OF_PATHS
from tests.tolerances import RELATIVE, ROUNDING

F = Fraction


def assert_one_by_one(batch: ct.Instance, keep, weights=None):
    together = ct.evaluate(batch, keep, weights)
    for index in np.ndindex(batch.batch_shape):
        alone = ct.evaluate(batch.element(*index), keep, weights)
        for name in [*ALWAYS, *keep]:
            found, expected = getattr(together, name), getattr(alone, name)
            pairs = zip(found, expected, strict=True) if isinstance(found, list) else [(found, expected)]
            for x, y in pairs:
                assert np.shape(x[index]) == np.shape(y)
                np.testing.assert_allclose(
                    np.asarray(x[index], dtype=float),
                    np.asarray(y, dtype=float),
                    rtol=RELATIVE,
                    atol=ROUNDING,
                )


TREE = ct.PrefixTree(3, 3, prompts=2)
AUTOMATON = ct.Automaton([[[0, 1, 2], [2, 1, 0]], [[0, 0, 1]] * 3], 2)
KERNEL = ct.Kernel([[[0, 1], [1, 1], [1, 0]]] * 2, [[[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]]] * 2, 3)


@pytest.mark.parametrize("space", [TREE, AUTOMATON, KERNEL], ids=lambda space: space.kind)
@pytest.mark.parametrize("fields", ["all", "initial", "mu", "pi", "reward", "step_reward", "mu reward"])
def test_batch_axes_are_one_by_one(space, fields):
    """Of one field or of all; what has no batch axis is shared."""
    rng = np.random.default_rng(8)

    def batch(field):
        return (2, 3) if field in fields.split() or fields == "all" else ()

    def policy(field):
        return random_policy(space.sizes, space.actions, rng, batch(field))

    def step(n):
        trailing = (n, 3, 2) if space is KERNEL else (n, 3)
        return rng.standard_normal((*batch("step_reward"), *trailing))

    instance = ct.Instance(
        space,
        rng.dirichlet(np.ones(space.sizes[0]), size=batch("initial") or None),
        policy("mu"),
        policy("pi"),
        rng.standard_normal((*batch("reward"), space.sizes[-1])),
        [step(n) for n in space.sizes[:-1]],
    )
    assert instance.batch_shape == (2, 3)
    keep = [name for name in KEEP if space is TREE or name not in OF_PATHS]
    assert_one_by_one(instance, keep)
    assert_one_by_one(instance, [], np.array([1.0, 0.5, 0.25])[: space.horizon])


def test_an_exact_batch():
    rewards = np.array([[F(1), F(-3), F(2), F(0)], [F(1, 3), F(5), F(0), F(-1, 7)]])
    moved = [np.array([[F(2, 3), F(1, 3)]]), np.array([[F(1, 2), F(1, 2)], [F(1, 5), F(4, 5)]])]
    mu = [HALF, np.vstack([HALF, HALF])]
    batch = ct.Instance(ct.PrefixTree(2, 2), [1], mu, moved, rewards)
    values = ct.evaluate(batch, keep=["suffix_tv", "worst_case_residual"])
    for i in range(2):
        alone = ct.evaluate(batch.element(i))
        assert {name: np.asarray(getattr(values, name)[i]).tolist() for name in ALWAYS} == {
            name: np.asarray(getattr(alone, name)).tolist() for name in ALWAYS
        }
    assert all(isinstance(x, Fraction) for name in ALWAYS for x in np.asarray(getattr(values, name)).flat)


def test_an_infinite_kl_stays_in_its_element():
    # pi = (0, 1) in the first element only; in the second pi = mu.
    pi = np.array([[[F(0), F(1)]], [[F(1, 2), F(1, 2)]]])
    batch = ct.Instance(ct.PrefixTree(2, 1), [1], [HALF], [pi])
    assert ct.evaluate(batch, keep=["expected_kl_mu_pi"]).expected_kl_mu_pi.tolist() == [[inf], [0]]


def test_batch_axes_must_agree():
    with pytest.raises(
        ct.InputError, match=r"reward: found batch axes \(3,\); the tables before it have \(2,\)"
    ):
        ct.Instance(ct.PrefixTree(2, 1), np.ones((2, 1)), [HALF], [HALF], np.zeros((3, 2)))
