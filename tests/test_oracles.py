"""The oracles against the golden files and against values derived by hand."""

import json
from fractions import Fraction
from math import inf, log
from pathlib import Path

import pytest

from tests import oracles, oracles_audit, oracles_bounds
from tests.oracles_world import ONE, World, tree_world

F = Fraction
DATA = Path(__file__).parent.parent / "cppo_theory" / "data"
GOLDEN = sorted(path.name.split(".")[0] for path in DATA.glob("I*.instance.json"))


def rational(x):
    """Numbers to the strings of the golden files, lists inside out."""
    return [rational(y) for y in x] if isinstance(x, list) else str(x)


def golden(name: str) -> tuple[World, dict]:
    given, expected = (
        json.loads((DATA / f"{name}.{part}.json").read_text()) for part in ("instance", "expected")
    )
    return tree_world(given["initial"], given["mu"], given["pi"], given["reward"]), expected


def expected_suffix_tv(world: World) -> F:
    """TV of whole responses, averaged over the prompts."""
    return sum((p * d for p, d in zip(world.initial, oracles.suffix_tv(world)[0], strict=True)), F(0))


# --- golden files -----------------------------------------------------------------------------------------


def test_golden_files_are_here():
    assert len(GOLDEN) == 2


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_quantities(name):
    world, expected = golden(name)
    uniform, linear = [ONE] * world.horizon, oracles_bounds.linear_weights(world.horizon, F(4, 5))
    found = {
        "value_mu": oracles.value(world, world.mu),
        "value_pi": oracles.value(world, world.pi),
        "surrogate": oracles.surrogate(world),
        "residual": oracles.residual(world),
        "half_range": oracles.half_range(world),
        "token_tv": oracles.token_tv(world),
        "expected_tv": oracles.expected_tv(world),
        "ell": oracles.ell(world),
        "suffix_tv": oracles.suffix_tv(world),
        "overlap": oracles.overlap(world),
        "max_path_sum_tv": oracles.cum_budget(world, uniform)[world.horizon],
        "delta_b_uniform_weights": oracles.delta_b(world, uniform),
        "delta_b_linear_weights_0.8": oracles.delta_b(world, linear),
        "worst_case_residual": oracles.worst_case_residual(world),
    }
    assert {key: rational(x) for key, x in found.items()} == {
        key: x for key, x in expected.items() if key != "bounds_at_reward_bound_1"
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_bounds(name):
    world, expected = golden(name)
    horizon, ones = world.horizon, [ONE] * world.horizon
    u, ell = oracles.expected_tv(world), oracles.ell(world)
    delta_b, path_sum = oracles.delta_b(world, ones), oracles.cum_budget(world, ones)[horizon]
    found = {
        "state-dependent": oracles_audit.state_dependent(ONE, world),
        "overlap-suffix": oracles_audit.overlap_suffix(ONE, world),
        "hybrid": oracles_audit.hybrid(ONE, world),
        "b9-product": oracles_bounds.b9_product(ONE, u, ell),
        "prop-4": oracles_bounds.prop_4(ONE, u, ell),
        "eq-4": oracles_bounds.eq_4(ONE, u, ell),
        "uniform": oracles_bounds.uniform(ONE, horizon, max(ell)),
        "threshold-law": oracles_audit.threshold_law(ONE, ell),
        "linear": oracles_audit.linear(ONE, world),
        "dppo-linear": oracles_audit.dppo_linear(ONE, world),
        "thm-1": oracles_bounds.thm_1(ONE, horizon, max(ell), delta_b),
        "budget": oracles_audit.budget(ONE, horizon, path_sum),
        "budget-eq5": oracles_audit.budget_eq5(ONE, horizon, delta_b, ell[-1]),
        "trm-coupling": oracles_audit.trm_coupling(ONE, horizon, max(ell)),
        "trm-mixed-tv": oracles_audit.trm_mixed_tv(ONE, horizon, max(ell), expected_suffix_tv(world)),
        "budget-exact": oracles_audit.budget_exact(ONE, horizon, path_sum),
    }
    assert {key: rational(x) for key, x in found.items()} == expected["bounds_at_reward_bound_1"]


def test_golden_closed_forms():
    forms = json.loads((DATA / "closed_forms.json").read_text())
    law = oracles_audit.threshold_law(ONE, [F(3, 10), F(1, 20), F(3, 20), F(1, 100)])
    assert str(law) == forms.pop("sharp_law ell=(3/10,1/20,3/20,1/100)")
    for setting, expected in forms.items():
        horizon, delta = (part.split("=")[1] for part in setting.split(","))
        t, d = int(horizon), F(delta)
        assert [str(x) for x in _closed_forms(t, d)] == list(expected.values()), setting


def _closed_forms(horizon: int, delta: F) -> list[F]:
    """In the file's order."""
    return [
        oracles_bounds.c_uniform(ONE, horizon, delta),
        oracles_audit.threshold_law(ONE, [delta] * horizon),
        oracles_bounds.b9_closed(ONE, horizon, delta, delta),
        oracles_audit.budget_exact(ONE, horizon, horizon * delta),
    ]


# --- values by hand ---------------------------------------------------------------------------------------


def chances(*pairs: tuple[F | int, int]):
    return tuple((F(p), s) for p, s in pairs)


# T = 2. From the only state, action 0 leads to state 0 or 1 by a coin (and to 0 with probability 0), action 1
# to state 1; then action a leads to final state a, worth +1 (a = 0) or -1 (a = 1).
COIN = World(
    kind="kernel",
    horizon=2,
    actions=2,
    initial=(ONE,),
    mu=(((F(1, 2), F(1, 2)),), ((F(1, 2), F(1, 2)), (F(1, 3), F(2, 3)))),
    pi=(((F(3, 4), F(1, 4)),), ((F(1, 4), F(3, 4)), (F(1, 3), F(2, 3)))),
    final_reward=(F(1), F(-1)),
    links=(
        ((chances((F(1, 2), 0), (F(1, 2), 1), (0, 0)), chances((1, 1), (0, 0), (0, 0))),),
        ((chances((1, 0)), chances((1, 1))),) * 2,
    ),
)


def test_values_by_hand():
    # V^mu = (0, -1/3) and V^pi = (-1/2, -1/3) at level 1, so Q^mu = (-1/6, -1/3), Q^pi = (-5/12, -1/3),
    # J(mu) = -1/4, J(pi) = 3/4 (-5/12) + 1/4 (-1/3) = -19/48.
    assert oracles.value(COIN, COIN.mu) == F(-1, 4)
    assert oracles.value(COIN, COIN.pi) == F(-19, 48)
    assert oracles.performance_difference(COIN) == F(-7, 48)
    # L' = sum (pi - mu) Q^mu = 1/4 (-1/6 + 1/3), plus at state 0 (mu-probability 1/4) -1/4 - 1/4.
    assert oracles.surrogate(COIN) == F(1, 24) - F(1, 8)
    # Delta = E[(rho_1 - 1)(V^mu - V^pi)] = 1/4 (action 0) * 1/2 (state 0) * 1/2.
    assert oracles.residual(COIN) == F(1, 16)


def test_states_by_hand():
    # State 0 needs action 0 and the coin: 1/2 * 1/2 under mu, 3/4 * 1/2 under pi.
    assert oracles.occupancy_mu(COIN) == [[1], [F(1, 4), F(3, 4)], [F(3, 8), F(5, 8)]]
    assert oracles.occupancy_pi(COIN)[1] == [F(3, 8), F(5, 8)]
    assert oracles.token_tv(COIN) == [[F(1, 4)], [F(1, 4), 0]]
    assert oracles.expected_tv(COIN) == [F(1, 4), F(1, 16)]
    assert oracles.ell(COIN) == [F(1, 4), F(1, 4)]
    # Action 0 is common with 1/2, then agreement 3/4 or 1; action 1 with 1/4, then 1.
    assert oracles.overlap(COIN) == [[F(1, 2) * F(7, 8) + F(1, 4)], [F(3, 4), 1]]
    # |mu - pi| over (action, coin, action): from state 0 1/2 * |1/4 - 3/16| and 1/2 * |1/4 - 9/16|, from
    # state 1 by action 0 1/2 * 1/4 in all, by action 1 1/4 in all.
    assert oracles.suffix_tv(COIN)[0] == [F(1, 2) * (F(1, 32) + F(5, 32) + F(1, 8) + F(1, 4))]
    assert oracles.kl_mu_pi(COIN)[0][0] == pytest.approx(log(2 / 3) / 2 + log(2) / 2, abs=1e-15)


def test_budgets_by_hand():
    # The worst path passes state 0: D = (1/4, 1/4).
    assert oracles.cum_budget(COIN, [ONE, ONE]) == [0, F(1, 4), F(1, 2)]
    assert oracles.cum_budget(COIN, [ONE, F(1, 2)]) == [0, F(1, 4), F(3, 8)]
    assert oracles.delta_b(COIN, [F(1, 2), ONE]) == F(1, 4)  # m = 1 only: (1/8) / (1/2)
    # (5) with c_t = 1/4 and delta_b = 1/4 holds with equality; a smaller c_2 or delta_b breaks it.
    quarter = F(1, 4)
    assert oracles.eq_5_holds(COIN, [ONE, ONE], [quarter, quarter], quarter)
    assert not oracles.eq_5_holds(COIN, [ONE, ONE], [quarter, F(6, 25)], quarter)
    assert not oracles.eq_5_holds(COIN, [ONE, ONE], [quarter, quarter], F(6, 25))
    # (8): S_2 - delta_b W_1 = 1/2 - 1/10 exceeds Z.
    assert oracles.eq_8_smallest_delta(COIN, [ONE, ONE], F(1, 10)) == F(2, 5)


def test_algorithm_1_by_hand():
    # delta = .15, delta_b = .015, w = 1: c = .15, then .15 + .015 - .15, .15 + .03 - .15 (a tie is kept).
    delta, budget, ones = F(3, 20), F(3, 200), [ONE] * 3
    assert oracles.algorithm_1([delta, F(0), F(3, 100)], ones, delta, budget) == [True, True, True]
    assert oracles.algorithm_1([delta, F(0), F(31, 1000)], ones, delta, budget) == [True, True, False]
    # A dropped token counts: S_2 = .30, c_3 = .15 + .03 - .30 < 0.
    assert oracles.algorithm_1([delta, delta, F(0)], ones, delta, budget) == [True, False, False]


def test_only_reachable_trajectories_count():
    # The third prompt has probability 0, the reward 100 needs a token of mu-probability 0.
    rows = [["1", "0"], ["1/2", "1/2"], ["1/2", "1/2"]]
    world = tree_world(["1/3", "2/3", "0"], [rows], [rows], [5, 100, 1, -2, 50, -50])
    assert oracles.reward_bound(world) == 5
    assert oracles.half_range(world) == F(3, 2)
    assert oracles.value(world, world.mu) == F(5, 3) + F(2, 3) * F(-1, 2)
    assert oracles.reachable(world) == [[True, True, False], [True, False, True, True, False, False]]


def test_step_rewards_by_hand():
    # One state, T = 2, mu uniform, pi = (1, 0): action 0 pays 2 then 3, last 1: J(pi) = 6, J(mu) = 7/2.
    rows, nxt = (((F(1, 2), F(1, 2)),),) * 2, ((chances((1, 0)), chances((1, 0))),)
    steps = (((F(2), F(0)),), ((F(3), F(0)),))
    world = World("automaton", 2, 2, (ONE,), rows, (((ONE, F(0)),),) * 2, (ONE,), (nxt, nxt), steps)
    assert oracles.value(world, world.pi) == 6
    assert oracles.value(world, world.mu) == F(7, 2)
    # L' = sum_t (pi - mu) Q^mu = 1/2 * 2 + 1/2 * 3; nothing is left for Delta.
    assert oracles.surrogate(world) == F(5, 2)
    assert oracles.residual(world) == 0


def test_bounds_by_hand():
    # u = (1/10, 1/5, 1), l = (1/2, 1/4, 1/8): sum_{t<3} u_t sum_{j>t} l_j = 1/10 * 3/8 + 1/5 * 1/8 = 1/16.
    u, ell = [F(1, 10), F(1, 5), ONE], [F(1, 2), F(1, 4), F(1, 8)]
    assert oracles_bounds.prop_4(F(2), u, ell) == F(1, 2)
    # lambda = 4 * 2 * 1/2 * (2, 1, 0) = (8, 4, 0).
    assert oracles_bounds.eq_4(F(2), u, ell) == F(8, 10) + F(4, 5)
    # 1 - 3/4 * 7/8 = 11/32, then 1/8; before the first position 1 - 1/2 * 21/32 = 43/64.
    assert oracles_bounds.lemma_3_product(ell) == [F(43, 64), F(11, 32), F(1, 8)]
    assert oracles_bounds.lemma_3_union(ell) == [F(7, 8), F(3, 8), F(1, 8)]
    assert oracles_bounds.b9_product(F(2), u, ell) == 8 * (F(1, 10) * F(11, 32) + F(1, 5) * F(1, 8))
    # 4 * 1/10 * ((1 - 1/4) + (1 - 1/2)) with delta = 1/2, T = 3.
    assert oracles_bounds.b9_closed(ONE, 3, F(1, 2), F(1, 10)) == F(1, 2)
    # 2 * 3 * 2 * 1/2 * 1/10 = 3/5, the slack 1/20 adds 1/20 * 4 * 1/2 * 2 / (1/2) = 2/5.
    assert oracles_bounds.prop_8(ONE, 3, F(1, 2), F(1, 10), F(1, 20), F(1, 2)) == 1
    assert oracles_bounds.eq_18_terminal(ONE, 3, F(1, 2), F(1, 10)) == F(4, 5)
    # lambda = 4 (2, 1): largest 8 / 1 against 12 / (3/2); with w = (1, 1/4) it is 16 against 48/5.
    assert oracles_bounds.eq_18_weights(ONE, ONE, [ONE, F(1, 2), ONE]) == (8, 8)
    assert oracles_bounds.eq_18_weights(ONE, ONE, [ONE, F(1, 4), ONE]) == (16, F(48, 5))


def test_paper_settings():
    # T = 8192, delta = .15, delta_b = .015, w_min = .8: 2 * 8192 * 8191 * .15 * .015 and the same / .8.
    delta, delta_b, horizon = F(3, 20), F(3, 200), 8192
    assert float(oracles_bounds.c_uniform(ONE, horizon, delta)) == pytest.approx(3019530.24)
    assert float(oracles_bounds.c_cppo(ONE, horizon, delta, delta_b)) == pytest.approx(301953.024)
    assert float(oracles_bounds.c_impl(ONE, horizon, delta, delta_b, F(4, 5))) == pytest.approx(377441.28)
    assert oracles_bounds.cor_6_ratio(delta, delta_b) == F(1, 10)
    assert oracles_bounds.cor_7_ratio(delta, delta_b, F(4, 5)) == F(1, 8)
    # 4 * .015 * (8191 - q (1 - q^8191) / .15), q = .85.
    assert float(oracles_bounds.b9_closed(ONE, 128, delta, delta_b)) == pytest.approx(
        0.06 * (127 - 0.85 / 0.15)
    )


def test_schedule_by_hand():
    assert oracles_bounds.linear_weights(5, F(4, 5)) == [1, F(19, 20), F(9, 10), F(17, 20), F(4, 5)]
    assert oracles_bounds.linear_weights(1, F(4, 5)) == [1]
    # T = 3, w = (1, 3/4, 1/2): g = (2, 4/3, 0); 1/2 / (1 * 3/4) = 2/3 and 1/2 / (3/4 * 1/2) = 4/3.
    assert oracles_bounds.prop_5(3, F(1, 2)) == [(F(2, 3), F(2, 3)), (F(4, 3), F(4, 3))]


def test_order_by_hand():
    # B.9's order fails for the linear schedule from T = 19 on at delta = .15, w_min = .8; Theorem 1's holds.
    def ordered(horizon):
        ell, w = [F(3, 20)] * horizon, oracles_bounds.linear_weights(horizon, F(4, 5))
        return oracles_bounds.is_non_increasing(oracles_bounds.b9_ratios(ell, w))

    assert ordered(18)
    assert not ordered(19)
    ratios = oracles_bounds.theorem_ratios(ONE, ONE, oracles_bounds.linear_weights(19, F(4, 5)))
    assert oracles_bounds.is_non_increasing(ratios)


def test_pairs_by_hand():
    p, q = [F(1, 2), F(1, 2), F(0)], [F(1, 4), F(1, 4), F(1, 2)]
    assert oracles.tv(p, q) == oracles_bounds.tv_by_events(p, q) == F(1, 2)
    assert oracles_bounds.mean_ratio_gap(p, q) == 1  # 1/4 * 1 + 1/4 * 1 + 1/2 * 1
    assert oracles_bounds.mean_ratio_gap(q, p) == F(1, 2)  # q is not << p: the mass 1/2 is missed
    joint = [[F(1, 4), F(0), F(1, 4)], [F(0), F(1, 4), F(1, 4)], [F(0), F(0), F(0)]]
    assert oracles_bounds.is_coupling(joint, p, q)
    assert not oracles_bounds.is_coupling(joint, q, p)
    assert oracles_bounds.mismatch(joint) == F(1, 2)
    assert oracles.kl(p, q) == pytest.approx(log(2), abs=1e-15)
    assert oracles.kl(q, p) == inf
    assert oracles_bounds.mixture(p, q, F(1, 2)) == [F(3, 8), F(3, 8), F(1, 4)]


def test_budget_maximum_by_hand():
    # T = 3, lambda = 4 (2, 1), w = (1, 1): r is decreasing, best u = delta_b; w = (1, 1/4) makes r = (8, 16)
    # increasing: all the budget 5/4 at the second position, u_2 = 5: 4 * 5 delta_b.
    assert oracles_bounds.b10_maximum(ONE, ONE, [ONE, ONE, ONE], F(1, 10)) == F(12, 10)
    assert oracles_bounds.b10_maximum(ONE, ONE, [ONE, F(1, 4), ONE], F(1, 10)) == 2
