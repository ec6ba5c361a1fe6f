"""What an experiment is: conditions, rules with their rays of settings, presets; read from one TOML file.

A *condition* is a task, a kind of policy and a way to train.  A *rule* comes with settings along one ray,
from strict to loose.  A *cell* is one setting of one rule under one condition; it runs all seeds.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from cppo_theory.errors import InputError
from cppo_theory.rules import RULES, rule
from cppo_theory.tasks import task
from simulations import places
from simulations.optimizers import OPTIMIZERS
from simulations.parts import PARTS, POLICIES, objects
from simulations.trainer import AGGREGATIONS
from simulations.world import World, enumerate_responses

FOLDER = Path(__file__).parent / "experiments"

WORD = r"[A-Za-z0-9._-]*[A-Za-z0-9][A-Za-z0-9._-]*"
WORDS = {"condition": re.compile(WORD), "rule": re.compile(f"{WORD}(,? {WORD})*")}
"""Names that may be those of folders; a rule's may have several words."""

Refuse = Callable[[str, str, str], None]

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


def names() -> list[str]:
    """The experiments that there are."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Experiment:
    """An experiment by its name, or by the path of a TOML file.

    Raises
    ------
    InputError
        If there is none of that name, or the file is no experiment; the message names line or field.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not name.endswith(".toml"):
        known("experiment", name, dict.fromkeys(names()))
    if not path.is_file():
        found = "this is no file" if path.exists() else "there is no such file"
        raise InputError(str(path), found, "name a TOML file, or one that `python -m simulations list` shows")
    try:
        text = path.read_text("utf-8")
        found = _converted(path, text, tomllib.loads(text))
    except UnicodeDecodeError as error:
        raise InputError(str(path), f"this is not UTF-8 ({error})", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(str(path), f"this is not TOML ({error})", "mend that line") from None
    found.name = path.stem
    _check(path, text, found)
    return found


def _converted(path: Path, text: str, raw: dict[str, Any]) -> Experiment:
    """The experiment of a TOML document; an error names the line, the field and what was found."""
    presets = raw.get("presets")
    parts = presets.items() if isinstance(presets, dict) else ()
    kinds: list[tuple[str, Any, Any]] = [(f"presets.{name}", part, Preset) for name, part in parts]
    for place, part, kind in [*kinds, ("", raw, Experiment)]:  # of a table by name, msgspec names no key
        try:
            made = msgspec.convert(part, kind)
        except msgspec.ValidationError as error:
            reason, _, inner = str(error).partition(" - at `$")
            where = (place + inner.removesuffix("`")).strip(".")
            key = found[1] if (found := re.search("unknown field `(.+?)`", reason)) else ""
            field = places.named(text, f"{where}.{key}".strip("."))
            raise InputError(f"{path}: {field}", reason, "see the recipe in docs/extending.md") from None
    return cast(Experiment, made)


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


def _check(path: Path, text: str, found: Experiment) -> None:
    """Raise for names that lead nowhere: policies, optimisers, rules, parameters, conditions."""

    def refuse(place: str, finding: str, remedy: str) -> None:
        raise InputError(f"{path}: {places.named(text, place)}", finding, remedy)

    _check_names(refuse, found)
    _check_sizes(refuse, found)
    for i, condition in enumerate(found.condition):
        place = f"condition[{i}]"
        if condition.policy not in POLICIES:
            refuse(f"{place}.policy", f"found {condition.policy!r}", f"{', '.join(POLICIES)} are known")
        if condition.optimizer not in OPTIMIZERS:
            refuse(
                f"{place}.optimizer", f"found {condition.optimizer!r}", f"{', '.join(OPTIMIZERS)} are known"
            )
        if min(condition.updates, condition.rounds, condition.prompts, condition.group) < 1:
            refuse(place, "found a count below 1", "updates, rounds, prompts and group are at least 1")
        try:
            made = task(**condition.task)
            if condition.population:
                enumerate_responses(World.of(made))
        except (ValueError, TypeError) as error:
            refuse(f"{place}.task", str(error), "`cppo-theory tasks` lists what there is")
    known_conditions = {c.name: c for c in found.condition}
    for preset, size in found.presets.items():
        for name in size.conditions or ():
            if name not in known_conditions:
                refuse(f"presets.{preset}", f"found the condition {name!r}", "it is not listed")
    for i, ray in enumerate(found.rule):
        _check_ray(refuse, f"rule[{i}]", ray)
    _check_headline(refuse, found)


def _check_headline(refuse: Refuse, found: Experiment) -> None:
    if len(found.headline) != 2:
        refuse(
            "headline", f"found {len(found.headline)} names", "the two rules that it compares are required"
        )
    for name in found.headline:
        if name not in {ray.name for ray in found.rule}:
            refuse("headline", f"found {name!r}", "no rule has that name")


def _check_names(refuse: Refuse, found: Experiment) -> None:
    """Names tell the records apart, and they are folders."""
    kinds: dict[str, Sequence[Condition | RuleRay]] = {"condition": found.condition, "rule": found.rule}
    for kind, items in kinds.items():
        if not items:
            refuse(kind, "found none", "at least one is required")
        taken: dict[str, str] = {}
        for i, item in enumerate(items):
            if not WORDS[kind].fullmatch(item.name):
                more = ", and ', ' between words" if kind == "rule" else ""
                remedy = f"letters a to z, digits, '.', '_' and '-' are allowed{more}"
                refuse(f"{kind}[{i}].name", f"found {item.name!r}", remedy)
            if kind == "condition" and item.label == SUMMARY:
                refuse(f"{kind}[{i}].name", f"found {item.name!r}", "summaries lie in a folder of that name")
            if item.label in taken:
                text = f"found the names {taken[item.label]!r} and {item.name!r}"
                refuse(kind, text, "names tell the records apart")
            taken[item.label] = item.name


def _check_sizes(refuse: Refuse, found: Experiment) -> None:
    if not found.presets:
        refuse("presets", "found none", "at least one is required")
    for preset, size in found.presets.items():
        place = f"presets.{preset}"
        if size.seeds < 1:
            refuse(f"{place}.seeds", f"found {size.seeds}", "at least 1 is required")
        if size.tuning_seeds < 0:
            refuse(f"{place}.tuning_seeds", f"found {size.tuning_seeds}", "at least 0 is required")
        if not 0 < size.rounds_share <= 1:
            refuse(f"{place}.rounds_share", f"found {size.rounds_share:g}", "a share in (0, 1] is required")
        if size.conditions == []:
            refuse(f"{place}.conditions", "found none", "leave the line out for all")
    for i, condition in enumerate(found.condition):
        place = f"condition[{i}]"
        if condition.hidden < 1:
            refuse(f"{place}.hidden", f"found {condition.hidden}", "at least 1 is required")
        if not 0 < condition.rate < math.inf:
            refuse(f"{place}.rate", f"found {condition.rate:g}", "a finite number above 0 is required")
        if condition.group == 1 and not condition.population:
            refuse(f"{place}.group", "found 1", "responses are compared in groups of at least 2")
        if condition.aggregation not in AGGREGATIONS:
            text = f"found {condition.aggregation!r}"
            refuse(f"{place}.aggregation", text, f"{', '.join(AGGREGATIONS)} are known")


def _check_ray(refuse: Refuse, place: str, ray: RuleRay) -> None:
    if ray.rule not in RULES:
        refuse(f"{place}.rule", f"found {ray.rule!r}", "`cppo-theory rules` lists what there is")
    for part, value in ray.fixed.items():
        if value not in (RULES if part == "base" else PARTS.get(part, {})):
            refuse(f"{place}.fixed", f"found {part} = {value!r}", f"known are {', '.join([*PARTS, 'base'])}")
    if not ray.settings:
        refuse(f"{place}.settings", "found none", "a rule without parameters has one, {}")
    for j, setting in enumerate(ray.settings):
        try:
            rule(ray.rule).with_parameters(**setting, **objects(ray.fixed))
        except ValueError as error:
            refuse(f"{place}.settings[{j}]", str(error), "`cppo-theory rules show` lists the parameters")
    if ray.paper is not None and not 0 <= ray.paper < len(ray.settings):
        refuse(f"{place}.paper", f"found {ray.paper}", "the index of a setting is required")
