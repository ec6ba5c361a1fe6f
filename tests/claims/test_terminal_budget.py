"""Eq. (18): `eq-18-terminal` and `eq-18-weights`."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from cppo_theory import bounds
from tests import oracles, oracles_bounds, strategies
from tests.claims.common import (
    BATCH_SPACES,
    Limits,
    assert_batch_is_one_by_one,
    assert_floats_agree,
    assert_needed,
    assert_sides,
    cases,
    jump_world,
    random_batch,
    unit,
    verdict,
)
from tests.claims.examples import BY_HAND, plain, spend_first
from tests.oracles_world import ONE, ZERO, total

F = Fraction
IDS = ["eq-18-terminal", "eq-18-weights"]
TERMINAL = ("thresholds", "terminal-budget", "unit-weights")


def terminal_delta_b(x):
    """The smallest delta_b with S_{T-1} <= delta_b W_{T-1} on every path, unless it is prescribed."""
    if x.limits.delta_b is not None:
        return x.delta_b
    spent = oracles.cum_budget(x.world, x.weights)[x.horizon - 1]
    return spent / total(x.weights[:-1]) if x.horizon > 1 else ZERO


@given(cases(), st.booleans())
def test_terminal_against_enumeration(x, unweighted):
    if unweighted:
        x = replace(x, limits=replace(x.limits, weights=[ONE] * x.horizon))
    bound = oracles_bounds.eq_18_terminal(x.xi, x.horizon, x.ell_max, terminal_delta_b(x))
    assert_sides(x.world, "eq-18-terminal", x.abs_residual, bound, x.limits, TERMINAL)


@given(cases(), st.sampled_from([1, 3]))
def test_weights_against_enumeration(x, scale):
    x = replace(x, limits=replace(x.limits, weights=[scale * w for w in x.weights]))
    if x.horizon == 1:
        assert verdict(x.world, "eq-18-weights", x.limits).failed == ("two-tokens",)
        return
    largest, mean = oracles_bounds.eq_18_weights(x.xi, x.ell_max, x.weights)
    assert_sides(x.world, "eq-18-weights", mean, largest, x.limits, ["two-tokens"])
    proportional = len({w / (x.horizon - t) for t, w in enumerate(x.weights[:-1], start=1)}) == 1
    assert (mean == largest) == (proportional or x.xi * x.ell_max == 0)


def test_terminal_by_hand():
    # lbar = 1/2, S_1 = D_1 = 1/4: 4 * 4 * 1/2 * 1 * 1/4; with c = 3/4 and delta_b = 1/3: 16 * 3/4 * 1/3.
    assert_sides(BY_HAND, "eq-18-terminal", F(3, 4), F(2), hypotheses=TERMINAL)
    limits = unit(2, [F(3, 4)] * 2, F(1, 3))
    assert_sides(BY_HAND, "eq-18-terminal", F(3, 4), F(4), limits, TERMINAL)
    # D = (1/2, 0, 1/4): the last prefix allows (1/2 + 0) / 2, the first one (Theorem 1) 1/2:
    # 4 * 1/2 * 2^2 * 1/4 = 2 and 2 * 3 * 2 * 1/2 * 1/2 = 3.
    early = jump_world([F(1, 2), 0, F(1, 4)], F(1, 4))
    assert verdict(early, "eq-18-terminal").rhs == 2
    assert verdict(early, "thm-1").rhs == 3


def test_weights_by_hand():
    # xi = 3, lbar = 1/4, T = 3: lambda = 3 (2, 1). w = (1, 1/2): 9 / (3/2) = 6 and 6/1 = 3 / (1/2);
    # w = (1, 1): 9/2 and 6; w = (1, 1/4): 9 / (5/4) = 36/5 and 12. The last weight does not matter.
    for second, sides in ((F(1, 2), (6, 6)), (1, (F(9, 2), 6)), (F(1, 4), (F(36, 5), 12))):
        limits = Limits([1, second, F(1, 7)], [F(1, 4), 0, F(1, 28)])
        found = verdict(plain(3), "eq-18-weights", limits)
        assert (found.lhs, found.rhs) == sides


@given(strategies.settings(range(2, 13)))
def test_the_ratio_to_theorem_1(s):
    # 4 (T - 1)^2 / (2 T (T - 1)) = 2 - 2/T.
    terminal = bounds.eq_18_terminal(F(2, 3), s.horizon, s.delta, s.delta_b)
    assert terminal / bounds.thm_1(F(2, 3), s.horizon, s.delta, s.delta_b) == 2 - F(2, s.horizon)


@pytest.mark.parametrize(
    ("horizon", "delta", "delta_b", "value"),
    [
        # 8191^2 = 67092481, times 4 * .00225; 16383^2 = 268402689, times 4 * .004.
        (8192, F(3, 20), F(3, 200), "603832.329"),
        (16384, F(1, 5), F(1, 50), "4294443.024"),
    ],
)
def test_values_at_the_settings_of_the_paper(horizon, delta, delta_b, value):
    terminal = bounds.eq_18_terminal(1, horizon, delta, delta_b)
    assert terminal == F(value)
    assert terminal / bounds.thm_1(1, horizon, delta, delta_b) == 2 - F(2, horizon)


def test_terminal_equality():
    # T = 2: the same budget as Theorem 1's, |Delta| = 4 D_1 D_2 for every p.
    found = verdict(jump_world([F(1, 10), F(1, 2)], F(1, 3)), "eq-18-terminal")
    assert found.lhs == found.rhs == F(1, 5)
    # T >= 3, the smallest slack known on every path: D = delta -> 0 everywhere has 2 T (T - 1) delta^2, which
    # is 1 / (2 - 2/T) of the bound. To leading order no path budget does better at T = 3: with D_1 = x and
    # D_2 = 2 b - x it is 4 [x (2 b - x) + 2 b l], largest at x = b, against 16 l b, b <= l.
    small = verdict(jump_world([F(1, 10**4)] * 3, F(1, 10**9)), "eq-18-terminal")
    assert F(7499, 10000) < small.lhs / small.rhs < F(3, 4)
    # In the mean all of the budget can go to the first token: u = (delta, 0) as delta -> 0.
    size = F(1, 10**4)
    world = spend_first(3, size, F(1, 10**9))
    budget = sum(oracles.expected_tv(world)[:2]) / 2
    found = verdict(world, "eq-18-terminal", unit(3, [size] * 3, budget), drop=["terminal-budget"])
    assert found.status == "holds"
    assert F(999, 1000) < found.lhs / found.rhs < 1


def test_hypotheses_are_needed():
    pair = jump_world([F(1, 2)] * 2, F(1, 10))  # |Delta| = 4 * 1/2 * 1/2, the bound is 4 lbar delta_b
    tight = assert_needed(pair, "eq-18-terminal", "thresholds", unit(2, [F(1, 10)] * 2, F(1, 2)))
    limits = unit(2, [F(1, 2)] * 2, F(1, 10))
    assert tight == assert_needed(pair, "eq-18-terminal", "terminal-budget", limits) == (1, F(1, 5))
    # w = (1/10, 1): D_1 = 1/2 alone is 11 times delta_b = 1/20 / (11/10) = 1/22. |Delta| = 4 * 1/2 * 1/2
    # again, and 16 * 1/2 * 1/22 = 4/11.
    apart = jump_world([F(1, 2), 0, F(1, 2)], F(1, 10))
    weighted = Limits([F(1, 10), 1, 1])
    assert assert_needed(apart, "eq-18-terminal", "unit-weights", weighted) == (1, F(4, 11))
    # "two-tokens" of the weights: for T = 1 both sides are empty, so nothing can be violated.
    single = verdict(plain(1), "eq-18-weights", drop=["two-tokens"])
    assert (single.status, single.lhs, single.rhs) == ("holds", 0, 0)


@pytest.mark.parametrize("space", BATCH_SPACES)
def test_floats(space):
    horizon = space.horizon
    given_limits = [ct.Constraints.schedule(horizon, w_min=0.5), ct.Constraints.schedule(horizon, 0.5, 0.4)]
    seen = [assert_batch_is_one_by_one(random_batch(space), IDS, x) for x in (None, *given_limits)]
    assert set.union(*seen) == {"holds", "not applicable"}


def test_floats_against_fractions():
    assert_floats_agree(BY_HAND, IDS)
    assert_floats_agree(BY_HAND, IDS, unit(2, [F(1, 2)] * 2, F(1, 4)))
    assert_floats_agree(BY_HAND, IDS, Limits([1, F(1, 2)], [F(1, 4)] * 2, F(1, 5)))
