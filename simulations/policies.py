"""Policies with a seed axis in front: ``logits(states) -> (logits, pullback)`` and a list of parameters.

`pullback` takes the gradient with respect to the logits to that with respect to the parameters.  Every
seed's numbers are computed apart, so that a seed gets the same bits alone and among others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Protocol

import numpy as np

from simulations.world import World

Array = Any
Pullback = Callable[[Array], list[Array]]

FREQUENCIES = 4
"""Waves of the position that an MLP sees: cos and sin of 2 pi k t / T, k = 1.."""


class Policy(Protocol):
    """What the trainer asks of a policy of N seeds."""

    parameters: list[Array]

    def logits(self, states: Array) -> tuple[Array, Pullback]:
        """Logits (N, len(states), V) of these rows, and the map of gradients back to the parameters."""
        ...


class Tabular:
    """One logit per row and token.

    Parameters
    ----------
    start : array (R, V)
        Logits of the pretrained start, the same for every seed.
    seeds : sequence of int
    """

    def __init__(self, start: Array, seeds: Sequence[int]) -> None:
        self.parameters = [np.repeat(np.asarray(start, dtype=float)[None], len(seeds), axis=0)]

    @classmethod
    def at_start(cls, world: World, seeds: Sequence[int], hidden: int = 0) -> Tabular:
        """Uniform policies; ``hidden`` is not theirs."""
        return cls(np.zeros((world.rows, world.actions)), seeds)

    def logits(self, states: Array) -> tuple[Array, Pullback]:
        table = self.parameters[0]

        def pullback(slope: Array) -> list[Array]:
            out = np.zeros_like(table)
            out[:, states] = slope
            return [out]

        return table[:, states], pullback


class MLP:
    """One hidden layer of tanh on the one-hot state and waves of the position; shared by all positions.

    Parameters
    ----------
    world : World
    seeds : sequence of int
        The initial weights of a seed are drawn from it alone.
    hidden : int
    start : array (R, V), optional
        Logits added to the network's, which are 0 at the start: the pretrained policy.  Default 0.
    """

    def __init__(
        self, world: World, seeds: Sequence[int], hidden: int = 32, start: Array | None = None
    ) -> None:
        self.features, states = features(world), int(world.row_state.max()) + 1
        width, actions = self.features.shape[-1], world.actions
        scale = np.where(np.arange(width) < states, 1.0, 1 / np.sqrt(max(width - states, 1)))
        drawn = [np.random.default_rng([seed, 0]).standard_normal((width, hidden)) for seed in seeds]
        self.start = np.zeros((world.rows, actions)) if start is None else np.asarray(start, dtype=float)
        self.parameters = [
            scale[:, None] * np.stack(drawn),
            np.zeros((len(seeds), 1, hidden)),
            np.zeros((len(seeds), hidden, actions)),
            np.zeros((len(seeds), 1, actions)),
        ]

    def logits(self, states: Array) -> tuple[Array, Pullback]:
        x = self.features[states]
        w, b, v, c = self.parameters
        hidden = np.tanh(x @ w + b)

        def pullback(slope: Array) -> list[Array]:
            inner = (slope @ v.transpose(0, 2, 1)) * (1 - hidden * hidden)
            return [
                x.T @ inner,
                inner.sum(1, keepdims=True),
                hidden.transpose(0, 2, 1) @ slope,
                slope.sum(1, keepdims=True),
            ]

        return hidden @ v + c + self.start[states], pullback


def features(world: World) -> Array:
    """One-hot state and waves of the position of every row; (R, F)."""
    one_hot = np.eye(int(world.row_state.max()) + 1)[world.row_state]
    phase = 2 * np.pi * np.arange(1, FREQUENCIES + 1) * world.row_level[:, None] / world.horizon
    return np.concatenate([one_hot, np.cos(phase), np.sin(phase)], axis=-1)


def log_softmax(logits: Array) -> Array:
    """Log-probabilities on the last axis."""
    shifted = logits - over_actions(np.maximum, logits)
    out: Array = shifted - np.log(over_actions(np.add, np.exp(shifted)))
    return out


def over_actions(join: np.ufunc, x: Array) -> Array:
    """``join`` over the last axis, which stays; action by action, as NumPy reduces a short axis slowly."""
    return reduce(join, np.moveaxis(x, -1, 0))[..., None]
