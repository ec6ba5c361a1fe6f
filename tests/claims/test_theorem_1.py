"""Theorem 1, Eqs. (6) and (7): `thm-1` and `eq-7`."""

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
from tests.claims.examples import BY_HAND, HALVES, diluted, plain
from tests.oracles_world import ONE, tree_world

F = Fraction
IDS = ["thm-1", "eq-7"]
HYPOTHESES = ("thresholds", "prefix-budget", "falling-ratio")


@given(cases(), st.sampled_from([1, 1, 2]))
def test_against_enumeration(x, scale):
    x = replace(x, limits=replace(x.limits, weights=[scale * w for w in x.weights]))
    six = oracles_bounds.thm_1(x.xi, x.horizon, x.ell_max, x.delta_b)
    seven = oracles_bounds.eq_7(x.xi, x.horizon, x.delta, x.delta_b, x.w_min)
    assert_sides(x.world, "thm-1", x.abs_residual, six, x.limits, HYPOTHESES)
    assert_sides(x.world, "eq-7", x.abs_residual, seven, x.limits, (*HYPOTHESES, "weights-at-most-1"))
    assert six <= seven


@given(st.integers(1, 8).flatmap(strategies.weights), st.booleans())
def test_falling_ratio_against_the_formula(weights, sort):
    weights = sorted(weights, reverse=True) if sort else weights
    falls = oracles_bounds.is_non_increasing(oracles_bounds.theorem_ratios(ONE, ONE, weights))
    found = verdict(plain(len(weights)), "thm-1", Limits(weights))
    assert found.failed == (() if falls else ("falling-ratio",))


def test_by_hand():
    # w = 1: lbar = 1/2, delta_b = D_1 = 1/4, xi = 4, so 2 * 4 * 2 * 1/2 * 1/4 = 2.
    assert_sides(BY_HAND, "thm-1", F(3, 4), F(2), hypotheses=HYPOTHESES)
    # w = (1, 1/2), c = (1/2, 3/8), delta_b = 1/3: l = (1/2, 3/4), so 16 * 3/4 * 1/3 = 4 in Eq. (6), and
    # 16 * 1/2 * 1/3 / (1/2) = 16/3 in Eq. (7).
    prescribed = Limits([1, F(1, 2)], [F(1, 2), F(3, 8)], F(1, 3))
    assert verdict(BY_HAND, "thm-1", prescribed).rhs == 4
    assert verdict(BY_HAND, "eq-7", prescribed).rhs == F(16, 3)
    # Every prefix counts: D = (1/2, 0, 0) is within 2 delta_b = 2/3 at m = 2, but not within 1/3 at m = 1.
    early = verdict(jump_world([F(1, 2), 0, 0], F(1, 4)), "thm-1", unit(3, delta_b=F(1, 3)))
    assert early.failed == ("prefix-budget",)


def test_equality():
    # T = 2: rho_1 and rho_2 are independent, so |Delta| = E|rho_1 - 1| E|rho_2 - 1| = 4 D_1 D_2 for every p.
    # Eq. (5) stops at m = T - 1, so D_2 = 1/2 may exceed delta_b = D_1 = 1/10.
    for claim in IDS:
        found = verdict(jump_world([F(1, 10), F(1, 2)], F(1, 3)), claim)
        assert found.status == "holds"
        assert found.lhs == found.rhs == F(1, 5)
    # T = 4, delta = delta_b -> 0: 2 T delta (1 - (1 - delta)^3) -> 2 T (T - 1) delta^2 as p -> 0.
    small = verdict(jump_world([F(1, 10**4)] * 4, F(1, 10**9)), "thm-1")
    assert F(999, 1000) < small.lhs / small.rhs < 1


def test_tight_only_for_budgets_in_expectation():
    # T >= 3, delta_b < delta: a budget on every path leaves a gap; at T = 3 and (.15, .015) the supremum
    # 2 [4 l b + (2 - 3 l) b^2] is .6925 of the bound, and D = (b, b, l) reaches it as p -> 0.
    delta, budget = F(3, 20), F(3, 200)
    pathwise = verdict(jump_world([budget, budget, delta], F(1, 10**6)), "thm-1")
    assert pathwise.rhs == 12 * delta * budget
    assert F(692, 1000) < pathwise.lhs / pathwise.rhs < F(6925, 10000)
    # D = delta on 10% of the prompts keeps the budget in the mean only, and uses all of the bound.
    used = []
    for size in (F(1, 10), F(1, 100), F(1, 10**4)):
        world = diluted(jump_world([size] * 3, F(1, 10**9)), F(1, 10))
        assert oracles.expected_tv(world) == [size / 10] * 3
        found = verdict(world, "thm-1", unit(3, [size] * 3, size / 10), drop=["prefix-budget"])
        assert found.status == "holds"
        used.append(found.lhs / found.rhs)
    assert F(9, 10) < used[0] < F(99, 100) < used[1] < F(999, 1000) < used[2] < 1


def test_a_budget_on_every_path_is_worth_more_than_one_in_the_mean():
    # T = 8, delta = .15 on 10% of the prompts: .1 * 2 T delta (1 - .85^7) = .1631 as p -> 0, above
    # 2 T (T - 1) delta_b^2 = .0252, which would hold if every path had sum D <= T delta_b, delta_b = .015.
    delta, budget = F(3, 20), F(3, 200)
    world = diluted(jump_world([delta] * 8, F(1, 10**6)), F(1, 10))
    found = verdict(world, "thm-1", unit(8, [delta] * 8, budget))
    assert sum(oracles.expected_tv(world)) == 8 * budget
    assert (found.failed, found.rhs) == (("prefix-budget",), F(252, 1000))
    assert F(163, 1000) < found.lhs < F(164, 1000)


