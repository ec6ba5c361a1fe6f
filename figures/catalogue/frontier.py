"""Return against what a rule masks, and against the residual it lets through."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cppo_theory.plots import WIDE, Table, in_order, legend_below, log_ticks, method, new_figure
from figures.curves import summary
from figures.source import Drawn, Source

CAPTION = """The frontier of each rule: strength kept apart from shape.
Area under J (interquartile mean, bars: interval) against the masked share of the tokens (soft rules: 1 -
mean gate) and against the realised |Delta| of a round, each a mean over seeds. One line per rule, through
the settings of its ray in their order; ringed: the paper's setting, where there is one. A run that
diverged counts with area 0."""

ACROSS = {"masked": "masked share", "residual": r"realised $|\Delta|$ (reward)"}


def data(source: Source) -> Drawn:
    """Rows: condition, rule, setting (from 0), masked, residual, value, low, high, paper (1 or 0)."""
    records = source.records("main")
    rows = []
    for record in records.values():
        config, x = record.config, record.arrays
        for s in range(len(config["settings"])):
            place = {"condition": config["condition"], "rule": config["rule"], "setting": s}
            means = {name: float(np.nanmean(np.asarray(x[name], float)[:, s])) for name in ACROSS}
            paper = int(config["paper"] == s)
            rows.append(
                {**summary(x["area"][:, s], source.pick(200, 2000), **place), **means, "paper": paper}
            )
    counts = sorted({len(record.seeds) for record in records.values()})
    return Drawn(
        Table.of(rows),
        tuple(records),
        seeds=f"{'-'.join(map(str, counts))} per rule, setting and condition",
        interval="95% percentile bootstrap over seeds of the interquartile mean",
    )


def draw(table: Table) -> Figure:
    conditions, rules = table.distinct("condition"), in_order(table.distinct("rule"))
    figure, axes = new_figure(WIDE, 0.85 + 1.5 * len(conditions), len(conditions), 2, sharey="row")
    for row, condition in zip(axes, conditions, strict=True):
        for ax, (name, label) in zip(row, ACROSS.items(), strict=True):
            for rule in rules:
                line = table.where(condition=condition, rule=rule)
                if len(line):
                    _line(ax, line, name, rule, tuple(rules))
            ax.set(xlabel=label)
        if (table.where(condition=condition)["residual"] > 0).all():
            row[1].set_xscale("log")
            log_ticks(row[1].xaxis)
        row[0].set_ylabel("\n".join(condition.rsplit("-", 1)) + "\narea under J")
    handles = [Line2D([], [], **method(rule, tuple(rules)).as_line()) for rule in rules]
    ring: dict[str, Any] = {
        "marker": "o",
        "markersize": 7,
        "markerfacecolor": "none",
        "color": "#333333",
        "linestyle": "",
    }
    legend_below(figure, [*handles, Line2D([], [], label="the paper's setting", **ring)], 4)
    return figure


def _line(ax: Axes, line: Table, name: str, rule: str, rules: tuple[str, ...]) -> None:
    look, x = method(rule, rules), line[name]
    ax.plot(x, line["value"], **look.as_line())
    ax.vlines(x, line["low"], line["high"], color=look.color, linewidth=0.6)
    paper = line["paper"] == 1
    ring: dict[str, Any] = {"marker": "o", "markersize": 7, "markerfacecolor": "none", "markeredgewidth": 0.8}
    ax.plot(x[paper], line["value"][paper], color=look.color, linestyle="", **ring)
