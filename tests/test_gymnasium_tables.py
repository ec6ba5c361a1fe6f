"""Gymnasium tables as kernels: known values, plain dynamic programming, real steps, refusals."""

import copy
import math
from collections import Counter
from fractions import Fraction

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.envs.toy_text import FrozenLakeEnv

import cppo_theory as ct
from cppo_theory import gymnasium_tables
from cppo_theory.policy import softmax

FROZEN, CLIFF, TAXI = "FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"
VARIANTS = {
    "lake": (FROZEN, {}, 50),
    "cliff": (CLIFF, {}, 200),
    "taxi": (TAXI, {}, 200),
    "certain lake": (FROZEN, {"is_slippery": False}, 7),
    "surer lake": (FROZEN, {"success_rate": 0.8, "reward_schedule": (1, -2, 0)}, 7),
    "slippery cliff": ("CliffWalkingSlippery-v1", {}, 30),
    "rainy taxi": (TAXI, {"is_rainy": True}, 30),
}
ROUNDING = 1e-12  # relative; sums of up to 200 levels, a few hundred roundings of 1.1e-16
FAILURE = 1e-6  # probability that a sampling test fails although the code is right (the seeds are fixed)


class Line(gymnasium.Env):
    """A toy-text environment with a table of the test's choosing; it steps by its table.

    From state 0, action 0 goes to 1 with reward 1 or 2 and action 1 ends with reward 5; state 1 ends.
    """

    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Discrete(2)

    def __init__(self):
        self.P = {
            0: {
                0: [(0.25, 1, 1.0, False), (0.5, 1, 2.0, False), (0.25, 1, 1.0, False)],
                1: [(1.0, 0, 5.0, True)],
            },
            1: {0: [(1.0, 1, 0.0, True)], 1: [(1.0, 0, 0.0, True)]},
        }
        self.initial_state_distrib = np.array([1.0, 0.0])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.s = int(self.np_random.choice(2, p=self.initial_state_distrib))
        return self.s, {}

    def step(self, action):
        row = self.P[self.s][action]
        _, self.s, reward, terminated = row[self.np_random.choice(len(row), p=[entry[0] for entry in row])]
        return self.s, reward, terminated, False, {}


def line(**changes):
    """A `Line` with other attributes; P is given by its rows."""
    env = Line()
    for name, value in changes.items():
        setattr(env, name, value)
    return env


def with_row(row, state=0, action=0):
    """A `Line` with one other row."""
    env = Line()
    env.P[state][action] = row
    return env


def random_table(env, seed, zeros=False):
    """One policy table over the environment's states; with zeros on the last action."""
    rng = np.random.default_rng(seed)
    shape = len(env.unwrapped.P), len(env.unwrapped.P[0])
    table = softmax([rng.standard_normal(shape)])[0]
    if zeros:
        table[:, :-1] += table[:, -1:] / (shape[1] - 1)
        table[:, -1] = 0.0
    return table


def value_by_dictionaries(env, horizon, policy):
    """J from the definition: expectation over the rows of ``env.P``, nothing after termination."""
    value = dict.fromkeys(env.P, 0.0)
    for t in reversed(range(horizon)):
        value = {
            s: math.fsum(
                policy[t][s][a] * p * (r + (0.0 if terminated else value[successor]))
                for a in env.P[s]
                for p, successor, r, terminated in env.P[s][a]
            )
            for s in env.P
        }
    return math.fsum(p * value[s] for s, p in enumerate(env.initial_state_distrib))


# --- values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "horizon", "value", "half_unit"),
    [(FROZEN, 50, 0.0139352, 5e-8), (CLIFF, 200, -2079.116, 5e-4), (TAXI, 200, -771.091, 5e-4)],
)
def test_uniform_policy_has_the_known_value(name, horizon, value, half_unit):
    values = ct.evaluate(ct.from_gymnasium(name, horizon))
    assert abs(values.value_mu - value) < half_unit
    assert values.value_pi == values.value_mu
    assert values.residual == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_values_equal_dynamic_programming_over_dictionaries(variant):
    name, options, horizon = VARIANTS[variant]
    env = gymnasium.make(name, **options)
    pi = [random_table(env, t, zeros=t % 2 == 0) for t in range(horizon)]
    mu = [0.5 * table + 0.5 * random_table(env, 1000 + t) for t, table in enumerate(pi)]
    values = ct.evaluate(ct.from_gymnasium(env, horizon, policy=mu, target=pi))
    for got, policy in ((values.value_mu, mu), (values.value_pi, pi)):
        expected = value_by_dictionaries(env.unwrapped, horizon, policy)
        assert abs(got - expected) <= ROUNDING * horizon * 100
    assert values.value_mu != values.value_pi


