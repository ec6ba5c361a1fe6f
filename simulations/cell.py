"""One cell of an experiment: the training of one setting of one rule under one condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cppo_theory.rules import rule
from cppo_theory.tasks import task
from simulations.experiment import Cell, Condition
from simulations.measure import REFERENCE, Watcher
from simulations.optimizers import OPTIMIZERS
from simulations.parts import POLICIES, objects
from simulations.policies import Policy
from simulations.trainer import Settings, Trainer
from simulations.world import World

Array = Any


def run_cell(cell: Cell, seeds: Sequence[int]) -> dict[str, Array]:
    """Train the cell's policies, one per seed, and return what was recorded, (N, rounds) each."""
    condition = cell.condition
    world = World.of(task(**condition.task))
    parameters = {**cell.ray.settings[cell.setting], **objects(cell.ray.fixed)}
    found = rule(cell.ray.rule)
    limits: dict[str, Any] = dict(REFERENCE)
    if "divergence" in found.parameters:
        limits |= {n: parameters[n] for n in ("delta", "delta_b", "w_min", "budget") if n in parameters}
    watcher = Watcher(world, limits)
    settings = Settings(
        cell.rounds,
        condition.updates,
        condition.prompts,
        condition.group,
        condition.aggregation,
        condition.population,
    )
    optimizer = OPTIMIZERS[condition.optimizer](condition.rate)
    trainer = Trainer(world, found.with_parameters(**parameters), optimizer, settings, watcher)
    trainer.train(policy_of(condition, world, seeds), seeds)
    return watcher.arrays()


def policy_of(condition: Condition, world: World, seeds: Sequence[int]) -> Policy:
    """The policies of a condition at the start."""
    return POLICIES[condition.policy](world, seeds, condition.hidden)
