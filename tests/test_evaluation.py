"""The `evaluate` API: what it keeps, batch axes, weights, KL, T = 1, the fused pass."""

import copy
import pickle
from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from cppo_theory.evaluation import KEEP
from tests import convert, oracles, strategies
from tests.oracles_world import World, tree_world
from tests.tolerances import RELATIVE

F = Fraction
TREES = strategies.worlds(64)
WORLDS = TREES | strategies.automaton_worlds(64) | strategies.kernel_worlds(64)
ALWAYS = [
    "value_mu",
    "value_pi",
    "surrogate",
    "residual",
    "root_overlap",
    "expected_tv",
    "ell",
    "cum_budget",
    "delta_b",
    "reward_bound",
    "half_range",
]
LOGS = ["kl_mu_pi", "kl_pi_mu", "expected_kl_mu_pi", "expected_kl_pi_mu"]
OF_PATHS = ["suffix_tv", "worst_case_residual"]
HALF = np.array([[F(1, 2), F(1, 2)]])


def one_state(horizon: int, pi=HALF, **more) -> ct.Instance:
    space = ct.Automaton(np.zeros((1, 2), dtype=int), horizon)
    return ct.Instance(space, np.array([F(1)]), HALF, pi, **more)


# --- what is kept -----------------------------------------------------------------------------------------


def test_only_what_is_asked_for_is_kept():
    values = ct.evaluate(one_state(2), keep=["token_tv"])
    assert list(values.kept) == ["token_tv"]
    assert values.token_tv is values.kept["token_tv"]
    for name in set(KEEP) - {"token_tv"}:
        with pytest.raises(
            AttributeError, match=rf"{name} was not kept: call evaluate\(.*keep=\['{name}'\]\)"
        ):
            getattr(values, name)
    with pytest.raises(AttributeError, match="Values has no attribute 'token_tvs'"):
        _ = values.token_tvs


def test_values_can_be_copied_and_pickled():
    values = ct.evaluate(one_state(2), keep=["token_tv"])
    for found in (copy.deepcopy(values), pickle.loads(pickle.dumps(values))):
        assert found.value_mu == values.value_mu
        assert [level.tolist() for level in found.token_tv] == [[0], [0]]


def test_an_unknown_name_is_refused():
    with pytest.raises(ct.InputError, match="keep: found 'residual'; known names are token_tv, occ"):
        ct.evaluate(one_state(2), keep=["token_tv", "residual"])


@pytest.mark.parametrize("name", OF_PATHS)
def test_whole_paths_need_a_tree(name):
    with pytest.raises(ct.InputError, match=rf"keep: found '{name}' on a automaton; only a prefix tree"):
        ct.evaluate(one_state(2), keep=[name])


@given(WORLDS)
def test_kept_levels(world):
    values = ct.evaluate(
        convert.instance(world), keep=["token_tv", "occupancy_mu", "occupancy_pi", "overlap"]
    )
    expected = {
        "token_tv": oracles.token_tv(world),
        "occupancy_mu": oracles.occupancy_mu(world)[:-1],
        "occupancy_pi": oracles.occupancy_pi(world)[:-1],
        "overlap": oracles.overlap(world),
    }
    for name, levels in expected.items():
        assert [level.tolist() for level in values.kept[name]] == levels


@given(WORLDS)
def test_numbers(world):
    values = ct.evaluate(convert.instance(world))
    found = {name: getattr(values, name) for name in ("value_mu", "residual", "reward_bound", "half_range")}
    assert found == {
        "value_mu": oracles.value(world, world.mu),
        "residual": oracles.residual(world),
        "reward_bound": oracles.reward_bound(world),
        "half_range": oracles.half_range(world),
    }
    assert all(isinstance(x, Fraction) for x in found.values())


# --- weights ----------------------------------------------------------------------------------------------


@given(st.data(), WORLDS)
def test_weights_enter_the_budgets_only(data, world):
    weights = data.draw(strategies.weights(world.horizon))
    plain = ct.evaluate(convert.instance(world))
    found = ct.evaluate(convert.instance(world), weights=np.array(weights, dtype=object))
    assert found.weights.tolist() == weights
    assert found.cum_budget.tolist() == oracles.cum_budget(world, weights)
    assert found.delta_b == oracles.delta_b(world, weights)
    assert plain.delta_b == oracles.delta_b(world, [F(1)] * world.horizon)
    for name in set(ALWAYS) - {"cum_budget", "delta_b"}:
        assert np.array_equal(getattr(found, name), getattr(plain, name))


def test_weights_of_the_constraints_are_the_default():
    linear = ct.Constraints.schedule(3, w_min=F(1, 2))
    instance = one_state(3, constraints=linear)
    assert ct.evaluate(instance).weights.tolist() == [1, F(3, 4), F(1, 2)]
    assert ct.evaluate(instance, weights=np.array([1, 1, 2])).weights.tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 1], "weights: found 2 weights; the horizon 3 needs 3"),
        ([1, 0, 1], r"weights\[1\]: found 0; a positive number"),
        ([1, 0.5, 1], "weights: found floats for an exact instance; give rational"),
        ([[1, 1, 1]], r"weights: found shape \(1, 3\)"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ct.InputError, match=message):
        ct.evaluate(one_state(3), weights=np.array(weights))


