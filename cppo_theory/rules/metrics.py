"""What users of trainers ask to see of a rule: one function of a decision and its ledger.

Sums over tokens are kept, so that the metrics of many batches add up to those of their union.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..divergence import excess_of_exp
from .batch import TokenBatch
from .decision import BUDGET, CLIP, HOLE, KEPT, SEQUENCE, TOKEN, Decision
from .ledger import Ledger
from .scans import host

Array = Any

BINS = 10
"""Bins of relative position t / T of the histogram of rejections."""

TAIL = 2.0
"""Ratios above this, or below its inverse, count as tails."""


@dataclass(frozen=True)
class Metrics:
    """Counts and sums; the properties are what is shown.  Scored tokens are those with A != 0.

    Parameters
    ----------
    responses, tokens, scored, scored_up : number
        Valid tokens; with A != 0; with A > 0.
    removed, removed_up : float
        Sum of 1 - gate over the scored tokens; over those with A > 0.
    by_token, by_budget, by_sequence, by_clip : number
        Scored tokens that a hard condition dropped, by reason.
    toward, sum_divergence, ... : number
        Counts, sums and largest values behind the properties of these names.
    """

    responses: int = 0
    tokens: int = 0
    scored: int = 0
    scored_up: int = 0
    removed: float = 0.0
    removed_up: float = 0.0
    by_token: int = 0
    by_budget: int = 0
    by_sequence: int = 0
    by_clip: int = 0
    toward: int = 0
    sum_divergence: float = 0.0
    max_divergence: float = 0.0
    sum_weighted: float = 0.0
    max_weighted: float = 0.0
    sum_delta_b: float = 0.0
    responses_valid: int = 0
    sum_first_masked: int = 0
    responses_masked: int = 0
    responses_rejected: int = 0
    ratio_high: int = 0
    ratio_low: int = 0
    ratio_one: int = 0
    max_abs_log_ratio: float = 0.0
    sum_k1: float = 0.0
    sum_k3: float = 0.0
    histogram: tuple[int, ...] = (0,) * BINS

    def __add__(self, other: Metrics) -> Metrics:
        """The metrics of both batches together."""

        def joined(name: str) -> Any:
            x, y = getattr(self, name), getattr(other, name)
            if name == "histogram":
                return tuple(i + j for i, j in zip(x, y, strict=True))
            return max(x, y) if name.startswith("max_") else x + y

        return Metrics(**{f.name: joined(f.name) for f in fields(self)})

    def _per(self, part: float, whole: float) -> float:
        return part / whole if whole else 0.0

    @property
    def masked_fraction(self) -> float:
        """Share of the scored tokens that is removed; 1 - mean gate of a soft rule.

        Negative where gates above 1 (drpo, spo) outweigh the others.
        """
        return self._per(self.removed, self.scored)

    @property
    def masked_fraction_up(self) -> float:
        """The same among tokens with A > 0."""
        return self._per(self.removed_up, self.scored_up)

    @property
    def masked_fraction_down(self) -> float:
        """The same among tokens with A < 0."""
        return self._per(self.removed - self.removed_up, self.scored - self.scored_up)

    @property
    def masked(self) -> int:
        """Scored tokens that a hard condition dropped."""
        return self.by_token + self.by_budget + self.by_sequence + self.by_clip

    @property
    def budget_share(self) -> float:
        """Share of the masked tokens that the prefix budget alone dropped; arXiv:2606.10968v2, Figure 7."""
        return self._per(self.by_budget, self.masked)

    @property
    def toward_share(self) -> float:
        """Share of the scored tokens whose step moves pi towards mu."""
        return self._per(self.toward, self.scored)

    @property
    def mean_divergence(self) -> float:
        return self._per(self.sum_divergence, self.tokens)

    @property
    def mean_weighted(self) -> float:
        return self._per(self.sum_weighted, self.tokens)

    @property
    def delta_b(self) -> float:
        """Mean over the responses (with a valid token) of the budget per token in force; inf without one."""
        return self._per(self.sum_delta_b, self.responses_valid)

    @property
    def first_masked_position(self) -> float:
        """Mean position of the first dropped token, over the responses that have one; nan if none has."""
        return self.sum_first_masked / self.responses_masked if self.responses_masked else float("nan")

    @property
    def sequence_rejection_rate(self) -> float:
        """Share of the responses of which no scored token is left."""
        return self._per(self.responses_rejected, self.responses)

    @property
    def ratio_tails(self) -> tuple[float, float]:
        """Shares of the tokens with p/q above 2 and below 1/2."""
        return self._per(self.ratio_high, self.tokens), self._per(self.ratio_low, self.tokens)

    @property
    def ratios_exactly_one(self) -> float:
        """Share of the tokens with p = q exactly: 1 means that the rule is inert."""
        return self._per(self.ratio_one, self.tokens)

    @property
    def k1(self) -> float:
        """Mean of log(q/p), unbiased for KL(mu || pi) per token, in nats."""
        return self._per(self.sum_k1, self.tokens)

    @property
    def k3(self) -> float:
        """Mean of p/q - 1 - log(p/q), unbiased for the same and never negative."""
        return self._per(self.sum_k3, self.tokens)


def metrics(b: TokenBatch, decision: Decision, account: Ledger) -> Metrics:
    """The metrics of one batch.

    Parameters
    ----------
    b, decision, account
        A batch, what a rule decided on it, and its ledger (`explain` gives both).
    """
    found = response_sums(b, decision, account)
    joined = {name: x.max(initial=0) if name.startswith("max_") else x.sum(0) for name, x in found.items()}
    totals: dict[str, Any] = {name: x.tolist() for name, x in joined.items()}
    totals["histogram"] = tuple(totals["histogram"])
    return Metrics(**totals)


def response_sums(b: TokenBatch, decision: Decision, account: Ledger) -> dict[str, Array]:
    """The counts and sums of `Metrics`, apart for every response: arrays (B,), the histogram (B, BINS)."""
    mask, has_token = host(b.mask), host(b.mask).any(-1)
    rows = {name: _host(b, getattr(account, name)) for name in ("divergence", "weighted", "delta_b")}
    d, z = (np.where(mask, rows[name], 0.0) for name in ("divergence", "weighted"))
    return {
        **decision_sums(b, decision),
        "sum_divergence": d.sum(-1),
        "max_divergence": d.max(-1),
        "sum_weighted": z.sum(-1),
        "max_weighted": z.max(-1),
        "sum_delta_b": np.where(has_token, np.where(mask, rows["delta_b"], -np.inf).max(-1), 0.0),
    }


def decision_sums(b: TokenBatch, decision: Decision) -> dict[str, Array]:
    """Those of `response_sums` that need no ledger."""
    mask, advantage = host(b.mask), host(b.spread(b.advantage))
    log_ratio = np.where(mask, host(b.log_ratio).astype(np.float64), 0.0)
    removed, reason = 1 - host(decision.whole_gate), host(decision.rows_reason)
    scored = mask & (advantage != 0)
    up, dropped = scored & (advantage > 0), scored & (reason != KEPT) & (reason != HOLE)
    has_drop = dropped.any(-1)
    position, length = np.arange(1, mask.shape[1] + 1), host(b.length)
    bins = np.minimum((position - 1) * BINS // np.maximum(length, 1), BINS - 1).astype(np.int8)
    with np.errstate(over="ignore"):
        k3 = excess_of_exp(log_ratio)
    return {
        "responses": np.ones(len(mask), dtype=int),
        "tokens": _count(mask),
        "scored": _count(scored),
        "scored_up": _count(up),
        "removed": np.where(scored, removed, 0.0).sum(-1),
        "removed_up": np.where(up, removed, 0.0).sum(-1),
        "by_token": _count(scored & (reason == TOKEN)),
        "by_budget": _count(scored & (reason == BUDGET)),
        "by_sequence": _count(scored & (reason == SEQUENCE)),
        "by_clip": _count(scored & (reason == CLIP)),
        "toward": _count(scored & host(b.toward)),
        "responses_valid": mask.any(-1).astype(int),
        "sum_first_masked": np.where(has_drop, dropped.argmax(-1) + 1, 0),
        "responses_masked": has_drop.astype(int),
        "responses_rejected": (scored.any(-1) & ~(scored & ~dropped).any(-1)).astype(int),
        "ratio_high": _count(mask & (log_ratio > np.log(TAIL))),
        "ratio_low": _count(mask & (log_ratio < -np.log(TAIL))),
        "ratio_one": _count(mask & (log_ratio == 0)),
        "max_abs_log_ratio": np.abs(log_ratio).max(-1),
        "sum_k1": -log_ratio.sum(-1),
        "sum_k3": k3.sum(-1),
        "histogram": np.stack([_count(dropped & (bins == i)) for i in range(BINS)], axis=-1),
    }


def _count(flags: Array) -> Array:
    """True flags of every row; as a product, which NumPy does several times faster than a sum of flags."""
    return (flags.astype(np.float32) @ np.ones(flags.shape[-1], np.float32)).astype(np.int64)


def _host(b: TokenBatch, x: Array) -> Array:
    """A column of the ledger in the padded form, as a NumPy array."""
    return host(x if tuple(x.shape) == b.shape else b.layout.rows(b.xp, x))
