"""Where the divergence of a token comes from: the sampled token, Top-K tables, or whole distributions.

Each source gives TV, KL(mu || pi) and KL(pi || mu) per token, computed from log-probabilities in
the widest floats there are.  Binary and Top-K are partitions, hence lower bounds of the exact values.

Source: arXiv:2606.10968v2, Section 3 (Binary-TV, Top-K reduced TV with K = 20, exact).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from .. import divergence

Array = Any


class Source(Protocol):
    """What a batch asks of its source; ``b`` is the batch that holds it."""

    @property
    def name(self) -> str:
        """binary, topk or exact."""
        ...

    def map(self, change: Callable[[Array], Array]) -> Source:
        """The same source with every array of token shape changed (laid out, or cut into blocks)."""
        ...

    def columns(self) -> list[tuple[str, Array, str]]:
        """Name, values and kind (logp, tv, kl) of what it holds, for the checks."""
        ...

    def total_variation(self, b: Any) -> Array: ...

    def kl_mu_pi(self, b: Any) -> Array: ...

    def kl_pi_mu(self, b: Any) -> Array: ...


@dataclass(frozen=True, eq=False)
class Binary:
    """The partition {sampled token, all others}: needs the log-probabilities of the batch only."""

    name = "binary"

    def map(self, change: Callable[[Array], Array]) -> Binary:
        return self

    def columns(self) -> list[tuple[str, Array, str]]:
        return []

    def total_variation(self, b: Any) -> Array:
        return b.xp.abs(b.prob - b.prob_rollout)

    def kl_mu_pi(self, b: Any) -> Array:
        return divergence.binary_kl(b.widened("logp_rollout"), b.widened("logp_current"))

    def kl_pi_mu(self, b: Any) -> Array:
        return divergence.binary_kl(b.widened("logp_current"), b.widened("logp_rollout"))


@dataclass(frozen=True, eq=False)
class TopK:
    """The partition {K likeliest tokens of mu, the sampled token, all others}.

    Parameters
    ----------
    rollout, current : array, shape of the tokens + (K,)
        Log-probabilities of the same K tokens under mu and pi.
    listed : bool array, shape of the tokens, optional
        Whether the sampled token is among the K (then it is not counted again); default: everywhere.
    """

    rollout: Array
    current: Array
    listed: Array | None = None

    name = "topk"

    @classmethod
    def of(cls, ids: Array, rollout: Array, current: Array, token_ids: Array | None = None) -> TopK:
        """From the token ids of the table (..., K) and those of the sampled tokens (...)."""
        xp = divergence.namespace(ids)
        listed = None if token_ids is None else xp.any(ids == token_ids[..., None], axis=-1)
        return cls(rollout, current, listed)

    def map(self, change: Callable[[Array], Array]) -> TopK:
        listed = None if self.listed is None else change(self.listed)
        return TopK(change(self.rollout), change(self.current), listed)

    def columns(self) -> list[tuple[str, Array, str]]:
        return [("topk.rollout", self.rollout, "logp"), ("topk.current", self.current, "logp")]

    def total_variation(self, b: Any) -> Array:
        return divergence.reduced_tv(*self._tables(b))

    def kl_mu_pi(self, b: Any) -> Array:
        return divergence.reduced_kl(*self._tables(b))

    def kl_pi_mu(self, b: Any) -> Array:
        return divergence.reduced_kl(*self._tables(b)[::-1])

    def _tables(self, b: Any) -> tuple[Array, Array]:
        """Log-probabilities (B, T, K + 1) of the listed tokens and the sampled one, each once."""
        xp, tables = b.xp, []
        for table, sampled in ((self.rollout, "logp_rollout"), (self.current, "logp_current")):
            wide = b.cleaned(xp.astype(table, b.wide, copy=False))
            if self.listed is not None:
                own = xp.where(self.listed, -xp.inf, b.widened(sampled))
                wide = xp.concat([wide, own[..., None]], axis=-1)
            tables.append(wide)
        return tables[0], tables[1]


@dataclass(frozen=True, eq=False)
class Full:
    """Whole distributions: log-probabilities over the vocabulary, shape of the tokens + (V,)."""

    rollout: Array
    current: Array

    name = "exact"

    def map(self, change: Callable[[Array], Array]) -> Full:
        return Full(change(self.rollout), change(self.current))

    def columns(self) -> list[tuple[str, Array, str]]:
        return [("full.rollout", self.rollout, "logp"), ("full.current", self.current, "logp")]

    def total_variation(self, b: Any) -> Array:
        return divergence.table_tv(*self._tables(b))

    def kl_mu_pi(self, b: Any) -> Array:
        return divergence.table_kl(*self._tables(b))

    def kl_pi_mu(self, b: Any) -> Array:
        return divergence.table_kl(*self._tables(b)[::-1])

    def _tables(self, b: Any) -> tuple[Array, Array]:
        rollout, current = (
            b.cleaned(b.xp.astype(x, b.wide, copy=False)) for x in (self.rollout, self.current)
        )
        return rollout, current


@dataclass(frozen=True, eq=False)
class PerMeasure:
    """One source for total variations, another for KL divergences."""

    of_tv: Source
    of_kl: Source

    @property
    def name(self) -> str:
        """The name of the source of KL divergences, which TRM asks for."""
        return self.of_kl.name

    def map(self, change: Callable[[Array], Array]) -> PerMeasure:
        return PerMeasure(self.of_tv.map(change), self.of_kl.map(change))

    def columns(self) -> list[tuple[str, Array, str]]:
        return [*self.of_tv.columns(), *self.of_kl.columns()]

    def total_variation(self, b: Any) -> Array:
        return self.of_tv.total_variation(b)

    def kl_mu_pi(self, b: Any) -> Array:
        return self.of_kl.kl_mu_pi(b)

    def kl_pi_mu(self, b: Any) -> Array:
        return self.of_kl.kl_pi_mu(b)


@dataclass(frozen=True, eq=False)
class Measured:
    """Divergences measured elsewhere over the whole vocabulary, shape of the tokens; None: not measured."""

    tv: Array | None = None
    kl: Array | None = None
    kl_reverse: Array | None = None

    name = "exact"

    def map(self, change: Callable[[Array], Array]) -> Measured:
        values = (self.tv, self.kl, self.kl_reverse)
        return Measured(*(None if x is None else change(x) for x in values))

    def columns(self) -> list[tuple[str, Array, str]]:
        given = (
            ("exact.tv", self.tv, "tv"),
            ("exact.kl_mu_pi", self.kl, "kl"),
            ("exact.kl_pi_mu", self.kl_reverse, "kl"),
        )
        return [(name, x, kind) for name, x, kind in given if x is not None]

    def total_variation(self, b: Any) -> Array:
        return self._given(b, self.tv, "tv")

    def kl_mu_pi(self, b: Any) -> Array:
        return self._given(b, self.kl, "kl")

    def kl_pi_mu(self, b: Any) -> Array:
        return self._given(b, self.kl_reverse, "kl_reverse")

    def _given(self, b: Any, values: Array | None, name: str) -> Array:
        if values is None:
            raise ValueError(
                f"{name}: this source holds no such divergence; measure it, or choose another one"
            )
        return b.cleaned(b.xp.astype(values, b.wide, copy=False))
