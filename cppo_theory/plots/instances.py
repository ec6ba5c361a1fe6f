"""One instance as a picture: where mu goes, how far pi is from mu there, suffix TV, and the bounds.

Source: arXiv:2606.10968v2, Sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cppo_theory.arithmetic import to_float
from cppo_theory.claims import CLAIMS, Case, Status, decide, verdict_of
from cppo_theory.evaluation import evaluate
from cppo_theory.instance import Instance
from cppo_theory.plots.looks import BOUNDS
from cppo_theory.plots.style import NOTHING, WIDE, log_ticks, new_figure, position_ticks, short
from cppo_theory.plots.table import Table

MOST_STATES, MOST_DOTS = 64, 20_000
"""States that are drawn one by one, of a level and in all; of more, the likeliest of each level."""

ROOMY = 40
"""Positions up to which dots have their full size."""

MOST_MARKERS = 12
"""Markers of a line, about."""

BARS = 1.3
"""Length of the axis of the bounds, in inches, at least."""


def instance_table(instance: Instance) -> Table:
    """Rows of four kinds, column ``part``; of ``bound`` there is none where no bound applies.

    ``state``: level, state, occupancy under mu, token_tv, suffix_tv (trees); ``level``: level, u_t, l_t;
    ``exact``: |Delta|; ``bound``: name (claim id), value, and word (its verdict).
    """
    keep = ["occupancy_mu", "token_tv", *(["suffix_tv"] if instance.is_tree else [])]
    values = evaluate(instance, keep)
    rows: list[dict[str, Any]] = []
    most = max(min(MOST_STATES, MOST_DOTS // instance.horizon), 1)
    for t in range(instance.horizon):
        rows.extend(_states(values, t, most))
        level = {"part": "level", "level": t + 1, "token_tv": values.expected_tv[t], "ell": values.ell[t]}
        rows.append(level)
    rows.append({"part": "exact", "name": "|Delta|", "value": abs(values.residual), "word": None})
    return Table.of([*rows, *_bounds(instance)])


def _states(values: Any, t: int, most: int) -> Iterator[dict[str, Any]]:
    occupancy = to_float(values.occupancy_mu[t])
    for s in np.sort(np.argsort(-occupancy, kind="stable")[:most]):
        if occupancy[s] > 0:
            row = {"part": "state", "level": t + 1, "state": int(s), "occupancy": occupancy[s]}
            row["token_tv"] = values.token_tv[t][s]
            if "suffix_tv" in values.kept:
                row["suffix_tv"] = values.suffix_tv[t][s]
            yield row


def _bounds(instance: Instance) -> Iterator[dict[str, Any]]:
    case = Case(instance)
    for claim in (claim for claim in CLAIMS.values() if claim.bounds_residual):
        verdict = verdict_of(decide(claim, case))
        if verdict.rhs is None or verdict.status == Status.NOT_APPLICABLE:
            continue
        word = "vacuous" if verdict.vacuous else "certifies" if verdict.certifies else "holds"
        word = "violated" if verdict.status == Status.VIOLATED else word
        yield {"part": "bound", "name": verdict.claim, "value": verdict.rhs, "word": word}


def draw_instance(table: Table, title: str = "") -> Figure:
    """Divergences and occupancy by position, suffix TV on trees, and the bounds against |Delta|."""
    has_suffix = "suffix_tv" in table.columns
    figure, axes = new_figure(WIDE, 2.5, 1, 2 + has_suffix)
    states, levels = table.where(part="state"), table.where(part="level")
    _spread(axes[0, 0], states, "token_tv")
    means, maxima = BOUNDS["thm-1"], BOUNDS["uniform"]
    every: dict[str, Any] = {"markevery": max(len(levels) // MOST_MARKERS, 1)}
    axes[0, 0].plot(levels["level"], levels["token_tv"], **means.as_line() | every | {"label": "mean $u_t$"})
    axes[0, 0].plot(
        levels["level"], levels["ell"], **maxima.as_line() | every | {"label": "largest $\\ell_t$"}
    )
    axes[0, 0].set(xlabel="position t (tokens)", ylabel="token TV $D_t$", title="divergence")
    if has_suffix:
        _spread(axes[0, 1], states, "suffix_tv")
        axes[0, 1].set(xlabel="position t (tokens)", ylabel="TV", title="suffix from t on")
    _bars(axes[0, -1], table)
    handles = [*axes[0, 0].get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower left", ncols=3)
    figure.suptitle(title, fontsize=8)
    return figure


def _spread(ax: Axes, states: Table, name: str) -> None:
    """One dot per state; its area is the occupancy under mu."""
    label = "state (area: occupancy under $\\mu$)"
    scale = min(max(ROOMY / states["level"].max(), 0.05), 1)
    area = scale * (2 + 60 * states["occupancy"])
    ax.scatter(states["level"], states[name], s=area, color="#999999", alpha=0.6, label=label)
    largest = float(states[name].max(initial=0.0))
    ax.set_ylim(0, 1.15 * largest if largest > NOTHING else 1)
    position_ticks(ax.xaxis, 5)


def _bars(ax: Axes, table: Table) -> None:
    """The bounds in units of reward, and the exact value as a line through them."""
    bounds = table.where(part="bound")
    exact = float(table.where(part="exact")["value"][0])
    names, values, words = bounds.words("name"), bounds["value"], bounds.words("word")
    hatch = {"vacuous": "////", "certifies": "", "holds": "", "violated": "xxxx"}
    color = {"vacuous": "#DDDDDD", "certifies": "#009E73", "holds": "#56B4E9", "violated": "#D55E00"}
    for i, (value, word) in enumerate(zip(values, words, strict=True)):
        ax.barh(i, value, color=color[word], hatch=hatch[word], edgecolor="#333333", linewidth=0.3)
    ax.axvline(exact, color="#000000", linewidth=1.1)
    ax.set_yticks(range(len(names)), [f"{n} ({w})" for n, w in zip(names, words, strict=True)])
    ax.invert_yaxis()
    if not names:
        ax.text(0.5, 0.5, "no bound applies", transform=ax.transAxes, ha="center", backgroundcolor="#FFFFFF")
    if names and min([exact, *values]) > 0:
        ax.set_xscale("log")
        log_ticks(ax.xaxis, BARS)
    else:
        ax.set_xlim(0, 1.1 * max([exact, *values]) or 1)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=3))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: short(x)))
    ax.set(xlabel="reward; black: $|\\Delta|$", title="bounds on $|\\Delta|$")
