"""How far the suffixes drift apart after a fork: exact, bounds, and sampled."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cppo_theory import Instance, PrefixTree, bounds, evaluate
from cppo_theory.coupling import sample_coupling
from cppo_theory.plots import BOUNDS, NARROW, Table, legend_below, new_figure
from cppo_theory.policy import mixture, random_policy
from figures.source import Drawn, Source
from simulations.statistics import wilson

CAPTION = """The product form of Lemma 3 cannot exceed 1, the union bound can; the coupling is closer.
Total variation of the suffixes y_{t+1..T} of mu and pi from the state after t tokens at which it is
largest; the probability that suffixes of the stepwise maximal coupling differ there, exact (line) and
sampled (dots, 95% Wilson interval); and the two bounds of arXiv:2606.10968v2, Lemma 3, Eq. (13), with l_j
the largest TV at position j; after the last fork all are equal. Prefix tree with V = 2, Gaussian logits, pi =
.75 mu + .25 another such policy."""

LABELS = {
    "union": r"union bound $\sum \ell_j$",
    "b9-product": r"product form $1-\prod(1-\ell_j)$",
    "coupling": "coupling differs, exact",
    "sampled": "coupling differs, sampled",
    "exact": "exact suffix TV",
}


def instance(horizon: int) -> Instance:
    """The tree that is drawn."""
    rng = np.random.default_rng(3)
    space = PrefixTree(2, horizon)
    mu, other = (random_policy(space.sizes, 2, rng) for _ in range(2))
    return Instance(space, np.ones(1), mu, mixture(mu, other, 0.25))


def data(source: Source) -> Drawn:
    """Rows: series, position t (tokens before the fork), state, value, and low, high of what is sampled."""
    horizon, pairs = source.pick(6, 10), source.pick(300, 1000)
    tree = instance(horizon)
    values = evaluate(tree, ["suffix_tv", "overlap"])
    union, product = bounds.suffix_union(values.ell), bounds.suffix_product(values.ell)
    rows = []
    for t in range(1, horizon):
        state = int(values.suffix_tv[t].argmax())
        place = {"position": t, "state": state}
        exact = {
            "union": union[t - 1],
            "b9-product": product[t - 1],
            "coupling": 1 - values.overlap[t][state],
            "exact": values.suffix_tv[t][state],
        }
        rows += [{"series": name, **place, "value": value} for name, value in exact.items()]
        drawn = sample_coupling(tree, t, state, pairs, np.random.default_rng(t))
        found = wilson(drawn.differ, pairs)
        sampled = {"value": found.estimate, "low": found.low, "high": found.high}
        rows.append({"series": "sampled", **place, **sampled})
    return Drawn(
        Table.of(rows),
        seeds=f"policies: 3; coupling: t = 1..{horizon - 1}, one generator per position, {pairs} pairs each",
        interval="95% Wilson interval of the share of pairs that differ",
        settings={"horizon": horizon, "actions": 2, "pairs": pairs},
    )


def draw(table: Table) -> Figure:
    figure, axes = new_figure(NARROW, 2.9)
    ax = axes[0, 0]
    for name in ("union", "b9-product", "coupling", "exact"):
        line = table.where(series=name)
        ax.plot(
            line["position"],
            line["value"],
            **BOUNDS[name].as_line(name != "coupling") | {"label": LABELS[name]},
        )
    dots = table.where(series="sampled")
    spread = np.maximum([dots["value"] - dots["low"], dots["high"] - dots["value"]], 0)
    look = {"color": "#7A3B69", "marker": "o", "markerfacecolor": "#FFFFFF", "capsize": 2, "elinewidth": 0.8}
    ax.errorbar(dots["position"], dots["value"], spread, linestyle="", label=LABELS["sampled"], **look)
    ax.set(xlabel="fork after token t", ylabel="total variation, probability", ylim=(0, None))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_below(figure, ax, 1)
    return figure
