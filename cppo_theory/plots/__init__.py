"""Style and parts of figures: sizes, one look per method, and the two pictures of ``cppo-theory plot``.

Importing this package loads matplotlib (never pyplot, which keeps a global state).
"""

from __future__ import annotations

from cppo_theory.plots.instances import draw_instance, instance_table
from cppo_theory.plots.ledgers import draw_ledger, ledger_axes, ledger_table
from cppo_theory.plots.looks import BOUNDS, METHODS, REASON_LOOKS, SOURCES, Look, in_order, method
from cppo_theory.plots.style import (
    NARROW,
    SMALLEST,
    WIDE,
    legend_below,
    log_ticks,
    new_figure,
    pdf,
    png,
    style,
)
from cppo_theory.plots.table import Table

__all__ = [
    "BOUNDS",
    "METHODS",
    "NARROW",
    "REASON_LOOKS",
    "SMALLEST",
    "SOURCES",
    "WIDE",
    "Look",
    "Table",
    "draw_instance",
    "draw_ledger",
    "in_order",
    "instance_table",
    "ledger_axes",
    "ledger_table",
    "legend_below",
    "log_ticks",
    "method",
    "new_figure",
    "pdf",
    "png",
    "style",
]
