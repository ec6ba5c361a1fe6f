"""Sampled tokens: what is given of each, and what follows from it token by token.

Every value has the shape of the tokens, (B, T), or broadcasts to it, in any library of the array API.

Source: arXiv:2606.10968v2, Sections 1 and 3.  p = pi(y_t|s_t), q = mu(y_t|s_t), o = pi_old(y_t|s_t).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import divergence
from . import scans, validation
from .layout import Packed, Padded
from .sources import Binary, Source

Array = Any


def derived(compute: Callable[[Any], Array]) -> property:
    """A property that is computed once per batch."""
    name = compute.__name__

    def get(self: Any) -> Array:
        if name not in self._memo:
            self._memo[name] = sealed(compute(self))
        return self._memo[name]

    return property(get, doc=compute.__doc__)


def sealed(x: Array) -> Array:
    """A NumPy array as one that cannot be written to, so that no rule changes what others read."""
    if isinstance(x, np.ndarray):
        x = x.view()
        x.flags.writeable = False
    return x


class Tokens:
    """Sampled tokens of several responses with their log-probabilities and advantages; see `TokenBatch`."""

    def __init__(  # noqa: PLR0913 - one argument per column of the data
        self,
        logp_rollout: Array,
        logp_current: Array,
        advantage: Array,
        mask: Array | None = None,
        logp_anchor: Array | None = None,
        *,
        source: Source | None = None,
        lengths: Sequence[int] | None = None,
        key: Array | None = None,
        clamp: float | None = None,
        holes: bool = True,
    ) -> None:
        columns = {"logp_rollout": logp_rollout, "logp_current": logp_current}
        columns |= {} if logp_anchor is None else {"logp_anchor": logp_anchor}
        xp = divergence.namespace(logp_rollout)
        counts = validation.check_shapes(columns, advantage, mask, lengths)
        self.xp, self.clamp = xp, clamp
        self._memo: dict[str, Array] = {}
        self.layout = Padded() if counts is None else Packed.of(xp, counts, logp_rollout)
        self.wide, self.whole = scans.widest(xp, logp_rollout)
        self.has_anchor = logp_anchor is not None
        self.holes, self._is_clean, self.given_mask = holes and mask is not None, mask is None, mask
        self.full = mask is None and counts is None
        rows = self._rows
        self._data = {name: rows(x) for name, x in columns.items()}
        shape = self._data["logp_rollout"].shape
        self.shape = (int(shape[0]), int(shape[1]))
        self.mask = sealed(self._whole_mask(mask))
        self._data["advantage"] = self._per_response(advantage, rows)
        self.source: Source = Binary() if source is None else source.map(rows)
        self._key = None if key is None else validation.check_key(xp, key, self.shape[0])

    # --- forms ------------------------------------------------------------------------------------------

    def _rows(self, x: Array) -> Array:
        return self.layout.rows(self.xp, x)

    def tokens(self, x: Array) -> Array:
        """A (B, T) array in the form of the batch: (B, T) padded, (N,) packed."""
        return self.layout.tokens(self.xp, self.spread(x))

    def spread(self, x: Array) -> Array:
        """A value that broadcasts to the tokens, as a whole (B, T) array."""
        x = self.array(x)
        return x if x.shape == self.shape else self.xp.broadcast_to(x, self.shape)

    def array(self, x: Array) -> Array:
        """A number as an array of the batch's library; arrays as they are."""
        return x if hasattr(x, "shape") else self.xp.asarray(x, dtype=self.wide, device=self._device)

    def _whole_mask(self, mask: Array | None) -> Array:
        xp, layout = self.xp, self.layout
        if mask is None:
            if isinstance(layout, Packed):
                return layout.inside
            return xp.ones(self.shape, dtype=xp.bool, device=self._device)
        mask = self._rows(xp.astype(mask, xp.bool, copy=False))
        return mask & layout.inside if isinstance(layout, Packed) else mask

    def _per_response(self, advantage: Array, rows: Callable[[Array], Array]) -> Array:
        xp = self.xp
        if getattr(advantage, "ndim", 0) == 0:
            return xp.full((1, 1), float(advantage), dtype=self.wide, device=self._device)
        if advantage.ndim == 1 and (isinstance(self.layout, Padded) or advantage.shape[0] == self.shape[0]):
            return advantage[:, None]
        return advantage if advantage.ndim == 2 else rows(advantage)

    @property
    def _device(self) -> Any:
        x = self._data["logp_rollout"]
        return x.device if scans.library(self.xp) == "torch" else None

    # --- data -------------------------------------------------------------------------------------------

    def cleaned(self, x: Array) -> Array:
        """x with 0 wherever there is no valid token, so that no other value can leak."""
        if self._is_clean:
            return x
        mask = self.mask if x.ndim == 2 else self.mask[(..., *(None,) * (x.ndim - 2))]
        return scans.select(self.xp, mask, x) if x.ndim == 2 else self.xp.where(mask, x, 0.0)

    def raw(self, name: str) -> Array:
        """A column as it was given, in the padded form."""
        return self._data[name]

    def _upcast(self, name: str) -> Array:
        x, xp = self._data[name], self.xp
        narrow = x.dtype not in (xp.float32, xp.float64)
        return self.cleaned(xp.astype(x, xp.float32) if narrow else x)

    def widened(self, name: str) -> Array:
        """Log-probabilities of that name in the widest floats there are."""
        return self.xp.astype(getattr(self, name), self.wide, copy=False)

    @derived
    def logp_rollout(self) -> Array:
        """log q, in float32 or wider; 0 where there is no token."""
        return self._upcast("logp_rollout")

    @derived
    def logp_current(self) -> Array:
        """log p."""
        return self._upcast("logp_current")

    @derived
    def logp_anchor(self) -> Array:
        """log o; log q where no anchor was given."""
        return self._upcast("logp_anchor") if self.has_anchor else self.logp_rollout

    @derived
    def advantage(self) -> Array:
        """A_t, broadcast over the response where it is one number."""
        x = self._data["advantage"]
        return (
            self._upcast("advantage") if x.shape == self.shape else self.xp.astype(x, self.wide, copy=False)
        )

    @derived
    def position(self) -> Array:
        """t = 1..T, holes counted; (1, T)."""
        xp = self.xp
        return xp.arange(1, self.shape[1] + 1, dtype=self.wide, device=self._device)[None, :]

    @derived
    def length(self) -> Array:
        """Position of the last valid token, (B, 1); 0 of a response that has none."""
        return self.xp.astype(scans.last_true(self.xp, self.mask), self.wide)

    @derived
    def count(self) -> Array:
        """Number of valid tokens, (B, 1)."""
        return self.xp.astype(self.xp.count_nonzero(self.mask, axis=-1, keepdims=True), self.wide)

    @derived
    def key(self) -> Array:
        """The name of each response, (B, 1); 0 where none was given."""
        xp = self.xp
        if self._key is None:
            return xp.zeros((1, 1), dtype=self.whole, device=self._device)
        return xp.reshape(xp.asarray(self._key, dtype=self.whole, device=self._device), (-1, 1))

    # --- derived ----------------------------------------------------------------------------------------

    def _difference(self, x: Array, y: Array) -> Array:
        gap = x - y
        return gap if self.clamp is None else divergence.clip(self.xp, gap, low=-self.clamp, high=self.clamp)

    @derived
    def log_ratio(self) -> Array:
        """log(p/q)."""
        return self._difference(self.logp_current, self.logp_rollout)

    @derived
    def ratio(self) -> Array:
        """p/q."""
        return self.xp.exp(self.log_ratio)

    @derived
    def anchor_log_ratio(self) -> Array:
        """log(p/o)."""
        return self._difference(self.logp_current, self.logp_anchor) if self.has_anchor else self.log_ratio

    @derived
    def anchor_ratio(self) -> Array:
        """p/o."""
        return self.xp.exp(self.anchor_log_ratio) if self.has_anchor else self.ratio

    @derived
    def log_correction(self) -> Array:
        """log(o/q), 0 where no anchor was given."""
        return self._difference(self.logp_anchor, self.logp_rollout)

    @derived
    def correction(self) -> Array:
        """o/q."""
        return self.xp.exp(self.log_correction)

    @derived
    def prob(self) -> Array:
        """p, in the widest floats."""
        return self.xp.exp(self.widened("logp_current"))

    @derived
    def prob_rollout(self) -> Array:
        """q, in the widest floats."""
        return self.xp.exp(self.widened("logp_rollout"))

    @derived
    def tv(self) -> Array:
        """TV(mu, pi) at s_t as the source measures it, in the widest floats."""
        return self.source.total_variation(self)

    @derived
    def kl(self) -> Array:
        """KL(mu || pi) at s_t as the source measures it, in nats."""
        return self.source.kl_mu_pi(self)

    @derived
    def kl_reverse(self) -> Array:
        """KL(pi || mu) at s_t as the source measures it, in nats."""
        return self.source.kl_pi_mu(self)

    @derived
    def larger_binary_kl(self) -> Array:
        """The larger of KL(Bern q || Bern p) and KL(Bern p || Bern q) of the sampled token."""
        return divergence.larger_binary_kl(self.widened("logp_rollout"), self.widened("logp_current"))

    @derived
    def away(self) -> Array:
        """A (p/q - 1) > 0: the step moves pi away from mu.  Decided on the upcast log-probabilities."""
        return self.moves_away(self.log_ratio)

    @derived
    def toward(self) -> Array:
        """Not `away`: ties and A = 0 count as toward."""
        return ~self.away

    def moves_away(self, log_ratio: Array) -> Array:
        """A (r - 1) > 0 for another log-ratio, for example `anchor_log_ratio`."""
        a = self.advantage  # three cases in one expression, which NumPy broadcasts faster than "and" and "or"
        return ((log_ratio > 0) ^ (a < 0)) & ((log_ratio < 0) ^ (a > 0))

    def within(self, x: Array, low: Any, high: Any) -> Array:
        """PPO's interval by the sign of A: x <= high if A > 0, x >= low if A < 0, always if A = 0."""
        a, xp = self.advantage, self.xp
        if a.shape[-1] == 1:  # bounds per response: one comparison each
            upper, lower = (xp.full_like(a, bound, dtype=x.dtype) for bound in (high, low))
            return (x <= xp.where(a > 0, upper, xp.inf)) & (x >= xp.where(a < 0, lower, -xp.inf))
        return ((a <= 0) | (x <= high)) & ((a >= 0) | (x >= low))