def test_one_step_by_hand():
    # Cliff, from the start: up, down (stays) and left (stays) cost 1, right falls: -(3 * 1 + 100) / 4.
    assert ct.evaluate(ct.from_gymnasium(CLIFF, 1)).value_mu == -25.75
    # Taxi: four moves cost 1; a pickup costs 1 where the passenger waits (1 of 25 squares), else 10; the
    # passenger is never inside at the start, so a dropoff costs 10: -(4 + (1 + 24 * 10) / 25 + 10) / 6.
    assert math.isclose(ct.evaluate(ct.from_gymnasium(TAXI, 1)).value_mu, -3.94, rel_tol=ROUNDING)


def test_terminal_reward_is_paid_once_by_hand():
    # From state 14 "right" slides down (stays at 14), right (the goal, reward 1) or up (10), 1/3 each; from
    # 10 it cannot reach the goal in one step: J_1 = 1/3, J_2 = 1/3 + 1/3 * 1/3 = 4/9.
    env = gymnasium.make(FROZEN)
    env.unwrapped.initial_state_distrib = np.eye(16)[14]
    right = np.eye(4)[[2] * 16]
    for horizon, value in ((1, Fraction(1, 3)), (2, Fraction(4, 9))):
        got = ct.evaluate(ct.from_gymnasium(env, horizon, policy=right)).value_mu
        assert math.isclose(got, value, rel_tol=ROUNDING)


def test_value_agrees_with_steps_of_the_environment():
    # Returns lie in [0, 1]: by Hoeffding the mean of N is off by more than `radius` with probability FAILURE.
    episodes, horizon = 4000, 60
    radius = math.sqrt(math.log(2 / FAILURE) / (2 * episodes))
    best = np.array([0, 3, 3, 3, 0, 0, 0, 0, 3, 1, 0, 0, 0, 2, 1, 0])
    policy = 0.95 * np.eye(4)[best] + 0.05 / 4
    exact = ct.evaluate(ct.from_gymnasium(FROZEN, horizon, target=policy, policy="uniform")).value_pi
    env = gymnasium.make(FROZEN, max_episode_steps=horizon)
    actions = np.random.default_rng(1).random((episodes, horizon))
    cumulative = np.cumsum(policy, axis=-1)
    total = 0.0
    env.reset(seed=2)
    for draws in actions:
        state, _ = env.reset()
        for draw in draws:
            action = min(int(np.searchsorted(cumulative[state], draw, side="right")), 3)
            state, reward, terminated, truncated, _ = env.step(action)
            total += reward
            if terminated or truncated:
                break
    assert abs(total / episodes - exact) <= radius
    assert exact > 5 * radius  # the test can fail: 0, or half the value, lies outside


@pytest.mark.parametrize("variant", ["lake", "surer lake", "slippery cliff", "rainy taxi"])
def test_frequencies_of_steps_agree_with_the_kernel(variant):
    # Hoeffding for each branch, FAILURE shared among all of them.
    name, options, _ = VARIANTS[variant]
    env, draws = gymnasium.make(name, **options).unwrapped, 2000
    kernel = ct.from_gymnasium(env, 1)
    next_, prob = kernel.space.table(0)
    reward = kernel.step_reward[0]
    env.reset(seed=3)
    pairs = np.random.default_rng(4).choice(len(env.P) * len(env.P[0]), 12, replace=False)
    radius = math.sqrt(math.log(2 * len(pairs) * prob.shape[-1] / FAILURE) / (2 * draws))
    for s, a in (divmod(int(pair), len(env.P[0])) for pair in pairs):
        seen = Counter()
        for _ in range(draws):
            env.s = s
            successor, gain, terminated, _, _ = env.step(a)
            seen[len(env.P) if terminated else successor, gain] += 1
        branches = {
            (int(n), float(r)): p
            for n, r, p in zip(next_[s, a], reward[s, a], prob[s, a], strict=True)
            if p > 0
        }
        assert set(seen) <= set(branches)
        assert all(abs(seen[key] / draws - p) <= radius for key, p in branches.items())


