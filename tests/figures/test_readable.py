"""Every figure can be read: sizes, fonts, texts apart, legends beside the data, looks that differ."""

from itertools import combinations

import numpy as np
import pytest

from cppo_theory.plots import BOUNDS, METHODS, NARROW, SOURCES, WIDE, legend_below, new_figure, style
from figures.catalogue import NAMES
from tests.figures.artists import faults, texts
from tests.figures.common import picture


@pytest.mark.parametrize("name", NAMES)
def test_figure(name):
    with style():
        assert list(faults(picture(name))) == []
        assert len(texts(picture(name))) > 8
    width, height = picture(name).get_size_inches()
    assert width in (NARROW, WIDE)
    assert height <= 11


@pytest.mark.parametrize("name", NAMES)
def test_every_axis_says_its_unit(name):
    axes = picture(name).axes
    outer = [ax for ax in axes if ax.get_subplotspec() is None or ax.get_subplotspec().is_last_row()]
    assert all(ax.get_xlabel() for ax in outer)
    first = [ax for ax in axes if ax.get_subplotspec() and ax.get_subplotspec().is_first_col()]
    assert all(ax.get_ylabel() for ax in first)


def bad(change):
    """A figure with a fault, and what is found."""
    with style():
        made, axes = new_figure(NARROW, 2.0)
        axes[0, 0].plot([0, 1], [0, 1], label="line")
        change(made, axes[0, 0])
        return list(faults(made))


PLANTED = {
    "small": (lambda f, ax: ax.set_title("x", fontsize=6.9), "'x' has 6.9 pt"),
    "outside": (lambda f, ax: f.text(0.98, 0.5, "far out"), "'far out' leaves the canvas"),
    "overlap": (
        lambda f, ax: [ax.text(0.5, 0.5, "one"), ax.text(0.5, 0.5, "two")],
        "'one' and 'two' overlap",
    ),
    "ticks": (lambda f, ax: ax.set_xticks([0.5, 0.52], ["aaaa", "bbbb"]), "'aaaa' and 'bbbb' overlap"),
    "legend": (lambda f, ax: ax.legend(), "a legend covers the data"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_faults_are_found(name):
    change, message = PLANTED[name]
    assert any(message in fault for fault in bad(change))


def test_a_sound_figure_has_none():
    assert bad(lambda f, ax: legend_below(f, ax, 1)) == []


@pytest.mark.parametrize("looks", [METHODS, SOURCES, BOUNDS], ids=["methods", "sources", "bounds"])
def test_looks_differ_in_colour_marker_and_line(looks):
    for what in ("label", "color", "marker", "line"):
        assert len({str(getattr(look, what)) for look in looks.values()}) == len(looks), what


BLIND = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
"""Linear RGB as seen with protanopia and deuteranopia: Machado, Oliveira and Fernandes (2009), Table 1."""

STEP = 0.05
"""Least distance of two colours in linear RGB, each channel 0..1; markers and lines differ besides."""


@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize("looks", [METHODS, SOURCES, BOUNDS], ids=["methods", "sources", "bounds"])
def test_colours_differ_for_the_colour_blind(kind, looks):
    def seen(color):
        rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return np.array(BLIND[kind]) @ linear

    for one, other in combinations(looks.values(), 2):
        assert np.linalg.norm(seen(one.color) - seen(other.color)) > STEP, (one.label, other.label)
