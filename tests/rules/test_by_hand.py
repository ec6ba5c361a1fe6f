"""Single tokens derived by hand, where random responses seldom go."""

import numpy as np
import pytest

from cppo_theory import rules
from cppo_theory.rules import Measured, TokenBatch

LOGS = np.log(np.full((1, 3), 0.5))


def test_the_budget_is_weighted_too():
    # w = 1, 3/4, 1/2; delta = .3, delta_b = .1; D = .2, .2, .27, all away. X_1 = .1, X_2 = .1 + .075.
    # Z_2 + X_1 = .15 + .1 <= .3; Z_3 + X_2 = .135 + .175 = .31 > .3, though .135 + .35 - 2 (.1) would not be.
    batch = TokenBatch(LOGS, LOGS + 0.1, np.array([1.0]), source=Measured(tv=np.array([[0.2, 0.2, 0.27]])))
    decision = rules.cppo(batch, delta=0.3, delta_b=0.1, w_min=0.5)
    assert decision.reason[0].tolist() == [0, 0, 2]


def test_the_dual_clip_is_for_negative_advantages_only():
    # r = 4 > c = 3: A < 0 is dropped, A = 0 is kept, and so is A > 0 where nothing else clips it.
    logq, logp = np.log([[0.2, 0.2, 0.2]]), np.log([[0.8, 0.8, 0.8]])
    batch = TokenBatch(logq, logp, np.array([[-1.0, 0.0, 1.0]]))
    decision = rules.ppo(batch, eps_high=10.0, dual_clip=3.0)
    assert decision.keep[0].tolist() == [False, True, True]


@pytest.mark.parametrize("per_token", [False, True])
def test_the_interval_by_the_sign_of_the_advantage(per_token):
    x = np.array([[0.5, 0.75, 1.0, 1.25, 1.5]])  # the bounds 3/4 and 5/4 belong to it
    expected = {1.0: [True, True, True, True, False], -1.0: [False, True, True, True, True], 0.0: [True] * 5}
    for a, inside in expected.items():
        advantage = np.full((1, 5), a) if per_token else np.array([a])
        batch = TokenBatch(np.full((1, 5), -1.0), np.full((1, 5), -1.0), advantage)
        assert batch.spread(batch.within(x, 0.75, 1.25)).tolist() == [inside]
