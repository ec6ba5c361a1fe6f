"""Curves of runs over seeds: interquartile mean and interval at every evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from cppo_theory.plots import Look, Table
from simulations.statistics import bootstrap

INTERVAL = "95% percentile bootstrap over seeds of the interquartile mean, at each evaluation"


def summary(x: Any, resamples: int, **cells: Any) -> dict[str, Any]:
    """One number per seed as a row: interquartile mean, low, high; one that diverged counts 0."""
    found = bootstrap(np.nan_to_num(np.asarray(x, float), posinf=0, neginf=0), resamples=resamples)
    return {**cells, "seed": "all", "value": found.estimate, "low": found.low, "high": found.high}


def curve_rows(
    update: Any, curve: Any, seeds: list[int] | None, resamples: int, **cells: Any
) -> Iterator[dict[str, Any]]:
    """A row per evaluation for all seeds together, and one per seed where ``seeds`` names them.

    Parameters
    ----------
    update : array (E,)
    curve : array (N, E)
    """
    for e, made in enumerate(update):
        yield summary(curve[:, e], resamples, **cells, update=made)
    for seed, values in zip(seeds or [], curve, strict=False):
        for made, value in zip(update, values, strict=True):
            yield {**cells, "seed": str(seed), "update": made, "value": value}


def draw_curve(ax: Axes, rows: Table, look: Look) -> None:
    """Every seed faint, the band of the interval, the interquartile mean on top."""
    seeds = rows.by("seed")
    mean = seeds.pop("all")
    for one in seeds.values():
        ax.plot(one["update"], one["value"], color=look.color, alpha=0.12, linewidth=0.35)
    ax.fill_between(mean["update"], mean["low"], mean["high"], color=look.color, alpha=0.22, linewidth=0)
    ax.plot(mean["update"], mean["value"], **look.as_line(marker=False), zorder=3)
    every = max(len(mean) // 4, 1)
    ax.plot(
        mean["update"][::every],
        mean["value"][::every],
        color=look.color,
        marker=look.marker,
        linestyle="",
        zorder=3,
    )
