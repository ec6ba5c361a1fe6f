"""Terminal tables of an experiment, from its summaries."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cppo_theory.cli.terminal import print_table
from cppo_theory.errors import InputError
from simulations.experiment import Experiment
from simulations.frontier import at_masked_share
from simulations.kept import read_summaries
from simulations.records import Record
from simulations.statistics import (
    FEWEST,
    PAIRED,
    bootstrap,
    paired_difference,
    probability_of_improvement,
    wilson,
)

Array = Any


def print_experiment(experiment: Experiment, folder: Path, labels: Iterable[str] = ("*/*",)) -> None:
    """Scores of every rule at its chosen setting and at the paper's, and the headline's paired difference."""
    found = read_summaries(folder, labels)
    for condition in [c.name for c in experiment.condition if any(key[0] == c.name for key in found)]:
        group = {rule: record for (name, rule), record in found.items() if name == condition}
        runs = len(next(iter(group.values())).seeds)
        rows = [row for ray in experiment.rule if ray.name in group for row in _rows(group[ray.name])]
        headers = ("rule", "setting", "area under J", "last quarter", "failed", "masked", "|Delta|")
        shown = "interquartile mean and 95% bootstrap interval" if runs >= FEWEST else "single values"
        print_table(headers, rows, numbers=range(5, 7), title=f"{condition}: {runs} seeds, {shown}")
        _print_headline(experiment, group)
        _print_equal_masks(experiment, group)


def _rows(record: Record) -> list[tuple[str, ...]]:
    """The chosen setting, then the paper's where it is another."""
    config = record.config
    places = [config["chosen"]]
    if config["paper"] is not None and config["paper"] != config["chosen"]:
        places.append(config["paper"])
    return [_row(record, place, place == config["paper"]) for place in places]


def _row(record: Record, place: int, is_paper: bool) -> tuple[str, ...]:
    x = record.arrays
    setting = ", ".join(f"{k} {v:g}" for k, v in record.config["settings"][place].items())
    setting = (setting or "-") + (" (paper)" if is_paper else "")
    failed = int((x["failure"][:, place] > 0).sum())
    return (
        record.config["rule"],
        setting,
        interval(x["area"][:, place]),
        interval(x["last"][:, place]),
        frequency(failed, len(record.seeds)),
        f"{x['masked'][:, place].mean():.3f}",
        f"{x['residual'][:, place].mean():.4f}",
    )


def interval(values: Array) -> str:
    """Interquartile mean with its interval; the values themselves below three seeds."""
    if len(values) < FEWEST:
        return " ".join(f"{v:.3f}" for v in values)
    return str(bootstrap(np.asarray(values, dtype=float)))


def frequency(failures: int, runs: int) -> str:
    """A share with Wilson's interval."""
    return str(wilson(failures, runs)) if runs >= FEWEST else f"{failures} of {runs}"


def _print_headline(experiment: Experiment, group: dict[str, Record]) -> None:
    one, other = (group.get(name) for name in experiment.headline)
    if one is None or other is None or len(one.seeds) < FEWEST:
        return
    first, second = (r.arrays["area"][:, r.config["chosen"]].astype(float) for r in (one, other))
    difference = paired_difference(first, second)
    better = probability_of_improvement(first, second)
    names = " - ".join(experiment.headline)
    chance = f"P({names.replace(' - ', ' > ')}) = {better}"
    print(f"\n{names}, area under J, {PAIRED}: {difference}; {chance}")


def _print_equal_masks(experiment: Experiment, group: dict[str, Record]) -> None:
    """Every rule against the second of the headline: at the paper's settings, and at equal masked share."""
    rival = group.get(experiment.headline[1])
    if rival is None or len(rival.seeds) < FEWEST:
        return
    has_ray = len(rival.config["settings"]) > 1
    rows = []
    for ray in experiment.rule:
        record = group.get(ray.name)
        place = 0 if ray.settings == [{}] else ray.paper
        if record is None or record is rival or place is None or rival.config["paper"] is None:
            continue
        own = record.arrays["area"][:, place].astype(float)
        share = float(record.arrays["masked"][:, place].mean())
        theirs = rival.arrays["area"][:, rival.config["paper"]].astype(float)
        row = [ray.name, f"{share:.3f}", str(paired_difference(own, theirs))]
        if has_ray:
            row.append(_at_equal_share(own, rival, share))
        rows.append(tuple(row))
    if rows:
        name = experiment.headline[1]
        headers = ["rule at the paper's point", "masked", f"minus {name} at its point"]
        headers += [f"minus {name} masked as much"] if has_ray else []
        print_table(tuple(headers), rows, numbers=range(1, 2), title=f"Area under J, {PAIRED}")


def _at_equal_share(own: Array, rival: Record, share: float) -> str:
    """The difference to the rival's ray at that share, or why there is none."""
    try:
        return str(paired_difference(own, at_masked_share(rival, share)))
    except InputError as error:
        return error.remedy
