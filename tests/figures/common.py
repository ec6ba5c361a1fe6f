"""Every figure in its smallest size, made once per run of the tests."""

import tempfile
from functools import cache
from pathlib import Path

from matplotlib.figure import Figure

from cppo_theory.plots import style
from figures.catalogue import figure
from figures.source import Drawn, Source
from tests.figures.records import written

OF_RECORDS = ("decomposition", "frontier", "main")


@cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory()  # removed when the process ends


@cache
def source() -> Source:
    """The smoke preset on small records."""
    return Source("smoke", results=written(Path(_folder().name)))


@cache
def drawn(name: str) -> Drawn:
    """What a figure shows."""
    return figure(name).data(source())


@cache
def picture(name: str) -> Figure:
    """The figure itself."""
    with style():
        return figure(name).draw(drawn(name).table)
