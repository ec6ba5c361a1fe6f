"""The budget on one response of a real language model."""

from __future__ import annotations

from matplotlib.figure import Figure

from cppo_theory.plots import Table, draw_ledger, ledger_table
from cppo_theory.rollouts import Masked, Reading
from figures.source import Drawn, Source

CAPTION = """The budget is a latch: once it is spent, every later token that moves away is masked.
First tokens of one response of a language model of 135 million parameters (free reasoning, pi 16 steps
from mu): what each spends, w_t D_t (exact TV), the token threshold delta, the prefix-adjusted threshold
delta - X_{t-1}, and the effective one c_t, the smaller of the two; below the axis, what masks a token. A
token that moves towards mu is never masked. Thresholds outside the panel are drawn at its edge. CPPO at
delta = .15, delta_b = .015, w_min = .8 (arXiv:2606.10968v2, Eqs. (8)-(10), Figure 3). Of the file it is
the response with the most of these tokens masked by the token threshold."""

SETTING = {"delta": 0.15, "delta_b": 0.015, "w_min": 0.8}
TOKENS = 60


def data(source: Source) -> Drawn:
    """The columns of `ledger_table`, for the first tokens of the response."""
    responses = list(source.masked("A", "cppo", Reading(source="exact"), **SETTING))
    row = max(range(len(responses)), key=lambda i: (by_token(responses[i]), -i))
    whole = ledger_table(responses[row])
    first = Table({name: values[:TOKENS] for name, values in whole.columns.items()})
    settings = {**SETTING, "row": row + 1, "tokens": len(whole), "source": "exact"}
    return Drawn(first, (source.rollout_file("A"),), settings=settings)


def by_token(masked: Masked) -> int:
    """How many of the first tokens the token threshold masks."""
    return int((masked.ledger.reason[0, :TOKENS] == 1).sum())


def draw(table: Table) -> Figure:
    return draw_ledger(table)
