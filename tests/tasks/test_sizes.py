"""From T = V = 2 to T = 16,384 and V = 64: every task is built, walked and evaluated."""

import numpy as np
import pytest

from cppo_theory.recursions import fold_back
from cppo_theory.tasks import TASKS, sample, task
from tests.tolerances import LONG

LEAST = {
    "brackets": {"horizon": 2, "kinds": 1, "depth": 1},
    "addition": {"horizon": 3, "actions": 3},
    "stopping": {"horizon": 2, "actions": 3},
    "modular-sum": {"horizon": 2, "actions": 2, "modulus": 2},
    "random-automaton": {"horizon": 2, "actions": 2, "states": 2},
}
LARGEST = {
    "brackets": {"kinds": 4, "depth": 3},
    "random-automaton": {"actions": 64, "states": 8, "accepting": 2},
}
# The uniform policy: V^-L, V^-(L + 1), V^-(digits + 2), 1/V; every residue and state equally likely in the
# long run; think tokens end somewhere: "s1 s2 s3 end" among them, each step right with probability 1/63.
VALUES = {
    "password": 64.0**-4,
    "modular-sum": 1 / 7,
    "addition": 64.0**-5,
    "commitment": 64.0**-4,
    "state-tracking": 1 / 6,
    "needle": 1 / 64,
    "stopping": 63.0**-4,
    "random-automaton": 2 / 8,
}


@pytest.mark.parametrize("name", TASKS)
def test_the_smallest(name):
    made = task(name, **LEAST.get(name, {"horizon": 2, "actions": 2}))
    table = np.full((made.space.sizes[0], made.actions), 1 / made.actions)
    assert set(sample(made, table, 20, np.random.default_rng(1)).states[:, 0]) == set(made.prompts)


@pytest.mark.parametrize("name", TASKS)
def test_the_longest(name):
    made = task(name, horizon=16_384, **LARGEST.get(name, {"actions": 64}))
    assert len({id(marks) for marks in made.ended}) == 1
    table = np.full((made.space.sizes[0], made.actions), 1 / made.actions)
    drawn = sample(made, table, 2, np.random.default_rng(1))
    assert drawn.tokens.shape == (2, 16_384)
    instance = made.instance(table, table)
    assert len({id(rows) for rows in instance.mu}) == 1
    values = fold_back(instance, ("value_mu",))[0]["value_mu"]
    found = sum(values[state] for state in made.prompts) / len(made.prompts)
    if name in VALUES:
        assert abs(found / VALUES[name] - 1) <= LONG
    else:
        assert 0 < found < 1


def test_deep_brackets():
    made = task("brackets", horizon=16_384, depth=1500, prompts=1500)
    assert made.space.sizes[0] == 1501 + 2
    assert made.describe(0, 3) == "open: ((("
