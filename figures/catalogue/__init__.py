"""Every figure: a module here is found by itself.

A module holds CAPTION; ``data(source) -> Drawn``, which reads records or rollouts or calls exact functions,
never the trainer; and ``draw(table) -> Figure``, which sees nothing but the table of what is drawn.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Protocol, cast

from matplotlib.figure import Figure

from cppo_theory.plots import Table
from figures.source import Drawn, Source


class Module(Protocol):
    """What a figure's module holds."""

    CAPTION: str
    data: Callable[[Source], Drawn]
    draw: Callable[[Table], Figure]


NAMES = tuple(sorted(found.name.replace("_", "-") for found in pkgutil.iter_modules(__path__)))
"""Names of the figures: those of the modules, with hyphens."""


def figure(name: str) -> Module:
    """The module of a figure, a key of `NAMES`."""
    return cast(Module, importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))
