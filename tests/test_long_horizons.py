"""Automata at the horizons of language models: exact, stable, and in memory O(S V + T)."""

import tracemalloc
from decimal import Decimal, localcontext
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.arithmetic import full
from cppo_theory.claims import Status, total_variation
from cppo_theory.policy import mixture, random_policy, random_rational_policy
from cppo_theory.recursions import BACKWARD, fold_back, fold_forward
from tests.longer import in_long_doubles
from tests.tolerances import LONG, ROUNDING, TINY

T = 16_384


def assert_close(found, expected):
    """Relatively close wherever the number is large enough to have digits; not all may be too small."""
    found, expected = (np.asarray(x, dtype=np.longdouble) for x in (found, expected))
    large = np.abs(expected) > TINY
    assert large.any()
    np.testing.assert_array_less(np.abs(found - expected)[large], LONG * np.abs(expected)[large])


def assert_same_quantities(instance, longer):
    """Every quantity that needs no tree, from passes at two precisions."""
    (found, levels), (expected, wide) = (fold_back(i, BACKWARD, keep=["overlap"]) for i in (instance, longer))
    for name in BACKWARD:
        if name != "overlap":  # of which the first levels are too small
            assert_close((instance.initial * found[name]).sum(-1), (longer.initial * expected[name]).sum(-1))
    assert_close(np.stack(levels["overlap"]), np.stack(wide["overlap"]))
    weights = np.linspace(1, 0.1, instance.horizon)
    exact = np.array([Fraction(w) for w in weights]) if longer.exact else weights
    found, expected = fold_forward(instance, weights), fold_forward(longer, exact)
    assert_close(found.expected_tv, expected.expected_tv)
    assert_close(found.ell, expected.ell)
    assert_close(found.cum_budget[..., 1:], expected.cum_budget[..., 1:])


# --- against a longer precision ---------------------------------------------------------------------------


@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize("steps", [False, True])
def test_floats_are_fractions_at_64(varying, steps):
    rng, states, horizon = np.random.default_rng(1), 3, 64
    sizes = [states] * (horizon + 1) if varying else [states] * 2
    mu = random_rational_policy(sizes, 2, rng)
    pi = mixture(mu, random_rational_policy(sizes, 2, rng, support=mu), Fraction(1, 7))
    next_ = [rng.integers(0, states, (states, 2)) for _ in mu]
    space = ct.Automaton(next_ if varying else next_[0], horizon, states)
    step_reward = rng.integers(-5, 6, (states, 2)) if steps else None
    exact = ct.Instance(
        space,
        np.array([Fraction(1, 3), Fraction(2, 3), Fraction(0)]),
        mu if varying else mu[0],
        pi if varying else pi[0],
        np.array([5, -7, 2]),
        step_reward,
    )
    assert exact.exact
    assert_same_quantities(exact.in_floats(), exact)


def world(varying, share=(1.0, 1e-3)):
    """A batch: final rewards only, and step rewards too; pi far from mu, and near."""
    rng, states, actions = np.random.default_rng(2), 6, 3
    sizes = [states] * (T + 1) if varying else [states] * 2
    mu, other = (random_policy(sizes, actions, rng, batch=(2, 2)) for _ in range(2))
    pi = mixture(mu, other, np.array([[share[0]], [share[1]]]))
    next_ = [rng.integers(0, states, (states, actions)) for _ in mu]
    return ct.Instance(
        ct.Automaton(next_ if varying else next_[0], T, states),
        np.full(states, 1 / states),
        mu if varying else mu[0],
        pi if varying else pi[0],
        rng.uniform(-1, 1, (2, 2, states)),
        rng.uniform(0, 1, (states, actions)) * np.array([0.0, 1.0])[:, None, None],
    )


@pytest.mark.slow
@pytest.mark.parametrize("varying", [False, True])
def test_floats_are_long_doubles_at_full_horizon(varying):
    instance = world(varying)
    assert_same_quantities(instance, in_long_doubles(instance))


def test_constants_are_as_wide_as_what_they_are_like():
    # else the pushes of the long run would be rounded at every level
    assert full((2,), 0, np.zeros(1, dtype=np.longdouble)).dtype == np.longdouble
    assert full((2,), 0, np.zeros(1, dtype=np.float32)).dtype == np.float64
    assert full((2,), 0, np.zeros(1, dtype=np.int64)).dtype == np.float64


