"""Sizes, fonts and files of figures: the same input gives the same bytes, whatever the user's settings."""

from __future__ import annotations

import io
import itertools
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

NARROW, WIDE = 3.25, 6.75
"""Widths in inches: one column, and two."""

SMALLEST = 7.0
"""Smallest font in points; figures are printed at their size."""

NOTHING = 1e-12
"""A divergence up to which two policies are equal but for rounding."""

DOTS_PER_INCH = 200

LETTER = 0.065
"""Width of a digit of the smallest font, in inches."""

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


def log_ticks(axis: Axis, inches: float = 2.4) -> None:
    """Ticks of a logarithmic axis of this length that do not overlap: the most of them that have room."""
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    by_decades = {0.8: (1, 1.5, 2, 3, 4, 6, 8), 2: (1, 2, 5), 3: (1, 3)}
    first = next((i for i, most in enumerate(by_decades) if decades < most), len(by_decades))
    places = [_multiples(low, high, steps) for steps in list(by_decades.values())[first:]]
    places += [_multiples(low, high, (1,), every) for every in range(1, 100)]
    if first == 0:
        places += [_inside(MaxNLocator(nbins=n).tick_values(low, high), low, high) for n in (4, 3, 2)]
    chosen = next((x for x in places if len(x) > 1 and _fit(x, inches / decades)), places[0][:1])
    axis.set_major_locator(FixedLocator(chosen))
    axis.set_major_formatter(FuncFormatter(lambda x, _: short(x)))
    axis.set_minor_formatter(NullFormatter())


def position_ticks(axis: Axis, most: int) -> None:
    """Ticks of an axis of positions: whole numbers, one at least."""
    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def short(x: float) -> str:
    """A number in few characters: 0.01, 1e-5, 20000."""
    plain = f"{x:.6g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    return plain if len(plain) < 6 or not (power := _power(x)) else power


def _power(x: float) -> str:
    """A number such as 1e-4 or 2e5 with one digit before the exponent; empty for others."""
    digit, _, exponent = f"{x:.5e}".partition("e")
    return f"{float(digit):g}e{int(exponent)}" if float(digit).is_integer() else ""


def _multiples(low: float, high: float, steps: Sequence[float], every: int = 1) -> list[float]:
    """Multiples of the powers of ten, or of every so many of these, between two numbers."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = (step * 10.0**k for k in exponents if k % every == 0 for step in steps)
    return _inside(found, low, high)


def _inside(places: Iterable[float], low: float, high: float) -> list[float]:
    return [float(x) for x in places if low <= x <= high]


def _fit(places: Sequence[float], inches: float) -> bool:
    """Whether labels at these places do not touch; inches per decade."""
    labels = [short(x) for x in places]
    widths = [(len(one) + len(other)) / 2 + 1.5 for one, other in itertools.pairwise(labels)]
    apart = inches * np.diff(np.log10(places))
    return len(set(labels)) == len(labels) and bool((apart > LETTER * np.array(widths)).all())


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
