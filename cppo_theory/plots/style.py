"""Sizes, fonts and files of figures: the same input gives the same bytes, whatever the user's settings."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

NARROW, WIDE = 3.25, 6.75
"""Widths in inches: one column, and two."""

SMALLEST = 7.0
"""Smallest font in points; figures are printed at their size."""

DOTS_PER_INCH = 200

_SETTINGS: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": SMALLEST,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": SMALLEST,
    "ytick.labelsize": SMALLEST,
    "legend.fontsize": SMALLEST,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.2,
    "figure.dpi": DOTS_PER_INCH,
    "savefig.dpi": DOTS_PER_INCH,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "#DDDDDD",
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,
    "mathtext.fontset": "dejavusans",
}


@contextmanager
def style() -> Iterator[None]:
    """The settings of every figure; draw and save inside."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, **shared: Any
) -> tuple[Figure, np.ndarray]:
    """A figure of a size in inches, and its axes (rows, columns); all fits itself to the canvas.

    Parameters
    ----------
    width, height : float
        Inches; the width is `NARROW` or `WIDE`.
    rows, columns : int
    **shared
        As `Figure.subplots` takes them, for example ``sharey="row"``.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **shared)
    for axis in axes.flat:
        axis.grid(True)
    return figure, axes


def legend_below(figure: Figure, source: Axes | Sequence[Any], columns: int) -> Legend:
    """One legend below all axes, of a figure's axes or of handles; each label once."""
    handles = source.get_legend_handles_labels()[0] if isinstance(source, Axes) else source
    once = {handle.get_label(): handle for handle in handles}
    return figure.legend(handles=list(once.values()), loc="outside lower center", ncols=columns)


def log_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis that do not overlap: 1, 2, 5 over two decades, else powers of ten."""
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    by_decades = {0.8: (1, 1.5, 2, 3, 4, 6, 8), 2: (1, 2, 5), 3: (1, 3)}
    subs = next((steps for most, steps in by_decades.items() if decades < most), (1,))
    axis.set_major_locator(LogLocator(subs=subs, numticks=7))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def png(figure: Figure) -> bytes:
    """The picture as PNG, without dates and versions."""
    return _saved(figure, "png", {"Software": None})


def pdf(figure: Figure) -> bytes:
    """The picture as PDF, without dates and versions."""
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it remarks on the dates in the fonts
    return _saved(figure, "pdf", {"CreationDate": None, "Producer": None, "Creator": None})


def _saved(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()
