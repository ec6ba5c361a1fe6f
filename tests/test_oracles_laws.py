"""The oracles against each other: identities, chains of bounds and implications on drawn worlds."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tests import oracles, oracles_audit, oracles_bounds, strategies
from tests.oracles_world import ONE

F = Fraction
SPACES = strategies.worlds() | strategies.automaton_worlds() | strategies.kernel_worlds()


@given(SPACES)
def test_identities(world):
    gain = oracles.value(world, world.pi) - oracles.value(world, world.mu)
    assert gain == oracles.surrogate(world) - oracles.residual(world)
    assert gain == oracles.performance_difference(world)


@given(SPACES)
def test_laws_add_up(world):
    for policy in (world.mu, world.pi):
        assert all(sum(level) == 1 for level in oracles.occupancy(world, policy))
    visited = oracles.reachable(world)
    assert [[p > 0 for p in level] for level in oracles.occupancy_mu(world)] == visited


@given(SPACES)
def test_the_chain_of_bounds(world):
    xi, u, ell = oracles.reward_bound(world), oracles.expected_tv(world), oracles.ell(world)
    ones = [ONE] * world.horizon
    chain = [
        abs(oracles.residual(world)),
        oracles_audit.state_dependent(xi, world),
        oracles_audit.overlap_suffix(xi, world),
        oracles_bounds.b9_product(xi, u, ell),
        oracles_bounds.prop_4(xi, u, ell),
        oracles_bounds.eq_4(xi, u, ell),
        oracles_bounds.uniform(xi, world.horizon, max(ell)),
    ]
    assert chain == sorted(chain)
    assert chain[0] <= oracles_bounds.prop_4(oracles.half_range(world), u, ell)
    assert chain[0] <= oracles_bounds.thm_1(xi, world.horizon, max(ell), oracles.delta_b(world, ones))
    assert oracles_audit.overlap_suffix(xi, world) <= oracles_audit.hybrid(xi, world)


@given(SPACES)
def test_coupling(world):
    product, union = (
        f(oracles.ell(world)) for f in (oracles_bounds.lemma_3_product, oracles_bounds.lemma_3_union)
    )
    suffix, overlap, visited = oracles.suffix_tv(world), oracles.overlap(world), oracles.reachable(world)
    for t in range(world.horizon):
        for s in range(world.sizes[t]):
            if visited[t][s]:
                assert suffix[t][s] <= 1 - overlap[t][s] <= product[t] <= union[t]


@given(strategies.worlds(max_sequences=64))
def test_worst_reward(world):
    worst = oracles.worst_case_residual(world)
    assert abs(oracles.residual(world)) <= oracles.reward_bound(world) * worst
    assert worst <= oracles_audit.state_dependent(ONE, world)


@given(SPACES, st.data())
def test_constraints_imply_each_other(world, data):
    weights = data.draw(strategies.weights(world.horizon))
    budget = oracles.delta_b(world, weights)
    thresholds = [w * x for w, x in zip(weights, oracles.ell(world), strict=True)]
    assert oracles.eq_5_holds(world, weights, thresholds, budget)
    delta = oracles.eq_8_smallest_delta(world, weights, budget)
    assert oracles.eq_8_holds(world, weights, delta, budget)
    if delta > 0:
        assert not oracles.eq_8_holds(world, weights, delta * F(99, 100), budget)


@given(SPACES, st.data())
def test_eq_8_leaves_a_slack_of_delta(world, data):
    weights, budget = data.draw(strategies.weights(world.horizon)), data.draw(strategies.unit_fractions(40))
    delta, u, ell = (
        oracles.eq_8_smallest_delta(world, weights, budget),
        oracles.expected_tv(world),
        oracles.ell(world),
    )
    eta = oracles_bounds.expected_slack(u, weights, budget)
    assert eta <= delta
    if world.horizon > 1:
        assert eta <= max(oracles_bounds.eq_8_sharp_slack(weights, delta, budget), F(0))
    xi = oracles.reward_bound(world)
    if oracles_bounds.is_non_increasing(oracles_bounds.theorem_ratios(ONE, ONE, weights)):
        bound = oracles_bounds.prop_8(xi, world.horizon, max(ell), budget, eta, weights[0])
        assert abs(oracles.residual(world)) <= bound


@given(strategies.distribution_pairs())
def test_pairs(pair):
    mu, pi = pair
    assert (
        oracles.tv(mu, pi) == oracles_bounds.tv_by_events(mu, pi) == oracles_bounds.mean_ratio_gap(pi, mu) / 2
    )
    assert float(oracles.tv(mu, pi)) <= (oracles.kl(mu, pi) / 2) ** 0.5 + 1e-15


@given(strategies.settings())
def test_settings(setting):
    t, delta, delta_b, w_min = setting.horizon, setting.delta, setting.delta_b, setting.w_min
    assert all(left == right > 0 for left, right in oracles_bounds.prop_5(t, w_min))
    c_uniform = oracles_bounds.c_uniform(ONE, t, delta)
    c_cppo = oracles_bounds.c_cppo(ONE, t, delta, delta_b)
    c_impl = oracles_bounds.c_impl(ONE, t, delta, delta_b, w_min)
    assert c_cppo == oracles_bounds.cor_6_ratio(delta, delta_b) * c_uniform
    assert c_impl == oracles_bounds.cor_7_ratio(delta, delta_b, w_min) * c_uniform
    assert c_impl == oracles_bounds.eq_7(ONE, t, delta, delta_b, w_min)
    assert oracles_bounds.b9_closed(ONE, t, delta, delta_b) <= c_cppo
    # C_terminal / C_CPPO = 2 - 2/T.
    assert oracles_bounds.eq_18_terminal(ONE, t, delta, delta_b) == (2 - F(2, t)) * c_cppo


@given(st.data(), st.integers(1, 6))
def test_sums(data, n):
    r, x = data.draw(strategies.signed(n)), data.draw(strategies.signed(n))
    left, right = oracles_bounds.b11_abel(r, x)
    assert left == right
    weights = data.draw(strategies.weights(n))
    largest, mean = oracles_bounds.averaging(x, weights)
    assert largest >= mean
    assert (largest == mean) == (len({a / w for a, w in zip(x, weights, strict=True)}) == 1)


@given(st.data(), st.integers(2, 6), strategies.unit_fractions())
def test_budget_maximum(data, horizon, delta_b):
    weights = data.draw(strategies.weights(horizon))
    best = oracles_bounds.b10_maximum(ONE, ONE, weights, delta_b)
    attained, bound = oracles_bounds.b10_abel(ONE, ONE, weights, [delta_b] * horizon, delta_b)
    assert attained == bound <= best
    assert max(oracles_bounds.centred_slack(weights, [delta_b] * horizon, delta_b)) == 0
    ratios = oracles_bounds.theorem_ratios(ONE, ONE, weights)
    assert (best == bound) == oracles_bounds.is_non_increasing(ratios)
    largest, mean = oracles_bounds.eq_18_weights(ONE, ONE, weights)
    assert largest >= mean