@pytest.mark.parametrize("variant", VARIANTS)
def test_performance_difference_and_lemma_2_hold(variant):
    name, options, horizon = VARIANTS[variant]
    env = gymnasium.make(name, **options)
    mu = random_table(env, 5)
    pi = 0.7 * mu + 0.3 * random_table(env, 6, zeros=True)
    instance = ct.from_gymnasium(env, horizon, policy=mu, target=pi)
    verdicts = ct.check(instance, ["pdl", "lemma-2"])
    assert [verdict.status for verdict in verdicts] == [ct.Status.HOLDS] * 2
    assert ct.evaluate(instance).residual != 0


# --- the kernel -------------------------------------------------------------------------------------------


def test_repeated_successors_add_up():
    # Corner 0 of the lake, "left" (0): up and left stay at 0, down goes to 4.
    instance = ct.from_gymnasium(FROZEN, 1)
    next_, prob = instance.space.table(0)
    row = {int(n): p for n, p in zip(next_[0, 0], prob[0, 0], strict=True) if p > 0}
    assert row == pytest.approx({0: 2 / 3, 4: 1 / 3}, rel=ROUNDING)
    # Corner 3, "up" (3): up and right stay at 3, left goes to 2.
    row = {int(n): p for n, p in zip(next_[3, 3], prob[3, 3], strict=True) if p > 0}
    assert row == pytest.approx({3: 2 / 3, 2: 1 / 3}, rel=ROUNDING)


def test_one_successor_with_two_rewards_stays_two_branches():
    instance = ct.from_gymnasium(Line(), 3)
    next_, prob = instance.space.table(0)
    assert next_[0, 0].tolist() == [1, 1]
    assert prob[0, 0].tolist() == [0.5, 0.5]
    assert instance.step_reward[0][0, 0].tolist() == [1.0, 2.0]
    values = ct.evaluate(instance)
    assert values.value_mu == (1.5 + 5) / 2
    assert values.reward_bound == 5
    only_first = [[1, 0], [1, 0]]
    assert ct.evaluate(ct.from_gymnasium(Line(), 3, policy=only_first)).reward_bound == 2


def test_terminated_rows_absorb():
    env = gymnasium.make(FROZEN)
    instance = ct.from_gymnasium(env)
    next_, prob = instance.space.table(0)
    assert next_.shape == prob.shape == instance.step_reward[0].shape == (17, 4, 3)
    for s, rows in env.unwrapped.P.items():
        for a, row in rows.items():
            ended = sum(p for p, _, _, terminated in row if terminated)
            assert prob[s, a][next_[s, a] == 16].sum() == pytest.approx(ended, rel=ROUNDING)
    assert np.all(next_[16] == 16)
    assert np.all(prob[16] == [1, 0, 0])
    assert np.all(instance.step_reward[0][16] == 0)
    assert np.all(instance.mu[0][16] == 0.25)
    assert instance.initial.tolist() == [1] + [0] * 16


def test_branches_of_probability_zero_are_dropped():
    env = gymnasium.make(FROZEN, success_rate=1.0)
    certain = gymnasium.make(FROZEN, is_slippery=False)
    assert ct.from_gymnasium(env).space.table(0)[0].shape[-1] == 1
    assert tables(ct.from_gymnasium(env)) == tables(ct.from_gymnasium(certain))


def tables(instance):
    """All numbers of a stationary instance."""
    arrays = [
        *instance.space.table(0),
        instance.initial,
        instance.mu[0],
        instance.pi[0],
        instance.step_reward[0],
    ]
    return [array.tolist() for array in arrays]