# --- values known in closed form --------------------------------------------------------------------------


def all_or_nothing():
    """Reward 1 if every token is 0: p = 1 - 1/T under mu, q = p + 1e-3/T under pi; 1 is a sink."""
    p = 1 - 1 / T
    q = p + 1e-3 / T
    tables = [np.array([[x, 1 - x], [0.5, 0.5]]) for x in (p, q)]
    space = ct.Automaton(np.array([[0, 1], [1, 1]]), T)
    return (p, q), ct.Instance(space, np.array([1.0, 0.0]), *tables, np.array([1.0, 0.0]))


def test_all_or_nothing():
    # J(mu) = p^T, J(pi) = q^T, L' = T p^(T-1) (q - p); D = q - p while all tokens were 0, which has
    # probability p^(t-1), and 0 from then on: u_t = p^(t-1) (q - p), and m (q - p) is the worst sum of m.
    (p, q), instance = all_or_nothing()
    values = ct.evaluate(instance)
    with localcontext(prec=60):
        p, q = Decimal(p), Decimal(q)
        gap, surrogate = q - p, T * p ** (T - 1) * (q - p)
        expected = {
            "value_mu": p**T,
            "value_pi": q**T,
            "surrogate": surrogate,
            "residual": surrogate - (q**T - p**T),
            "root_overlap": 1 - gap * (1 - p**T) / (1 - p),
        }
        errors = {name: abs(Decimal(getattr(values, name)) / x - 1) for name, x in expected.items()}
        u = [float(p**t * gap) for t in (0, 1, T // 2, T - 1)]
        budget = [float(m * gap) for m in (1, 2, T)]
    assert max(errors.values()) <= LONG, errors
    assert_close(values.expected_tv[[0, 1, T // 2, T - 1]], u)
    assert_close(values.cum_budget[[1, 2, T]], budget)
    assert_close(values.ell, [u[0]] * T)


def test_every_claim_at_full_horizon():
    _, instance = all_or_nothing()
    verdicts = {verdict.claim: verdict for verdict in ct.check(instance)}
    assert {name for name, v in verdicts.items() if v.status is Status.VIOLATED} == set()
    tree_only = {name for name, v in verdicts.items() if v.failed == ("prefix tree",)}
    assert tree_only == {name for name, claim in ct.CLAIMS.items() if claim.needs_tree}
    assert all(np.isfinite(float(v.rhs)) for name, v in verdicts.items() if name not in tree_only)


# --- memory -----------------------------------------------------------------------------------------------


def peak(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def stationary(states, actions, horizon):
    rng = np.random.default_rng(3)
    mu, pi = (random_policy([states] * 2, actions, rng)[0] for _ in range(2))
    space = ct.Automaton(rng.integers(0, states, (states, actions)), horizon)
    reward, steps = rng.uniform(-1, 1, states), rng.uniform(-1, 1, (states, actions))
    return ct.Instance(space, np.full(states, 1 / states), mu, pi, reward, steps)


KEPT_ONCE = ["token_tv", "kl_mu_pi", "kl_pi_mu", "expected_kl_mu_pi", "expected_kl_pi_mu"]


@pytest.mark.parametrize(
    "call", [ct.check, ct.evaluate, lambda i: ct.evaluate(i, KEPT_ONCE)], ids=["check", "evaluate", "kept"]
)
def test_a_level_of_a_stationary_policy_costs_no_states(call):
    """A level adds some numbers to hold, but not one per state: 600 states would be 4,800 bytes."""
    short, long = (peak(lambda t=t: call(stationary(600, 2, t))) for t in (20, 220))
    assert (long - short) / 200 < 1_500


def test_memory_is_a_few_tables():
    """Tables of mu, pi and next count 3; nothing holds V numbers per edge (V would be 24 tables)."""
    states, actions = 1_000, 24
    assert peak(lambda: ct.check(stationary(states, actions, 2))) < 20 * 8 * states * actions


def test_couplings_in_blocks():
    rng = np.random.default_rng(4)
    mu, pi = (random_policy([10] * 2, 3, rng, batch=(2,))[0] for _ in range(2))
    with mock.patch.object(total_variation, "COUPLED", 3):
        parted, tv = total_variation._coupling(mu, pi)
    assert parted.shape == (2, 10)
    np.testing.assert_allclose(parted, tv, rtol=0, atol=ROUNDING)
