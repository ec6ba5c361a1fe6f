"""Divergence along the responses of a real language model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cppo_theory.plots import SOURCES, WIDE, Table, legend_below, new_figure
from cppo_theory.rollouts import Reading
from figures.source import Drawn, Source

CAPTION = """How divergence runs along a response depends on the task; Binary-TV misses most on free text.
Mean and top 10% mean of D_t by relative position t/T, in bins, over the tokens of all responses, against
the threshold delta / w_t (delta = .15, w_min = .8), for the exact TV, Top-20 and Binary estimates. A:
free reasoning, pi 16 steps from mu; B: short exact answers, the same staleness; C: free reasoning, same
weights, mu in bfloat16 and pi in float32 (arXiv:2606.10968v2, Figure 2)."""

TITLES = {
    "A": "A: free text, 16 steps",
    "B": "B: short answers, 16 steps",
    "C": "C: free text, rounding only",
}
BINS = {"A": 20, "B": 10, "C": 20}
SETTING = {"delta": 0.15, "w_min": 0.8}


def data(source: Source) -> Drawn:
    """Rows: file, source, relative position (middle of a bin), mean and top of D, number of tokens."""
    rows: list[dict[str, object]] = []
    for letter in TITLES:
        for name in SOURCES:
            rows += _binned(source, letter, name)
        for x in (0.0, 1.0):
            threshold = SETTING["delta"] / (1 - (1 - SETTING["w_min"]) * x)
            rows.append({"file": letter, "source": "threshold", "position": x, "mean": threshold})
    return Drawn(Table.of(rows), tuple(source.rollout_file(letter) for letter in TITLES), settings=SETTING)


def _binned(source: Source, letter: str, name: Any) -> Iterator[dict[str, object]]:
    place, spent = [], []
    for masked in source.masked(letter, "dppo", Reading(source=name)):
        valid = np.flatnonzero(masked.batch.mask[0])
        place.append((valid + 1) / (valid[-1] + 1))
        spent.append(masked.ledger.divergence[0, valid])
    x, d = np.concatenate(place), np.concatenate(spent)
    bins = BINS[letter]
    number = np.ceil(x * bins).astype(int) - 1
    for i in range(bins):
        here = np.sort(d[number == i])
        top = here[-max(round(len(here) / 10), 1) :].mean()
        middle = {"file": letter, "source": name, "position": (i + 0.5) / bins}
        yield middle | {"mean": here.mean(), "top": top, "tokens": len(here)}


def draw(table: Table) -> Figure:
    figure, axes = new_figure(WIDE, 2.7, 1, 3, sharey=True)
    for ax, (letter, title) in zip(axes[0], TITLES.items(), strict=True):
        for name, look in SOURCES.items():
            line = table.where(file=letter, source=name)
            style = {"color": look.color, "marker": look.marker, "markersize": 2.5}
            ax.plot(line["position"], line["mean"], **style, linestyle="-")
            ax.plot(line["position"], line["top"], **style, linestyle=(0, (1, 1)), markerfacecolor="#FFFFFF")
        limit = table.where(file=letter, source="threshold")
        x = np.linspace(0, 1, 50)
        ax.plot(x, 1 / np.interp(x, limit["position"], 1 / limit["mean"]), color="#666666", linestyle="--")
        ax.set(yscale="log", xlim=(0, 1), xlabel="relative position t/T", title=title)
    axes[0, 0].set_ylabel("divergence $D_t$ (TV)")
    handles = [Line2D([], [], color=k.color, marker=k.marker, label=k.label) for k in SOURCES.values()]
    kinds: tuple[tuple[str, str, Any], ...] = (
        ("mean", "#000000", "-"),
        ("mean of the top 10%", "#000000", (0, (1, 1))),
        (r"threshold $\delta/w_t$", "#666666", "--"),
    )
    handles += [Line2D([], [], color=c, linestyle=s, label=label) for label, c, s in kinds]
    legend_below(figure, handles, 6)
    return figure
