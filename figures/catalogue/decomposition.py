"""What a round of updates gains, what its surrogate says, and the difference, along training."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cppo_theory.plots import WIDE, Look, Table, legend_below, method, new_figure
from figures.curves import INTERVAL, curve_rows, draw_curve
from figures.source import Drawn, MissingInputError, Source

CAPTION = """J(pi) - J(mu) = L' - Delta along training, exactly.
Per round of updates, mu the policy that drew the round's responses and pi the one after it: the gain
J(pi) - J(mu), the surrogate L', and the residual Delta (arXiv:2606.10968v2, Lemma 2); interquartile mean
over seeds and the band of its interval, each rule at its tuned setting. Interquartile means do not add up
exactly. A run that diverged counts 0."""

TERMS = {
    "gain": Look(r"gain $J(\pi) - J(\mu)$", "#000000", "o", "-"),
    "surrogate": Look("surrogate $L'$", "#0072B2", "s", "--"),
    "delta": Look(r"residual $\Delta$", "#D55E00", "^", "-."),
}
RULES = ("pg-is", "dppo", "cppo")


def data(source: Source) -> Drawn:
    """Rows: condition, rule, term, update, value, low, high."""
    every = source.records("main").items()
    records = {path: record for path, record in every if record.config["rule"] in RULES}
    if not records:
        raise MissingInputError(
            f"none of the rules {', '.join(RULES)} has a record; run the experiment whole"
        )
    rows: list[dict[str, object]] = []
    for record in records.values():
        x = record.arrays
        terms = {"gain": x["value"] - x["value_mu"], "surrogate": x["surrogate"], "delta": x["delta"]}
        for term, curve in terms.items():
            place = {"condition": record.config["condition"], "rule": record.config["rule"], "term": term}
            rows += curve_rows(x["update"][0], curve, None, source.pick(100, 2000), **place)
    counts = sorted({len(record.seeds) for record in records.values()})
    seeds = f"{'-'.join(map(str, counts))} per rule and condition"
    return Drawn(Table.of(rows), tuple(records), seeds=seeds, interval=INTERVAL)


def draw(table: Table) -> Figure:
    conditions = table.distinct("condition")
    rules = [rule for rule in RULES if rule in table.distinct("rule")]
    height = 0.65 + 1.2 * len(conditions)
    figure, axes = new_figure(WIDE, height, len(conditions), len(rules), sharex="row", sharey="row")
    for row, condition in zip(axes, conditions, strict=True):
        for ax, rule in zip(row, rules, strict=True):
            here = table.where(condition=condition, rule=rule)
            for term, look in TERMS.items():
                draw_curve(ax, here.where(term=term), look)
            ax.axhline(0, color="#333333", linewidth=0.5)
            ax.set(xlim=(0, np.nanmax(table.where(condition=condition)["update"])))
            ax.locator_params(axis="both", nbins=4)
        row[0].set_ylabel("\n".join(condition.rsplit("-", 1)) + "\nper round (reward)")
    for ax, rule in zip(axes[0], rules, strict=True):
        ax.set_title(method(rule).label)
    for ax in axes[-1]:
        ax.set_xlabel("updates")
    legend_below(figure, [Line2D([], [], **look.as_line()) for look in TERMS.values()], 3)
    return figure
