"""Values of small instances derived by hand, and the golden values."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import cppo_theory as ct
from tests import convert
from tests.oracles_world import ONE, World

F = Fraction
DATA = Path(__file__).parent.parent / "cppo_theory" / "data"


def ending() -> World:
    """Token 1 ends the response. T = 3, mu(end) = 1/2; pi(end) = 1/4, at the first position 1/2.

    Reward 4 for a response of two tokens, -2 without an end, 0 else.
    """
    mu, pi, over = [], [], [False]
    for t in range(3):
        end = F(1, 2) if t == 0 else F(1, 4)
        mu.append(tuple((F(0), ONE) if o else (F(1, 2), F(1, 2)) for o in over))
        pi.append(tuple((F(0), ONE) if o else (1 - end, end) for o in over))
        over = [o or a == 1 for o in over for a in (0, 1)]
    reward = tuple(map(F, (-2, 0, 0, 4, 0, 0, 0, 0)))  # 000 001 (01)0 011 (1)..
    return World("tree", 3, 2, (ONE,), tuple(mu), tuple(pi), reward, end=(1,))


def test_end_tokens_by_hand():
    values = ct.evaluate(convert.instance(ending()), keep=["occupancy_mu"])
    # Under mu: 01 with probability 1/4 (4), 000 with 1/8 (-2). Under pi: 01 with 1/8, 000 with 9/32.
    assert values.value_mu == F(3, 4)
    assert values.value_pi == F(-1, 16)
    # V^mu at 00 is -1, at 0 it is 3/2: L' = sum (pi - mu) Q^mu is 0 at t = 1, 1/2 * (1/4 * -1 - 1/4 * 4) at
    # t = 2 and 1/4 * (1/4 * -2) at t = 3. Delta = L' - (J(pi) - J(mu)).
    assert values.surrogate == F(-5, 8) - F(1, 8)
    assert values.residual == F(-3, 4) + F(13, 16)
    # D = 1/4 while the response goes on, which it does with probability 1, 1/2, 1/4.
    assert values.expected_tv.tolist() == [0, F(1, 8), F(1, 16)]
    assert values.cum_budget.tolist() == [0, 0, F(1, 4), F(1, 2)]
    assert (values.reward_bound, values.half_range) == (4, 3)
    assert values.occupancy_mu[2].tolist() == [F(1, 4), F(1, 4), 0, F(1, 2)]


def test_an_impossible_prompt_does_not_count():
    # Prompt 1 has probability 0, its D is 1 and its rewards are 50 and -80.
    mu = [np.array([[F(1, 2), F(1, 2)], [F(1, 2), F(1, 2)]])]
    pi = [np.array([[F(1, 4), F(3, 4)], [F(1), F(0)]])]
    instance = ct.Instance(ct.PrefixTree(2, 1, prompts=2), [F(1), F(0)], mu, pi, [1, -3, 50, -80])
    values = ct.evaluate(instance)
    assert (values.value_mu, values.value_pi) == (-1, -2)
    assert (values.reward_bound, values.half_range) == (3, 2)
    assert values.ell.tolist() == values.expected_tv.tolist() == [F(1, 4)]


def test_two_prompts_by_hand():
    # Half range per prompt: (5 - 1)/2 and (9 - 7)/2; xi = 9. Weights 1/3 and 2/3, mu = (1/2, 1/2).
    mu = [np.array([[F(1, 2), F(1, 2)]] * 2)]
    instance = ct.Instance(ct.PrefixTree(2, 1, prompts=2), [F(1, 3), F(2, 3)], mu, mu, [5, 1, 7, 9])
    values = ct.evaluate(instance)
    assert (values.half_range, values.reward_bound, values.value_mu) == (2, 9, F(19, 3))


def test_step_rewards_count_from_their_step_on():
    # One state, mu uniform, pi = (1, 0). Step rewards (2, 0) then (3, 0): L' = 1/2 * 2 + 1/2 * 3, Delta = 0.
    space = ct.Automaton(np.zeros((1, 2), dtype=int), 2)
    half, first = np.array([[F(1, 2), F(1, 2)]]), np.array([[F(1), F(0)]])
    instance = ct.Instance(space, [1], half, first, [1], [[[2, 0]], [[3, 0]]])
    values = ct.evaluate(instance)
    assert (values.value_mu, values.value_pi) == (F(7, 2), 6)
    assert (values.surrogate, values.residual) == (F(5, 2), 0)
    assert (values.reward_bound, values.half_range) == (6, F(5, 2))


# --- golden values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["I1_T2V2_state_dependent", "I2_T3V2_jump_family_worst_reward"])
def test_golden_values(name):
    expected = json.loads((DATA / f"{name}.expected.json").read_text())
    instance = ct.Instance.load(DATA / f"{name}.instance.json")
    values = ct.evaluate(instance, keep=["token_tv", "suffix_tv", "overlap", "worst_case_residual"])
    linear = ct.weights.linear_weights(instance.horizon, F(4, 5))
    found = {**vars(values), **values.kept} | {
        "max_path_sum_tv": values.cum_budget[-1],
        "delta_b_uniform_weights": values.delta_b,
        "delta_b_linear_weights_0.8": ct.evaluate(instance, weights=linear).delta_b,
    }
    del expected["bounds_at_reward_bound_1"]
    assert {key: strings(found[key]) for key in expected} == expected


def strings(x):
    return [strings(y) for y in x] if isinstance(x, list | np.ndarray) else str(x)
