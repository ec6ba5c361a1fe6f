"""What an experiment is: conditions, rules with their rays of settings, presets.

A *condition* is a task, a kind of policy and a way to train.  A *rule* comes with settings along one ray,
from strict to loose.  A *cell* is one setting of one rule under one condition; it runs all seeds.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import msgspec

from cppo_theory.errors import InputError

SUMMARY = "summary"
"""The folder beside the records of an experiment where its summaries lie."""

FIRST_TUNING_SEED = 1_000_000
"""Seeds that settings are chosen on; the reported ones count from 0."""


class Preset(msgspec.Struct, forbid_unknown_fields=True):
    """How much is run: reported seeds, tuning seeds, share of the rounds, which conditions (default all)."""

    seeds: int
    tuning_seeds: int
    rounds_share: float = 1.0
    conditions: list[str] | None = None


class Condition(msgspec.Struct, forbid_unknown_fields=True):
    """A task and how policies are trained on it."""

    name: str
    task: dict[str, Any]
    policy: str
    rate: float
    updates: int
    rounds: int
    optimizer: str = "adam"
    prompts: int = 4
    group: int = 8
    hidden: int = 32
    aggregation: str = "sum"
    population: bool = False

    @property
    def label(self) -> str:
        """Its folder among the records."""
        return self.name


class RuleRay(msgspec.Struct, forbid_unknown_fields=True):
    """A rule and its settings, the index of the paper's point among them, and parts that stay fixed."""

    name: str
    rule: str
    settings: list[dict[str, float]]
    paper: int | None = None
    fixed: dict[str, str] = {}

    @property
    def label(self) -> str:
        """Its folder among the records."""
        return self.name.replace(", ", "-")


class Experiment(msgspec.Struct, forbid_unknown_fields=True):
    """The content of a file; see docs/extending.md."""

    question: str
    headline: list[str]
    presets: dict[str, Preset]
    condition: list[Condition]
    rule: list[RuleRay]
    name: str = ""


class Cell(msgspec.Struct, frozen=True):
    """One setting of one rule under one condition."""

    experiment: str
    condition: Condition
    ray: RuleRay
    setting: int
    rounds: int

    @property
    def label(self) -> str:
        """Its place among the records."""
        return f"{self.of_rule}/{self.setting}"

    @property
    def of_rule(self) -> str:
        """Its rule's place among the summaries."""
        return f"{self.condition.label}/{self.ray.label}"

    @property
    def config(self) -> dict[str, Any]:
        """What the numbers depend on, but for the seeds and the code."""
        condition = msgspec.to_builtins(self.condition) | {"rounds": self.rounds}
        condition.pop("name")
        return {
            "condition": condition,
            "rule": self.ray.rule,
            "parameters": self.ray.settings[self.setting],
            "fixed": self.ray.fixed,
        }


def cells(
    found: Experiment, preset: str, only_tasks: Sequence[str] = (), only_rules: Sequence[str] = ()
) -> list[Cell]:
    """The cells of a preset, or those of some conditions and rules, each once.

    Raises
    ------
    InputError
        For a preset, condition or rule that the experiment has not.
    """
    size = known("preset", preset, found.presets)
    chosen = {c.name: c for c in found.condition if size.conditions is None or c.name in size.conditions}
    for name in only_tasks:
        if name not in chosen and name in {c.name for c in found.condition}:
            other = next((p for p, x in found.presets.items() if name in (x.conditions or [name])), None)
            remedy = "no preset has it" if other is None else f"--preset {other} has it"
            raise UnknownNameError("task", f"found {name!r}, which the preset {preset} leaves out", remedy)
    rays = {ray.name: ray for ray in found.rule}
    conditions = [known("task", n, chosen) for n in dict.fromkeys(only_tasks)] or list(chosen.values())
    wanted = [known("rule", n, rays) for n in dict.fromkeys(only_rules)] or list(rays.values())
    return [
        Cell(found.name, condition, ray, i, max(round(condition.rounds * size.rounds_share), 1))
        for condition in conditions
        for ray in wanted
        for i in range(len(ray.settings))
    ]


def seeds_of(size: Preset, count: int | None = None) -> tuple[list[int], list[int]]:
    """Reported seeds and tuning seeds; they never meet."""
    reported = list(range(size.seeds if count is None else count))
    return reported, [FIRST_TUNING_SEED + i for i in range(size.tuning_seeds)]


class UnknownNameError(InputError):
    """A name given on the command line leads nowhere."""


def known(kind: str, name: str, there: dict[str, Any]) -> Any:
    """What is there of that name.

    Raises
    ------
    UnknownNameError
        With the nearest name, or all of them.
    """
    if name not in there:
        near = difflib.get_close_matches(name, there, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(there)}"
        raise UnknownNameError(kind, f"found {name!r}", remedy)
    return there[name]
