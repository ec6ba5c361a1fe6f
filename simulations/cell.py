"""One cell of an experiment: the training of one setting of one rule under one condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cppo_theory.rules import Decision, Ledger, Rule, TokenBatch, explain, rule
from cppo_theory.tasks import task
from simulations.experiment import Cell, Condition
from simulations.measure import REFERENCE, Watcher
from simulations.optimizers import OPTIMIZERS
from simulations.parts import POLICIES, objects
from simulations.trainer import Settings, Trainer
from simulations.world import World

Array = Any


def run_cell(cell: Cell, seeds: Sequence[int]) -> dict[str, Array]:
    """Train the cell's policies, one per seed, and return what was recorded, (N, rounds) each."""
    condition = cell.condition
    parameters = {**cell.ray.settings[cell.setting], **objects(cell.ray.fixed)}
    found = rule(cell.ray.rule)
    watcher = Watcher(World.of(task(**condition.task)), limits_of(cell), account_of(found, parameters))
    train(condition, cell.rounds, found.with_parameters(**parameters), watcher, seeds)
    return watcher.arrays()


def train(
    condition: Condition,
    rounds: int,
    decide: Callable[[TokenBatch], Decision],
    watcher: Watcher,
    seeds: Sequence[int],
) -> None:
    """Train the policies of a condition under a rule; ``watcher`` collects what is recorded."""
    settings = Settings(
        rounds,
        condition.updates,
        condition.prompts,
        condition.group,
        condition.aggregation,
        condition.population,
    )
    policy = POLICIES[condition.policy](watcher.world, seeds, condition.hidden)
    optimizer = OPTIMIZERS[condition.optimizer](condition.rate)
    Trainer(watcher.world, decide, optimizer, settings, watcher).train(policy, seeds)


def account_of(chosen: Rule, parameters: dict[str, Any]) -> Callable[[TokenBatch], Ledger]:
    """The ledger of a batch under the rule's own parameters."""
    return lambda b: explain(chosen, b, **parameters)[1]


def limits_of(cell: Cell) -> dict[str, Any]:
    """The constraints of Eq. (5) that violations are judged by: the rule's, the paper's where it has none.

    They are those on total variations under falling weights: a rule on KL, without a budget or with other
    weights is judged by the paper's numbers in their place (uniform weights are those with a floor of 1).
    """
    limits: dict[str, Any] = dict(REFERENCE)
    fixed, given = cell.ray.fixed, cell.ray.settings[cell.setting]
    if "divergence" in rule(cell.ray.rule).parameters and "divergence" not in fixed:
        limits |= {name: given[name] for name in ("delta", "delta_b", "w_min") if name in given}
    if fixed.get("budget") == "none":
        limits["delta_b"] = REFERENCE["delta_b"]
    if fixed.get("weights") == "uniform":
        limits["w_min"] = 1.0
    if fixed.get("budget") == "adaptive":
        limits["budget"] = objects(fixed)["budget"]
    return limits
