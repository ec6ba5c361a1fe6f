"""A task as stacked arrays, and responses sampled from many policies at once, one per seed.

A *row* is a state of a level at which a token is still to be chosen: what a tabular policy has logits for.
Source: the setting of arXiv:2606.10968v2, Section 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cppo_theory.tasks import Task
from cppo_theory.tasks.sampling import bisectable, cumulative, drawn_tokens

Array = Any

MAX_RESPONSES = 1 << 17
"""Most responses that population mode enumerates."""


@dataclass(frozen=True, eq=False)
class World:
    """A task for training.

    Parameters
    ----------
    task : Task
    row : int array (T, S)
        Row of every state of every level; 0 where the response is over.
    next : int array (T, S, V)
    ended : bool array (T, S)
    initial : float array (S,)
    reward : float array (S,)
    row_level, row_state : int array (R,)
        Level and state of every row.
    """

    task: Task
    row: Array
    next: Array
    ended: Array
    initial: Array
    reward: Array
    row_level: Array
    row_state: Array

    @classmethod
    def of(cls, task: Task) -> World:
        """The arrays of a task; rows are those that some response reaches."""
        horizon, actions, sizes = task.horizon, task.actions, task.space.sizes
        most = max(sizes)
        next_ = np.zeros((horizon, most, actions), dtype=np.int64)
        ended = np.ones((horizon, most), dtype=bool)
        initial, reward = np.zeros(most), np.zeros(most)
        initial[: sizes[0]] = task.initial.astype(float)
        reward[: sizes[-1]] = task.reward.astype(float)
        reached = initial > 0
        row = np.zeros((horizon, most), dtype=np.int64)
        levels: list[int] = []
        states: list[int] = []
        for t in range(horizon):
            next_[t, : sizes[t]] = task.space.table(t)
            ended[t, : sizes[t]] = task.ended[t]
            chosen = np.flatnonzero(reached & ~ended[t])
            row[t, chosen] = len(levels) + np.arange(len(chosen))
            levels += [t] * len(chosen)
            states += chosen.tolist()
            after = np.zeros(most, dtype=bool)
            after[next_[t][reached].ravel()] = True
            reached = after
        return cls(task, row, next_, ended, initial, reward, np.array(levels), np.array(states))

    @property
    def horizon(self) -> int:
        return int(self.row.shape[0])

    @property
    def actions(self) -> int:
        return int(self.next.shape[-1])

    @property
    def rows(self) -> int:
        return len(self.row_level)

    def tables(self, probability: Array) -> list[Array]:
        """Probabilities (N, R, V) as one table (N, n_t, V) per level, uniform where no response comes."""
        out = []
        for t, size in enumerate(self.task.space.sizes[:-1]):
            table = np.full((len(probability), size, self.actions), 1.0 / self.actions)
            here = self.row_level == t
            table[:, self.row_state[here]] = probability[:, here]
            out.append(table)
        return self.task.padded(out)


@dataclass(frozen=True, eq=False)
class Rollouts:
    """Responses of N seeds, n of each.

    Parameters
    ----------
    row, token : int array (N, n, T)
        Row and token of every position.
    mask : bool array (N, n, T)
        False once the response is over.
    reward : float array (N, n)
    prompt : int array (N, n)
        State of level 0.
    """

    row: Array
    token: Array
    mask: Array
    reward: Array
    prompt: Array

    def repeated(self, seeds: int) -> Rollouts:
        """The responses of one seed's axis for every seed."""
        return Rollouts(
            *(np.repeat(getattr(self, name), seeds, axis=0) for name in self.__dataclass_fields__)
        )

    def part(self, columns: slice) -> Rollouts:
        """Some of the responses of every seed."""
        return Rollouts(*(getattr(self, name)[:, columns] for name in self.__dataclass_fields__))


def draws(seeds: Sequence[int], key: Sequence[int], shape: tuple[int, ...]) -> Array:
    """Uniform numbers (N, *shape); those of a seed depend on it and the key alone, not on its neighbours."""
    return np.stack([np.random.default_rng([seed, *key]).random(shape) for seed in seeds])


def sample(world: World, probability: Array, uniform: Array, group: int) -> Rollouts:
    """Responses drawn from each seed's policy by inverting its cumulative probabilities.

    Parameters
    ----------
    probability : array (N, R, V)
    uniform : array (N, n, T + 1)
        Numbers in [0, 1): the first chooses the prompt, which a group shares.
    group : int
        Responses per prompt; n is a multiple.
    """
    seeds, count, _ = uniform.shape
    levels = bisectable(cumulative(probability.reshape(-1, world.actions)))
    first = np.repeat(uniform[:, ::group, 0], group, axis=1)
    state = np.searchsorted(cumulative(world.initial[None])[0], first, side="right")
    prompt, first_row = state, world.rows * np.arange(seeds)[:, None]
    rows, tokens, masks = (np.empty((world.horizon, seeds, count), kind) for kind in (int, int, bool))
    for t in range(world.horizon):
        rows[t], masks[t] = world.row[t, state], ~world.ended[t, state]
        drawn = drawn_tokens(levels, first_row + rows[t], uniform[:, :, t + 1])
        tokens[t] = np.where(masks[t], drawn, world.task.padding)
        state = world.next[t, state, tokens[t]]
    row, token, mask = (np.moveaxis(x, 0, -1) for x in (rows, tokens, masks))
    return Rollouts(row, token, mask, world.reward[state], prompt)


def enumerate_responses(world: World) -> Rollouts:
    """Every response to every prompt, once, in one seed's axis (1, M, T): population mode.

    Raises
    ------
    ValueError
        If there are more than `MAX_RESPONSES`.
    """
    state = prompt = np.flatnonzero(world.initial > 0)
    rows: list[Array] = []
    tokens: list[Array] = []
    masks: list[Array] = []
    for t in range(world.horizon):
        over = world.ended[t, state]
        width = np.where(over, 1, world.actions)
        if width.sum() > MAX_RESPONSES:
            found = f"more than {MAX_RESPONSES:,} responses"
            raise ValueError(f"population: found {found}; it is for small trees, use sampled mode")
        parent = np.repeat(np.arange(len(state)), width)
        offset = np.arange(len(parent)) - np.repeat(np.cumsum(width) - width, width)
        chosen = np.where(over[parent], world.task.padding, offset)
        rows = [*(x[parent] for x in rows), world.row[t, state][parent]]
        masks = [*(x[parent] for x in masks), ~over[parent]]
        tokens = [*(x[parent] for x in tokens), chosen]
        state, prompt = world.next[t, state[parent], chosen], prompt[parent]
    row, token, mask = (np.stack(x, axis=-1)[None] for x in (rows, tokens, masks))
    return Rollouts(row, token, mask, world.reward[state][None], prompt[None])
