"""Proposition 8 and the slack that Eq. (8) leaves: `prop-8` and `eq-8-slack`."""

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
    SPACES,
    Limits,
    Symbols,
    assert_batch_is_one_by_one,
    assert_floats_agree,
    assert_needed,
    assert_sides,
    cases,
    jump_world,
    random_batch,
    stacked,
    unit,
    verdict,
)
from tests.claims.examples import BY_HAND, spend_first
from tests.oracles_world import ONE, ZERO, total

F = Fraction
IDS = ["prop-8", "eq-8-slack"]
PROP_8 = ("thresholds", "falling-ratio")


# --- Proposition 8 ----------------------------------------------------------------------------------------


@given(cases(), st.sampled_from([0, F(1, 3), 1]))
def test_prop_8_against_enumeration(x, part):
    # A part of the measured budget leaves a slack.
    x = Symbols(x.world, replace(x.limits, delta_b=part * x.delta_b) if part else x.limits)
    eta = oracles_bounds.expected_slack(x.u, x.weights, x.delta_b)
    bound = oracles_bounds.prop_8(x.xi, x.horizon, x.ell_max, x.delta_b, eta, x.weights[0])
    assert_sides(x.world, "prop-8", x.abs_residual, bound, x.limits, PROP_8)


def test_prop_8_by_hand():
    # lbar = 1/2, u = (1/4, 1/2 * 1/2), xi = 4. w_1 = 1/2 and delta_b = 1/10: only m = 1 counts,
    # eta = 1/2 (1/4 - 1/10) = 3/40, so 2 * 4 * 2 * 1/2 * 1/10 + 3/40 * 4 * 4 * 1/2 * 1 / (1/2) = 4/5 + 6/5.
    limits = Limits([F(1, 2), 1], delta_b=F(1, 10))
    assert_sides(BY_HAND, "prop-8", F(3, 4), F(2), limits, PROP_8)
    # With a budget that is kept there is no slack: Theorem 1, 16 * 1/2 * 1/3.
    assert_sides(BY_HAND, "prop-8", F(3, 4), F(8, 3), Limits([F(1, 2), 1], delta_b=F(1, 3)), PROP_8)


def test_prop_8_equality():
    # T = 2: 4 lbar delta_b + 4 lbar (D_1 - delta_b) = 4 D_2 D_1, whatever delta_b <= D_1 and w_1.
    for delta_b in (0, F(1, 20), F(1, 5)):
        limits = Limits([F(1, 2), 1], delta_b=delta_b)
        found = verdict(jump_world([F(1, 5), F(1, 2)], F(1, 3)), "prop-8", limits)
        assert found.lhs == found.rhs == F(2, 5)
    # T = 3, D = delta everywhere on half of the prompts, on the others at first only: u -> (1, 1/2) delta, so
    # delta_b = delta/2 leaves eta -> delta/2 at m = 1 and 2, and the bound 12 delta delta_b + 8 delta eta ->
    # 10 delta^2 is reached as delta -> 0.
    size = F(1, 10**4)
    found = verdict(spend_first(3, size, F(1, 10**9), F(1, 2)), "prop-8", unit(3, [size] * 3, size / 2))
    assert found.status == "holds"
    assert F(999, 1000) < found.lhs / found.rhs < 1


def test_prop_8_needs_its_hypotheses():
    # |Delta| = 4 * 1/2 * 1/2; c = 1/10: 4 * 1/10 * (delta_b + eta), delta_b + eta = D_1 = 1/2.
    pair = jump_world([F(1, 2)] * 2, F(1, 10))
    assert assert_needed(pair, "prop-8", "thresholds", unit(2, [F(1, 10)] * 2, F(1, 3))) == (1, F(1, 5))
    # As for Theorem 1: the rising ratio lets D_2 = 5 delta_b, and there is no slack.
    rising = Limits([1, F(1, 4), F(1, 4)])
    last_two = jump_world([0, F(1, 2), F(1, 2)], F(1, 10))
    assert assert_needed(last_two, "prop-8", "falling-ratio", rising) == (1, F(3, 5))
    # With the budget halved the slack is 1/4 * 1/2 - 1/20 * 5/4 = 1/16 at m = 2: 3/10 + 1/16 * 4 * 1/2 * 2.
    halved = replace(rising, delta_b=F(1, 20))
    assert assert_needed(last_two, "prop-8", "falling-ratio", halved) == (1, F(11, 20))