def test_id_and_environment_give_equal_tables():
    by_id = ct.from_gymnasium(FROZEN)
    assert (by_id.horizon, by_id.name, by_id.exact) == (100, FROZEN, False)
    made = gymnasium.make(FROZEN)
    observed = wrappers.TimeAwareObservation(wrappers.RecordEpisodeStatistics(made))
    for env in (made, observed, made.unwrapped, type(made.unwrapped)()):
        instance = ct.from_gymnasium(env, 100)
        assert tables(instance) == tables(by_id)
    assert ct.from_gymnasium(observed).horizon == 100
    assert ct.from_gymnasium(gymnasium.make(CLIFF, max_episode_steps=9)).horizon == 9
    assert ct.from_gymnasium(FROZEN, 3).horizon == 3


def test_policies_may_be_one_table_or_one_per_level():
    env = gymnasium.make(FROZEN)
    first, second = random_table(env, 7), random_table(env, 8)
    stationary = ct.from_gymnasium(env, 3, policy=first, target=second)
    assert all(table is stationary.mu[0] for table in stationary.mu)
    assert stationary.mu[0][16].tolist() == stationary.pi[0][16].tolist() == [0.25] * 4
    same = (first.tolist(), [first] * 3, np.stack([first] * 3), tuple(first.tolist() for _ in range(3)))
    for policy in same:
        instance = ct.from_gymnasium(env, 3, policy=policy, target=second)
        assert np.array_equal(instance.mu, stationary.mu)
        assert np.array_equal(instance.pi, stationary.pi)
    uneven = ct.from_gymnasium(env, 3, policy=np.stack([first, second, first]))
    assert np.array_equal([table[:-1] for table in uneven.mu], [first, second, first])
    assert np.array_equal(uneven.mu, uneven.pi)
    integers = ct.from_gymnasium(env, 3, policy=np.eye(4, dtype=int)[[1] * 16])
    assert integers.mu[0].dtype == float


def test_environment_is_not_disturbed():
    env = gymnasium.make(TAXI)
    env.reset(seed=9)
    inner = env.unwrapped
    before = copy.deepcopy(
        (inner.s, inner.P, inner.np_random.bit_generator.state, env.get_wrapper_attr("has_reset"))
    )
    ct.from_gymnasium(env)
    after = (inner.s, inner.P, inner.np_random.bit_generator.state, env.get_wrapper_attr("has_reset"))
    assert after == before


def test_outdated_and_unversioned_ids_do_not_warn():
    try:
        for version in (0, 1):
            gymnasium.register(f"Line-v{version}", Line, max_episode_steps=4)
        with pytest.warns(DeprecationWarning, match="out of date"):
            gymnasium.make("Line-v0")
        assert ct.from_gymnasium("Line-v0").name == "Line-v0"  # warnings are errors in these tests
        assert ct.from_gymnasium("Line").name == "Line-v1"
    finally:
        for version in (0, 1):
            gymnasium.registry.pop(f"Line-v{version}", None)


# --- refusals ---------------------------------------------------------------------------------------------


def refusal(env, horizon=3, **arguments):
    """Message of the refusal."""
    with pytest.raises(ct.InputError) as caught:
        ct.from_gymnasium(env, horizon, **arguments)
    return str(caught.value)


def test_environments_without_a_table_or_an_initial_law_are_refused():
    assert "Blackjack-v1 has no transition table P; exact values need" in refusal("Blackjack-v1")
    env = Line()
    del env.initial_state_distrib
    assert "env.initial_state_distrib: Line has none" in refusal(env)
    assert "found shape (3,); P has 2 states" in refusal(line(initial_state_distrib=np.eye(3)[0]))
    assert "env.initial_state_distrib: the row sums to 0.5" in refusal(line(initial_state_distrib=[0.5, 0]))


def test_unknown_environments_are_refused():
    for name in ("Lake-v1", "Taxi-v0", "no such id", "no_such_module:Lake-v1"):
        assert f"env: {name} cannot be made (" in refusal(name)
    with pytest.raises(TypeError, match="env: found int; an environment id or"):
        ct.from_gymnasium(3)


def test_fickle_taxi_is_refused_with_the_reason():
    message = refusal(gymnasium.make(TAXI, fickle_passenger=True))
    assert "step() changes the destination at random, which the table P does not know" in message
    assert "make Taxi-v4 with fickle_passenger=False" in message