@pytest.mark.parametrize("claim", IDS)
def test_hypotheses_are_needed(claim):
    pair = jump_world([F(1, 2)] * 2, F(1, 10))  # |Delta| = 4 * 1/2 * 1/2, the bound is 4 lbar delta_b
    tight = assert_needed(pair, claim, "thresholds", unit(2, [F(1, 10)] * 2, F(1, 2)))
    assert tight == assert_needed(pair, claim, "prefix-budget", unit(2, [F(1, 2)] * 2, F(1, 10)))
    assert tight == (1, F(1, 5))
    # r_1 : r_2 = 2 : 4 and D_1 = 0: w_1 D_1 + w_2 D_2 <= delta_b (w_1 + w_2) lets D_2 = 1/2 be 5 delta_b.
    # |Delta| = 4 * 1/2 * 1/2 again, and 12 * 1/2 * 1/10 = 12 * 1/8 * 1/10 / (1/4) = 3/5.
    rising = Limits([1, F(1, 4), F(1, 4)])
    last_two = jump_world([0, F(1, 2), F(1, 2)], F(1, 10))
    assert assert_needed(last_two, claim, "falling-ratio", rising) == (1, F(3, 5))
    # "weights-at-most-1" of Eq. (7): lbar = max c_t / w_t <= delta / w_min for all positive weights, so
    # without it no violation is possible.
    heavy = verdict(pair, claim, Limits([2, 1]))
    assert heavy.failed == (("weights-at-most-1",) if claim == "eq-7" else ())


@pytest.mark.parametrize("space", BATCH_SPACES)
def test_floats(space):
    horizon = space.horizon
    schedules = [ct.Constraints.schedule(horizon, w_min=0.5), ct.Constraints.schedule(horizon, 0.5, 0.4, 0.8)]
    seen = [assert_batch_is_one_by_one(random_batch(space), IDS, x) for x in (None, *schedules)]
    assert set.union(*seen) == {"holds", "not applicable"}


def test_floats_against_fractions():
    assert_floats_agree(BY_HAND, IDS)
    assert_floats_agree(BY_HAND, IDS, Limits([1, F(1, 3)], [F(1, 4), F(1, 6)], F(1, 4)))  # both on the margin


PAPER = {  # T, delta, delta_b: C_uniform, Eq. (6), Eq. (7) at w_min = .8; xi = 1
    # 8192 * 8191 = 67100672; twice that times .0225, .00225 and .0028125.
    (8192, F(3, 20), F(3, 200)): ("3019530.24", "301953.024", "377441.28"),
    # 16384 * 16383 = 268419072; twice that times .04, .004 and .005.
    (16384, F(1, 5), F(1, 50)): ("21473525.76", "2147352.576", "2684190.72"),
}


@pytest.mark.parametrize("setting", PAPER, ids=str)
def test_values_at_the_settings_of_the_paper(setting):
    horizon, delta, delta_b = setting
    found = (
        bounds.uniform(1, horizon, delta),
        bounds.thm_1(1, horizon, delta, delta_b),
        bounds.eq_7(1, horizon, delta, delta_b, F(4, 5)),
    )
    assert found == tuple(map(F, PAPER[setting]))


@pytest.mark.parametrize(
    ("delta", "delta_b", "informative", "in_full", "as_printed"),
    [(F(3, 20), F(3, 200), (7, 21, 19), (7, 6), (12, 11)), (F(1, 5), F(1, 50), (5, 16, 14), (5, 4), (10, 9))],
)
def test_how_far_the_bounds_reach(delta, delta_b, informative, in_full, as_printed):
    def largest(bound, limit):
        return max(t for t in range(1, 100) if bound(t) < limit(t))

    def six(t):
        return bounds.thm_1(1, t, delta, delta_b)

    def seven(t):
        return bounds.eq_7(1, t, delta, delta_b, F(4, 5))

    # C < 2 xi.
    quadratic = largest(lambda t: bounds.uniform(1, t, delta), lambda t: 2)
    assert (quadratic, largest(six, lambda t: 2), largest(seven, lambda t: 2)) == informative
    # C < sup L' = 2 T delta_b if D_T is in the budget too: T < 1 + 1/delta, or 1 + w_min/delta.
    assert tuple(largest(bound, lambda t: 2 * t * delta_b) for bound in (six, seven)) == in_full
    # C < sup L' = 2 [(T - 1) delta_b + l_T] under Eq. (5) as printed, with l_T = delta, or delta / w_min.
    assert largest(six, lambda t: 2 * ((t - 1) * delta_b + delta)) == as_printed[0]
    assert largest(seven, lambda t: 2 * ((t - 1) * delta_b + delta / F(4, 5))) == as_printed[1]


def test_an_improvement_is_certified():
    # T = 2, mu = (1/2, 1/2), pi = mu + d (1, -1), d = 1/10, R = +-1 for token 0 or 1 at position 1, nothing
    # else: L' = 2 d = 1/5 against 4 d d = 1/25.
    moved = [["3/5", "2/5"]]
    world = tree_world([1], [HALVES, HALVES * 2], [moved, moved * 2], [1, 1, -1, -1])
    found = assert_sides(world, "thm-1", F(0), F(1, 25), hypotheses=HYPOTHESES)
    assert (found.vacuous, found.certifies) == (False, True)
    assert verdict(world, "thm-1", unit(2, [ONE] * 2, F(1, 2))).vacuous  # 4 * 1 * 1/2 = 2 > L' + xi + J(mu)
