"""Bounds and the exact residual against the horizon."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cppo_theory import Instance, bounds, evaluate
from cppo_theory.plots import BOUNDS, NARROW, Table, legend_below, new_figure
from cppo_theory.policy import at_total_variation
from cppo_theory.policy_specs import policies
from cppo_theory.tasks import task
from figures.source import Drawn, Source

CAPTION = """The bounds grow with the horizon, the residual of a fixed task need not.
Bounds on |Delta| and its exact value on an automaton of 16 states (random-automaton, stationary, 4
accepting states, xi = 1), T = 2..16,384 (to 256 in the preset smoke). mu has Gaussian logits, pi moves D_t
= delta_b = .015 of its mass to one action at every state, so that Eq. (5) holds at delta = .15, delta_b =
.015, w = 1. Uniform (Corollary 6), Theorem 1 and B.9 (closed form) at these numbers; B.9 measured uses the
instance's u_t and l_t. Shaded: C >= L' + xi + J(mu), where a bound is vacuous."""

DELTA, DELTA_B = 0.15, 0.015
SERIES = {
    "uniform": "uniform",
    "thm-1": "Theorem 1",
    "b9-closed": "B.9",
    "b9-product": "B.9, measured",
    "exact": r"exact $|\Delta|$",
}


def instance(horizon: int) -> Instance:
    """The automaton at one horizon; D = delta_b at every state."""
    machine = task("random-automaton", horizon=horizon, stationary=True, accepting=4)
    mu = policies("softmax:1", machine.space)[0][0]
    return machine.instance(mu, at_total_variation([mu], [DELTA_B])[0])


def values_at(horizon: int) -> dict[str, float]:
    """Every curve at one horizon."""
    found = evaluate(instance(horizon))
    xi = found.reward_bound
    return {
        "uniform": bounds.uniform(xi, horizon, DELTA),
        "thm-1": bounds.thm_1(xi, horizon, DELTA, DELTA_B),
        "b9-closed": bounds.b9_closed(xi, horizon, DELTA, DELTA_B),
        "b9-product": bounds.b9_product(xi, found.expected_tv, found.ell),
        "exact": abs(found.residual),
        "vacuous": found.surrogate + xi + found.value_mu,
    }


def data(source: Source) -> Drawn:
    """Rows: series, horizon T, value in units of reward; ``vacuous``: from which value on a bound is."""
    largest = source.pick(8, 14)
    rows = [
        {"series": name, "horizon": 2**k, "value": value}
        for k in range(1, largest + 1)
        for name, value in values_at(2**k).items()
    ]
    settings = {"delta": DELTA, "delta_b": DELTA_B}
    return Drawn(Table.of(rows), seeds="task: 0; mu: 1; the values are exact", settings=settings)


def draw(table: Table) -> Figure:
    figure, axes = new_figure(NARROW, 3.0)
    ax = axes[0, 0]
    limit = table.where(series="vacuous")
    top = 4 * table["value"].max()
    ax.fill_between(limit["horizon"], limit["value"], top, color="#EEEEEE", linewidth=0)
    for name, label in SERIES.items():
        line = table.where(series=name)
        ax.plot(line["horizon"], line["value"], **BOUNDS[name].as_line() | {"label": label})
    ax.set_xscale("log", base=2)
    ax.set(yscale="log", ylim=(None, top), xlim=(2, limit["horizon"][-1]))
    ax.set(xlabel="horizon T (tokens)", ylabel=r"$|\Delta|$ and bounds (reward)")
    shade = Patch(color="#EEEEEE", label="vacuous")
    legend_below(figure, [*ax.get_legend_handles_labels()[0], shade], 2)
    return figure
