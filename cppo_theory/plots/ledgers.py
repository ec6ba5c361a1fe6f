"""The ledger of one response as a picture: what each token spends, what it may, and what masks it.

Source: arXiv:2606.10968v2, Figure 3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cppo_theory.arithmetic import Array
from cppo_theory.plots.looks import REASON_LOOKS
from cppo_theory.plots.style import WIDE, legend_below, new_figure
from cppo_theory.plots.table import Table
from cppo_theory.rollouts import Masked
from cppo_theory.rules.decision import KEPT, REASON_NAMES

EFFECTIVE, TOKEN, ADJUSTED = "#000000", "#0072B2", "#009E73"


def ledger_table(masked: Masked) -> Table:
    """One row per valid token of the response.

    Columns: position t; divergence D_t; weight w_t; weighted w_t D_t; threshold delta; adjusted
    delta - X_{t-1}; effective c_t, the smaller of the two; reason, a key of `REASON_LOOKS`.

    Parameters
    ----------
    masked : Masked
        One response, with the ledger of the rule that decided.
    """
    account, batch = masked.ledger, masked.batch
    valid = np.flatnonzero(batch.mask[0])
    delta = float(account.threshold[0, valid[0]])  # c_1 = delta: nothing is spent before the first token
    bounded = np.isfinite(account.excess[0, valid]).any()
    before, rows = 0.0 if bounded else -math.inf, []
    for t in valid:
        number = int(account.reason[0, t])
        toward = bool(account.toward[0, t]) and number == KEPT
        rows.append(
            {
                "position": int(t) + 1,
                "divergence": account.divergence[0, t],
                "weight": account.weight[0, t],
                "weighted": account.weighted[0, t],
                "threshold": _finite(delta),
                "adjusted": _finite(delta - before),
                "effective": _finite(float(account.threshold[0, t])),
                "reason": "toward" if toward else REASON_NAMES[number],
            }
        )
        before = float(account.excess[0, t])
    return Table.of(rows)


def ledger_axes(ax: Axes, table: Table) -> list[Any]:
    """Draw a ledger; the handles of its legend."""
    position, spent = table["position"], table["weighted"]
    reasons = np.array(table.words("reason"))
    handles: list[Any] = []
    for reason, look in REASON_LOOKS.items():
        here = reasons == reason
        if here.any():
            bars = {"color": look.color, "edgecolor": "#333333", "linewidth": 0.3, "hatch": look.line}
            ax.bar(position[here], spent[here], width=0.85, **bars)
            handles.append(
                Patch(facecolor=look.color, edgecolor="#333333", hatch=look.line, label=look.label)
            )
    top = _top(table)
    lines: tuple[tuple[str, str, str, Any, float], ...] = (
        ("threshold", "token threshold $\\delta$", TOKEN, "--", 1.1),
        ("adjusted", "prefix-adjusted $\\delta - X_{t-1}$", ADJUSTED, (0, (1, 1)), 1.3),
        ("effective", "effective $c_t$", EFFECTIVE, "-", 0.9),
    )
    for name, label, color, line, width in lines:
        if np.isfinite(table[name]).any():
            steps = np.clip(table[name], -0.1 * top, 2 * top)
            ax.step(position, steps, where="mid", color=color, linestyle=line, linewidth=width)
            handles.append(Line2D([], [], color=color, linestyle=line, linewidth=width, label=label))
    _mark(ax, position, reasons, -0.05 * top)
    ax.axhline(0, color="#333333", linewidth=0.6)
    ax.set(xlabel="position t (tokens)", ylabel="weighted divergence $w_t D_t$")
    ax.set_xlim(position[0] - 1, position[-1] + 1)
    ax.set_ylim(-0.1 * top, top)
    return handles


def draw_ledger(table: Table, title: str = "") -> Figure:
    """The ledger of one response, two columns wide."""
    figure, axes = new_figure(WIDE, 2.7)
    handles = ledger_axes(axes[0, 0], table)
    axes[0, 0].set_title(title)
    legend_below(figure, handles, 4)
    return figure


def _top(table: Table) -> float:
    """Height of the picture: above every bar and the token threshold."""
    seen = np.concatenate([table["weighted"], table["threshold"]])
    return 1.1 * max(float(seen[np.isfinite(seen)].max(initial=0.0)), 1e-6)


def _mark(ax: Axes, position: Array, reasons: Array, height: float) -> None:
    """A marker below each masked token says which constraint masks it."""
    for reason, look in REASON_LOOKS.items():
        here = reasons == reason
        if look.marker and here.any():
            marks: dict[str, Any] = {
                "marker": look.marker,
                "color": look.color,
                "linestyle": "",
                "markersize": 3,
            }
            ax.plot(position[here], np.full(here.sum(), height), **marks)


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None
