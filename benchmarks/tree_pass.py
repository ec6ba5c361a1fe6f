"""The fused pass over a prefix tree against a plain one, in time and in memory.

The plain pass writes the recursions as `cppo_theory.recursions` states them, rule by rule: whole tables
(V^t, V), one level after the other, `.sum(-1)` for every sum.  Taking sum_a (pi - mu) Q^mu once instead of
twice makes it a tenth faster; adding the products before the sum gains nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.timing import Row, peak_bytes, speedup
from cppo_theory.fused import Array, FusedTree, fused_tree

SIZES = ((2, 20), (4, 10), (8, 7))
SMALL = (3, 4, 10_000)


class Tree(NamedTuple):
    """Arguments of both passes; shapes as in `fused_tree`."""

    initial: Array
    mu: list[Array]
    pi: list[Array]
    reward: Array

    @property
    def nbytes(self) -> int:
        return sum(table.nbytes for table in (self.initial, *self.mu, *self.pi, self.reward))

    def elements(self) -> Iterator[Tree]:
        """The trees of a batch, one by one."""
        for b in range(len(self.initial)):
            yield Tree(self.initial[b], [m[b] for m in self.mu], [p[b] for p in self.pi], self.reward[b])


def random_tree(actions: int, horizon: int, batch: tuple[int, ...] = ()) -> Tree:
    """Random policies and rewards, one prompt; the seed is fixed."""
    generator = np.random.default_rng(0)

    def policy() -> list[Array]:
        tables = [generator.random((*batch, actions**t, actions)) for t in range(horizon)]
        return [table / table.sum(-1, keepdims=True) for table in tables]

    reward = generator.uniform(-1, 1, (*batch, actions**horizon))
    return Tree(np.ones((*batch, 1)), policy(), policy(), reward)


def plain_tree(
    initial: Array, mu: list[Array], pi: list[Array], reward: Array, step_reward: list[Array] | None = None
) -> FusedTree:
    """The quantities of `fused_tree`, straightforwardly."""
    value_mu = value_pi = reward
    surrogate = gain = residual = np.zeros_like(reward)
    overlap = np.ones_like(reward)
    token_tv = []
    for t in reversed(range(len(mu))):
        m, p = mu[t], pi[t]
        drift = p - m
        q_mu, q_pi = value_mu.reshape(m.shape), value_pi.reshape(m.shape)
        if step_reward is not None:
            q_mu, q_pi = q_mu + step_reward[t], q_pi + step_reward[t]
        residual = (m * residual.reshape(m.shape)).sum(-1) - (drift * gain.reshape(m.shape)).sum(-1)
        surrogate = (drift * q_mu).sum(-1) + (m * surrogate.reshape(m.shape)).sum(-1)
        gain = (drift * q_mu).sum(-1) + (p * gain.reshape(m.shape)).sum(-1)
        value_mu = (m * q_mu).sum(-1)
        value_pi = (p * q_pi).sum(-1)
        overlap = (np.minimum(m, p) * overlap.reshape(m.shape)).sum(-1)
        token_tv.append(np.maximum(drift, 0.0).sum(-1))
    flow = np.broadcast_to(initial, token_tv[-1].shape)
    expected_tv = [(flow * token_tv.pop()).sum(-1)]
    for m in mu[:-1]:
        flow = (flow[..., None] * m).reshape(*m.shape[:-2], -1)
        expected_tv.append((flow * token_tv.pop()).sum(-1))
    return FusedTree(value_mu, value_pi, surrogate, residual, overlap, np.stack(expected_tv, -1))


def _one_by_one(trees: list[Tree]) -> None:
    for tree in trees:
        fused_tree(*tree)


def rows() -> Iterator[Row]:
    """Speed at three sizes and on a batch of small trees, then memory at the three sizes."""
    for actions, horizon in SIZES:
        tree = random_tree(actions, horizon)
        fused = partial(fused_tree, *tree)
        ratio, low, high = speedup(fused, partial(plain_tree, *tree))
        name = f"fused tree pass, V = {actions}, T = {horizon}"
        yield Row(name, "plain NumPy pass, CPU time", ratio, low, high, ">= 8")
        used = 1 + peak_bytes(fused) / tree.nbytes
        yield Row(name, "its input, peak memory", used, used, used, "<= 1.5")
    actions, horizon, size = SMALL
    batch = random_tree(actions, horizon, (size,))
    trees = list(batch.elements())
    fused = partial(fused_tree, *batch)
    for alternative, slow in (
        ("the same, one by one", partial(_one_by_one, trees)),
        ("plain NumPy pass, one by one", lambda: [plain_tree(*tree) for tree in trees]),
    ):
        ratio, low, high = speedup(fused, slow, repeats=3)
        yield Row(f"{size} trees, V = {actions}, T = {horizon}", alternative, ratio, low, high, ">= 20")
