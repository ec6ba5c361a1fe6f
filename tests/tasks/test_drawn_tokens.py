"""The tokens that a uniform number picks, by bisection, against counting."""

import numpy as np
import pytest

from cppo_theory.tasks.sampling import bisectable, cumulative, drawn_tokens


@pytest.mark.parametrize("actions", [1, 2, 3, 4, 5, 7, 8, 9, 33, 64])
def test_bisection_is_counting(actions):
    rng = np.random.default_rng(actions)
    table = rng.dirichlet(np.ones(actions), size=40)
    table[rng.random(table.shape) < 0.3] = 0
    table[table.sum(-1) == 0, 0] = 1
    table /= table.sum(-1, keepdims=True)
    rows, drawn = rng.integers(0, 40, 3_000), rng.random(3_000)
    drawn[:40], rows[:40] = 0.0, np.arange(40)
    drawn[40:80], rows[40:80] = np.nextafter(1.0, 0.0), np.arange(40)
    tokens = drawn_tokens(bisectable(cumulative(table)), rows, drawn)
    sums = np.cumsum(table, axis=-1)
    possible = np.flatnonzero  # the last possible action has what rounding leaves below 1
    expected = [min((sums[s] <= u).sum(), possible(table[s])[-1]) for s, u in zip(rows, drawn, strict=True)]
    assert tokens.tolist() == expected
    assert (table[rows, tokens] > 0).all()


def test_a_number_on_a_step_draws_the_next_token():
    levels = bisectable(cumulative(np.array([[0.25, 0.25, 0.0, 0.5]])))
    numbers = np.array([0.0, 0.25, 0.5, 0.75])
    assert drawn_tokens(levels, np.zeros(4, dtype=int), numbers).tolist() == [0, 1, 3, 3]
