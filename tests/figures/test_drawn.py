"""What is in the picture is what is in the CSV: the colour of a method belongs to its numbers."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba

from cppo_theory.plots import BOUNDS, METHODS, REASON_LOOKS, SOURCES
from tests.figures.common import drawn, picture
from tests.figures.records import CONDITIONS, RULES, middle, record

DATA_WIDTH = 0.4
"""Thinner lines are single seeds."""


def lines(ax, color):
    """The thick lines of a colour, as (x, y)."""
    found = [k for k in ax.lines if to_hex(k.get_color()) == color.lower() and k.get_linewidth() > DATA_WIDTH]
    return [(np.asarray(k.get_xdata()), np.asarray(k.get_ydata())) for k in found if len(k.get_xdata()) > 1]


def of_panel(made, title, row):
    """The axes in a column of this title, in a row."""
    tops = [ax for ax in made.axes if ax.get_title() == title]
    place = tops[0].get_subplotspec().colspan.start
    column = [ax for ax in made.axes if ax.get_subplotspec().colspan.start == place]
    return column[row]


PANELS = {"pg-is": "no mask", "grpo": "token masks", "dppo": "token masks", "cppo": "CPPO hard"}
PANELS |= {"cppo-soft-half": "CPPO soft", "my_rules:mine": "others"}


@pytest.mark.parametrize("rule", RULES)
def test_main_draws_each_rule_in_its_colour(rule):
    made = picture("main")
    color = METHODS[rule].color if rule in METHODS else "#777777"
    for row, condition in enumerate(CONDITIONS):
        x = record(condition, rule).arrays
        expected = [middle(column) for column in np.column_stack([x["value_mu"][:, 0], x["value"]]).T]
        drawn_curves = lines(of_panel(made, PANELS[rule], row), color)
        assert any(len(y) == len(expected) and np.allclose(y, expected) for _, y in drawn_curves)
    handles, labels = made.legends[0].legend_handles, [t.get_text() for t in made.legends[0].get_texts()]
    label = METHODS[rule].label if rule in METHODS else rule
    assert to_hex(handles[labels.index(label)].get_color()) == color.lower()


def test_main_shows_every_seed():
    made = picture("main")
    thin = [k for k in of_panel(made, "token masks", 0).lines if k.get_linewidth() < DATA_WIDTH]
    assert len(thin) == 2 * 4  # GRPO and DPPO, four seeds each


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule in METHODS and rule != "pg-is"])
def test_frontier_draws_each_ray_in_its_colour_and_rings_the_papers_point(rule):
    made = picture("frontier")
    for i, condition in enumerate(CONDITIONS):
        kept = record(condition, rule)
        height = [middle(column) for column in kept.arrays["area"].T]
        for j, name in enumerate(("masked", "residual")):
            ax = made.axes[2 * i + j]
            across = kept.arrays[name].mean(0)
            assert any(
                np.allclose(x, across) and np.allclose(y, height) for x, y in lines(ax, METHODS[rule].color)
            )
            rings = [
                k
                for k in ax.lines
                if k.get_markersize() == 7 and to_hex(k.get_color()) == METHODS[rule].color.lower()
            ]
            points = [(x, y) for k in rings for x, y in zip(k.get_xdata(), k.get_ydata(), strict=True)]
            paper = kept.config["paper"]
            assert np.allclose(points, [] if paper is None else [(across[paper], height[paper])])


@pytest.mark.parametrize("term", ["gain", "surrogate", "delta"])
def test_decomposition_draws_each_term_in_its_colour(term):
    made, color = (
        picture("decomposition"),
        {"gain": "#000000", "surrogate": "#0072b2", "delta": "#d55e00"}[term],
    )
    table = drawn("decomposition").table
    for row, condition in enumerate(CONDITIONS):
        for rule in ("pg-is", "dppo", "cppo"):
            values = table.where(condition=condition, rule=rule, term=term)["value"]
            curves = lines(of_panel(made, METHODS[rule].label, row), color)
            assert any(len(y) == len(values) and np.allclose(y, values) for _, y in curves)


@pytest.mark.parametrize("name", ["uniform", "thm-1", "b9-closed", "b9-product", "exact"])
def test_horizon_draws_each_bound_in_its_colour(name):
    line = drawn("horizon").table.where(series=name)
    (x, y), *others = lines(picture("horizon").axes[0], BOUNDS[name].color)
    assert not others
    assert np.array_equal(x, line["horizon"])
    assert np.array_equal(y, line["value"])


@pytest.mark.parametrize("name", ["union", "b9-product", "coupling", "exact"])
def test_suffix_tv_draws_each_series_in_its_colour(name):
    line = drawn("suffix-tv").table.where(series=name)
    (x, y), *others = lines(picture("suffix-tv").axes[0], BOUNDS[name].color)
    assert not others
    assert np.array_equal((x, y), (line["position"], line["value"]))


@pytest.mark.parametrize("name", SOURCES)
def test_profile_draws_each_source_in_its_colour(name):
    made = picture("profile")
    for ax, letter in zip(made.axes, "ABC", strict=True):
        line = drawn("profile").table.where(file=letter, source=name)
        (_, mean), (_, top) = lines(ax, SOURCES[name].color)
        assert np.array_equal(mean, line["mean"])
        assert np.array_equal(top, line["top"])


def test_ledger_bars_have_the_height_of_what_is_spent_and_the_colour_of_the_reason():
    table, ax = drawn("ledger").table, picture("ledger").axes[0]
    bars = {round(bar.get_x() + bar.get_width() / 2): bar for bar in ax.patches}
    assert len(bars) == len(table)
    for position, spent, reason in zip(
        table["position"], table["weighted"], table.words("reason"), strict=True
    ):
        assert bars[position].get_height() == spent
        assert bars[position].get_facecolor() == to_rgba(REASON_LOOKS[reason].color)
    steps = {to_hex(k.get_color()): k for k in ax.lines if len(k.get_xdata()) == 3 * len(table)}
    assert np.array_equal(steps["#0072b2"].get_ydata()[::3], table["threshold"])
    bottom, top = ax.get_ylim()
    for color, name in (("#009e73", "adjusted"), ("#000000", "effective")):
        drawn_steps = np.reshape(steps[color].get_ydata(), (-1, 3))
        assert np.array_equal(drawn_steps, np.repeat(drawn_steps[:, :1], 3, axis=1))
        assert np.array_equal(drawn_steps[:, 0], np.clip(table[name], bottom, top))
        assert ((table[name] > bottom) & (table[name] < top)).sum() > 5
        assert np.array_equal(np.reshape(steps[color].get_xdata(), (-1, 3))[:, 0], table["position"] - 0.5)
    marks = {k.get_marker(): k for k in ax.lines if k.get_marker() not in ("None", None, "")}
    for reason, look in REASON_LOOKS.items():
        here = [p for p, r in zip(table["position"], table.words("reason"), strict=True) if r == reason]
        assert not look.marker or not here or list(marks[look.marker].get_xdata()) == here


def test_ratio_dots_have_the_colour_of_their_number():
    table, made = drawn("ratio").table, picture("ratio")
    dots = table.where(series="instance")
    scatter = made.axes[0].collections[-1]
    assert np.array_equal(scatter.get_offsets(), np.column_stack([dots["x"], dots["w_min"]]))
    assert np.array_equal(scatter.get_array(), dots["ratio"])
    mesh = made.axes[0].collections[0]
    ratios = table.where(series="grid")["ratio"]
    assert np.array_equal(np.ravel(mesh.get_array()), ratios)
    low, high = mesh.get_clim()
    assert mesh.colorbar.extend == "min"
    assert ratios.min() < low
    assert ratios.max() <= high
