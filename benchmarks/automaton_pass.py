"""One backward pass over an automaton: nanoseconds per edge, and against sparse or dense matrices.

The alternative writes a level as matrices over states, (S, S) with the V actions of a state added up, and
multiplies them with the values side by side: dense for small S, `scipy.sparse` rows for large.  Making
the matrices is not counted.  The compiled pass is measured where numba can be imported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.timing import Row, cpu_seconds, peak_bytes, speedup
from cppo_theory import Automaton, Instance
from cppo_theory.fast import automaton_forward, automaton_values
from cppo_theory.policy import random_policy
from cppo_theory.recursions import fold_back, fold_forward

VALUES = ("value_mu", "surrogate", "residual", "overlap", "total_tv")
ACTIONS = 32
SIZES = ((256, 400, True), (4096, 25, False))  # states, horizon, whether (S, S) matrices are dense


def random_instance(states: int, horizon: int, stationary: bool = True) -> Instance:
    """Random successors, policies and final rewards; the seed is fixed."""
    rng = np.random.default_rng(0)
    sizes = [states] * (2 if stationary else horizon + 1)
    mu, pi = (random_policy(sizes, ACTIONS, rng) for _ in range(2))
    next_ = [rng.integers(0, states, (states, ACTIONS)) for _ in mu]
    space = Automaton(next_[0] if stationary else next_, horizon, states)
    tables = (mu[0], pi[0]) if stationary else (mu, pi)
    return Instance(space, np.full(states, 1 / states), *tables, rng.uniform(-1, 1, states))


class Matrices:
    """The alternative: the same five values, level by level, by products of matrices."""

    def __init__(self, instance: Instance, dense: bool) -> None:
        mu, pi = instance.mu[0], instance.pi[0]
        states, actions = mu.shape
        where = np.repeat(np.arange(states), actions), instance.space.next[0].ravel()

        def matrix(weights: Any) -> Any:
            made = sparse.csr_array((weights.ravel(), where), shape=(states, states))
            return made.toarray() if dense else made

        self.horizon, self.reward = instance.horizon, instance.reward
        self.mu, self.pi, self.drift = matrix(mu), matrix(pi), matrix(pi - mu)
        self.smaller, self.tv = matrix(np.minimum(mu, pi)), np.maximum(pi - mu, 0).sum(-1)

    def run(self) -> dict[str, Any]:
        value, overlap = self.reward, np.ones_like(self.reward)
        gain = surrogate = residual = total_tv = np.zeros_like(self.reward)
        for _ in range(self.horizon):
            means = self.mu @ np.stack([value, surrogate, residual, total_tv], axis=1)
            drift = self.drift @ np.stack([value, gain], axis=1)
            gain = drift[:, 0] + self.pi @ gain
            overlap = self.smaller @ overlap
            value, total_tv = means[:, 0], self.tv + means[:, 3]
            surrogate, residual = means[:, 1] + drift[:, 0], means[:, 2] - drift[:, 1]
        return dict(zip(VALUES, (value, surrogate, residual, overlap, total_tv), strict=True))


def _per_edge(name: str, run: Callable[[], object], instance: Instance, asked: str) -> Row:
    edges = instance.horizon * instance.mu[0].size
    run()
    seconds = [cpu_seconds(run) * 1e9 / edges for _ in range(7)]
    return Row(name, "(ns per edge)", median(seconds), min(seconds), max(seconds), asked)


def rows() -> Iterator[Row]:
    """Both sizes; shared tables, then one table per level."""
    compiled = importlib.util.find_spec("numba") is not None
    for states, horizon, dense in SIZES:
        instance = random_instance(states, horizon)
        weights, alternative = np.ones(horizon), Matrices(instance, dense)
        kind = "dense matrices" if dense else "sparse rows"
        size = f"S = {states}, V = {ACTIONS}"
        fold, values = partial(fold_back, instance, VALUES), partial(automaton_values, instance)
        yield _per_edge(f"NumPy pass, {size}", fold, instance, "<= 25")
        yield Row(f"NumPy pass, {size}", kind, *speedup(fold, alternative.run))
        used = peak_bytes(fold) / instance.mu[0].nbytes
        yield Row(f"NumPy pass, {size}", "one table, peak memory", used, used, used)
        yield _per_edge(f"NumPy forward pass, {size}", partial(fold_forward, instance, weights), instance, "")
        if not compiled:
            continue
        yield _per_edge(f"compiled pass, {size}", values, instance, "<= 2.5")
        yield Row(f"compiled pass, {size}", "NumPy pass", *speedup(values, fold), "<= 10")
        yield Row(f"compiled pass, {size}", kind, *speedup(values, alternative.run))
        forward = partial(automaton_forward, instance, weights)
        yield _per_edge(f"compiled forward pass, {size}", forward, instance, "")
    varying = random_instance(256, 100, stationary=False)
    size = "S = 256, a table per level"
    yield _per_edge(f"NumPy pass, {size}", partial(fold_back, varying, VALUES), varying, "<= 25")
    if compiled:
        yield _per_edge(f"compiled pass, {size}", partial(automaton_values, varying), varying, "")
