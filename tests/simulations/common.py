"""Small worlds for the tests of the simulations, a two-state problem with rational policies, and watchers."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cppo_theory.rules import RULES
from cppo_theory.spaces import Automaton
from cppo_theory.tasks import Task, task
from simulations.measure import Watcher
from simulations.optimizers import sgd
from simulations.policies import MLP, Tabular
from simulations.trainer import Settings, Trainer
from simulations.world import World
from tests.tasks.common import FIRST, title

F = Fraction

every_world = pytest.mark.parametrize(("name", "given"), FIRST, ids=title)
"""One small setting of every task."""


def make(name: str, given: dict[str, Any]) -> World:
    return World.of(task(name, **given))


def logits(world: World, seeds: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    """Gaussian logits (N, R, V)."""
    return scale * np.random.default_rng(seed).standard_normal((seeds, world.rows, world.actions))


def log_probabilities(world: World, seeds: int, seed: int = 0) -> np.ndarray:
    x = logits(world, seeds, seed)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def two_states() -> World:
    """Three tokens, responses of one or two: the third token ends the first step, else a second is written.

    Row 0 is the start, row 1 the state after token 0 or 1; the second token earns 1, 0 or 1/4, ending 1/2.
    """
    next_ = [np.array([[0, 0, 1]]), np.array([[0, 1, 2], [3, 3, 3]])]
    made = Task(
        name="two-states",
        statement="the second token is 0",
        space=Automaton(next_, 2, 4),
        initial=np.array([F(1)], dtype=object),
        reward=np.array([F(1), F(0), F(1, 4), F(1, 2)], dtype=object),
        alphabet=("a", "b", "."),
        prompts={0: ""},
        describe=lambda level, state: f"{level}, {state}",
        ended=[np.array([False]), np.array([False, True])],
    )
    return World.of(made)


@dataclass
class Seen:
    """A watcher that keeps everything."""

    rounds: list[tuple[np.ndarray, np.ndarray, list[Any]]] = field(default_factory=list)

    def __call__(self, index: int, log_mu: np.ndarray, log_pi: np.ndarray, updates: list[Any]) -> None:
        assert index == len(self.rounds)
        self.rounds.append((log_mu, log_pi, updates))


def trainer(world: World, rule: str = "pg-is", settings: Settings | None = None, **more: Any) -> Trainer:
    """A trainer under a rule of the registry; ``parameters``, ``step`` and ``watch`` are optional."""
    bound = RULES[rule].with_parameters(**more.pop("parameters", {}))
    settings = Settings(rounds=2, updates=2, prompts=2, group=4) if settings is None else settings
    return Trainer(world, bound, more.pop("step", sgd(0.5)), settings, more.pop("watch", None))


def policy(kind: str, world: World, seeds: list[int]) -> Tabular | MLP:
    if kind == "tabular":
        return Tabular(np.zeros((world.rows, world.actions)), seeds)
    return MLP(world, seeds, hidden=8)


def recorded(world: World, seeds: list[int], kind: str, rule: str, **more: Any) -> dict[str, np.ndarray]:
    """What a watcher holds after training."""
    watcher = Watcher(world)
    trainer(world, rule, watch=watcher, **more).train(policy(kind, world, seeds), seeds)
    return watcher.arrays()