def test_horizon_must_be_given_where_there_is_no_time_limit():
    for env in (CLIFF, gymnasium.make(CLIFF), gymnasium.make(FROZEN).unwrapped, Line()):
        message = refusal(env, None)
        assert "horizon: none is given and" in message
        assert "has no time limit; give one" in message
    assert "horizon: found 0; an integer of at least 1" in refusal(FROZEN, 0)
    with pytest.raises(TypeError, match=r"horizon: found 2\.5; an integer"):
        ct.from_gymnasium(FROZEN, 2.5)


def test_wrappers_that_may_change_the_problem_are_refused():
    env = gymnasium.make(FROZEN)
    for wrapped in (
        wrappers.TransformReward(env, lambda reward: 2 * reward),
        wrappers.StickyAction(env, 0.2),
        wrappers.TimeLimit(wrappers.Autoreset(env), 5),
    ):
        message = refusal(wrapped)
        assert "which may change rewards, actions or dynamics" in message
        assert "give env.unwrapped and a horizon" in message
        assert tables(ct.from_gymnasium(wrapped.unwrapped, 3)) == tables(ct.from_gymnasium(FROZEN, 3))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([(0.5, 1, 0.0, False), (0.4, 0, 0.0, True)], "env.P[0][0]: the row sums to 0.9; every row must sum"),
        ([], "env.P[0][0]: the row sums to 0.0"),
        (
            [(0.5, 1, 0, False), (-0.1, 1, 0, False), (0.6, 1, 0, False)],
            "env.P[0][0][1]: found probability -0.1",
        ),
        ([(math.nan, 1, 0, False)], "env.P[0][0][0]: found probability nan"),
        ([(1.0, 2, 0, False)], "env.P[0][0][0]: found next state 2; states are 0..1"),
        ([(1.0, -1, 0, False)], "env.P[0][0][0]: found next state -1"),
        ([(1.0, 0.5, 0, False)], "env.P[0][0][0]: found (1.0, 0.5, 0, False); (probability, next state"),
        ([(1.0, 1, False)], "env.P[0][0][0]: found (1.0, 1, False); (probability, next state"),
    ],
)
def test_rows_that_are_no_distributions_are_refused(row, message):
    assert message in refusal(with_row(row))


def test_rewards_must_be_finite():
    assert "step_reward[0][1][0][0]: found inf" in refusal(with_row([(1.0, 1, math.inf, True)], state=1))


def test_row_sums_are_checked_within_rounding():
    def nearly(gap):
        return with_row([(1.0 - gap, 0, 0.0, True)], state=1, action=1)

    assert ct.from_gymnasium(nearly(1e-13), 3).space.table(0)[1][1, 1, 0] == 1.0 - 1e-13
    assert "env.P[1][1]: the row sums to" in refusal(nearly(1e-11))


def test_other_forms_of_table_are_refused():
    for table in (None, {}, {0: {}}, {1: {0: []}}, [[1.0]], np.eye(2)):
        assert "env.P: found another form of table; P[s][a] is required" in refusal(line(P=table))
    empty = {state: {action: [] for action in range(2)} for state in range(2)}
    assert "env.P[0][0]: the row sums to 0.0" in refusal(line(P=empty))
    env = Line()
    env.P[1][2] = env.P[1][0]
    assert "env.P[1]: found 3 actions; P[0] has 2" in refusal(env)


@pytest.mark.parametrize("field", ["policy", "target"])
def test_policies_that_do_not_fit_are_refused(field):
    def message(value, horizon=3):
        return refusal(FROZEN, horizon, **{field: value})

    uniform = np.full((16, 4), 0.25)
    assert f"{field}: found 'greedy'; give \"uniform\"" in message("greedy")
    for wrong in (np.full((17, 4), 0.25), np.full((16, 3), 1 / 3), np.full(4, 0.25)):
        assert f"{field}: found shape {wrong.shape}; the environment has 16 states and 4" in message(wrong)
    assert f"{field}[1]: found shape (4, 16)" in message([uniform, uniform.T, uniform])
    assert f"{field}: found 2 levels; the horizon 3 needs 3" in message([uniform] * 2)
    assert f"{field}: found 0 levels" in message([])
    assert f"{field}[1]: found length 3 where {field}[0] has 4" in message([[0.25] * 4, [0.5] * 3])
    assert f"{field}[0][1]: found length 3" in message([[[0.25] * 4, [0.5] * 3]] * 3)
    off = uniform.copy()
    off[5, 2] = 0.35
    assert f"{field}[5]: the row sums to 1.1" in message(off)
    assert f"{field}[2][5]: the row sums to 1.1" in message([uniform, uniform, off])
    negative = uniform.copy()
    negative[7] = [-0.5, 0.5, 0.5, 0.5]
    assert f"{field}[7][0]: found -0.5" in message(negative)
    uniform[3, 1] = math.nan
    assert f"{field}[3][1]: found nan" in message(uniform)
    with pytest.raises(TypeError, match=f"{field}: found int"):
        ct.from_gymnasium(FROZEN, **{field: 3})


