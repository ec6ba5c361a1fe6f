"""Sampled responses: frequencies by exact probabilities, rewards and lengths by the verifiers."""

import math
from fractions import Fraction

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.policy import random_policy, uniform_policy
from cppo_theory.recursions import occupancies
from cppo_theory.tasks import log_probability, sample, task
from tests.tasks.common import SMALL, every_setting, every_task, follow, make, rational_policies
from tests.tasks.verifiers import verdict
from tests.tolerances import ROUNDING

F = Fraction
RNG = np.random.default_rng
COUNT = 3000
FAILURE = 1e-6  # probability that one of the comparisons of frequencies fails although the code is right
COMPARISONS = 30 * 5 * 20 * 12  # settings, levels, states and tokens, each of them at most


def is_plausible(found: int, probability: float, count: int = COUNT) -> bool:
    """Chernoff: P(count KL(frequency || p) >= x) <= 2 exp(-x) for a sum of independent events."""
    share = found / count
    if probability in (0.0, 1.0):
        return share == probability
    terms = ((share, probability), (1 - share, 1 - probability))
    kl = sum(q * math.log(q / p) for q, p in terms if q > 0)
    return count * kl <= math.log(2 * COMPARISONS / FAILURE)


def test_the_comparison_of_frequencies():
    # 1500 of 3000 is what 1/2 gives; the limit is log(7.2e10) = 25.0, at .5 a deviation of .0645
    assert len(SMALL) <= 30
    assert is_plausible(1500, 0.5)
    assert is_plausible(1690, 0.5)
    assert not is_plausible(1700, 0.5)
    assert not is_plausible(1, 0.0)
    assert not is_plausible(2999, 1.0)


@every_setting
def test_every_response_is_verified(name, given):
    made = make(name, given)
    policy, _ = rational_policies(made, seed=3)
    drawn = sample(made, policy, COUNT, RNG(4))
    assert drawn.states.shape == (COUNT, made.horizon + 1)
    assert drawn.tokens.shape == (COUNT, made.horizon)
    starts = drawn.states[:, 0].tolist()
    assert set(starts) == set(made.prompts)
    for state in made.prompts:
        mine = drawn.states[:, 0] == state
        assert (follow(made, state, drawn.tokens[mine]) == drawn.states[mine]).all()
    verdicts = [verdict(made, *pair) for pair in zip(starts, drawn.tokens.tolist(), strict=True)]
    assert drawn.reward.tolist() == [float(reward) for reward, _ in verdicts]
    assert drawn.length.tolist() == [length for _, length in verdicts]
    inside = np.arange(made.horizon) < drawn.length[:, None]
    assert (drawn.tokens[~inside] == made.padding).all()
    for t, table in enumerate(policy):  # no token without probability was drawn
        assert (table[drawn.states[:, t], drawn.tokens[:, t]][inside[:, t]] > 0).all()


@every_setting
def test_frequencies_are_the_exact_probabilities(name, given):
    made = make(name, given)
    policy = random_policy(made.space.sizes, made.actions, RNG(5), scale=0.8)
    drawn = sample(made, policy, COUNT, RNG(6))
    instance = made.instance(policy, policy)
    for t, law in enumerate(occupancies(instance, instance.mu)):
        for s, a in np.ndindex(instance.mu[t].shape):
            found = ((drawn.states[:, t] == s) & (drawn.tokens[:, t] == a)).sum()
            assert is_plausible(int(found), float(law[s] * instance.mu[t][s, a])), (t, s, a)


@every_task
def test_the_mean_reward_is_the_exact_value(name, given):
    # Hoeffding: rewards in [0, 1], nine comparisons.
    made = make(name, given)
    policy = random_policy(made.space.sizes, made.actions, RNG(7), scale=0.8)
    value = ct.evaluate(made.instance(policy, policy)).value_mu
    assert abs(sample(made, policy, 5000, RNG(8)).reward.mean() - value) <= math.sqrt(
        math.log(2 * 9 / FAILURE) / (2 * 5000)
    )