# --- Eq. (8) ----------------------------------------------------------------------------------------------


@st.composite
def kept_by_eq_8(draw):
    """Limits at, above and below the smallest delta for which Algorithm 1 keeps every token."""
    world = draw(SPACES)
    weights = draw(st.just([ONE] * world.horizon) | strategies.weights(world.horizon))
    delta_b = draw(st.sampled_from([0, F(1, 2), 1])) * oracles.delta_b(world, weights)
    smallest = oracles.eq_8_smallest_delta(world, weights, delta_b)
    delta = smallest * draw(st.sampled_from([ONE, ONE, F(3, 2), F(9, 10)]))
    return Symbols(world, Limits(weights, [delta] * world.horizon, delta_b))


def largest_excess(x: Symbols) -> F:
    """max over paths and m < T of S_m - delta_b W_m."""
    return max(
        total(w * (d - x.delta_b) for w, d in zip(x.weights[:m], path, strict=False))
        for path in oracles.path_tv(x.world)
        for m in range(1, x.horizon)
    )


@given(kept_by_eq_8() | cases())
def test_eq_8_against_algorithm_1(x):
    kept = oracles.eq_8_holds(x.world, x.weights, x.delta, x.delta_b)
    if x.horizon == 1:
        expected = () if kept else ("eq-8",)
        assert verdict(x.world, "eq-8-slack", x.limits).failed == ("two-tokens", *expected)
        return
    slack = oracles_bounds.eq_8_sharp_slack(x.weights, x.delta, x.delta_b)
    truth = {"two-tokens": True, "eq-8": kept}
    assert_sides(x.world, "eq-8-slack", largest_excess(x), slack, x.limits, truth)
    assert slack <= x.delta
    if kept:
        # So the slack of Proposition 8 is at most this one, or 0.
        assert oracles_bounds.expected_slack(x.u, x.weights, x.delta_b) <= max(slack, ZERO)


def test_eq_8_by_hand():
    # w = (1, 1/2), delta = 3/8, delta_b = 1/10, D = (1/4, 1/2 or 0): Z = (1/4, 1/4), c_2 = 3/8 + 1/10 - 1/4,
    # and 1/4 > 9/40 is dropped; delta_b = 1/8 keeps it, on the margin. S_1 - delta_b = 1/8, 3/8 - 1/8 = 1/4.
    dropped = Limits([1, F(1, 2)], [F(3, 8)] * 2, F(1, 10))
    assert verdict(BY_HAND, "eq-8-slack", dropped).failed == ("eq-8",)
    kept = Limits([1, F(1, 2)], [F(3, 8)] * 2, F(1, 8))
    assert_sides(BY_HAND, "eq-8-slack", F(1, 8), F(1, 4), kept, {"two-tokens": True, "eq-8": True})
    # Budget to spare does not lift the token threshold: D = (0, 1/2), S_2 = 1/2 < 1/4 + 1.
    late = jump_world([0, F(1, 2)], F(1, 4))
    assert verdict(late, "eq-8-slack", unit(2, [F(1, 4)] * 2, 1)).failed == ("eq-8",)


def test_eq_8_is_decided_for_each_element():
    # c = 1/4 and budget to spare: D = (0, 1/4) is kept, D = (0, 1/2) is not.
    batch = stacked(*(jump_world([0, last], F(1, 4)) for last in (F(1, 4), F(1, 2))))
    (outcome,) = ct.check_batch(batch, ["eq-8-slack"], unit(2, [F(1, 4)] * 2, 1).package())
    assert outcome.met["eq-8"].tolist() == [True, False]


