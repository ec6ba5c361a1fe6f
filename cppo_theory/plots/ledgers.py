"""The ledger of one response as a picture: what each token spends, what it may, and what masks it.

Source: arXiv:2606.10968v2, Figure 3.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cppo_theory.arithmetic import Array
from cppo_theory.plots.looks import REASON_LOOKS
from cppo_theory.plots.style import NOTHING, WIDE, legend_below, new_figure, position_ticks
from cppo_theory.plots.table import Table
from cppo_theory.rollouts import Masked
from cppo_theory.rules.decision import KEPT, REASON_NAMES

EFFECTIVE, TOKEN, ADJUSTED = "#000000", "#0072B2", "#009E73"

UNITS = {"tv": " (TV)", "kl": " (KL, nats)", None: ""}
"""What stands behind w_t D_t, by what is measured."""


def ledger_table(masked: Masked) -> Table:
    """One row per valid token of the response.

    Columns: position t; divergence D_t; weight w_t; weighted w_t D_t; threshold delta; adjusted
    delta - X_{t-1}; effective c_t, the smaller of the two; reason, a key of `REASON_LOOKS`: a token that is
    kept is shrunk where the gate of the rule is below 1.

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
        reason = REASON_NAMES[number]
        if number == KEPT:
            is_shrunk = masked.decision.whole_gate[0, t] < 1
            reason = "shrunk" if is_shrunk else "toward" if account.toward[0, t] else reason
        rows.append(
            {
                "position": int(t) + 1,
                "divergence": account.divergence[0, t],
                "weight": account.weight[0, t],
                "weighted": account.weighted[0, t],
                "threshold": _finite(delta),
                "adjusted": _finite(delta - before),
                "effective": _finite(float(account.threshold[0, t])),
                "reason": reason,
            }
        )
        before = float(account.excess[0, t])
    return Table.of(rows)


def ledger_axes(ax: Axes, table: Table, measure: Literal["tv", "kl"] | None = "tv") -> list[Any]:
    """Draw a ledger; the handles of its legend.  A threshold outside the panel lies at its edge."""
    position, top = table["position"], _top(table)
    spent = np.minimum(table["weighted"], 2 * top)  # an infinite KL leaves the panel
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
    lines: tuple[tuple[str, str, str, Any, float], ...] = (
        ("threshold", "token threshold $\\delta$", TOKEN, "--", 1.1),
        ("adjusted", "prefix-adjusted $\\delta - X_{t-1}$", ADJUSTED, (0, (1, 1)), 1.3),
        ("effective", "effective $c_t$", EFFECTIVE, "-", 0.9),
    )
    for name, label, color, line, width in lines:
        if np.isfinite(table[name]).any():
            heights = np.clip(table[name], -0.1 * top, top)
            ax.plot(*_steps(position, heights), color=color, linestyle=line, linewidth=width)
            handles.append(Line2D([], [], color=color, linestyle=line, linewidth=width, label=label))
    _mark(ax, position, reasons, -0.05 * top)
    ax.axhline(0, color="#333333", linewidth=0.6)
    ax.set(xlabel="position t (tokens)", ylabel=f"weighted divergence $w_t D_t${UNITS[measure]}")
    ax.set_xlim(position[0] - 1, position[-1] + 1)
    position_ticks(ax.xaxis, 9)
    ax.set_ylim(-0.1 * top, top)
    return handles


def draw_ledger(table: Table, title: str = "", measure: Literal["tv", "kl"] | None = "tv") -> Figure:
    """The ledger of one response, two columns wide."""
    figure, axes = new_figure(WIDE, 2.7)
    handles = ledger_axes(axes[0, 0], table, measure)
    axes[0, 0].set_title(title)
    legend_below(figure, handles, 4)
    return figure


def _top(table: Table) -> float:
    """Height of the picture: above every bar and the token threshold; 1 where all are 0 up to rounding."""
    seen = np.concatenate([table["weighted"], table["threshold"]])
    largest = float(seen[np.isfinite(seen)].max(initial=0.0))
    return 1.1 * largest if largest > NOTHING else 1.0


def _steps(position: Array, heights: Array) -> tuple[Array, Array]:
    """A line over the whole width of every token, with a break where tokens are missing between two."""
    x = np.stack([position - 0.5, position + 0.5, position + 0.5], axis=-1)
    y = np.stack([heights] * 3, axis=-1)
    y[np.append(np.diff(position) > 1, False), 2] = np.nan
    return x.ravel(), y.ravel()


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
