"""Exact policy gradients: against differences of the exact value, uphill, nothing after the end."""

from itertools import pairwise

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.policy import softmax
from cppo_theory.tasks import TASKS, ascend, gradient, task
from tests.tasks.common import every_setting, every_task, make
from tests.tolerances import DIFFERENCE, ROUNDING

STEP = 1e-4


def logits_of(made, shared, seed):
    """Gaussian logits of every level, or one table for all."""
    rng = np.random.default_rng(seed)
    sizes = made.space.sizes[:1] if shared else made.space.sizes[:-1]
    return [rng.standard_normal((n, made.actions)) for n in sizes]


def policy_of(made, logits):
    return softmax(logits) * (made.horizon if len(logits) == 1 else 1)


def value(made, logits):
    policy = policy_of(made, logits)
    return ct.evaluate(made.instance(policy, policy)).value_mu


def differences(made, logits):
    """Central differences of J in every logit, as one batch of policies."""
    flat = np.concatenate([table.ravel() for table in logits])
    moved = flat + STEP * np.concatenate([np.eye(len(flat)), -np.eye(len(flat))])
    ends = np.cumsum([table.size for table in logits])[:-1]
    parts = np.split(moved, ends, axis=1)
    batch = [part.reshape(-1, *table.shape) for part, table in zip(parts, logits, strict=True)]
    slopes = np.subtract(*np.split(value(made, batch), 2)) / (2 * STEP)
    return [s.reshape(table.shape) for s, table in zip(np.split(slopes, ends), logits, strict=True)]


@every_setting
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "per-level"])
def test_the_gradient_is_the_slope_of_the_value(name, given, shared):
    made = make(name, given)
    logits = logits_of(made, shared, seed=1)
    found, expected = gradient(made, logits), differences(made, logits)
    assert [table.shape for table in found] == [table.shape for table in logits]
    for slope, difference in zip(found, expected, strict=True):
        np.testing.assert_allclose(slope, difference, rtol=0, atol=DIFFERENCE)
    assert max(np.abs(slope).max() for slope in found) > 100 * DIFFERENCE
    for t, slope in enumerate(found):
        assert not slope[made.ended[t]].any()
        np.testing.assert_allclose(slope.sum(-1), 0, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "per-level"])
@pytest.mark.parametrize("name", TASKS)
def test_ascent_increases_the_value(name, shared):
    made = task(name, horizon=8)
    logits = logits_of(made, shared, seed=2)
    values = [value(made, logits)]
    for _ in range(4):
        logits = ascend(made, logits, steps=2, rate=1.0)
        values.append(value(made, logits))
    assert all(after > before for before, after in pairwise(values))


def test_ascent_is_its_steps_one_by_one():
    made = task("stopping", horizon=5)
    logits = logits_of(made, True, seed=3)
    kept = logits[0].copy()
    by_hand = logits[0] + 0.5 * gradient(made, logits)[0]
    by_hand = by_hand + 0.5 * gradient(made, [by_hand])[0]
    (found,) = ascend(made, logits, steps=2, rate=0.5)
    assert (found == by_hand).all()
    assert (logits[0] == kept).all()
    assert ascend(made, logits, steps=0, rate=0.5)[0] is logits[0]


def test_a_needle_is_learned():
    made = task("needle", horizon=12, actions=3)
    start = [np.zeros((n, 3)) for n in made.space.sizes[:-1]]
    end = ascend(made, start, steps=60, rate=8.0)
    assert value(made, start) == pytest.approx(1 / 3)
    assert value(made, end) > 0.98
    moved = [t for t in range(12) if np.abs(end[t]).max() > ROUNDING]
    assert moved == [5]  # position 6 alone decides


@every_task
def test_trained_policies_do_not_differ_after_the_end(name, given):
    made = make(name, given)
    before = logits_of(made, True, seed=4)
    after = ascend(made, before, steps=2, rate=4.0)
    kept = ct.evaluate(made.instance(policy_of(made, before), policy_of(made, after)), keep=["token_tv"])
    assert kept.value_pi > kept.value_mu
    assert all(not tv[over].any() for tv, over in zip(kept.token_tv, made.ended, strict=True))


def test_lists_of_numbers_are_logits_too():
    made = task("modular-sum", horizon=2, actions=2, modulus=2)
    exact = np.array([[0, 1], [2, 0]])
    assert (gradient(made, [exact.tolist()])[0] == gradient(made, [exact.astype(float)])[0]).all()
    assert (ascend(made, [exact.tolist()], 1, 1.0)[0] == ascend(made, [exact], 1, 1.0)[0]).all()
