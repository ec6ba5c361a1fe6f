"""Proposition 5 and Corollaries 6 and 7: `prop-5`, `cor-6`, `cor-7`."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from cppo_theory import bounds
from tests import convert, oracles_bounds, strategies
from tests.claims.common import (
    BATCH_SPACES,
    ROUNDING,
    Limits,
    Symbols,
    assert_batch_is_one_by_one,
    assert_floats_agree,
    assert_needed,
    assert_sides,
    cases,
    random_batch,
    unit,
    verdict,
)
from tests.claims.examples import plain
from tests.strategies import Setting

F = Fraction
IDS = ["prop-5", "cor-6", "cor-7"]


def linear(s: Setting) -> Limits:
    """Weights of Eq. (9), one threshold delta for w_t D_t, the budget delta_b."""
    return Limits(oracles_bounds.linear_weights(s.horizon, s.w_min), [s.delta] * s.horizon, s.delta_b)


# --- Proposition 5 ----------------------------------------------------------------------------------------


@given(strategies.settings())
def test_prop_5(s):
    pairs = oracles_bounds.prop_5(s.horizon, s.w_min)
    found = verdict(plain(s.horizon), "prop-5", linear(s))
    if s.horizon == 1:
        assert (found.status, found.failed) == ("not applicable", ("two-tokens",))
    else:
        assert found.status == "holds"
        # All pairs are equal; the largest is shown.
        assert found.lhs == found.rhs == max(right for _, right in pairs)
        assert min(left for left, _ in pairs) > 0
        assert "falling-ratio" not in verdict(plain(s.horizon), "thm-1", linear(s)).failed


def test_prop_5_by_hand():
    # T = 3, w = (1, 3/4, 1/2): g = (2, 4/3, 0) falls by 2/3 = 1/2 / (1 * 3/4) and by 4/3 = 1/2 / (3/4 * 1/2).
    found = verdict(plain(3), "prop-5", Limits([1, F(3, 4), F(1, 2)]))
    assert found.lhs == found.rhs == F(4, 3)


def test_prop_5_needs_the_linear_schedule():
    # w = (1, 1/2, 1/2): g = (2, 2, 0), so g_1 - g_2 = 0 where w_min / (w_1 w_2) = 1.
    assert assert_needed(plain(3), "prop-5", "linear-schedule", Limits([1, F(1, 2), F(1, 2)])) == (0, 1)
    # Linear, but not from 1 down: not Eq. (9).
    for weights in ([2, F(3, 2), 1], [F(1, 2), F(3, 4), 1], [1, F(5, 4), F(3, 2)]):
        assert verdict(plain(3), "prop-5", Limits(weights)).failed == ("linear-schedule",)
    # "two-tokens": for T = 1 there is no t < T, so nothing can be violated; it only keeps an empty statement
    # from counting as a success.
    assert verdict(plain(1), "prop-5", unit(1), drop=["two-tokens"]).status == "holds"


def test_the_proportional_schedule_is_the_limit():
    # w_t ~ T - t makes g constant: the ratio of Theorem 1 may stay, not rise. With c_t = delta it makes
    # lbar = (T - 1) delta: c = 1/10, w = (1, 2/3, 1/3, 1/3) gives 2 * 3 * 4 * 3 * 3/10 * delta_b.
    proportional = [1, F(2, 3), F(1, 3), F(1, 3)]
    found = verdict(plain(4), "thm-1", Limits(proportional, [F(1, 10)] * 4, F(1, 20)))
    assert (found.failed, found.rhs) == ((), F(108, 100))
    steeper = verdict(plain(4), "thm-1", Limits([1, F(2, 3), F(3, 10), 1]))
    assert steeper.failed == ("falling-ratio",)


# --- Corollaries 6 and 7 ----------------------------------------------------------------------------------


def assert_ratios(x: Symbols) -> None:
    """Both corollaries, where delta > 0: each side from the two bounds that it divides."""
    names = ("two-tokens", "positive-delta", "positive-reward")
    uniform = oracles_bounds.c_uniform(x.xi, x.horizon, x.delta)
    budgets = {
        "cor-6": oracles_bounds.c_cppo(x.xi, x.horizon, x.delta, x.delta_b),
        "cor-7": oracles_bounds.c_impl(x.xi, x.horizon, x.delta, x.delta_b, x.w_min),
    }
    ratios = {
        "cor-6": oracles_bounds.cor_6_ratio(x.delta, x.delta_b),
        "cor-7": oracles_bounds.cor_7_ratio(x.delta, x.delta_b, x.w_min),
    }
    for claim, budget in budgets.items():
        more = ("weights-at-most-1",) if claim == "cor-7" else ()
        lhs = budget / uniform if uniform else F(0)
        assert_sides(x.world, claim, lhs, ratios[claim], x.limits, names + more)
    # Tighter than the uniform bound iff delta_b < delta, or delta_b < delta w_min.
    if uniform:
        assert (budgets["cor-6"] < uniform) == (x.delta_b < x.delta)
        assert (budgets["cor-7"] < uniform) == (x.delta_b < x.delta * x.w_min)


@given(strategies.settings(range(1, 7)))
def test_corollaries_at_prescribed_settings(s):
    assert_ratios(Symbols(plain(s.horizon), linear(s)))


@given(cases(), st.sampled_from([1, 1, 2]))
def test_corollaries_on_instances(x, scale):
    x = replace(x, limits=replace(x.limits, weights=[scale * w for w in x.weights]))
    if x.delta > 0:
        assert_ratios(x)
    else:
        assert {"positive-delta"} <= set(verdict(x.world, "cor-6", x.limits).failed)


def test_corollaries_by_hand():
    # w = (1, 4/5), delta = 3/20, delta_b = 3/200: 1/10, and 3/200 / (3/20 * 4/5) = 1/8.
    setting = linear(Setting(2, F(3, 20), F(3, 200), F(4, 5)))
    assert verdict(plain(2), "cor-6", setting).rhs == F(1, 10)
    assert verdict(plain(2), "cor-7", setting).rhs == F(1, 8)
    # T = 16384, delta = 1/5, delta_b = 1/50: 1/10 and 1/8 again, from the bounds themselves.
    uniform = bounds.uniform(1, 16384, F(1, 5))
    assert bounds.thm_1(1, 16384, F(1, 5), F(1, 50)) == uniform / 10
    assert bounds.eq_7(1, 16384, F(1, 5), F(1, 50), F(4, 5)) == uniform / 8


@pytest.mark.parametrize("claim", ["cor-6", "cor-7"])
def test_corollaries_need_their_hypotheses(claim):
    limits = unit(1, [F(1, 2)], F(1, 4))
    assert assert_needed(plain(1), claim, "two-tokens", limits) == (0, F(1, 2))  # 0/0, set to 0
    limits = unit(2, [F(1, 2)] * 2, F(1, 4))
    assert assert_needed(plain(2, reward=0), claim, "positive-reward", limits) == (0, F(1, 2))
    # "positive-delta": both sides divide by 0 and are set to 0, so no violation is possible.
    found = verdict(plain(2), claim, unit(2, [0, 0], F(1, 4)))
    assert (found.failed, found.lhs, found.rhs) == (("positive-delta",), 0, 0)
    # "weights-at-most-1" (cor-7): max_t delta / w_t = delta / w_min for all positive weights: nor here.
    heavy = verdict(plain(2), "cor-7", Limits([2, 3], [F(1, 2)] * 2, F(1, 4)), drop=["weights-at-most-1"])
    assert (heavy.status, heavy.rhs) == ("holds", F(1, 4))


def test_the_unit_of_the_tolerance():
    # w = (1, 1/2): T / w_min = 2 * 2, and 1 + delta_b / (delta w_min) = 1 + 1/8 / (1/4 * 1/2).
    limits = linear(Setting(2, F(1, 4), F(1, 8), F(1, 2)))
    case = ct.claims.Case(convert.instance(plain(2)), limits.package())
    assert [ct.CLAIMS[claim].scale(case).tolist() for claim in IDS] == [[4], [2], [2]]


@pytest.mark.parametrize("space", BATCH_SPACES)
def test_floats(space):
    schedules = [
        ct.Constraints.schedule(space.horizon, w_min=0.3),
        ct.Constraints.schedule(space.horizon, 0.5, 0.4, 0.8),
    ]
    seen = [assert_batch_is_one_by_one(random_batch(space), IDS, x) for x in (None, *schedules)]
    assert set.union(*seen) == {"holds"}


@given(strategies.settings(range(2, 13)))
def test_floats_against_fractions(s):
    assert_floats_agree(plain(s.horizon), ["cor-6", "cor-7"], linear(s))
    # Which pair of Proposition 5 strains most is a matter of rounding in floats.
    (found,) = ct.check(convert.float_instance(plain(s.horizon)), ["prop-5"], linear(s).package())
    assert found.status == "holds"
    pairs = [float(right) for _, right in oracles_bounds.prop_5(s.horizon, s.w_min)]
    assert min(abs(found.rhs / x - 1) for x in pairs) < ROUNDING
