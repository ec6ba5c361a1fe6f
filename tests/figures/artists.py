"""What is wrong with the texts of a figure: small, over each other, off the canvas, a legend over data."""

from collections.abc import Iterator
from itertools import combinations

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

SMALLEST = 7.0
PIXELS = 1.0
"""By how much boxes may touch: they hold the line's ascent and descent, not its ink."""


def hidden_ticks(axis: Axis) -> set[Text]:
    """Labels of ticks outside the view: matplotlib keeps them, but draws none."""
    low, high = sorted(axis.get_view_interval())
    room = 1e-9 * (high - low)
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    outside = [tick for tick in ticks if not low - room <= tick.get_loc() <= high + room]
    return {label for tick in outside for label in (tick.label1, tick.label2)}


def texts(figure: Figure) -> list[Text]:
    """Every text that is drawn."""
    figure.canvas.draw()
    hidden: set[Text] = set()
    for ax in figure.axes:
        hidden |= hidden_ticks(ax.xaxis) | hidden_ticks(ax.yaxis)
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [text for text in shown if text not in hidden]


def faults(figure: Figure) -> Iterator[str]:
    """One line per fault; call inside `cppo_theory.plots.style`."""
    found = texts(figure)
    canvas = figure.bbox
    boxes = [text.get_window_extent() for text in found]
    for text, box in zip(found, boxes, strict=True):
        if text.get_fontsize() < SMALLEST:
            yield f"{text.get_text()!r} has {text.get_fontsize():g} pt"
        if box.x0 < 0 or box.y0 < 0 or box.x1 > canvas.x1 or box.y1 > canvas.y1:
            yield f"{text.get_text()!r} leaves the canvas"
    for (one, x), (other, y) in combinations(zip(found, boxes, strict=True), 2):
        wide = min(x.x1, y.x1) - max(x.x0, y.x0)
        high = min(x.y1, y.y1) - max(x.y0, y.y0)
        if wide > PIXELS and high > PIXELS:
            yield f"{one.get_text()!r} and {other.get_text()!r} overlap"
    for legend in figure.findobj(Legend):
        for ax in figure.axes:
            if legend.get_window_extent().overlaps(ax.get_window_extent()):
                yield f"a legend covers the data of {ax.get_title()!r}"
