"""Hypotheses that several claims share, each a predicate of a case.

Source: arXiv:2606.10968v2, Eq. (5), Theorem 1 and Lemma 3.
"""

from __future__ import annotations

import numpy as np

from cppo_theory.arithmetic import Array
from cppo_theory.claims.case import Case, at_most
from cppo_theory.claims.claim import Hypothesis


def _thresholds_hold(case: Case) -> Array:
    return np.asarray(at_most(case.values.ell, case.ell).all(-1))


def _budget_holds(case: Case) -> Array:
    allowed = case.delta_b[..., None] * np.cumsum(case.weights)
    return np.asarray(at_most(case.cum_budget[..., 1:-1], allowed[..., :-1]).all(-1))


def _terminal_budget_holds(case: Case) -> Array:
    if case.horizon == 1:
        return np.array([True])
    allowed = case.terminal_delta_b * np.cumsum(case.weights)[-2]
    return at_most(case.cum_budget[..., -2], allowed)


def _ratio_falls(case: Case) -> bool:
    remaining = np.arange(case.horizon - 1, 0, -1)
    weights = case.weights[:-1]
    return bool(at_most(remaining[1:] * weights[:-1], remaining[:-1] * weights[1:]).all())


PATHWISE = Hypothesis(
    "thresholds", "w_t D_t <= c_t, that is D_t <= l_t, at every mu-reachable state", _thresholds_hold
)
BUDGET = Hypothesis(
    "prefix-budget", "sum_{j<=m} w_j D_j <= delta_b W_m on every path, m = 1..T-1", _budget_holds
)
TERMINAL_BUDGET = Hypothesis(
    "terminal-budget", "sum_{j<T} w_j D_j <= delta_b W_{T-1} on every path", _terminal_budget_holds
)
RATIO_FALLS = Hypothesis("falling-ratio", "lambda_t / w_t does not increase over t = 1..T-1", _ratio_falls)
AT_MOST_ONE = Hypothesis("ell-at-most-1", "l_t <= 1", lambda case: at_most(case.ell, np.ones(1)).all(-1))
TWO_TOKENS = Hypothesis("two-tokens", "T >= 2", lambda case: case.horizon >= 2)
UNIT_WEIGHTS = Hypothesis("unit-weights", "w_t = 1", lambda case: (case.weights == 1).all())
WEIGHTS_AT_MOST_ONE = Hypothesis(
    "weights-at-most-1", "w_t <= 1 (and w_min is the smallest)", lambda case: (case.weights <= 1).all()
)
POSITIVE_DELTA = Hypothesis("positive-delta", "delta > 0", lambda case: case.delta > 0)
POSITIVE_REWARD = Hypothesis("positive-reward", "xi > 0", lambda case: case.reward_bound > 0)
