"""`prop-4`, `eq-4`, `uniform`, `half-range`: both sides by enumeration, equality, dropped thresholds."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from tests import convert, oracles, oracles_audit, oracles_bounds, strategies
from tests.claims.common import (
    BATCH_SPACES,
    assert_batch_is_one_by_one,
    assert_floats_agree,
    assert_needed,
    assert_sides,
    cases,
    jump_world,
    limits_of_first,
    random_batch,
    share,
    unit,
    verdict,
)
from tests.claims.worlds import RARE, UNEVEN_CASES, all_zeros, also
from tests.oracles_world import ONE, tree_world

F = Fraction
CLAIMS = ("prop-4", "eq-4", "uniform", "half-range")


def bounds_of(case):
    half_range = oracles.half_range(case.world)
    return {
        "prop-4": oracles_bounds.prop_4(case.xi, case.u, case.ell),
        "eq-4": oracles_bounds.eq_4(case.xi, case.u, case.ell),
        "uniform": oracles_bounds.uniform(case.xi, case.horizon, case.ell_max),
        "half-range": oracles_bounds.prop_4(half_range, case.u, case.ell),
    }


@pytest.mark.parametrize("claim", CLAIMS)
@given(case=cases())
@also("case", UNEVEN_CASES)
def test_both_sides(claim, case):
    assert_sides(case.world, claim, case.abs_residual, bounds_of(case)[claim], case.limits, ("thresholds",))


@given(cases())
@also("case", UNEVEN_CASES)
def test_symbols(case):
    values = ct.evaluate(convert.instance(case.world))
    assert values.reward_bound == case.xi
    assert values.half_range == oracles.half_range(case.world)
    assert list(values.expected_tv) == case.u
    assert list(values.ell) == oracles.ell(case.world)
    assert list(ct.bounds.lam(case.xi, case.horizon, case.ell_max)) == oracles_bounds.lam(
        case.xi, case.horizon, case.ell_max
    )


# Token 2 at the last position after token 2 has mu-probability 0: its reward 100 is never seen.
HAND = tree_world(
    initial=[1],
    mu=[[["1/2", "1/4", "1/4"]], [["1/3", "1/3", "1/3"], ["1/3", "1/3", "1/3"], ["1/2", "1/2", 0]]],
    pi=[[["1/4", "1/2", "1/4"]], [["1/2", "1/3", "1/6"], ["1/3", "1/3", "1/3"], [1, 0, 0]]],
    reward=[1, 0, -2, 3, 3, 3, 1, -1, 100],
)


def test_two_tokens_by_hand():
    # Delta = sum_a (pi_1 - mu_1)(a) sum_b (mu_2 - pi_2)(b|a) R: only a = 0 counts, pi_1 = mu_1 at 2 and
    # pi_2 = mu_2 at 1: -1/4 (-1/6 * 1 + 1/6 * (-2)) = 1/8. D = 1/4, then (1/6, 0, 1/2), so u_1 = 1/4; xi = 3,
    # and the returns -2..3 have half range 5/2. With l = (3/4, 1/2):
    limits = unit(2, [F(3, 4), F(1, 2)])
    assert_sides(HAND, "prop-4", F(1, 8), 4 * 3 * F(1, 4) * F(1, 2), limits)
    assert_sides(HAND, "eq-4", F(1, 8), (4 * 3 * F(3, 4)) * F(1, 4), limits)
    assert_sides(HAND, "uniform", F(1, 8), 2 * 3 * 2 * 1 * F(3, 4) ** 2, limits)
    assert_sides(HAND, "half-range", F(1, 8), 4 * F(5, 2) * F(1, 4) * F(1, 2), limits)


def test_three_tokens_by_hand():
    # d = (1/4, 1/8, 1/2): 000 has mu-probability 1/8, rho = (3/2, 5/4, 2) and G = 7/4 - (15/4 - 1) = -1.
    # sum_t u_t sum_{j>t} l_j = 1/4 * 5/8 + 1/8 * 1/2 = 7/32; lambda = 4 * 1/2 (2, 1, 0).
    world = all_zeros([F(1, 4), F(1, 8), F(1, 2)])
    assert_sides(world, "prop-4", F(1, 8), F(7, 8))
    assert_sides(world, "eq-4", F(1, 8), 4 * F(1, 4) + 2 * F(1, 8))
    assert_sides(world, "uniform", F(1, 8), 2 * 3 * 2 * F(1, 4))
    assert_sides(world, "half-range", F(1, 8), F(7, 16))


# --- sharpness --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [F(1, 10), F(1, 2)])
def test_two_tokens_attain(jump):
    # T = 2: Delta = E_mu[R (rho_1 - 1)(1 - rho_2)] and E|rho_t - 1| = 2 D_t, so R = sign gives 4 l_1 l_2.
    rising, level = jump_world([F(1, 4), F(1, 3)], jump), jump_world([F(1, 4), F(1, 4)], jump)
    for claim in ("prop-4", "eq-4", "half-range"):
        assert_sides(rising, claim, F(1, 3), F(1, 3))
    assert_sides(level, "uniform", F(1, 4), F(1, 4))
    # With rewards 0 and 1 the residual and half the range are halved, xi is not.
    verifier = jump_world([F(1, 4), F(1, 3)], jump, reward=lambda gap: 1 if gap >= 0 else 0)
    assert_sides(verifier, "half-range", F(1, 6), F(1, 6))
    assert_sides(verifier, "prop-4", F(1, 6), F(1, 3))


@pytest.mark.parametrize("claim", CLAIMS)
def test_three_tokens_nearly_attain(claim):
    # The exact supremum for D_t <= d is 2 * 3 d (1 - (1 - d)^2) = 12 d^2 (1 - d / 2), approached as the jump
    # probability falls; all four bounds are 12 d^2.
    d = F(1, 10_000)
    found = verdict(jump_world([d] * 3, F(1, 10**9)), claim)
    assert found.rhs == 12 * d**2
    assert F(9999, 10_000) < share((found.lhs, found.rhs)) < 1 - d / 2
    assert found.lhs < oracles_audit.threshold_law(ONE, [d] * 3)


# --- dropped hypothesis -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "bound"),
    [("prop-4", 0), ("eq-4", F(4, 25)), ("uniform", F(4, 25)), ("half-range", 0)],
    ids=CLAIMS,
)
def test_thresholds_are_needed_at_rare_states(claim, bound):
    # D = 1/2 in a state of probability 1/1000, thresholds (1/5, 0) as measured without it. Delta =
    # 1/5 (-1/2 * 1 + 1/2 * (-1)) = -1/5; the bounds are 0, or 4 * 1/5 * 1/5.
    assert assert_needed(RARE, claim, "thresholds", unit(2, [F(1, 5), 0])) == (F(1, 5), bound)


# --- half range -------------------------------------------------------------------------------------------


@given(strategies.worlds(max_sequences=81), st.data())
def test_a_reward_of_the_prompt_alone_changes_nothing(world, data):
    prompts = len(world.initial)
    shift = data.draw(strategies.signed(prompts))
    of_each = [x for x in shift for _ in range(world.actions**world.horizon)]
    rewards = tuple(r + b for r, b in zip(world.final_reward, of_each, strict=True))
    values = ct.evaluate(convert.instance(replace(world, final_reward=rewards)))
    assert values.residual == oracles.residual(world)
    assert values.half_range == oracles.half_range(world)


def test_half_range_is_per_prompt():
    # Two prompts with returns 99..101 and -51..-49: half range 1, xi = 101, half the range over both 76.
    one = jump_world([F(1, 4), F(1, 3)], F(1, 10))
    rewards = tuple(r + b for b in (100, -50) for r in one.final_reward)
    mu, pi = (tuple(level * 2 for level in policy) for policy in (one.mu, one.pi))
    both = replace(one, initial=(F(1, 3), F(2, 3)), mu=mu, pi=pi, final_reward=rewards)
    assert_sides(both, "half-range", F(1, 3), F(1, 3))
    assert_sides(both, "prop-4", F(1, 3), F(101, 3))


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
