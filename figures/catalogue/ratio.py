"""Theorem 1's bound over the uniform one, in the plane of budget and floor."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cppo_theory import CLAIMS, Constraints, Instance, PrefixTree, bounds
from cppo_theory.claims import Case, decide, verdict_of
from cppo_theory.plots import NARROW, Table, legend_below, log_ticks, new_figure
from cppo_theory.policy import at_total_variation, random_rational_policy
from figures.source import Drawn, Source

CAPTION = """Where a prefix budget improves the guarantee.
Colour: C_impl / C_uniform = delta_b / (delta w_min), the bound of Theorem 1 at c_t = delta over that of a
uniform threshold (arXiv:2606.10968v2, Corollary 7, Eq. (16)); lines: its exact levels. Left of the line 1
the budget helps. Dots: exact instances (T = 6, V = 2, one TV per position, rational), at their measured
delta_b / delta, coloured by the ratio of the two bounds that the claim cor-7 evaluates on them."""

LEVELS = (Fraction(1, 32), Fraction(1, 8), Fraction(1, 3), Fraction(1), Fraction(3))
HORIZON = 6
LEAST = {"x": 0.02, "w_min": 0.1}


def data(source: Source) -> Drawn:
    """Rows: ``grid`` (the coloured plane), ``level`` (ends of a line), ``instance`` (dots)."""
    size = source.pick(21, 61)
    across, up = np.geomspace(LEAST["x"], 1, size), np.linspace(LEAST["w_min"], 1, size)
    rows = [{"series": "grid", "x": x, "w_min": w, "ratio": bound_ratio(x, w)} for w in up for x in across]
    for level in LEVELS:
        for w in (LEAST["w_min"], 1.0):
            rows.append({"series": "level", "x": float(level) * w, "w_min": w, "ratio": level})
    count = source.pick(12, 60)
    rng = np.random.default_rng(0)
    rows += [instance_row(*random_case(rng)) for _ in range(count)]
    seeds = f"instances: {count}, all from the generator of seed 0"
    return Drawn(Table.of(rows), seeds=seeds, settings={"horizon": HORIZON})


def bound_ratio(x: float, w_min: float) -> float:
    """Eq. (7) over Eq. (15) at delta = 1, delta_b = x, any T and xi: the ratio depends on neither."""
    return float(bounds.eq_7(1, HORIZON, 1.0, x, w_min) / bounds.uniform(1, HORIZON, 1.0))


def random_case(rng: np.random.Generator) -> tuple[Instance, Fraction]:
    """A rational instance whose divergence is uneven in time, and a floor."""
    space = PrefixTree(2, HORIZON)
    mu = [
        (table + 1) / (table + 1).sum(-1, keepdims=True)
        for table in random_rational_policy(space.sizes, 2, rng)
    ]
    loud = rng.integers(1, HORIZON)
    small = Fraction(1, int(10 ** rng.uniform(1.5, 2.5)))
    distance = [Fraction(int(rng.integers(1, 9)), 60) if t >= loud else small for t in range(HORIZON)]
    reward = [Fraction(int(r)) for r in rng.integers(-3, 4, space.sizes[-1])]
    pi = at_total_variation(mu, distance)
    w_min = Fraction(int(rng.integers(10, 101)), 100)
    return Instance(space, np.array([1], dtype=object), mu, pi, np.array(reward, dtype=object)), w_min


def instance_row(instance: Instance, w_min: Fraction) -> dict[str, object]:
    """Measured delta_b / delta, and the ratio of the two bounds on the instance."""
    case = Case(instance, Constraints.schedule(HORIZON, w_min=w_min))
    verdict = verdict_of(decide(CLAIMS["cor-7"], case))
    x = case.delta_b[0] / case.delta[0]
    return {"series": "instance", "x": x, "w_min": w_min, "ratio": verdict.lhs}


def draw(table: Table) -> Figure:
    figure, axes = new_figure(NARROW, 3.2)
    ax = axes[0, 0]
    grid, dots = table.where(series="grid"), table.where(series="instance")
    size = round(len(grid) ** 0.5)
    norm, colors = LogNorm(1 / 32, 32), "PuOr_r"
    plane = (grid[name].reshape(size, size) for name in ("x", "w_min", "ratio"))
    mesh = ax.pcolormesh(*plane, norm=norm, cmap=colors, shading="gouraud", rasterized=True)
    for level in table.where(series="level").distinct("ratio"):
        ends = table.where(series="level", ratio=level)
        w = np.linspace(ends["w_min"][0], ends["w_min"][-1], 50)
        ax.plot(level * w, w, color="#000000", linewidth=1.4 if level == 1 else 0.6)
        x = min(level, 1.0)
        ax.annotate(
            str(Fraction(level).limit_denominator(99)),
            (x, x / level),
            (2, 2) if x < 1 else (2, 0),
            textcoords="offset points",
            ha="center" if x < 1 else "left",
            va="bottom" if x < 1 else "center",
            annotation_clip=False,
        )
    ax.scatter(
        dots["x"],
        dots["w_min"],
        c=dots["ratio"],
        norm=norm,
        cmap=colors,
        s=14,
        ec="#000000",
        lw=0.6,
        clip_on=False,
    )
    ax.set(xscale="log", xlim=(LEAST["x"], 1), ylim=(LEAST["w_min"], 1))
    ax.set(xlabel=r"budget over threshold $\delta_b/\delta$", ylabel=r"floor of the weights $w_{\min}$")
    log_ticks(ax.xaxis)
    ax.grid(False)
    bar = figure.colorbar(mesh, ax=ax, orientation="horizontal", aspect=30, extend="min")
    bar.set_label("bound of Theorem 1 / uniform bound")
    bar.set_ticks([1 / 32, 1 / 8, 1 / 2, 2, 8, 32], labels=["1/32", "1/8", "1/2", "2", "8", "32"])
    bar.minorticks_off()
    line = Line2D([], [], color="#000000", linewidth=0.6, label="exact level")
    dot = Line2D([], [], color="#FFFFFF", marker="o", mec="#000000", linestyle="", label="exact instance")
    legend_below(figure, [dot, line], 2)
    return figure
