"""`b9-product` and `b9-closed`: both sides by enumeration, equality, and what each hypothesis is good for."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given

import cppo_theory as ct
from tests import convert, oracles, oracles_audit, oracles_bounds, strategies
from tests.claims.common import (
    BATCH_SPACES,
    Limits,
    assert_batch_is_one_by_one,
    assert_floats_agree,
    assert_needed,
    assert_sides,
    cases,
    jump_world,
    limits_of_first,
    random_batch,
    share,
    stacked,
    unit,
    verdict,
)
from tests.claims.worlds import RARE, UNEVEN_CASES, all_zeros, also
from tests.oracles_world import ONE, ZERO, reachable_trajectories, total

F = Fraction
CLAIMS = ("b9-product", "b9-closed")
OF_CLOSED = ("thresholds", "ell-at-most-1", "prefix-budget", "falling-product-ratio")


@given(cases())
@also("case", UNEVEN_CASES)
def test_product(case):
    rhs = oracles_bounds.b9_product(case.xi, case.u, case.ell)
    hypotheses = ("thresholds", "ell-at-most-1")
    assert_sides(case.world, "b9-product", case.abs_residual, rhs, case.limits, hypotheses)


@given(cases())
@also("case", UNEVEN_CASES)
def test_closed_form(case):
    rhs = oracles_bounds.b9_closed(case.xi, case.horizon, case.ell_max, case.delta_b)
    assert_sides(case.world, "b9-closed", case.abs_residual, rhs, case.limits, OF_CLOSED)


@given(cases())
@also("case", UNEVEN_CASES)
def test_symbols(case):
    values = ct.evaluate(convert.instance(case.world), weights=case.limits.package().weights)
    assert list(values.cum_budget) == oracles.cum_budget(case.world, case.weights)
    assert values.delta_b == oracles.delta_b(case.world, case.weights)
    beta = ct.bounds.suffix_product(np.array(case.ell, dtype=object))
    assert list(beta) == oracles_bounds.beta(case.ell)


def test_by_hand():
    # Delta = -1/8 as in test_proposition_4, u = l = (1/4, 1/8, 1/2), so beta = (1 - 7/8 * 1/2, 1/2).
    world = all_zeros([F(1, 4), F(1, 8), F(1, 2)])
    assert_sides(world, "b9-product", F(1, 8), 4 * (F(1, 4) * F(9, 16) + F(1, 8) * F(1, 2)))
    # lbar = 1/2 makes beta = (3/4, 1/2); delta_b = max(1/4, 3/16), or as prescribed for w = (1, 3/4, 1/2),
    # where beta / w = (3/4, 2/3).
    assert_sides(world, "b9-closed", F(1, 8), 4 * F(1, 4) * F(5, 4))
    limits = Limits([1, F(3, 4), F(1, 2)], delta_b=F(3, 10))
    assert_sides(world, "b9-closed", F(1, 8), 4 * F(3, 10) * F(5, 4), limits)


# --- sharpness --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", CLAIMS)
def test_two_tokens_attain(claim):
    # T = 2: beta_1 = l_2, and R = sign gives 4 l_1 l_2 (see test_proposition_4); delta_b = l_1, lbar = l_2.
    assert_sides(jump_world([F(1, 4), F(1, 3)], F(1, 10)), claim, F(1, 3), F(1, 3))


@pytest.mark.parametrize("claim", CLAIMS)
def test_three_tokens_nearly_attain(claim):
    # The exact supremum for D_t <= d is 12 d^2 (1 - d / 2); the bounds are 4 d (2 d - d^2 + d).
    d = F(1, 10_000)
    found = verdict(jump_world([d] * 3, F(1, 10**9)), claim)
    assert found.rhs == 12 * d**2 * (1 - d / 3)
    assert F(9999, 10_000) < share((found.lhs, found.rhs)) < 1


# --- dropped hypotheses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("claim", "bound"), [("b9-product", 0), ("b9-closed", F(4, 25))], ids=CLAIMS)
def test_thresholds_are_needed_at_rare_states(claim, bound):
    # beta_1 = 0, or lbar = delta_b = 1/5; |Delta| = 1/5 as in test_proposition_4.
    assert assert_needed(RARE, claim, "thresholds", unit(2, [F(1, 5), 0])) == (F(1, 5), bound)


def test_ell_at_most_1_is_needed_for_the_product():
    # l = (1/4, 3, 3): beta = (1 - 4, 3). D_2 = 0, so |Delta| = 4 * 1/4 * 1/2 as for the tokens 1 and 3 alone.
    world = jump_world([F(1, 4), 0, F(1, 2)], F(1, 10))
    assert assert_needed(world, "b9-product", "ell-at-most-1", unit(3, [F(1, 4), 3, 3])) == (F(1, 2), -3)


def test_ell_at_most_1_is_needed_for_the_closed_form():
    # lbar = 19/10: beta = (1 + .9^3, 1 - .9^2, 1 + .9) falls over w = (9, 1, 10): 1.729/9 > .19 = 1.9/10. The
    # budget (9 + 1)/100 is spent at the second token: |Delta| = 4 * 1/10 * 9/10 against 4/100 * 3.819.
    # T = 4 is least. T = 2: the bound grows with lbar. T = 3: beta = (l (2 - l), l) falls only if w_2 >= w_1,
    # then the case l = 1 applies, and l (3 - l) >= 2. Weights that never rise exclude l > 1 for T >= 3.
    world = jump_world([0, F(1, 10), 0, F(9, 10)], F(1, 20))
    weights = [9, 1, 10, 1]
    limits = Limits(weights, [w * F(19, 10) for w in weights], F(1, 100))
    sides = assert_needed(world, "b9-closed", "ell-at-most-1", limits)
    assert sides == (F(36, 100), F(4, 100) * F(3819, 1000))


def test_the_budget_is_needed():
    world, limits = jump_world([F(1, 4), F(1, 3)], F(1, 10)), unit(2, delta_b=F(1, 5))
    assert assert_needed(world, "b9-closed", "prefix-budget", limits) == (F(1, 3), 4 * F(1, 5) * F(1, 3))


def test_the_budget_is_needed_at_every_prefix():
    # D_1 = 1/4 keeps the budget at m = 2, 1/16 (1 + 3), but not at m = 1. |Delta| = 4 * 1/4 * 1/2 again, and
    # beta = (3/4, 1/2).
    world = jump_world([F(1, 4), 0, F(1, 2)], F(1, 10))
    sides = assert_needed(world, "b9-closed", "prefix-budget", Limits([1, 3, 1], delta_b=F(1, 16)))
    assert sides == (F(1, 2), F(4, 16) * F(5, 4))


@pytest.mark.parametrize(
    ("w_min", "delta", "delta_b"), [(F(1, 2), F(3, 4), F(3, 10)), (F(4, 5), F(19, 20), F(9, 20))]
)
def test_the_falling_product_ratio_is_needed(w_min, delta, delta_b):
    # Nothing at the first token, the whole budget at the second: D_2 = delta_b (1 + w_2)/w_2, D_3 = delta and
    # |Delta| = 4 D_2 D_3 against 4 delta_b delta (3 - delta), larger iff 1/w_2 > 2 - delta, that is iff
    # beta / w rises. T = 3 is least: with T = 2 there is one ratio. First: 21/10 against 81/40.
    weights = oracles_bounds.linear_weights(3, w_min)
    second = delta_b * (1 + weights[1]) / weights[1]
    limits = Limits(weights, [w * delta for w in weights], delta_b)
    world = jump_world([0, second, delta], 1 - max(second, delta))
    sides = assert_needed(world, "b9-closed", "falling-product-ratio", limits)
    assert sides == (4 * second * delta, 4 * delta_b * delta * (3 - delta))


def test_the_falling_product_ratio_is_decided_for_each_element():
    # beta = (lbar (2 - lbar), lbar) over w = (1, 3/4): it falls iff 2 - lbar >= 4/3.
    batch = stacked(*(jump_world([0, 0, last], F(1, 10)) for last in (F(1, 2), F(2, 3), F(3, 4))))
    (outcome,) = ct.check_batch(batch, ["b9-closed"], Limits([1, F(3, 4), F(1, 2)]).package())
    assert outcome.met["falling-product-ratio"].tolist() == [True, True, False]


def counted_jumps(tv, jump):
    """An automaton with the tree of `jump_world` where R = sign G is +1 after one jump and -1 otherwise."""
    space = ct.Automaton(np.array([[1, 0], [2, 1], [2, 2]]), len(tv))
    rest, spend = (np.array([[p, 1 - p]] * 3, dtype=object) for p in (ZERO, jump))
    pi = [np.array([[jump + d, 1 - jump - d]] * 3, dtype=object) if d else rest for d in tv]
    return ct.Instance(space, [1, 0, 0], [spend if d else rest for d in tv], pi, [-1, 1, -1])


def test_the_closed_form_fails_at_long_horizons():
    # T = 300, w_min = .1: nothing until the budget lasts to the end, then D = delta on the last 77 tokens,
    # .15 sum_{223 < j < 300} w_j = 2.46 < 2.47 = .015 W_299. The worst case is 2 * 77 * .15 (1 - .85^76) =
    # 23.1 against 4 * .015 (299 - .85/.15) = 17.6.
    horizon, delta, delta_b = 300, F(3, 20), F(3, 200)
    weights = oracles_bounds.linear_weights(horizon, F(1, 10))
    tv = [ZERO] * 223 + [delta] * 77
    limits = ct.Constraints(np.array(weights), np.array([w * delta for w in weights]), delta_b)
    instance = counted_jumps(tv, F(1, 10**9))
    assert ct.check(instance, ["b9-closed"], limits)[0].failed == ("falling-product-ratio",)
    (found,) = ct.check(instance, ["b9-closed"], limits, drop=["falling-product-ratio"])
    assert found.status == "violated"
    assert found.rhs == oracles_bounds.b9_closed(ONE, horizon, delta, delta_b) < 18
    assert F(999, 1000) < found.lhs / oracles_audit.threshold_law(ONE, tv) < 1
    assert found.lhs > 23


@pytest.mark.parametrize(
    ("delta", "w_min", "first"),
    [("3/20", "4/5", 19), ("1/5", "4/5", 14), ("3/20", "3/5", 12), ("1/5", "3/5", 10), ("1/20", "4/5", 54)],
)
def test_first_horizon_where_the_linear_schedule_fails(delta, w_min, first):
    # beta / w falls iff delta q^{T-2} (T - 1) >= (1 - w_min)(1 - q^{T-1}), q = 1 - delta.
    def failed(horizon):
        weights = np.array(oracles_bounds.linear_weights(horizon, F(w_min)))
        instance = counted_jumps([ZERO] * horizon, F(1, 2))
        return ct.check(instance, ["b9-closed"], ct.Constraints(weights, weights * F(delta)))[0].failed

    assert failed(first - 1) == ()
    assert failed(first) == ("falling-product-ratio",)


@given(strategies.worlds(max_sequences=64, zeros=False))
def test_where_any_token_may_be_the_last_terminal_budgets_are_prefix_budgets(world):
    # Every prefix of m < T tokens may end there, so the budget of whole responses, each of its own length,
    # is the prefix budget at w = 1.
    assume(world.end and world.horizon > 1)
    d, means = oracles.token_tv(world), []
    for y in reachable_trajectories(world):
        length = next((x.level + 1 for x in y.steps if x.action in world.end), world.horizon)
        if length < world.horizon:
            means.append(total(d[t][y.states[t]] for t in range(length)) / length)
    assert ct.evaluate(convert.instance(world)).delta_b == max(means)


# --- floats -----------------------------------------------------------------------------------------------


@given(cases())
@also("case", UNEVEN_CASES)
def test_floats(case):
    assert_floats_agree(case.world, CLAIMS, case.limits)


@pytest.mark.parametrize("space", BATCH_SPACES, ids=lambda space: space.kind)
def test_batch(space):
    batch = random_batch(space)
    assert assert_batch_is_one_by_one(batch, CLAIMS) == {"holds"}
    assert assert_batch_is_one_by_one(batch, CLAIMS, limits_of_first(batch)) == {"holds", "not applicable"}
