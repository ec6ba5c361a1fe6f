"""A tabular update under DPPO against plain loops over tokens, and seeds in a batch against one by one.

The loops take a softmax per token, as a first version does: in NumPy with the gradient written out, in
PyTorch with autograd (where it is installed).  All start from the same responses and give the same logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.timing import Row, speedup
from cppo_theory.rules import RULES
from cppo_theory.tasks import task
from simulations.measure import Watcher
from simulations.optimizers import adam, sgd
from simulations.policies import Tabular, log_softmax
from simulations.trainer import Round, Settings, Trainer
from simulations.world import World

Array = Any

DELTA, RATE = 0.15, 0.5
SEEDS = (1, 20)
BATCHED = ((16, ">= 2.5"), (64, ">= 1.3"))
"""Horizons of the comparison of a batch with its seeds one after another, and what was asked."""


class Case:
    """One minibatch of every seed, drawn from mu, and logits some steps away from it."""

    def __init__(self, seeds: int, horizon: int = 16) -> None:
        world = World.of(task("modular-sum", horizon=horizon, actions=4))
        rng = np.random.default_rng(0)
        self.log_mu = log_softmax(rng.standard_normal((seeds, world.rows, world.actions)))
        self.logits = self.log_mu + 0.5 * rng.standard_normal(self.log_mu.shape)
        rule = RULES["dppo"].with_parameters(delta=DELTA)
        self.trainer = Trainer(world, rule, sgd(RATE), Settings(1, 1))
        drawn = self.trainer.roll_out(self.log_mu, range(seeds), 0)
        advantage = rng.standard_normal(
            drawn.advantage.shape
        )  # groups without variance would spare the loops
        self.minibatch = Round(drawn.rollouts, advantage, drawn.weight)

    def ours(self) -> Array:
        """Logits (N, R, V) after one update of the trainer."""
        policy = Tabular(self.logits[0], range(len(self.logits)))
        policy.parameters = [self.logits]
        update = self.trainer.update(policy, self.log_mu, self.minibatch)
        return self.trainer.optimizer(policy.parameters, update.slopes)[0]

    def responses(self) -> Iterator[tuple[int, float, Array, Array]]:
        """Seed, advantage over the number of responses, rows and tokens of every response."""
        found = self.minibatch.rollouts
        for seed, i in np.ndindex(found.reward.shape):
            valid = found.mask[seed, i]
            share = float(self.minibatch.advantage[seed, i] * self.minibatch.weight[seed, i])
            yield seed, share, found.row[seed, i][valid], found.token[seed, i][valid]


def numpy_loop(case: Case) -> Array:
    """The same update, a softmax per token."""
    mu, slope = np.exp(case.log_mu), np.zeros_like(case.logits)
    for seed, share, rows, tokens in case.responses():
        for row, y in zip(rows, tokens, strict=True):
            e = np.exp(case.logits[seed, row] - case.logits[seed, row].max())
            p, q = e / e.sum(), mu[seed, row]
            ratio = p[y] / q[y]
            if share * (ratio - 1) <= 0 or 0.5 * np.abs(p - q).sum() <= DELTA:
                slope[seed, row] -= share * ratio * p
                slope[seed, row, y] += share * ratio
    return case.logits + RATE * slope


def torch_loop(case: Case) -> Array:
    """The same update by autograd, a softmax per token."""
    import torch

    logits = torch.tensor(case.logits, requires_grad=True)
    mu, loss = torch.tensor(np.exp(case.log_mu)), torch.zeros(())
    for seed, share, rows, tokens in case.responses():
        for row, y in zip(rows.tolist(), tokens.tolist(), strict=True):
            logp = torch.log_softmax(logits[seed, row], -1)
            with torch.no_grad():
                p, q = logp.exp(), mu[seed, row]
                ratio = p[y] / q[y]
                kept = bool(share * (ratio - 1) <= 0 or 0.5 * (p - q).abs().sum() <= DELTA)
            if kept:
                loss = loss - share * ratio * logp[y]
    loss.backward()
    with torch.no_grad():
        return (logits - RATE * logits.grad).numpy()


def loops() -> dict[str, tuple[Callable[[Case], Array], str]]:
    """The loops that can be run here, and what was asked of the trainer."""
    found = {"NumPy, a softmax per token": (numpy_loop, ">= 10")}
    try:
        import torch
    except ImportError:
        return found
    torch.set_num_threads(1)
    return found | {"PyTorch, a softmax per token": (torch_loop, ">= 3")}


def train(world: World, seeds: Sequence[int], watch: bool) -> Array:
    """Two rounds of sixteen updates as an experiment makes them; the logits at the end."""
    rule, watcher = RULES["dppo"].with_parameters(delta=DELTA), Watcher(world) if watch else None
    policy = Tabular(np.zeros((world.rows, world.actions)), seeds)
    return Trainer(world, rule, adam(0.1), Settings(2, 16), watcher).train(policy, seeds).parameters[0]


def one_by_one(world: World, seeds: Sequence[int], watch: bool) -> Array:
    """The same with a batch of one for every seed."""
    return np.concatenate([train(world, [seed], watch) for seed in seeds])


def rows() -> Iterator[Row]:
    """One update against the loops, then twenty seeds in a batch."""
    for seeds in SEEDS:
        case = Case(seeds)
        for name, (loop, asked) in loops().items():
            found = speedup(case.ours, partial(loop, case), repeats=5)
            yield Row(f"tabular update, T = 16, {seeds} seeds", name, *found, asked)
    many = range(20)
    for horizon, asked in BATCHED:
        world = World.of(task("modular-sum", horizon=horizon, actions=4))
        for watch in (True, False):
            name = f"training 20 seeds, T = {horizon}" + ("" if watch else ", nothing recorded")
            found = speedup(partial(train, world, many, watch), partial(one_by_one, world, many, watch), 3)
            yield Row(name, "one after another", *found, asked)
