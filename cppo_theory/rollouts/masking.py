"""What a rule would do with the responses of a file: decisions, ledgers and metrics, one response at a time.

Source: arXiv:2606.10968v2, Section 3 (rules) and Figures 3 and 7 (what is shown of them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec
import numpy as np

from cppo_theory.errors import InputError
from cppo_theory.rollouts.batching import Reading, to_batch
from cppo_theory.rollouts.schema import MASK_SCHEMA, Rollout
from cppo_theory.rules.batch import TokenBatch
from cppo_theory.rules.decision import Decision
from cppo_theory.rules.ledger import Ledger, explain
from cppo_theory.rules.metrics import Metrics, metrics

Array = Any

LEDGER_COLUMNS = (
    "divergence",
    "weight",
    "weighted",
    "cum_divergence",
    "cum_weights",
    "excess",
    "threshold",
    "toward",
)
"""What ``--trace`` writes of a ledger."""


@dataclass(frozen=True, eq=False)
class Masked:
    """What a rule decided on one response; arrays (1, T)."""

    batch: TokenBatch
    decision: Decision
    ledger: Ledger
    metrics: Metrics
    dropped: int

    def line(self, trace: bool = False) -> bytes:
        """The JSON line of schema ``cppo-mask/1``; what is not finite is null in a ledger."""
        document: dict[str, Any] = {
            "schema": MASK_SCHEMA,
            "keep": self.decision.keep[0].tolist(),
            "g": _numbers(self.decision.g[0], "inf"),
            "reason": self.decision.reason[0].tolist(),
        }
        if trace:
            columns = {name: getattr(self.ledger, name)[0] for name in LEDGER_COLUMNS}
            document["ledger"] = {name: _numbers(x, None) for name, x in columns.items()}
        return msgspec.json.encode(document) + b"\n"


def mask_rollouts(
    rollouts: Iterable[tuple[str, Rollout]],
    rule: Callable[..., Any] | str,
    reading: Reading,
    first: int = 1,
    **given: Any,
) -> Iterator[Masked]:
    """Decide on each response in turn.

    Parameters
    ----------
    rollouts : iterable of (place, rollout)
        As `read_rollouts` gives them.
    rule : str or callable
        As `cppo_theory.rules.rule` takes it.
    reading : Reading
        Which divergences are read.
    first : int
        Row of the first response, from 1: the name by which schedules that draw at random know it.
    **given
        Parameters of the rule.

    Raises
    ------
    InputError
        At the first response that cannot be used, or where the rule returns a NaN.
    """
    for number, (place, rollout) in enumerate(rollouts, start=first):
        batch, dropped = to_batch(place, rollout, reading, key=number)
        try:
            with np.errstate(all="ignore"):
                decision, account = explain(rule, batch, **given)
                found = metrics(batch, decision, account)
        except (Exception, SystemExit) as error:  # a user's rule may fail in any way
            kind = "" if isinstance(error, ValueError | TypeError) else f"{type(error).__name__}: "
            raise InputError(
                place, f"the rule failed on this response ({kind}{error})", "see its parameters"
            ) from error
        bad = np.flatnonzero(np.isnan(decision.g[0]))
        if len(bad):
            raise InputError(f"{place}: token {bad[0]}", "the rule returned nan for g", "mend the rule")
        yield Masked(batch, decision, account, found, dropped)


@dataclass(frozen=True)
class Agreement:
    """How two rules decide on the same scored tokens (A != 0): kept by both, by one, by none."""

    both: int = 0
    first_only: int = 0
    second_only: int = 0
    neither: int = 0

    def __add__(self, other: Agreement) -> Agreement:
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        return replace(self, **sums)

    @property
    def tokens(self) -> int:
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def share(self) -> float:
        """Share of the tokens on which they agree; 1 where there is none."""
        return (self.both + self.neither) / self.tokens if self.tokens else 1.0


def agreement(one: Masked, other: Masked) -> Agreement:
    """The agreement of two rules on one response."""
    b = one.batch
    scored = b.mask & (b.spread(b.advantage) != 0)
    x, y = one.decision.rows_keep[scored], other.decision.rows_keep[scored]
    return Agreement(*(int(n.sum()) for n in (x & y, x & ~y, ~x & y, ~x & ~y)))


def _numbers(x: Array, missing: str | None) -> list[Any]:
    """Numbers of a JSON line; infinities as given, since JSON has none."""
    if x.dtype.kind != "f" or np.isfinite(x).all():
        plain: list[Any] = x.tolist()
        return plain
    return [v if np.isfinite(v) else missing if missing is None else f"{v}" for v in x.tolist()]
