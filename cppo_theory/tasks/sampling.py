"""Sample responses of a task, all at once.

Every draw is one uniform number per token from the generator given, whatever was drawn before, so two
policies sampled with equal generators share their randomness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cppo_theory.arithmetic import Array, to_float
from cppo_theory.checks import check_count, check_rows
from cppo_theory.errors import InputError, indexed
from cppo_theory.policy import Policy
from cppo_theory.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Responses:
    """Sampled responses.

    Attributes
    ----------
    states : int array (n, T + 1)
    tokens : int array (n, T)
        The padding token after the end.
    length : int array (n,)
        Tokens up to and including the last before the response is over, 1..T.
    reward : float array (n,)
    """

    states: Array
    tokens: Array
    length: Array
    reward: Array


def sample(task: Task, policy: Policy, count: int, rng: np.random.Generator) -> Responses:
    """Draw responses from a policy, padded after the end.

    Parameters
    ----------
    task : Task
    policy : list of T arrays (n_t, V), or one array (S, V)
    count : int
        n >= 1.
    rng : numpy.random.Generator

    Raises
    ------
    InputError, TypeError
        A policy of another shape, a row that is no distribution, a count below 1, or no generator.
    """
    check_count("count", count)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: found {rng!r}; a numpy.random.Generator is required")
    states = np.empty((task.horizon + 1, count), dtype=np.int64)  # a level is contiguous
    tokens = np.empty((task.horizon, count), dtype=np.int64)
    length = np.zeros(count, dtype=np.int64)
    start = cumulative(to_float(task.initial)[None])[0]
    states[0] = np.searchsorted(start, rng.random(count), side="right")
    tables = _Cumulative()
    for t, table in enumerate(task.padded(policy)):
        levels = tables(t, table)
        drawn = rng.random(count)
        now = states[t]
        tokens[t] = drawn_tokens(levels, now, drawn)
        length += np.logical_not(task.ended[t])[now]
        states[t + 1] = task.space.table(t)[now, tokens[t]]
    return Responses(states.T, tokens.T, length, to_float(task.reward)[states[-1]])


def drawn_tokens(levels: Array, rows: Array, drawn: Array) -> Array:
    """How many entries of each chosen row are at most the number drawn, by bisection; int (n,).

    Parameters
    ----------
    levels : array (S, 2^k)
        Each row rises and ends above every number drawn, as those of `bisectable` do.
    rows : int array (n,)
    drawn : array (n,)
    """
    width = levels.shape[-1]
    flat, first = levels.ravel(), rows * width
    place, half = first, width // 2
    while half:
        place = place + half * (flat.take(place + (half - 1)) <= drawn)
        half //= 2
    return np.asarray(place - first)


def bisectable(levels: Array) -> Array:
    """Rows of `cumulative` continued by their last entry to a power of two; (n, V) to (n, 2^k)."""
    actions = levels.shape[-1]
    missing = (1 << (actions - 1).bit_length()) - actions
    return np.pad(levels, ((0, 0), (0, missing)), mode="edge")


def cumulative(table: Array) -> Array:
    """Cumulative probabilities (n, V), 2 from the last possible action on: rounding draws no other."""
    sums = np.cumsum(table, axis=-1)
    last = table.shape[-1] - 1 - np.argmax(table[..., ::-1] > 0, axis=-1, keepdims=True)
    return np.where(np.arange(table.shape[-1]) >= last, 2.0, sums)


class _Cumulative:
    """Cumulative tables, checked and computed once for levels that share a table."""

    def __init__(self) -> None:
        self.last: tuple[Array, Array] | None = None

    def __call__(self, t: int, table: Array) -> Array:
        if self.last is None or self.last[0] is not table:
            _check_one(t, table)
            check_rows(indexed("policy", (t,)), table)
            self.last = table, bisectable(cumulative(to_float(table)))
        return self.last[1]


def _check_one(t: int, table: Array) -> None:
    """Raise for a batch of policies: a response comes from one."""
    if table.ndim != 2:
        found = f"found shape {table.shape}"
        raise InputError(indexed("policy", (t,)), found, "one policy, shape (states, actions), is required")


def log_probability(policy: Sequence[Array], responses: Responses) -> Array:
    """Log-probability of every token under a policy; float (n, T), 0 on padding after the end.

    Parameters
    ----------
    policy : list of T arrays (n_t, V)
    responses : Responses

    Raises
    ------
    InputError
        A policy with another number of levels, or with too few states or actions for the responses.
    """
    horizon = responses.tokens.shape[-1]
    if len(policy) != horizon:
        raise InputError("policy", f"found {len(policy)} levels", f"the responses have {horizon} tokens")
    out: Array = np.zeros(responses.tokens.shape)
    inside = np.arange(len(policy)) < responses.length[:, None]
    for t, table in enumerate(policy):
        _check_one(t, table)
        needed = int(responses.states[:, t].max()) + 1, int(responses.tokens[:, t].max()) + 1
        if table.shape[0] < needed[0] or table.shape[1] < needed[1]:
            found = f"found shape {table.shape}"
            remedy = f"the responses need at least {needed} (states, actions)"
            raise InputError(indexed("policy", (t,)), found, remedy)
        chosen = to_float(table)[responses.states[:, t], responses.tokens[:, t]]
        with np.errstate(divide="ignore"):
            out[:, t] = np.where(inside[:, t], np.log(chosen), 0.0)
    return out
