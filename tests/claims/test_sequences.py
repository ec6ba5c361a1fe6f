"""b10-abel, b11-abel, b11-averaging: sequences over positions, here those of instances under constraints."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from tests import convert, strategies
from tests import oracles_bounds as bounds
from tests.claims import common
from tests.claims.common import Limits, Symbols, assert_needed, assert_sides, unit, verdict
from tests.oracles_world import ONE, World

F = Fraction
IDS = ["b10-abel", "b11-abel", "b11-averaging"]
WORLDS = strategies.worlds(64) | strategies.automaton_worlds(64) | strategies.kernel_worlds(64)
CASES = common.cases(WORLDS)


def moved(*tv: F, reward: int = 2) -> World:
    """mu = (1/2, 1/2), pi = (1/2 + D_t, 1/2 - D_t) in both states: u = l = D, xi = reward."""
    half, horizon = F(1, 2), len(tv)
    to_the_action = ((((ONE, 0),), ((ONE, 1),)),) * 2
    return World(
        kind="automaton",
        horizon=horizon,
        actions=2,
        initial=(ONE, F(0)),
        mu=(((half, half),) * 2,) * horizon,
        pi=tuple(((half + d, half - d),) * 2 for d in tv),
        final_reward=(F(reward), F(-reward, 2)),
        links=(to_the_action,) * horizon,
    )


# --- duties 1 and 2 ---------------------------------------------------------------------------------------


@given(CASES)
def test_b10_abel(s: Symbols):
    lhs, rhs = bounds.b10_abel(s.xi, s.ell_max, s.weights, s.u, s.delta_b)
    hypotheses = {
        "two-tokens": s.horizon >= 2,
        "expected-budget": all(a <= 0 for a in bounds.centred_slack(s.weights, s.u, s.delta_b)),
        "falling-ratio": s.is_met("falling-ratio"),
    }
    assert_sides(s.world, "b10-abel", lhs, rhs, s.limits, hypotheses)


@given(CASES)
def test_b11_abel(s: Symbols):
    r = bounds.theorem_ratios(s.xi, s.ell_max, s.weights)
    increments = [w * (u - s.delta_b) for w, u in zip(s.weights, s.u, strict=True)][:-1]
    lhs, rhs = bounds.b11_abel(r, increments) if r else (F(0), F(0))
    assert_sides(s.world, "b11-abel", lhs, rhs, s.limits, ["two-tokens"])


@given(CASES)
def test_b11_averaging(s: Symbols):
    largest, ratio_of_sums = bounds.averaging(s.u, s.weights)
    found = assert_sides(s.world, "b11-averaging", ratio_of_sums, largest, s.limits)
    constant = len({u / w for u, w in zip(s.u, s.weights, strict=True)}) == 1
    assert (found.lhs == found.rhs) == constant


def test_relations():
    assert [ct.CLAIMS[claim].relation for claim in IDS] == ["<=", "==", "<="]


# --- duty 3: by hand --------------------------------------------------------------------------------------

HAND = moved(F(1, 10), F(1, 20), F(3, 10))
HAND_LIMITS = Limits([ONE, F(4, 5), F(1, 2)], delta_b=F(3, 25))


def test_by_hand():
    # xi = 2, lbar = 3/10: lambda = 4 * 2 * 3/10 * (2, 1) = (24/5, 12/5); u = (1/10, 1/20, 3/10).
    # b10: 24/5 * 1/10 + 12/5 * 1/20 = 3/5 and 3/25 * 36/5 = 108/125.
    assert_sides(HAND, "b10-abel", F(3, 5), F(108, 125), HAND_LIMITS)
    # b11: r = (24/5, 3), x = (-1/50, 4/5 * -7/100) = (-1/50, -7/125): -12/125 - 21/125 = -33/125;
    # by parts A = (-1/50, -19/250): 3 * -19/250 + 9/5 * -1/50 = -57/250 - 9/250.
    assert_sides(HAND, "b11-abel", F(-33, 125), F(-33, 125), HAND_LIMITS)
    # (1/10 + 1/20 + 3/10) / (1 + 4/5 + 1/2) = (9/20) / (23/10); the ratios are 1/10, 1/16, 3/5.
    assert_sides(HAND, "b11-averaging", F(9, 46), F(3, 5), HAND_LIMITS)


def test_the_budget_is_weighted():
    # w = (1, 1/2, 1/2), u = (1/20, 3/20), delta_b = 9/100: A = (-4/100, -1/100), without weights A_2 = 2/100.
    # lbar = 3/20: lambda = (12/5, 6/5), 3/25 + 9/50 = 3/10 against 9/100 * 18/5.
    limits = Limits([ONE, F(1, 2), F(1, 2)], delta_b=F(9, 100))
    assert_sides(moved(F(1, 20), F(3, 20), F(0)), "b10-abel", F(3, 10), F(81, 250), limits)


def test_measured_by_hand():
    # w = 1: delta_b = max(1/10, (1/10 + 1/20) / 2) = 1/10, so b10's right side is 1/10 * 36/5.
    assert_sides(HAND, "b10-abel", F(3, 5), F(18, 25))


# --- duty 4: equality -------------------------------------------------------------------------------------


@given(st.integers(2, 5), strategies.unit_fractions(40), strategies.unit_fractions(10))
def test_b10_abel_is_attained_at_the_budget(horizon, d, w_min):
    """u = delta_b; and the right side is the maximum over all u within the budget, by its vertices."""
    limits = Limits(bounds.linear_weights(horizon, w_min))
    found = verdict(moved(*[d / 2] * horizon), "b10-abel", limits)
    assert found.status == "holds"
    assert found.lhs == found.rhs == bounds.b10_maximum(F(2), d / 2, limits.weights, d / 2)


def test_b11_averaging_is_attained():
    weights = [ONE, F(3, 4), F(1, 2)]
    assert_sides(moved(*[w / 5 for w in weights]), "b11-averaging", F(1, 5), F(1, 5), Limits(weights))


# --- duty 5: hypotheses -----------------------------------------------------------------------------------
# two-tokens: at T = 1 all sides are empty sums, 0 <= 0 and 0 == 0, so its absence violates nothing; it says
# that there is nothing to check. b11-averaging has no hypothesis (`Constraints` refuses w <= 0).


def test_two_tokens_guards_empty_sums():
    for claim in ("b10-abel", "b11-abel"):
        assert_sides(moved(F(1, 10)), claim, F(0), F(0), hypotheses=["two-tokens"])
        assert verdict(moved(F(1, 10)), claim, drop=["two-tokens"]).status == "holds"


def test_b10_abel_needs_the_budget():
    # u = (1/10, 1/20) against delta_b = 1/20: 3/5 > 1/20 * 36/5.
    low = assert_needed(HAND, "b10-abel", "expected-budget", unit(3, delta_b=F(1, 20)))
    assert low == (F(3, 5), F(9, 25))
    # At the last prefix alone it is not enough: A_2 = 3/20 - 4/25 < 0 but A_1 = 1/10 - 2/25 > 0.
    late = assert_needed(HAND, "b10-abel", "expected-budget", unit(3, delta_b=F(2, 25)))
    assert late == (F(3, 5), F(72, 125))


def test_b10_abel_needs_a_falling_ratio():
    # w = (1, 1/4, 1): r = lambda / w = (8, 16) xi lbar rises. Nothing is spent at t = 1, all at t = 2:
    # u_2 = delta_b W_2 / w_2 = 5 delta_b. With delta_b = 1/20, lbar = 1/4, xi = 2: 2 * 1/4 against 1/20 * 6.
    rising = Limits([ONE, F(1, 4), ONE], delta_b=F(1, 20))
    assert assert_needed(moved(F(0), F(1, 4), F(0)), "b10-abel", "falling-ratio", rising) == (
        F(1, 2),
        F(3, 10),
    )


# --- floats -----------------------------------------------------------------------------------------------


def test_batch_is_one_by_one():
    for horizon in (1, 2, 4):
        batch = common.random_batch(ct.PrefixTree(3, horizon, prompts=2), 5, seed=horizon)
        linear = ct.Constraints.schedule(horizon, delta_b=0.3, w_min=0.6)
        for constraints in (None, linear):
            common.assert_batch_is_one_by_one(batch, IDS, constraints)


def test_floats_against_fractions():
    for limits in (None, HAND_LIMITS, unit(3, delta_b=F(1, 20))):
        common.assert_floats_agree(HAND, IDS, limits)


def test_the_unit_of_the_tolerance():
    # xi T^2 / min w = 2 * 9 / (1/2).
    case = ct.claims.Case(convert.instance(HAND), HAND_LIMITS.package())
    assert [ct.CLAIMS[claim].scale(case).tolist() for claim in IDS] == [[36], [36], [1]]
