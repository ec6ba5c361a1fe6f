"""Imports point down the ladder, without cycles; heavy packages load only where they are used."""

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "cppo_theory"
ROOT = Path(__file__).parent.parent
LADDER = (
    "errors arithmetic checks files version",
    "spaces divergence schedules weights",
    "policy bounds constraints documents rules",
    "instance_files policy_specs instance recursions fused fast trees evaluation",
    "tasks tables gymnasium_tables responses masked coupling",
    "claims hunt",
    "verify ladder plots rollouts",
    "envs adapters cli",
)
RANK = {name: rank for rank, names in enumerate(LADDER) for name in names.split()}
LIGHT = {*sys.stdlib_module_names, "numpy", "scipy", "array_api_compat", "msgspec"}
HEAVY = {"gymnasium", "matplotlib", "tyro", "rich", "torch", "numba", "pyarrow"}  # inside a function, or in
AT_HOME = {"plots": {"matplotlib"}, "envs": {"gymnasium"}, "adapters": {"torch"}, "cli": {"tyro", "rich"}}


def part(module: str) -> str:
    """The entry of the ladder that a module belongs to; the package itself is its own part."""
    return module.split(".")[1] if "." in module else module


def rank(module: str) -> int:
    """The package itself stands on top: it may import all, nothing imports it."""
    return len(LADDER) if module == PACKAGE else RANK[part(module)]


def imports(tree: ast.AST, deferred: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import statement, and whether loading the module runs it not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, deferred
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from imports(node, deferred or function or typing_only)


def targets(node: ast.Import | ast.ImportFrom, module: str, sources: dict[str, str]) -> Iterator[str]:
    """Dotted names that one statement of `module` imports, as modules wherever they are modules."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    is_package = any(name.startswith(module + ".") for name in sources)
    above = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
    base = ".".join([*above, node.module] if node.module else above)
    for alias in node.names:
        yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in sources else base


def is_allowed(package: str, importer: str, deferred: bool) -> bool:
    """Whether a part may import this package of others."""
    return package in LIGHT or (package in HEAVY and (deferred or package in AT_HOME.get(importer, ())))


def violations(sources: dict[str, str]) -> Iterator[str]:
    """What is wrong with the imports of these modules (dotted name to source text)."""
    unranked = {part(module) for module in sources} - {*RANK, PACKAGE}
    if unranked:
        yield f"no rank: {sorted(unranked)}"
        return
    graph: dict[str, set[str]] = {module: set() for module in sources}
    for module, source in sources.items():
        for node, deferred in imports(ast.parse(source)):
            for target in targets(node, module, sources):
                place = f"{module}:{node.lineno} imports {target}"
                if target.split(".")[0] != PACKAGE:
                    if not is_allowed(target.split(".")[0], part(module), deferred):
                        yield f"{place}: not allowed {'anywhere' if deferred else 'on loading'}"
                elif target not in sources:
                    yield f"{place}: no such module"
                elif rank(target) > rank(module):
                    yield f"{place}: upward"
                else:
                    graph[module].add(target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"cycle: {error.args[1]}"


def package_sources() -> dict[str, str]:
    """Dotted name and text of every module of the package."""
    paths = sorted((ROOT / PACKAGE).rglob("*.py"))
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths
    ]
    return dict(zip(names, (path.read_text("utf-8") for path in paths), strict=True))


def test_imports_of_the_package_point_downwards():
    sources = package_sources()
    assert len(sources) > 1
    assert list(violations(sources)) == []


PLANTED = {
    "spaces: from cppo_theory.instance import Instance": "upward",
    "spaces: from .claims import registry": "upward",
    "bounds: from cppo_theory import recursions": "upward",
    "bounds: def f(): import cppo_theory.claims.registry": "upward",
    "cli.main: from cppo_theory import Instance": "upward",
    "bounds: from cppo_theory.spaecs import Automaton": "no such module",
    "bounds: import sympy": "not allowed on loading",
    "bounds: def f(): from sympy import Rational": "not allowed anywhere",
    "tables: import gymnasium as gym": "not allowed on loading",
    "verify: class A: from rich.table import Table": "not allowed on loading",
    "instance: from cppo_theory import recursions": "cycle",
    "claims.registry: from . import lemma": "cycle",
    "helpers: import numpy": "no rank",
}
SOUND = {
    "cppo_theory": "def f(): from cppo_theory import claims",
    "cppo_theory.spaces": "from __future__ import annotations\nimport numpy as np",
    "cppo_theory.bounds": "import scipy.special\nfrom cppo_theory import spaces",
    "cppo_theory.instance": "import msgspec\nfrom .spaces import PrefixTree",
    "cppo_theory.recursions": "from cppo_theory.instance import Instance",
    "cppo_theory.tables": "def f(): import gymnasium",
    "cppo_theory.claims": "from . import lemma",
    "cppo_theory.claims.registry": "",
    "cppo_theory.claims.lemma": "from cppo_theory.claims.registry import Claim\nfrom .. import bounds",
    "cppo_theory.verify": "from typing import TYPE_CHECKING\nif TYPE_CHECKING: import rich",
    "cppo_theory.cli": "from .main import main",
    "cppo_theory.cli.main": "import tyro\nfrom ..verify import run",
}


def test_sound_imports_pass():
    assert list(violations(SOUND)) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_imports_are_found(planted):
    name, _, line = planted.partition(": ")
    module = f"{PACKAGE}.{name}"
    found = list(violations({**SOUND, module: SOUND.get(module, "") + "\n" + line}))
    assert len(found) == 1
    assert PLANTED[planted] in found[0]
