"""Summaries as they are kept: whole or not, and made by today's code or by other code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cppo_theory.errors import InputError
from simulations.code import code_of
from simulations.experiment import cells
from simulations.loading import load
from simulations.records import ForeignRecordError, Record, read
from simulations.summary import CURVES

SCORES = ("area", "last", "failure", "masked", "residual")
"""Arrays (seeds, settings) without gaps."""

CONFIG = {"condition": str, "rule": str, "settings": list, "chosen": int, "paper": int | None}


def read_summary(path: Path) -> Record:
    """The summary of a file.

    Raises
    ------
    ForeignRecordError
        If it is no record, or something of a summary is not there.
    """
    found = read(path)
    if fault := next(_faults(found), None):
        raise ForeignRecordError(path, f"this is no summary of a rule ({fault})")
    return found


def read_summaries(folder: Path, names: Iterable[str] = ("*/*",)) -> dict[tuple[str, str], Record]:
    """The summaries of an experiment by (condition, rule): all, or those of some labels (or patterns).

    Raises
    ------
    ForeignRecordError
        As `read_summary` does.
    """
    paths = {path for name in names for path in folder.glob(f"{name}.npz")}
    found = [read_summary(path) for path in sorted(paths)]
    return {(r.config["condition"], r.config["rule"]): r for r in found}


def made_by_other_code(experiment: str, summaries: Sequence[Record]) -> list[bool]:
    """Whether other code than today's made each; not said of a rule that the experiment has not."""
    try:
        today = {(c.condition.name, c.ray.name): c for c in reversed(cells(load(experiment), "paper"))}
    except InputError:
        return [False] * len(summaries)
    cells_of = [today.get((r.config["condition"], r.config["rule"])) for r in summaries]
    pairs = zip(summaries, cells_of, strict=True)
    return [cell is not None and r.config.get("code") != code_of(cell) for r, cell in pairs]


def _faults(found: Record) -> Iterator[str]:
    """What a summary has and this record has not, first the places that others are counted by."""
    for name, kind in CONFIG.items():
        if not isinstance(found.config.get(name), kind):
            yield f"no {name}"
    settings = found.config["settings"]
    numbers = [x for setting in settings if isinstance(setting, dict) for x in setting.values()]
    if not all(isinstance(x, dict) for x in settings) or not all(isinstance(x, int | float) for x in numbers):
        yield "no settings"
    if not {found.config["chosen"], found.config["paper"]} <= {None, *range(len(settings))}:
        yield "no such setting"
    curves = ("update", *CURVES)
    for name in (*SCORES, *curves):
        if name not in found.arrays:
            yield f"no {name}"
    evaluations = found.arrays["value"].shape[1:]
    lengths = dict.fromkeys(curves, evaluations) | dict.fromkeys(SCORES, (len(settings),))
    for name, x in found.arrays.items():
        if name in lengths and (x.ndim != 2 or x.shape[1:] != lengths[name] or x.size == 0):
            yield f"{name} has shape {x.shape}"
        if name in SCORES and not np.isfinite(x).all():
            yield f"{name} is not finite"