@every_task
def test_a_generator_fixes_the_responses(name, given):
    made = make(name, given)
    policy = uniform_policy(made.space.sizes, made.actions)
    first, again, other = (sample(made, policy, 200, RNG(seed)) for seed in (9, 9, 10))
    for field in ("states", "tokens", "length", "reward"):
        assert (getattr(first, field) == getattr(again, field)).all()
    assert (first.tokens != other.tokens).any()


def test_a_generator_goes_on():
    made = task("modular-sum")
    policy, rng = uniform_policy(made.space.sizes, made.actions), RNG(11)
    assert (sample(made, policy, 50, rng).tokens != sample(made, policy, 50, rng).tokens).any()


def test_policies_share_the_randomness_of_equal_generators():
    made = task("modular-sum", horizon=6)
    mu = random_policy(made.space.sizes, made.actions, RNG(12))
    pi = [*mu[:3], *uniform_policy(made.space.sizes[3:], made.actions)]
    x, y = sample(made, mu, 300, RNG(13)), sample(made, pi, 300, RNG(13))
    assert (x.tokens[:, :3] == y.tokens[:, :3]).all()
    assert (x.tokens[:, 3:] != y.tokens[:, 3:]).any()


class Constant(np.random.Generator):
    """A generator whose numbers are all the same."""

    def __init__(self, value):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, size):
        return np.full(size, self.value)


@pytest.mark.parametrize(("draw", "token"), [(0.0, 1), (1 - 2**-53, 10)])
def test_rounding_draws_no_impossible_token(draw, token):
    # Ten tenths: their float sum is 1 - 2^-53, which a draw can reach; tokens 0 and 11 are impossible.
    made = task("modular-sum", horizon=2, actions=12, modulus=2, prompts=2)
    row = [F(0), *[F(1, 10)] * 10, F(0)]
    assert np.cumsum(np.array(row, dtype=float))[-1] == 1 - 2**-53
    drawn = sample(made, np.array([row, row]), 3, Constant(draw))
    assert drawn.tokens.tolist() == [[token, token]] * 3
    assert drawn.states[:, 0].tolist() == [0 if draw == 0 else 1] * 3


def test_one_array_stands_for_every_level():
    made = task("modular-sum", horizon=5, modulus=3)
    table = np.array([[0.1, 0.2, 0.3, 0.4]] * 3)
    assert (sample(made, table, 40, RNG(1)).tokens == sample(made, [table] * 5, 40, RNG(1)).tokens).all()


# --- log-probabilities ------------------------------------------------------------------------------------


@every_setting
def test_log_probability(name, given):
    made = make(name, given)
    mu, pi = rational_policies(made, seed=14)
    drawn = sample(made, mu, 100, RNG(15))
    for policy in (mu, pi):
        found = log_probability(policy, drawn)
        assert found.shape == drawn.tokens.shape
        for i, t in np.ndindex(found.shape):
            chance = policy[t][drawn.states[i, t], drawn.tokens[i, t]]
            if t >= drawn.length[i]:
                assert found[i, t] == 0
            elif chance == 0:
                assert policy is pi  # a token of mu is possible
                assert found[i, t] == -math.inf
            else:
                assert abs(found[i, t] - math.log(chance)) <= ROUNDING


def test_log_probability_of_unsuitable_policies():
    made = task("modular-sum", horizon=3, actions=4, modulus=5)
    drawn = sample(made, uniform_policy(made.space.sizes, 4), 200, RNG(16))
    table = np.full((5, 4), 0.25)
    for policy, message in (
        ([table] * 2, r"^policy: found 2 levels; the responses have 3 tokens"),
        (
            [table, table[:2], table],
            r"^policy\[1\]: found shape \(2, 4\); the responses need at least \(5, 4\)",
        ),
        ([table, table, table[:, :3]], r"^policy\[2\]: found shape \(5, 3\); the responses need at least"),
        ([table[None]] * 3, r"^policy\[0\]: found shape \(1, 5, 4\); one policy"),
    ):
        with pytest.raises(ct.InputError, match=message):
            log_probability(policy, drawn)