def test_weights_take_the_tier_of_a_float_instance():
    values = ct.evaluate(one_state(2).in_floats(), weights=np.array([F(1), F(1, 2)]))
    assert values.weights.dtype == np.float64


# --- KL ---------------------------------------------------------------------------------------------------


def log_sum(world: World, p, q) -> float:
    """KL of complete trajectories, given the prompt's law, which is the same."""
    laws = [
        [world.initial[y.states[0]] * oracles.probability(y.steps, policy) for y in world.trajectories]
        for policy in (p, q)
    ]
    return oracles.kl(*laws)


@given(WORLDS)
def test_expected_kl_adds_up_to_that_of_complete_responses(world):
    values = ct.evaluate(convert.instance(world), keep=LOGS)
    assert sum(values.expected_kl_mu_pi) == pytest.approx(log_sum(world, world.mu, world.pi), rel=RELATIVE)
    assert sum(values.expected_kl_pi_mu) == pytest.approx(log_sum(world, world.pi, world.mu), rel=RELATIVE)
    for t, level in enumerate(oracles.kl_mu_pi(world)):
        assert values.kl_mu_pi[t].tolist() == pytest.approx(level, rel=RELATIVE)
        backward = [oracles.kl(q, p) for p, q in zip(world.mu[t], world.pi[t], strict=True)]
        assert values.kl_pi_mu[t].tolist() == pytest.approx(backward, rel=RELATIVE)


@given(WORLDS)
def test_expected_kl_of_every_position(world):
    values = ct.evaluate(convert.instance(world), keep=LOGS)
    for found, occupancy, (p, q) in (
        (values.expected_kl_mu_pi, oracles.occupancy_mu(world), (world.mu, world.pi)),
        (values.expected_kl_pi_mu, oracles.occupancy_pi(world), (world.pi, world.mu)),
    ):
        expected = [
            sum(float(d) * oracles.kl(x, y) for d, x, y in zip(law, left, right, strict=True) if d > 0)
            for law, left, right in zip(occupancy[:-1], p, q, strict=True)
        ]
        assert found.tolist() == pytest.approx(expected, rel=RELATIVE)
        assert found.dtype == np.float64


@pytest.mark.parametrize("change", [lambda x: x, ct.Instance.in_floats])
def test_an_infinite_kl_counts_where_mu_goes(change):
    # State by state KL(mu || pi) is 0, then inf after token 0, which mu never draws first, or draws.
    def first(p):
        mu, pi = [[[p, 1 - p]], [[F(1, 2)] * 2] * 2], [[[p, 1 - p]], [[0, 1], [F(1, 2)] * 2]]
        return ct.evaluate(change(convert.instance(tree_world([1], mu, pi, [0] * 4))), keep=LOGS)

    assert first(F(0)).expected_kl_mu_pi.tolist() == [0, 0]
    assert first(F(0)).kl_mu_pi[1].tolist() == [inf, 0]
    assert first(F(1, 2)).expected_kl_mu_pi.tolist() == [0, inf]
    assert first(F(1, 10**400)).expected_kl_mu_pi.tolist() == [0, inf if change(one_state(1)).exact else 0]


# --- one token -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [True, False])
def test_one_token(exact):
    # mu = (1/2, 1/2), pi = (1/4, 3/4), R = (4, -2): J = 1, -1/2 and L' = E_mu[R (rho - 1)] = -3/2; D = 1/4.
    tree = ct.PrefixTree(2, 1)
    instance = ct.Instance(tree, [F(1)], [HALF], [np.array([[F(1, 4), F(3, 4)]])], [F(4), F(-2)])
    values = ct.evaluate(
        instance if exact else instance.in_floats(), keep=["suffix_tv", "worst_case_residual"]
    )
    assert (values.value_mu, values.value_pi, values.surrogate, values.residual) == (1, -0.5, -1.5, 0)
    assert (values.expected_tv.tolist(), values.cum_budget.tolist()) == ([0.25], [0, 0.25])
    assert (values.delta_b, values.root_overlap, values.worst_case_residual) == (0, 0.75, 0)
    assert (values.reward_bound, values.half_range) == (4, 3)
    kind = Fraction if exact else float
    assert all(isinstance(x, kind) for name in ALWAYS for x in np.asarray(getattr(values, name)).flat)


def test_keep_is_a_collection_of_names():
    with pytest.raises(TypeError, match=r"keep: found the string 'token_tv'; .* \['token_tv'\] is required"):
        ct.evaluate(ct.jump_family([0], 0.5), keep="token_tv")
