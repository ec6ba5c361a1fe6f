"""The code that a cell's numbers come from: its modules, and one hash of them.

A cell runs the trainer, its own rule, policy and task, and the claims whose bounds are recorded; what these
import is followed.  Tables of names are not: a new rule, task, claim or kind of policy leaves the records of
the others as they are.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache, partial
from importlib import import_module
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import Any

from cppo_theory.claims import CLAIMS
from cppo_theory.rules import RULES
from cppo_theory.tasks import TASKS, with_memory
from simulations import cell as cell_module
from simulations import records
from simulations.experiment import Cell
from simulations.measure import BOUNDS
from simulations.parts import POLICIES, objects

OURS = ("cppo_theory", "simulations")

NAMES_ONLY = (
    "cppo_theory.rules.registry",
    "cppo_theory.rules.table",
    "simulations.experiment",
    "simulations.parts",
)
"""Modules that find things by name, or check what was asked for."""


def code_of(cell: Cell) -> str:
    """Hash of the modules that a cell runs, and of what tables hold for it: presets, policy, parts."""
    fixed = cell.ray.fixed
    found: dict[str, Any] = dict(RULES[cell.ray.rule].preset)
    found |= {name: value for name, value in objects(fixed).items() if name != "base"}
    if "base" in fixed:
        found["base"] = {"rule": fixed["base"], **RULES[fixed["base"]].preset}
    found["policy"] = POLICIES[cell.condition.policy]
    return hashlib.sha256(f"{_named(found)} {_digest(modules_of(cell))}".encode()).hexdigest()[:16]


@cache
def _digest(names: tuple[str, ...]) -> str:
    return records.digest([_path(name) for name in names])


def modules_of(cell: Cell) -> tuple[str, ...]:
    """Names of the modules that a cell runs, sorted."""
    used: list[Any] = [RULES[cell.ray.rule].function, POLICIES[cell.condition.policy]]
    used += [TASKS[cell.condition.task["name"]], *(CLAIMS[name].sides for name in BOUNDS)]
    used += [value for name, value in objects(cell.ray.fixed).items() if name != "base"]
    if "base" in cell.ray.fixed:
        used.append(RULES[cell.ray.fixed["base"]].function)
    if "memory" in cell.condition.task:
        used.append(with_memory)
    found: set[str] = set()
    left = [cell_module.__name__, *(_home(x) for x in used)]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _imports(name)
    return tuple(sorted(found))


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Our modules that a module imports from, but for tables of names."""
    tree = ast.parse(_path(name).read_text("utf-8"))
    found = {_home_of(target, member) for target, member in _imported(name, tree)}
    return tuple(sorted(x for x in found if x.partition(".")[0] in OURS and x not in NAMES_ONLY))


def _imported(name: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(module, name) of every import from us."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            target = resolve_name("." * node.level + (node.module or ""), name.rpartition(".")[0])
            if target.partition(".")[0] in OURS:
                yield from ((target, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((x.name, "") for x in node.names if x.name.partition(".")[0] in OURS)


def _home_of(target: str, member: str) -> str:
    """The module that ``from target import member`` leads to; "" where a package only lists names."""
    module = import_module(target)
    if not hasattr(module, "__path__"):
        return target
    found = getattr(module, member, None)
    home = found.__name__ if isinstance(found, ModuleType) else _home(found)
    return "" if home == target else home


def _home(thing: Any) -> str:
    """The module where a function, a class or an object's class is written."""
    while isinstance(thing, partial):
        thing = thing.func
    return str(getattr(thing, "__module__", ""))


def _named(value: Any) -> str:
    """An object in words that are the same in every process."""
    if isinstance(value, dict):
        return str(sorted((name, _named(x)) for name, x in value.items()))
    if isinstance(value, partial):
        return f"{_named(value.func)} {value.args} {_named(value.keywords)}"
    return str(getattr(value, "__qualname__", value))


def _path(name: str) -> Path:
    return Path(str(import_module(name).__file__))