def test_eq_8_equality():
    # Spend delta at once and then what W_{t-1} releases: Z_1 = delta, Z_t = delta_b w_{t-1}, so S_m = delta +
    # delta_b W_{m-1} for every m. w = (1, 3/4, 1/2, 1/4): the slack is largest at m = 3, delta - delta_b / 2.
    delta, delta_b, weights = F(3, 20), F(3, 200), [ONE, F(3, 4), F(1, 2), F(1, 4)]
    released = [delta, *(delta_b * w for w in weights[:-1])]
    world = jump_world([z / w for z, w in zip(released, weights, strict=True)], F(1, 2))
    found = verdict(world, "eq-8-slack", Limits(weights, [delta] * 4, delta_b))
    assert found.status == "holds"
    assert found.lhs == found.rhs == delta - delta_b / 2
    # The paper's eta <= delta is reached only without a budget.
    assert verdict(world, "eq-8-slack", Limits(weights, [F(1, 2)] * 4, 0)).rhs == F(1, 2)


def test_eq_8_slack_needs_eq_8():
    # D = (1/2, 1/2), w = 1, delta_b = 0: S_1 = 1/2 above delta = 1/10.
    pair = jump_world([F(1, 2)] * 2, F(1, 10))
    limits = unit(2, [F(1, 10)] * 2, 0)
    assert assert_needed(pair, "eq-8-slack", "eq-8", limits) == (F(1, 2), F(1, 10))
    # Eq. (8) is more than its token threshold: delta = 1/2 holds for each D, S_2 = 1 is over 1/2 + 1/4.
    three = jump_world([F(1, 2)] * 3, F(1, 10))
    assert assert_needed(three, "eq-8-slack", "eq-8", unit(3, [F(1, 2)] * 3, F(1, 5))) == (F(3, 5), F(3, 10))
    # "two-tokens": for T = 1 there is no m < T, so nothing can be violated.
    single = verdict(
        jump_world([F(1, 2)], F(1, 10)), "eq-8-slack", unit(1, [F(1, 2)], 0), drop=["two-tokens"]
    )
    assert (single.status, single.lhs) == ("holds", 0)


# --- formulas and floats ----------------------------------------------------------------------------------


def test_formulas_by_hand():
    # delta - delta_b min_{m<T} w_m = 3/20 - 3/200 * 1/2; the last weight does not count.
    weights = [F(3, 4), ONE, F(1, 2), F(1, 4)]
    assert bounds.eq_8_slack(F(3, 20), F(3, 200), weights) == F(57, 400)
    # xi = 3, T = 4, lbar = 1/5, delta_b = 1/10: 2 * 3 * 12 * 1/50 = 36/25, and eta = 1/20, w_1 = 1/2:
    # 1/20 * 4 * 3 * 1/5 * 3 / (1/2) = 18/25.
    assert bounds.prop_8(3, 4, F(1, 5), F(1, 10), eta=F(1, 20), w_1=F(1, 2)) == F(54, 25)


@pytest.mark.parametrize("space", BATCH_SPACES)
def test_floats(space):
    horizon = space.horizon
    given_limits = [
        None,
        ct.Constraints.schedule(horizon, w_min=0.5),
        ct.Constraints.schedule(horizon, 0.9, 0.1, 0.8),
    ]
    seen = [assert_batch_is_one_by_one(random_batch(space), IDS, x) for x in given_limits]
    assert set.union(*seen) == {"holds", "not applicable"}


def test_floats_against_fractions():
    assert_floats_agree(BY_HAND, IDS, Limits([1, F(1, 2)], [F(3, 8)] * 2, F(1, 8)))
    assert_floats_agree(BY_HAND, IDS, Limits([1, F(1, 2)], [F(3, 8)] * 2, F(1, 10)))