def test_target_outside_the_support_of_the_policy_is_refused():
    right = np.eye(4)[[2] * 16]
    assert "mu[0][0][0]: mu is 0 where pi is 0.25" in refusal(FROZEN, policy=right, target="uniform")


# --- steps that contradict the table ----------------------------------------------------------------------


class Doubled(Line):
    """Pays twice what its table says when it ends."""

    def step(self, action):
        state, reward, terminated, *rest = super().step(action)
        return state, reward * (1 + terminated), terminated, *rest


class Endless(Line):
    """Never terminates."""

    def step(self, action):
        state, reward, _, *rest = super().step(action)
        return state, reward, False, *rest


class Third(Line):
    """Pays more in the third episode."""

    episodes = 0

    def reset(self, *, seed=None, options=None):
        self.episodes += 1
        return super().reset(seed=seed)

    def step(self, action):
        state, reward, *rest = super().step(action)
        return state, reward + (self.episodes == 3), *rest


class Shown(Line):
    """Opens a window at every step, if it has one."""

    def __init__(self, render_mode):
        super().__init__()
        self.render_mode = render_mode

    def step(self, action):
        assert self.render_mode is None, "a window was opened"
        return super().step(action)


class Jumping(FrozenLakeEnv):
    """Leaves state 10 for the start, which its table does not say."""

    def step(self, a):
        if self.s == 10:
            self.s = 0
            return 0, 0, False, False, {}
        return super().step(a)


def test_steps_that_the_table_does_not_list_are_refused():
    assert "env.P[0][1]: step() gave state 0, reward 10, terminated True" in refusal(Doubled())
    assert "env.P[0][1]: step() gave state 0, reward 5, terminated False, which is not listed" in refusal(
        Endless()
    )
    assert "is not listed" in refusal(Third())
    message = refusal(Jumping())
    assert "env.P[10][0]: step() gave state 0, reward 0, terminated False" in message
    assert "the table must describe the dynamics" in message


def test_fickle_passenger_is_found_by_steps_too(monkeypatch):
    env = gymnasium.make(TAXI, fickle_passenger=True).unwrapped
    table = [[env.P[s][a] for a in range(6)] for s in range(500)]
    monkeypatch.setattr(gymnasium_tables, "_table", lambda *_: table)
    assert "step() gave state" in refusal(env)


def test_nothing_is_shown():
    env = Shown("human")
    assert ct.from_gymnasium(env, 3).horizon == 3
    assert env.render_mode == "human"


def test_pairs_that_cannot_occur_are_not_stepped():
    env = Jumping()
    env.initial_state_distrib = np.eye(16)[7]  # a hole: every step from it ends
    assert ct.evaluate(ct.from_gymnasium(env, 3)).value_mu == 0


def test_environments_that_cannot_be_copied_or_set_are_not_stepped():
    held = Doubled()
    held.window = (value for value in ())  # a generator cannot be copied
    assert ct.from_gymnasium(held, 3).horizon == 3

    class Hidden(Doubled):
        def reset(self, *, seed=None, options=None):
            self.s = None
            return 0, {}

    assert ct.from_gymnasium(Hidden(), 3).horizon == 3


def test_number_of_steps_is_bounded(monkeypatch):
    # Nearest first: 0, 4, 1, 8, 2, 9, 6, 3, 13 come before 10, with four actions each.
    monkeypatch.setattr(gymnasium_tables, "PROBES", 9 * 4)
    assert ct.from_gymnasium(Jumping(), 3).horizon == 3
    monkeypatch.setattr(gymnasium_tables, "PROBES", 9 * 4 + 1)
    assert "env.P[10][0]" in refusal(Jumping())
