"""Learning curves of every rule on every task."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cppo_theory.plots import WIDE, Table, in_order, legend_below, method, new_figure
from figures.curves import INTERVAL, curve_rows, draw_curve
from figures.source import Drawn, Source
from simulations.summary import learning_curve

CAPTION = """Learning curves of every rule at its own tuned setting.
J (exact) against updates: every seed faint, interquartile mean, and the band of its interval. Rows:
conditions; columns: families of rules. DPPO is drawn in every panel as the reference. The setting of each
rule was chosen on tuning seeds that are not among these. A run that diverged counts as J = 0."""

FAMILIES = {
    "no mask": ("pg-is", "cispo", "minpro"),
    "sequence masks": ("trm-max", "trm-avg"),
    "token masks": ("grpo", "dppo"),
    "CPPO hard": ("cppo", "cppo-half"),
    "CPPO soft": ("cppo-soft", "cppo-soft-half"),
}
REFERENCE = "dppo"


def data(source: Source) -> Drawn:
    """Rows: condition, rule, seed (or ``all``), update, value, and low, high for all."""
    records = source.records("main")
    rows: list[dict[str, object]] = []
    for record in records.values():
        place = {"condition": record.config["condition"], "rule": record.config["rule"]}
        update = np.concatenate([[0], record.arrays["update"][0]])  # from the start on
        rows += curve_rows(update, learning_curve(record), record.seeds, source.pick(100, 2000), **place)
    counts = sorted({len(record.seeds) for record in records.values()})
    seeds = f"{'-'.join(map(str, counts))} per rule and condition"
    return Drawn(Table.of(rows), tuple(records), seeds=seeds, interval=INTERVAL)


def families(rules: list[str]) -> dict[str, list[str]]:
    """The columns: known families without absent rules, and one for all other rules."""
    known = {rule for family in FAMILIES.values() for rule in family}
    found = {name: [r for r in family if r in rules] for name, family in FAMILIES.items()}
    found["others"] = [r for r in rules if r not in known]
    return {name: family for name, family in found.items() if family}


def draw(table: Table) -> Figure:
    conditions, rules = table.distinct("condition"), in_order(table.distinct("rule"))
    columns = families(rules)
    height = 0.75 + 1.15 * len(conditions)
    figure, axes = new_figure(WIDE, height, len(conditions), len(columns), sharex="row", sharey=True)
    looks = {rule: method(rule, tuple(rules)) for rule in rules}
    for row, condition in zip(axes, conditions, strict=True):
        here = table.where(condition=condition)
        for ax, family in zip(row, columns.values(), strict=True):
            for rule in family:
                draw_curve(ax, here.where(rule=rule), looks[rule])
            mean = here.where(rule=REFERENCE, seed="all")
            if REFERENCE not in family and len(mean):
                ax.plot(mean["update"], mean["value"], **looks[REFERENCE].as_line(marker=False))
            ax.set(ylim=(-0.03, 1.03), xlim=(0, None))
            ax.locator_params(axis="x", nbins=3)
        row[0].set_ylabel("\n".join(condition.rsplit("-", 1)) + "\nreturn J")
    for ax, name in zip(axes[0], columns, strict=True):
        ax.set_title(name)
    for ax in axes[-1]:
        ax.set_xlabel("updates")
    handles = [Line2D([], [], **looks[rule].as_line()) for family in columns.values() for rule in family]
    legend_below(figure, handles, 4)
    return figure
