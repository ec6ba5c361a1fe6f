"""Read an experiment from its TOML file; what leads nowhere is refused with its line."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cppo_theory.errors import InputError
from cppo_theory.rules import RULES, rule
from cppo_theory.tasks import task
from simulations import places
from simulations.experiment import SUMMARY, Condition, Experiment, Preset, RuleRay, known
from simulations.optimizers import OPTIMIZERS
from simulations.parts import PARTS, POLICIES, objects
from simulations.trainer import AGGREGATIONS
from simulations.world import World, enumerate_responses

T = TypeVar("T")

FOLDER = Path(__file__).parent / "experiments"

WORD = r"[A-Za-z0-9._-]*[A-Za-z0-9][A-Za-z0-9._-]*"
WORDS = {"condition": re.compile(WORD), "rule": re.compile(f"{WORD}(,? {WORD})*")}
"""Names that may be those of folders; a rule's may have several words."""

Refuse = Callable[[str, str, str], None]


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
        experiment = _experiment(path, text)
    except UnicodeDecodeError as error:
        raise InputError(str(path), f"this is not UTF-8 ({error})", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(str(path), f"this is not TOML ({error})", "mend that line") from None
    experiment.name = path.stem
    _check(path, text, experiment)
    return experiment


def _experiment(path: Path, text: str) -> Experiment:
    """The experiment of a TOML document; an error names the line, the field and what was found."""
    raw = tomllib.loads(text)

    def converted(part: Any, kind: type[T], place: str) -> T:
        try:
            return msgspec.convert(part, kind)
        except msgspec.ValidationError as error:
            reason, _, inner = str(error).partition(" - at `$")
            unknown = re.search("unknown field `(.+?)`", reason)
            field = ".".join([place + inner.removesuffix("`"), *(unknown.groups() if unknown else ())])
            field = places.named(text, field.strip("."))
            raise InputError(f"{path}: {field}", reason, "see the recipe in docs/extending.md") from None

    presets = raw.get("presets")
    for name, part in presets.items() if isinstance(presets, dict) else ():  # msgspec names no key of these
        converted(part, Preset, f"presets.{name}")
    return converted(raw, Experiment, "")


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
